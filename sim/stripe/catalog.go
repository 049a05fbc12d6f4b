package stripe

import "strings"

// product is what prices are for.
type product struct {
	head
	name     string
	active   bool
	updated  int64
	metadata map[string]string
}

func (p *product) render(s *Server) doc {
	return doc{
		{"id", p.id}, {"object", "product"}, {"active", p.active}, {"created", p.created}, {"default_price", nil},
		{"description", nil}, {"images", []string{}}, {"livemode", s.cfg.Live}, {"marketing_features", []any{}},
		{"metadata", p.metadata}, {"name", p.name}, {"package_dimensions", nil}, {"shippable", nil},
		{"statement_descriptor", nil}, {"tax_code", nil}, {"unit_label", nil},
		{"updated", p.updated}, {"url", nil},
	}
}

// price is what one unit costs, once or each interval.
type price struct {
	head
	product  *product
	currency string
	// amount is in minor units of currency.
	amount int64
	// interval is day, week, month or year; "" for a one-time price.
	interval string
	count    int
	lookup   string
	metadata map[string]string
}

func (p *price) render(s *Server) doc {
	var recurring any
	typ := "one_time"
	if p.interval != "" {
		typ = "recurring"
		recurring = doc{
			{"interval", p.interval}, {"interval_count", p.count}, {"meter", nil},
			{"usage_type", "licensed"},
		}
	}
	return doc{
		{"id", p.id}, {"object", "price"}, {"active", true}, {"billing_scheme", "per_unit"}, {"created", p.created},
		{"currency", p.currency}, {"custom_unit_amount", nil}, {"livemode", s.cfg.Live}, {"lookup_key", orNull(p.lookup)},
		{"metadata", p.metadata}, {"nickname", nil}, {"product", p.product.id}, {"recurring", recurring},
		{"tax_behavior", "unspecified"}, {"tiers_mode", nil}, {"transform_quantity", nil}, {"type", typ},
		{"unit_amount", p.amount}, {"unit_amount_decimal", itoa(int(p.amount))},
	}
}

// coupon takes a percentage or an amount off.
type coupon struct {
	head
	percent  float64
	off      int64
	currency string
	// duration is once, repeating or forever.
	duration string
	months   int
	redeemed int
}

func (c *coupon) render(s *Server) doc {
	var percent, off, months any
	if c.percent > 0 {
		percent = c.percent
	} else {
		off = c.off
	}
	if c.months > 0 {
		months = c.months
	}
	return doc{
		{"id", c.id}, {"object", "coupon"}, {"amount_off", off}, {"created", c.created}, {"currency", orNull(c.currency)},
		{"duration", c.duration}, {"duration_in_months", months}, {"livemode", s.cfg.Live}, {"max_redemptions", nil},
		{"metadata", map[string]string{}}, {"name", nil}, {"percent_off", percent}, {"redeem_by", nil},
		{"times_redeemed", c.redeemed}, {"valid", true},
	}
}

// cut returns what the coupon takes off an amount.
func (c *coupon) cut(amount int64) int64 {
	if c == nil {
		return 0
	}
	if c.percent > 0 {
		return int64(float64(amount)*c.percent/100 + 0.5)
	}
	return min(amount, c.off)
}

// promotion is a code that buyers type to get a coupon.
type promotion struct {
	head
	coupon   *coupon
	code     string
	redeemed int
}

func (p *promotion) render(s *Server) doc {
	return doc{
		{"id", p.id}, {"object", "promotion_code"}, {"active", true}, {"code", p.code}, {"created", p.created},
		{"customer", nil}, {"customer_account", nil}, {"expires_at", nil}, {"livemode", s.cfg.Live},
		{"max_redemptions", nil}, {"metadata", map[string]string{}},
		{"promotion", doc{{"type", "coupon"}, {"coupon", p.coupon.id}}},
		{"restrictions", doc{{"first_time_transaction", false}, {"minimum_amount", nil}, {"minimum_amount_currency", nil}}},
		{"times_redeemed", p.redeemed},
	}
}

// catalogRoutes are the calls about what is for sale.
func catalogRoutes() map[string]operation {
	return map[string]operation{
		"GET /v1/products":             listAll("product", "/v1/products"),
		"GET /v1/products/{id}":        showByID[*product]("product"),
		"POST /v1/products":            createProduct,
		"GET /v1/prices":               listPrices,
		"GET /v1/prices/{id}":          showByID[*price]("price"),
		"POST /v1/prices":              createPrice,
		"GET /v1/coupons":              listAll("coupon", "/v1/coupons"),
		"GET /v1/coupons/{id}":         showByID[*coupon]("coupon"),
		"GET /v1/promotion_codes":      listPromotions,
		"GET /v1/promotion_codes/{id}": showByID[*promotion]("promotion code"),
	}
}

// listPrices filters by lookup_keys as well, of which any may match.
func listPrices(c *call) (doc, error) {
	return c.list(query{kind: "price", url: "/v1/prices", indexed: []string{"product"}, keep: func(r resource) bool {
		keys := c.form.strs("lookup_keys")
		for _, k := range keys {
			if r.(*price).lookup == k {
				return true
			}
		}
		return len(keys) == 0
	}})
}

// listPromotions ignores case in code, as Stripe does.
func listPromotions(c *call) (doc, error) {
	return c.list(query{kind: "promotion_code", url: "/v1/promotion_codes", keep: func(r resource) bool {
		return !c.form.given("code") || strings.EqualFold(r.(*promotion).code, c.form.str("code"))
	}})
}

func createProduct(c *call) (doc, error) {
	if c.form.str("name") == "" {
		return nil, missing("name")
	}
	return c.show(c.s.newProduct(c.form.str("name"), c.form.strmap("metadata")))
}

func (s *Server) newProduct(name string, metadata map[string]string) *product {
	p := &product{
		head: s.newHead("product", "prod", 14, ""), name: name, active: true,
		updated: s.now.Unix(), metadata: metadata,
	}
	s.add(p, "product.created")
	return p
}

func createPrice(c *call) (doc, error) {
	f := c.form
	p, err := find[*product](c.s, "product", f.str("product"))
	if err != nil {
		return nil, noSuchParam("product", "product", f.str("product"))
	}
	amount, err := f.num("unit_amount")
	if err != nil {
		return nil, err
	}
	count, err := f.num("recurring", "interval_count")
	if err != nil {
		return nil, err
	}
	pr := c.s.newPrice(p, Price{
		Currency: f.str("currency"), Amount: amount, Interval: f.str("recurring", "interval"),
		Count: int(count), LookupKey: f.str("lookup_key"), Metadata: f.strmap("metadata"),
	})
	return c.show(pr)
}

// newPrice takes the wanted id over, so that tests and configurations can name
// prices.
func (s *Server) newPrice(p *product, spec Price) *price {
	pr := &price{
		head: s.newHead("price", "price", 24, ""), product: p, currency: strings.ToLower(spec.Currency),
		amount: spec.Amount, interval: spec.Interval, count: max(1, spec.Count), lookup: spec.LookupKey,
		metadata: spec.Metadata,
	}
	if spec.ID != "" {
		pr.id = spec.ID
	}
	if pr.metadata == nil {
		pr.metadata = map[string]string{}
	}
	s.add(pr, "price.created")
	s.index(pr, "product", p.id)
	return pr
}

// Price describes a price to be made.
type Price struct {
	// ID is the wanted id, such as "price_pro_monthly"; "" for a made-up one.
	ID string
	// Product is the product's name.
	Product string
	// Currency is an ISO 4217 code in any case.
	Currency string
	// Amount is in minor units for each unit of quantity.
	Amount int64
	// Interval is day, week, month or year; "" makes a one-time price.
	Interval string
	// Count is the number of intervals in a period; 1 when zero.
	Count     int
	LookupKey string
	Metadata  map[string]string
}

// AddPrice makes a product with one price and returns the price's id.
func (s *Server) AddPrice(spec Price) string {
	defer s.enter()()
	return s.newPrice(s.newProduct(spec.Product, map[string]string{}), spec).id
}

// Coupon describes a coupon to be made.
type Coupon struct {
	// Percent off, or zero for AmountOff.
	Percent float64
	// AmountOff is in minor units of Currency.
	AmountOff int64
	Currency  string
	// Duration is once (also when empty), repeating or forever.
	Duration string
	// Months counts for Duration repeating.
	Months int
	// Code is what customers type; "" makes no promotion code.
	Code string
}

// AddCoupon makes a coupon and, when it has a code, a promotion code. It
// returns the ids of both.
func (s *Server) AddCoupon(spec Coupon) (couponID, promotionID string) {
	defer s.enter()()
	c := &coupon{
		head: s.newHead("coupon", "cpn", 10, ""), percent: spec.Percent, off: spec.AmountOff,
		currency: strings.ToLower(spec.Currency), duration: spec.Duration, months: spec.Months,
	}
	c.id = strings.TrimPrefix(c.id, "cpn_")
	if c.duration == "" {
		c.duration = "once"
	}
	s.add(c, "coupon.created")
	if spec.Code == "" {
		return c.id, ""
	}
	p := &promotion{head: s.newHead("promotion_code", "promo", 24, ""), coupon: c, code: spec.Code}
	s.add(p)
	return c.id, p.id
}
