package lemonsqueezy

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// checkout is a page on which a variant can be bought, any number of times until
// it expires. It never says whether that has happened.
type checkout struct {
	head
	variant  *variant
	quantity int64
	custom   map[string]string
	redirect string
	email    string
	code     string
	expires  time.Time
	// orders are what came of it, which the API does not tell.
	orders []*order
	// asking: the buyer's bank wants to know that it is them.
	asking bool
}

func (c *checkout) attributes(s *Server) doc {
	custom := doc{}
	for _, name := range slices.Sorted(maps.Keys(c.custom)) {
		custom = append(custom, field{name, c.custom[name]})
	}
	return doc{
		{"store_id", c.store}, {"variant_id", c.variant.number()}, {"custom_price", nil},
		{"product_options", doc{{"name", ""}, {"redirect_url", c.redirect}, {"enabled_variants", []any{c.variant.number()}}}},
		{"checkout_options", doc{{"embed", false}, {"discount", true}}},
		{"checkout_data", doc{
			{"email", c.email}, {"name", ""}, {"billing_address", []any{}}, {"tax_number", ""}, {"discount_code", c.code}, {"custom", custom},
			{"variant_quantities", []any{doc{{"variant_id", c.variant.number()}, {"quantity", c.quantity}}}},
		}},
		{"preview", false}, {"expires_at", stamp(c.expires)},
		{"created_at", stamp(c.created)}, {"updated_at", stamp(c.updated)}, {"test_mode", !s.cfg.Live},
		{"url", s.checkoutURL(c)},
	}
}

func (s *Server) checkoutURL(c *checkout) string {
	path := "/checkout/custom/" + c.id
	return s.cfg.PublicURL + path + "?signature=" + s.mac(path)
}

func checkoutRoutes() map[string]operation {
	return map[string]operation{
		"POST /v1/checkouts":     createCheckout,
		"GET /v1/checkouts":      listOf(typeCheckout, "store_id", "variant_id"),
		"GET /v1/checkouts/{id}": show[*checkout](typeCheckout),
	}
}

func createCheckout(c *call) (doc, error) {
	s := c.s
	st, err := find[*store](s, typeStore, c.relation("store"))
	if err != nil {
		return nil, invalid("/data/relationships/store", "The related resource does not exist.")
	}
	v, err := find[*variant](s, typeVariant, c.relation("variant"))
	if err != nil {
		return nil, invalid("/data/relationships/variant", "The related resource does not exist.")
	}
	row := &checkout{variant: v, quantity: 1, custom: map[string]string{}}
	if err := row.read(c.attributes(), s.now); err != nil {
		return nil, err
	}
	t := s.table(typeCheckout)
	t.next++
	row.head = head{id: s.uuid("checkout", t.next), typ: typeCheckout, store: st.number(), created: s.now, updated: s.now}
	s.add(row)
	s.effect(sim.OpCheckoutCreate, row.id, v.price.amount*row.quantity, row.custom["trivet_effect"])
	return c.single(row)
}

// read takes over the options of a new checkout.
func (row *checkout) read(a members, now time.Time) error {
	data, options := a.inner("checkout_data"), a.inner("product_options")
	row.email, row.code, row.redirect = data.text("email"), data.text("discount_code"), options.text("redirect_url")
	for name := range data.inner("custom") {
		value := data.inner("custom").text(name)
		if value == "" {
			return invalid("/data/attributes/checkout_data/custom/"+name, "The checkout_data.custom."+name+" must be a string.")
		}
		row.custom[name] = value
	}
	quantities, err := quantitiesOf(data)
	if err != nil {
		return err
	}
	if n := quantities[row.variant.id]; n > 0 {
		row.quantity = n
	}
	if row.redirect != "" && !strings.HasPrefix(row.redirect, "http") {
		return invalid("/data/attributes/product_options/redirect_url", "The product_options.redirect_url must be a valid URL.")
	}
	if text := a.text("expires_at"); text != "" {
		if row.expires, err = time.Parse(time.RFC3339, text); err != nil || !row.expires.After(now) {
			return invalid("/data/attributes/expires_at", "The expires_at must be a date in the future.")
		}
	}
	return nil
}

func quantitiesOf(data members) (map[string]int64, error) {
	var rows []struct {
		VariantID int   `json:"variant_id"`
		Quantity  int64 `json:"quantity"`
	}
	if !data.has("variant_quantities") {
		return nil, nil
	}
	if err := json.Unmarshal(data["variant_quantities"], &rows); err != nil {
		return nil, invalid("/data/attributes/checkout_data/variant_quantities", "The variant_quantities must be an array.")
	}
	out := map[string]int64{}
	for _, r := range rows {
		if r.Quantity < 1 {
			return nil, invalid("/data/attributes/checkout_data/variant_quantities", "The quantity must be at least 1.")
		}
		out[strconv.Itoa(r.VariantID)] = r.Quantity
	}
	return out, nil
}

// open reports whether the page can still be paid.
func (c *checkout) open(now time.Time) bool { return c.expires.IsZero() || now.Before(c.expires) }

// Bought lists the orders that came of a checkout, oldest first. Nobody can learn
// that from the API.
func (s *Server) Bought(checkoutID string) (orders []string) {
	defer s.enter()()
	c, err := find[*checkout](s, typeCheckout, checkoutID)
	if err != nil {
		return nil
	}
	for _, o := range c.orders {
		orders = append(orders, o.id)
	}
	return orders
}

// returnURL is where the browser goes after the purchase.
func (s *Server) returnURL(c *checkout, o *order) string {
	if c.redirect == "" {
		return s.cfg.PublicURL + "/checkout/success"
	}
	if !s.cfg.Variables {
		return c.redirect
	}
	return strings.NewReplacer("[order_id]", o.id, "[order_identifier]", o.identifier).Replace(c.redirect)
}
