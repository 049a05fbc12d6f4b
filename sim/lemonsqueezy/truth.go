package lemonsqueezy

import (
	"strings"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// Truth returns a row for every noun of the first store, in the order of creation
// within each kind. One record may stand for several nouns:
//
//   - an order is a checkout that was gone through ("order-5") and, unless a
//     subscription came of it, the payment for what it bought ("order-5");
//   - an invoice of a subscription is that ("7") and a payment ("invoice-7");
//   - a fraudulent order is a dispute that was lost ("order-5"), about the payment
//     that its money was.
//
// So the first payment of a subscription, which both its order and its first
// invoice speak of, is there once.
func (s *Server) Truth() []sim.Object {
	defer s.enter()()
	var out []sim.Object
	add := func(o sim.Object, there bool) {
		if there {
			out = append(out, o)
		}
	}
	for _, c := range rowsOf[*customer](s, typeCustomer) {
		add(customerTruth(c))
	}
	for _, c := range rowsOf[*checkout](s, typeCheckout) {
		add(s.checkoutTruth(c))
	}
	for _, o := range rowsOf[*order](s, typeOrder) {
		add(orderTruth(o))
	}
	for _, sub := range rowsOf[*subscription](s, typeSubscription) {
		add(s.subscriptionTruth(sub))
	}
	for _, i := range rowsOf[*invoice](s, typeInvoice) {
		add(s.invoiceTruth(i))
	}
	for _, o := range rowsOf[*order](s, typeOrder) {
		add(s.purchaseTruth(o))
	}
	for _, i := range rowsOf[*invoice](s, typeInvoice) {
		add(s.paymentTruth(i))
	}
	for _, o := range rowsOf[*order](s, typeOrder) {
		add(s.disputeTruth(o))
	}
	return out
}

// TruthIn returns the row of one noun, by kind and id.
func (s *Server) TruthIn(kind, id string) (sim.Object, bool) {
	for _, o := range s.Truth() {
		if o.Kind == kind && o.ID == id {
			return o, true
		}
	}
	return sim.Object{}, false
}

// TruthOf returns the most telling row that goes by an id: numbers of customers,
// subscriptions and invoices overlap, and a subscription tells most.
func (s *Server) TruthOf(id string) (sim.Object, bool) {
	rows := s.Truth()
	for _, kind := range []string{
		sim.KindSubscription, sim.KindPayment, sim.KindInvoice, sim.KindCheckout, sim.KindCustomer, sim.KindDispute,
	} {
		for _, o := range rows {
			if o.Kind == kind && o.ID == id {
				return o, true
			}
		}
	}
	return sim.Object{}, false
}

func row(kind, id string, r resource, fields map[string]string) (sim.Object, bool) {
	h := r.about()
	customer := ""
	if h.customer > 0 {
		customer = itoa(h.customer)
	}
	return sim.Object{Kind: kind, ID: id, Customer: customer, Fields: fields}, h.store == 1
}

// instant is RFC 3339, "" for no time.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func customerTruth(c *customer) (sim.Object, bool) {
	return row(sim.KindCustomer, c.id, c, map[string]string{"deleted": "false", "email": c.email})
}

func (s *Server) checkoutTruth(c *checkout) (sim.Object, bool) {
	status := "open"
	if !c.open(s.now) {
		status = "expired"
	}
	return row(sim.KindCheckout, c.id, c, map[string]string{"status": status, "payment_status": "unpaid"})
}

// orderTruth is an order as a checkout that somebody went through.
func orderTruth(o *order) (sim.Object, bool) {
	paid := "paid"
	switch {
	case o.state != "paid":
		paid = "unpaid"
	case o.money.total == 0:
		paid = "no_payment_required"
	}
	return row(sim.KindCheckout, "order-"+o.id, o, map[string]string{"status": "complete", "payment_status": paid})
}

// subscriptionTruth: what was canceled is as good as any other until its end.
func (s *Server) subscriptionTruth(sub *subscription) (sim.Object, bool) {
	status, start, end := sub.status, sub.start, sub.renewsAt()
	cancelAt, trialEnd := "", time.Time{} // a trial that is over is not told any more
	switch sub.status {
	case "on_trial":
		status, trialEnd = "trialing", sub.trialEnd
	case canceled:
		status, end, cancelAt = "active", sub.ends, instant(sub.ends)
	case "expired":
		status, start, end = "ended", time.Time{}, sub.ends
	case "unpaid":
		start = time.Time{}
	}
	amount, quantity := sub.price.amount, sub.quantity
	return row(sim.KindSubscription, sub.id, sub, map[string]string{
		"status": status, "provider_status": sub.status, "price": sub.variant.id, "quantity": digits(quantity), "amount": digits(amount * quantity),
		"currency": strings.ToLower(s.cfg.Currency), "current_period_start": instant(start), "current_period_end": instant(end),
		"trial_end": instant(trialEnd), "cancel_at": cancelAt,
		"ahead": "",
	})
}

func (s *Server) invoiceTruth(i *invoice) (sim.Object, bool) {
	status, paid := map[string]string{"pending": "open", "paid": "paid", "void": "void"}[i.state], int64(0)
	if i.state == "paid" {
		paid = i.money.total
	}
	return row(sim.KindInvoice, i.id, i, map[string]string{
		"status": status, "amount_due": digits(i.money.total), "amount_paid": digits(paid), "currency": strings.ToLower(s.cfg.Currency),
		"subscription": i.of.id,
	})
}

// purchaseTruth is the payment of a one-time purchase.
func (s *Server) purchaseTruth(o *order) (sim.Object, bool) {
	if o.subscription != nil {
		return sim.Object{}, false
	}
	status := map[string]string{"pending": "pending", "failed": "failed", "paid": "succeeded"}[o.state]
	return row(sim.KindPayment, "order-"+o.id, o, s.paid(status, o.money, o.fraud))
}

func (s *Server) paymentTruth(i *invoice) (sim.Object, bool) {
	status := map[string]string{"pending": "pending", "paid": "succeeded", "void": "canceled"}[i.state]
	return row(sim.KindPayment, "invoice-"+i.id, i, s.paid(status, i.money, i.firstOrder() != nil && i.firstOrder().fraud))
}

func (s *Server) paid(status string, m *money, fraud bool) map[string]string {
	fields := map[string]string{
		"status": status, "amount": digits(m.total), "refunded": digits(m.refunded), "currency": strings.ToLower(s.cfg.Currency), "disputed": "",
	}
	if fraud {
		fields["disputed"] = "lost"
	}
	return fields
}

// disputeTruth is what fraud comes to: the money is gone.
func (s *Server) disputeTruth(o *order) (sim.Object, bool) {
	if !o.fraud {
		return sim.Object{}, false
	}
	payment := "order-" + o.id
	if o.subscription != nil {
		payment = ""
		if i := o.firstInvoice(); i != nil {
			payment = "invoice-" + i.id
		}
	}
	return row(sim.KindDispute, "order-"+o.id, o, map[string]string{
		"status": "lost", "provider_status": "fraudulent", "amount": digits(o.money.total), "currency": strings.ToLower(s.cfg.Currency), "payment": payment,
	})
}
