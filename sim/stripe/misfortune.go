package stripe

import (
	"time"

	"github.com/trivetdev/trivet/sim"
)

// recentCharge is the customer's newest charge that can still be refunded or
// disputed.
func (s *Server) recentCharge(c *customer) *charge {
	rows := ofCustomer[*charge](s, "charge", c.id)
	for i := len(rows) - 1; i >= 0; i-- {
		ch := rows[i]
		if ch.status == "succeeded" && ch.pi.status == "succeeded" && !s.hasDispute(ch) && ch.refunded() < ch.pi.amount {
			return ch
		}
	}
	return nil
}

// hasDispute is whether the charge was ever disputed; a second one is not made.
func (s *Server) hasDispute(ch *charge) bool {
	return len(s.table("dispute").Having("charge", ch.id)) > 0
}

// liveRefund gives back a third, or all that is left.
func (s *Server) liveRefund(c *customer) {
	part := c.stream.Chance(0.5)
	ch := s.recentCharge(c)
	if ch == nil {
		return
	}
	amount := ch.pi.amount - ch.refunded()
	if part && amount > 3 {
		amount /= 3
	}
	s.refund(ch, amount, "requested_by_customer", map[string]string{})
}

// liveDispute opens one over a card payment; a few are prevented at once.
func (s *Server) liveDispute(c *customer) {
	reason := sim.Pick(c.stream, []string{"fraudulent", "product_not_received", "subscription_canceled", "general"})
	prevented := c.stream.Chance(0.1)
	if ch := s.recentCharge(c); ch != nil && !ch.pays.card.debit() {
		d := s.open(ch, reason, false)
		if prevented {
			s.rule(d, "prevented")
		}
	}
}

func (s *Server) liveInquiry(c *customer) {
	if ch := s.recentCharge(c); ch != nil && !ch.pays.card.debit() {
		s.open(ch, "general", true)
	}
}

func (s *Server) liveContest(c *customer) {
	for _, d := range ofCustomer[*dispute](s, "dispute", c.id) {
		if !d.over() {
			s.contest(d)
			return
		}
	}
}

// liveWarning turns into a dispute days later, unless the payment was refunded
// meanwhile: that is what acting on warnings is for.
func (s *Server) liveWarning(c *customer) {
	becomes := c.stream.Chance(0.5)
	later := c.stream.Between(2*24*time.Hour, 9*24*time.Hour)
	ch := s.recentCharge(c)
	if ch == nil || ch.pays.card.debit() || len(s.table("radar.early_fraud_warning").Having("charge", ch.id)) > 0 {
		return
	}
	s.warn(ch)
	if !becomes {
		return
	}
	s.in(later, func() {
		if ch.refunded() < ch.pi.amount && !s.hasDispute(ch) {
			s.open(ch, "fraudulent", false)
		}
	})
}
