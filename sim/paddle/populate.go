package paddle

import "fmt"

// Populate makes n customers, each with a subscription to one of the recurring
// prices, and returns their ids. Without any price it first adds a small catalog.
func (s *Server) Populate(n int) []string {
	prices := s.recurring()
	if prices == nil {
		s.AddCatalog()
		prices = s.recurring()
	}
	defer s.enter()()
	cards := []Card{
		CardGood, CardGood, CardGood, CardLaterFails, CardDebit, CardExpiring, CardGood, CardDebitFails, CardAuthenticate, CardGood, CardDeclined,
	}
	ids := make([]string, 0, n)
	for i := range n {
		c := s.newCustomer(fmt.Sprintf("customer%d@example.com", s.table("customer").Added()+1), "", nil)
		p := prices[i%len(prices)]
		s.buy(c, p, 1+int64(i%3), cards[i%len(cards)], nil)
		if t := having[*transaction](s, "transaction", "customer_id", c.id); i%2 == 0 && t[0].waits() {
			s.authenticate(t[0], true)
		}
		ids = append(ids, c.id)
	}
	return ids
}

func (s *Server) recurring() (out []*price) {
	defer s.enter()()
	for _, p := range rowsOf[*price](s, "price") {
		if p.recurring() {
			out = append(out, p)
		}
	}
	return out
}
