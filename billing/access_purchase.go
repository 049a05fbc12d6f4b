package billing

import (
	"slices"
	"strings"
	"time"
)

// subscriptions judges every subscription that gives the feature.
func (d decider) subscriptions() []Decision {
	var decisions []Decision
	for _, held := range d.facts.Subscriptions {
		if !d.gives(held.Account, held.Object) {
			continue
		}
		decision := d.subscription(held.Object)
		if decision.Allowed {
			if reason := d.spoiled(held); reason != "" {
				decision = Decision{Reason: reason}
			}
		}
		decision.Source = Source{Account: held.Account, Kind: KindSubscription, ID: held.ID}
		decisions = append(decisions, decision)
	}
	return decisions
}

// gives reports whether any item of a subscription is a price of a plan with
// the feature.
func (d decider) gives(account string, s Subscription) bool {
	return slices.ContainsFunc(s.bought(), func(item Item) bool {
		plan, known := d.catalog.ByPrice(account, item.Price)
		return known && plan.Gives(d.feature)
	})
}

// subscription judges a subscription by its own state alone.
func (d decider) subscription(s Subscription) Decision {
	if s.Status != SubscriptionEnded && !s.CancelAt.IsZero() && !s.CancelAt.After(d.now) {
		return Decision{Reason: ReasonEnded, Until: s.CancelAt}
	}
	switch s.Status {
	case SubscriptionPending:
		return Decision{Reason: ReasonPending}
	case SubscriptionTrialing:
		return Decision{Allowed: true, Reason: ReasonTrialing, Until: s.TrialEnd, Turns: s.CancelAt}
	case SubscriptionActive:
		if !s.CancelAt.IsZero() {
			return Decision{Allowed: true, Reason: ReasonCanceling, Until: s.CancelAt, Turns: s.CancelAt}
		}
		return Decision{Allowed: true, Reason: ReasonActive, Until: s.PeriodEnd}
	case SubscriptionPastDue:
		return d.grace(s)
	case SubscriptionUnpaid:
		return Decision{Reason: ReasonUnpaid}
	case SubscriptionPaused:
		if d.rules.Paused || s.Pause != nil && s.Pause.Mode == PauseFree {
			return Decision{Allowed: true, Reason: ReasonPausedFree, Turns: s.CancelAt}
		}
		return Decision{Reason: ReasonPaused}
	case SubscriptionEnded:
		return Decision{Reason: ReasonEnded, Until: s.EndedAt}
	}
	return Decision{Reason: ReasonNone}
}

// grace judges a past-due subscription.
func (d decider) grace(s Subscription) Decision {
	since := s.PastDueSince
	if since.IsZero() {
		since = s.PeriodStart
	}
	end := since.Add(d.rules.Grace)
	if !end.After(d.now) {
		return Decision{Reason: ReasonPastDue, Until: end}
	}
	return Decision{Allowed: true, Reason: ReasonGrace, Until: end, Turns: earliest(end, s.CancelAt)}
}

// spoiled reports why the money for a subscription's current period does not
// count: it was refunded in full, or lost to or held by a dispute. Empty if it
// counts.
func (d decider) spoiled(held Held[Subscription]) Reason {
	newest, found := d.newestPaid(held)
	if !found {
		return ""
	}
	refunded := 0
	for _, id := range newest.Payments {
		payment, known := d.payment(held.Account, id)
		if !known || payment.Status != PaymentSucceeded {
			continue
		}
		if reason := d.contested(held.Account, id); reason != "" {
			return reason
		}
		if !payment.FullyRefunded() {
			return ""
		}
		refunded++
	}
	if refunded > 0 && !d.rules.Refunded {
		return ReasonRefunded
	}
	return ""
}

// newestPaid finds the newest invoice of a subscription that was really paid.
func (d decider) newestPaid(held Held[Subscription]) (newest Invoice, found bool) {
	for _, i := range d.facts.Invoices {
		ours := i.Account == held.Account && i.Object.Subscription == held.ID
		if ours && i.Object.Status == InvoicePaid && i.Object.Paid > 0 && (!found || i.Object.CreatedAt.After(newest.CreatedAt)) {
			newest, found = i.Object, true
		}
	}
	return newest, found
}

func (d decider) payment(account, id string) (Payment, bool) {
	for _, p := range d.facts.Payments {
		if p.Account == account && p.ID == id {
			return p.Object, true
		}
	}
	return Payment{}, false
}

// contested reports whether a dispute takes a payment out of account.
func (d decider) contested(account, payment string) Reason {
	reason := Reason("")
	for _, held := range d.facts.Disputes {
		if held.Account != account || held.Object.Payment != payment {
			continue
		}
		switch held.Object.Status {
		case DisputeLost:
			return ReasonDisputeLost
		case DisputeOpen:
			if !d.rules.Disputed {
				reason = ReasonDisputed
			}
		case DisputeInquiry, DisputeWon:
		}
	}
	return reason
}

// purchase is one price bought by a one-time payment, ready to be judged.
type purchase struct {
	plan     Plan
	quantity int64
	paidAt   time.Time
	source   Source
	against  Reason
}

// purchases judges passes, purchases for ever and credits.
func (d decider) purchases() []Decision {
	var decisions []Decision
	byPlan := map[string][]purchase{}
	for _, p := range d.bought() {
		if p.against != "" {
			decisions = append(decisions, Decision{Reason: p.against, Source: p.source})
			continue
		}
		byPlan[p.plan.ID] = append(byPlan[p.plan.ID], p)
	}
	for _, bought := range byPlan {
		slices.SortFunc(bought, func(a, b purchase) int {
			if c := a.paidAt.Compare(b.paidAt); c != 0 {
				return c
			}
			return strings.Compare(a.source.ID, b.source.ID)
		})
		decisions = append(decisions, d.judge(bought))
	}
	return decisions
}

// bought lists the one-time purchases that give the feature, paid or pending.
func (d decider) bought() []purchase {
	var all []purchase
	for _, held := range d.facts.Payments {
		p := held.Object
		for _, item := range d.itemsOf(held) {
			plan, known := d.catalog.ByPrice(held.Account, item.Price)
			if !known || !plan.boughtOnce() || !plan.Gives(d.feature) {
				continue
			}
			bought := purchase{plan: plan, quantity: max(1, item.Quantity), paidAt: p.PaidAt,
				source: Source{Account: held.Account, Kind: KindPayment, ID: held.ID}}
			switch contested := d.contested(held.Account, held.ID); {
			case p.Status == PaymentFailed || p.Status == PaymentCanceled:
				continue
			case p.Status != PaymentSucceeded:
				bought.against = ReasonPending
			case contested != "":
				bought.against = contested
			case p.FullyRefunded() && !d.rules.Refunded:
				bought.against = ReasonRefunded
			}
			all = append(all, bought)
		}
	}
	return append(all, d.free()...)
}

// itemsOf tells what a payment bought: by its own account, or by the checkout
// that led to it.
func (d decider) itemsOf(held Held[Payment]) []Item {
	if len(held.Object.Items) > 0 {
		return held.Object.Items
	}
	for _, c := range d.facts.Checkouts {
		if c.Account == held.Account && c.Object.Payment == held.ID {
			return c.Object.Items
		}
	}
	return nil
}

// free lists one-time purchases that needed no payment, such as those with a
// coupon for the whole price: the completed checkout is all the proof there is.
func (d decider) free() []purchase {
	var all []purchase
	for _, held := range d.facts.Checkouts {
		c := held.Object
		if c.Mode != "payment" || c.Status != CheckoutComplete || c.PaymentStatus != CheckoutNoPayment || c.Payment != "" {
			continue
		}
		for _, item := range c.Items {
			if plan, known := d.catalog.ByPrice(held.Account, item.Price); known && plan.boughtOnce() && plan.Gives(d.feature) {
				all = append(all, purchase{plan: plan, quantity: max(1, item.Quantity), paidAt: c.CreatedAt,
					source: Source{Account: held.Account, Kind: KindCheckout, ID: held.ID}})
			}
		}
	}
	return all
}

// judge decides over all good purchases of one plan, oldest first.
func (d decider) judge(bought []purchase) Decision {
	last := bought[len(bought)-1]
	switch last.plan.Kind {
	case GrantForever:
		return Decision{Allowed: true, Reason: ReasonForever, Source: bought[0].source}
	case GrantCredits:
		balance := -d.facts.Consumed[last.plan.ID]
		for _, p := range bought {
			balance += p.quantity * last.plan.Credits
		}
		if balance <= 0 {
			return Decision{Reason: ReasonNoCredits, Source: last.source}
		}
		return Decision{Allowed: true, Reason: ReasonCredits, Source: last.source}
	case GrantPass:
		end := passEnd(bought)
		if !end.After(d.now) {
			return Decision{Reason: ReasonPassOver, Until: end, Source: last.source}
		}
		return Decision{Allowed: true, Reason: ReasonPass, Until: end, Turns: end, Source: last.source}
	case GrantSubscription:
	}
	return Decision{Reason: ReasonNone}
}

// passEnd stacks passes: one bought while another still runs is added to its
// end, so that nobody loses days by paying early. Consecutive passes are counted
// from their common start, so that twelve monthly passes make a year.
func passEnd(bought []purchase) time.Time {
	var start, end time.Time
	var count int
	for _, p := range bought {
		if p.paidAt.After(end) || end.IsZero() {
			start, count = p.paidAt, 0
		}
		count += int(p.quantity)
		end = p.plan.Pass.After(start, count)
	}
	return end
}
