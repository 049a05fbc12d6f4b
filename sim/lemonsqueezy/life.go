package lemonsqueezy

import (
	"slices"
	"strings"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// Life is how often things happen that nobody asked the API for: what customers do
// in the portal, people at the dashboard, banks. The zero value is a world in which
// only time passes. Rates are probabilities between 0 and 1, for each customer and
// day unless said otherwise.
type Life struct {
	// CardFailure is for each charge of a renewal.
	CardFailure float64
	// Recover is that a customer who is behind enters a new card.
	Recover float64
	// PortalCancel cancels at the end of the period; Resume takes it back.
	PortalCancel float64
	Resume       float64
	// Pause pauses, in either mode; Unpause ends that.
	Pause   float64
	Unpause float64
	// Change moves to another variant of the same interval; Quantity adds a unit.
	Change   float64
	Quantity float64
	// Flip cancels and resumes within one second.
	Flip float64
	// Refund gives back a recent payment, in full or in part.
	Refund float64
	// Fraud marks the newest order as fraudulent.
	Fraud float64
	// EmailChange changes the address at the dashboard.
	EmailChange float64
	// Reprice changes, for the whole account and day, the price of a variant.
	Reprice float64
	// Noise is, for the whole account and hour, an event about what no receiver
	// knows.
	Noise float64
}

// DefaultLife is a busy shop: in a month with a few hundred customers all of it
// happens.
func DefaultLife() Life {
	return Life{
		CardFailure: 0.15, Recover: 0.15, PortalCancel: 0.008, Resume: 0.05, Pause: 0.008, Unpause: 0.08,
		Change: 0.006, Quantity: 0.004, Flip: 0.005, Refund: 0.006, Fraud: 0.002, EmailChange: 0.004, Reprice: 0.05, Noise: 0.1,
	}
}

// startLife begins what goes on without any customer.
func (s *Server) startLife() {
	s.world.Every(time.Hour, time.Hour, func() bool {
		if s.guests.Chance(s.cfg.Rates.Noise) {
			s.noise()
		}
		if s.guests.Chance(s.cfg.Rates.Reprice / 24) {
			s.reprice()
		}
		return true
	})
}

// noise is news that a billing service has no use for, half of it of a type that
// does not exist yet.
func (s *Server) noise() {
	if s.guests.Chance(0.5) {
		s.foreign("license_key_updated", "license-keys")
		return
	}
	s.foreign("future_thing_happened", "future-things")
}

// SendForeign sends an event about a resource of a type that is not in this world.
func (s *Server) SendForeign(name, typ string) {
	defer s.enter()()
	s.foreign(name, typ)
}

func (s *Server) foreign(name, typ string) {
	t := s.table("noise")
	t.next++
	body := doc{
		{"meta", doc{{"test_mode", !s.cfg.Live}, {"event_name", name}}},
		{"data", doc{{"type", typ}, {"id", itoa(t.next)}, {"attributes", doc{{"store_id", 1}, {"test_mode", !s.cfg.Live}, {"updated_at", stamp(s.now)}}}}},
	}
	s.queue(&event{name: name, body: sim.AppendJSON(nil, body)}, 1)
}

// reprice raises the price of a variant for those who do not have it yet.
func (s *Server) reprice() {
	if rows := rowsOf[*variant](s, typeVariant); len(rows) > 0 {
		v := sim.Pick(s.guests, rows)
		s.priceAt(v, v.price.amount+100)
	}
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
		act  func(*customer, int)
	}{
		{r.Recover, s.which("past_due unpaid", func(*subscription, int) { s.newCard(c, CardGood) })},
		{r.PortalCancel, s.which("active on_trial past_due", func(sub *subscription, _ int) { s.cancel(sub) })},
		{r.Resume, s.which(canceled, func(sub *subscription, _ int) { s.resume(sub) })},
		{r.Pause, s.which("active", s.livePause)},
		{r.Unpause, s.which("paused", func(sub *subscription, _ int) { s.unpause(sub) })},
		{r.Change, s.which("active", s.liveChange)},
		{r.Quantity, s.which("active", func(sub *subscription, _ int) { s.change(sub, sub.variant, sub.quantity+1) })},
		{r.Flip, s.which("active", func(sub *subscription, _ int) { s.cancel(sub); s.resume(sub) })},
		{r.Refund, s.liveRefund},
		{r.Fraud, s.liveFraud},
		{r.EmailChange, func(c *customer, _ int) { s.rename(c, "new."+c.email) }},
	} {
		happens, how := c.stream.Chance(d.rate), c.stream.Intn(12)
		if happens {
			d.act(c, how)
		}
	}
}

// which is for the customer's newest subscription in one of the states.
func (s *Server) which(states string, act func(*subscription, int)) func(*customer, int) {
	return func(c *customer, how int) {
		subs := ofCustomer[*subscription](s, typeSubscription, c.customer)
		for i := len(subs) - 1; i >= 0; i-- {
			if slices.Contains(strings.Fields(states), subs[i].status) {
				act(subs[i], how)
				return
			}
		}
	}
}

func (s *Server) livePause(sub *subscription, how int) {
	mode := []string{"void", "free"}[how%2]
	until := time.Time{}
	if how%3 > 0 {
		until = s.now.AddDate(0, 0, 1+how)
	}
	s.pause(sub, mode, until)
}

// liveChange moves to another variant of the same interval.
func (s *Server) liveChange(sub *subscription, how int) {
	var others []*variant
	for _, v := range rowsOf[*variant](s, typeVariant) {
		if v != sub.variant && v.unit == sub.variant.unit && v.count == sub.variant.count && v.trial == 0 {
			others = append(others, v)
		}
	}
	if len(others) > 0 {
		s.change(sub, others[how%len(others)], sub.quantity)
	}
}

// liveRefund gives back a third, or all that is left, of the newest payment.
func (s *Server) liveRefund(c *customer, how int) {
	invoices := ofCustomer[*invoice](s, typeInvoice, c.customer)
	orders := ofCustomer[*order](s, typeOrder, c.customer)
	part := func(m *money) int64 {
		left := m.total - m.refunded
		if how%2 == 0 && left > 3 {
			return left / 3
		}
		return left
	}
	if n := len(invoices); n > 0 && how%3 > 0 {
		if i := invoices[n-1]; i.state == "paid" && i.money.total > i.money.refunded {
			s.giveBack(i.money, part(i.money), i.firstOrder(), i)
		}
		return
	}
	if n := len(orders); n > 0 {
		if o := orders[n-1]; o.state == "paid" && !o.fraud && o.money.total > o.money.refunded {
			s.giveBack(o.money, part(o.money), o, o.firstInvoice())
		}
	}
}

func (s *Server) liveFraud(c *customer, how int) {
	orders := ofCustomer[*order](s, typeOrder, c.customer)
	if n := len(orders); n > 0 && orders[n-1].state == "paid" && orders[n-1].money.total > 0 {
		s.fraud(orders[n-1], how%2 == 0)
	}
}
