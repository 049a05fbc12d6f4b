package stripe

import (
	"context"

	sdk "github.com/stripe/stripe-go/v85"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

func (d *Driver) disputes() looker {
	return reader[dispute]{
		retrieve: func(ctx context.Context, id string) error {
			_, err := d.api.V1Disputes.Retrieve(ctx, id, &sdk.DisputeRetrieveParams{Expand: expand("charge")})
			return err
		},
		list: func(ctx context.Context, query provider.Query) error {
			return d.api.V1Disputes.List(ctx, &sdk.DisputeListParams{ListParams: listParams(query), Expand: expand("data.charge")}).Err()
		},
		id:       func(x dispute) string { return x.ID },
		snapshot: d.dispute,
	}
}

func (d *Driver) dispute(_ context.Context, x dispute) (provider.Snapshot, error) {
	amount, err := money(x.Amount, x.Currency)
	if err != nil {
		return provider.Snapshot{}, err
	}
	payment := paymentOf(x.PaymentIntent, x.Charge)
	object := billing.Dispute{
		Status: disputeStatus(x.Status), ProviderStatus: string(x.Status), Amount: amount,
		Payment: payment, Reason: x.Reason, CreatedAt: moment(x.Created),
	}
	over := object.Status == billing.DisputeWon || object.Status == billing.DisputeLost
	if x.EvidenceDetails != nil && !over {
		object.DueBy = moment(x.EvidenceDetails.DueBy)
	}
	return provider.Snapshot{
		Ref: d.ref(billing.KindDispute, x.ID), Object: object,
		Owner: ownerOf(x.Charge), Claims: claims(x.Metadata), Related: d.relatedPayment(payment),
	}, nil
}

// disputeStatus translates the status. The warning_ states are an inquiry; one
// that was closed cost nothing, nor did a dispute that was prevented (since
// 2026-03-25).
func disputeStatus(status sdk.DisputeStatus) billing.DisputeStatus {
	switch status {
	case sdk.DisputeStatusWarningNeedsResponse, sdk.DisputeStatusWarningUnderReview:
		return billing.DisputeInquiry
	case sdk.DisputeStatusWarningClosed, sdk.DisputeStatusWon, sdk.DisputeStatusPrevented:
		return billing.DisputeWon
	case sdk.DisputeStatusLost:
		return billing.DisputeLost
	}
	return billing.DisputeOpen
}

func (d *Driver) warnings() looker {
	return reader[warning]{
		retrieve: func(ctx context.Context, id string) error {
			_, err := d.api.V1RadarEarlyFraudWarnings.Retrieve(ctx, id, &sdk.RadarEarlyFraudWarningRetrieveParams{Expand: expand("charge")})
			return err
		},
		list: func(ctx context.Context, query provider.Query) error {
			return d.api.V1RadarEarlyFraudWarnings.List(ctx, &sdk.RadarEarlyFraudWarningListParams{ListParams: listParams(query), Expand: expand("data.charge")}).Err()
		},
		id:       func(w warning) string { return w.ID },
		snapshot: d.warning,
	}
}

func (d *Driver) warning(_ context.Context, w warning) (provider.Snapshot, error) {
	payment := paymentOf(w.PaymentIntent, w.Charge)
	return provider.Snapshot{
		Ref: d.ref(billing.KindWarning, w.ID),
		Object: billing.Warning{
			Actionable: w.Actionable, Payment: payment, FraudType: w.FraudType, CreatedAt: moment(w.Created),
		},
		Owner: ownerOf(w.Charge), Related: d.relatedPayment(payment),
	}, nil
}
