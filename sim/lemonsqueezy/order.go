package lemonsqueezy

import (
	"time"

	"github.com/trivetdev/trivet/sim"
)

// money is what was paid and what went back. The order of a subscription and its
// first invoice share one.
type money struct {
	subtotal, discount, tax, total, refunded int64
	refundedAt                               time.Time
}

// returned is how much of the money went back, as a word; "" for none.
func (m *money) returned() string {
	switch {
	case m.refunded == 0:
		return ""
	case m.refunded >= m.total:
		return "refunded"
	}
	return "partial_refund"
}

// order is one purchase.
type order struct {
	head
	identifier string
	item       *orderItem
	money      *money
	// state is pending, failed or paid; fraud outweighs all.
	state string
	fraud bool
	// subscription is what the order began; nil for a one-time purchase.
	subscription *subscription
	from         *checkout
	custom       map[string]string
}

// orderItem is what an order bought.
type orderItem struct {
	head
	order    *order
	variant  *variant
	price    *price
	quantity int64
}

func (i *orderItem) attributes(s *Server) doc {
	return doc{
		{"order_id", i.order.number()}, {"product_id", i.variant.number()}, {"variant_id", i.variant.number()}, {"price_id", i.price.number()},
		{"product_name", i.variant.product}, {"variant_name", i.variant.name}, {"price", i.price.amount}, {"quantity", i.quantity},
		{"created_at", stamp(i.created)}, {"updated_at", stamp(i.updated)}, {"test_mode", !s.cfg.Live},
	}
}

// status is the word that the API shows.
func (o *order) status() string {
	switch back := o.money.returned(); {
	case o.fraud:
		return "fraudulent"
	case back != "":
		return back
	}
	return o.state
}

func (o *order) attributes(s *Server) doc {
	who := s.customerOf(o)
	m := o.money
	first := append(doc{{"id", o.item.number()}}, o.item.attributes(s)...)
	return doc{
		{"store_id", o.store}, {"customer_id", o.customer}, {"identifier", o.identifier}, {"order_number", o.number()},
		{"user_name", who.name}, {"user_email", who.email}, {"currency", s.cfg.Currency}, {"currency_rate", "1.0000"},
		{"subtotal", m.subtotal}, {"setup_fee", 0}, {"discount_total", m.discount}, {"tax", m.tax}, {"total", m.total},
		{"refunded_amount", m.refunded}, {"subtotal_usd", m.subtotal}, {"total_usd", m.total}, {"refunded_amount_usd", m.refunded},
		{"tax_name", "VAT"}, {"tax_rate", "20.00"}, {"tax_inclusive", false},
		{"status", o.status()}, {"status_formatted", o.status()}, {"refunded", m.returned() == "refunded"}, {"refunded_at", stamp(m.refundedAt)},
		{"total_formatted", s.formatted(m.total)}, {"refunded_amount_formatted", s.formatted(m.refunded)},
		{"first_order_item", first}, {"urls", doc{{"receipt", s.signed("/my-orders/" + o.identifier)}}},
		{"created_at", stamp(o.created)}, {"updated_at", stamp(o.updated)}, {"test_mode", !s.cfg.Live},
	}
}

// formatted is an amount for people. Amounts are in the currency's own minor units.
func (s *Server) formatted(n int64) string {
	if s.cfg.Currency == "JPY" {
		return "¥" + digits(n)
	}
	text := digits(n)
	for len(text) < 3 {
		text = "0" + text
	}
	return "$" + text[:len(text)-2] + "." + text[len(text)-2:]
}

func orderRoutes() map[string]operation {
	return map[string]operation{
		"GET /v1/orders":              listOf(typeOrder, "store_id", "user_email"),
		"GET /v1/orders/{id}":         show[*order](typeOrder),
		"POST /v1/orders/{id}/refund": refundOrder,
		"GET /v1/order-items":         listOf(typeOrderItem, "order_id", "product_id", "variant_id"),
	}
}

func refundOrder(c *call) (doc, error) {
	o, err := find[*order](c.s, typeOrder, c.id())
	if err != nil {
		return nil, err
	}
	if o.state != "paid" || o.fraud {
		return nil, refused("The order cannot be refunded.")
	}
	amount, err := refundable(c, o.money)
	if err != nil {
		return nil, err
	}
	// Of a subscription's order this is the money of its first invoice.
	object := "order-" + o.id
	if o.subscription != nil {
		object = "invoice-" + o.subscription.invoices[0].id
	}
	c.s.effect(sim.OpRefund, object, amount, "")
	c.s.giveBack(o.money, amount, o, o.firstInvoice())
	return c.single(o)
}

// refundable is how much a call wants back; without an amount, all that is left.
func refundable(c *call, m *money) (int64, error) {
	left := m.total - m.refunded
	amount := left
	if a := c.attributes(); a.has("amount") && !a.null("amount") {
		amount = a.number("amount")
	}
	if amount <= 0 || amount > left {
		return 0, invalid("/data/attributes/amount", "The amount must be between 1 and "+digits(left)+".")
	}
	return amount, nil
}

// firstInvoice is the invoice that speaks of the order's money; nil for none.
func (o *order) firstInvoice() *invoice {
	if o.subscription != nil {
		for _, i := range o.subscription.invoices {
			if i.money == o.money {
				return i
			}
		}
	}
	return nil
}

// giveBack returns money. Both that speak of it say so, and both are announced.
func (s *Server) giveBack(m *money, amount int64, o *order, i *invoice) {
	back := func() { m.refunded, m.refundedAt = m.refunded+amount, s.now }
	if o != nil && i != nil {
		change := back
		back = func() { s.edit(i, change) }
	}
	if o != nil {
		s.edit(o, back)
	} else {
		s.edit(i, back)
	}
	if o != nil {
		s.emit("order_refunded", o, o.custom)
	}
	if i != nil {
		s.emit("subscription_payment_refunded", i, i.of.custom)
	}
}

// purchase is what somebody buys.
type purchase struct {
	who      *customer
	variant  *variant
	quantity int64
	code     string
	custom   map[string]string
	from     *checkout
	// state is that of a one-time order: paid when empty.
	state string
}

// buy makes the order and, of a subscription's variant, the subscription with its
// first invoice.
func (s *Server) buy(p purchase) *order {
	o := &order{head: s.newHead(typeOrder, p.who.customer), custom: p.custom, from: p.from, state: "paid"}
	o.store = p.who.store
	o.identifier = s.uuid("order", o.number())
	o.item = &orderItem{
		head: s.newHead(typeOrderItem, p.who.customer), order: o, variant: p.variant, price: p.variant.price, quantity: max(1, p.quantity),
	}
	percent := s.percentOff(p.code)
	o.money = s.charge(p.variant.price, o.item.quantity, percent, p.who)
	if p.variant.trial > 0 {
		o.money = &money{}
	}
	if p.variant.unit == "" && p.state != "" {
		o.state = p.state
	}
	s.add(o.item)
	if p.from != nil {
		p.from.orders = append(p.from.orders, o)
	}
	if p.variant.unit != "" {
		o.subscription = s.subscribe(o, percent)
	}
	s.add(o)
	s.emit("order_created", o, o.custom)
	if o.subscription != nil {
		s.announce(o.subscription)
	}
	return o
}

func (s *Server) percentOff(code string) int64 {
	for _, d := range rowsOf[*discount](s, typeDiscount) {
		if code != "" && d.code == code {
			return d.percent
		}
	}
	return 0
}

// charge works out what a purchase costs. Every third customer pays tax.
func (s *Server) charge(p *price, quantity, percent int64, who *customer) *money {
	m := &money{subtotal: p.amount * quantity}
	m.discount = m.subtotal * percent / 100
	if who.customer%3 == 0 {
		m.tax = (m.subtotal - m.discount) / 5
	}
	m.total = m.subtotal - m.discount + m.tax
	return m
}

// settleLater lets the money of a slow method arrive, or not, without any event:
// there is none for it.
func (s *Server) settleLater(o *order, arrives bool) {
	s.in(20*time.Hour, func() {
		if o.state != "pending" {
			return
		}
		s.edit(o, func() {
			o.state = "failed"
			if arrives {
				o.state = "paid"
			}
		})
	})
}
