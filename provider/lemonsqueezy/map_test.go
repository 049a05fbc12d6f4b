package lemonsqueezy

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

func TestSubscriptionStatuses(t *testing.T) {
	future, past := noon.Add(time.Hour).Format(time.RFC3339), noon.Add(-time.Hour).Format(time.RFC3339)
	for name, tt := range map[string]struct {
		attributes string
		want       billing.SubscriptionStatus
		cancelAt   bool
		pause      *billing.Pause
	}{
		"on_trial":                {`"status":"on_trial","trial_ends_at":"` + future + `"`, billing.SubscriptionTrialing, false, nil},
		"active":                  {`"status":"active"`, billing.SubscriptionActive, false, nil},
		"past_due":                {`"status":"past_due"`, billing.SubscriptionPastDue, false, nil},
		"unpaid":                  {`"status":"unpaid"`, billing.SubscriptionUnpaid, false, nil},
		"cancelled":               {`"status":"cancelled","ends_at":"` + future + `"`, billing.SubscriptionActive, true, nil},
		"cancelled and over":      {`"status":"cancelled","ends_at":"` + past + `"`, billing.SubscriptionEnded, true, nil},
		"cancelled without end":   {`"status":"cancelled","ends_at":null,"renews_at":"` + future + `"`, billing.SubscriptionActive, true, nil},
		"cancelled without dates": {`"status":"cancelled"`, billing.SubscriptionEnded, false, nil},
		"expired":                 {`"status":"expired","ends_at":"` + past + `"`, billing.SubscriptionEnded, false, nil},
		"paused":                  {`"status":"paused","pause":{"mode":"void","resumes_at":"` + future + `"}`, billing.SubscriptionPaused, false, &billing.Pause{Mode: "void", Until: noon.Add(time.Hour)}},
		"paused and free":         {`"status":"paused","pause":{"mode":"free","resumes_at":null}`, billing.SubscriptionPaused, false, &billing.Pause{Mode: billing.PauseFree}},
		"paused, no more":         {`"status":"paused","pause":null`, billing.SubscriptionPaused, false, &billing.Pause{}},
		"hibernating":             {`"status":"hibernating"`, billing.SubscriptionPending, false, nil},
		"nothing":                 {`"status":null`, billing.SubscriptionPending, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := fetched(t, refTo(billing.KindSubscription, "1"), terms(map[string]string{
				"GET subscriptions/1":       one("subscriptions", "1", `"customer_id":3,"order_id":7,"variant_id":44,"first_subscription_item":{"price_id":9,"quantity":2},`+tt.attributes, ""),
				"GET subscription-invoices": list(1, 1),
			}))
			got := s.Object.(billing.Subscription)
			if got.Status != tt.want || got.CancelAt.IsZero() == tt.cancelAt {
				t.Errorf("%s, cancel at %v", got.Status, got.CancelAt)
			}
			if diff := cmp.Diff(tt.pause, got.Pause); diff != "" {
				t.Errorf("pause (-want +got):\n%s", diff)
			}
			if got.Price != "44" || got.Quantity != 2 || got.Amount != (billing.Money{Amount: 5800, Currency: "USD"}) || s.Owner != "3" || s.Parent != refTo(billing.KindCheckout, "order-7") {
				t.Errorf("%+v of %q, parent %v", got, s.Owner, s.Parent)
			}
		})
	}
}

// What costs what is worth a call; not knowing it must not lose the subscription.
func TestSubscriptionWithoutPrice(t *testing.T) {
	s, _ := fetched(t, refTo(billing.KindSubscription, "1"), map[string]string{
		"GET subscriptions/1": one("subscriptions", "1", `"variant_id":44,"status":"active","first_subscription_item":{"price_id":9,"quantity":1}`, ""),
	})
	if got := s.Object.(billing.Subscription); got.Status != billing.SubscriptionActive || got.Price != "44" || got.Amount.Amount != 0 {
		t.Errorf("%+v", got)
	}
}

// While a renewal is owed, it is owed since its invoice was made, and the next date
// is that of the next attempt.
func TestPastDueSince(t *testing.T) {
	s, f := fetched(t, refTo(billing.KindSubscription, "1"), terms(map[string]string{
		"GET subscriptions/1": one("subscriptions", "1", `"variant_id":44,"status":"past_due","renews_at":"2026-04-03T00:00:00Z","first_subscription_item":{"price_id":9,"quantity":1}`, ""),
		"GET subscription-invoices": list(1, 1, row("subscription-invoices", "8", `"status":"pending","created_at":"2026-03-30T00:00:00Z"`),
			row("subscription-invoices", "5", `"status":"pending","created_at":"2026-03-23T00:00:00Z"`)),
	}))
	got := s.Object.(billing.Subscription)
	if want := time.Date(2026, 3, 23, 0, 0, 0, 0, time.UTC); !got.PastDueSince.Equal(want) || !got.PeriodStart.Equal(want) || got.PeriodEnd.Day() != 3 {
		t.Errorf("%+v", got)
	}
	if want := `GET subscription-invoices?filter%5Bstatus%5D=pending&filter%5Bsubscription_id%5D=1&page%5Bnumber%5D=1&page%5Bsize%5D=100`; f.last() != want {
		t.Errorf("asked %s", f.last())
	}
}

// A list asks once for what all its subscriptions owe. One invoice that cannot be read,
// or more than fit into an answer: each is asked for by itself.
func TestPastDueSinceInLists(t *testing.T) {
	pending := func(id, subscription, day string) string {
		return row("subscription-invoices", id, `"subscription_id":`+subscription+`,"status":"pending","created_at":"2026-03-`+day+`T00:00:00Z"`)
	}
	owing := func(id, status string) string {
		return row("subscriptions", id, `"variant_id":44,"status":"`+status+`","renews_at":"2026-04-03T00:00:00Z"`)
	}
	for name, tt := range map[string]struct {
		subscriptions, invoices string
		calls, unread           int
	}{
		"nobody owes":        {list(1, 1, owing("1", "active"), owing("2", "active")), list(1, 1), 1, 0},
		"one owes":           {list(1, 1, owing("1", "past_due"), owing("2", "active")), list(1, 1, pending("8", "1", "23")), 2, 0},
		"two owe":            {list(1, 1, owing("1", "past_due"), owing("2", "past_due")), list(1, 1, pending("9", "2", "30"), pending("8", "1", "24"), pending("7", "1", "23"), pending("6", "3", "02")), 2, 0},
		"one cannot be read": {list(1, 1, owing("1", "past_due"), owing("2", "past_due")), list(1, 1, row("subscription-invoices", "9", `"created_at":7`)), 4, 2},
		"too many":           {list(1, 1, owing("1", "past_due"), owing("2", "past_due")), list(1, 2, pending("8", "1", "23")), 6, 2}, // of which the fake never gives the second page
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{answers: map[string]string{"GET subscriptions": tt.subscriptions, "GET subscription-invoices": tt.invoices}}
			page, err := f.driver(t).List(t.Context(), provider.Query{Kind: billing.KindSubscription})
			if err != nil || len(f.calls) != tt.calls || len(page.Unread) != tt.unread {
				t.Fatalf("%v, unread %v, %v", f.calls, page.Unread, err)
			}
			for _, s := range page.Snapshots {
				o := s.Object.(billing.Subscription)
				if want := map[string]int{"1": 23, "2": 30}[s.Ref.ID]; o.Status == billing.SubscriptionPastDue && o.PastDueSince.Day() != want {
					t.Errorf("%s is owed for since %v", s.Ref.ID, o.PastDueSince)
				}
			}
		})
	}
}

func TestPeriods(t *testing.T) {
	date := func(text string) time.Time {
		at, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, tt := range []struct {
		end    string
		unit   string
		count  int64
		anchor int
		want   string
	}{
		{"2026-02-28", "month", 1, 31, "2026-01-31"},
		{"2026-03-31", "month", 1, 31, "2026-02-28"},
		{"2026-03-15", "month", 3, 15, "2025-12-15"},
		{"2025-02-28", "year", 1, 29, "2024-02-29"},
		{"2026-03-15", "month", 1, 0, "2026-02-15"},
		{"2026-03-15", "week", 2, 1, "2026-03-01"},
		{"2026-03-15", "day", 10, 1, "2026-03-05"},
		{"2026-03-15", "fortnight", 1, 1, "0001-01-01"},
		{"2020-02-15", "month", 1, 15, "2020-02-01"}, // not before it was made
	} {
		got := startOf(date(tt.end), billing.Interval{Unit: tt.unit, Count: tt.count}, tt.anchor, date("2020-02-01"))
		if got.Format(time.DateOnly) != tt.want {
			t.Errorf("%+v: %s", tt, got.Format(time.DateOnly))
		}
	}
}

func TestOrderStatuses(t *testing.T) {
	for status, want := range map[string]struct {
		payment  billing.PaymentStatus
		checkout string
		refunded int64
	}{
		"pending":        {billing.PaymentPending, billing.CheckoutUnpaid, 0},
		"failed":         {billing.PaymentFailed, billing.CheckoutUnpaid, 0},
		"paid":           {billing.PaymentSucceeded, billing.CheckoutPaid, 0},
		"refunded":       {billing.PaymentSucceeded, billing.CheckoutPaid, 999},
		"partial_refund": {billing.PaymentSucceeded, billing.CheckoutPaid, 0},
		"fraudulent":     {billing.PaymentSucceeded, billing.CheckoutPaid, 0},
		"levitating":     {billing.PaymentPending, billing.CheckoutUnpaid, 0},
	} {
		t.Run(status, func(t *testing.T) {
			s, _ := fetched(t, refTo(billing.KindCheckout, "order-7"), map[string]string{
				"GET orders/7": one("orders", "7", `"customer_id":3,"currency":"usd","total":999,"refunded_amount":0,"status":"`+status+`","first_order_item":{"order_id":7,"variant_id":44,"quantity":1}`, `,"included":[]`),
			})
			payment, found := as(s, billing.KindPayment)
			p := payment.Object.(billing.Payment)
			if !found || p.Status != want.payment || p.Refunded != want.refunded || p.ProviderStatus != status || payment.Ref.ID != "order-7" {
				t.Errorf("%+v", payment)
			}
			if c := s.Object.(billing.Checkout); c.PaymentStatus != want.checkout || c.Payment != "order-7" || len(p.Items) != 1 || p.Items[0] != (billing.Item{Price: "44", Quantity: 1}) {
				t.Errorf("%+v", c)
			}
			if dispute, fraud := as(s, billing.KindDispute); fraud != (status == "fraudulent") {
				t.Errorf("dispute: %+v", dispute)
			} else if fraud && (dispute.Object.State() != "lost" || dispute.Object.(billing.Dispute).Payment != "order-7") {
				t.Errorf("dispute: %+v", dispute)
			}
		})
	}
}

func TestInvoiceStatuses(t *testing.T) {
	for name, tt := range map[string]struct {
		status, created string
		refunded        int64
		invoice         billing.InvoiceStatus
		attempts, paid  int64
		payment         billing.PaymentStatus
	}{
		"paid":                      {"paid", "2026-03-01", 0, billing.InvoicePaid, 0, 700, billing.PaymentSucceeded},
		"refunded":                  {"refunded", "2026-03-01", 700, billing.InvoicePaid, 0, 700, billing.PaymentSucceeded},
		"in part":                   {"partial_refund", "2026-03-01", 300, billing.InvoicePaid, 0, 700, billing.PaymentSucceeded},
		"in part, in another word":  {"partial_refunded", "2026-03-01", 300, billing.InvoicePaid, 0, 700, billing.PaymentSucceeded},
		"void":                      {"void", "2026-03-01", 0, billing.InvoiceVoid, 0, 0, billing.PaymentCanceled},
		"declined":                  {"pending", "2026-03-01", 0, billing.InvoiceOpen, 1, 0, billing.PaymentPending},
		"made just now":             {"pending", "2026-04-01", 0, billing.InvoiceOpen, 0, 0, billing.PaymentPending},
		"in a word from the future": {"shredded", "2026-03-01", 0, billing.InvoiceDraft, 0, 0, billing.PaymentPending},
	} {
		t.Run(name, func(t *testing.T) {
			created := tt.created + "T11:30:00.000000Z"
			s, _ := fetched(t, refTo(billing.KindInvoice, "9"), map[string]string{
				"GET subscription-invoices/9": one("subscription-invoices", "9", fmt.Sprintf(
					`"subscription_id":12,"customer_id":3,"currency":"EUR","total":700,"refunded_amount":%d,"status":%q,"card_brand":"Visa","card_last_four":"4242","created_at":%q`,
					tt.refunded, tt.status, created), ""),
			})
			i := s.Object.(billing.Invoice)
			if i.Status != tt.invoice || i.Attempts != tt.attempts || i.Paid != tt.paid || i.Subscription != "12" || i.Due != (billing.Money{Amount: 700, Currency: "EUR"}) {
				t.Errorf("%+v", i)
			}
			payment, _ := as(s, billing.KindPayment)
			p := payment.Object.(billing.Payment)
			if p.Status != tt.payment || p.Refunded != tt.refunded || p.Card.Last4 != "4242" || payment.Parent != s.Ref || i.Payments[0] != payment.Ref.ID {
				t.Errorf("%+v", payment)
			}
		})
	}
}

// A yen has no hundredths, and amounts are in the currency's own minor units.
func TestZeroDecimalCurrency(t *testing.T) {
	s, _ := fetched(t, refTo(billing.KindPayment, "order-7"), map[string]string{
		"GET orders/7": one("orders", "7", `"currency":"JPY","total":1500,"status":"paid","total_formatted":"¥1,500"`, `,"included":[]`),
	})
	if got := s.Object.(billing.Payment).Amount.String(); got != "1500 JPY" {
		t.Error(got)
	}
}

func TestCheckoutPages(t *testing.T) {
	const id = "104e18a2-d755-4d4b-80c4-a6c1dcbe1c10"
	page := func(expires, custom string) string {
		return one("checkouts", id, `"variant_id":44,"expires_at":`+expires+`,"checkout_data":{"custom":`+custom+`,"variant_quantities":[{"variant_id":44,"quantity":3}]}`, "")
	}
	for expires, want := range map[string]string{`null`: "open", `"2026-04-01T12:00:01Z"`: "open", `"2026-04-01T12:00:00Z"`: "expired"} {
		s, _ := fetched(t, refTo(billing.KindCheckout, id), map[string]string{"GET checkouts/" + id: page(expires, `{"trivet_token":"tok","trivet_mode":"payment"}`)})
		c := s.Object.(billing.Checkout)
		if c.State() != want || c.Mode != "payment" || c.Items[0] != (billing.Item{Price: "44", Quantity: 3}) || s.Claims[provider.ClaimToken] != "tok" {
			t.Errorf("%s: %+v", expires, s)
		}
	}
	if s, _ := fetched(t, refTo(billing.KindCheckout, id), map[string]string{"GET checkouts/" + id: page("null", `[]`)}); len(s.Claims) > 0 {
		t.Errorf("%+v", s)
	}
}

// Another store's objects are not there; another mode's must not be believed.
func TestWhereObjectsBelong(t *testing.T) {
	answers := map[string]string{"GET customers/3": one("customers", "3", `"email":"a@b.test"`, "")}
	f := &fake{answers: answers}
	d := newDriver(t, func(c *Config) { c.Transport, c.BaseURL, c.Store = f, "https://ls.test/prefix", "2" })
	if _, err := d.Fetch(t.Context(), refTo(billing.KindCustomer, "3")); provider.KindOf(err) != provider.NotFound {
		t.Errorf("another store's: %v", err)
	}
	answers["GET customers"] = list(1, 1, row("customers", "3", `"email":"a@b.test"`))
	if page, err := d.List(t.Context(), provider.Query{Kind: billing.KindCustomer}); err != nil || len(page.Snapshots)+len(page.Unread) > 0 {
		t.Errorf("another store's: %+v, %v", page, err)
	}
	d = f.driver(t)
	answers["GET users/me"] = `{"meta":{"test_mode":true},"data":{"type":"users","id":"1","attributes":{}}}`
	if _, err := d.CheckKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Fetch(t.Context(), refTo(billing.KindCustomer, "3")); provider.KindOf(err) != provider.Refused {
		t.Errorf("another mode's: %v", err)
	}
}
