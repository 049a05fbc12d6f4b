package paypal

import "time"

// tenure is one stretch of a plan: so many cycles of one length at one price.
type tenure struct {
	unit   string // DAY, WEEK, MONTH, YEAR
	count  int
	cycles int // 0: without end
	price  money
}

// plan is what a subscription is made from.
type plan struct {
	head
	name  string
	trial *tenure
	// intro comes after the trial and before the regular cycles, at a lower price.
	intro   *tenure
	regular tenure
	// threshold is how many failures in a row suspend; 0: none do.
	threshold int
	// autoBill adds what is outstanding to the next charge.
	autoBill bool
}

// after is n cycles later. A month ends on the same day, or on the last of a
// month that has no such day.
func (t tenure) after(from time.Time, n int) time.Time {
	n *= t.count
	switch t.unit {
	case "DAY":
		return from.AddDate(0, 0, n)
	case "WEEK":
		return from.AddDate(0, 0, 7*n)
	case "YEAR":
		n *= 12
	}
	year, month, day := from.Date()
	first := time.Date(year, month+time.Month(n), 1, from.Hour(), from.Minute(), from.Second(), 0, time.UTC)
	return first.AddDate(0, 0, min(day, first.AddDate(0, 1, -1).Day())-1)
}

func (t tenure) render(kind string, sequence int) obj {
	return obj{
		"tenure_type": kind, "sequence": sequence, "total_cycles": t.cycles,
		"frequency":      obj{"interval_unit": t.unit, "interval_count": t.count},
		"pricing_scheme": obj{"version": 1, "fixed_price": t.price.v2()},
	}
}

func (p *plan) render(*Server) obj {
	var cycles []obj
	if p.trial != nil {
		cycles = append(cycles, p.trial.render("TRIAL", 1))
	}
	if p.intro != nil {
		cycles = append(cycles, p.intro.render("TRIAL", len(cycles)+1))
	}
	cycles = append(cycles, p.regular.render("REGULAR", len(cycles)+1))
	return obj{
		"id": p.id, "product_id": "PROD-SIM", "name": p.name, "status": "ACTIVE", "billing_cycles": cycles,
		"payment_preferences": obj{
			"auto_bill_outstanding": p.autoBill, "setup_fee_failure_action": "CONTINUE", "payment_failure_threshold": p.threshold,
		},
		"quantity_supported": true, "create_time": stamp(p.created), "update_time": stamp(p.updated),
	}
}

// Plan describes a plan to be added.
type Plan struct {
	ID, Name string
	// Unit is DAY, WEEK, MONTH or YEAR; Count how many of them, 1 when zero.
	Unit  string
	Count int
	// Amount is in minor units by ISO 4217.
	Amount   int64
	Currency string
	// Cycles ends the subscription after so many; 0: never.
	Cycles int
	// TrialDays are free.
	TrialDays int
	// IntroCycles are so many cycles, of the regular length, at IntroAmount.
	IntroCycles int
	IntroAmount int64
	// Threshold is the number of failed payments in a row that suspends.
	Threshold int
	AutoBill  bool
}

// AddPlan adds a plan.
func (s *Server) AddPlan(p Plan) {
	defer s.enter()()
	made := &plan{
		head: head{id: p.ID, created: s.now, updated: s.now}, name: p.Name, threshold: p.Threshold, autoBill: p.AutoBill,
		regular: tenure{unit: p.Unit, count: max(1, p.Count), cycles: p.Cycles, price: money{p.Amount, p.Currency}},
	}
	if p.TrialDays > 0 {
		made.trial = &tenure{unit: "DAY", count: p.TrialDays, cycles: 1, price: money{0, p.Currency}}
	}
	if p.IntroCycles > 0 {
		made.intro = &tenure{unit: p.Unit, count: max(1, p.Count), cycles: p.IntroCycles, price: money{p.IntroAmount, p.Currency}}
	}
	s.plans.add(made)
}

// AddCatalog adds a small catalog: weekly, monthly and yearly plans, one with a
// trial, one that ends after two cycles, and three in currencies that PayPal
// takes without decimals.
func (s *Server) AddCatalog() {
	for _, p := range []Plan{
		{ID: "P-BASICWEEK", Name: "Basic", Unit: "WEEK", Amount: 300, Currency: "USD", Threshold: 2},
		{ID: "P-PROWEEK", Name: "Pro", Unit: "WEEK", Amount: 700, Currency: "USD", Threshold: 2, AutoBill: true},
		{ID: "P-BASICMONTH", Name: "Basic", Unit: "MONTH", Amount: 999, Currency: "USD", Threshold: 3},
		{ID: "P-PROMONTH", Name: "Pro", Unit: "MONTH", Amount: 2999, Currency: "USD", Threshold: 3, AutoBill: true},
		{ID: "P-PROYEAR", Name: "Pro", Unit: "YEAR", Amount: 29000, Currency: "USD", Threshold: 3},
		{ID: "P-PROTRIAL", Name: "Pro", Unit: "MONTH", Amount: 2999, Currency: "USD", TrialDays: 7, Threshold: 3},
		{ID: "P-PROEUR", Name: "Pro", Unit: "MONTH", Amount: 2750, Currency: "EUR", Threshold: 3},
		{ID: "P-PROJPY", Name: "Pro", Unit: "MONTH", Amount: 4200, Currency: "JPY", Threshold: 3},
		{ID: "P-PROHUF", Name: "Pro", Unit: "MONTH", Amount: 999000, Currency: "HUF", Threshold: 3},
		{ID: "P-PROTWD", Name: "Pro", Unit: "MONTH", Amount: 89000, Currency: "TWD"},
		{ID: "P-COURSE", Name: "Course", Unit: "WEEK", Amount: 1500, Currency: "USD", Cycles: 2, Threshold: 2},
	} {
		s.AddPlan(p)
	}
}

func getPlan(c *call) (any, error) {
	p, err := find(&c.s.plans, c.id())
	if err != nil {
		return nil, err
	}
	return p.render(c.s), nil
}
