package paypal

import (
	"fmt"
	"time"
)

// Populate makes n subscriptions at the dashboard, by payers of their own, to
// every plan in turn, and returns their ids. Without any plan it first adds a
// small catalog. Every fifth also buys something once.
func (s *Server) Populate(n int) []string {
	if !s.stocked() {
		s.AddCatalog()
	}
	defer s.enter()()
	methods := []Method{Good, Good, Good, LaterFails, Debit, Good, DebitFails, Good}
	var ids []string
	for i := range n {
		sub := s.newSubscription(s.plans.all[i%len(s.plans.all)], 1+int64(i%3), "", time.Time{})
		by := s.payerFor(fmt.Sprintf("payer%d@example.com", len(s.payers)), methods[i%len(methods)], false)
		s.approve(sub, by)
		if i%5 == 1 {
			s.once(by)
		}
		ids = append(ids, sub.id)
	}
	return ids
}

// once lets a payer buy something and captures it.
func (s *Server) once(by *payer) {
	var q unitRequest
	q.Amount.Value, q.Amount.Currency = "5.00", "USD"
	o, err := s.newOrder(q)
	if err != nil {
		panic("sim/paypal: " + err.Error()) // a fixed amount
	}
	o.method = by.method
	s.approveOrder(o, by)
	if by.method == LaterFails {
		return
	}
	if err := s.captureOrder(o); err != nil {
		panic("sim/paypal: " + err.Error())
	}
}

func (s *Server) stocked() bool {
	defer s.enter()()
	return len(s.plans.all) > 0
}
