package paypal

import (
	"strings"
	"time"
)

// dispute is a case about one transaction or several.
type dispute struct {
	head
	txns    []*txn
	status  string // WAITING_FOR_SELLER_RESPONSE, UNDER_REVIEW, RESOLVED
	stage   string // INQUIRY or CHARGEBACK
	channel string
	reason  string
	outcome string
	due     time.Time
}

func (d *dispute) amount() money {
	total := money{0, d.txns[0].amount.currency}
	for _, t := range d.txns {
		total.minor += t.amount.minor
	}
	return total
}

func (d *dispute) over() bool { return d.status == "RESOLVED" }

// brief is what a list shows: neither transactions nor the outcome.
func (d *dispute) brief(s *Server) obj {
	state := map[string]string{"INQUIRY": "OPEN_INQUIRIES", "CHARGEBACK": "REQUIRED_ACTION"}[d.stage]
	switch d.status {
	case "RESOLVED":
		state = "RESOLVED"
	case "UNDER_REVIEW":
		state = "UNDER_PAYPAL_REVIEW"
	}
	o := obj{
		"dispute_id": d.id, "create_time": stamp(d.created), "update_time": stamp(d.updated), "reason": d.reason, "status": d.status,
		"dispute_state": state, "dispute_amount": d.amount().v2(), "dispute_life_cycle_stage": d.stage, "dispute_channel": d.channel,
		"links": []obj{s.link("self", "/v1/customer/disputes/"+d.id, "GET")},
	}
	if !d.over() {
		o["seller_response_due_date"] = stamp(d.due)
	}
	return o
}

func (d *dispute) render(s *Server) obj {
	o := d.brief(s)
	delete(o, "dispute_state")
	var about []obj
	for _, t := range d.txns {
		one := obj{
			"seller_transaction_id": t.id, "buyer_transaction_id": t.id + "B", "create_time": stamp(t.created), "transaction_status": "COMPLETED",
			"gross_amount": t.amount.v2(),
		}
		about = append(about, one.set("custom", t.custom).set("invoice_number", t.invoice))
	}
	o["disputed_transactions"] = about
	if d.outcome != "" {
		o["dispute_outcome"] = obj{"outcome_code": d.outcome}
	}
	return o
}

// open contests transactions. A claim is decided by somebody within weeks.
func (s *Server) open(txns []*txn, reason string, inquiry bool) *dispute {
	d := &dispute{
		head: s.newHead("PP-D-", 5), txns: txns, status: "WAITING_FOR_SELLER_RESPONSE", stage: "CHARGEBACK", channel: "INTERNAL",
		reason: reason, due: s.now.Add(10 * 24 * time.Hour),
	}
	if inquiry {
		d.stage, d.due = "INQUIRY", s.now.Add(20*24*time.Hour)
	}
	s.disputes.add(d)
	s.fresh(d)
	for _, t := range txns {
		t.dispute = d
	}
	s.emit("CUSTOMER.DISPUTE.CREATED", "dispute", "1.0", d.render(s))
	won := s.chance.Chance(0.4)
	s.at(d.due, func() {
		if d.over() {
			return
		}
		if d.stage == "INQUIRY" {
			s.rule(d, "CANCELED_BY_BUYER")
			return
		}
		s.edit(d, func() { d.status = "UNDER_REVIEW" })
		s.emit("CUSTOMER.DISPUTE.UPDATED", "dispute", "1.0", d.render(s))
		s.in(6*24*time.Hour, func() {
			if won {
				s.rule(d, "RESOLVED_SELLER_FAVOUR")
			} else {
				s.rule(d, "RESOLVED_BUYER_FAVOUR")
			}
		})
	})
	return d
}

// contest sends evidence.
func (s *Server) contest(d *dispute) {
	s.edit(d, func() { d.status = "UNDER_REVIEW" })
	s.emit("CUSTOMER.DISPUTE.UPDATED", "dispute", "1.0", d.render(s))
}

// escalate turns an inquiry into a claim.
func (s *Server) escalate(d *dispute) {
	s.edit(d, func() { d.stage, d.due = "CHARGEBACK", s.now.Add(10*24*time.Hour) })
	s.emit("CUSTOMER.DISPUTE.UPDATED", "dispute", "1.0", d.render(s))
}

// rule ends a dispute. What is lost is taken back.
func (s *Server) rule(d *dispute, outcome string) {
	if d.over() {
		return
	}
	s.edit(d, func() { d.status, d.outcome = "RESOLVED", outcome })
	if lost(outcome) {
		for _, t := range d.txns {
			s.reverse(t)
		}
	}
	s.emit("CUSTOMER.DISPUTE.RESOLVED", "dispute", "1.0", d.render(s))
}

// lost reports whether an outcome costs the merchant the money.
func lost(outcome string) bool {
	return strings.Contains(outcome, "BUYER_FAVOUR") || outcome == "ACCEPTED"
}
