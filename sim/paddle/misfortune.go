package paddle

import "time"

// recent is the customer's newest payment that can still be refunded or charged
// back.
func (s *Server) recent(c *customer) *transaction {
	rows := having[*transaction](s, "transaction", "customer_id", c.id)
	for i := len(rows) - 1; i >= 0; i-- {
		t := rows[i]
		if t.stage == finished && t.total() > 0 && len(s.rest(t)) > 0 && !s.contested(t) {
			return t
		}
	}
	return nil
}

// contested is whether a payment was ever charged back; a second time is not made.
func (s *Server) contested(t *transaction) bool {
	for _, a := range s.adjustments(t) {
		if a.action == "chargeback" {
			return true
		}
	}
	return false
}

// liveRefund gives back a third, or all that is left.
func (s *Server) liveRefund(c *customer) {
	third := c.stream.Chance(0.5)
	t := s.recent(c)
	if t == nil {
		return
	}
	amount := int64(0)
	if third && t.total() > 9 && s.returned(t) == 0 {
		amount = t.total() / 3
	}
	s.giveBack(t, amount, "Requested by the customer")
}

func (s *Server) liveChargeBack(c *customer) {
	if t := s.recent(c); t != nil {
		s.chargeBack(t, false)
	}
}

// liveWarning comes true days later, unless the payment was refunded meanwhile:
// that is what acting on warnings is for.
func (s *Server) liveWarning(c *customer) {
	comesTrue := c.stream.Chance(0.5)
	later := c.stream.Between(2*24*time.Hour, 9*24*time.Hour)
	t := s.recent(c)
	if t == nil {
		return
	}
	s.chargeBack(t, true)
	if comesTrue {
		s.in(later, func() {
			if s.returned(t) < t.total() && !s.contested(t) {
				s.chargeBack(t, false)
			}
		})
	}
}

func (s *Server) liveReverse(c *customer) {
	for _, a := range having[*adjustment](s, "adjustment", "customer_id", c.id) {
		if (a.action == "chargeback" || a.action == "chargeback_warning") && a.verdict == approved {
			s.reverse(a)
			return
		}
	}
}
