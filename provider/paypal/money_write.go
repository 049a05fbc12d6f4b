package paypal

import (
	"context"
	"fmt"
	"net/http"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// Refund implements [provider.Refunder]. PayPal keeps the key of a refund for 45
// days; the refund itself carries it for good as its custom_id.
func (d *Driver) Refund(ctx context.Context, request provider.RefundRequest) (provider.Ref, error) {
	op := "refund payment " + clip(request.Payment.ID, 64)
	if err := d.mayWrite(op, request.Payment, billing.KindPayment, request.Key); err != nil {
		return provider.Ref{}, err
	}
	body := obj{"custom_id": refundKey(request.Key)}
	if request.Amount.Amount < 0 {
		return provider.Ref{}, d.refused(op, "the amount is below zero")
	}
	if request.Amount.Amount > 0 {
		value, err := amountOf(request.Amount)
		if err != nil {
			return provider.Ref{}, d.refused(op, err.Error())
		}
		body["amount"] = value
	}
	body.put("note_to_payer", reasons[request.Reason])
	var made refund
	err := d.send(ctx, op, "/v2/payments/captures/"+request.Payment.ID+"/refund", request.Key, body, &made)
	if err != nil {
		return provider.Ref{}, err
	}
	if !isName(made.ID) {
		return provider.Ref{}, &provider.Error{Account: d.account, Op: op, Kind: provider.OutcomeUnknown, Err: errOther}
	}
	return d.ref(billing.KindRefund, made.ID), nil
}

// reasons are what the payer reads in PayPal's mail. That we take a payment for
// fraudulent is no news for whoever made it.
var reasons = map[string]string{
	"duplicate":             "This was charged twice.",
	"requested_by_customer": "You asked for this refund.",
}

// refundKey is a key as custom_id takes it.
func refundKey(key string) string { return clip(requestID(key), 127) }

// FoundRefund implements [provider.Refunder]: by the key that our refunds carry.
func (d *Driver) FoundRefund(ctx context.Context, request provider.RefundRequest) (made provider.Ref, found bool, err error) {
	op := "find a refund of " + clip(request.Payment.ID, 64)
	if err := d.mayWrite(op, request.Payment, billing.KindPayment, request.Key); err != nil {
		return provider.Ref{}, false, err
	}
	refunds, err := d.refundsOf(ctx, op, request.Payment.ID)
	if err != nil {
		return provider.Ref{}, false, err
	}
	for _, r := range refunds {
		if r.CustomID == refundKey(request.Key) && isName(r.ID) {
			return d.ref(billing.KindRefund, r.ID), true, nil
		}
	}
	return provider.Ref{}, false, nil
}

// refundsOf lists the refunds of a payment, of either kind.
func (d *Driver) refundsOf(ctx context.Context, op, payment string) ([]refund, error) {
	s, err := d.getSale(ctx, op, payment)
	if err == nil {
		return d.refundsOfSale(ctx, op, payment, s.CreateTime)
	}
	if provider.KindOf(err) != provider.NotFound {
		return nil, err
	}
	c, err := d.getCapture(ctx, op, payment)
	if err != nil {
		return nil, err
	}
	id := c.Related.IDs.Order
	if id == "" {
		id = upward(c.Links)
	}
	if !isName(id) {
		return nil, d.malformed(op, fmt.Errorf("capture %s does not say of which order it is", payment))
	}
	o, err := d.getOrder(ctx, op, id)
	if err != nil && provider.KindOf(err) == provider.NotFound {
		return d.refundsOfSale(ctx, op, payment, c.CreateTime) // the payment is there all the same
	}
	if err != nil {
		return nil, err
	}
	return ofPayment(unitOf(o, payment).Payments.Refunds, payment), nil
}

// Capture implements [provider.Capturer]. Nothing is paid before this has worked:
// an approval alone is no money. PayPal heeds the key for six hours; after that it
// refuses to capture twice.
func (d *Driver) Capture(ctx context.Context, checkout provider.Ref, key string) error {
	op := "capture order " + clip(checkout.ID, 64)
	if err := d.mayWrite(op, checkout, billing.KindCheckout, key); err != nil {
		return err
	}
	if isSubscription(checkout.ID) {
		return d.refused(op, "a subscription is charged by PayPal itself")
	}
	var o order
	err := d.send(ctx, op, "/v2/checkout/orders/"+checkout.ID+"/capture", key, obj{}, &o)
	switch {
	case codeOf(err) == "ORDER_ALREADY_CAPTURED":
		return nil
	case err == nil && o.ID != checkout.ID:
		return &provider.Error{Account: d.account, Op: op, Kind: provider.OutcomeUnknown, Err: errOther}
	}
	return err
}

// AcceptDispute implements [provider.DisputeAccepter]: the payer gets the money
// back. A dispute about several transactions is conceded as a whole. PayPal's own
// examples and clients send JSON, and its published description (Disputes 1) knows a
// form only, of which the file is optional: the form is sent to one who takes no JSON
// any more.
func (d *Driver) AcceptDispute(ctx context.Context, dispute provider.Ref, key string) error {
	op := "accept dispute " + clip(dispute.ID, 64)
	if err := d.mayWrite(op, dispute, billing.KindDispute, key); err != nil {
		return err
	}
	id := wholeOf(dispute.ID)
	r := request{
		method: http.MethodPost, path: "/v1/customer/disputes/" + id + "/accept-claim", key: key,
		body: obj{"note": "Full refund to the customer.", "accept_claim_type": "REFUND"},
	}
	err := d.call(ctx, op, r, nil)
	if codeOf(err) == "UNSUPPORTED_MEDIA_TYPE" { // nothing was done
		r.form = true
		err = d.call(ctx, op, r, nil)
	}
	if err == nil || provider.KindOf(err) != provider.Refused {
		return err
	}
	x, look := d.getDispute(ctx, op, id)
	switch {
	case look != nil:
		return look
	case disputeStatus(x) == billing.DisputeLost:
		return nil
	}
	return err
}
