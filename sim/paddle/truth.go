package paddle

import (
	"time"

	"github.com/trivetdev/trivet/sim"
)

// Truth returns a row for every object, in the order of creation within each
// kind. A transaction is a checkout (if a customer was sent to it), an invoice and
// a payment, under one id. It is worked out from the world itself, in the
// vocabulary of sim.Object.
func (s *Server) Truth() []sim.Object {
	defer s.enter()()
	var out []sim.Object
	for _, kind := range []string{
		sim.KindCustomer, sim.KindCheckout, sim.KindSubscription, sim.KindInvoice, sim.KindPayment, sim.KindRefund, sim.KindDispute,
	} {
		for _, r := range s.table(tableOf(kind)).Rows {
			if o, ok := s.truth(kind, r); ok {
				out = append(out, o)
			}
		}
	}
	return out
}

// tableOf says where the rows of a kind come from.
func tableOf(kind string) string {
	switch kind {
	case sim.KindCheckout, sim.KindInvoice, sim.KindPayment:
		return "transaction"
	case sim.KindRefund, sim.KindDispute:
		return "adjustment"
	}
	return kind
}

// TruthOf returns the row of one object, by the provider's id; of a transaction
// the payment.
func (s *Server) TruthOf(id string) (sim.Object, bool) {
	defer s.enter()()
	r := s.all[id]
	for _, kind := range []string{sim.KindCustomer, sim.KindSubscription, sim.KindPayment, sim.KindRefund, sim.KindDispute} {
		if o, ok := s.truth(kind, r); ok {
			return o, true
		}
	}
	return sim.Object{}, false
}

// TruthIn returns the row of an object as one of several kinds.
func (s *Server) TruthIn(kind, id string) (sim.Object, bool) {
	defer s.enter()()
	return s.truth(kind, s.all[id])
}

// truth is the row of one object as a kind; false if it is none of it.
func (s *Server) truth(kind string, r resource) (sim.Object, bool) {
	switch r := r.(type) {
	case *customer:
		return row(kind, r, map[string]string{"deleted": "false", "email": r.email}), kind == sim.KindCustomer
	case *subscription:
		return subscriptionTruth(r), kind == sim.KindSubscription
	case *transaction:
		switch kind {
		case sim.KindCheckout:
			return checkoutTruth(r), r.origin == "api" || r.origin == "web"
		case sim.KindInvoice:
			return invoiceTruth(r), true
		case sim.KindPayment:
			return s.paymentTruth(r), true
		}
	case *adjustment:
		disputed := r.action == "chargeback" || r.action == "chargeback_warning"
		return adjustmentTruth(kind, r), kind == sim.KindRefund && r.action == "refund" || kind == sim.KindDispute && disputed
	}
	return sim.Object{}, false
}

func row(kind string, r resource, fields map[string]string) sim.Object {
	h := r.about()
	return sim.Object{Kind: kind, ID: h.id, Customer: h.customer, Fields: fields}
}

// instant is RFC 3339 in whole seconds, "" for no time.
func instant(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Format(time.RFC3339)
}

func subscriptionTruth(sub *subscription) sim.Object {
	status := "active"
	switch {
	case sub.ended:
		status = "ended"
	case sub.paused:
		status = "paused"
	case sub.late:
		status = "past_due"
	case sub.trialing:
		status = "trialing"
	}
	cancelAt := time.Time{}
	if sub.planned != nil && sub.planned.action == "cancel" {
		cancelAt = sub.planned.at
	}
	var quantity int64
	for _, it := range sub.items {
		quantity += it.quantity
	}
	return row(sim.KindSubscription, sub, map[string]string{
		"status": status, "provider_status": sub.word(), "current_period_start": instant(sub.from), "current_period_end": instant(sub.to),
		"trial_end": instant(sub.items[0].trialTo), "cancel_at": instant(cancelAt), "price": sub.items[0].price.id,
		"quantity": digits(quantity), "currency": lower(sub.currency), "amount": digits(sub.amount()),
		"ahead": sub.ahead(),
	})
}

func lower(currency string) string {
	b := []byte(currency)
	for i := range b {
		b[i] |= 0x20
	}
	return string(b)
}

func checkoutTruth(t *transaction) sim.Object {
	status, money := "open", "unpaid"
	switch {
	case t.stage == dropped:
		status = "expired"
	case t.paid() && t.total() == 0:
		status, money = "complete", "no_payment_required"
	case t.paid():
		status, money = "complete", "paid"
	}
	return row(sim.KindCheckout, t, map[string]string{"status": status, "payment_status": money})
}

func invoiceTruth(t *transaction) sim.Object {
	status, sub := "draft", ""
	var paid int64
	switch {
	case t.stage == dropped:
		status = "void"
	case t.paid():
		status, paid = "paid", t.total()
	case t.stage == billed || t.stage == owed:
		status = "open"
	}
	if t.sub != nil {
		sub = t.sub.id
	}
	return row(sim.KindInvoice, t, map[string]string{
		"status": status, "amount_due": digits(t.total()), "amount_paid": digits(paid), "currency": lower(t.currency), "subscription": sub,
	})
}

func (s *Server) paymentTruth(t *transaction) sim.Object {
	status := "pending"
	switch {
	case t.stage == dropped:
		status = "canceled"
	case t.paid():
		status = "succeeded"
	case len(t.attempts) > 0:
		switch t.attempts[len(t.attempts)-1].outcome {
		case failed:
			status = "failed"
		case authenticating:
			status = "requires_action"
		case underway, captured:
		}
	}
	disputed := ""
	for _, a := range s.adjustments(t) {
		if o, is := s.truth(sim.KindDispute, a); is {
			disputed = o.Fields["status"]
		}
	}
	return row(sim.KindPayment, t, map[string]string{
		"status": status, "amount": digits(t.total()), "refunded": digits(s.returned(t)), "currency": lower(t.currency), "disputed": disputed,
	})
}

// adjustmentTruth: a chargeback takes the money at once, so it is lost, and won once
// it is reversed; a warning takes nothing.
func adjustmentTruth(kind string, a *adjustment) sim.Object {
	fields := map[string]string{"amount": digits(a.amount()), "currency": lower(a.of.currency), "payment": a.of.id}
	if kind == sim.KindRefund {
		fields["status"] = [...]string{"pending", "succeeded", "failed", "failed"}[a.verdict]
		return row(kind, a, fields)
	}
	fields["status"], fields["provider_status"] = "lost", a.word()
	switch {
	case a.verdict == reversed:
		fields["status"] = "won"
	case a.action == "chargeback_warning":
		fields["status"] = "inquiry"
	}
	return row(kind, a, fields)
}
