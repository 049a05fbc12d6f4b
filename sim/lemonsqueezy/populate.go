package lemonsqueezy

import "fmt"

// Populate lets n people buy a subscription in the storefront, a few of them one
// with a trial and a few a one-time purchase, and returns their customers' numbers.
// Nobody could know whose they are. Without any variant it first adds a catalog.
func (s *Server) Populate(n int) []string {
	if !s.sells() {
		s.AddCatalog()
	}
	defer s.enter()()
	variants := rowsOf[*variant](s, typeVariant)
	cards := []Card{CardGood, CardGood, CardGood, CardLaterFails, CardGood}
	ids := make([]string, 0, n)
	for range n {
		i := s.table(typeCustomer).next
		who := s.buyer(fmt.Sprintf("customer%d@example.com", i+1), 1)
		who.card = cards[i%len(cards)]
		s.buy(purchase{who: who, variant: variants[i%len(variants)], quantity: 1 + int64(i%3)})
		ids = append(ids, who.id)
	}
	return ids
}

func (s *Server) sells() bool {
	defer s.enter()()
	return len(s.table(typeVariant).rows) > 0
}
