package paypal

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// Truth returns a row for every object, in the order of creation within each
// kind, in the vocabulary of sim.Object. One record of PayPal's may be several
// rows: a subscription is the checkout by which it was approved too, and the
// sale of a subscription is a payment and the invoice that it pays. A dispute
// about several payments is a row for each: the first, in the order of their
// ids, under the dispute's own id, every other with its id added to that.
func (s *Server) Truth() []sim.Object {
	defer s.enter()()
	var out []sim.Object
	for _, sub := range s.subs.all {
		out = append(out, s.subscriptionTruth(sub), s.approvalTruth(sub))
	}
	for _, o := range s.orders.all {
		out = append(out, orderTruth(o))
	}
	for _, t := range s.txns.all {
		out = append(out, paymentTruth(t))
		if t.sub != nil {
			out = append(out, invoiceTruth(t))
		}
	}
	for _, r := range s.refunds.all {
		out = append(out, refundTruth(r))
	}
	for _, d := range s.disputes.all {
		out = append(out, disputeTruth(d)...)
	}
	return out
}

// TruthIn returns the row of one object of a kind.
func (s *Server) TruthIn(kind, id string) (sim.Object, bool) {
	defer s.enter()()
	for _, o := range s.truthOf(id) {
		if o.Kind == kind {
			return o, true
		}
	}
	return sim.Object{}, false
}

// TruthOf returns the row of one object, by the provider's id; where one id has
// several, the subscription or the payment.
func (s *Server) TruthOf(id string) (sim.Object, bool) {
	defer s.enter()()
	rows := s.truthOf(id)
	if len(rows) == 0 {
		return sim.Object{}, false
	}
	return rows[0], true
}

func (s *Server) truthOf(id string) []sim.Object {
	if sub := s.subs.byID[id]; sub != nil {
		return []sim.Object{s.subscriptionTruth(sub), s.approvalTruth(sub)}
	}
	if o := s.orders.byID[id]; o != nil {
		return []sim.Object{orderTruth(o)}
	}
	if t := s.txns.byID[id]; t != nil {
		if t.sub == nil {
			return []sim.Object{paymentTruth(t)}
		}
		return []sim.Object{paymentTruth(t), invoiceTruth(t)}
	}
	if r := s.refunds.byID[id]; r != nil {
		return []sim.Object{refundTruth(r)}
	}
	base, _, _ := strings.Cut(id, ".")
	if d := s.disputes.byID[base]; d != nil {
		return slices.DeleteFunc(disputeTruth(d), func(o sim.Object) bool { return o.ID != id })
	}
	return nil
}

// Origin returns the checkout that an object came of: the order or the
// subscription. PayPal has no customers, so this is how the shop's customer is
// found out.
func (s *Server) Origin(kind, id string) string {
	defer s.enter()()
	base, _, _ := strings.Cut(id, ".")
	t := s.txns.byID[id]
	if r := s.refunds.byID[id]; r != nil {
		t = r.txn
	}
	if d := s.disputes.byID[base]; d != nil && kind == sim.KindDispute {
		for _, o := range disputeTruth(d) {
			if o.ID == id {
				t = s.txns.byID[o.Fields["payment"]]
			}
		}
	}
	switch {
	case t == nil:
		return id
	case t.sub != nil:
		return t.sub.id
	}
	return t.order.id
}

func digits(n int64) string { return strconv.FormatInt(n, 10) }

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Truncate(time.Second).Format(time.RFC3339)
}

func subscriptionFields(sub *subscription, now time.Time) (status string, end, cancelAt time.Time) {
	end = sub.next
	if sub.over() || end.IsZero() {
		end = sub.paidUntil
	}
	if sub.over() {
		cancelAt = sub.statusAt
		if end.After(cancelAt) && !strings.Contains(sub.note, endsAtOnce) {
			cancelAt = end
		}
	}
	switch {
	case sub.over() && !cancelAt.After(now):
		return "ended", end, cancelAt
	case sub.payer == nil:
		return "pending", time.Time{}, time.Time{}
	case sub.status == "SUSPENDED" && sub.byFailures && sub.outstanding > 0:
		return "unpaid", end, cancelAt
	case sub.status == "SUSPENDED":
		return "paused", end, cancelAt
	}
	return running(sub, now), end, cancelAt
}

// running is the state of a subscription that PayPal charges for, or that was
// canceled before its end.
func running(sub *subscription, now time.Time) string {
	untried := sub.last == nil && sub.failed == 0
	switch {
	case sub.free() && (now.Before(sub.base()) || untried && !sub.over() && !sub.next.After(now)):
		return "trialing"
	case sub.over():
		return "active"
	case sub.last == nil && (!sub.free() || sub.failed == 0):
		return "pending" // nobody has paid for it yet
	case sub.failed > 0, sub.outstanding > 0 && !sub.paidUntil.After(now) && sub.next.After(now):
		return "past_due"
	}
	return "active"
}

func (s *Server) subscriptionTruth(sub *subscription) sim.Object {
	status, end, cancelAt := subscriptionFields(sub, s.now)
	fields := map[string]string{
		"status": status, "provider_status": sub.status, "price": sub.plan.id, "quantity": digits(sub.quantity),
		"amount": digits(sub.price().minor), "currency": strings.ToLower(sub.price().currency),
		"cancel_at": instant(cancelAt), "trial_end": "", "current_period_start": "", "current_period_end": instant(end),
		"ahead": sub.ahead(), "failure": "",
	}
	if f := sub.lastFailed; f != nil && (status == "past_due" || status == "unpaid") {
		fields["failure"] = strings.Join([]string{f.reason, instant(f.at), instant(sub.retries()), digits(sub.collectible())}, " ")
	}
	if sub.free() && sub.payer != nil {
		fields["trial_end"] = instant(sub.base())
	}
	if !end.IsZero() {
		fields["current_period_start"] = instant(periodStart(sub, end))
	}
	return sim.Object{Kind: sim.KindSubscription, ID: sub.id, Fields: fields}
}

// retries is when PayPal tries again by itself what failed: once more in this cycle, or,
// where the plan says so, along with the next.
func (sub *subscription) retries() time.Time {
	switch {
	case sub.status != "ACTIVE":
		return time.Time{}
	case !sub.lastFailed.retry.IsZero():
		return sub.lastFailed.retry
	case sub.plan.autoBill && sub.outstanding > 0:
		return sub.next
	}
	return time.Time{}
}

// collectible is what is left to be collected by whoever asks for it.
func (sub *subscription) collectible() int64 {
	if sub.status != "ACTIVE" || sub.plan.autoBill || !sub.retries().IsZero() {
		return 0
	}
	return sub.outstanding
}

// periodStart is when the period began that ends at a time.
func periodStart(sub *subscription, end time.Time) time.Time {
	switch {
	case end.After(sub.base()):
		n := 0
		for sub.boundary(n + 1).Before(end) {
			n++
		}
		return sub.boundary(n)
	case sub.plan.trial != nil:
		return sub.start
	}
	return sub.created
}

// approvalTruth is the subscription as the page on which it was approved.
func (s *Server) approvalTruth(sub *subscription) sim.Object {
	status, paid := "complete", "unpaid"
	switch {
	case sub.payer == nil && s.now.Sub(sub.created) >= approvalLife:
		status = "expired"
	case sub.payer == nil:
		status = "open"
	case sub.free():
		paid = "no_payment_required"
	case sub.last != nil:
		paid = "paid"
	}
	return sim.Object{Kind: sim.KindCheckout, ID: sub.id, Fields: map[string]string{"status": status, "payment_status": paid}}
}

func orderTruth(o *order) sim.Object {
	status, paid := "open", "unpaid"
	switch o.status {
	case "APPROVED":
		status = "approved"
	case forgotten:
		status = "expired"
	case "COMPLETED":
		status = "complete"
		if o.capture.state == "COMPLETED" || o.capture.state == "REVERSED" {
			paid = "paid"
		}
	}
	return sim.Object{Kind: sim.KindCheckout, ID: o.id, Fields: map[string]string{"status": status, "payment_status": paid}}
}

func paymentTruth(t *txn) sim.Object {
	status := map[string]string{"PENDING": "pending", "DENIED": "failed"}[t.state]
	if status == "" {
		status = "succeeded"
	}
	disputed := ""
	if t.dispute != nil {
		disputed = disputeStatus(t.dispute)
	}
	return sim.Object{Kind: sim.KindPayment, ID: t.id, Fields: map[string]string{
		"status": status, "amount": digits(t.amount.minor), "refunded": digits(t.back()), "currency": strings.ToLower(t.amount.currency), "disputed": disputed,
	}}
}

// invoiceTruth is the demand that a sale answers. PayPal has none of its own.
func invoiceTruth(t *txn) sim.Object {
	status, paid := "paid", t.amount.minor
	switch t.state {
	case "PENDING":
		status, paid = "open", 0
	case "DENIED":
		status, paid = "void", 0
	}
	return sim.Object{Kind: sim.KindInvoice, ID: t.id, Fields: map[string]string{
		"status": status, "amount_due": digits(t.amount.minor), "amount_paid": digits(paid), "currency": strings.ToLower(t.amount.currency), "subscription": t.sub.id,
	}}
}

func refundTruth(r *refund) sim.Object {
	status := map[string]string{"COMPLETED": "succeeded", "PENDING": "pending", "FAILED": "failed", "CANCELLED": "canceled"}[r.status]
	return sim.Object{Kind: sim.KindRefund, ID: r.id, Fields: map[string]string{
		"status": status, "amount": digits(r.amount.minor), "currency": strings.ToLower(r.amount.currency), "payment": r.txn.id,
	}}
}

func disputeStatus(d *dispute) string {
	switch {
	case d.over() && lost(d.outcome):
		return "lost"
	case d.over():
		return "won"
	case d.stage == "INQUIRY":
		return "inquiry"
	}
	return "open"
}

func disputeTruth(d *dispute) []sim.Object {
	txns := slices.Clone(d.txns)
	slices.SortFunc(txns, func(a, b *txn) int { return strings.Compare(a.id, b.id) })
	var out []sim.Object
	for i, t := range txns {
		id := d.id
		if i > 0 {
			id += "." + t.id
		}
		out = append(out, sim.Object{Kind: sim.KindDispute, ID: id, Fields: map[string]string{
			"status": disputeStatus(d), "provider_status": d.status, "amount": digits(t.amount.minor), "currency": strings.ToLower(t.amount.currency), "payment": t.id,
		}})
	}
	return out
}
