package stripe

import (
	"context"

	sdk "github.com/stripe/stripe-go/v85"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

func (d *Driver) refunds() looker {
	return reader[refund]{
		retrieve: func(ctx context.Context, id string) error {
			_, err := d.api.V1Refunds.Retrieve(ctx, id, &sdk.RefundRetrieveParams{Expand: expand("charge")})
			return err
		},
		list: func(ctx context.Context, query provider.Query) error {
			return d.api.V1Refunds.List(ctx, &sdk.RefundListParams{ListParams: listParams(query), Expand: expand("data.charge")}).Err()
		},
		id:       func(r refund) string { return r.ID },
		snapshot: d.refund,
	}
}

func (d *Driver) refund(_ context.Context, r refund) (provider.Snapshot, error) {
	amount, err := money(r.Amount, r.Currency)
	if err != nil {
		return provider.Snapshot{}, err
	}
	payment := paymentOf(r.PaymentIntent, r.Charge)
	return provider.Snapshot{
		Ref: d.ref(billing.KindRefund, r.ID),
		Object: billing.Refund{
			Status: refundStatus(r.Status), Amount: amount, Payment: payment,
			Reason: r.Reason, Failure: r.FailureReason, CreatedAt: moment(r.Created),
		},
		Owner: ownerOf(r.Charge), Claims: claims(r.Metadata), Related: d.relatedPayment(payment),
	}, nil
}

func refundStatus(status sdk.RefundStatus) billing.RefundStatus {
	switch status {
	case sdk.RefundStatusRequiresAction:
		return billing.RefundRequiresAction
	case sdk.RefundStatusSucceeded:
		return billing.RefundSucceeded
	case sdk.RefundStatusFailed:
		return billing.RefundFailed
	case sdk.RefundStatusCanceled:
		return billing.RefundCanceled
	}
	return billing.RefundPending
}

// paymentOf names the payment behind a refund, a dispute or a warning.
func paymentOf(intent *named, charge *namedCharge) string {
	switch {
	case intent != nil:
		return intent.ID
	case charge == nil:
		return ""
	case charge.PaymentIntent != nil:
		return charge.PaymentIntent.ID
	}
	return charge.ID
}

// ownerOf reads the customer from an expanded charge.
func ownerOf(charge *namedCharge) string {
	if charge == nil {
		return ""
	}
	return charge.Customer.idOf()
}

func (d *Driver) relatedPayment(id string) []provider.Ref {
	if id == "" {
		return nil
	}
	return []provider.Ref{d.ref(billing.KindPayment, id)}
}
