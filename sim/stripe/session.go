package stripe

import "time"

// session is a hosted checkout.
type session struct {
	head
	// mode is payment or subscription.
	mode   string
	status string
	paid   string // payment_status
	// lines share one currency.
	lines       []orderLine
	lineIDs     []string
	metadata    map[string]string
	reference   string
	email       string // customer_email
	creation    string
	locale      string
	promoCodes  bool
	success     string
	cancel      string
	expires     int64
	subMetadata map[string]string
	piMetadata  map[string]string
	// trialEnd and trialDays exclude each other; zero for none.
	trialEnd  int64
	trialDays int64
	missing   string
	collect   string
	coupon    *coupon
	promotion *promotion
	// pi exists from the first attempt, but Stripe shows it only on completed
	// sessions of mode payment.
	pi      *intent
	showPI  bool
	sub     *subscription
	invoice *invoice
	// typed is the e-mail that the buyer entered.
	typed string
	// who is the customer, given or made.
	who *customer
}

func (se *session) currency() string { return se.lines[0].price.currency }

// subtotal is what is due now: recurring prices in a trial are not.
func (se *session) subtotal() int64 {
	if se.mode == "subscription" && se.trial(se.created) > 0 {
		return se.oneTime()
	}
	var sum int64
	for _, l := range se.lines {
		sum += l.price.amount * l.quantity
	}
	return sum
}

// oneTime is the part that a trial does not put off.
func (se *session) oneTime() int64 {
	var sum int64
	for _, l := range se.lines {
		if l.price.interval == "" {
			sum += l.price.amount * l.quantity
		}
	}
	return sum
}

// trial is when the trial would end if the session were completed at now.
func (se *session) trial(now int64) int64 {
	if se.trialDays > 0 {
		return now + se.trialDays*86400
	}
	return se.trialEnd
}

func (se *session) cut() int64   { return se.coupon.cut(se.subtotal()) }
func (se *session) total() int64 { return se.subtotal() - se.cut() }

func (se *session) render(s *Server) doc {
	var url, pi any
	if se.status == "open" {
		url = s.cfg.PublicURL + "/c/pay/" + se.id
	}
	if se.pi != nil && se.showPI {
		pi = se.pi.id
	}
	return doc{
		{"id", se.id}, {"object", "checkout.session"}, {"adaptive_pricing", nil}, {"after_expiration", nil},
		{"allow_promotion_codes", se.promoCodes}, {"amount_subtotal", se.subtotal()}, {"amount_total", se.total()},
		{"automatic_tax", doc{{"enabled", false}, {"liability", nil}, {"provider", nil}, {"status", nil}}},
		{"billing_address_collection", nil}, {"cancel_url", orNull(se.cancel)}, {"client_reference_id", orNull(se.reference)},
		{"client_secret", nil}, {"collected_information", nil}, {"consent", nil}, {"consent_collection", nil}, {"created", se.created},
		{"currency", se.currency()}, {"currency_conversion", nil}, {"custom_fields", []any{}},
		{"custom_text", doc{{"after_submit", nil}, {"shipping_address", nil}, {"submit", nil}, {"terms_of_service_acceptance", nil}}},
		{"customer", orNull(se.customer)}, {"customer_account", nil}, {"customer_creation", orNull(se.creation)}, {"customer_details", se.details()},
		{"customer_email", orNull(se.email)}, {"discounts", se.discounts()}, {"expires_at", se.expires}, {"invoice", idOf(se.invoice)},
		{"invoice_creation", nil}, {"livemode", s.cfg.Live}, {"locale", orNull(se.locale)}, {"metadata", se.metadata}, {"mode", se.mode},
		{"origin_context", nil}, {"payment_intent", pi}, {"payment_link", nil}, {"payment_method_collection", orNull(se.collect)},
		{"payment_method_configuration_details", nil}, {"payment_method_options", doc{}}, {"payment_method_types", []string{"card", "sepa_debit"}},
		{"payment_status", se.paid}, {"permissions", nil}, {"phone_number_collection", doc{{"enabled", false}}}, {"recovered_from", nil},
		{"saved_payment_method_options", nil}, {"setup_intent", nil}, {"shipping_address_collection", nil}, {"shipping_cost", nil},
		{"shipping_options", []any{}}, {"status", se.status}, {"submit_type", nil}, {"subscription", idOf(se.sub)},
		{"success_url", orNull(se.success)},
		{"total_details", doc{{"amount_discount", se.cut()}, {"amount_shipping", 0}, {"amount_tax", 0}}},
		{"ui_mode", "hosted_page"}, {"url", url}, {"wallet_options", nil},
	}
}

// details are what the buyer told the page, or what was known before.
func (se *session) details() any {
	email := se.typed
	if email == "" {
		email = se.email
	}
	if email == "" && se.who != nil {
		email = se.who.email
	}
	if email == "" {
		return nil
	}
	return doc{
		{"address", nil}, {"business_name", nil}, {"email", email}, {"individual_name", nil}, {"name", nil}, {"phone", nil},
		{"tax_exempt", "none"}, {"tax_ids", []any{}},
	}
}

func (se *session) discounts() []any {
	if se.coupon == nil {
		return []any{}
	}
	return []any{doc{{"coupon", se.coupon.id}, {"promotion_code", idOf(se.promotion)}}}
}

// include: line_items are left out unless expanded.
func (se *session) include(s *Server, key string) (any, bool) {
	if key != "line_items" {
		return nil, false
	}
	return listDoc("/v1/checkout/sessions/"+se.id+"/line_items", se.lineDocs(s), false), true
}

func (se *session) lineDocs(s *Server) []any {
	out := make([]any, len(se.lines))
	trial := se.mode == "subscription" && se.trial(se.created) > 0
	for i, l := range se.lines {
		amount := l.price.amount * l.quantity
		if trial && l.price.interval != "" {
			amount = 0
		}
		cut := se.coupon.cut(amount)
		out[i] = doc{
			{"id", se.lineIDs[i]}, {"object", "item"}, {"adjustable_quantity", nil}, {"amount_discount", cut}, {"amount_subtotal", amount},
			{"amount_tax", 0}, {"amount_total", amount - cut}, {"currency", l.price.currency}, {"description", l.price.product.name},
			{"metadata", nil}, {"price", l.price.render(s)}, {"quantity", l.quantity},
		}
	}
	return out
}

// expire closes a session that nobody completed.
func (s *Server) expire(se *session) {
	if se.status != "open" {
		return
	}
	s.edit(se, func() { se.status = "expired" }, "checkout.session.expired")
	if se.pi != nil && se.pi.status != "succeeded" && se.pi.status != "canceled" {
		s.cancelIntent(se.pi, "expired")
	}
}

// sessionLife is how long a session stays open unless it says otherwise.
const sessionLife = 24 * time.Hour

// pay is one click on the hosted page's button: it makes what the session
// describes, if the card lets it. It reports whether the session is complete.
func (s *Server) pay(se *session, card Card, email string) bool {
	if se.status != "open" {
		return se.status == "complete"
	}
	if email != "" && se.email == "" {
		se.typed = email
	}
	c := s.buyer(se)
	if se.total() == 0 && (se.mode == "payment" || se.collect == "if_required") {
		s.complete(se, c, nil)
		return true
	}
	m := s.newMethod(card, c)
	if c == nil {
		m.email = se.typed
	}
	if se.total() == 0 {
		// A trial takes the card without a charge.
		s.complete(se, c, m)
		return true
	}
	return s.payNow(se, c, m)
}

// payNow tries the session's one payment intent again after a decline.
func (s *Server) payNow(se *session, c *customer, m *method) bool {
	if se.pi == nil {
		id := ""
		if c != nil {
			id = c.id
		}
		se.pi = s.newIntent(se.total(), se.currency(), id, se.piMetadata)
	}
	s.index(se, "payment_intent", se.pi.id)
	s.confirm(se.pi, m, s.fate(c, m, false), false)
	switch se.pi.status {
	case "succeeded", "processing":
		s.complete(se, c, m)
		return true
	}
	return false
}

// authenticate ends 3-D Secure, well or not.
func (s *Server) authenticate(se *session, ok bool) bool {
	pi := se.pi
	if se.status != "open" || pi == nil || pi.status != "requires_action" {
		return false
	}
	c, _ := s.all[pi.customer].(*customer)
	if !ok {
		why := &decline{code: "payment_intent_authentication_failure", reason: "authentication_required", message: "The customer could not be authenticated."}
		s.refuseIntent(pi, s.newCharge(pi, pi.pays, "failed", why), why)
		return false
	}
	s.succeed(pi, s.newCharge(pi, pi.pays, "succeeded", nil))
	s.complete(se, c, pi.pays)
	return true
}

// buyer is the session's customer, made now if the session wants one.
func (s *Server) buyer(se *session) *customer {
	if se.who != nil || se.customer != "" {
		if se.who == nil {
			se.who, _ = s.all[se.customer].(*customer)
		}
		return se.who
	}
	if se.mode == "payment" && se.creation != "always" {
		return nil
	}
	email := se.email
	if email == "" {
		email = se.typed
	}
	se.who = s.newCustomer(email, "", nil)
	return se.who
}

// complete makes what was bought and closes the session.
func (s *Server) complete(se *session, c *customer, m *method) {
	if c != nil && m != nil && c.pays == nil && se.mode == "subscription" {
		s.edit(c, func() { c.pays = m }, "customer.updated")
	}
	if se.mode == "subscription" {
		se.subscribe(s, c, m)
	}
	s.edit(se, func() {
		se.status, se.showPI = "complete", se.mode == "payment"
		if c != nil {
			se.customer = c.id
		}
		se.paid = se.payment()
	})
	s.index(se, "customer", se.customer)
	if se.sub != nil {
		s.index(se, "subscription", se.sub.id)
	}
	if se.promotion != nil {
		se.promotion.redeemed++
	}
	if se.pi != nil {
		se.pi.session = se
	}
	s.emit("checkout.session.completed", se, nil)
}

// payment is the payment_status of a completed session.
func (se *session) payment() string {
	switch {
	case se.total() == 0:
		return "no_payment_required"
	case se.pi != nil && se.pi.status == "succeeded":
		return "paid"
	}
	return "unpaid"
}

// subscribe makes the subscription only once the payment went well.
func (se *session) subscribe(s *Server, c *customer, m *method) {
	promo := ""
	if se.promotion != nil {
		promo = se.promotion.id
	}
	var lines []orderLine
	for _, l := range se.lines {
		if l.price.interval != "" {
			lines = append(lines, l)
		}
	}
	se.sub = s.newSubscription(order{
		customer: c, lines: lines, metadata: se.subMetadata, pays: m, trialEnd: se.trial(s.now.Unix()),
		missing: se.missing, coupon: se.coupon, promo: promo,
	})
	se.invoice = s.begin(se.sub, se.pi)
	se.invoice.session = se
}

// sessionPaid follows a delayed payment that came in.
func (s *Server) sessionPaid(se *session) {
	if se.status != "complete" || se.paid != "unpaid" {
		return
	}
	s.edit(se, func() { se.paid = "paid" }, "checkout.session.async_payment_succeeded")
}

// sessionFailed leaves the session complete and unpaid.
func (s *Server) sessionFailed(se *session) {
	if se.status == "complete" {
		s.emit("checkout.session.async_payment_failed", se, nil)
	}
}
