package paypal

import (
	"strconv"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// orderLife is how long an order is kept that nobody approves, and an approval that
// nobody captures. After that PayPal knows nothing of it.
const orderLife = 3 * time.Hour

// forgotten is the state of an order that the API no longer knows; PayPal shows none.
const forgotten = "FORGOTTEN"

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
	agreed               time.Time // when the payer last approved
	capture              *txn
	asking               bool
	hidden               bool // from reads; what came of it is not
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
	s.edit(o, func() { o.status, o.payer, o.asking, o.agreed = "APPROVED", by, false, s.now })
	s.in(orderLife, func() { s.lapse(o) })
	s.emit("CHECKOUT.ORDER.APPROVED", "checkout-order", "2.0", o.render(s))
}

// lapse forgets an order that was never captured, unless it was approved since.
func (s *Server) lapse(o *order) {
	if o.status == "COMPLETED" || o.status == forgotten || s.now.Sub(o.agreed) < orderLife {
		return
	}
	if o.status == "APPROVED" {
		s.emit("CHECKOUT.PAYMENT-APPROVAL.REVERSED", "checkout-order", "2.0", o.render(s))
	}
	s.edit(o, func() { o.status = forgotten })
}

// captureOrder takes the money of an approved order.
func (s *Server) captureOrder(o *order) error {
	switch {
	case o.status == "COMPLETED":
		return unprocessable("ORDER_ALREADY_CAPTURED", "Order already captured. If 'intent=CAPTURE' only one capture per order is allowed.")
	case o.status == forgotten:
		return notFound()
	case o.status != "APPROVED":
		return unprocessable("ORDER_NOT_APPROVED", "Payer has not yet approved the Order for payment.")
	case o.method == LaterFails:
		s.edit(o, func() { o.status = "PAYER_ACTION_REQUIRED" })
		return unprocessable("INSTRUMENT_DECLINED", "The instrument presented  was either declined by the processor or bank, or it can't be used for this payment.")
	}
	t := &txn{head: s.newHead("", 17), state: "COMPLETED", amount: o.total, custom: o.custom, order: o, payer: o.payer}
	t.named = sim.NewStream(s.cfg.Seed, 1<<22+uint64(len(s.txns.all))).Intn(ways)
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
