package paddle

import (
	"time"

	"github.com/trivetdev/trivet/sim"
)

// Life is how often things happen that nobody asked the API for: what customers
// do in the portal, people at the dashboard and at Paddle, and banks. The zero
// value is a world in which only time passes. Rates are probabilities between 0
// and 1, for each customer and day unless said otherwise.
type Life struct {
	// CardFailure is for each charge of a renewal.
	CardFailure float64
	// Recover is that a customer who is behind enters a new card and pays.
	Recover float64
	// PortalCancel cancels at the end of the period; Uncancel takes it back.
	PortalCancel float64
	Uncancel     float64
	// DashboardCancel ends a subscription at once.
	DashboardCancel float64
	// DashboardPause pauses, at once or at the period's end; DashboardResume
	// resumes.
	DashboardPause  float64
	DashboardResume float64
	// PlanChange moves to another price of the same interval and currency,
	// QuantityChange adds or removes a unit.
	PlanChange     float64
	QuantityChange float64
	// Flip makes two conflicting changes at one moment.
	Flip float64
	// DashboardRefund refunds a recent payment, in full or in part.
	DashboardRefund float64
	// RefundWaits is for each refund: it waits for approval. RefundRejected is for
	// each that waits.
	RefundWaits    float64
	RefundRejected float64
	// ChargeBack opens one over a recent payment; Warning announces one, and half
	// of the warnings come true unless the payment is refunded.
	ChargeBack float64
	Warning    float64
	// Reverse wins a chargeback or ends a warning.
	Reverse float64
	// DashboardSubscription gives an existing customer another subscription.
	DashboardSubscription float64
	// EmailChange changes the address at the dashboard.
	EmailChange float64
	// Replay sends a notification again that was delivered.
	Replay float64
	// Noise is, for the whole account and hour, an event that no receiver needs.
	Noise float64
}

// DefaultLife is a busy shop: in a month with a few hundred customers all of it
// happens.
func DefaultLife() Life {
	return Life{
		CardFailure: 0.15, Recover: 0.15, PortalCancel: 0.008, Uncancel: 0.05, DashboardCancel: 0.002,
		DashboardPause: 0.008, DashboardResume: 0.08, PlanChange: 0.006, QuantityChange: 0.006, Flip: 0.006,
		DashboardRefund: 0.005, RefundWaits: 0.5, RefundRejected: 0.2, ChargeBack: 0.002, Warning: 0.002, Reverse: 0.1,
		DashboardSubscription: 0.002, EmailChange: 0.004, Replay: 0.02, Noise: 0.1,
	}
}

// startLife begins what goes on without any customer.
func (s *Server) startLife() {
	s.world.Every(time.Hour, time.Hour, func() bool {
		s.forget()
		if s.guests.Chance(s.cfg.Rates.Noise) {
			id := s.newID("pay")
			s.emitDoc("payout.paid", id, doc{{"id", id}, {"status", "paid"}, {"amount", "100"}, {"currency_code", "USD"}})
		}
		return true
	})
}

// live lets a customer's days pass until the rates are taken away.
func (s *Server) live(c *customer) {
	if s.cfg.Rates == (Life{}) {
		return
	}
	s.world.Every(c.stream.Between(time.Hour, 25*time.Hour), 24*time.Hour, func() bool {
		if s.cfg.Rates == (Life{}) {
			return false
		}
		s.dayOf(c)
		return true
	})
}

// dayOf draws every decision of one day, in the same order each time.
func (s *Server) dayOf(c *customer) {
	r := s.cfg.Rates
	for _, d := range []struct {
		rate float64
		act  func(*customer)
	}{
		{r.Recover, s.liveRecover},
		{r.PortalCancel, s.onLive(s.portalCancel)},
		{r.Uncancel, s.liveUncancel},
		{r.DashboardCancel, s.onLive(s.end)},
		{r.DashboardPause, s.livePause},
		{r.DashboardResume, s.liveResume},
		{r.PlanChange, s.livePlan},
		{r.QuantityChange, s.liveQuantity},
		{r.Flip, s.liveFlip},
		{r.DashboardRefund, s.liveRefund},
		{r.ChargeBack, s.liveChargeBack},
		{r.Warning, s.liveWarning},
		{r.Reverse, s.liveReverse},
		{r.DashboardSubscription, s.liveSubscribe},
		{r.EmailChange, func(c *customer) { s.setEmail(c, "new."+c.email) }},
		{r.Replay, s.liveReplay},
	} {
		if c.stream.Chance(d.rate) {
			d.act(c)
		}
	}
}

// subOf picks one of the customer's subscriptions with the wanted property.
func (s *Server) subOf(c *customer, want func(*subscription) bool) *subscription {
	for _, sub := range having[*subscription](s, "subscription", "customer_id", c.id) {
		if want(sub) {
			return sub
		}
	}
	return nil
}

// running is whether the customer has what they pay for, and nothing is about to
// change.
func running(sub *subscription) bool {
	return !sub.ended && !sub.paused && !sub.late && sub.planned == nil
}

// onLive makes an act on a running subscription out of one on any.
func (s *Server) onLive(act func(*subscription)) func(*customer) {
	return func(c *customer) {
		if sub := s.subOf(c, running); sub != nil {
			act(sub)
		}
	}
}

// liveRecover enters a new card and pays what is owed.
func (s *Server) liveRecover(c *customer) {
	if sub := s.subOf(c, func(sub *subscription) bool { return sub.late }); sub != nil {
		s.newCard(c, sub, CardGood)
	}
}

func (s *Server) liveUncancel(c *customer) {
	if sub := s.subOf(c, func(sub *subscription) bool {
		return !sub.ended && sub.planned != nil && sub.planned.action == "cancel"
	}); sub != nil {
		s.portalKeep(sub)
	}
}

// livePause pauses now or later, with or without a date to resume.
func (s *Server) livePause(c *customer) {
	later, open := c.stream.Chance(0.5), c.stream.Chance(0.5)
	span := c.stream.Between(48*time.Hour, 20*24*time.Hour)
	s.onLive(func(sub *subscription) {
		from := s.now
		if later {
			from = s.boundary(sub)
		}
		until := from.Add(span)
		if open {
			until = time.Time{}
		}
		if later {
			s.schedule(sub, &change{action: "pause", at: from, resume: until})
			return
		}
		s.pause(sub, until, continuing)
	})(c)
}

func (s *Server) liveResume(c *customer) {
	if sub := s.subOf(c, func(sub *subscription) bool { return sub.paused && !sub.ended }); sub != nil {
		s.resume(sub, continuing)
	}
}

// livePlan moves to another price that fits: one interval, one currency.
func (s *Server) livePlan(c *customer) {
	s.onLive(func(sub *subscription) {
		has := sub.items[0].price
		for _, p := range rowsOf[*price](s, "price") {
			if p != has && p.interval == has.interval && p.currency == has.currency && p.count == has.count && p.trialDays == 0 {
				s.change(sub, p, sub.items[0].quantity)
				return
			}
		}
	})(c)
}

func (s *Server) liveQuantity(c *customer) {
	up := c.stream.Chance(0.6)
	s.onLive(func(sub *subscription) {
		n := sub.items[0].quantity
		if up || n == 1 {
			n++
		} else {
			n--
		}
		s.change(sub, sub.items[0].price, n)
	})(c)
}

// liveFlip changes something and changes it back at the same moment, so that two
// events with one timestamp disagree.
func (s *Server) liveFlip(c *customer) {
	s.onLive(func(sub *subscription) {
		s.portalCancel(sub)
		s.portalKeep(sub)
	})(c)
}

// liveSubscribe is where duplicates come from: nobody checks.
func (s *Server) liveSubscribe(c *customer) {
	var choice []*price
	for _, p := range rowsOf[*price](s, "price") {
		if p.recurring() {
			choice = append(choice, p)
		}
	}
	if len(choice) > 0 {
		s.buy(c, sim.Pick(c.stream, choice), 1, CardGood, nil)
	}
}

// liveReplay sends a notification again, which has another id by then.
func (s *Server) liveReplay(*customer) {
	rows := s.table("notification").Rows
	if len(rows) == 0 {
		return
	}
	if n := rows[s.guests.Intn(len(rows))].(*notification); n.status == "delivered" && n.origin == "event" {
		s.notify(n.event, n.to, "replay")
	}
}

// change moves a subscription to a price and quantity. What the rest of the period
// costs more is charged at once, and if that fails nothing changes; what it costs
// less is credited.
func (s *Server) change(sub *subscription, to *price, quantity int64) {
	it := sub.items[0]
	more := to.amount*quantity - it.price.amount*it.quantity
	if length := sub.to.Sub(sub.from); length > 0 && !sub.trialing {
		more = more * int64(max(0, sub.to.Sub(s.now))/time.Second) / int64(length/time.Second)
	}
	switch {
	case sub.trialing:
	case more > 0:
		l := s.newLine(to, quantity, false)
		l.gross = more
		t := s.newTransaction(order{
			customer: sub.customer, origin: "subscription_update", sub: sub, lines: []*line{l}, custom: sub.custom, from: s.now, to: sub.to,
		})
		if !s.collect(t, sub.card, true) && !sub.card.slow() {
			s.drop(t)
			return
		}
	case more < 0:
		s.credit(sub, -more)
	}
	s.edit(sub, func() { it.price, it.quantity = to, quantity }, updated)
}

// credit is an adjustment that gives no money back.
func (s *Server) credit(sub *subscription, amount int64) {
	rows := having[*transaction](s, "transaction", "subscription_id", sub.id)
	for i := len(rows) - 1; i >= 0; i-- {
		if t := rows[i]; t.stage == finished && t.total() >= amount {
			s.newAdjustment("credit", t, "Subscription update", []part{{s.newID("adjitm"), t.lines[0], amount}}, false, approved)
			return
		}
	}
}
