package billing_test

import (
	"time"

	"github.com/trivetdev/trivet/billing"
)

// The words below let a test say what a customer has bought: active(price("p"),
// cancelAt(day(9))). Day 0 is when the story begins.

func day(n int) time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).AddDate(0, 0, n) }

func date(text string) time.Time {
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return at
}

// subscription makes a subscription when called; nil stands for none.
type subscription func() billing.Subscription

// detail is one fact about a subscription.
type detail func(*billing.Subscription)

func subscribed(status billing.SubscriptionStatus, details []detail) subscription {
	return func() billing.Subscription {
		s := billing.Subscription{Status: status, Price: "price_pro", Quantity: 1}
		for _, tell := range details {
			tell(&s)
		}
		return s
	}
}

func pending(d ...detail) subscription  { return subscribed(billing.SubscriptionPending, d) }
func trialing(d ...detail) subscription { return subscribed(billing.SubscriptionTrialing, d) }
func active(d ...detail) subscription   { return subscribed(billing.SubscriptionActive, d) }
func pastDue(d ...detail) subscription  { return subscribed(billing.SubscriptionPastDue, d) }
func unpaid(d ...detail) subscription   { return subscribed(billing.SubscriptionUnpaid, d) }
func paused(d ...detail) subscription   { return subscribed(billing.SubscriptionPaused, d) }
func ended(d ...detail) subscription    { return subscribed(billing.SubscriptionEnded, d) }

func price(id string) detail  { return func(s *billing.Subscription) { s.Price = id } }
func seats(n int64) detail    { return func(s *billing.Subscription) { s.Quantity = n } }
func word(word string) detail { return func(s *billing.Subscription) { s.ProviderStatus = word } }
func items(ids ...string) detail {
	return func(s *billing.Subscription) {
		for _, id := range ids {
			s.Items = append(s.Items, billing.Item{Price: id, Quantity: 1})
		}
	}
}
func period(start, end time.Time) detail {
	return func(s *billing.Subscription) { s.PeriodStart, s.PeriodEnd = start, end }
}
func trialEnd(at time.Time) detail { return func(s *billing.Subscription) { s.TrialEnd = at } }
func cancelAt(at time.Time) detail { return func(s *billing.Subscription) { s.CancelAt = at } }
func since(at time.Time) detail    { return func(s *billing.Subscription) { s.PastDueSince = at } }
func until(at time.Time) detail {
	return func(s *billing.Subscription) { s.Pause = &billing.Pause{Until: at, Mode: "void"} }
}
func pausedFrom(at time.Time) detail {
	return func(s *billing.Subscription) { s.Pause = &billing.Pause{From: at} }
}
func mode(mode string) detail {
	return func(s *billing.Subscription) { s.Pause = &billing.Pause{Mode: mode} }
}

// fact is one thing that the ledger holds about a customer.
type fact func(*billing.Facts)

func told(facts ...fact) billing.Facts {
	var all billing.Facts
	for _, tell := range facts {
		tell(&all)
	}
	return all
}

// in files an object under its id in the account "stripe".
func in(id string, object billing.Object) fact { return from("stripe", id, object) }

func from(account, id string, object billing.Object) fact {
	return func(f *billing.Facts) { f.Add(account, id, object) }
}

func sub(of subscription) fact { return in("sub_1", of()) }

// invoiced says that an invoice of sub_1 was paid on a day, by payments.
func invoiced(id string, at time.Time, payments ...string) fact {
	return in(id, billing.Invoice{
		Status: billing.InvoicePaid, Subscription: "sub_1", Payments: payments, Paid: 1000, CreatedAt: at,
	})
}

// owed says that an invoice of sub_1 was made on a day, and tried to collect some
// times in vain.
func owed(id string, at time.Time, attempts int64) fact {
	return in(id, billing.Invoice{Status: billing.InvoiceOpen, Subscription: "sub_1", Attempts: attempts, CreatedAt: at})
}

// paid says that 10.00 EUR came in for a price on a day; an empty price stands
// for a payment that does not say what it bought.
func paid(id, price string, at time.Time, changes ...func(*billing.Payment)) fact {
	p := billing.Payment{Status: billing.PaymentSucceeded, Amount: billing.Money{Amount: 1000, Currency: "EUR"}, PaidAt: at}
	if price != "" {
		p.Items = []billing.Item{{Price: price, Quantity: 1}}
	}
	for _, change := range changes {
		change(&p)
	}
	return in(id, p)
}

func refunded(cents int64) func(*billing.Payment) {
	return func(p *billing.Payment) { p.Refunded = cents }
}

func times(n int64) func(*billing.Payment) {
	return func(p *billing.Payment) { p.Items[0].Quantity = n }
}

func inStatus(status billing.PaymentStatus) func(*billing.Payment) {
	return func(p *billing.Payment) { p.Status, p.PaidAt = status, time.Time{} }
}

func disputed(payment string, status billing.DisputeStatus) fact {
	return in("dp_"+payment+"_"+string(status), billing.Dispute{Status: status, Payment: payment})
}

func granted(grant billing.Grant) fact {
	return func(f *billing.Facts) { f.Grants = append(f.Grants, grant) }
}

func banned(f *billing.Facts) { f.Ban = &billing.Ban{At: day(0), Reason: "fraud", By: "fraud"} }

func consumed(plan string, credits int64) fact {
	return func(f *billing.Facts) { f.Consumed = map[string]int64{plan: credits} }
}

// catalog has a plan of each kind. All but credits give the feature "api".
func catalog() billing.Catalog {
	stripe := func(price string) map[string][]string { return map[string][]string{"stripe": {price}} }
	c, err := billing.NewCatalog([]billing.Plan{
		{ID: "pro", Features: []string{"api", "export"}, Kind: billing.GrantSubscription,
			Prices: map[string][]string{"stripe": {"price_pro", "price_pro_old"}, "stripe_eu": {"price_pro_eu"}}},
		{ID: "team", Features: []string{"api", "seats"}, Prices: stripe("price_team")},
		{ID: "month", Features: []string{"api"}, Kind: billing.GrantPass, Pass: billing.CalendarPeriod{Months: 1}, Prices: stripe("price_month")},
		{ID: "year", Features: []string{"api"}, Kind: billing.GrantPass, Pass: billing.CalendarPeriod{Years: 1}, Prices: stripe("price_year")},
		{ID: "life", Features: []string{"api"}, Kind: billing.GrantForever, Prices: stripe("price_life")},
		{ID: "pack", Features: []string{"render"}, Kind: billing.GrantCredits, Credits: 100, Prices: stripe("price_pack")},
	})
	if err != nil {
		panic(err)
	}
	return c
}
