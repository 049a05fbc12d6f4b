package paypal

import (
	"strconv"

	"github.com/trivetdev/trivet/sim"
)

// item is a line of an order.
type item struct {
	name, sku string
	quantity  int64
	unit      money
}

// order is one checkout for a single payment. That the payer approved moves no
// money: the shop has to capture it.
type order struct {
	head
	status string
	items  []item
	total  money
	custom string
	// reference is the shop's own id of the purchase unit.
	reference            string
	payer                *payer
	method               Method
	capture              *txn
	asking               bool
	returnURL, cancelURL string
	chance               *sim.Stream
}

func (o *order) render(s *Server) obj {
	var lines []obj
	for _, i := range o.items {
		lines = append(lines, obj{"name": i.name, "sku": i.sku, "quantity": strconv.FormatInt(i.quantity, 10), "unit_amount": i.unit.v2()})
	}
	amount := o.total.v2()
	amount["breakdown"] = obj{"item_total": o.total.v2()}
	unit := obj{"reference_id": "default", "amount": amount}
	unit.set("custom_id", o.custom).set("reference_id", o.reference)
	if lines != nil {
		unit["items"] = lines
	}
	if t := o.capture; t != nil {
		taken := t.render(s)
		delete(taken, "supplementary_data") // only the capture by itself says of which order it is
		payments := obj{"captures": []obj{taken}}
		var back []obj
		for _, r := range t.refunds {
			back = append(back, r.render(s))
		}
		if back != nil {
			payments["refunds"] = back
		}
		unit["payments"] = payments
	}
	out := obj{
		"id": o.id, "intent": "CAPTURE", "status": o.status, "purchase_units": []obj{unit},
		"create_time": stamp(o.created), "update_time": stamp(o.updated), "links": s.orderLinks(o),
	}
	if o.payer != nil {
		out["payer"] = o.payer.render()
	}
	return out
}

func (s *Server) orderLinks(o *order) []obj {
	links := []obj{s.link("self", "/v2/checkout/orders/"+o.id, "GET")}
	switch o.status {
	case "CREATED", "PAYER_ACTION_REQUIRED":
		links = append(links, obj{"href": s.cfg.PublicURL + "/checkoutnow?token=" + o.id, "rel": "payer-action", "method": "GET"})
	case "APPROVED":
		links = append(links, s.link("capture", "/v2/checkout/orders/"+o.id+"/capture", "POST"))
	}
	return links
}

// approveOrder lets the payer agree. Nothing has been paid by that.
func (s *Server) approveOrder(o *order, by *payer) {
	s.edit(o, func() { o.status, o.payer, o.asking = "APPROVED", by, false })
	s.emit("CHECKOUT.ORDER.APPROVED", "checkout-order", "2.0", o.render(s))
}

// lapse ends an order that was never captured.
func (s *Server) lapse(o *order) {
	if o.status == "COMPLETED" || o.status == "VOIDED" {
		return
	}
	approved := o.status == "APPROVED"
	s.edit(o, func() { o.status = "VOIDED" })
	if approved {
		s.emit("CHECKOUT.PAYMENT-APPROVAL.REVERSED", "checkout-order", "2.0", o.render(s))
	}
}

// captureOrder takes the money of an approved order.
func (s *Server) captureOrder(o *order) error {
	switch {
	case o.status == "COMPLETED":
		return unprocessable("ORDER_ALREADY_CAPTURED", "Order already captured. If 'intent=CAPTURE' only one capture per order is allowed.")
	case o.status == "VOIDED":
		return unprocessable("ORDER_EXPIRED", "The order has expired.")
	case o.status != "APPROVED":
		return unprocessable("ORDER_NOT_APPROVED", "Payer has not yet approved the Order for payment.")
	case o.method == LaterFails:
		s.edit(o, func() { o.status = "PAYER_ACTION_REQUIRED" })
		return unprocessable("INSTRUMENT_DECLINED", "The instrument presented  was either declined by the processor or bank, or it can't be used for this payment.")
	}
	t := &txn{head: s.newHead("", 17), state: "COMPLETED", amount: o.total, custom: o.custom, order: o, payer: o.payer}
	if o.method == Debit || o.method == DebitFails {
		t.state = "PENDING"
	}
	s.txns.add(t)
	s.fresh(t)
	s.edit(o, func() { o.capture, o.status = t, "COMPLETED" })
	s.effect(sim.OpCapture, o.id, o.total)
	if t.state == "PENDING" {
		s.announce(t, "PENDING")
		s.in(clears, func() { s.clearCapture(o, t) })
	} else {
		s.announce(t, "COMPLETED")
	}
	s.emit("CHECKOUT.ORDER.COMPLETED", "checkout-order", "2.0", o.render(s))
	s.livePayment(t)
	return nil
}

// clearCapture ends the wait for an eCheck.
func (s *Server) clearCapture(o *order, t *txn) {
	if o.method == DebitFails {
		s.edit(t, func() { t.state = "DENIED" })
		s.edit(o, func() {})
		s.announce(t, "DENIED")
		return
	}
	s.edit(t, func() { t.state = "COMPLETED" })
	s.edit(o, func() {})
	s.announce(t, "COMPLETED")
}
