package stripe

import (
	"fmt"
	"time"
)

// Populate makes n customers at the dashboard, each with a subscription to one
// of the recurring prices, a few with a trial, and returns their ids. Without
// any price it first adds a small catalog.
func (s *Server) Populate(n int) []string {
	if s.recurring() == nil {
		s.AddCatalog()
	}
	defer s.enter()()
	return s.populate(n)
}

// Preload is Populate without any event: customers that were there before the
// receiver, whose events Stripe has forgotten. Only a full sweep finds them.
// It is also much the cheaper way to a large account.
func (s *Server) Preload(n int) []string {
	if s.recurring() == nil {
		s.AddCatalog()
	}
	defer s.enter()()
	s.muted = true
	defer func() { s.muted = false }()
	return s.populate(n)
}

// populate mixes prices, cards and trials so that every path is taken.
func (s *Server) populate(n int) []string {
	prices := s.recurringLocked()
	cards := []Card{
		CardGood, CardGood, CardGood, CardLaterFails, CardDebit, CardExpiring, CardGood, CardDebitFails,
		CardAuthenticate, CardGood, CardAlwaysAuthenticate, CardDeclined,
	}
	ids := make([]string, 0, n)
	for i := range n {
		c := s.newCustomer(fmt.Sprintf("customer%d@example.com", i+1), "", nil)
		o := order{customer: c, lines: []orderLine{{price: prices[i%len(prices)], quantity: 1 + int64(i%3)}}}
		if i%7 == 3 {
			o.trialEnd = s.now.Add(time.Duration(5+i%10) * 24 * time.Hour).Unix()
			o.missing = []string{"cancel", "pause", "create_invoice"}[i%3]
		}
		if i%14 != 3 {
			o.pays = s.newCard(c, cards[i%len(cards)])
		}
		s.begin(s.newSubscription(o), nil)
		ids = append(ids, c.id)
	}
	return ids
}

func (s *Server) recurring() []*price {
	defer s.enter()()
	return s.recurringLocked()
}

func (s *Server) recurringLocked() []*price {
	var out []*price
	for _, p := range rowsOf[*price](s, "price") {
		if p.interval != "" {
			out = append(out, p)
		}
	}
	return out
}

// AddCatalog adds a small catalog: weekly, monthly and yearly prices in several
// currencies, among them JPY (no decimals) and KWD (three), and two one-time
// prices.
func (s *Server) AddCatalog() {
	for _, p := range []Price{
		{ID: "price_basic_week", Product: "Basic", Currency: "usd", Amount: 300, Interval: "week"},
		{ID: "price_pro_week", Product: "Pro", Currency: "usd", Amount: 700, Interval: "week"},
		{ID: "price_basic_month", Product: "Basic", Currency: "usd", Amount: 900, Interval: "month"},
		{ID: "price_pro_month", Product: "Pro", Currency: "usd", Amount: 2900, Interval: "month"},
		{ID: "price_pro_year", Product: "Pro", Currency: "usd", Amount: 29000, Interval: "year"},
		{ID: "price_pro_month_eur", Product: "Pro", Currency: "eur", Amount: 2700, Interval: "month"},
		{ID: "price_pro_month_jpy", Product: "Pro", Currency: "jpy", Amount: 4200, Interval: "month"},
		{ID: "price_pro_month_kwd", Product: "Pro", Currency: "kwd", Amount: 8950, Interval: "month"},
		{ID: "price_pass", Product: "Day pass", Currency: "usd", Amount: 500},
		{ID: "price_forever", Product: "Lifetime", Currency: "usd", Amount: 99900},
	} {
		s.AddPrice(p)
	}
}
