package stripe

import (
	"context"

	sdk "github.com/stripe/stripe-go/v85"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// listThroughPayments lists the refunds or disputes of one customer: it pages
// through their payments and asks for those of each payment whose charge says
// that it has any. A page is as long as a page of payments makes it.
func (d *Driver) listThroughPayments(ctx context.Context, query provider.Query) (provider.Page, error) {
	op := "list " + string(query.Kind) + " of a customer"
	payments, err := listed[paymentIntent](ctx, d, op, func(ctx context.Context) error {
		return d.api.V1PaymentIntents.List(ctx, &sdk.PaymentIntentListParams{
			ListParams: listParams(query), Expand: expand("data.latest_charge"), Customer: owned(query),
		}).Err()
	})
	if err != nil {
		return provider.Page{}, err
	}
	var page provider.Page
	last := ""
	for _, payment := range payments.rows {
		if last = payment.ID; !isName(last) {
			return provider.Page{}, d.malformed(op, errNoID)
		}
		found, err := d.ofPayment(ctx, query.Kind, payment)
		if err != nil {
			return provider.Page{}, err
		}
		page.Snapshots = append(page.Snapshots, found...)
	}
	if payments.more {
		page.Next = last
	}
	return page, nil
}

// ofPayment lists the refunds or disputes of one payment. The charge does not
// show a refund that failed and, as far as is documented, an inquiry: those are
// found by webhook, the list of events and the sweep of all.
func (d *Driver) ofPayment(ctx context.Context, kind billing.Kind, payment paymentIntent) ([]provider.Snapshot, error) {
	charge := payment.LatestCharge
	switch {
	case charge == nil:
		return nil, nil
	case kind == billing.KindRefund && charge.AmountRefunded > 0:
		refunds, err := whole(ctx, d, "list the refunds of "+payment.ID, func(r refund) string { return r.ID }, func(ctx context.Context, after *string) error {
			return d.api.V1Refunds.List(ctx, &sdk.RefundListParams{
				ListParams: wholeParams(after), Expand: expand("data.charge"), PaymentIntent: sdk.String(payment.ID),
			}).Err()
		})
		return snapshots(ctx, refunds, err, d.refund)
	case kind == billing.KindDispute && charge.Disputed:
		disputes, err := whole(ctx, d, "list the disputes of "+payment.ID, func(x dispute) string { return x.ID }, func(ctx context.Context, after *string) error {
			return d.api.V1Disputes.List(ctx, &sdk.DisputeListParams{
				ListParams: wholeParams(after), Expand: expand("data.charge"), PaymentIntent: sdk.String(payment.ID),
			}).Err()
		})
		return snapshots(ctx, disputes, err, d.dispute)
	}
	return nil, nil
}

func snapshots[T any](ctx context.Context, objects []T, err error, read func(context.Context, T) (provider.Snapshot, error)) ([]provider.Snapshot, error) {
	if err != nil {
		return nil, err
	}
	var all []provider.Snapshot
	for _, object := range objects {
		snapshot, err := read(ctx, object)
		if err != nil {
			return nil, err
		}
		all = append(all, snapshot)
	}
	return all, nil
}
