package lemonsqueezy

import "time"

// store is a shop of the account.
type store struct {
	head
	name     string
	currency string
}

func (st *store) attributes(s *Server) doc {
	return doc{
		{"name", st.name}, {"slug", "shop-" + st.id}, {"domain", "shop-" + st.id + ".lemonsqueezy.com"}, {"url", s.cfg.PublicURL},
		{"plan", "fresh"}, {"country", "US"}, {"currency", st.currency},
		{"created_at", stamp(st.created)}, {"updated_at", stamp(st.updated)},
	}
}

// variant is something that can be bought. Its price is the newest of its prices:
// changing it leaves what was sold at the one before.
type variant struct {
	head
	product string
	name    string
	unit    string // day, week, month, year; "" for a one-time purchase
	count   int
	// trial is how many days are free.
	trial int
	price *price
}

func (v *variant) attributes(s *Server) doc {
	return doc{
		{"product_id", v.number()}, {"name", v.name}, {"slug", s.uuid("variant", v.number())}, {"description", ""},
		{"price", v.price.amount}, {"is_subscription", v.unit != ""}, {"interval", orNull(v.unit)}, {"interval_count", v.count},
		{"has_free_trial", v.trial > 0}, {"trial_interval", "day"}, {"trial_interval_count", v.trial}, {"status", "published"},
		{"created_at", stamp(v.created)}, {"updated_at", stamp(v.updated)}, {"test_mode", !s.cfg.Live},
	}
}

// price never changes.
type price struct {
	head
	variant int
	amount  int64
	unit    string
	count   int
}

func (p *price) attributes(*Server) doc {
	category, unit, count := "one_time", any(nil), any(nil)
	if p.unit != "" {
		category, unit, count = "subscription", p.unit, p.count
	}
	return doc{
		{"variant_id", p.variant}, {"category", category}, {"scheme", "standard"}, {"usage_aggregation", nil},
		{"unit_price", p.amount}, {"unit_price_decimal", nil}, {"setup_fee_enabled", false}, {"setup_fee", nil}, {"package_size", 1}, {"tiers", nil},
		{"renewal_interval_unit", unit}, {"renewal_interval_quantity", count},
		{"trial_interval_unit", "day"}, {"trial_interval_quantity", 0}, {"min_price", nil}, {"suggested_price", nil}, {"tax_code", "saas"},
		{"created_at", stamp(p.created)}, {"updated_at", stamp(p.updated)},
	}
}

// discount takes a percentage off the first payment, and off all others too.
type discount struct {
	head
	code    string
	percent int64
}

func (d *discount) attributes(s *Server) doc {
	return doc{
		{"store_id", d.store}, {"name", d.code}, {"code", d.code}, {"amount", d.percent}, {"amount_type", "percent"},
		{"duration", "forever"}, {"status", "published"},
		{"created_at", stamp(d.created)}, {"updated_at", stamp(d.updated)}, {"test_mode", !s.cfg.Live},
	}
}

func catalogRoutes() map[string]operation {
	return map[string]operation{
		"GET /v1/users/me":      showUser,
		"GET /v1/stores":        listOf(typeStore),
		"GET /v1/stores/{id}":   show[*store](typeStore),
		"GET /v1/variants":      listOf(typeVariant),
		"GET /v1/variants/{id}": show[*variant](typeVariant),
		"GET /v1/prices":        listOf(typePrice, "variant_id"),
		"GET /v1/prices/{id}":   show[*price](typePrice),
		"GET /v1/discounts":     listOf(typeDiscount, "store_id"),
	}
}

// showUser is how a caller learns the mode of its key.
func showUser(c *call) (doc, error) {
	live := c.s.cfg.Live != c.s.blind // the other key is of the other mode
	self := "https://api.lemonsqueezy.com/v1/users/1"
	return doc{
		{"meta", doc{{"test_mode", !live}}}, {"jsonapi", doc{{"version", "1.0"}}}, {"links", doc{{"self", self}}},
		{"data", doc{{"type", "users"}, {"id", "1"}, {"attributes", doc{
			{"name", "Owner"}, {"email", "owner@example.com"}, {"color", "#898FA9"}, {"avatar_url", "https://example.com/a.png"},
			{"has_custom_avatar", false}, {"createdAt", "2024-05-24T14:08:31.000000Z"}, {"updatedAt", "2024-08-26T13:24:54.000000Z"},
		}}, {"links", doc{{"self", self}}}}},
	}, nil
}

// Variant describes something to sell.
type Variant struct {
	Product, Name string
	// Amount is in minor units of the store's currency.
	Amount int64
	// Unit is day, week, month or year, every Count of them (1 when zero); "" for a
	// one-time purchase.
	Unit  string
	Count int
	// Trial is how many days are free.
	Trial int
}

// AddVariant puts something up for sale and returns its number.
func (s *Server) AddVariant(v Variant) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addVariant(v).id
}

func (s *Server) addVariant(v Variant) *variant {
	row := &variant{head: s.newHead(typeVariant, 0), product: v.Product, name: v.Name, unit: v.Unit, count: max(1, v.Count), trial: v.Trial}
	if v.Unit == "" {
		row.count = 0
	}
	s.priceAt(row, v.Amount)
	s.add(row)
	return row
}

func (s *Server) priceAt(v *variant, amount int64) {
	v.price = &price{head: s.newHead(typePrice, 0), variant: v.number(), amount: amount, unit: v.unit, count: v.count}
	s.add(v.price)
}

// Reprice changes the price of a variant: those who have it keep the old one.
func (s *Server) Reprice(variantID string, amount int64) error {
	return on(s, typeVariant, variantID, func(v *variant) error {
		s.priceAt(v, amount)
		return nil
	})
}

// AddDiscount makes a code that takes a percentage off.
func (s *Server) AddDiscount(code string, percent int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(&discount{head: s.newHead(typeDiscount, 0), code: code, percent: percent})
}

// The variants that AddCatalog makes, by number.
const (
	VariantBasicWeek  = "1"
	VariantProWeek    = "2"
	VariantBasicMonth = "3"
	VariantProMonth   = "4"
	VariantProYear    = "5"
	VariantProTrial   = "6" // monthly, 7 days free
	VariantPass       = "7"
	VariantForever    = "8"
)

// AddCatalog adds a small catalog: subscriptions of several lengths, one with a
// free trial, and two one-time purchases. The names say nothing that could be
// relied upon, as names do.
func (s *Server) AddCatalog() {
	for _, v := range []Variant{
		{Product: "Basic", Name: "Weekly", Amount: 300, Unit: "week"},
		{Product: "Pro", Name: "Weekly", Amount: 700, Unit: "week"},
		{Product: "Basic", Name: "Default", Amount: 900, Unit: "month"},
		{Product: "Pro", Name: "Lifetime of joy, monthly", Amount: 2900, Unit: "month"},
		{Product: "Pro", Name: "Monthly price, paid yearly", Amount: 29000, Unit: "year"},
		{Product: "Pro", Name: "Default", Amount: 2900, Unit: "month", Trial: 7},
		{Product: "Day pass", Name: "Default", Amount: 500},
		{Product: "Lifetime", Name: "Monthly", Amount: 99900},
	} {
		s.AddVariant(v)
	}
}

// after is the date one interval after from, on the anchor's day of the month
// where the interval is counted in months.
func (v *variant) after(from time.Time, anchor int) time.Time {
	switch v.unit {
	case "day":
		return from.AddDate(0, 0, v.count)
	case "week":
		return from.AddDate(0, 0, 7*v.count)
	case "year":
		return addMonths(from, 12*v.count, anchor)
	}
	return addMonths(from, v.count, anchor)
}

// addMonths goes to the anchor's day of a later month, or to its last.
func addMonths(from time.Time, months, anchor int) time.Time {
	first := time.Date(from.Year(), from.Month()+time.Month(months), 1, from.Hour(), from.Minute(), from.Second(), 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(anchor, last)-1)
}
