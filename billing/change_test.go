package billing_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
)

func TestObserveComparesWhatIsStored(t *testing.T) {
	tests := map[string]struct{ held, seen billing.Object }{
		"an empty list and none": {
			active()(), active(func(s *billing.Subscription) { s.Items = []billing.Item{} })(),
		},
		"an invoice with an empty list of payments": {
			billing.Invoice{Status: billing.InvoiceOpen}, billing.Invoice{Status: billing.InvoiceOpen, Payments: []string{}},
		},
		"equal pauses at different addresses": {paused(mode("void"))(), paused(mode("void"))()},
		"one instant, told with and without a zone of no offset": {
			active(cancelAt(day(1)))(), active(cancelAt(day(1).In(time.FixedZone("", 0))))(),
		},
	}
	for name, test := range tests {
		if got := billing.Observe(test.held, test.seen); len(got) > 0 {
			t.Errorf("%s: named %q, want nothing", name, got)
		}
	}
}

func TestDiff(t *testing.T) {
	type field = billing.FieldDiff
	raw := func(text string) json.RawMessage { return json.RawMessage(text) }
	money := func(amount int64, code string) billing.Money { return billing.Money{Amount: amount, Currency: code} }
	tests := map[string]struct {
		before, after any
		want          []field
	}{
		"nothing and nothing":          {nil, nil, nil},
		"equal values":                 {active()(), active()(), nil},
		"a value that changed":         {money(1, "EUR"), money(2, "EUR"), []field{{"amount", raw("1"), raw("2")}}},
		"several, by name":             {money(1, "EUR"), money(2, "USD"), []field{{"amount", raw("1"), raw("2")}, {"currency", raw(`"EUR"`), raw(`"USD"`)}}},
		"a value that came":            {active()(), active(cancelAt(day(0)))(), []field{{"cancel_at", nil, raw(`"2026-03-01T12:00:00Z"`)}}},
		"a value that went":            {active(cancelAt(day(0)))(), active()(), []field{{"cancel_at", raw(`"2026-03-01T12:00:00Z"`), nil}}},
		"a field of a field":           {paused(mode("void"))(), paused(mode("free"))(), []field{{"pause.mode", raw(`"void"`), raw(`"free"`)}}},
		"a part that came":             {active()(), active(mode("void"))(), []field{{"pause.mode", nil, raw(`"void"`)}}},
		"a part that came, yet empty":  {active()(), active(mode(""))(), []field{{"pause", nil, raw("{}")}}},
		"a list counts as one":         {active(items("a"))(), active(items("b"))(), []field{{"items", raw(`[{"price":"a","quantity":1}]`), raw(`[{"price":"b","quantity":1}]`)}}},
		"an empty list is none":        {billing.Invoice{}, billing.Invoice{Payments: []string{}}, nil},
		"a whole object that came":     {nil, money(1, "EUR"), []field{{"amount", nil, raw("1")}, {"currency", nil, raw(`"EUR"`)}}},
		"a whole object that went":     {money(1, "EUR"), nil, []field{{"amount", raw("1"), nil}, {"currency", raw(`"EUR"`), nil}}},
		"null is absent":               {map[string]any{"a": nil}, map[string]any{}, nil},
		"zero is not absent":           {map[string]any{"a": 0}, map[string]any{}, []field{{"a", raw("0"), nil}}},
		"plain values have no name":    {1, 2, []field{{"", raw("1"), raw("2")}}},
		"text with quotes and unicode": {map[string]any{"a": `"`}, map[string]any{"a": "ü"}, []field{{"a", raw(`"\""`), raw(`"ü"`)}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := billing.Diff(test.before, test.after)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDiffRefusesWhatJSONCannotSay(t *testing.T) {
	sayable, unsayable := map[string]any{}, map[string]any{"a": make(chan int)}
	if got, err := billing.Diff(unsayable, sayable); err == nil {
		t.Errorf("before: got %v, want an error", got)
	}
	if got, err := billing.Diff(sayable, unsayable); err == nil {
		t.Errorf("after: got %v, want an error", got)
	}
}

func TestObservePaymentDetails(t *testing.T) {
	type payment = billing.Payment
	const failed, succeeded = billing.PaymentFailed, billing.PaymentSucceeded
	tests := map[string]struct {
		held, seen billing.Object
		want       string
	}{
		"declined once more":               {payment{Status: failed, Charge: "ch_1"}, payment{Status: failed, Charge: "ch_2"}, "payment_declined"},
		"the same decline, better told":    {payment{Status: failed, Charge: "ch_1"}, payment{Status: failed, Charge: "ch_1", Decline: &billing.Decline{Advice: "try_again_later"}}, "updated"},
		"refunded in part":                 {payment{Status: succeeded}, payment{Status: succeeded, Refunded: 100}, "refunded"},
		"refunded further":                 {payment{Status: succeeded, Refunded: 100}, payment{Status: succeeded, Refunded: 300}, "refunded"},
		"a refund that came back":          {payment{Status: succeeded, Refunded: 300}, payment{Status: succeeded, Refunded: 100}, "refund_reversed"},
		"first seen paid and refunded":     {nil, payment{Status: succeeded, Refunded: 100}, "paid refunded"},
		"paid and refunded since the look": {payment{Status: billing.PaymentPending}, payment{Status: succeeded, Refunded: 100}, "paid refunded"},
		"paid with another charge":         {payment{Status: succeeded, Charge: "ch_1"}, payment{Status: succeeded, Charge: "ch_2"}, "updated"},
	}
	for name, test := range tests {
		if got := words(billing.Observe(test.held, test.seen)); got != test.want {
			t.Errorf("%s: named %q, want %q", name, got, test.want)
		}
	}
}

func TestObserveInvoiceDetails(t *testing.T) {
	open := func(attempts int64) billing.Invoice {
		return billing.Invoice{Status: billing.InvoiceOpen, Attempts: attempts}
	}
	tests := map[string]struct {
		held, seen billing.Object
		want       string
	}{
		"first seen untried":           {nil, open(0), "recorded"},
		"first seen after a try":       {nil, open(1), "collection_failed"},
		"a try that failed":            {open(1), open(2), "collection_failed"},
		"three tries since the look":   {open(1), open(4), "collection_failed"},
		"tries counted anew":           {open(4), open(0), "updated"},
		"a try that succeeded":         {open(1), billing.Invoice{Status: billing.InvoicePaid, Attempts: 2}, "invoice_settled"},
		"another date for the next":    {open(1), billing.Invoice{Status: billing.InvoiceOpen, Attempts: 1, NextAttempt: day(3)}, "updated"},
		"written off after a last try": {open(3), billing.Invoice{Status: billing.InvoiceUncollectible, Attempts: 4}, "invoice_written_off"},
	}
	for name, test := range tests {
		if got := words(billing.Observe(test.held, test.seen)); got != test.want {
			t.Errorf("%s: named %q, want %q", name, got, test.want)
		}
	}
}
