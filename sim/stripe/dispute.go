package stripe

import (
	"strings"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// dispute is a chargeback, or an inquiry that may become one.
type dispute struct {
	head
	ch     *charge
	amount int64
	status string
	reason string
	// due is when evidence must be in, after which the dispute is decided.
	due int64
	// submitted counts the times that evidence was sent.
	submitted int
	balances  []*balance
}

// over is whether nothing can change any more.
func (d *dispute) over() bool {
	return d.status == "won" || d.status == "lost" || d.status == "warning_closed" || d.status == "prevented"
}

func (d *dispute) render(s *Server) doc {
	kind := "chargeback"
	if strings.HasPrefix(d.status, "warning_") {
		kind = "inquiry"
	}
	balances := []any{}
	for _, b := range d.balances {
		balances = append(balances, b.render(s))
	}
	return doc{
		{"id", d.id}, {"object", "dispute"}, {"amount", d.amount}, {"balance_transactions", balances}, {"charge", d.ch.id},
		{"created", d.created}, {"currency", d.ch.pi.currency}, {"enhanced_eligibility_types", []any{}},
		{"evidence", doc{
			{"customer_email_address", orNull(d.ch.pays.email)}, {"customer_name", nil}, {"enhanced_evidence", doc{}},
			{"product_description", nil}, {"uncategorized_text", nil},
		}},
		{"evidence_details", doc{
			{"due_by", stamp(d.due)}, {"enhanced_eligibility", doc{}}, {"has_evidence", d.submitted > 0},
			{"past_due", d.submitted == 0 && d.due < s.now.Unix()}, {"submission_count", d.submitted},
		}},
		{"is_charge_refundable", strings.HasPrefix(d.status, "warning_")}, {"livemode", s.cfg.Live}, {"metadata", map[string]string{}},
		{"payment_intent", d.ch.pi.id},
		{"payment_method_details", doc{
			{"card", doc{{"brand", d.ch.pays.brand}, {"case_type", kind}, {"network", d.ch.pays.brand}, {"network_reason_code", "10"}}},
			{"type", "card"},
		}},
		{"reason", d.reason}, {"status", d.status},
	}
}

// disputeRoutes are the calls about disputes and early fraud warnings.
func disputeRoutes() map[string]operation {
	return map[string]operation{
		"GET /v1/disputes":                        listAll("dispute", "/v1/disputes", "payment_intent", "charge"),
		"GET /v1/disputes/{id}":                   showByID[*dispute]("dispute"),
		"POST /v1/disputes/{id}/close":            closeDispute,
		"POST /v1/disputes/{id}":                  submitEvidence,
		"GET /v1/radar/early_fraud_warnings":      listAll("radar.early_fraud_warning", "/v1/radar/early_fraud_warnings", "payment_intent", "charge"),
		"GET /v1/radar/early_fraud_warnings/{id}": showByID[*warning]("early fraud warning"),
	}
}

// closeDispute accepts the dispute: it is lost at once.
func closeDispute(c *call) (doc, error) {
	d, err := find[*dispute](c.s, "dispute", c.id())
	if err != nil {
		return nil, err
	}
	if d.over() {
		return nil, badRequest("", "This dispute is already closed")
	}
	c.s.effect(sim.OpDisputeClose, d.id, d.amount, d.ch.pi.currency, c.form.str("metadata", "trivet_effect"))
	c.s.rule(d, "lost")
	return c.show(d)
}

// submitEvidence takes any evidence as enough to contest.
func submitEvidence(c *call) (doc, error) {
	d, err := find[*dispute](c.s, "dispute", c.id())
	if err != nil {
		return nil, err
	}
	if d.over() {
		return nil, badRequest("", "This dispute is already closed")
	}
	c.s.contest(d)
	return c.show(d)
}

// open starts a dispute over what is left of a charge.
func (s *Server) open(ch *charge, reason string, inquiry bool) *dispute {
	d := &dispute{
		head: s.newHead("dispute", "du", 24, ch.customer), ch: ch, amount: ch.pi.amount - ch.refunded(),
		status: "needs_response", reason: reason, due: s.now.Add(9 * 24 * time.Hour).Unix(),
	}
	if inquiry {
		d.status = "warning_needs_response"
	} else {
		s.edit(ch, func() { ch.disputed = true }, "charge.updated")
		s.withdraw(d)
	}
	s.add(d, "charge.dispute.created")
	s.index(d, "payment_intent", ch.pi.id)
	s.index(d, "charge", ch.id)
	if !inquiry {
		s.emit("charge.dispute.funds_withdrawn", d, nil)
	}
	s.spendWarnings(ch)
	s.at(unix(d.due), func() { s.judge(d) })
	return d
}

// withdraw takes the money and the dispute fee.
func (s *Server) withdraw(d *dispute) {
	b := s.book("adjustment", -d.amount, 1500, d.ch.pi.currency, d.id)
	d.balances = append(d.balances, b)
}

// contest submits evidence, as somebody at the dashboard would.
func (s *Server) contest(d *dispute) {
	to := map[string]string{"needs_response": "under_review", "warning_needs_response": "warning_under_review"}[d.status]
	if to == "" {
		return
	}
	s.edit(d, func() { d.status, d.submitted = to, d.submitted+1 }, "charge.dispute.updated")
}

// judge ends a dispute at its due date, or lets an inquiry become one.
func (s *Server) judge(d *dispute) {
	luck := s.streamOf(d.customer)
	win, escalate := luck.Chance(0.4), luck.Chance(0.3)
	switch {
	case d.over():
	case strings.HasPrefix(d.status, "warning_") && escalate:
		s.escalate(d)
	case strings.HasPrefix(d.status, "warning_"):
		s.rule(d, "warning_closed")
	case d.submitted > 0 && win:
		s.rule(d, "won")
	default:
		s.rule(d, "lost")
	}
}

// escalate keeps the same dispute: the inquiry becomes the chargeback.
func (s *Server) escalate(d *dispute) {
	s.edit(d.ch, func() { d.ch.disputed = true }, "charge.updated")
	s.edit(d, func() {
		d.status, d.due = "needs_response", s.now.Add(9*24*time.Hour).Unix()
		s.withdraw(d)
	}, "charge.dispute.updated")
	s.emit("charge.dispute.funds_withdrawn", d, nil)
	s.at(unix(d.due), func() { s.judge(d) })
}

// rule closes a dispute.
func (s *Server) rule(d *dispute, status string) {
	if d.over() {
		return
	}
	s.edit(d, func() {
		d.status = status
		if status == "won" {
			d.balances = append(d.balances, s.book("adjustment", d.amount, -1500, d.ch.pi.currency, d.id))
		}
	}, "charge.dispute.updated", "charge.dispute.closed")
	if status == "won" {
		s.emit("charge.dispute.funds_reinstated", d, nil)
	}
}

// warning is an early fraud warning by the card's issuer.
type warning struct {
	head
	ch         *charge
	actionable bool
}

func (w *warning) render(s *Server) doc {
	return doc{
		{"id", w.id}, {"object", "radar.early_fraud_warning"}, {"actionable", w.actionable}, {"charge", w.ch.id},
		{"created", w.created}, {"fraud_type", "made_with_stolen_card"}, {"livemode", s.cfg.Live}, {"payment_intent", w.ch.pi.id},
	}
}

// warn is not actionable when there is nothing left to refund.
func (s *Server) warn(ch *charge) *warning {
	w := &warning{
		head: s.newHead("radar.early_fraud_warning", "issfr", 24, ch.customer), ch: ch,
		actionable: ch.refunded() < ch.pi.amount && !ch.disputed,
	}
	s.add(w, "radar.early_fraud_warning.created")
	s.index(w, "payment_intent", ch.pi.id)
	s.index(w, "charge", ch.id)
	return w
}

// spendWarnings ends the use of acting on warnings about a charge that is
// refunded in full or disputed.
func (s *Server) spendWarnings(ch *charge) {
	if ch.refunded() < ch.pi.amount && !ch.disputed {
		return
	}
	for _, r := range s.table("radar.early_fraud_warning").Having("charge", ch.id) {
		w := r.(*warning)
		s.edit(w, func() { w.actionable = false }, "radar.early_fraud_warning.updated")
	}
}
