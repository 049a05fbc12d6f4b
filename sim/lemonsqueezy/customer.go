package lemonsqueezy

import (
	"strings"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// customer is whoever typed an e-mail address into a checkout: the same address is
// the same customer, whoever typed it.
type customer struct {
	head
	email  string
	name   string
	card   Card
	stream *sim.Stream
	// misfortunes are charges still to be declined, whatever the card.
	misfortunes int
}

func (c *customer) attributes(s *Server) doc {
	return doc{
		{"store_id", c.store}, {"name", c.name}, {"email", c.email}, {"status", "subscribed"}, {"city", nil}, {"region", nil},
		{"country", "US"}, {"total_revenue_currency", 0}, {"mrr", 0}, {"status_formatted", "Subscribed"}, {"country_formatted", "United States"},
		{"urls", doc{{"customer_portal", s.signed("/billing/customer/" + c.id)}}},
		{"created_at", stamp(c.created)}, {"updated_at", stamp(c.updated)}, {"test_mode", !s.cfg.Live},
	}
}

func customerRoutes() map[string]operation {
	return map[string]operation{
		"GET /v1/customers":        listOf(typeCustomer, "store_id", "email"),
		"GET /v1/customers/{id}":   show[*customer](typeCustomer),
		"PATCH /v1/customers/{id}": updateCustomer,
	}
}

func updateCustomer(c *call) (doc, error) {
	who, err := find[*customer](c.s, typeCustomer, c.id())
	if err != nil {
		return nil, err
	}
	a := c.attributes()
	if a.has("email") {
		if !strings.Contains(a.text("email"), "@") {
			return nil, invalid("/data/attributes/email", "The email must be a valid email address.")
		}
		if who.email != a.text("email") {
			c.s.effect(sim.OpEmail, who.id, 0, "")
			c.s.rename(who, a.text("email"))
		}
	}
	return c.single(who)
}

// rename changes a customer's address.
func (s *Server) rename(c *customer, email string) {
	s.edit(c, func() { c.email = email })
	s.emit("customer_updated", c, nil)
}

// buyer finds the customer of an address, or makes one.
func (s *Server) buyer(email string, store int) *customer {
	for _, c := range rowsOf[*customer](s, typeCustomer) {
		if strings.EqualFold(c.email, email) && c.store == store {
			return c
		}
	}
	c := &customer{head: s.newHead(typeCustomer, 0), email: email, name: "Buyer"}
	c.customer, c.store = c.number(), store
	c.stream = sim.NewStream(s.cfg.Seed, 1000+uint64(c.customer))
	s.add(c)
	if store == 1 {
		s.live(c)
	}
	return c
}

func (s *Server) customerOf(r resource) *customer {
	c, _ := s.table(typeCustomer).byID[itoa(r.about().customer)].(*customer)
	return c
}

// signed is a page of a customer whose address works for 24 hours.
func (s *Server) signed(path string) string {
	expires := digits(s.now.Add(24 * time.Hour).Unix())
	return s.cfg.PublicURL + path + "?expires=" + expires + "&signature=" + s.mac(path+expires)
}
