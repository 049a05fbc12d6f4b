package paddle

import (
	"slices"
	"time"
)

// subscription is an agreement to pay again.
type subscription struct {
	head
	custom   map[string]any
	currency string
	items    []*item
	discount *discount
	// cheapTo is when the discount ends; zero: never.
	cheapTo  time.Time
	card     Card
	started  time.Time
	first    time.Time // first billed
	next     time.Time // next billed; zero while nothing is
	from, to time.Time // the current period
	// What it is besides in use.
	trialing, late, paused, ended bool
	pausedAt, endedAt             time.Time
	// rest is what was left of the period when it was paused.
	restFrom, restTo time.Time
	planned          *change
	onResume         string
}

// item is a price of a subscription.
type item struct {
	price    *price
	quantity int64
	added    time.Time
	// trialFrom and trialTo stay when the trial is over.
	trialFrom, trialTo time.Time
}

// change is a scheduled change: cancel, pause or resume.
type change struct {
	action string
	at     time.Time
	resume time.Time
}

// word is Paddle's status.
func (sub *subscription) word() string {
	switch {
	case sub.ended:
		return "canceled"
	case sub.paused:
		return "paused"
	case sub.late:
		return "past_due"
	case sub.trialing:
		return "trialing"
	}
	return "active"
}

func (sub *subscription) amount() (sum int64) {
	for _, it := range sub.items {
		sum += it.price.amount * it.quantity
	}
	return sum
}

func (sub *subscription) render(s *Server) doc {
	var period, planned any
	if !sub.from.IsZero() {
		period = doc{{"starts_at", stamp(sub.from)}, {"ends_at", stamp(sub.to)}}
	}
	if p := sub.planned; p != nil {
		planned = doc{{"action", p.action}, {"effective_at", stamp(p.at)}, {"resume_at", stamp(p.resume)}}
	}
	address := ""
	if c, ok := s.all[sub.customer].(*customer); ok {
		address = c.address
	}
	return doc{
		{"id", sub.id}, {"status", sub.word()}, {"customer_id", sub.customer}, {"address_id", address}, {"business_id", nil},
		{"currency_code", sub.currency}, {"created_at", stamp(sub.created)}, {"updated_at", stamp(sub.updated)},
		{"started_at", stamp(sub.started)}, {"first_billed_at", stamp(sub.first)}, {"next_billed_at", stamp(sub.next)},
		{"paused_at", stamp(sub.pausedAt)}, {"canceled_at", stamp(sub.endedAt)}, {"discount", sub.discounted()},
		{"collection_mode", "automatic"}, {"billing_details", nil}, {"current_billing_period", period},
		{"billing_cycle", sub.items[0].price.cycle()}, {"scheduled_change", planned}, {"items", sub.itemDocs(s)},
		{"custom_data", customDoc(sub.custom)}, {"import_meta", nil},
	}
}

func (sub *subscription) discounted() any {
	if sub.discount == nil {
		return nil
	}
	return doc{{"id", sub.discount.id}, {"starts_at", stamp(sub.started)}, {"ends_at", stamp(sub.cheapTo)}}
}

func (sub *subscription) itemDocs(s *Server) []any {
	out := []any{}
	for _, it := range sub.items {
		var trial any
		if !it.trialTo.IsZero() {
			trial = doc{{"starts_at", stamp(it.trialFrom)}, {"ends_at", stamp(it.trialTo)}}
		}
		status := "active"
		if sub.trialing {
			status = "trialing"
		}
		out = append(out, doc{
			{"status", status}, {"quantity", it.quantity}, {"recurring", true}, {"created_at", stamp(it.added)}, {"updated_at", stamp(sub.updated)},
			{"previously_billed_at", stamp(sub.from)}, {"next_billed_at", stamp(sub.next)}, {"trial_dates", trial},
			{"price", it.price.render(s)}, {"product", it.price.product.render(s)},
		})
	}
	return out
}

// subscribe makes the subscription that a first payment bought.
func (s *Server) subscribe(t *transaction, card Card) {
	sub := &subscription{
		head: s.newHead("subscription", "sub", t.customer), custom: t.custom, currency: t.currency, card: card, started: s.now,
	}
	if t.discount != nil && t.discount.recurs {
		sub.discount = t.discount
	}
	for _, l := range t.lines {
		if !l.price.recurring() {
			continue
		}
		it := &item{price: l.price, quantity: l.quantity, added: s.now}
		if l.trial {
			it.trialFrom, it.trialTo, sub.trialing = s.now, s.now.AddDate(0, 0, l.price.trialDays), true
		}
		sub.items = append(sub.items, it)
	}
	sub.from, sub.to = s.now, sub.items[0].price.after(s.now)
	if sub.trialing {
		sub.to = sub.items[0].trialTo
	} else {
		sub.first = s.now
	}
	sub.next = sub.to
	if sub.discount != nil && sub.discount.most > 0 {
		sub.cheapTo = sub.from
		for n := range sub.discount.most {
			if n == 0 && sub.trialing {
				sub.cheapTo = sub.to // which is free
			}
			sub.cheapTo = sub.items[0].price.after(sub.cheapTo)
		}
	}
	s.add(sub, "subscription.created")
	if sub.trialing {
		s.emit("subscription.trialing", sub)
	} else {
		s.emit("subscription.activated", sub)
	}
	s.edit(t, func() { t.sub, t.from, t.to = sub, sub.from, sub.to }, "transaction.updated")
	s.index(t, "subscription_id", sub.id)
	s.plan(sub)
}

// plan waits for the end of the period.
func (s *Server) plan(sub *subscription) {
	at := sub.next
	if at.IsZero() {
		return
	}
	s.at(at, func() {
		if !sub.ended && !sub.paused && sub.next.Equal(at) {
			s.periodEnd(sub)
		}
	})
}

const updated = "subscription.updated"

// periodEnd carries out what is due at the end of the current period. While a
// charge is owed no new one is made.
func (s *Server) periodEnd(sub *subscription) {
	if p := sub.planned; p != nil && !p.at.After(s.now) {
		s.carryOut(sub, p)
		return
	}
	if !sub.late {
		s.renew(sub, sub.next)
	}
}

// renew starts the period at from and charges it. The news of a renewal that
// fails begin with "active", which is the renewal and not its payment.
func (s *Server) renew(sub *subscription, from time.Time) {
	s.edit(sub, func() {
		sub.from, sub.to = from, sub.items[0].price.after(from)
		sub.next = sub.to
		if sub.first.IsZero() {
			sub.first = s.now
		}
		sub.trialing = false
		if sub.discountAt(from) == nil {
			sub.discount = nil
		}
	}, updated)
	s.plan(sub)
	t := s.newTransaction(order{
		customer: sub.customer, origin: "subscription_recurring", sub: sub, lines: s.linesOf(sub), discount: sub.discount, custom: sub.custom,
		from: sub.from, to: sub.to,
	})
	s.edit(t, func() { t.stage, t.billedAt = billed, s.now }, "transaction.billed")
	if t.total() == 0 {
		s.settle(t, sub.card)
		return
	}
	if !s.collect(t, sub.card, true) && !sub.card.slow() {
		s.behind(t)
	}
}

// discountAt is the discount of a period that begins at a time.
func (sub *subscription) discountAt(from time.Time) *discount {
	if !sub.cheapTo.IsZero() && !from.Before(sub.cheapTo) {
		return nil
	}
	return sub.discount
}

// upcoming is a preview of what the next period will cost; nil if none comes.
func (s *Server) upcoming(sub *subscription) any {
	if sub.ended || sub.paused || sub.planned != nil && sub.planned.action != "resume" || sub.next.IsZero() {
		return nil
	}
	t := &transaction{currency: sub.currency, lines: s.linesOf(sub), discount: sub.discountAt(sub.next)}
	details := slices.DeleteFunc(t.details(s), func(f field) bool {
		return f.Key == "adjusted_totals" || f.Key == "payout_totals" || f.Key == "adjusted_payout_totals"
	})
	for _, f := range details {
		lines, _ := f.Val.([]any)
		for i, line := range lines { // nothing has been billed that had an id
			lines[i] = slices.DeleteFunc(line.(doc), func(of field) bool { return of.Key == "id" })
		}
	}
	return doc{
		{"billing_period", doc{{"starts_at", stamp(sub.next)}, {"ends_at", stamp(sub.items[0].price.after(sub.next))}}},
		{"details", details}, {"adjustments", []any{}},
	}
}

// ahead is the end of the discount as the truth has it: the first period that lacks it,
// and what that costs. Empty: there is none, or the subscription stands still before.
func (sub *subscription) ahead() string {
	if sub.discount == nil || sub.cheapTo.IsZero() || sub.ended || sub.to.IsZero() || !sub.cheapTo.After(sub.from) {
		return ""
	}
	at := sub.to
	for at.Before(sub.cheapTo) {
		at = sub.items[0].price.after(at)
	}
	if p := sub.planned; p != nil && p.action != "resume" && !p.at.After(at) {
		return ""
	}
	return "promotion_end " + instant(at) + " " + digits(sub.amount())
}

func (s *Server) linesOf(sub *subscription) []*line {
	var lines []*line
	for _, it := range sub.items {
		lines = append(lines, s.newLine(it.price, it.quantity, false))
	}
	return lines
}

// dunningDays are when Paddle tries again, in days after the first failure.
var dunningDays = [...]int{1, 3, 5, 8, 12, 18, 25}

// dunningEnds is when it gives up.
const dunningEnds = 30 * 24 * time.Hour

// behind begins the dunning of a charge that failed.
func (s *Server) behind(t *transaction) {
	sub := t.sub
	if sub.ended || sub.paused || t.over() {
		return
	}
	if t.stage != owed {
		s.edit(t, func() { t.stage = owed }, "transaction.past_due")
	}
	if !sub.late {
		s.edit(sub, func() { sub.late, sub.trialing = true, false }, updated, "subscription.past_due")
	}
	t.giveUp++
	round := t.giveUp
	for _, day := range dunningDays {
		s.in(time.Duration(day)*24*time.Hour, func() {
			last := t.attempts[len(t.attempts)-1]
			if t.giveUp == round && !t.over() && last.outcome == failed && !hopeless(last.code) {
				s.collect(t, sub.card, true)
			}
		})
	}
	s.in(dunningEnds, func() {
		if t.giveUp == round && !t.over() && sub.late {
			s.exhausted(sub)
		}
	})
}

// exhausted ends the dunning as the account's setting says.
func (s *Server) exhausted(sub *subscription) {
	if s.cfg.AfterRetries == "pause" {
		s.pause(sub, time.Time{}, "")
		return
	}
	s.end(sub)
}

// recover follows the payment of a transaction of a subscription.
func (s *Server) recover(t *transaction, card Card) {
	sub := t.sub
	if sub.ended {
		return
	}
	if card != "" {
		sub.card = card
	}
	if !sub.late || slices.ContainsFunc(having[*transaction](s, "transaction", "subscription_id", sub.id), func(t *transaction) bool { return t.stage == owed }) {
		return
	}
	s.edit(sub, func() { sub.late = false }, updated)
	if !sub.next.After(s.now) {
		s.renew(sub, s.now)
	}
}

// owedBy lists what a subscription owes, newest first.
func (s *Server) owedBy(sub *subscription) []*transaction {
	rows := slices.DeleteFunc(having[*transaction](s, "transaction", "subscription_id", sub.id), func(t *transaction) bool { return t.stage != owed })
	slices.Reverse(rows)
	return rows
}

// end cancels a subscription at once.
func (s *Server) end(sub *subscription) {
	if sub.ended {
		return
	}
	s.edit(sub, func() {
		sub.ended, sub.endedAt, sub.paused, sub.late, sub.trialing, sub.planned = true, s.now, false, false, false, nil
		sub.next, sub.from, sub.to = time.Time{}, time.Time{}, time.Time{}
	}, updated, "subscription.canceled")
	s.dropOpen(sub)
}

// dropOpen gives up what a subscription still owes.
func (s *Server) dropOpen(sub *subscription) {
	for _, t := range having[*transaction](s, "transaction", "subscription_id", sub.id) {
		if t.stage == owed || t.stage == billed && len(t.attempts) > 0 && t.attempts[len(t.attempts)-1].outcome == failed {
			s.drop(t)
		}
	}
}

// pause suspends a subscription at once, until a time or until resumed.
func (s *Server) pause(sub *subscription, resume time.Time, onResume string) {
	if sub.ended || sub.paused {
		return
	}
	s.edit(sub, func() {
		sub.paused, sub.pausedAt, sub.late, sub.trialing, sub.planned, sub.onResume = true, s.now, false, false, nil, onResume
		sub.restFrom, sub.restTo = sub.from, sub.to
		sub.next, sub.from, sub.to = time.Time{}, time.Time{}, time.Time{}
	}, updated, "subscription.paused")
	s.dropOpen(sub)
	if !resume.IsZero() {
		s.schedule(sub, &change{action: "resume", at: resume})
	}
}

// schedule plans a change for later.
func (s *Server) schedule(sub *subscription, p *change) {
	s.edit(sub, func() { sub.planned = p }, updated)
	s.at(p.at, func() {
		if sub.planned == p {
			s.carryOut(sub, p)
		}
	})
}

// carryOut does what was scheduled.
func (s *Server) carryOut(sub *subscription, p *change) {
	if sub.ended || sub.planned != p {
		return
	}
	switch p.action {
	case "cancel":
		s.end(sub)
	case "pause":
		s.pause(sub, p.resume, sub.onResume)
	case "resume":
		s.resume(sub, sub.onResume)
	}
}

// continuing is the way to resume that keeps the period which was paid for.
const continuing = "continue_existing_billing_period"

// resume ends a pause: the period that was paid for goes on, or a new one begins
// and is charged.
func (s *Server) resume(sub *subscription, how string) {
	if !sub.paused {
		return
	}
	keep := how == continuing && sub.restTo.After(s.now)
	s.edit(sub, func() {
		sub.paused, sub.pausedAt, sub.planned = false, time.Time{}, nil
		if keep {
			sub.from, sub.to, sub.next = sub.restFrom, sub.restTo, sub.restTo
		}
	}, updated, "subscription.resumed")
	if keep {
		s.plan(sub)
		return
	}
	s.renew(sub, s.now)
}
