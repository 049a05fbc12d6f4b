package paddle

import (
	"slices"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// stage is how far a transaction has come.
type stage int

const (
	draft    stage = iota // nobody has said who pays
	ready                 // can be paid
	billed                // is due
	owed                  // was due and not paid
	settled               // paid, not yet booked
	finished              // paid and booked
	dropped               // given up
)

// transaction is checkout, invoice and payment in one.
type transaction struct {
	head
	stage    stage
	custom   map[string]any
	currency string
	// origin is api, web or one of subscription_….
	origin   string
	sub      *subscription
	discount *discount
	from, to time.Time // the billing period
	lines    []*line
	attempts []*attempt // oldest first
	checkout string
	billedAt time.Time
	paidAt   time.Time
	// swaps is the subscription whose payment method a zero transaction changes.
	swaps *subscription
	// giveUp numbers the dunning that is under way.
	giveUp int
}

// line is an item of a transaction, with its price worked out.
type line struct {
	id       string
	price    *price
	quantity int64
	// gross is what the item costs before discounts, tax included.
	gross int64
	// trial: it costs nothing now.
	trial bool
}

func (t *transaction) cut(l *line) int64 { return t.discount.cut(l.gross) }

// due is what an item costs in the end.
func (t *transaction) due(l *line) int64 { return l.gross - t.cut(l) }

func (t *transaction) tax(l *line) int64 {
	percent := l.price.taxPercent()
	return t.due(l) * percent / (100 + percent)
}

func (t *transaction) total() (sum int64) {
	for _, l := range t.lines {
		sum += t.due(l)
	}
	return sum
}

func (t *transaction) taxes() (sum int64) {
	for _, l := range t.lines {
		sum += t.tax(l)
	}
	return sum
}

func (t *transaction) cuts() (sum int64) {
	for _, l := range t.lines {
		sum += t.cut(l)
	}
	return sum
}

// paid is whether the money is there.
func (t *transaction) paid() bool { return t.stage == settled || t.stage == finished }

// over is whether no attempt is made any more.
func (t *transaction) over() bool { return t.paid() || t.stage == dropped }

// recurring is whether a subscription comes of it.
func (t *transaction) recurring() bool {
	return slices.ContainsFunc(t.lines, func(l *line) bool { return l.price.recurring() })
}

// word is Paddle's status.
func (t *transaction) word() string {
	return [...]string{"draft", "ready", "billed", "past_due", "paid", "completed", "canceled"}[t.stage]
}

func (t *transaction) render(s *Server) doc {
	var sub, period, number, address, checkout any
	if t.sub != nil {
		sub = t.sub.id
	}
	if !t.from.IsZero() {
		period = doc{{"starts_at", stamp(t.from)}, {"ends_at", stamp(t.to)}}
	}
	if !t.billedAt.IsZero() {
		number = "1001-" + digits(int64(10000+t.pos))
	}
	if c := s.payer(t); c != nil {
		address = c.address
	}
	if t.checkout != "" {
		checkout = doc{{"url", t.checkout}}
	}
	return doc{
		{"id", t.id}, {"status", t.word()}, {"customer_id", orNull(t.customer)}, {"address_id", address}, {"business_id", nil},
		{"custom_data", customDoc(t.custom)}, {"currency_code", t.currency}, {"origin", t.origin}, {"subscription_id", sub},
		{"invoice_id", nil}, {"invoice_number", number}, {"collection_mode", "automatic"}, {"discount_id", discountID(t.discount)},
		{"billing_details", nil}, {"billing_period", period}, {"items", t.items(s)}, {"details", t.details(s)},
		{"payments", t.payments()}, {"checkout", checkout}, {"created_at", stamp(t.created)}, {"updated_at", stamp(t.updated)},
		{"billed_at", stamp(t.billedAt)}, {"revised_at", nil},
	}
}

func discountID(d *discount) any {
	if d == nil {
		return nil
	}
	return d.id
}

func (t *transaction) items(s *Server) []any {
	out := []any{}
	for _, l := range t.lines {
		out = append(out, doc{{"price_id", l.price.id}, {"price", l.price.render(s)}, {"quantity", l.quantity}, {"proration", nil}})
	}
	return out
}

// payments are the attempts, newest first.
func (t *transaction) payments() []any {
	out := []any{}
	for _, a := range slices.Backward(t.attempts) {
		out = append(out, a.render())
	}
	return out
}

func (t *transaction) details(s *Server) doc {
	total, balance := t.total(), t.total()
	var fee, earnings any
	if t.paid() {
		balance = 0
	}
	if t.stage == finished {
		cost := t.fee()
		fee, earnings = digits(cost), digits(total-cost)
	}
	lines := []any{}
	for _, l := range t.lines {
		lines = append(lines, doc{
			{"id", l.id}, {"price_id", l.price.id}, {"quantity", l.quantity}, {"totals", amounts(l.gross-t.tax(l), t.cut(l), t.tax(l), t.due(l))},
			{"proration", nil}, {"product", l.price.product.render(s)}, {"tax_rate", "0"}, {"unit_totals", amounts(l.price.amount, 0, 0, l.price.amount)},
		})
	}
	totals := amounts(total-t.taxes()+t.cuts(), t.cuts(), t.taxes(), total)
	return doc{
		{"tax_rates_used", []any{}},
		{"totals", append(totals, doc{
			{"grand_total", digits(total)}, {"fee", fee}, {"credit", "0"}, {"credit_to_balance", "0"}, {"balance", digits(balance)},
			{"earnings", earnings}, {"currency_code", t.currency},
		}...)},
		{"adjusted_totals", doc{
			{"subtotal", digits(total - t.taxes())}, {"tax", digits(t.taxes())}, {"total", digits(total - s.returned(t))},
			{"grand_total", digits(total - s.returned(t))}, {"fee", fee}, {"earnings", earnings}, {"currency_code", t.currency},
		}},
		{"payout_totals", nil}, {"adjusted_payout_totals", nil}, {"line_items", lines},
	}
}

// fee is five percent and half a unit.
func (t *transaction) fee() int64 {
	if t.total() == 0 {
		return 0
	}
	return min(t.total(), t.total()*5/100+50)
}

func amounts(subtotal, cut, tax, total int64) doc {
	return doc{{"subtotal", digits(subtotal)}, {"discount", digits(cut)}, {"tax", digits(tax)}, {"total", digits(total)}}
}

// order is what a transaction is made from.
type order struct {
	customer string
	origin   string
	sub      *subscription
	lines    []*line
	discount *discount
	custom   map[string]any
	checkout string
	from, to time.Time
}

func (s *Server) newTransaction(o order) *transaction {
	t := &transaction{
		head: s.newHead("transaction", "txn", o.customer), custom: o.custom, currency: o.lines[0].price.currency, origin: o.origin,
		sub: o.sub, discount: o.discount, lines: o.lines, from: o.from, to: o.to,
	}
	link := s.cfg.PaymentLink
	if o.checkout != "" {
		link = o.checkout
	}
	t.checkout = withParameter(link, "_ptxn", t.id)
	if o.customer != "" && o.origin != "api" {
		t.stage = ready
	}
	s.add(t, "transaction.created")
	s.index(t, "origin", t.origin)
	if o.sub != nil {
		s.index(t, "subscription_id", o.sub.id)
	}
	return t
}

func (s *Server) newLine(p *price, quantity int64, trial bool) *line {
	l := &line{id: s.newID("txnitm"), price: p, quantity: quantity, gross: p.amount * quantity, trial: trial}
	if trial {
		l.gross = 0
	}
	return l
}

// capture is that the money of an attempt came in.
func (s *Server) capture(t *transaction, a *attempt) {
	s.edit(t, func() {
		a.outcome, a.captured = captured, s.now
		if len(t.attempts) == 0 || t.attempts[len(t.attempts)-1] != a {
			t.attempts = append(t.attempts, a)
		}
	})
	s.settle(t, a.card)
}

// settle marks a transaction as paid: the subscription comes of it, or recovers by
// it, and a little later it is booked. The event transaction.paid of a first
// payment knows of no subscription yet.
func (s *Server) settle(t *transaction, card Card) {
	s.edit(t, func() {
		t.stage, t.paidAt, t.giveUp = settled, s.now, t.giveUp+1
		if t.billedAt.IsZero() {
			t.billedAt = s.now
		}
	}, "transaction.paid")
	if t.discount != nil && t.sub == nil {
		t.discount.used++
	}
	switch {
	case t.swaps != nil:
		t.swaps.card = card
	case t.sub != nil:
		s.recover(t, card)
	case t.recurring():
		s.subscribe(t, card)
	}
	later := s.luck(t).Between(time.Second, 90*time.Second)
	if s.cfg.Rates == (Life{}) {
		s.complete(t)
		return
	}
	s.in(later, func() { s.complete(t) })
}

// complete books a paid transaction, after which it can be refunded.
func (s *Server) complete(t *transaction) {
	if t.stage == settled {
		s.edit(t, func() { t.stage = finished }, "transaction.completed")
	}
}

// drop gives a transaction up.
func (s *Server) drop(t *transaction) {
	if !t.over() {
		s.edit(t, func() { t.stage, t.giveUp = dropped, t.giveUp+1 }, "transaction.canceled")
	}
}

// luck decides about a transaction: the customer's stream, or everybody's.
func (s *Server) luck(t *transaction) *sim.Stream {
	if c := s.payer(t); c != nil {
		return c.stream
	}
	return s.guests
}
