package billing_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
)

func TestRevisit(t *testing.T) {
	never := time.Time{}
	month := period(day(0), day(30))
	tests := map[string]struct {
		object billing.Object
		want   time.Time
	}{
		"a subscription without dates":              {active()(), never},
		"the end of the period":                     {active(month)(), day(30)},
		"a cancellation before it":                  {active(month, cancelAt(day(9)))(), day(9)},
		"a trial's end before it":                   {trialing(month, trialEnd(day(7)))(), day(7)},
		"not the end of a trial long gone":          {active(month, trialEnd(day(-90)))(), day(30)},
		"the date a pause ends":                     {paused(month, until(day(3)))(), day(3)},
		"the date a pause ends, after the period":   {paused(month, until(day(40)))(), day(40)},
		"a cancellation in a pause":                 {paused(month, until(day(40)), cancelAt(day(35)))(), day(35)},
		"a pause to come":                           {active(month, pausedFrom(day(20)))(), day(20)},
		"a pause that began":                        {paused(month, pausedFrom(day(20)))(), day(30)},
		"a pause without an end":                    {paused(month, mode("void"))(), day(30)},
		"nothing comes after the end":               {ended(month, cancelAt(day(9)))(), never},
		"a draft invoice, soon":                     {billing.Invoice{Status: billing.InvoiceDraft, CreatedAt: day(0)}, day(0).Add(2 * time.Hour)},
		"a draft invoice of unknown age":            {billing.Invoice{Status: billing.InvoiceDraft}, never},
		"an open invoice at its next try":           {billing.Invoice{Status: billing.InvoiceOpen, NextAttempt: day(3)}, day(3)},
		"an open invoice nobody tries again":        {billing.Invoice{Status: billing.InvoiceOpen}, never},
		"a paid invoice":                            {billing.Invoice{Status: billing.InvoicePaid, NextAttempt: day(3)}, never},
		"a pending payment a day later":             {billing.Payment{Status: billing.PaymentPending, CreatedAt: day(0)}, day(1)},
		"a payment to confirm a day later":          {billing.Payment{Status: billing.PaymentRequiresAction, CreatedAt: day(0)}, day(1)},
		"a pending payment of unknown age":          {billing.Payment{Status: billing.PaymentPending}, never},
		"a succeeded payment":                       {billing.Payment{Status: billing.PaymentSucceeded, CreatedAt: day(0)}, never},
		"a pending refund a week later":             {billing.Refund{Status: billing.RefundPending, CreatedAt: day(0)}, day(7)},
		"a refund that waits for details":           {billing.Refund{Status: billing.RefundRequiresAction, CreatedAt: day(0)}, day(7)},
		"a refund that is through":                  {billing.Refund{Status: billing.RefundSucceeded, CreatedAt: day(0)}, never},
		"an inquiry when evidence is due":           {billing.Dispute{Status: billing.DisputeInquiry, DueBy: day(5)}, day(5)},
		"a dispute when evidence is due":            {billing.Dispute{Status: billing.DisputeOpen, DueBy: day(5)}, day(5)},
		"a dispute that is decided":                 {billing.Dispute{Status: billing.DisputeLost, DueBy: day(5)}, never},
		"an open checkout when it expires":          {billing.Checkout{Status: billing.CheckoutOpen, ExpiresAt: day(1)}, day(1)},
		"a complete checkout that is paid":          {billing.Checkout{Status: billing.CheckoutComplete, PaymentStatus: billing.CheckoutPaid, CreatedAt: day(0)}, never},
		"a complete checkout whose money is coming": {billing.Checkout{Status: billing.CheckoutComplete, PaymentStatus: billing.CheckoutUnpaid, CreatedAt: day(0)}, day(1)},
		"a checkout that expired":                   {billing.Checkout{Status: billing.CheckoutExpired, ExpiresAt: day(1)}, never},
		"a customer":                                {billing.ProviderCustomer{CreatedAt: day(0)}, never},
		"a warning":                                 {billing.Warning{CreatedAt: day(0)}, never},
	}
	for name, test := range tests {
		if got := test.object.Revisit(); !got.Equal(test.want) {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

func TestLive(t *testing.T) {
	for _, test := range []struct {
		of   subscription
		want bool
	}{
		{pending(), false}, {trialing(), true}, {active(), true}, {pastDue(), true}, {unpaid(), true}, {paused(), true}, {ended(), false},
	} {
		if s := test.of(); s.Live() != test.want {
			t.Errorf("%s: got live %v, want %v", s.Status, s.Live(), test.want)
		}
	}
}

func TestKindsAreWhatObjectsSayTheyAre(t *testing.T) {
	for _, kind := range billing.Kinds() {
		object, err := billing.ParseObject(kind, []byte("{}"))
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if object.Kind() != kind {
			t.Errorf("%s parses as a %s", kind, object.Kind())
		}
		_, found := billing.MachineOf(kind)
		if stateless := kind == billing.KindCustomer || kind == billing.KindWarning; found == stateless {
			t.Errorf("%s: a machine is found: %v", kind, found)
		}
	}
}

func TestParseObjectRefuses(t *testing.T) {
	tests := map[string]struct {
		kind billing.Kind
		doc  string
		want string
	}{
		"a kind nobody knows": {"invoise", `{}`, `unknown kind of object "invoise"`},
		"no document":         {billing.KindPayment, ``, "parse payment: unexpected end of JSON input"},
		"half a document":     {billing.KindPayment, `{"status":`, "parse payment: unexpected end of JSON input"},
		"a list":              {billing.KindRefund, `[]`, "parse refund: json: cannot unmarshal array"},
		"a float for an amount": {
			billing.KindPayment, `{"amount":{"amount":19.99,"currency":"EUR"}}`,
			"parse payment: json: cannot unmarshal number 19.99",
		},
	}
	for name, test := range tests {
		object, err := billing.ParseObject(test.kind, []byte(test.doc))
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: got %v and error %v, want error %q", name, object, err, test.want)
		}
	}
}

func TestFactsHoldTheKindsThatAccessDependsOn(t *testing.T) {
	for _, kind := range billing.Kinds() {
		object, err := billing.ParseObject(kind, []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		var facts billing.Facts
		facts.Add("stripe", "id", object)
		held := len(facts.Subscriptions) + len(facts.Invoices) + len(facts.Payments) + len(facts.Disputes) + len(facts.Checkouts)
		want := 0
		if slices.Contains(billing.AccessKinds(), kind) {
			want = 1
		}
		if held != want {
			t.Errorf("%s: %d facts held, want %d", kind, held, want)
		}
	}
}
