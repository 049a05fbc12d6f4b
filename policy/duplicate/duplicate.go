// Package duplicate finds customers who pay twice for the same thing, at one provider
// or at two: the newest subscription is kept, the older one canceled, and what was
// paid for it while both ran goes back.
//
// # What counts
//
// Two subscriptions are duplicates if their plans have a feature in common. Only what
// is charged for counts: one that is free, waits for its first payment, is paused, was
// set to end, has ended or expired is no subscription to pay for twice. Plans that are meant
// to be had together are named in the settings. A few minutes of both are no
// duplicate either: an application that changes a plan may make the new subscription
// before it ends the old.
//
// The newest is kept, but never one that is behind with its payments instead of one
// that is good.
//
// # What goes back
//
// Of each payment for the current period of the older subscription, the share of the
// time from when both ran until the period's end: amount × rest ÷ time paid for, counted
// in seconds, rounded up to the next minor unit in the customer's favor, and never
// more than is left of the payment. The payment that opened the period paid for all of
// it; a change in its middle, such as a seat more, is billed apart, and paid for what
// was left of it. It does not depend on when it is worked out, so a proposal that waits
// for a person stays right. Periods before that were paid twice as well are listed for a
// person to decide.
//
// A provider that cannot end a subscription at once lets it run until the end of the
// period; nothing goes back then by itself, and the alert says what would be due.
//
// # The message
//
// What ends without having been found so was no duplicate: whoever buys the yearly plan
// lets the monthly one run out.
//
// The customer is told when all is done: the subscription has ended, and the money has
// gone back if any was due. Both are facts that arrive in any order, by separate
// changes, so the message is called for by how things stand, not by either change;
// it is said once, and checked once more right before it is sent.
package duplicate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/policy"
)

const (
	day = 24 * time.Hour
	// settled is how long after its end a duplicate is still of interest: for a refund
	// that a person has to accept, and for the message.
	settled = 30 * day
)

// Settings are the keys of [policy.duplicate]. Begin with [Defaults].
type Settings struct {
	// Together lists the plans, by id, that are meant to be had at once, each list by
	// itself; one plan twice in a list: that it may be had twice.
	Together [][]string `setting:"together"`
	// Wait is how long both must have run.
	Wait time.Duration `setting:"wait"`
	// Across finds duplicates at two accounts, too.
	Across bool `setting:"across"`
	// Refund gives back what was paid for the time of both.
	Refund bool `setting:"refund"`
	// Tell writes to the customer when it is done.
	Tell bool `setting:"tell"`
}

// Defaults are the settings of a section that says nothing.
func Defaults() Settings { return Settings{Wait: time.Hour, Across: true, Refund: true, Tell: true} }

// Decode reads the section [policy.duplicate].
func Decode(section map[string]any) (Settings, error) {
	s := Defaults()
	err := policy.Decode(section, &s)
	return s, err
}

// Policy finds duplicates.
type Policy struct{ settings Settings }

// New checks the settings.
func New(s Settings) (*Policy, error) {
	if s.Wait < 0 || s.Wait > 7*day {
		return nil, fmt.Errorf("wait: %s is out of range: choose something up to 7d", s.Wait)
	}
	for _, plans := range s.Together {
		if len(plans) < 2 {
			return nil, fmt.Errorf("together: %q names one plan: name all that may be had at once, as in [[\"pro\", \"extra_seats\"]]", plans)
		}
	}
	return &Policy{s}, nil
}

// Name implements [policy.Policy].
func (*Policy) Name() string { return "duplicate" }

// React implements [policy.Policy]. Nothing happens at once: see Review.
func (*Policy) React(policy.Change, policy.Known) []policy.Action { return nil }

// Review implements [policy.Reviewer].
func (p *Policy) Review(known policy.Known, now time.Time) (actions []policy.Action, next time.Time) {
	if known.Customer.Ref == "" || known.Customer.Ban != nil || known.Facts.Ban != nil {
		return nil, time.Time{} // whoever is banned loses all of them
	}
	for _, d := range p.find(known, now) {
		switch due := d.since.Add(p.settings.Wait); {
		case d.over:
			actions = append(actions, p.finish(known, d)...)
		case now.Before(due):
			if next.IsZero() || due.Before(next) {
				next = due
			}
		default:
			actions = append(actions, p.end(known, d)...)
		}
	}
	return actions, next
}

// double is a subscription that is paid for beside a newer one.
type double struct {
	old, kept subscription
	// since is when both began to run, over says that the older one has ended.
	since time.Time
	over  bool
}

// subscription is one with what it gives.
type subscription struct {
	billing.Held[billing.Subscription]
	plans    []billing.Plan
	features []string
}

func (s subscription) name() string { return s.Account + "/" + s.ID }

// find pairs each duplicate with the subscription that is kept.
func (p *Policy) find(known policy.Known, now time.Time) (doubles []double) {
	var live, ended []subscription
	for _, held := range known.Facts.Subscriptions {
		s := given(known.Catalog, held)
		switch o := held.Object; {
		case len(s.features) == 0 || o.StartedAt.IsZero():
		case charged(o):
			live = append(live, s)
		case o.Status == billing.SubscriptionEnded && !o.EndedAt.IsZero() && now.Sub(o.EndedAt) <= settled && !o.EndedAt.Before(known.Accounts[held.Account].Since):
			ended = append(ended, s)
		}
	}
	slices.SortFunc(live, func(a, b subscription) int {
		switch x, y := good(a.Object), good(b.Object); {
		case x && !y:
			return -1
		case y && !x:
			return 1
		}
		if c := b.Object.StartedAt.Compare(a.Object.StartedAt); c != 0 {
			return c
		}
		return strings.Compare(a.name(), b.name())
	})
	var kept []subscription
	for _, s := range live {
		if over := p.overlap(kept, s); over != nil {
			doubles = append(doubles, double{old: s, kept: *over, since: latest(s.Object.StartedAt, over.Object.StartedAt)})
			continue
		}
		kept = append(kept, s)
	}
	for _, s := range ended {
		over := p.overlap(kept, s)
		if over == nil {
			continue
		}
		d := double{old: s, kept: *over, since: latest(s.Object.StartedAt, over.Object.StartedAt), over: true}
		if !s.Object.EndedAt.Before(d.since.Add(p.settings.Wait)) { // otherwise it was a change of plans
			doubles = append(doubles, d)
		}
	}
	return doubles
}

// charged reports whether the provider goes on charging for a subscription.
func charged(s billing.Subscription) bool {
	free := s.Amount.Currency != "" && s.Amount.Amount <= 0 && s.Ahead == nil
	if !s.CancelAt.IsZero() || s.Pause != nil || free {
		return false
	}
	return good(s) || s.Status == billing.SubscriptionPastDue || s.Status == billing.SubscriptionUnpaid
}

func good(s billing.Subscription) bool {
	return s.Status == billing.SubscriptionActive || s.Status == billing.SubscriptionTrialing
}

// given finds what a subscription gives. A price that means no plan gives nothing
// that we know, and so nothing twice.
func given(catalog billing.Catalog, held billing.Held[billing.Subscription]) subscription {
	s := subscription{Held: held}
	items := held.Object.Items
	if len(items) == 0 {
		items = []billing.Item{{Price: held.Object.Price}}
	}
	for _, item := range items {
		if plan, found := catalog.ByPrice(held.Account, item.Price); found {
			s.plans = append(s.plans, plan)
			s.features = append(append(s.features, plan.ID), plan.Features...)
		}
	}
	return s
}

// overlap finds the kept subscription that gives some of the same; nil: none does.
func (p *Policy) overlap(kept []subscription, s subscription) *subscription {
	for i, k := range kept {
		if k.Account != s.Account && !p.settings.Across || p.together(k, s) {
			continue
		}
		if slices.ContainsFunc(s.features, func(f string) bool { return slices.Contains(k.features, f) }) {
			return &kept[i]
		}
	}
	return nil
}

// together reports whether two subscriptions are meant to be had at once.
func (p *Policy) together(a, b subscription) bool {
	for _, x := range a.plans {
		for _, y := range b.plans {
			if !slices.ContainsFunc(p.settings.Together, func(plans []string) bool {
				first := slices.Index(plans, x.ID)
				return first >= 0 && slices.Contains(slices.Delete(slices.Clone(plans), first, first+1), y.ID)
			}) {
				return false
			}
		}
	}
	return true
}

// end cancels a duplicate and gives back what was paid for the time of both.
func (p *Policy) end(known policy.Known, d double) (actions []policy.Action) {
	account := known.Accounts[d.old.Account]
	can := func(kind string) bool { return account.Can == nil || account.Can[kind] }
	cost := costOf(known, d)
	w := warningOf(known, d)
	w.Details = cost.words(d)
	switch {
	case can(policy.CancelNow):
		actions = append(actions, policy.On(d.old.Account, billing.KindSubscription, d.old.ID, policy.CancelNow, "duplicate", nil))
		if p.settings.Refund && can(policy.Refund) {
			actions = append(actions, cost.refund()...)
		}
	case can(policy.CancelAtPeriodEnd):
		actions = append(actions, policy.On(d.old.Account, billing.KindSubscription, d.old.ID, policy.CancelAtPeriodEnd, "duplicate", nil))
		w.Details += "\nThe provider cannot end it at once: it runs until the end of its period, and nothing is refunded by itself."
	default:
		w.Details += "\nThe provider cannot be asked to end it: cancel it by hand."
	}
	return append(actions, policy.On(d.old.Account, billing.KindSubscription, d.old.ID, policy.Alert, "duplicate", w))
}

// finish follows the end of a duplicate that was found while it ran: the money, if it
// has not gone back yet, the end of the alert, and a word to the customer. One that
// nobody had found was none: the customer let it run out, or never paid for it.
func (p *Policy) finish(known policy.Known, d double) (actions []policy.Action) {
	account := known.Accounts[d.old.Account]
	can := func(kind string) bool { return account.Can == nil || account.Can[kind] }
	found, ours := p.demanded(known, d)
	if !found {
		return nil
	}
	cost := costOf(known, d)
	byHand := !can(policy.CancelNow) && !can(policy.CancelAtPeriodEnd)
	outstanding := p.settings.Refund && can(policy.Refund) && (ours && can(policy.CancelNow) || byHand)
	if outstanding {
		actions = append(actions, cost.refund()...)
		outstanding = len(actions) > 0
	}
	w := warningOf(known, d)
	w.Over = true
	actions = append(actions, policy.On(d.old.Account, billing.KindSubscription, d.old.ID, policy.Alert, "duplicate.over", w))
	if !p.settings.Tell || outstanding || !ours && !byHand || account.MerchantOfRecord && known.Accounts[d.kept.Account].MerchantOfRecord {
		return actions
	}
	n := notify.Notice{Template: "duplicate_found", Channel: notify.Email, Date: d.old.Object.EndedAt, Plan: d.old.plans[0].ID, Reference: d.old.ID, Amount: cost.back()}
	return append(actions, policy.On(d.old.Account, billing.KindSubscription, d.old.ID, policy.Say, "duplicate_found", n))
}

// demanded reports whether a subscription was found to be a duplicate while it ran, and
// whether its end was asked for, which a person may have rejected.
func (p *Policy) demanded(known policy.Known, d double) (found, end bool) {
	for _, demand := range known.Demands {
		if demand.Policy != p.Name() || demand.Object != d.old.Account+"/subscription/"+d.old.ID {
			continue
		}
		found = true
		end = end || demand.Kind == policy.CancelNow || demand.Kind == policy.CancelAtPeriodEnd
	}
	return found, end
}

func warningOf(known policy.Known, d double) policy.Warning {
	return policy.Warning{
		Cause: "duplicate:" + d.old.name(), Kind: "duplicate",
		Title: fmt.Sprintf("%s pays twice for %s: %s of %s and %s of %s", known.Customer.Ref, d.old.plans[0].ID, d.old.ID, d.old.Account, d.kept.ID, d.kept.Account),
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
