package stripe

import (
	"time"

	"github.com/trivetdev/trivet/sim"
)

// intent is a payment intent: one payment, however many attempts it takes.
type intent struct {
	head
	amount   int64
	currency string
	status   string
	metadata map[string]string
	// refused is why the newest attempt failed, nil once another is under way.
	refused *decline
	// charges are the attempts, oldest first.
	charges  []*charge
	pays     *method
	canceled int64
	reason   string
	// inv or session is what the payment is for.
	inv     *invoice
	session *session
	// email is where a guest's receipt goes.
	email string
}

// secret is the client secret, derived so that it needs no storing.
func (pi *intent) secret() string { return pi.id + "_secret_" + pi.id[len(pi.id)-8:] }

func (pi *intent) latest() *charge {
	if len(pi.charges) == 0 {
		return nil
	}
	return pi.charges[len(pi.charges)-1]
}

// received is what was collected, refunds aside.
func (pi *intent) received() int64 {
	if pi.status == "succeeded" {
		return pi.amount
	}
	return 0
}

// newIntent makes a payment that has not been tried yet.
func (s *Server) newIntent(amount int64, currency, customer string, metadata map[string]string) *intent {
	if metadata == nil {
		metadata = map[string]string{}
	}
	pi := &intent{
		head: s.newHead("payment_intent", "pi", 24, customer), amount: amount, currency: currency,
		status: "requires_payment_method", metadata: metadata,
	}
	s.add(pi, "payment_intent.created")
	return pi
}

func (pi *intent) render(s *Server) doc {
	var next, failed any
	if pi.status == "requires_action" {
		next = doc{{"redirect_to_url", doc{{"return_url", nil}, {"url", s.cfg.PublicURL + "/3ds/" + pi.id}}}, {"type", "redirect_to_url"}}
	}
	if pi.refused != nil {
		failed = pi.failure(s)
	}
	types := []string{"card"}
	if pi.pays != nil && pi.pays.card.debit() {
		types = []string{"sepa_debit"}
	}
	return doc{
		{"id", pi.id}, {"object", "payment_intent"}, {"amount", pi.amount}, {"amount_capturable", 0},
		{"amount_details", doc{{"tip", doc{}}}}, {"amount_received", pi.received()}, {"application", nil}, {"application_fee_amount", nil},
		{"automatic_payment_methods", nil}, {"canceled_at", stamp(pi.canceled)}, {"cancellation_reason", orNull(pi.reason)},
		{"capture_method", "automatic"}, {"client_secret", pi.secret()}, {"confirmation_method", "automatic"}, {"created", pi.created},
		{"currency", pi.currency}, {"customer", orNull(pi.customer)}, {"customer_account", nil}, {"description", pi.description()},
		{"last_payment_error", failed}, {"latest_charge", idOf(pi.latest())}, {"livemode", s.cfg.Live}, {"metadata", pi.metadata},
		{"next_action", next}, {"on_behalf_of", nil}, {"payment_method", pi.methodID()}, {"payment_method_configuration_details", nil},
		{"payment_method_options", doc{}}, {"payment_method_types", types}, {"processing", nil}, {"receipt_email", orNull(pi.email)},
		{"review", nil}, {"setup_future_usage", nil}, {"shipping", nil}, {"statement_descriptor", nil},
		{"statement_descriptor_suffix", nil}, {"status", pi.status}, {"transfer_data", nil}, {"transfer_group", nil},
	}
}

func (pi *intent) description() any {
	switch {
	case pi.inv == nil:
		return nil
	case pi.inv.reason == "subscription_create":
		return "Subscription creation"
	}
	return "Subscription update"
}

// methodID is null after a decline: the intent wants another method.
func (pi *intent) methodID() any {
	if pi.status == "requires_payment_method" {
		return nil
	}
	return idOf(pi.pays)
}

// failure is last_payment_error.
func (pi *intent) failure(s *Server) doc {
	d := pi.refused
	out := doc{
		{"advice_code", d.advice}, {"charge", pi.latest().id}, {"code", d.code}, {"decline_code", d.reason},
		{"doc_url", "https://stripe.com/docs/error-codes/" + d.code}, {"message", d.message},
		{"network_decline_code", d.network}, {"type", "card_error"},
	}
	if pi.pays != nil {
		out = append(out, field{"payment_method", pi.pays.render(s)})
	}
	return out
}

// fate decides whether a charge will be declined: by FailNextCharge, by the
// card itself, or by Life.
func (s *Server) fate(c *customer, m *method, renewal bool) *decline {
	if c == nil {
		return m.card.fails(renewal)
	}
	if len(c.misfortunes) > 0 {
		d := c.misfortunes[0]
		c.misfortunes = c.misfortunes[1:]
		return d
	}
	if d := m.card.fails(renewal); d != nil {
		return d
	}
	if renewal && c.stream.Chance(s.cfg.Rates.CardFailure) {
		d := sim.Pick(c.stream, declines())
		return &d
	}
	return nil
}

// confirm makes one attempt to collect the intent.
func (s *Server) confirm(pi *intent, m *method, refused *decline, renewal bool) {
	pi.pays = m
	if m.customer == "" {
		pi.email = m.email
	}
	switch {
	case m.card.debit():
		s.startDebit(pi, m)
	case refused != nil:
		s.refuseIntent(pi, s.newCharge(pi, m, "failed", refused), refused)
	case m.card.authenticates(renewal):
		s.askAuthentication(pi)
	default:
		s.succeed(pi, s.newCharge(pi, m, "succeeded", nil))
	}
}

// askAuthentication of a renewal finds nobody there: the invoice has failed until
// the customer comes.
func (s *Server) askAuthentication(pi *intent) {
	s.edit(pi, func() { pi.status, pi.refused = "requires_action", nil }, "payment_intent.requires_action")
	if inv := pi.inv; inv != nil {
		s.emit("invoice.payment_action_required", inv, nil)
		s.collectFailed(inv, &decline{hard: true})
	}
}

// startDebit settles between two and six days later.
func (s *Server) startDebit(pi *intent, m *method) {
	ch := s.newCharge(pi, m, "pending", nil)
	s.edit(pi, func() { pi.status, pi.refused = "processing", nil }, "payment_intent.processing")
	days := 2 + len(pi.charges) + int(ch.created%3)
	s.in(time.Duration(days)*24*time.Hour, func() { s.endDebit(pi, ch, m) })
}

// endDebit decides by the method: a debit that fails has been processing until
// then, which is what receivers get wrong.
func (s *Server) endDebit(pi *intent, ch *charge, m *method) {
	if pi.status != "processing" {
		return
	}
	if m.card == CardDebit {
		s.edit(ch, func() { ch.status = "succeeded"; s.earn(ch) }, "charge.succeeded")
		s.succeed(pi, ch)
		return
	}
	why := &decline{code: "insufficient_funds", reason: "insufficient_funds", network: "AM04", message: "The customer's bank refused the debit.", hard: true}
	s.edit(ch, func() { ch.status, ch.why = "failed", why }, "charge.failed")
	s.refuseIntent(pi, ch, why)
}

// succeed follows a charge that went through.
func (s *Server) succeed(pi *intent, ch *charge) {
	s.edit(pi, func() { pi.status, pi.refused, pi.pays = "succeeded", nil, ch.pays }, "payment_intent.succeeded")
	if pi.inv != nil && pi.inv.status != "paid" {
		s.settle(pi.inv)
	}
	if pi.session != nil {
		s.sessionPaid(pi.session)
	}
}

// refuseIntent follows a charge that failed, at once or after days.
func (s *Server) refuseIntent(pi *intent, ch *charge, why *decline) {
	late := ch.pays.card.debit()
	s.edit(pi, func() { pi.status, pi.refused = "requires_payment_method", why }, "payment_intent.payment_failed")
	if pi.inv != nil {
		s.collectFailed(pi.inv, why)
	}
	if pi.session != nil && late {
		s.sessionFailed(pi.session)
	}
}

// cancelIntent ends a payment for good.
func (s *Server) cancelIntent(pi *intent, reason string) {
	s.edit(pi, func() {
		pi.status, pi.canceled, pi.reason = "canceled", s.now.Unix(), reason
	}, "payment_intent.canceled")
}
