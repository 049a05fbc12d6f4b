package stripe

import (
	"time"

	"github.com/trivetdev/trivet/sim"
)

// checkoutRoutes are the calls about hosted checkouts.
func checkoutRoutes() map[string]operation {
	return map[string]operation{
		"POST /v1/checkout/sessions":                createSession,
		"GET /v1/checkout/sessions":                 listSessions,
		"GET /v1/checkout/sessions/{id}":            showByID[*session]("checkout.session"),
		"GET /v1/checkout/sessions/{id}/line_items": listSessionLines,
		"POST /v1/checkout/sessions/{id}/expire":    expireSession,
	}
}

func listSessions(c *call) (doc, error) {
	status := c.form.str("status")
	return c.list(query{
		kind: "checkout.session", url: "/v1/checkout/sessions", indexed: []string{"payment_intent", "subscription", "customer"},
		keep: func(r resource) bool { return status == "" || r.(*session).status == status },
	})
}

func listSessionLines(c *call) (doc, error) {
	se, err := find[*session](c.s, "checkout.session", c.id())
	if err != nil {
		return nil, err
	}
	return listDoc(c.r.URL.Path, se.lineDocs(c.s), false), nil
}

func expireSession(c *call) (doc, error) {
	se, err := find[*session](c.s, "checkout.session", c.id())
	if err != nil {
		return nil, err
	}
	if se.status != "open" {
		return nil, badRequest("", "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of "+se.status+".")
	}
	c.s.expire(se)
	return c.show(se)
}

// createSession makes no event: Stripe has no checkout.session.created.
func createSession(c *call) (doc, error) {
	s := c.s
	se, err := s.readSession(c.form)
	if err != nil {
		return nil, err
	}
	se.head = s.newHead("checkout.session", s.sessionPrefix(), 58, se.customer)
	for range se.lines {
		se.lineIDs = append(se.lineIDs, s.newID("li", 14))
	}
	if se.expires == 0 {
		se.expires = s.now.Add(sessionLife).Unix()
	}
	s.add(se)
	s.at(unix(se.expires), func() { s.expire(se) })
	s.effect(sim.OpCheckoutCreate, se.id, se.total(), se.currency(), se.metadata["trivet_effect"])
	return c.show(se)
}

// sessionPrefix shows the mode in the id, as Stripe's do.
func (s *Server) sessionPrefix() string {
	if s.cfg.Live {
		return "cs_live"
	}
	return "cs_test"
}

// readSession checks the parameters of a new session, in Stripe's words.
func (s *Server) readSession(f *form) (*session, error) {
	se := &session{
		mode: f.str("mode"), status: "open", paid: "unpaid", metadata: f.strmap("metadata"), reference: f.str("client_reference_id"),
		email: f.str("customer_email"), creation: f.str("customer_creation"), locale: f.str("locale"),
		promoCodes: f.flag("allow_promotion_codes"), success: f.str("success_url"), cancel: f.str("cancel_url"),
		subMetadata: f.strmap("subscription_data", "metadata"), piMetadata: f.strmap("payment_intent_data", "metadata"),
		missing: f.str("subscription_data", "trial_settings", "end_behavior", "missing_payment_method"),
		collect: f.str("payment_method_collection"),
	}
	if se.mode != "payment" && se.mode != "subscription" {
		return nil, invalid("parameter_missing", "mode", "You must provide a mode of payment or subscription.")
	}
	if se.success == "" {
		return nil, missing("success_url")
	}
	for _, step := range []func(*form, *session) error{s.readLines, s.readBuyer, s.readTrial, s.readDiscounts} {
		if err := step(f, se); err != nil {
			return nil, err
		}
	}
	if se.mode == "subscription" && se.collect == "" {
		se.collect = "always"
	}
	if se.mode == "payment" && se.customer == "" && se.creation == "" {
		se.creation = "if_required"
	}
	return se, nil
}

// readLines wants one currency, and recurring prices in one mode only.
func (s *Server) readLines(f *form, se *session) error {
	for _, row := range f.rows("line_items") {
		p, err := find[*price](s, "price", row.str("price"))
		if err != nil {
			return noSuchParam("price", "line_items[0][price]", row.str("price"))
		}
		n, err := row.num("quantity")
		if err != nil {
			return err
		}
		se.lines = append(se.lines, orderLine{price: p, quantity: max(1, n)})
	}
	if len(se.lines) == 0 {
		return missing("line_items")
	}
	recurring := false
	for _, l := range se.lines {
		recurring = recurring || l.price.interval != ""
		if l.price.currency != se.currency() {
			return badRequest("line_items", "All prices on a Checkout Session must use the same currency.")
		}
	}
	if recurring != (se.mode == "subscription") {
		return badRequest("line_items", "You must provide at least one recurring price in `subscription` mode, and none in `payment` mode.")
	}
	return nil
}

// readBuyer takes an existing customer or an e-mail, never both.
func (s *Server) readBuyer(f *form, se *session) error {
	id := f.str("customer")
	if id == "" {
		return nil
	}
	if se.email != "" {
		return badRequest("customer_email", "You may only specify one of these parameters: customer, customer_email.")
	}
	c, err := find[*customer](s, "customer", id)
	if err != nil || c.deleted {
		return noSuchParam("customer", "customer", id)
	}
	se.who, se.customer = c, id
	return nil
}

// readTrial knows Stripe's bounds: a trial of 2 to 730 days, a session open for
// 30 minutes to 24 hours.
func (s *Server) readTrial(f *form, se *session) (err error) {
	if se.trialEnd, err = f.num("subscription_data", "trial_end"); err != nil {
		return err
	}
	if se.trialDays, err = f.num("subscription_data", "trial_period_days"); err != nil {
		return err
	}
	if se.expires, err = f.num("expires_at"); err != nil {
		return err
	}
	now := s.now
	switch {
	case se.trialEnd != 0 && se.trialEnd < now.Add(48*time.Hour).Unix():
		return badRequest("subscription_data[trial_end]", "The `trial_end` date has to be at least 2 days in the future.")
	case se.trialEnd > now.AddDate(0, 0, 730).Unix():
		return badRequest("subscription_data[trial_end]", "The `trial_end` date cannot be more than 730 days in the future.")
	case se.expires != 0 && (se.expires < now.Add(30*time.Minute).Unix() || se.expires > now.Add(24*time.Hour).Unix()):
		return badRequest("expires_at", "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.")
	}
	return nil
}

// readDiscounts takes the one discount that Stripe allows, and none beside codes
// that the buyer may type.
func (s *Server) readDiscounts(f *form, se *session) error {
	rows := f.rows("discounts")
	if len(rows) == 0 {
		return nil
	}
	if se.promoCodes {
		return badRequest("discounts", "You may only specify one of these parameters: allow_promotion_codes, discounts.")
	}
	if id := rows[0].str("promotion_code"); id != "" {
		p, err := find[*promotion](s, "promotion code", id)
		if err != nil {
			return noSuchParam("promotion code", "discounts[0][promotion_code]", id)
		}
		se.promotion, se.coupon = p, p.coupon
		return nil
	}
	c, err := find[*coupon](s, "coupon", rows[0].str("coupon"))
	if err != nil {
		return noSuchParam("coupon", "discounts[0][coupon]", rows[0].str("coupon"))
	}
	se.coupon = c
	return nil
}
