package policytest

import (
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
)

// reviewed checks a review: that it wants to be asked again later, that nothing
// new is called for before that moment, and that nobody chases who is banned.
func (s *suite) reviewed(c Case) {
	defer func() { _ = recover() }() // told already
	actions, next := s.ask(c)
	if !next.IsZero() && !next.After(c.Now) {
		s.flaw(c.Name, "asked at %s it wants to be asked again at %s, which is not later", c.Now, next)
		return
	}
	known := map[string]bool{}
	for _, a := range actions {
		known[a.Key] = true
	}
	for _, later := range untilThen(c.Now, next) {
		again := c
		again.Now = later
		unheard, _ := s.ask(again)
		for _, a := range unheard {
			if !known[a.Key] {
				s.flaw(c.Name, "at %s it asks for %q, but it did not say that it wants to be asked before %s", later, a.Key, next)
			}
		}
	}
	s.banned(c)
}

// untilThen are moments before a review wants to be asked again; a long time, if
// it never does.
func untilThen(now, next time.Time) []time.Time {
	if next.IsZero() {
		return []time.Time{now.Add(time.Second), now.AddDate(0, 0, 1), now.AddDate(0, 1, 0), now.AddDate(2, 0, 0)}
	}
	wait := next.Sub(now)
	return []time.Time{now.Add(wait / 3), now.Add(wait / 2), next.Add(-time.Nanosecond)}
}

// banned checks that a banned customer is neither written to nor charged.
func (s *suite) banned(c Case) {
	c.Known.Customer.Ban = &billing.Ban{At: c.Now, Reason: "fraud", By: "fraud"}
	c.Known.Facts.Ban = c.Known.Customer.Ban
	actions, _ := s.ask(c)
	for _, a := range actions {
		if a.Kind == policy.Say || a.Kind == policy.Collect {
			s.flaw(c.Name, "does not leave a banned customer alone: %s", a.Key)
		}
	}
}

// still are reviews of nothing, or of objects of which nothing is known: no policy
// may panic at them or ask for anything.
func still() []Case {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	full := policy.Known{Customer: billing.Customer{Ref: "user_1"}, Attempts: []billing.Attempt{{}}}
	for _, object := range []billing.Object{
		billing.Subscription{}, billing.Invoice{}, billing.Payment{}, billing.Dispute{}, billing.Checkout{},
	} {
		full.Facts.Add("stripe", "x", object)
	}
	full.Linked = []billing.Held[billing.ProviderCustomer]{{Account: "stripe", ID: "x"}}
	full.Warnings = []billing.Held[billing.Warning]{{Account: "stripe", ID: "x"}}
	return []Case{{Name: "review of nothing", Now: now}, {Name: "review of empty objects", Now: now, Known: full}}
}
