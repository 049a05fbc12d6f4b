package billing

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// A customer who is moved from one payment provider to another has to buy anew: no
// provider hands a subscription over. Between the end of the old one and the purchase
// of the new one a grant bridges the gap, for a bounded time.

// Moved reports whether a customer for whom a grant bridges a move (see [Grant.From])
// has bought elsewhere since, so that the grant has served its purpose for good: at
// another account they have, or had in the time of the grant, a subscription that is
// more than begun, or made a one-time purchase since, that gives anything of what the
// grant's plan gives. What became of that purchase does not matter: a customer who has
// moved and cancels there does not fall back on the grant. False for other grants.
func (f Facts) Moved(catalog Catalog, grant Grant) bool {
	plan, known := catalog.ByID(grant.Plan)
	if grant.From == "" || !known {
		return false
	}
	for _, held := range f.Subscriptions {
		if held.Account != grant.From && held.Object.tookHold(grant.At) && slices.ContainsFunc(catalog.PlansOf(held.Account, held.Object), plan.overlaps) {
			return true
		}
	}
	buys := func(account string, at time.Time, items []Item) bool {
		return account != grant.From && !at.Before(grant.At) && slices.ContainsFunc(items, func(item Item) bool {
			bought, known := catalog.ByPrice(account, item.Price)
			return known && bought.boughtOnce() && plan.overlaps(bought)
		})
	}
	d := decider{catalog: catalog, facts: f}
	for _, held := range f.Payments {
		p := held.Object
		if p.Status == PaymentSucceeded && buys(held.Account, cmp.Or(p.PaidAt, p.CreatedAt), d.itemsOf(held)) {
			return true
		}
	}
	return slices.ContainsFunc(f.Checkouts, func(held Held[Checkout]) bool {
		return held.Object.free() && buys(held.Account, held.Object.CreatedAt, held.Object.Items)
	})
}

// tookHold reports whether a subscription was more than begun at some time after a
// moment.
func (s Subscription) tookHold(after time.Time) bool {
	if s.Status == SubscriptionPending {
		return false
	}
	over := s.CancelAt
	if s.Status == SubscriptionEnded {
		over = cmp.Or(s.EndedAt, s.CancelAt, s.PeriodEnd, s.StartedAt)
		return over.After(after)
	}
	return over.IsZero() || over.After(after)
}

// overlaps reports whether two plans give anything in common.
func (p Plan) overlaps(other Plan) bool {
	return other.Gives(p.ID) || slices.ContainsFunc(p.Features, other.Gives)
}

// Bridging reports whether a grant bridges a customer's move away from an account at
// a moment: it is neither taken back nor over, and they have not bought elsewhere.
func (f Facts) Bridging(catalog Catalog, grant Grant, from string, now time.Time) bool {
	end := grant.end()
	return grant.From == from && from != "" && (end.IsZero() || end.After(now)) && !f.Moved(catalog, grant)
}

// Migration says how customers are moved away from an account.
type Migration struct {
	// From is the account.
	From string
	// Plan limits the move to the subscriptions of one plan; empty: all.
	Plan string
	// Until is when access ends for those who have not bought elsewhere by then; if it
	// is zero, Grace after the end of what they have paid for at the old account.
	Until time.Time
	Grace time.Duration
}

// Bridge is a subscription of a customer who is to be moved.
type Bridge struct {
	// Subscription is the provider's id of the subscription at the old account;
	// Canceling says that it will end by itself.
	Subscription string
	Canceling    bool
	// Grant is what bridges the gap. It stands already if it has an ID, and is to be
	// given otherwise.
	Grant Grant
}

// Bridges lists what a move calls for of a customer: for each of their subscriptions
// at the old account that gives access now, in the order of their ids, one grant for
// each of its plans. Somebody who owes, is banned, or has bought elsewhere already
// needs none. Given the grants it asked for, it asks for no more.
func Bridges(catalog Catalog, rules Rules, facts Facts, move Migration, now time.Time) (bridges []Bridge) {
	if facts.Ban != nil {
		return nil
	}
	old := slices.Clone(facts.Subscriptions)
	slices.SortFunc(old, func(a, b Held[Subscription]) int { return strings.Compare(a.ID, b.ID) })
	d := decider{catalog: catalog, rules: rules, facts: facts, now: now}
	for _, held := range old {
		s := held.Object
		if held.Account != move.From || s.Status == SubscriptionPastDue || !d.subscription(held).Allowed || d.spoiled(held) != "" {
			continue
		}
		for _, plan := range catalog.PlansOf(held.Account, s) {
			grant := Grant{Plan: plan.ID, From: move.From, Until: move.until(s, now), At: now}
			if move.Plan != "" && move.Plan != plan.ID || !grant.Until.After(now) || facts.Moved(catalog, grant) {
				continue
			}
			for _, standing := range facts.Grants {
				if standing.Plan == plan.ID && facts.Bridging(catalog, standing, move.From, now) && !later(grant.Until, standing.end()) {
					grant = standing
				}
			}
			bridges = append(bridges, Bridge{Subscription: held.ID, Canceling: !s.CancelAt.IsZero(), Grant: grant})
		}
	}
	// One grant serves all subscriptions of a plan: the longest.
	for i := range bridges {
		for _, other := range bridges {
			if bridges[i].Grant.Plan == other.Grant.Plan && later(other.Grant.end(), bridges[i].Grant.end()) {
				bridges[i].Grant = other.Grant
			}
		}
	}
	return bridges
}

// until is when the grant for a subscription lapses.
func (m Migration) until(s Subscription, now time.Time) time.Time {
	if !m.Until.IsZero() {
		return m.Until
	}
	paid := s.PeriodEnd
	if s.Status == SubscriptionTrialing {
		paid = cmp.Or(s.TrialEnd, paid)
	}
	paid = cmp.Or(s.CancelAt, paid)
	if paid.Before(now) { // a renewal that we have not heard of
		paid = now
	}
	return paid.Add(m.Grace)
}
