package duplicate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/policytest"
)

func date(month time.Month, day int) time.Time {
	return time.Date(2026, month, day, 0, 0, 0, 0, time.UTC)
}

// yearly is a subscription of which a year was paid on the first of January, with a
// second one since the first of March.
func yearly(change ...func(*billing.Subscription)) policy.Known {
	old := billing.Subscription{
		Status: billing.SubscriptionActive, Price: "pro", StartedAt: date(1, 1), PeriodStart: date(1, 1), PeriodEnd: date(1, 1).AddDate(1, 0, 0),
	}
	for _, c := range change {
		c(&old)
	}
	kept := billing.Subscription{Status: billing.SubscriptionActive, Price: "team", StartedAt: date(3, 1), PeriodStart: date(3, 1), PeriodEnd: date(4, 1)}
	k := knows(
		billing.Held[billing.Subscription]{Account: "stripe", ID: "old", Object: old},
		billing.Held[billing.Subscription]{Account: "stripe", ID: "kept", Object: kept},
	)
	return charged(k, "main", 29000, date(1, 1), date(1, 1))
}

// charged adds an invoice for the old subscription, when it was made and paid.
func charged(k policy.Known, id string, amount int64, made, paid time.Time, change ...func(*billing.Invoice)) policy.Known {
	k.Facts.Payments = append(k.Facts.Payments, billing.Held[billing.Payment]{Account: "stripe", ID: id, Object: billing.Payment{
		Status: billing.PaymentSucceeded, Amount: billing.Money{Amount: amount, Currency: "EUR"}, PaidAt: paid,
	}})
	i := billing.Invoice{Status: billing.InvoicePaid, Subscription: "old", Payments: []string{id}, CreatedAt: made, Paid: amount}
	for _, c := range change {
		c(&i)
	}
	k.Facts.Invoices = append(k.Facts.Invoices, billing.Held[billing.Invoice]{Account: "stripe", ID: "in_" + id, Object: i})
	return k
}

func period(from, to time.Time) func(*billing.Invoice) {
	return func(i *billing.Invoice) { i.PeriodStart, i.PeriodEnd = from, to }
}

// refunds are what goes back, by payment.
func refunds(t *testing.T, k policy.Known) map[string]int64 {
	t.Helper()
	actions, _ := build(t, nil).Review(k, noon)
	back := map[string]int64{}
	for _, a := range actions {
		if payment, is := strings.CutPrefix(a.Object, "stripe/payment/"); is && a.Kind == policy.Refund {
			if a.Key != "refund:stripe/payment/"+payment+":duplicate" {
				t.Errorf("the key of the refund of %s is %s", payment, a.Key)
			}
			back[payment] = policytest.Details[policy.Details](t, a).Amount
		}
	}
	return back
}

// A seat that was bought in February hid the year that was paid in January: 8.39 EUR of
// it went back instead of some 250. Each payment for the period counts, for the time
// that it paid for.
func TestAChangeInThePeriodIsBilledApart(t *testing.T) {
	end := date(1, 1).AddDate(1, 0, 0)
	seat := func(k policy.Known, change ...func(*billing.Invoice)) policy.Known {
		return charged(k, "seat", 1000, date(2, 1), date(2, 1), change...)
	}
	forgotten := func(s *billing.Subscription) { s.PeriodStart, s.PeriodEnd = time.Time{}, time.Time{} }
	// From March on: 306 of 365 days of the year, 306 of the 334 days since February.
	const ofMain, ofSeat = 24313, 917
	opening := yearly(forgotten)
	period(date(1, 1), end)(&opening.Facts.Invoices[0].Object)
	back := seat(yearly())
	back.Facts.Payments[0].Object.Refunded = 20000
	contested := seat(yearly())
	contested.Facts.Disputes = []billing.Held[billing.Dispute]{{Account: "stripe", ID: "dp", Object: billing.Dispute{Status: billing.DisputeOpen, Payment: "main"}}}
	late := seat(yearly())
	late.Facts.Payments[0].Object.PaidAt = date(2, 20)
	for name, test := range map[string]struct {
		known policy.Known
		want  map[string]int64
	}{
		"no change":                   {yearly(), map[string]int64{"main": ofMain}},
		"a seat":                      {seat(yearly()), map[string]int64{"main": ofMain, "seat": ofSeat}},
		"a seat, by the invoice":      {seat(yearly(), period(date(2, 11), end)), map[string]int64{"main": ofMain, "seat": 945}}, // 306 of 324 days
		"a seat, invoiced for before": {seat(yearly(), period(date(1, 1), date(2, 1))), map[string]int64{"main": ofMain, "seat": ofSeat}},
		"a seat since both ran":       {charged(yearly(), "seat", 1000, date(3, 11), date(3, 11)), map[string]int64{"main": ofMain, "seat": 1000}},
		"the period was forgotten":    {seat(opening, period(date(2, 1), end)), map[string]int64{"main": ofMain, "seat": ofSeat}},
		"the year was paid late":      {late, map[string]int64{"main": ofMain, "seat": ofSeat}},
		"some went back before":       {back, map[string]int64{"main": ofMain - 20000, "seat": ofSeat}},
		"a bank has the year":         {contested, map[string]int64{"seat": ofSeat}},
		// What was charged right before the period began was for the one before, and so
		// was a debt from then, paid by now.
		"a seat of the period before": {charged(yearly(), "seat", 1000, date(1, 1).AddDate(0, 0, -2), date(1, 1).AddDate(0, 0, -2)), map[string]int64{"main": ofMain}},
		"a debt of the period before": {charged(yearly(), "debt", 29000, date(1, 1).AddDate(-1, 0, 0), date(2, 1)), map[string]int64{"main": ofMain}},
	} {
		if diff := cmp.Diff(test.want, refunds(t, test.known)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// A person who decides sees every payment; the customer is told once all has gone back,
// and how much that was.
func TestEveryPaymentOfThePeriodIsTold(t *testing.T) {
	known := charged(yearly(), "seat", 1000, date(2, 1), date(2, 1))
	actions, _ := build(t, nil).Review(known, noon)
	w := policytest.Details[policy.Warning](t, actions[len(actions)-1])
	for _, line := range []string{
		"To go back: 243.13 EUR of 290.00 EUR (payment main), for 2026-03-01 to 2027-01-01 of the period from 2026-01-01.",
		"To go back: 9.17 EUR of 10.00 EUR (payment seat), for 2026-03-01 to 2027-01-01 of the period from 2026-02-01.",
	} {
		if !strings.Contains(w.Details, line) {
			t.Errorf("the alert lacks %q:\n%s", line, w.Details)
		}
	}
	old := &known.Facts.Subscriptions[0].Object
	old.Status, old.EndedAt = billing.SubscriptionEnded, date(3, 20)
	known.Demands = []policy.Demand{{Policy: "duplicate", Kind: policy.CancelNow, Object: "stripe/subscription/old", Tried: true}}
	known.Facts.Payments[0].Object.Refunded = 24313
	if got := review(build(t, nil), known); !cmp.Equal(got, []string{"refund:stripe/payment/seat:duplicate", "alert:stripe/subscription/old:duplicate.over"}) {
		t.Errorf("with one refund to come: %q", got)
	}
	known.Facts.Payments[1].Object.Refunded = 917
	actions, _ = build(t, nil).Review(known, noon)
	said := policytest.Details[struct{ Amount billing.Money }](t, actions[len(actions)-1])
	if said.Amount != (billing.Money{Amount: 25230, Currency: "EUR"}) {
		t.Errorf("the customer is told of %s in %s", said.Amount, policytest.Keys(actions))
	}
}
