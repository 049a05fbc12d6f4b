package stripe

import "strconv"

// invoice bills one period of a subscription.
type invoice struct {
	head
	sub *subscription
	// status is draft, open, paid, void or uncollectible.
	status string
	// reason is billing_reason.
	reason string
	lines  []line
	number string
	// subtotal, cut and tax are in minor units; what is due is the difference of the
	// first two, with the tax.
	subtotal, cut, tax, paid int64
	attempts                 int
	nextTry                  int64
	// firstFail is when the first attempt failed, from which retries count.
	firstFail int64
	// auto is auto_advance: Stripe goes on by itself.
	auto bool
	// start and end are those of the period before, as Stripe has it; the lines
	// carry the period that is paid for.
	start   int64
	end     int64
	pi      *intent
	payment *invoicePayment
	email   string
	// session is the checkout that the invoice came from.
	session                             *session
	finalized, paidAt, voided, writeOff int64
}

// line is one item, or a correction of the period before.
type line struct {
	id       string
	text     string
	price    *price
	item     string
	quantity int64
	amount   int64
	start    int64
	end      int64
	prorated bool
}

// total is what is due.
func (inv *invoice) total() int64 { return inv.net() + inv.tax }

// net is what is due without tax; a discount never makes it negative.
func (inv *invoice) net() int64 { return max(0, inv.subtotal-inv.cut) }

// addTax puts the tax on top.
func (inv *invoice) addTax(percent float64) {
	inv.tax = int64(float64(inv.net())*percent/100 + 0.5)
}

func (inv *invoice) taxes() []any {
	if inv.tax == 0 {
		return []any{}
	}
	return []any{doc{
		{"amount", inv.tax}, {"tax_behavior", "exclusive"}, {"tax_rate_details", doc{{"tax_rate", "txr_1Simulated"}}},
		{"taxability_reason", "standard_rated"}, {"taxable_amount", inv.net()}, {"type", "tax_rate_details"},
	}}
}

// remaining is what is left to pay.
func (inv *invoice) remaining() int64 {
	if inv.status == "void" {
		return 0
	}
	return inv.total() - inv.paid
}

func (inv *invoice) currency() string { return inv.sub.currency() }

// newInvoice makes a draft. Its number is given now but shown only once it is
// final.
func (s *Server) newInvoice(sub *subscription, reason string) *invoice {
	inv := &invoice{
		head: s.newHead("invoice", "in", 24, sub.customer), sub: sub, status: "draft", reason: reason,
		auto: true, start: sub.start, end: sub.start,
	}
	s.fill(inv, sub)
	if c, ok := s.all[sub.customer].(*customer); ok {
		c.number++
		inv.email = c.email
		inv.number = c.id[len(c.id)-8:] + "-" + strconv.Itoa(10000 + c.number)[1:]
	}
	s.add(inv, "invoice.created")
	s.index(inv, "subscription", sub.id)
	return inv
}

// fill writes the lines: the items of the period, what was prorated before, and
// the discount.
func (s *Server) fill(inv *invoice, sub *subscription) {
	for _, it := range sub.items {
		l := line{
			id: s.newID("il", 24), text: strconv.FormatInt(it.quantity, 10) + " × " + it.price.product.name, price: it.price,
			item: it.id, quantity: it.quantity, amount: it.price.amount * it.quantity, start: sub.start, end: sub.end,
		}
		if sub.status == "trialing" {
			l.amount, l.text = 0, "Trial period for "+it.price.product.name
		}
		inv.lines = append(inv.lines, l)
		inv.subtotal += l.amount
	}
	if sub.prorated != 0 {
		it := sub.items[0]
		inv.lines = append(inv.lines, line{
			id: s.newID("il", 24), text: "Adjustment for changes of the plan", price: it.price, item: it.id,
			quantity: 1, amount: sub.prorated, start: sub.start, end: sub.end, prorated: true,
		})
		inv.subtotal = max(0, inv.subtotal+sub.prorated)
		sub.prorated = 0
	}
	if sub.status != "trialing" {
		inv.cut = s.useCoupon(sub, inv.subtotal)
	}
	inv.addTax(s.tax)
}

// useCoupon returns the discount of one invoice and ends the coupon when it is
// used up.
func (s *Server) useCoupon(sub *subscription, amount int64) int64 {
	c := sub.coupon
	if c == nil {
		return 0
	}
	used := c.duration == "once" && sub.couponN > 0
	over := c.duration == "repeating" && !s.now.Before(addMonths(unix(sub.created), c.months))
	if used || over {
		s.edit(sub, func() { sub.coupon = nil }, updated)
		return 0
	}
	sub.couponN++
	return c.cut(amount)
}

func (inv *invoice) render(s *Server) doc {
	self := doc{{"type", "self"}}
	url := "/i/" + s.accountID() + "/" + inv.id
	var hosted, pdf any
	if inv.status != "draft" {
		hosted, pdf = s.cfg.PublicURL+url, s.cfg.PublicURL+url+"/pdf"
	}
	return doc{
		{"id", inv.id}, {"object", "invoice"}, {"account_country", "US"}, {"account_name", "Simulated Inc."}, {"account_tax_ids", nil},
		{"amount_due", inv.total()}, {"amount_overpaid", 0}, {"amount_paid", inv.paid}, {"amount_paid_off_stripe", 0},
		{"amount_remaining", inv.remaining()}, {"amount_shipping", 0}, {"application", nil},
		{"attempt_count", inv.attempts}, {"attempted", inv.attempts > 0 || inv.status == "paid"}, {"auto_advance", inv.auto && inv.status != "paid"},
		{"automatic_tax", doc{{"disabled_reason", nil}, {"enabled", false}, {"liability", nil}, {"provider", nil}, {"status", nil}}},
		{"automatically_finalizes_at", inv.finalizesAt()}, {"billing_reason", inv.reason},
		{"collection_method", "charge_automatically"}, {"created", inv.created}, {"currency", inv.currency()},
		{"custom_fields", nil}, {"customer", inv.customer}, {"customer_account", nil}, {"customer_address", nil}, {"customer_email", orNull(inv.email)},
		{"customer_name", nil}, {"customer_phone", nil}, {"customer_shipping", nil}, {"customer_tax_exempt", "none"}, {"customer_tax_ids", []any{}},
		{"default_payment_method", nil}, {"default_source", nil}, {"default_tax_rates", []any{}}, {"description", nil},
		{"discounts", inv.discounts()}, {"due_date", nil}, {"effective_at", stamp(inv.finalized)}, {"ending_balance", inv.balance()},
		{"footer", nil}, {"from_invoice", nil}, {"hosted_invoice_url", hosted}, {"invoice_pdf", pdf}, {"issuer", self},
		{"last_finalization_error", nil}, {"latest_revision", nil},
		{"lines", listDoc("/v1/invoices/"+inv.id+"/lines", inv.lineDocs(s), false)},
		{"livemode", s.cfg.Live}, {"metadata", map[string]string{}}, {"next_payment_attempt", stamp(inv.nextTry)},
		{"number", orNull(inv.shownNumber())}, {"on_behalf_of", nil}, {"parent", inv.parent()},
		{"payment_settings", doc{{"default_mandate", nil}, {"payment_method_options", nil}, {"payment_method_types", nil}}},
		{"period_end", inv.end}, {"period_start", inv.start}, {"post_payment_credit_notes_amount", 0}, {"pre_payment_credit_notes_amount", 0},
		{"receipt_number", nil}, {"rendering", nil}, {"shipping_cost", nil}, {"shipping_details", nil}, {"starting_balance", 0},
		{"statement_descriptor", nil}, {"status", inv.status},
		{"status_transitions", doc{
			{"finalized_at", stamp(inv.finalized)}, {"marked_uncollectible_at", stamp(inv.writeOff)},
			{"paid_at", stamp(inv.paidAt)}, {"voided_at", stamp(inv.voided)},
		}},
		{"subtotal", inv.subtotal}, {"subtotal_excluding_tax", inv.subtotal}, {"test_clock", nil}, {"total", inv.total()},
		{"total_discount_amounts", inv.cuts()}, {"total_excluding_tax", inv.net()}, {"total_pretax_credit_amounts", []any{}},
		{"total_taxes", inv.taxes()}, {"webhooks_delivered_at", inv.created},
	}
}

func (inv *invoice) finalizesAt() any {
	if inv.status == "draft" && inv.auto {
		return inv.created + int64(finalizeAfter.Seconds())
	}
	return nil
}

func (inv *invoice) balance() any {
	if inv.status == "draft" {
		return nil
	}
	return 0
}

// shownNumber: drafts have none.
func (inv *invoice) shownNumber() string {
	if inv.status == "draft" {
		return ""
	}
	return inv.number
}

func (inv *invoice) discounts() []any {
	if inv.cut == 0 || inv.sub.discountID == "" {
		return []any{}
	}
	return []any{inv.sub.discountID}
}

func (inv *invoice) cuts() []any {
	if inv.cut == 0 || inv.sub.discountID == "" {
		return []any{}
	}
	return []any{doc{{"amount", inv.cut}, {"discount", inv.sub.discountID}}}
}

// parent is where the subscription stands (Stripe, since 2025-03-31).
func (inv *invoice) parent() doc {
	return doc{
		{"quote_details", nil},
		{"subscription_details", doc{{"metadata", inv.sub.metadata}, {"subscription", inv.sub.id}}},
		{"type", "subscription_details"},
	}
}

// lineDocs have price and parent in the places of 2025-03-31.
func (inv *invoice) lineDocs(s *Server) []any {
	out := make([]any, len(inv.lines))
	for i, l := range inv.lines {
		out[i] = doc{
			{"id", l.id}, {"object", "line_item"}, {"amount", l.amount}, {"currency", inv.currency()}, {"description", l.text},
			{"discount_amounts", []any{}}, {"discountable", !l.prorated}, {"discounts", []any{}}, {"invoice", inv.id},
			{"livemode", s.cfg.Live}, {"metadata", map[string]string{}},
			{"parent", doc{
				{"invoice_item_details", nil},
				{"subscription_item_details", doc{
					{"invoice_item", nil}, {"proration", l.prorated}, {"proration_details", doc{{"credited_items", nil}}},
					{"subscription", inv.sub.id}, {"subscription_item", l.item},
				}},
				{"type", "subscription_item_details"},
			}},
			{"period", doc{{"end", l.end}, {"start", l.start}}}, {"pretax_credit_amounts", []any{}},
			{"pricing", doc{
				{"price_details", doc{{"price", l.price.id}, {"product", l.price.product.id}}},
				{"type", "price_details"}, {"unit_amount_decimal", itoa(int(l.price.amount))},
			}},
			{"quantity", l.quantity}, {"subtotal", l.amount}, {"taxes", []any{}},
		}
	}
	return out
}

// include: payments are left out unless expanded (Stripe, since 2025-03-31).
func (inv *invoice) include(s *Server, key string) (any, bool) {
	switch key {
	case "payments":
		var rows []any
		if inv.payment != nil {
			rows = append(rows, inv.payment.render(s))
		}
		return listDoc("/v1/invoice_payments?invoice="+inv.id, rows, false), true
	case "confirmation_secret":
		if inv.pi == nil {
			return nil, true
		}
		return doc{{"client_secret", inv.pi.secret()}, {"type", "payment_intent"}}, true
	}
	return nil, false
}

// invoicePayment links an invoice to the payment intent that pays it (Stripe,
// since 2025-03-31).
type invoicePayment struct {
	head
	inv    *invoice
	pi     *intent
	paid   int64
	status string
	paidAt int64
	ended  int64
}

func (p *invoicePayment) render(s *Server) doc {
	var paid any
	if p.status == "paid" {
		paid = p.paid
	}
	return doc{
		{"id", p.id}, {"object", "invoice_payment"}, {"amount_paid", paid}, {"amount_requested", p.inv.total()},
		{"created", p.created}, {"currency", p.inv.currency()}, {"invoice", p.inv.id}, {"is_default", true},
		{"livemode", s.cfg.Live}, {"payment", doc{{"payment_intent", p.pi.id}, {"type", "payment_intent"}}},
		{"status", p.status}, {"status_transitions", doc{{"canceled_at", stamp(p.ended)}, {"paid_at", stamp(p.paidAt)}}},
	}
}
