package paypal

import "strings"

// txn is money that came in: the sale of a subscription or the capture of an
// order. Both APIs for payments show either.
type txn struct {
	head
	// state is PENDING, COMPLETED, DENIED or REVERSED; what was refunded is
	// reckoned from the refunds.
	state   string
	amount  money
	arrears int64 // as much of the amount was outstanding before
	custom  string
	invoice string
	sub     *subscription
	order   *order
	payer   *payer
	named   int // how its row in the books names the order
	refunds []*refund
	dispute *dispute
}

// newSale records a charge of a subscription.
func (s *Server) newSale(sub *subscription, amount money, state string) *txn {
	t := &txn{head: s.newHead("", 17), state: state, amount: amount, custom: sub.custom, sub: sub, payer: sub.payer}
	s.txns.add(t)
	s.fresh(t)
	return t
}

// back is how much went back or is on its way.
func (t *txn) back() int64 {
	if t.state == "REVERSED" {
		return t.amount.minor
	}
	var n int64
	for _, r := range t.refunds {
		if r.status == "COMPLETED" || r.status == "PENDING" {
			n += r.amount.minor
		}
	}
	return n
}

// status is the state in the words of the newer API.
func (t *txn) status() string {
	switch back := t.back(); {
	case t.state == "REVERSED":
		return "REFUNDED"
	case t.state == "DENIED":
		return "DECLINED"
	case back == 0:
		return t.state
	case back < t.amount.minor:
		return "PARTIALLY_REFUNDED"
	}
	return "REFUNDED"
}

// sale is the transaction in the shape of the older API.
func (t *txn) sale(s *Server) obj {
	state := map[string]string{
		"COMPLETED": "completed", "PENDING": "pending", "DECLINED": "denied", "PARTIALLY_REFUNDED": "partially_refunded", "REFUNDED": "refunded",
	}[t.status()]
	if t.state == "REVERSED" {
		state = "reversed"
	}
	o := obj{
		"id": t.id, "state": state, "amount": t.amount.v1(), "payment_mode": "INSTANT_TRANSFER",
		"protection_eligibility": "ELIGIBLE", "create_time": stamp(t.created), "update_time": stamp(t.updated),
		"links": []obj{s.link("self", "/v1/payments/sale/"+t.id, "GET"), s.link("refund", "/v1/payments/sale/"+t.id+"/refund", "POST")},
	}
	if t.state != "PENDING" && t.state != "DENIED" {
		fee := t.amount.fee()
		o["transaction_fee"] = obj{"currency": fee.currency, "value": fee.text()}
	}
	o.set("custom", t.custom).set("invoice_number", t.invoice)
	if t.sub != nil {
		o["billing_agreement_id"] = t.sub.id
	}
	return o
}

func (t *txn) second(s *Server) obj { return t.sale(s) }

// render is the transaction in the shape of the newer API.
func (t *txn) render(s *Server) obj {
	o := obj{
		"id": t.id, "status": t.status(), "amount": t.amount.v2(), "final_capture": true,
		"create_time": stamp(t.created), "update_time": stamp(t.updated),
		"links": []obj{s.link("self", "/v2/payments/captures/"+t.id, "GET"), s.link("refund", "/v2/payments/captures/"+t.id+"/refund", "POST")},
	}
	switch t.state {
	case "PENDING":
		o["status_details"] = obj{"reason": "ECHECK"}
	case "REVERSED":
		o["status_details"] = obj{"reason": "CHARGEBACK"}
	}
	if t.state != "PENDING" && t.state != "DENIED" {
		fee := t.amount.fee()
		o["seller_receivable_breakdown"] = obj{
			"gross_amount": t.amount.v2(), "paypal_fee": fee.v2(), "net_amount": money{t.amount.minor - fee.minor, fee.currency}.v2(),
		}
	}
	o.set("custom_id", t.custom).set("invoice_id", t.invoice)
	if t.order != nil {
		o["supplementary_data"] = obj{"related_ids": obj{"order_id": t.order.id}}
		o["links"] = append(o["links"].([]obj), s.link("up", "/v2/checkout/orders/"+t.order.id, "GET"))
	}
	return o
}

// announce sends an event about a transaction, in the shape and under the name
// of the API that it came by.
func (s *Server) announce(t *txn, what string) {
	if t.sub != nil {
		s.emit("PAYMENT.SALE."+what, "sale", "1.0", t.sale(s))
		return
	}
	if what == "REVERSED" {
		s.emit("PAYMENT.CAPTURE.REVERSED", "refund", "2.0", t.reversal(s))
		return
	}
	s.emit("PAYMENT.CAPTURE."+what, "capture", "2.0", t.render(s))
}

// reversal is how PayPal tells that it took a capture back: as a refund, which names
// the capture by a link alone, and not its order.
func (t *txn) reversal(s *Server) obj {
	r := &refund{head: s.newHead("", 17), txn: t, status: "COMPLETED", amount: t.amount, note: "Payment reversed"}
	return r.render(s)
}

// refund is money on its way back.
type refund struct {
	head
	txn                   *txn
	status                string // PENDING, COMPLETED, FAILED or CANCELLED
	amount                money
	invoice, custom, note string
}

// render is the refund in the shape of the newer API.
func (r *refund) render(s *Server) obj {
	o := obj{
		"id": r.id, "status": r.status, "amount": r.amount.v2(), "create_time": stamp(r.created), "update_time": stamp(r.updated),
		"seller_payable_breakdown": obj{
			"gross_amount": r.amount.v2(), "net_amount": r.amount.v2(), "total_refunded_amount": money{r.txn.back(), r.amount.currency}.v2(),
		},
		"links": []obj{s.link("self", "/v2/payments/refunds/"+r.id, "GET"), s.link("up", "/v2/payments/captures/"+r.txn.id, "GET")},
	}
	return o.set("invoice_id", r.invoice).set("custom_id", r.custom).set("note_to_payer", r.note)
}

// old is the refund in the shape of the older API.
func (r *refund) old(s *Server) obj {
	state := strings.ToLower(r.status)
	o := obj{
		"id": r.id, "state": state, "amount": r.amount.v1(), "sale_id": r.txn.id, "create_time": stamp(r.created), "update_time": stamp(r.updated),
		"total_refunded_amount": obj{"currency": r.amount.currency, "value": money{r.txn.back(), r.amount.currency}.text()},
		"links":                 []obj{s.link("self", "/v1/payments/refund/"+r.id, "GET"), s.link("sale", "/v1/payments/sale/"+r.txn.id, "GET")},
	}
	return o.set("invoice_number", r.invoice).set("custom", r.custom)
}

func (r *refund) second(s *Server) obj { return r.old(s) }

// give sends money back. A refund that is paid out of a bank account is pending
// for days, and its end is not announced.
func (s *Server) give(t *txn, amount money, r refund, hangs, fails bool) *refund {
	made := r
	made.head, made.txn, made.amount, made.status = s.newHead("", 17), t, amount, "COMPLETED"
	if hangs {
		made.status = "PENDING"
	}
	s.edit(t, func() { t.refunds = append(t.refunds, &made) })
	if t.order != nil {
		s.edit(t.order, func() {})
	}
	s.refunds.add(&made)
	s.fresh(&made)
	if t.sub != nil {
		s.emit("PAYMENT.SALE.REFUNDED", "refund", "1.0", made.old(s))
	} else {
		s.emit("PAYMENT.CAPTURE.REFUNDED", "refund", "2.0", made.render(s))
	}
	if hangs {
		s.in(clears, func() { s.endRefund(&made, fails) })
	}
	return &made
}

// endRefund ends the wait of a refund.
func (s *Server) endRefund(r *refund, fails bool) {
	if r.status != "PENDING" {
		return
	}
	s.edit(r, func() {
		r.status = "COMPLETED"
		if fails {
			r.status = "FAILED"
		}
	})
	s.edit(r.txn, func() {})
	if r.txn.order != nil {
		s.edit(r.txn.order, func() {})
	}
}

// reverse takes the money back because a dispute was lost.
func (s *Server) reverse(t *txn) {
	if t.state != "COMPLETED" {
		return
	}
	s.edit(t, func() { t.state = "REVERSED" })
	if t.order != nil {
		s.edit(t.order, func() {})
	}
	s.announce(t, "REVERSED")
}
