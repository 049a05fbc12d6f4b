package stripe

import (
	"strings"

	"github.com/trivetdev/trivet/sim"
)

// customer pays for subscriptions and is where life happens.
type customer struct {
	head
	email    string
	name     string
	locale   string
	currency string
	metadata map[string]string
	// pays is the default payment method for invoices.
	pays    *method
	deleted bool
	// stream decides this customer's life and nobody else's.
	stream *sim.Stream
	// misfortunes are the declines of the next charges.
	misfortunes []*decline
	// number counts invoices.
	number int
}

func (c *customer) render(s *Server) doc {
	if c.deleted {
		return doc{{"id", c.id}, {"object", "customer"}, {"deleted", true}}
	}
	return c.whole(s)
}

// whole is the customer as it was, which customer.deleted still shows.
func (c *customer) whole(s *Server) doc {
	var pays any
	if c.pays != nil {
		pays = c.pays.id
	}
	locales := []string{}
	if c.locale != "" {
		locales = append(locales, c.locale)
	}
	return doc{
		{"id", c.id}, {"object", "customer"}, {"address", nil}, {"balance", 0}, {"created", c.created},
		{"currency", orNull(c.currency)}, {"customer_account", nil}, {"default_source", nil}, {"delinquent", s.delinquent(c)}, {"description", nil},
		{"discount", nil}, {"email", orNull(c.email)}, {"invoice_prefix", strings.ToUpper(c.id[len(c.id)-8:])},
		{"invoice_settings", doc{{"custom_fields", nil}, {"default_payment_method", pays}, {"footer", nil}, {"rendering_options", nil}}},
		{"livemode", s.cfg.Live}, {"metadata", c.metadata}, {"name", orNull(c.name)}, {"next_invoice_sequence", c.number + 1},
		{"phone", nil}, {"preferred_locales", locales}, {"shipping", nil}, {"tax_exempt", "none"}, {"test_clock", nil},
	}
}

// include: subscriptions are left out unless expanded, and then without ended
// ones.
func (c *customer) include(s *Server, key string) (any, bool) {
	if key != "subscriptions" || c.deleted {
		return nil, false
	}
	var rows []any
	for _, sub := range ofCustomer[*subscription](s, "subscription", c.id) {
		if !sub.over() {
			rows = append(rows, sub.render(s))
		}
	}
	return listDoc("/v1/customers/"+c.id+"/subscriptions", rows, false), true
}

// delinquent changes without an event of its own at Stripe, too.
func (s *Server) delinquent(c *customer) bool {
	for _, sub := range ofCustomer[*subscription](s, "subscription", c.id) {
		if sub.status == "past_due" || sub.status == "unpaid" {
			return true
		}
	}
	return false
}

// newCustomer starts a life of its own: each customer draws from a separate
// stream, so that traffic about one does not change another.
func (s *Server) newCustomer(email, name string, metadata map[string]string) *customer {
	c := &customer{head: s.newHead("customer", "cus", 14, ""), email: email, name: name, metadata: metadata}
	if c.metadata == nil {
		c.metadata = map[string]string{}
	}
	c.stream = sim.NewStream(s.cfg.Seed, 1000+s.ids.Count("cus"))
	s.add(c, "customer.created")
	s.index(c, "email", email)
	s.live(c)
	return c
}

// customerRoutes are the calls about customers and how they pay.
func customerRoutes() map[string]operation {
	return map[string]operation{
		"POST /v1/customers":                     createCustomer,
		"GET /v1/customers":                      listCustomers,
		"GET /v1/customers/{id}":                 showByID[*customer]("customer"),
		"POST /v1/customers/{id}":                updateCustomer,
		"DELETE /v1/customers/{id}":              deleteCustomer,
		"GET /v1/customers/{id}/payment_methods": listMethodsOf,
		"GET /v1/payment_methods":                listAll("payment_method", "/v1/payment_methods", "customer"),
		"GET /v1/payment_methods/{id}":           showByID[*method]("PaymentMethod"),
	}
}

func listCustomers(c *call) (doc, error) {
	return c.list(query{kind: "customer", url: "/v1/customers", keep: func(r resource) bool {
		return !c.form.given("email") || r.(*customer).email == c.form.str("email")
	}})
}

func listMethodsOf(c *call) (doc, error) {
	if _, err := find[*customer](c.s, "customer", c.id()); err != nil {
		return nil, err
	}
	return c.list(query{kind: "payment_method", url: c.r.URL.Path, within: "customer=" + c.id()})
}

func createCustomer(c *call) (doc, error) {
	f := c.form
	cust := c.s.newCustomer(f.str("email"), f.str("name"), f.strmap("metadata"))
	if l := f.strs("preferred_locales"); len(l) > 0 {
		cust.locale = l[0]
	}
	return c.show(cust)
}

// updateCustomer counts as an effect only when the address really changes.
func updateCustomer(c *call) (doc, error) {
	s, f := c.s, c.form
	cust, err := find[*customer](s, "customer", c.id())
	if err != nil {
		return nil, err
	}
	if cust.deleted {
		return nil, noSuch("customer", cust.id)
	}
	if f.given("invoice_settings", "default_payment_method") {
		if _, err := find[*method](s, "PaymentMethod", f.str("invoice_settings", "default_payment_method")); err != nil {
			return nil, err
		}
	}
	was := cust.email
	s.edit(cust, func() {
		if f.given("email") {
			cust.email = f.str("email")
		}
		if f.given("name") {
			cust.name = f.str("name")
		}
		if id := f.str("invoice_settings", "default_payment_method"); id != "" {
			cust.pays = s.all[id].(*method)
		}
		if l := f.strs("preferred_locales"); len(l) > 0 {
			cust.locale = l[0]
		}
		cust.metadata = f.merge(cust.metadata, "metadata")
	}, "customer.updated")
	if cust.email != was {
		s.effect(sim.OpEmail, cust.id, 0, "", f.str("metadata", "trivet_effect"))
	}
	return c.show(cust)
}

func deleteCustomer(c *call) (doc, error) {
	cust, err := find[*customer](c.s, "customer", c.id())
	if err != nil {
		return nil, err
	}
	if cust.deleted {
		return nil, noSuch("customer", cust.id)
	}
	c.s.removeCustomer(cust)
	return c.show(cust)
}

// removeCustomer ends all subscriptions at once, as Stripe does.
func (s *Server) removeCustomer(c *customer) {
	for _, sub := range ofCustomer[*subscription](s, "subscription", c.id) {
		if !sub.over() {
			s.end(sub, "cancellation_requested")
		}
	}
	last := c.whole(s)
	s.edit(c, func() { c.deleted, c.gone = true, true })
	s.emitDoc("customer.deleted", c.id, last, nil)
}
