package stripe

import (
	"context"
	"errors"
	"slices"

	sdk "github.com/stripe/stripe-go/v85"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// Refund implements [provider.Refunder]. The key is written into the refund's
// metadata as trivet_effect, where [Driver.FoundRefund] finds it when Stripe has
// forgotten it as an idempotency key.
func (d *Driver) Refund(ctx context.Context, request provider.RefundRequest) (provider.Ref, error) {
	op := "refund payment " + clip(request.Payment.ID, 64)
	if err := d.mayWrite(op, request.Payment, billing.KindPayment, request.Key); err != nil {
		return provider.Ref{}, err
	}
	params := &sdk.RefundCreateParams{
		Params: keyed(request.Key), Metadata: map[string]string{metaEffect: idempotencyKey(request.Key)},
	}
	if isCharge(request.Payment.ID) {
		params.Charge = sdk.String(request.Payment.ID)
	} else {
		params.PaymentIntent = sdk.String(request.Payment.ID)
	}
	switch {
	case request.Amount.Amount < 0:
		return provider.Ref{}, d.refused(op, "the amount is negative")
	case request.Amount.Amount > 0:
		params.Amount = sdk.Int64(toStripe(request.Amount))
	}
	switch request.Reason {
	case "":
	case "duplicate", "fraudulent", "requested_by_customer":
		params.Reason = sdk.String(request.Reason)
	default:
		return provider.Ref{}, d.refused(op, "the reason is not duplicate, fraudulent or requested_by_customer")
	}
	refund, err := call(ctx, d, op, func(ctx context.Context) (*sdk.Refund, error) {
		return d.api.V1Refunds.Create(ctx, params)
	})
	if err != nil {
		return provider.Ref{}, err
	}
	if !isName(refund.ID) {
		return provider.Ref{}, &provider.Error{
			Account: d.account, Op: op, Kind: provider.OutcomeUnknown, Err: errors.New("the answer is not a refund"),
		}
	}
	return d.ref(billing.KindRefund, refund.ID), nil
}

// FoundRefund implements [provider.Refunder]. All refunds of the payment are
// read, whatever became of them.
func (d *Driver) FoundRefund(ctx context.Context, request provider.RefundRequest) (refund provider.Ref, found bool, err error) {
	payment, key := request.Payment, request.Key
	op := "look for a refund of payment " + clip(payment.ID, 64)
	if err := d.mayWrite(op, payment, billing.KindPayment, key); err != nil {
		return provider.Ref{}, false, err
	}
	params := &sdk.RefundListParams{ListParams: sdk.ListParams{Limit: sdk.Int64(pageSize)}}
	if isCharge(payment.ID) {
		params.Charge = sdk.String(payment.ID)
	} else {
		params.PaymentIntent = sdk.String(payment.ID)
	}
	refunds, err := rest(ctx, d, op, func(ctx context.Context) *sdk.V1List[*sdk.Refund] { return d.api.V1Refunds.List(ctx, params) })
	if err != nil {
		return provider.Ref{}, false, err
	}
	i := slices.IndexFunc(refunds, func(r *sdk.Refund) bool { return r.Metadata[metaEffect] == idempotencyKey(key) })
	if i < 0 {
		return provider.Ref{}, false, nil
	}
	return d.ref(billing.KindRefund, refunds[i].ID), true, nil
}

// AcceptDispute implements [provider.DisputeAccepter]. Stripe counts the dispute
// as lost from then on, which cannot be undone.
func (d *Driver) AcceptDispute(ctx context.Context, dispute provider.Ref, key string) error {
	op := "accept dispute " + clip(dispute.ID, 64)
	if err := d.mayWrite(op, dispute, billing.KindDispute, key); err != nil {
		return err
	}
	_, err := call(ctx, d, op, func(ctx context.Context) (*sdk.Dispute, error) {
		return d.api.V1Disputes.Close(ctx, dispute.ID, &sdk.DisputeCloseParams{Params: keyed(key)})
	})
	return d.unless(ctx, err, dispute, func(o billing.Object) bool { return o.State() == string(billing.DisputeLost) })
}

// Collect implements [provider.Collector]. A card that is declined is a refusal
// with the decline's code. A try takes a key of its own: under the key of an
// earlier try Stripe repeats the earlier answer and tries nothing.
func (d *Driver) Collect(ctx context.Context, invoice provider.Ref, key string) error {
	op := "collect invoice " + clip(invoice.ID, 64)
	if err := d.mayWrite(op, invoice, billing.KindInvoice, key); err != nil {
		return err
	}
	_, err := call(ctx, d, op, func(ctx context.Context) (*sdk.Invoice, error) {
		return d.api.V1Invoices.Pay(ctx, invoice.ID, &sdk.InvoicePayParams{Params: keyed(key)})
	})
	return d.unless(ctx, err, invoice, func(o billing.Object) bool { return o.State() == string(billing.InvoicePaid) })
}
