package stripe

// charge is one attempt of a payment intent.
type charge struct {
	head
	pi     *intent
	status string
	pays   *method
	// shown is the method as it was: a charge does not follow a card's renewal.
	shown method
	// why it failed; nil for one that did not.
	why     *decline
	refunds []*refund
	// disputed is set by chargebacks; inquiries take no money.
	disputed bool
	// balance is nil until the charge succeeds.
	balance *balance
}

// newCharge makes one attempt in its first state: pending, succeeded or failed.
// Charges that are not by card have ids that begin with py.
func (s *Server) newCharge(pi *intent, m *method, status string, why *decline) *charge {
	ch := &charge{head: s.newHead("charge", "ch", 24, pi.customer), pi: pi, status: status, pays: m, shown: *m, why: why}
	if m.card.debit() {
		ch.id = "py" + ch.id[2:]
	}
	pi.charges = append(pi.charges, ch)
	if status == "succeeded" {
		s.earn(ch)
	}
	s.add(ch, "charge."+status)
	s.index(ch, "payment_intent", pi.id)
	return ch
}

// refunded is what refunds have taken back or are about to.
func (ch *charge) refunded() int64 {
	var sum int64
	for _, r := range ch.refunds {
		if r.status == "succeeded" || r.status == "pending" || r.status == "requires_action" {
			sum += r.amount
		}
	}
	return sum
}

func (ch *charge) render(s *Server) doc {
	var code, message any
	if ch.why != nil {
		code, message = ch.why.code, ch.why.message
	}
	captured := int64(0)
	if ch.status == "succeeded" {
		captured = ch.pi.amount
	}
	return doc{
		{"id", ch.id}, {"object", "charge"}, {"amount", ch.pi.amount}, {"amount_captured", captured}, {"amount_refunded", ch.refunded()},
		{"application", nil}, {"application_fee", nil}, {"application_fee_amount", nil}, {"balance_transaction", idOf(ch.balance)},
		{"billing_details", ch.shown.billing()}, {"calculated_statement_descriptor", "SIMULATED"}, {"captured", ch.status == "succeeded"},
		{"created", ch.created}, {"currency", ch.pi.currency}, {"customer", orNull(ch.customer)}, {"description", ch.pi.description()},
		{"disputed", ch.disputed}, {"failure_balance_transaction", nil}, {"failure_code", code}, {"failure_message", message},
		{"fraud_details", doc{}}, {"livemode", s.cfg.Live}, {"metadata", ch.pi.metadata}, {"on_behalf_of", nil}, {"outcome", ch.outcome()},
		{"paid", ch.status == "succeeded"}, {"payment_intent", ch.pi.id}, {"payment_method", ch.pays.id},
		{"payment_method_details", ch.shown.details()}, {"radar_options", doc{}}, {"receipt_email", orNull(ch.pi.email)}, {"receipt_number", nil},
		{"receipt_url", s.cfg.PublicURL + "/receipts/" + ch.id}, {"refunded", ch.status == "succeeded" && ch.refunded() == ch.pi.amount},
		{"review", nil}, {"shipping", nil}, {"source_transfer", nil}, {"statement_descriptor", nil},
		{"statement_descriptor_suffix", nil}, {"status", ch.status}, {"transfer_data", nil}, {"transfer_group", nil},
	}
}

// outcome carries the codes by which a failed charge is classified.
func (ch *charge) outcome() doc {
	if d := ch.why; d != nil {
		return doc{
			{"advice_code", orNull(d.advice)}, {"network_advice_code", nil}, {"network_decline_code", orNull(d.network)},
			{"network_status", "declined_by_network"}, {"reason", orNull(d.reason)}, {"risk_level", "normal"}, {"risk_score", 24},
			{"seller_message", "The bank returned the decline code `" + d.reason + "`."}, {"type", "issuer_declined"},
		}
	}
	return doc{
		{"advice_code", nil}, {"network_advice_code", nil}, {"network_decline_code", nil}, {"network_status", "approved_by_network"},
		{"reason", nil}, {"risk_level", "normal"}, {"risk_score", 24}, {"seller_message", "Payment complete."}, {"type", "authorized"},
	}
}

// include: refunds are left out of charges (Stripe, since 2022-11-15).
func (ch *charge) include(s *Server, key string) (any, bool) {
	if key != "refunds" {
		return nil, false
	}
	var rows []any
	for i := len(ch.refunds) - 1; i >= 0; i-- {
		rows = append(rows, ch.refunds[i].render(s))
	}
	return listDoc("/v1/charges/"+ch.id+"/refunds", rows, false), true
}

// balance is a balance transaction: what a charge or refund did to the account,
// and its fee.
type balance struct {
	head
	typ string
	// amount and fee are in minor units, negative for what went out.
	amount   int64
	fee      int64
	currency string
	source   string
}

// earn books a successful charge with a fee of 2.9 % and 30 minor units.
func (s *Server) earn(ch *charge) {
	ch.balance = s.book("charge", ch.pi.amount, ch.pi.amount*29/1000+30, ch.pi.currency, ch.id)
}

// book records a movement of the account's balance.
func (s *Server) book(typ string, amount, fee int64, currency, source string) *balance {
	b := &balance{head: s.newHead("balance_transaction", "txn", 24, ""), typ: typ, amount: amount, fee: fee, currency: currency, source: source}
	s.add(b)
	return b
}

func (b *balance) render(*Server) doc {
	fees := []any{}
	if b.fee != 0 {
		fees = append(fees, doc{{"amount", b.fee}, {"application", nil}, {"currency", b.currency}, {"description", "Stripe processing fees"}, {"type", "stripe_fee"}})
	}
	return doc{
		{"id", b.id}, {"object", "balance_transaction"}, {"amount", b.amount}, {"available_on", b.created + 2*86400}, {"balance_type", "payments"},
		{"created", b.created}, {"currency", b.currency}, {"description", nil}, {"exchange_rate", nil}, {"fee", b.fee},
		{"fee_details", fees}, {"net", b.amount - b.fee}, {"reporting_category", b.typ}, {"source", b.source},
		{"status", "available"}, {"type", b.typ},
	}
}

// paymentRoutes are the calls about money that came in or went back.
func paymentRoutes() map[string]operation {
	return map[string]operation{
		"GET /v1/payment_intents":              listAll("payment_intent", "/v1/payment_intents", "customer"),
		"GET /v1/payment_intents/{id}":         showByID[*intent]("payment_intent"),
		"POST /v1/payment_intents/{id}/cancel": cancelPayment,
		"GET /v1/charges":                      listAll("charge", "/v1/charges", "payment_intent", "customer"),
		"GET /v1/charges/{id}":                 showByID[*charge]("charge"),
		"GET /v1/refunds":                      listAll("refund", "/v1/refunds", "payment_intent", "charge"),
		"GET /v1/refunds/{id}":                 showByID[*refund]("refund"),
		"POST /v1/refunds":                     createRefund,
	}
}

// cancelPayment refuses what Stripe refuses: money under way cannot be called
// back.
func cancelPayment(c *call) (doc, error) {
	pi, err := find[*intent](c.s, "payment_intent", c.id())
	if err != nil {
		return nil, err
	}
	if pi.status == "succeeded" || pi.status == "canceled" || pi.status == "processing" {
		return nil, invalid("payment_intent_unexpected_state", "", "You cannot cancel this PaymentIntent because it has a status of "+pi.status+".")
	}
	if pi.inv != nil {
		return nil, invalid("payment_intent_unexpected_state", "", "You cannot cancel a PaymentIntent that belongs to an invoice. Void the invoice instead.")
	}
	reason := c.form.str("cancellation_reason")
	if reason == "" {
		reason = "requested_by_customer"
	}
	c.s.cancelIntent(pi, reason)
	return c.show(pi)
}
