package stripe

import (
	"time"

	"github.com/trivetdev/trivet/sim"
)

// refund gives back all or part of a charge. It can fail even after it
// succeeded, when the customer's bank returns the money.
type refund struct {
	head
	ch       *charge
	amount   int64
	status   string
	reason   string
	failure  string
	metadata map[string]string
	balance  *balance
}

func (r *refund) render(s *Server) doc {
	d := doc{
		{"id", r.id}, {"object", "refund"}, {"amount", r.amount}, {"balance_transaction", idOf(r.balance)}, {"charge", r.ch.id},
		{"created", r.created}, {"currency", r.ch.pi.currency},
		{"destination_details", doc{{"card", doc{{"reference_status", "pending"}, {"type", "refund"}}}, {"type", "card"}}},
		{"metadata", r.metadata}, {"payment_intent", r.ch.pi.id}, {"reason", orNull(r.reason)}, {"receipt_number", nil},
		{"source_transfer_reversal", nil}, {"status", r.status}, {"transfer_reversal", nil},
	}
	if r.ch.pays.card.debit() {
		d[7].Val = doc{{"eu_bank_transfer", doc{{"reference", nil}, {"reference_status", nil}}}, {"type", "eu_bank_transfer"}}
	}
	if r.status == "pending" {
		d = append(d, field{"pending_reason", "processing"})
	}
	if r.failure != "" {
		d = append(d, field{"failure_reason", r.failure})
	}
	return d
}

// createRefund checks in Stripe's order and words; what was charged back cannot
// be refunded as well.
func createRefund(c *call) (doc, error) {
	s, f := c.s, c.form
	ch, err := s.chargeFor(f)
	if err != nil {
		return nil, err
	}
	amount, err := f.num("amount")
	if err != nil {
		return nil, err
	}
	left := ch.pi.amount - ch.refunded()
	if amount == 0 && !f.given("amount") {
		amount = left
	}
	switch {
	case ch.status != "succeeded":
		return nil, invalid("charge_not_refundable", "charge", "This charge cannot be refunded: its status is "+ch.status+".")
	case left == 0:
		return nil, invalid("charge_already_refunded", "", "Charge "+ch.id+" has already been refunded.")
	case s.contested(ch):
		return nil, invalid("charge_disputed", "", "Charge "+ch.id+" has been charged back; cannot issue a refund.")
	case amount < 1:
		return nil, invalid("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.")
	case amount > left:
		return nil, badRequest("amount", "Refund amount ("+money(amount)+") is greater than unrefunded amount on charge ("+money(left)+")")
	}
	r := s.refund(ch, amount, f.str("reason"), f.strmap("metadata"))
	s.effect(sim.OpRefund, ch.pi.id, amount, ch.pi.currency, f.str("metadata", "trivet_effect"))
	return c.show(r)
}

func money(n int64) string { return itoa(int(n)) }

// contested is whether a chargeback holds the money, or has taken it for good.
func (s *Server) contested(ch *charge) bool {
	for _, r := range s.table("dispute").Having("charge", ch.id) {
		if status := disputeTruth(r.(*dispute).status); status == "open" || status == "lost" {
			return true
		}
	}
	return false
}

// chargeFor finds what to refund, named by charge or by payment intent.
func (s *Server) chargeFor(f *form) (*charge, error) {
	if id := f.str("charge"); id != "" {
		ch, err := find[*charge](s, "charge", id)
		if err != nil {
			return nil, noSuchParam("charge", "charge", id)
		}
		return ch, nil
	}
	id := f.str("payment_intent")
	if id == "" {
		return nil, invalid("parameter_missing", "", "One of the following params should be provided for this request: payment_intent or charge.")
	}
	pi, err := find[*intent](s, "payment_intent", id)
	if err != nil {
		return nil, noSuchParam("payment_intent", "payment_intent", id)
	}
	if pi.latest() == nil {
		return nil, invalid("payment_intent_unexpected_state", "payment_intent", "This PaymentIntent ("+id+") does not have a successful charge to refund.")
	}
	return pi.latest(), nil
}

// refund gives money back. Cards settle at once, debits after some days; by
// Life's rates a refund hangs for a while, or fails after it seemed done.
func (s *Server) refund(ch *charge, amount int64, reason string, metadata map[string]string) *refund {
	r := &refund{
		head: s.newHead("refund", "re", 24, ch.customer), ch: ch, amount: amount, status: "succeeded",
		reason: reason, metadata: metadata,
	}
	luck := s.streamOf(ch.customer)
	fails, hangs := luck.Chance(s.cfg.Rates.RefundFails), luck.Chance(s.cfg.Rates.RefundHangs)
	if ch.pays.card.debit() || hangs {
		r.status = "pending"
	}
	r.balance = s.book("refund", -amount, 0, ch.pi.currency, r.id)
	s.edit(ch, func() { ch.refunds = append(ch.refunds, r) }, "charge.refunded")
	s.add(r, "refund.created")
	s.index(r, "payment_intent", ch.pi.id)
	s.index(r, "charge", ch.id)
	s.spendWarnings(ch)
	switch {
	case fails:
		s.in(luck.Between(24*time.Hour, 8*24*time.Hour), func() { s.failRefund(r) })
	case r.status == "pending":
		s.in(luck.Between(12*time.Hour, 5*24*time.Hour), func() {
			if r.status == "pending" {
				s.edit(r, func() { r.status = "succeeded" }, "refund.updated", "charge.refund.updated")
			}
		})
	}
	return r
}

// failRefund returns a refund that the customer's bank did not take.
func (s *Server) failRefund(r *refund) {
	if r.status == "failed" || r.status == "canceled" {
		return
	}
	before := r.ch.render(s)
	s.edit(r, func() { r.status, r.failure = "failed", "expired_or_canceled_card" }, "refund.updated", "refund.failed", "charge.refund.updated")
	s.emit("charge.updated", r.ch, changed(before, r.ch.render(s)))
}

// streamOf is the life of a customer; guests share one.
func (s *Server) streamOf(customerID string) *sim.Stream {
	if c, ok := s.all[customerID].(*customer); ok {
		return c.stream
	}
	return s.guests
}
