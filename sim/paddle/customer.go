package paddle

import (
	"github.com/trivetdev/trivet/sim"
)

// customer pays for subscriptions and is where life happens. Paddle knows them by
// their e-mail address, and never deletes them.
type customer struct {
	head
	email  string
	name   string
	locale string
	custom map[string]any
	// card is the method that was used last.
	card   Card
	cards  int
	stream *sim.Stream
	// misfortunes are the error codes of the next charges.
	misfortunes []string
	address     string
}

func (c *customer) render(*Server) doc {
	return doc{
		{"id", c.id}, {"status", "active"}, {"custom_data", customDoc(c.custom)}, {"name", orNull(c.name)}, {"email", c.email},
		{"marketing_consent", false}, {"locale", c.locale}, {"created_at", stamp(c.created)}, {"updated_at", stamp(c.updated)}, {"import_meta", nil},
	}
}

// streamsFrom is the number of the first customer's stream of decisions.
const streamsFrom = 1000

// newCustomer starts a life of its own: each customer draws from a separate
// stream, so that what happens to one does not change what happens to another.
func (s *Server) newCustomer(email, name string, custom map[string]any) *customer {
	c := &customer{head: s.newHead("customer", "ctm", ""), email: email, name: name, locale: "en", custom: custom}
	c.customer = c.id
	c.stream = sim.NewStream(s.cfg.Seed, streamsFrom+uint64(s.table("customer").Added()))
	s.add(c, "customer.created")
	c.address = s.newID("add")
	s.emitDoc("address.created", c.address, doc{
		{"id", c.address}, {"customer_id", c.id}, {"country_code", "US"}, {"postal_code", "10021"}, {"status", "active"},
		{"created_at", stamp(s.now)}, {"updated_at", stamp(s.now)},
	})
	s.live(c)
	return c
}

// customerBy finds a customer by address, which is unique at Paddle.
func (s *Server) customerBy(email string) *customer {
	for _, c := range rowsOf[*customer](s, "customer") {
		if c.email == email {
			return c
		}
	}
	return nil
}

func customerRoutes() map[string]endpointOf {
	return map[string]endpointOf{
		"GET /customers":                       {run: listCustomers, query: "after email id order_by per_page search status"},
		"POST /customers":                      {run: createCustomer, fields: "email name custom_data locale"},
		"GET /customers/{id}":                  {run: showByID[*customer]},
		"PATCH /customers/{id}":                {run: updateCustomer, fields: "name email status custom_data locale"},
		"POST /customers/{id}/portal-sessions": {run: createPortal, fields: "subscription_ids"},
	}
}

func listCustomers(c *call) (answered, error) {
	email, status := c.r.URL.Query().Get("email"), c.r.URL.Query().Get("status")
	return c.list(query{kind: "customer", most: 200, keep: func(r resource) bool {
		return oneOf(email, r.(*customer).email) && oneOf(status, "active")
	}})
}

func createCustomer(c *call) (answered, error) {
	email := c.body.str("email")
	if email == "" {
		return answered{}, badField("email", "Must be an email address")
	}
	if other := c.s.customerBy(email); other != nil {
		return answered{}, conflict("customer_already_exists", "customer email conflicts with customer of id "+other.id)
	}
	made := c.s.newCustomer(email, c.body.str("name"), c.body.custom())
	return answered{data: made.render(c.s), status: 201}, nil
}

func updateCustomer(c *call) (answered, error) {
	who, err := find[*customer](c.s, c.id())
	if err != nil {
		return answered{}, err
	}
	email := c.body.str("email")
	if other := c.s.customerBy(email); other != nil && other != who {
		return answered{}, conflict("customer_already_exists", "customer email conflicts with customer of id "+other.id)
	}
	if email != "" && email != who.email {
		c.s.setEmail(who, email)
		c.s.effect(sim.OpEmail, who.id, 0, "")
	}
	c.s.edit(who, func() {
		if c.body.given("name") {
			who.name = c.body.str("name")
		}
		if c.body.given("custom_data") {
			who.custom = c.body.custom()
		}
		if locale := c.body.str("locale"); locale != "" {
			who.locale = locale
		}
	}, "customer.updated")
	return answered{data: who.render(c.s)}, nil
}

func (s *Server) setEmail(c *customer, email string) {
	s.edit(c, func() { c.email = email }, "customer.updated")
}
