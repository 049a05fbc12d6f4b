package stripe

import (
	"time"

	"github.com/trivetdev/trivet/sim"
)

// Life is how often things happen that nobody asked the API for: what customers
// do in the portal, people at the dashboard, banks and card networks. The zero
// value is a world in which only time passes. Rates are probabilities between 0
// and 1, for each customer and day unless said otherwise.
type Life struct {
	// CardFailure is for each charge of a renewal.
	CardFailure float64
	// Authenticate is for each charge of a renewal: the bank wants 3-D Secure.
	Authenticate float64
	// Recover is that a customer who is behind enters a new card and pays.
	Recover float64
	// PortalCancel cancels at the end of the period; Uncancel takes it back.
	PortalCancel float64
	Uncancel     float64
	// DashboardCancel ends a subscription at once.
	DashboardCancel float64
	// DashboardPause pauses collection; DashboardResume resumes it.
	DashboardPause  float64
	DashboardResume float64
	// PlanChange moves to another price of the same interval and currency.
	PlanChange float64
	// QuantityChange adds or removes a unit.
	QuantityChange float64
	// Flip makes two conflicting changes within one second.
	Flip float64
	// DashboardRefund refunds a recent payment, in full or in part.
	DashboardRefund float64
	// RefundHangs and RefundFails are for each refund: it stays pending for
	// days, or fails days after it seemed done.
	RefundHangs float64
	RefundFails float64
	// Dispute and Inquiry open one over a recent payment; Contest submits
	// evidence for one that is open.
	Dispute float64
	Inquiry float64
	Contest float64
	// Warning is an early fraud warning; half of them become disputes days
	// later unless the payment is refunded.
	Warning float64
	// DashboardSubscription gives an existing customer another subscription.
	DashboardSubscription float64
	// CardUpdate is that the card network tells of a new number and expiry.
	CardUpdate float64
	// EmailChange changes the address at the dashboard.
	EmailChange float64
	// Deletion deletes the customer with all subscriptions.
	Deletion float64
	// Noise is, for the whole account and hour, an event of a type that no
	// receiver knows.
	Noise float64
}

// DefaultLife is a busy shop: in a month with a few hundred customers all of it
// happens.
func DefaultLife() Life {
	return Life{
		CardFailure: 0.15, Authenticate: 0.03, Recover: 0.20, PortalCancel: 0.008, Uncancel: 0.05, DashboardCancel: 0.002,
		DashboardPause: 0.008, DashboardResume: 0.08, PlanChange: 0.006, QuantityChange: 0.006, Flip: 0.006,
		DashboardRefund: 0.005, RefundHangs: 0.2, RefundFails: 0.08, Dispute: 0.002, Inquiry: 0.001, Contest: 0.2,
		Warning: 0.002, DashboardSubscription: 0.002, CardUpdate: 0.003, EmailChange: 0.004, Deletion: 0.0005, Noise: 0.1,
	}
}

// startLife begins what goes on without any customer.
func (s *Server) startLife() {
	s.world.Every(time.Hour, time.Hour, func() bool {
		s.forgetEvents()
		if s.guests.Chance(s.cfg.Rates.Noise) {
			s.noise()
		}
		return true
	})
}

// noise is news that a billing service has no use for, half of it of a type
// that does not exist yet.
func (s *Server) noise() {
	if rows := rowsOf[*product](s, "product"); len(rows) > 0 && s.guests.Chance(0.5) {
		p := rows[0]
		s.edit(p, func() { p.updated = s.now.Unix() }, "product.updated")
		return
	}
	id := s.newID("fut", 24)
	s.emitDoc("billing.future_thing.happened", id, doc{{"id", id}, {"object", "billing.future_thing"}, {"created", s.now.Unix()}}, nil)
}

// live lets a customer's days pass until the rates are taken away or the
// customer is deleted.
func (s *Server) live(c *customer) {
	if s.cfg.Rates == (Life{}) {
		return
	}
	s.world.Every(c.stream.Between(time.Hour, 25*time.Hour), 24*time.Hour, func() bool {
		if c.deleted || s.cfg.Rates == (Life{}) {
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
		{r.PortalCancel, s.onLive(func(sub *subscription) { s.setCancel(sub, true) })},
		{r.Uncancel, s.liveUncancel},
		{r.DashboardCancel, s.onLive(func(sub *subscription) { s.end(sub, "cancellation_requested") })},
		{r.DashboardPause, s.livePause},
		{r.DashboardResume, s.liveResume},
		{r.PlanChange, s.livePlan},
		{r.QuantityChange, s.liveQuantity},
		{r.Flip, s.liveFlip},
		{r.DashboardRefund, s.liveRefund},
		{r.Dispute, s.liveDispute},
		{r.Inquiry, s.liveInquiry},
		{r.Contest, s.liveContest},
		{r.Warning, s.liveWarning},
		{r.DashboardSubscription, s.liveSubscribe},
		{r.CardUpdate, s.liveCardUpdate},
		{r.EmailChange, func(c *customer) { s.setEmail(c, "new."+c.email) }},
		{r.Deletion, s.removeCustomer},
	} {
		if c.stream.Chance(d.rate) && !c.deleted {
			d.act(c)
		}
	}
}

// subOf picks one of the customer's subscriptions with the wanted property.
func (s *Server) subOf(c *customer, want func(*subscription) bool) *subscription {
	for _, sub := range ofCustomer[*subscription](s, "subscription", c.id) {
		if want(sub) {
			return sub
		}
	}
	return nil
}

// running is whether the customer has what they pay for.
func running(sub *subscription) bool {
	return sub.status == "active" || sub.status == "trialing"
}

// onLive makes an act on a running subscription out of one on any.
func (s *Server) onLive(act func(*subscription)) func(*customer) {
	return func(c *customer) {
		if sub := s.subOf(c, func(sub *subscription) bool { return running(sub) && !sub.cancelEnd }); sub != nil {
			act(sub)
		}
	}
}

// liveRecover enters a new card and pays what is open.
func (s *Server) liveRecover(c *customer) {
	sub := s.subOf(c, func(sub *subscription) bool {
		return sub.status == "past_due" || sub.status == "unpaid" || sub.status == "incomplete" || sub.status == "paused"
	})
	if sub == nil {
		return
	}
	s.newCard(c, CardGood)
	if sub.status == "paused" {
		s.resume(sub)
		return
	}
	if inv := s.newestOpen(sub); inv != nil {
		s.charge(inv, false)
	}
}

func (s *Server) liveUncancel(c *customer) {
	if sub := s.subOf(c, func(sub *subscription) bool { return running(sub) && sub.cancelEnd }); sub != nil {
		s.setCancel(sub, false)
	}
}

// livePause pauses with or without a date to resume.
func (s *Server) livePause(c *customer) {
	behavior := sim.Pick(c.stream, []string{"void", "keep_as_draft", "mark_uncollectible"})
	until := s.now.Add(c.stream.Between(48*time.Hour, 20*24*time.Hour)).Unix()
	if c.stream.Chance(0.5) {
		until = 0
	}
	if sub := s.subOf(c, func(sub *subscription) bool { return running(sub) && sub.pause == nil }); sub != nil {
		s.setPause(sub, &pause{behavior: behavior, resumes: until})
	}
}

func (s *Server) liveResume(c *customer) {
	if sub := s.subOf(c, func(sub *subscription) bool { return sub.pause != nil && !sub.over() }); sub != nil {
		s.setPause(sub, nil)
	}
}

// livePlan moves to another price that fits: one interval, one currency.
func (s *Server) livePlan(c *customer) {
	s.onLive(func(sub *subscription) {
		it := sub.items[0]
		for _, p := range rowsOf[*price](s, "price") {
			if p != it.price && p.interval == it.price.interval && p.currency == it.price.currency && p.count == it.price.count {
				s.setItems(sub, true, func() { it.price = p })
				return
			}
		}
	})(c)
}

func (s *Server) liveQuantity(c *customer) {
	up := c.stream.Chance(0.6)
	s.onLive(func(sub *subscription) {
		it := sub.items[0]
		s.setItems(sub, true, func() {
			if up || it.quantity == 1 {
				it.quantity++
			} else {
				it.quantity--
			}
		})
	})(c)
}

// liveFlip changes something and changes it back or on within the same second,
// so that two events with one timestamp disagree.
func (s *Server) liveFlip(c *customer) {
	stay := c.stream.Chance(0.5)
	s.onLive(func(sub *subscription) {
		s.setCancel(sub, true)
		s.setCancel(sub, false)
		if stay {
			s.setItems(sub, false, func() { sub.items[0].quantity++ })
		}
	})(c)
}

// liveSubscribe is where duplicates come from: nobody checks at the dashboard.
func (s *Server) liveSubscribe(c *customer) {
	var choice []*price
	for _, p := range rowsOf[*price](s, "price") {
		if p.interval != "" && (c.currency == "" || p.currency == c.currency) {
			choice = append(choice, p)
		}
	}
	if len(choice) == 0 {
		return
	}
	p := sim.Pick(c.stream, choice)
	sub := s.newSubscription(order{customer: c, lines: []orderLine{{price: p, quantity: 1}}, pays: c.pays})
	s.begin(sub, nil)
}

// liveCardUpdate keeps the payment method's id, so that nothing else changes.
func (s *Server) liveCardUpdate(c *customer) {
	last4 := itoa(1000 + c.stream.Intn(9000))
	if m := c.pays; m != nil && !m.card.debit() {
		s.edit(m, func() { m.year, m.last4 = s.now.Year()+4, last4 }, "payment_method.automatically_updated")
	}
}

func (s *Server) setEmail(c *customer, email string) {
	s.edit(c, func() { c.email = email }, "customer.updated")
}

// newCard attaches a payment method and makes it the one to charge.
func (s *Server) newCard(c *customer, card Card) *method {
	m := s.newMethod(card, c)
	s.edit(c, func() { c.pays = m }, "customer.updated")
	for _, sub := range ofCustomer[*subscription](s, "subscription", c.id) {
		if sub.over() || sub.pays == nil {
			continue
		}
		s.edit(sub, func() { sub.pays = m }, updated)
	}
	return m
}
