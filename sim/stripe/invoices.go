package stripe

import "github.com/trivetdev/trivet/sim"

// invoiceRoutes are the calls about invoices and what paid them.
func invoiceRoutes() map[string]operation {
	return map[string]operation{
		"GET /v1/invoices":                          listInvoices,
		"GET /v1/invoices/{id}":                     showByID[*invoice]("invoice"),
		"GET /v1/invoices/{id}/lines":               listInvoiceLines,
		"POST /v1/invoices/{id}/pay":                payInvoice,
		"POST /v1/invoices/{id}/void":               voidInvoice,
		"POST /v1/invoices/{id}/mark_uncollectible": writeOffInvoice,
		"POST /v1/invoices/create_preview":          previewInvoice,
		"GET /v1/invoice_payments":                  listInvoicePayments,
		"GET /v1/invoice_payments/{id}":             showByID[*invoicePayment]("invoice_payment"),
	}
}

func listInvoices(c *call) (doc, error) {
	status := c.form.str("status")
	return c.list(query{
		kind: "invoice", url: "/v1/invoices", indexed: []string{"subscription", "customer"},
		keep: func(r resource) bool { return status == "" || r.(*invoice).status == status },
	})
}

func listInvoiceLines(c *call) (doc, error) {
	inv, err := find[*invoice](c.s, "invoice", c.id())
	if err != nil {
		return nil, err
	}
	return listDoc(c.r.URL.Path, inv.lineDocs(c.s), false), nil
}

func listInvoicePayments(c *call) (doc, error) {
	f := c.form
	return c.list(query{
		kind: "invoice_payment", url: "/v1/invoice_payments", indexed: []string{"invoice"},
		keep: func(r resource) bool {
			p := r.(*invoicePayment)
			pi := f.str("payment", "payment_intent")
			return (pi == "" || p.pi.id == pi) && (!f.given("status") || p.status == f.str("status"))
		},
	})
}

// payInvoice collects an open invoice now; a decline is a 402.
func payInvoice(c *call) (doc, error) {
	s := c.s
	inv, err := find[*invoice](s, "invoice", c.id())
	if err != nil {
		return nil, err
	}
	switch {
	case inv.status == "paid":
		return nil, invalid("invoice_already_paid", "", "Invoice is already paid")
	case inv.status != "open":
		return nil, invalid("invoice_not_editable", "", "You can only pay open invoices. This invoice is "+inv.status+".")
	case inv.pi.status == "processing":
		return nil, invalid("invoice_payment_intent_requires_action", "", "This invoice has a payment in progress.")
	case s.methodFor(inv.sub) == nil && !c.form.given("payment_method"):
		return nil, invalid("resource_missing", "", "There is no `default_payment_method` set on this Customer or Invoice. Please attach a payment method.")
	}
	s.effect(sim.OpPayInvoice, inv.id, inv.remaining(), inv.currency(), c.form.str("metadata", "trivet_effect"))
	s.charge(inv, true)
	if pi := inv.pi; pi.status == "requires_payment_method" && pi.refused != nil {
		d := pi.refused
		return nil, &apiError{status: 402, typ: "card_error", code: d.code, message: d.message, extra: doc{
			{"decline_code", d.reason}, {"charge", pi.latest().id}, {"payment_intent", pi.render(s)},
		}}
	}
	if inv.pi.status == "requires_action" {
		return nil, &apiError{
			status: 402, typ: "card_error", code: "invoice_payment_intent_requires_action",
			message: "This payment requires additional user action before it can be completed successfully.",
		}
	}
	return c.show(inv)
}

// voidInvoice also takes invoices that were written off.
func voidInvoice(c *call) (doc, error) {
	inv, err := find[*invoice](c.s, "invoice", c.id())
	if err != nil {
		return nil, err
	}
	if inv.status != "open" && inv.status != "uncollectible" {
		return nil, invalid("invoice_not_editable", "", "You can only void open or uncollectible invoices. This invoice is "+inv.status+".")
	}
	c.s.void(inv)
	return c.show(inv)
}

func writeOffInvoice(c *call) (doc, error) {
	inv, err := find[*invoice](c.s, "invoice", c.id())
	if err != nil {
		return nil, err
	}
	if inv.status != "open" {
		return nil, invalid("invoice_not_editable", "", "You can only mark open invoices as uncollectible. This invoice is "+inv.status+".")
	}
	c.s.edit(inv, func() {
		inv.status, inv.writeOff, inv.auto, inv.nextTry = "uncollectible", c.s.now.Unix(), false, 0
	}, "invoice.marked_uncollectible")
	return c.show(inv)
}

// previewInvoice shows the next invoice of a subscription without making it.
func previewInvoice(c *call) (doc, error) {
	s := c.s
	id := c.form.str("subscription")
	if id == "" {
		return nil, missing("subscription")
	}
	sub, err := find[*subscription](s, "subscription", id)
	if err != nil {
		return nil, err
	}
	if sub.over() || sub.cancelEnd {
		return nil, invalid("invoice_upcoming_none", "", "No upcoming invoices for subscription: "+sub.id)
	}
	d := s.preview(sub).render(s)
	return d, s.expandAll(d, c.form.strs("expand"))
}

// preview is the invoice that the next renewal would make.
func (s *Server) preview(sub *subscription) *invoice {
	next := *sub
	next.start = sub.end
	next.end = next.periodAfter(sub.end)
	next.status = "active"
	if sch := sub.schedule; sch != nil && next.start >= sch.phases[1].start && sub.start < sch.phases[1].start {
		next.items, next.coupon = nil, nil
		for i, l := range sch.phases[1].lines {
			next.items = append(next.items, &item{id: sub.items[i].id, price: l.price, quantity: l.quantity})
		}
	}
	inv := &invoice{
		head: head{id: s.newID("upcoming_in", 24), kind: "invoice", customer: sub.customer, created: sub.end},
		sub:  &next, status: "draft", reason: "upcoming", start: sub.start, end: sub.end,
	}
	if cust, ok := s.all[sub.customer].(*customer); ok {
		inv.email = cust.email
	}
	s.previewLines(inv, &next)
	return inv
}

// previewLines shows the discount without using it up.
func (s *Server) previewLines(inv *invoice, sub *subscription) {
	coupon, n := sub.coupon, sub.couponN
	sub.coupon = nil
	s.fill(inv, sub)
	over := coupon != nil && coupon.duration == "repeating" && sub.start >= addMonths(unix(sub.created), coupon.months).Unix()
	if coupon != nil && (coupon.duration != "once" || n == 0) && !over {
		inv.cut = coupon.cut(inv.subtotal)
	}
	inv.addTax(s.tax)
}
