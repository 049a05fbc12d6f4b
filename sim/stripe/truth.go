package stripe

import (
	"strconv"
	"strings"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// Truth returns a row for every object, in the order of creation within each
// kind. It is worked out from the objects themselves, in the vocabulary of
// sim.Object.
func (s *Server) Truth() []sim.Object {
	defer s.enter()()
	var out []sim.Object
	for _, kind := range []string{
		"customer", "subscription", "invoice", "payment_intent", "refund", "dispute", "checkout.session", "radar.early_fraud_warning",
	} {
		for _, r := range s.table(kind).Rows {
			if o, ok := s.truth(r); ok {
				out = append(out, o)
			}
		}
	}
	return out
}

// TruthOf returns the row of one object, by the provider's id.
func (s *Server) TruthOf(id string) (sim.Object, bool) {
	defer s.enter()()
	return s.truth(s.all[id])
}

// truth is the row of one object; false for what has none, such as charges.
func (s *Server) truth(r resource) (sim.Object, bool) {
	switch r := r.(type) {
	case *customer:
		return customerTruth(r), true
	case *subscription:
		return subscriptionTruth(r), true
	case *invoice:
		return invoiceTruth(r), true
	case *intent:
		return s.paymentTruth(r), true
	case *refund:
		return row(sim.KindRefund, r, map[string]string{
			"status": r.status, "amount": amount(r.amount), "currency": r.ch.pi.currency, "payment": r.ch.pi.id,
		}), true
	case *dispute:
		return row(sim.KindDispute, r, map[string]string{
			"status": disputeTruth(r.status), "provider_status": r.status, "amount": amount(r.amount),
			"currency": r.ch.pi.currency, "payment": r.ch.pi.id,
		}), true
	case *session:
		return row(sim.KindCheckout, r, map[string]string{"status": r.status, "payment_status": r.paid}), true
	case *warning:
		return row(sim.KindWarning, r, map[string]string{
			"actionable": strconv.FormatBool(r.actionable), "payment": r.ch.pi.id,
		}), true
	}
	return sim.Object{}, false
}

func row(kind string, r resource, fields map[string]string) sim.Object {
	h := r.about()
	return sim.Object{Kind: kind, ID: h.id, Customer: h.customer, Fields: fields}
}

func amount(n int64) string { return strconv.FormatInt(n, 10) }

// instant is RFC 3339, "" for no time.
func instant(sec int64) string {
	if sec == 0 {
		return ""
	}
	return unix(sec).Format(time.RFC3339)
}

func customerTruth(c *customer) sim.Object {
	fields := map[string]string{"deleted": strconv.FormatBool(c.deleted)}
	if !c.deleted {
		fields["email"] = c.email
	}
	return sim.Object{Kind: sim.KindCustomer, ID: c.id, Customer: c.id, Fields: fields}
}

func subscriptionTruth(sub *subscription) sim.Object {
	cancelAt := sub.cancelAt
	if sub.cancelEnd {
		cancelAt = sub.end
	}
	var quantity int64
	for _, it := range sub.items {
		quantity += it.quantity
	}
	return row(sim.KindSubscription, sub, map[string]string{
		"status": subscriptionStatus(sub), "provider_status": sub.status,
		"current_period_start": instant(sub.start), "current_period_end": instant(sub.end),
		"trial_end": instant(sub.trialEnd), "cancel_at": instant(cancelAt), "price": sub.items[0].price.id,
		"quantity": amount(quantity), "currency": sub.currency(), "amount": amount(sub.amount()),
		"ahead": sub.ahead(),
	})
}

// subscriptionStatus: an end outweighs a pause, and a pause all else.
func subscriptionStatus(sub *subscription) string {
	switch {
	case sub.over():
		return "ended"
	case sub.status == "paused" || sub.pause != nil:
		return "paused"
	case sub.status == "incomplete":
		return "pending"
	}
	return sub.status
}

func invoiceTruth(inv *invoice) sim.Object {
	return row(sim.KindInvoice, inv, map[string]string{
		"status": inv.status, "amount_due": amount(inv.total()), "amount_paid": amount(inv.paid),
		"currency": inv.currency(), "subscription": inv.sub.id,
	})
}

// paymentTruth: a payment that wants another method has failed if one was tried.
func (s *Server) paymentTruth(pi *intent) sim.Object {
	status := pi.status
	switch status {
	case "requires_payment_method":
		status = "pending"
		if pi.refused != nil {
			status = "failed"
		}
	case "processing", "requires_confirmation", "requires_capture":
		status = "pending"
	}
	var refunded int64
	disputed := ""
	for _, ch := range pi.charges {
		refunded += ch.refunded()
		for _, r := range s.table("dispute").Having("charge", ch.id) {
			disputed = disputeTruth(r.(*dispute).status)
		}
	}
	return row(sim.KindPayment, pi, map[string]string{
		"status": status, "amount": amount(pi.amount), "refunded": amount(refunded),
		"currency": pi.currency, "disputed": disputed,
	})
}

// disputeTruth: a closed inquiry and a prevented dispute cost the merchant
// nothing, so both count as won.
func disputeTruth(status string) string {
	switch status {
	case "lost", "won":
		return status
	case "warning_closed", "prevented":
		return "won"
	}
	if strings.HasPrefix(status, "warning_") {
		return "inquiry"
	}
	return "open"
}
