package paypal

import (
	"strconv"

	"github.com/trivetdev/trivet/sim"
)

// unitRequest is a purchase unit as a caller sends it.
type unitRequest struct {
	ReferenceID string `json:"reference_id"`
	CustomID    string `json:"custom_id"`
	Amount      struct {
		Currency string `json:"currency_code"`
		Value    string
	}
	Items []struct {
		Name, SKU, Quantity string
		Unit                struct {
			Currency string `json:"currency_code"`
			Value    string
		} `json:"unit_amount"`
	}
}

// createOrder makes an order that waits for the payer.
func createOrder(c *call) (any, error) {
	var q struct {
		Intent string
		Units  []unitRequest `json:"purchase_units"`
		Source struct {
			PayPal struct {
				Context struct {
					ReturnURL string `json:"return_url"`
					CancelURL string `json:"cancel_url"`
				} `json:"experience_context"`
			} `json:"paypal"`
		} `json:"payment_source"`
	}
	if err := c.read(&q); err != nil {
		return nil, err
	}
	if q.Intent != "CAPTURE" || len(q.Units) != 1 {
		return nil, invalid("INVALID_PARAMETER_VALUE", "The simulated PayPal takes orders with intent CAPTURE and one purchase unit.")
	}
	o, err := c.s.newOrder(q.Units[0])
	if err != nil {
		return nil, err
	}
	o.returnURL, o.cancelURL = q.Source.PayPal.Context.ReturnURL, q.Source.PayPal.Context.CancelURL
	c.s.effect(sim.OpCheckoutCreate, o.id, money{})
	return o.render(c.s), nil
}

func (s *Server) newOrder(q unitRequest) (*order, error) {
	total, err := readMoney(q.Amount.Value, q.Amount.Currency)
	if err != nil {
		return nil, unprocessable(err.Error(), "amount")
	}
	o := &order{status: "CREATED", total: total, custom: q.CustomID, reference: q.ReferenceID}
	var sum int64
	for _, line := range q.Items {
		unit, err := readMoney(line.Unit.Value, line.Unit.Currency)
		if err != nil {
			return nil, unprocessable(err.Error(), "unit_amount")
		}
		n, err := strconv.ParseInt(line.Quantity, 10, 64)
		if err != nil || n < 1 {
			return nil, invalid("INVALID_PARAMETER_SYNTAX", "quantity")
		}
		o.items = append(o.items, item{name: line.Name, sku: line.SKU, quantity: n, unit: unit})
		sum += unit.minor * n
	}
	switch {
	case len(o.items) > 0 && sum != total.minor:
		return nil, unprocessable("ITEM_TOTAL_MISMATCH", "Should equal sum of (unit_amount * quantity) across all items.")
	case len(q.CustomID) > 127:
		return nil, invalid("INVALID_STRING_MAX_LENGTH", "custom_id")
	}
	o.head, o.chance = s.newHead("", 17), sim.NewStream(s.cfg.Seed, 1<<21+uint64(len(s.orders.all)))
	s.orders.add(o)
	s.fresh(o)
	s.in(orderLife, func() { s.lapse(o) })
	return o, nil
}

func getOrder(c *call) (any, error) {
	if o := c.s.orders.byID[c.id()]; o != nil && (o.status == forgotten || o.hidden) {
		return nil, notFound()
	}
	return show(c, &c.s.orders)
}

// show reads one resource, which may be stale.
func show[T resource](c *call, in *rows[T]) (any, error) {
	r, err := find(in, c.id())
	if err != nil {
		return nil, err
	}
	if o, ok := c.s.view(r); ok {
		return o, nil
	}
	return nil, notFound()
}

func postCapture(c *call) (any, error) {
	o, err := find(&c.s.orders, c.id())
	if err != nil {
		return nil, err
	}
	if o.status == forgotten {
		return nil, notFound()
	}
	if err := c.s.captureOrder(o); err != nil {
		return nil, err
	}
	return o.render(c.s), nil
}

func getCapture(c *call) (any, error) { return show(c, &c.s.txns) }

// getSale shows sales of subscriptions only, in the older shape.
func getSale(c *call) (any, error) {
	t, err := find(&c.s.txns, c.id())
	if err != nil {
		return nil, err
	}
	if t.sub == nil {
		return nil, notFound()
	}
	return c.second(t)
}

// second reads one resource in its second shape, which may be stale.
func (c *call) second(r twofold) (any, error) {
	if o, ok := c.s.viewSecond(r); ok {
		return o, nil
	}
	return nil, notFound()
}

type refundRequest struct {
	Amount *struct {
		Currency string `json:"currency_code"`
		Value    string
		// Old names of the same.
		OldCurrency string `json:"currency"`
		Total       string
	}
	InvoiceID string `json:"invoice_id"`
	CustomID  string `json:"custom_id"`
	Note      string `json:"note_to_payer"`
}

// refunded gives back money, all that is left unless an amount is named.
func (c *call) refunded() (*refund, error) {
	var q refundRequest
	if err := c.read(&q); err != nil {
		return nil, err
	}
	t, err := find(&c.s.txns, c.id())
	if err != nil {
		return nil, err
	}
	left := money{t.amount.minor - t.back(), t.amount.currency}
	amount := left
	if a := q.Amount; a != nil {
		value, currency := a.Value, a.Currency
		if value == "" {
			value, currency = a.Total, a.OldCurrency
		}
		if amount, err = readMoney(value, currency); err != nil {
			return nil, unprocessable(err.Error(), "amount")
		}
	}
	switch {
	case t.state == "PENDING":
		return nil, unprocessable("PENDING_CAPTURE", "Cannot initiate a refund as the capture is pending.")
	case t.state != "COMPLETED" || left.minor == 0:
		return nil, unprocessable("CAPTURE_FULLY_REFUNDED", "The capture has already been fully refunded")
	case amount.currency != left.currency:
		return nil, unprocessable("REFUND_CAPTURE_CURRENCY_MISMATCH", "Refund must be in the same currency as the capture.")
	case amount.minor > left.minor || amount.minor <= 0:
		return nil, unprocessable("REFUND_AMOUNT_EXCEEDED", "The refund amount must be less than or equal to the capture amount that has not yet been refunded.")
	case len(q.InvoiceID) > 127 || len(q.CustomID) > 127 || len(q.Note) > 255:
		return nil, invalid("INVALID_STRING_MAX_LENGTH", "invoice_id, custom_id or note_to_payer")
	}
	hangs, fails := t.payer.stream.Chance(c.s.cfg.Rates.RefundHangs), t.payer.stream.Chance(c.s.cfg.Rates.RefundFails)
	r := c.s.give(t, amount, refund{invoice: q.InvoiceID, custom: q.CustomID, note: q.Note}, hangs, fails)
	c.s.effect(sim.OpRefund, t.id, amount)
	return r, nil
}

func refundCapture(c *call) (any, error) {
	r, err := c.refunded()
	if err != nil {
		return nil, err
	}
	return r.render(c.s), nil
}

func refundSale(c *call) (any, error) {
	r, err := c.refunded()
	if err != nil {
		return nil, err
	}
	return r.old(c.s), nil
}

func getRefund(c *call) (any, error) { return show(c, &c.s.refunds) }

func getOldRefund(c *call) (any, error) {
	r, err := find(&c.s.refunds, c.id())
	if err != nil {
		return nil, err
	}
	return c.second(r)
}
