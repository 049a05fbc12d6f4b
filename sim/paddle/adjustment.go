package paddle

import (
	"slices"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// verdict is what Paddle, or a bank, has decided about an adjustment.
type verdict int

const (
	waiting verdict = iota
	approved
	rejected
	reversed
)

// adjustment is money that goes back: a refund, a credit, a chargeback or its
// warning, or the reversal of one of them.
type adjustment struct {
	head
	action  string
	of      *transaction
	reason  string
	verdict verdict
	parts   []part
	full    bool
}

// part is what an adjustment takes of one line.
type part struct {
	id     string
	line   *line
	amount int64
}

func (a *adjustment) amount() (sum int64) {
	for _, p := range a.parts {
		sum += p.amount
	}
	return sum
}

func (a *adjustment) word() string {
	return [...]string{"pending_approval", "approved", "rejected", "reversed"}[a.verdict]
}

func (a *adjustment) render(*Server) doc {
	var sub any
	if a.of.sub != nil {
		sub = a.of.sub.id
	}
	items := []any{}
	for _, p := range a.parts {
		typ := "partial"
		if a.full {
			typ = "full"
		}
		items = append(items, doc{
			{"id", p.id}, {"item_id", p.line.id}, {"type", typ}, {"amount", digits(p.amount)}, {"proration", nil},
			{"totals", doc{{"subtotal", digits(p.amount)}, {"tax", "0"}, {"total", digits(p.amount)}}},
		})
	}
	typ := "partial"
	if a.full {
		typ = "full"
	}
	total := digits(a.amount())
	return doc{
		{"id", a.id}, {"action", a.action}, {"type", typ}, {"transaction_id", a.of.id}, {"subscription_id", sub}, {"customer_id", a.customer},
		{"reason", a.reason}, {"credit_applied_to_balance", nil}, {"currency_code", a.of.currency}, {"status", a.word()}, {"items", items},
		{"totals", doc{{"subtotal", total}, {"tax", "0"}, {"total", total}, {"fee", "0"}, {"earnings", total}, {"currency_code", a.of.currency}}},
		{"payout_totals", nil}, {"tax_rates_used", []any{}}, {"created_at", stamp(a.created)}, {"updated_at", stamp(a.updated)},
	}
}

// adjustments of a transaction, oldest first.
func (s *Server) adjustments(t *transaction) []*adjustment {
	return having[*adjustment](s, "adjustment", "transaction_id", t.id)
}

// returned is what went back to the customer or is about to.
func (s *Server) returned(t *transaction) (sum int64) {
	for _, a := range s.adjustments(t) {
		if a.action == "refund" && (a.verdict == waiting || a.verdict == approved) {
			sum += a.amount()
		}
	}
	return sum
}

// left is what of a line has not been adjusted.
func (s *Server) left(t *transaction, l *line) int64 {
	sum := t.due(l)
	for _, a := range s.adjustments(t) {
		takes := a.action == "refund" && a.verdict != rejected || a.action == "chargeback" && a.verdict == approved
		for _, p := range a.parts {
			if takes && p.line == l {
				sum -= p.amount
			}
		}
	}
	return max(0, sum)
}

func (s *Server) newAdjustment(action string, t *transaction, reason string, parts []part, full bool, v verdict) *adjustment {
	a := &adjustment{head: s.newHead("adjustment", "adj", t.customer), action: action, of: t, reason: reason, parts: parts, full: full, verdict: v}
	before := t.render(s)
	s.add(a, "adjustment.created")
	s.index(a, "transaction_id", t.id)
	if t.sub != nil {
		s.index(a, "subscription_id", t.sub.id)
	}
	s.touch(t, before)
	return a
}

// touch is that a transaction changed by something that is not in it.
func (s *Server) touch(t *transaction, before doc) {
	t.updated = s.now
	t.old.Changed(s.faults, s.now, before)
	s.emit("transaction.updated", t)
}

// rest is all that is left of a transaction.
func (s *Server) rest(t *transaction) []part {
	var parts []part
	for _, l := range t.lines {
		if n := s.left(t, l); n > 0 {
			parts = append(parts, part{s.newID("adjitm"), l, n})
		}
	}
	return parts
}

func adjustmentRoutes() map[string]endpointOf {
	return map[string]endpointOf{
		"GET /adjustments":  {run: listAdjustments, query: "action after customer_id order_by per_page status subscription_id transaction_id id"},
		"POST /adjustments": {run: createAdjustment, fields: "action reason transaction_id type tax_mode items"},
	}
}

func listAdjustments(c *call) (answered, error) {
	action, status := c.r.URL.Query().Get("action"), c.r.URL.Query().Get("status")
	return c.list(query{
		kind: "adjustment", most: 50, few: 10, indexed: []string{"customer_id", "transaction_id", "subscription_id"},
		keep: func(r resource) bool {
			a := r.(*adjustment)
			return (action == "" || a.action == action) && oneOf(status, a.word())
		},
	})
}

// createAdjustment makes refunds. Nothing keeps a caller from making one twice.
func createAdjustment(c *call) (answered, error) {
	s := c.s
	t, err := find[*transaction](s, c.body.str("transaction_id"))
	switch {
	case err != nil:
		return answered{}, err
	case c.body.str("action") != "refund":
		return answered{}, refuse("adjustment_invalid_credit_action", "Only refunds can be made for automatically-collected transactions")
	case c.body.str("reason") == "":
		return answered{}, badField("reason", "reason is required")
	case t.stage != finished:
		return answered{}, refuse("adjustment_transaction_invalid_status_for_refund", "The transaction is "+t.word())
	}
	for _, a := range s.adjustments(t) {
		if a.action == "refund" && a.verdict == waiting {
			return answered{}, refuse("adjustment_pending_refund_request", "The transaction has a refund that waits for approval")
		}
	}
	parts, full, err := c.parts(t)
	if err != nil {
		return answered{}, err
	}
	a := s.refund(t, parts, full, c.body.str("reason"))
	s.effect(sim.OpRefund, t.id, a.amount(), t.currency)
	return answered{data: a.render(s), status: 201}, nil
}

// parts reads what is to be refunded.
func (c *call) parts(t *transaction) ([]part, bool, error) {
	if c.body.str("type") == "full" {
		parts := c.s.rest(t)
		var sum int64
		for _, p := range parts {
			sum += p.amount
		}
		if sum == 0 || sum < t.total() {
			return nil, false, refuse("adjustment_total_amount_above_remaining_allowed", "Something was adjusted already")
		}
		return parts, true, nil
	}
	var parts []part
	for _, item := range c.body.objects("items") {
		i := slices.IndexFunc(t.lines, func(l *line) bool { return l.id == item.str("item_id") })
		if i < 0 {
			return nil, false, refuse("adjustment_transaction_item_invalid", "No such item")
		}
		l := t.lines[i]
		amount := c.s.left(t, l)
		if item.str("type") == "partial" {
			n, err := item.num("amount")
			if err != nil {
				return nil, false, err
			}
			amount = n
		}
		switch {
		case amount <= 0:
			return nil, false, refuse("adjustment_amount_cannot_be_zero", "Amount cannot be zero")
		case amount > c.s.left(t, l):
			return nil, false, refuse("adjustment_amount_above_remaining_allowed", "Amount above what remains")
		}
		parts = append(parts, part{c.s.newID("adjitm"), l, amount})
	}
	if len(parts) == 0 {
		return nil, false, badField("items", "items is required")
	}
	return parts, false, nil
}

// refund asks for a refund. Some are approved at once; the others wait for people
// at Paddle, who reject a few. In the sandbox nobody is asked.
func (s *Server) refund(t *transaction, parts []part, full bool, reason string) *adjustment {
	luck := s.luck(t)
	waits, refused := luck.Chance(s.cfg.Rates.RefundWaits), luck.Chance(s.cfg.Rates.RefundRejected)
	later := luck.Between(20*time.Minute, 30*time.Hour)
	v := approved
	if waits || s.cfg.Sandbox {
		v = waiting
	}
	a := s.newAdjustment("refund", t, reason, parts, full, v)
	if v == waiting {
		end := approved
		if s.cfg.Sandbox {
			later = 10 * time.Minute
		} else if refused {
			end = rejected
		}
		s.in(later, func() { s.judge(a, end) })
	}
	return a
}

// judge decides about an adjustment.
func (s *Server) judge(a *adjustment, v verdict) {
	if a.verdict != waiting && (v != reversed || a.verdict != approved) {
		return
	}
	before := a.of.render(s)
	s.edit(a, func() { a.verdict = v }, "adjustment.updated")
	s.touch(a.of, before)
}

// chargeBack takes all that is left back to the customer, or only warns of that.
func (s *Server) chargeBack(t *transaction, warning bool) *adjustment {
	action := "chargeback"
	if warning {
		action = "chargeback_warning"
	}
	return s.newAdjustment(action, t, "The cardholder does not recognize the transaction", s.rest(t), s.returned(t) == 0, approved)
}

// reverse wins a chargeback, or ends a warning: Paddle makes a second adjustment
// and marks the first.
func (s *Server) reverse(a *adjustment) {
	if a.verdict != approved || a.action != "chargeback" && a.action != "chargeback_warning" {
		return
	}
	var parts []part
	for _, p := range a.parts {
		parts = append(parts, part{s.newID("adjitm"), p.line, p.amount})
	}
	s.newAdjustment(a.action+"_reverse", a.of, a.reason, parts, a.full, approved)
	s.judge(a, reversed)
}
