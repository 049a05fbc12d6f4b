package billing

import (
	"cmp"
	"slices"
	"time"
)

// subscriptions judges every subscription that gives the feature.
func (d decider) subscriptions() []Decision {
	var decisions []Decision
	for _, held := range d.facts.Subscriptions {
		if !d.gives(held.Account, held.Object) {
			continue
		}
		decision := d.subscription(held)
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

// subscription judges a subscription by its own state.
func (d decider) subscription(held Held[Subscription]) Decision {
	s := held.Object
	if s.Status != SubscriptionEnded && !s.CancelAt.IsZero() && !s.CancelAt.After(d.now) {
		return Decision{Reason: ReasonEnded, Until: s.CancelAt}
	}
	switch s.Status {
	case SubscriptionPending:
		return Decision{Reason: ReasonPending}
	case SubscriptionTrialing:
		return Decision{Allowed: true, Reason: ReasonTrialing, Until: earliest(s.TrialEnd, s.CancelAt), Turns: s.CancelAt}
	case SubscriptionActive:
		if !s.CancelAt.IsZero() {
			return Decision{Allowed: true, Reason: ReasonCanceling, Until: s.CancelAt, Turns: s.CancelAt}
		}
		return Decision{Allowed: true, Reason: ReasonActive, Until: s.PeriodEnd}
	case SubscriptionPastDue:
		return d.grace(held)
	case SubscriptionUnpaid:
		return Decision{Reason: ReasonUnpaid}
	case SubscriptionPaused:
		if d.rules.Paused || s.Pause != nil && s.Pause.Mode == PauseFree {
			return Decision{Allowed: true, Reason: ReasonPausedFree, Until: s.CancelAt, Turns: s.CancelAt}
		}
		return Decision{Reason: ReasonPaused}
	case SubscriptionEnded:
		return Decision{Reason: ReasonEnded, Until: s.EndedAt}
	}
	return Decision{Reason: ReasonNone}
}

// grace judges a past-due subscription. Rules without days of grace give none,
// even while our clock is behind the one that dated the charge.
func (d decider) grace(held Held[Subscription]) Decision {
	end := OwedSince(d.facts, held).Add(d.rules.Grace)
	if d.rules.Grace <= 0 || !end.After(d.now) {
		return Decision{Reason: ReasonPastDue, Until: end}
	}
	end = earliest(end, held.Object.CancelAt)
	return Decision{Allowed: true, Reason: ReasonGrace, Until: end, Turns: end}
}

// OwedSince is when the charge was due from which the days of grace of a past-due
// subscription count: grace ends [Rules.Grace] later. It is the oldest that failed
// and is still owed. The subscription itself may speak of the newest: a provider
// that goes on billing while a charge is owed (Stripe does) would begin the days
// of grace anew with every period. A charge from before the newest that was paid
// does not count: since then the subscription was good.
func OwedSince(facts Facts, s Held[Subscription]) time.Time {
	since := s.Object.PastDueSince
	if since.IsZero() {
		since = s.Object.PeriodStart
	}
	good, _ := decider{facts: facts}.newestPaid(s)
	for _, i := range facts.Invoices {
		if i.Object.Owed() && billed(i, s) && i.Object.CreatedAt.After(good.Object.CreatedAt) {
			since = earliest(since, i.Object.CreatedAt)
		}
	}
	return since
}

// spoiled reports why the money for a subscription's current period does not
// count: all of it was refunded, or some of it is lost to or held by a dispute.
// Empty if it counts.
func (d decider) spoiled(held Held[Subscription]) Reason {
	var against Reason
	var kept, refunded int
	for _, invoice := range d.current(held) {
		for _, id := range invoice.Object.Payments {
			if reason := d.contested(held.Account, id); against != ReasonDisputeLost {
				against = cmp.Or(reason, against)
			}
			switch payment, known := Find(d.facts.Payments, held.Account, id); {
			case known && payment.Status != PaymentSucceeded: // a try, no money
			case known && payment.FullyRefunded():
				refunded++
			default: // one we have not seen yet may be good
				kept++
			}
		}
	}
	if against == "" && refunded > 0 && kept == 0 && !d.rules.Refunded {
		return ReasonRefunded
	}
	return against
}

// current lists the invoices that paid for a subscription's current period: the
// newest and, because a change in the middle of the period is billed apart, all
// others of the period.
func (d decider) current(held Held[Subscription]) []Held[Invoice] {
	newest, found := d.newestPaid(held)
	if !found {
		return nil
	}
	invoices := []Held[Invoice]{newest}
	// The invoice that opens a period may be a moment older than the period.
	const moment = time.Hour
	start := held.Object.PeriodStart.Add(-moment)
	for _, i := range d.facts.Invoices {
		if paidFor(i, held) && i.ID != newest.ID && !held.Object.PeriodStart.IsZero() && i.Object.CreatedAt.After(start) {
			invoices = append(invoices, i)
		}
	}
	return invoices
}

// newestPaid finds the newest invoice of a subscription that was really paid; of
// two made in one second, the one with the greater id.
func (d decider) newestPaid(held Held[Subscription]) (newest Held[Invoice], found bool) {
	for _, i := range d.facts.Invoices {
		if !paidFor(i, held) {
			continue
		}
		if age := i.Object.CreatedAt.Compare(newest.Object.CreatedAt); !found || age > 0 || age == 0 && i.ID > newest.ID {
			newest, found = i, true
		}
	}
	return newest, found
}

// billed reports whether an invoice is of a subscription.
func billed(i Held[Invoice], s Held[Subscription]) bool {
	return i.Account == s.Account && i.Object.Subscription == s.ID
}

// paidFor reports whether an invoice is of a subscription and was really paid.
func paidFor(i Held[Invoice], s Held[Subscription]) bool {
	return billed(i, s) && i.Object.Status == InvoicePaid && i.Object.Paid > 0
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
	for _, p := range d.bought(d.included) {
		if p.against != "" {
			decisions = append(decisions, Decision{Reason: p.against, Source: p.source})
			continue
		}
		byPlan[p.plan.ID] = append(byPlan[p.plan.ID], p)
	}
	for _, bought := range byPlan {
		slices.SortFunc(bought, func(a, b purchase) int {
			return cmp.Or(a.paidAt.Compare(b.paidAt), a.source.compare(b.source))
		})
		decisions = append(decisions, d.judge(bought))
	}
	for _, plan := range d.catalog.Plans() {
		if plan.Kind == GrantCredits && d.included(plan) && len(byPlan[plan.ID]) == 0 && d.facts.Consumed[plan.ID] < 0 { // all of them were given by hand
			decisions = append(decisions, Decision{Allowed: true, Reason: ReasonCredits, Source: Source{Kind: "credits", ID: plan.ID}})
		}
	}
	return decisions
}

// included reports whether a plan gives the feature.
func (d decider) included(plan Plan) bool { return plan.Gives(d.feature) }

// bought lists the one-time purchases of some plans, paid or pending.
func (d decider) bought(of func(Plan) bool) []purchase {
	var all []purchase
	for _, held := range d.facts.Payments {
		p := held.Object
		for _, item := range d.itemsOf(held) {
			plan, known := d.catalog.ByPrice(held.Account, item.Price)
			if !known || !plan.boughtOnce() || !of(plan) {
				continue
			}
			bought := purchase{plan: plan, quantity: max(1, item.Quantity), paidAt: cmp.Or(p.PaidAt, p.CreatedAt),
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
	return append(all, d.free(of)...)
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
func (d decider) free(of func(Plan) bool) []purchase {
	var all []purchase
	for _, held := range d.facts.Checkouts {
		c := held.Object
		if !c.free() {
			continue
		}
		for _, item := range c.Items {
			if plan, known := d.catalog.ByPrice(held.Account, item.Price); known && plan.boughtOnce() && of(plan) {
				all = append(all, purchase{plan: plan, quantity: max(1, item.Quantity), paidAt: c.CreatedAt,
					source: Source{Account: held.Account, Kind: KindCheckout, ID: held.ID}})
			}
		}
	}
	return all
}

// free reports whether a checkout completed a one-time purchase that needed no
// payment.
func (c Checkout) free() bool {
	return c.Mode == "payment" && c.Status == CheckoutComplete && c.PaymentStatus == CheckoutNoPayment && c.Payment == ""
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
// end, so that nobody loses days by paying early. Passes are counted from the
// start of the first, so that twelve monthly ones make a year. Counting all that
// were bought later from the start of each pass in turn, the latest end is the
// true one, gaps or not.
func passEnd(bought []purchase) time.Time {
	var end time.Time
	var count int
	for _, p := range slices.Backward(bought) {
		count = min(count+int(min(p.quantity, mostPeriods)), mostPeriods)
		if after := p.plan.Pass.After(p.paidAt, count); after.After(end) {
			end = after
		}
	}
	return end
}
