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
func mode(mode string) detail {
	return func(s *billing.Subscription) { s.Pause = &billing.Pause{Mode: mode} }
}
