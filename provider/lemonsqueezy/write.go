package lemonsqueezy

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

var (
	_ provider.Checkouter        = (*Driver)(nil)
	_ provider.PurchaseProver    = (*Driver)(nil)
	_ provider.Canceler          = (*Driver)(nil)
	_ provider.Pauser            = (*Driver)(nil)
	_ provider.Refunder          = (*Driver)(nil)
	_ provider.EmailPusher       = (*Driver)(nil)
	_ provider.TrialExtender     = (*Driver)(nil)
	_ provider.PaymentUpdater    = (*Driver)(nil)
	_ provider.Portaler          = (*Driver)(nil)
	_ provider.EndpointRegistrar = (*Driver)(nil)
)

// mayWrite checks what every write needs, and finds the record.
func (d *Driver) mayWrite(op string, ref provider.Ref, kind billing.Kind, key string) (typ, id string, err error) {
	switch {
	case strings.TrimSpace(key) == "":
		return "", "", d.refused(op, "a write needs a key")
	case ref.Kind != kind:
		return "", "", d.refused(op, "the reference is not of a "+string(kind))
	}
	return d.checkRef(op, ref)
}

// change is the document of a write.
func change(typ, id string, attributes map[string]any) any {
	data := map[string]any{"type": typ, "attributes": attributes}
	if id != "" {
		data["id"] = id
	}
	return map[string]any{"data": data}
}

// present looks at a subscription before it is changed.
func (d *Driver) present(ctx context.Context, verb string, ref provider.Ref, key string) (op, id string, now subscription, err error) {
	op = verb + ", subscription " + clip(ref.ID)
	if _, id, err = d.mayWrite(op, ref, billing.KindSubscription, key); err != nil {
		return op, id, now, err
	}
	r, _, err := d.get(ctx, op, typeSubscription, id, nil)
	if err == nil {
		err = d.read(op, r, &now, &now.common)
	}
	return op, id, now, err
}

// update changes a subscription.
func (d *Driver) update(ctx context.Context, op, id string, attributes map[string]any) error {
	doc, err := d.call(ctx, op, http.MethodPatch, typeSubscription+"/"+id, nil, change(typeSubscription, id, attributes))
	if err != nil {
		return err
	}
	return d.written(op, typeSubscription, doc)
}

// written makes sure that the answer to a write is about what was written: anything
// else may have been anybody's.
func (d *Driver) written(op, typ string, doc document) error {
	if _, err := d.one(op, typ, doc); err != nil {
		return &provider.Error{Account: d.account, Op: op, Kind: provider.OutcomeUnknown, Err: errors.New("the answer is not one of " + typ)}
	}
	return nil
}

// CancelNow implements [provider.Canceler]: it cannot be done.
func (d *Driver) CancelNow(_ context.Context, subscription provider.Ref, _ string) error {
	return d.unsupported("cancel subscription "+clip(subscription.ID), provider.CancelNow)
}

// CancelAtPeriodEnd implements [provider.Canceler]. One that is canceled or has
// ended is left as it is.
func (d *Driver) CancelAtPeriodEnd(ctx context.Context, subscription provider.Ref, key string) error {
	op, id, now, err := d.present(ctx, "cancel at period end", subscription, key)
	if err != nil || now.Status == statusCanceled || now.Status == "expired" {
		return err
	}
	doc, err := d.call(ctx, op, http.MethodDelete, typeSubscription+"/"+id, nil, nil)
	if err != nil || len(doc.Data) == 0 { // an answer without content
		return err
	}
	return d.written(op, typeSubscription, doc)
}

// Uncancel implements [provider.Canceler]: the provider calls it resuming.
func (d *Driver) Uncancel(ctx context.Context, subscription provider.Ref, key string) error {
	op, id, now, err := d.present(ctx, "uncancel", subscription, key)
	switch {
	case err != nil:
		return err
	case now.Status == "expired":
		return d.refused(op, "the subscription has ended")
	case now.Status != statusCanceled:
		return nil
	}
	return d.update(ctx, op, id, map[string]any{statusCanceled: false}) // the attribute is called the same
}

// Pause implements [provider.Pauser], in mode void: no service and no charge. One
// that is paused like that until then is left as it is. The provider keeps all that
// belongs to the subscription.
func (d *Driver) Pause(ctx context.Context, subscription provider.Ref, until time.Time, key string) error {
	op, id, now, err := d.present(ctx, "pause", subscription, key)
	if err != nil {
		return err
	}
	until = until.UTC().Truncate(time.Second)
	if now.Status == "paused" && now.Pause != nil && now.Pause.Mode == "void" && utc(now.Pause.ResumesAt).Truncate(time.Second).Equal(utc(&until)) {
		return nil
	}
	pause := map[string]any{"mode": "void"}
	if !until.IsZero() {
		pause["resumes_at"] = until.Format(time.RFC3339)
	}
	return d.update(ctx, op, id, map[string]any{"pause": pause})
}

// Resume implements [provider.Pauser]: the provider calls it unpausing.
func (d *Driver) Resume(ctx context.Context, subscription provider.Ref, key string) error {
	op, id, now, err := d.present(ctx, "resume", subscription, key)
	if err != nil || now.Status != "paused" && now.Pause == nil {
		return err
	}
	return d.update(ctx, op, id, map[string]any{"pause": nil})
}

// ExtendTrial implements [provider.TrialExtender].
func (d *Driver) ExtendTrial(ctx context.Context, subscription provider.Ref, until time.Time, key string) error {
	until = until.UTC().Truncate(time.Second)
	if !until.After(d.now()) {
		return d.refused("extend trial", "the new end of the trial is not in the future")
	}
	op, id, now, err := d.present(ctx, "extend trial", subscription, key)
	switch {
	case err != nil:
		return err
	case now.Status != "on_trial": // Lemon Squeezy would make a trial of what is paid for
		return d.refused(op, "it is not in a trial")
	case utc(now.TrialEndsAt).Truncate(time.Second).Equal(until):
		return nil
	}
	return d.update(ctx, op, id, map[string]any{"trial_ends_at": until.Format(time.RFC3339)})
}

// PushEmail implements [provider.EmailPusher].
func (d *Driver) PushEmail(ctx context.Context, ref provider.Ref, email, key string) error {
	op := "change the e-mail of customer " + clip(ref.ID)
	_, id, err := d.mayWrite(op, ref, billing.KindCustomer, key)
	if err != nil {
		return err
	}
	r, doc, err := d.get(ctx, op, typeCustomer, id, nil)
	if err != nil {
		return err
	}
	now, err := d.customer(ctx, op, r, doc)
	if err != nil || now.Object.(billing.ProviderCustomer).Email == email { //nolint:forcetypeassert // what customer makes
		return err
	}
	doc, err = d.call(ctx, op, http.MethodPatch, typeCustomer+"/"+id, nil, change(typeCustomer, id, map[string]any{"email": email}))
	if err != nil {
		return err
	}
	return d.written(op, typeCustomer, doc)
}

// PaymentUpdateURL implements [provider.PaymentUpdater] for a subscription. The
// link is signed, good for 24 hours and part of what is read: it is fetched on
// click and never stored. Of a customer there is none: others may have bought under
// the same address, and the page would show them theirs.
func (d *Driver) PaymentUpdateURL(ctx context.Context, ref provider.Ref, _ string) (string, error) {
	op := "make a payment update link of " + string(ref.Kind) + " " + clip(ref.ID)
	return d.linkOf(ctx, op, ref, func(now subscription) string { return now.URLs.UpdatePaymentMethod })
}

// PortalURL implements [provider.Portaler] by the customer portal as a subscription
// links to it, signed and good for 24 hours. The portal shows all that was bought under
// the address: the caller must know that it is all the same person's.
func (d *Driver) PortalURL(ctx context.Context, request provider.PortalRequest) (string, error) {
	op := "make a portal link of subscription " + clip(request.Subscription.ID)
	return d.linkOf(ctx, op, request.Subscription, func(now subscription) string { return now.URLs.CustomerPortal })
}

// linkOf reads one of the links of a subscription.
func (d *Driver) linkOf(ctx context.Context, op string, ref provider.Ref, pick func(subscription) string) (string, error) {
	if ref.Kind != billing.KindSubscription {
		return "", d.refused(op, "Lemon Squeezy has such a link for each subscription, and none for a customer that is safe to hand out")
	}
	_, id, err := d.checkRef(op, ref)
	if err != nil {
		return "", err
	}
	r, _, err := d.get(ctx, op, typeSubscription, id, nil)
	if err != nil {
		return "", err
	}
	var now subscription
	if err := d.read(op, r, &now, &now.common); err != nil {
		return "", err
	}
	link := pick(now)
	if !strings.HasPrefix(link, "http") {
		return "", d.malformed(op, errors.New("the subscription has no such link"))
	}
	return link, nil
}

// Refund implements [provider.Refunder]. There are no objects for refunds and no
// keys: what the payment says is refunded tells whether it was made.
func (d *Driver) Refund(ctx context.Context, request provider.RefundRequest) (provider.Ref, error) {
	op, typ, id, found, err := d.lookForRefund(ctx, request)
	if err != nil || found {
		return provider.Ref{}, err
	}
	attributes := map[string]any{}
	if request.Amount.Amount > 0 {
		attributes["amount"] = request.Amount.Amount
	}
	doc, err := d.call(ctx, op, http.MethodPost, typ+"/"+id+"/refund", nil, change(typ, id, attributes))
	if err != nil {
		return provider.Ref{}, err
	}
	return provider.Ref{}, d.written(op, typ, doc)
}

// FoundRefund implements [provider.Refunder].
func (d *Driver) FoundRefund(ctx context.Context, request provider.RefundRequest) (refund provider.Ref, found bool, err error) {
	_, _, _, found, err = d.lookForRefund(ctx, request)
	return provider.Ref{}, found, err
}

// lookForRefund compares what is refunded now with what was when the refund was
// decided.
func (d *Driver) lookForRefund(ctx context.Context, request provider.RefundRequest) (op, typ, id string, made bool, err error) {
	op = "refund payment " + clip(request.Payment.ID)
	if typ, id, err = d.mayWrite(op, request.Payment, billing.KindPayment, request.Key); err != nil {
		return op, typ, id, false, err
	}
	if request.Amount.Amount < 0 {
		return op, typ, id, false, d.refused(op, "the amount is negative")
	}
	r, _, err := d.get(ctx, op, typ, id, nil)
	if err != nil {
		return op, typ, id, false, err
	}
	var now struct {
		common
		Total    int64  `json:"total"`
		Refunded int64  `json:"refunded_amount"`
		Status   string `json:"status"`
		Currency string `json:"currency"`
	}
	if err := d.read(op, r, &now, &now.common); err != nil {
		return op, typ, id, false, err
	}
	amount, refunded := request.Amount.Amount, back(now.Refunded, now.Total, now.Status)
	if amount == 0 {
		amount = now.Total - request.Refunded
	}
	switch {
	case refunded == request.Refunded && amount > 0:
		return op, typ, id, false, nil
	case refunded == request.Refunded+amount:
		return op, typ, id, true, nil
	}
	return op, typ, id, false, d.refused(op, "something else was refunded meanwhile: look at the payment and decide again")
}
