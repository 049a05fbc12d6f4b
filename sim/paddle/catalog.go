package paddle

import (
	"strings"
	"time"
)

// Price describes a price to add to the catalog.
type Price struct {
	// ID is made up when empty.
	ID string
	// Product names the product that the price is of; made if there is none.
	Product string
	// Currency is a code in capital letters, Amount in its minor units.
	Currency string
	Amount   int64
	// Interval is day, week, month or year; "" for a one-time price. Count is 1
	// when zero.
	Interval string
	Count    int
	// TrialDays is how many days are free.
	TrialDays int
}

// price is what a subscription or a transaction has items of.
type price struct {
	head
	name      string
	product   *product
	currency  string
	amount    int64
	interval  string
	count     int
	trialDays int
}

type product struct {
	head
	name string
}

func (p *product) render(*Server) doc {
	return doc{
		{"id", p.id}, {"name", p.name}, {"tax_category", "standard"}, {"type", "standard"}, {"description", nil}, {"image_url", nil},
		{"custom_data", nil}, {"status", "active"}, {"import_meta", nil}, {"created_at", stamp(p.created)}, {"updated_at", stamp(p.updated)},
	}
}

func (p *price) render(*Server) doc {
	return doc{
		{"id", p.id}, {"product_id", p.product.id}, {"type", "standard"}, {"description", p.name}, {"name", p.name},
		{"tax_mode", "account_setting"}, {"billing_cycle", p.cycle()}, {"trial_period", p.trial()},
		{"unit_price", doc{{"amount", digits(p.amount)}, {"currency_code", p.currency}}}, {"unit_price_overrides", []any{}},
		{"custom_data", nil}, {"status", "active"}, {"quantity", doc{{"minimum", 1}, {"maximum", 999}}}, {"import_meta", nil},
		{"created_at", stamp(p.created)}, {"updated_at", stamp(p.updated)},
	}
}

func (p *price) recurring() bool { return p.interval != "" }

// cycle is billing_cycle, null for a one-time price.
func (p *price) cycle() any {
	if !p.recurring() {
		return nil
	}
	return doc{{"interval", p.interval}, {"frequency", p.count}}
}

func (p *price) trial() any {
	if p.trialDays == 0 {
		return nil
	}
	return doc{{"interval", "day"}, {"frequency", p.trialDays}}
}

// after is the end of a period that begins at a time.
func (p *price) after(from time.Time) time.Time {
	switch p.interval {
	case "day":
		return from.AddDate(0, 0, p.count)
	case "week":
		return from.AddDate(0, 0, 7*p.count)
	case "year":
		return months(from, 12*p.count)
	}
	return months(from, p.count)
}

// months adds calendar months; a day that the month does not have is its last.
func months(from time.Time, n int) time.Time {
	to := from.AddDate(0, n, 0)
	if to.Day() != from.Day() {
		to = to.AddDate(0, 0, -to.Day())
	}
	return to
}

// taxPercent is contained in the price: what Paddle calls tax mode internal.
func (p *price) taxPercent() int64 {
	if p.currency == "EUR" {
		return 19
	}
	return 0
}

// AddPrice adds a price to the catalog and returns its id.
func (s *Server) AddPrice(n Price) string {
	defer s.enter()()
	var of *product
	for _, p := range rowsOf[*product](s, "product") {
		if p.name == n.Product {
			of = p
		}
	}
	if of == nil {
		of = &product{head: s.newHead("product", "pro", ""), name: n.Product}
		s.add(of, "product.created")
	}
	p := &price{
		head: s.newHead("price", "pri", ""), name: n.Product, product: of, currency: strings.ToUpper(n.Currency), amount: n.Amount,
		interval: n.Interval, count: max(1, n.Count), trialDays: n.TrialDays,
	}
	if n.ID != "" {
		p.id = n.ID
	}
	s.add(p, "price.created")
	return p.id
}

// Discount describes a discount to add to the catalog.
type Discount struct {
	// Code is what the customer types at checkout.
	Code string
	// Percent is off every item.
	Percent int64
	// Recurs keeps it for all renewals, Intervals for so many periods, the first
	// included; 0: without end.
	Recurs    bool
	Intervals int
}

type discount struct {
	head
	code    string
	percent int64
	recurs  bool
	most    int // periods; 0: without end
	used    int
}

func (d *discount) render(*Server) doc {
	var most any
	if d.most > 0 {
		most = d.most
	}
	return doc{
		{"id", d.id}, {"status", "active"}, {"description", d.code}, {"enabled_for_checkout", true}, {"code", d.code},
		{"type", "percentage"}, {"mode", "standard"}, {"amount", digits(d.percent)}, {"currency_code", nil}, {"recur", d.recurs},
		{"maximum_recurring_intervals", most}, {"usage_limit", nil}, {"restrict_to", nil}, {"expires_at", nil}, {"times_used", d.used},
		{"custom_data", nil}, {"import_meta", nil}, {"created_at", stamp(d.created)}, {"updated_at", stamp(d.updated)},
	}
}

// cut is what the discount takes off an amount.
func (d *discount) cut(amount int64) int64 {
	if d == nil {
		return 0
	}
	return amount * d.percent / 100
}

// AddDiscount adds a discount to the catalog and returns its id.
func (s *Server) AddDiscount(n Discount) string {
	defer s.enter()()
	d := &discount{head: s.newHead("discount", "dsc", ""), code: n.Code, percent: n.Percent, recurs: n.Recurs, most: n.Intervals}
	s.add(d, "discount.created")
	return d.id
}

func catalogRoutes() map[string]endpointOf {
	return map[string]endpointOf{
		"GET /prices":         {run: listAll(query{kind: "price", most: 200}), query: "after id order_by per_page"},
		"GET /prices/{id}":    {run: showByID[*price]},
		"GET /products":       {run: listAll(query{kind: "product", most: 200}), query: "after id order_by per_page"},
		"GET /products/{id}":  {run: showByID[*product]},
		"GET /discounts":      {run: listAll(query{kind: "discount", most: 200}), query: "after id order_by per_page"},
		"GET /discounts/{id}": {run: showByID[*discount]},
	}
}

// showByID makes the call that reads one object of a type.
func showByID[T resource](c *call) (answered, error) {
	r, err := find[T](c.s, c.id())
	if err != nil {
		return answered{}, err
	}
	return c.show(r)
}

// show answers with one object, as far as it is to be seen yet.
func (c *call) show(r resource) (answered, error) {
	d, ok := c.s.view(r)
	if !ok {
		return answered{}, notFound(r.about().id)
	}
	return answered{data: d}, nil
}

// listAll makes the call that lists a kind.
func listAll(q query) operation {
	return func(c *call) (answered, error) { return c.list(q) }
}

// AddCatalog adds a small catalog: weekly, monthly and yearly prices in several
// currencies, among them JPY and KRW, which have no decimals; one with a trial;
// and two one-time prices.
func (s *Server) AddCatalog() {
	for _, p := range []Price{
		{ID: PriceBasicWeek, Product: "Basic", Currency: "USD", Amount: 300, Interval: "week"},
		{ID: PriceProWeek, Product: "Pro", Currency: "USD", Amount: 700, Interval: "week"},
		{ID: PriceBasicMonth, Product: "Basic", Currency: "USD", Amount: 900, Interval: "month"},
		{ID: PriceProMonth, Product: "Pro", Currency: "USD", Amount: 2900, Interval: "month"},
		{ID: PriceProTrial, Product: "Pro", Currency: "USD", Amount: 2900, Interval: "month", TrialDays: 7},
		{ID: PriceProYear, Product: "Pro", Currency: "USD", Amount: 29000, Interval: "year"},
		{ID: PriceProMonthEUR, Product: "Pro", Currency: "EUR", Amount: 2700, Interval: "month"},
		{ID: PriceProMonthJPY, Product: "Pro", Currency: "JPY", Amount: 4200, Interval: "month"},
		{ID: PriceProMonthKRW, Product: "Pro", Currency: "KRW", Amount: 39000, Interval: "month"},
		{ID: PricePass, Product: "Day pass", Currency: "USD", Amount: 500},
		{ID: PriceForever, Product: "Lifetime", Currency: "USD", Amount: 99900},
	} {
		s.AddPrice(p)
	}
}

// Ids of the prices of [Server.AddCatalog].
const (
	PriceBasicWeek   = "pri_01basicweek000000000000000"
	PriceProWeek     = "pri_01proweek00000000000000000"
	PriceBasicMonth  = "pri_01basicmonth00000000000000"
	PriceProMonth    = "pri_01promonth0000000000000000"
	PriceProTrial    = "pri_01protrial0000000000000000"
	PriceProYear     = "pri_01proyear00000000000000000"
	PriceProMonthEUR = "pri_01promontheur0000000000000"
	PriceProMonthJPY = "pri_01promonthjpy0000000000000"
	PriceProMonthKRW = "pri_01promonthkrw0000000000000"
	PricePass        = "pri_01pass00000000000000000000"
	PriceForever     = "pri_01forever00000000000000000"
)
