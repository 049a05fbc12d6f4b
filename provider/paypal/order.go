package paypal

import (
	"context"
	"fmt"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// order is as much of PayPal's as we read.
type order struct {
	ID         string
	Status     string
	CreateTime time.Time `json:"create_time"`
	UpdateTime time.Time `json:"update_time"`
	Payer      struct {
		PayerID string `json:"payer_id"`
	}
	Units []purchaseUnit `json:"purchase_units"`
	Links []link
}

type purchaseUnit struct {
	CustomID string `json:"custom_id"`
	Amount   *amount
	Items    []struct {
		SKU, Quantity string
		Unit          *amount `json:"unit_amount"`
	}
	Payments struct {
		Captures []capture
		Refunds  []refund
	}
}

// lines are the items of an order.
func (u purchaseUnit) lines() []line {
	all := make([]line, len(u.Items))
	for i, item := range u.Items {
		all[i] = line{item.SKU, item.Quantity, item.Unit}
	}
	return all
}

func (d *Driver) getOrder(ctx context.Context, op, id string) (*order, error) {
	var o order
	if err := d.get(ctx, op, "/v2/checkout/orders/"+id, nil, &o); err != nil {
		return nil, err
	}
	if o.ID != id || len(o.Units) == 0 {
		return nil, d.malformed(op, errOther)
	}
	return &o, nil
}

// fetchCheckout reads an order, or a subscription as the page of its approval.
func (d *Driver) fetchCheckout(ctx context.Context, ref provider.Ref) (provider.Snapshot, error) {
	if isSubscription(ref.ID) {
		return d.fetchSubscription(ctx, ref)
	}
	op := "fetch checkout " + ref.ID
	o, err := d.getOrder(ctx, op, ref.ID)
	if err != nil {
		return provider.Snapshot{}, err
	}
	snapshot, err := d.order(o)
	return d.versioned(op, snapshot, o.version(), err)
}

// order translates an order. Its first purchase unit is ours; orders with several
// are made by others and bought nothing that we know.
func (d *Driver) order(o *order) (provider.Snapshot, error) {
	unit := o.Units[0]
	total, err := unit.Amount.money()
	if err != nil {
		return provider.Snapshot{}, fmt.Errorf("order %s: %w", o.ID, err)
	}
	object := billing.Checkout{
		Status: billing.CheckoutOpen, PaymentStatus: billing.CheckoutUnpaid, Mode: "payment", Total: total,
		CreatedAt: o.CreateTime.UTC(), ExpiresAt: o.CreateTime.Add(d.life).UTC(),
	}
	if len(o.Units) == 1 {
		object.Items = itemsOf(unit.lines(), total)
	}
	switch o.Status {
	case "COMPLETED":
		object.Status = billing.CheckoutComplete
	case "VOIDED":
		object.Status = billing.CheckoutExpired
	case "APPROVED":
		object.Status, object.ExpiresAt = billing.CheckoutApproved, d.approvalEnds(o)
	}
	if object.Status != billing.CheckoutComplete && !d.now().Before(object.ExpiresAt) {
		object.Status = billing.CheckoutExpired
	}
	snapshot := provider.Snapshot{Ref: d.ref(billing.KindCheckout, o.ID), Claims: claims(unit.CustomID, o.Payer.PayerID)}
	if c := best(unit.Payments.Captures); c != nil && isName(c.ID) {
		object.Payment = c.ID
		if c.took() {
			object.PaymentStatus = billing.CheckoutPaid
		}
	}
	for _, c := range unit.Payments.Captures {
		if isName(c.ID) {
			snapshot.Related = append(snapshot.Related, d.ref(billing.KindPayment, c.ID))
		}
	}
	snapshot.Object = object
	return snapshot, nil
}

// approvalEnds is when PayPal may forget an approved order: the time runs anew from the
// approval. One that it still has after that it keeps by arrangement.
func (d *Driver) approvalEnds(o *order) time.Time {
	approved := o.CreateTime
	if o.UpdateTime.After(approved) {
		approved = o.UpdateTime
	}
	if end := approved.Add(d.life).UTC(); d.now().Before(end) {
		return end
	}
	return o.CreateTime.Add(ApprovalLife).UTC()
}

// forgetsEarly is how much earlier than said PayPal may forget an order: our clocks are
// not the same.
const forgetsEarly = 10 * time.Minute

// Forgotten implements [provider.Forgetter]: an order that nobody approved, or whose
// approval nobody captured, is answered 404 from some time on. One that was captured
// is kept.
func (d *Driver) Forgotten(ref provider.Ref, last billing.Object) (billing.Object, bool) {
	checkout, ok := last.(billing.Checkout)
	switch {
	case !ok || ref.Kind != billing.KindCheckout || isSubscription(ref.ID):
		return nil, false
	case checkout.Status == billing.CheckoutComplete || checkout.Payment != "" || checkout.CreatedAt.IsZero():
		return nil, false
	case d.now().Before(checkout.CreatedAt.Add(d.life - forgetsEarly)):
		return nil, false
	}
	checkout.Status = billing.CheckoutExpired
	return checkout, true
}

// best is the capture that counts: one that took the money, or else the last.
func best(captures []capture) *capture {
	for i := range captures {
		if captures[i].took() {
			return &captures[i]
		}
	}
	if len(captures) == 0 {
		return nil
	}
	return &captures[len(captures)-1]
}

// isSubscription tells the ids of subscriptions from those of orders and
// transactions.
func isSubscription(id string) bool { return len(id) > 2 && id[:2] == "I-" }
