package stripe

import (
	"context"

	sdk "github.com/stripe/stripe-go/v85"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// claimReference is the claim of a checkout session's client_reference_id. The
// buyer can write it into the address of a payment link.
const claimReference = "client_reference_id"

func (d *Driver) checkouts() looker {
	return reader[*sdk.CheckoutSession]{
		retrieve: func(ctx context.Context, id string) (*sdk.CheckoutSession, error) {
			return d.api.V1CheckoutSessions.Retrieve(ctx, id, &sdk.CheckoutSessionRetrieveParams{Expand: expand("line_items")})
		},
		list: func(ctx context.Context, query provider.Query) *sdk.V1List[*sdk.CheckoutSession] {
			return d.api.V1CheckoutSessions.List(ctx, &sdk.CheckoutSessionListParams{
				ListParams: listParams(query), Expand: expand("data.line_items"), Customer: owned(query),
			})
		},
		id:       func(s *sdk.CheckoutSession) string { return s.ID },
		snapshot: d.checkout,
	}
}

func (d *Driver) checkout(ctx context.Context, s *sdk.CheckoutSession) (provider.Snapshot, error) {
	object := billing.Checkout{
		Status: checkoutStatus(s.Status), PaymentStatus: string(s.PaymentStatus), Mode: string(s.Mode),
		CreatedAt: moment(s.Created), ExpiresAt: moment(s.ExpiresAt),
	}
	var err error
	if s.Currency != "" { // a session that only sets a card up has no currency
		if object.Total, err = money(s.AmountTotal, s.Currency); err != nil {
			return provider.Snapshot{}, err
		}
	}
	if object.Items, err = d.sessionItems(ctx, s); err != nil {
		return provider.Snapshot{}, err
	}
	snapshot := provider.Snapshot{
		Ref: d.ref(billing.KindCheckout, s.ID), Owner: customerID(s.Customer),
		Claims: also(claims(s.Metadata), claimReference, s.ClientReferenceID),
	}
	if snapshot.Owner != "" {
		snapshot.Related = append(snapshot.Related, d.ref(billing.KindCustomer, snapshot.Owner))
	}
	if s.Subscription != nil {
		object.Subscription = s.Subscription.ID
		snapshot.Related = append(snapshot.Related, d.ref(billing.KindSubscription, object.Subscription))
	}
	if s.PaymentIntent != nil {
		object.Payment = s.PaymentIntent.ID
		snapshot.Related = append(snapshot.Related, d.ref(billing.KindPayment, object.Payment))
	}
	snapshot.Object = object
	return snapshot, nil
}

func checkoutStatus(status sdk.CheckoutSessionStatus) billing.CheckoutStatus {
	switch status {
	case sdk.CheckoutSessionStatusComplete:
		return billing.CheckoutComplete
	case sdk.CheckoutSessionStatusExpired:
		return billing.CheckoutExpired
	}
	return billing.CheckoutOpen
}

func (d *Driver) sessionItems(ctx context.Context, s *sdk.CheckoutSession) ([]billing.Item, error) {
	if s.LineItems == nil {
		return nil, nil
	}
	lines := s.LineItems.Data
	if s.LineItems.HasMore {
		var err error
		lines, err = rest(ctx, d, "list the items of checkout "+s.ID, func(ctx context.Context) *sdk.V1List[*sdk.LineItem] {
			return d.api.V1CheckoutSessions.ListLineItems(ctx, &sdk.CheckoutSessionListLineItemsParams{
				ListParams: sdk.ListParams{Limit: sdk.Int64(pageSize)}, Session: sdk.String(s.ID),
			})
		})
		if err != nil {
			return nil, err
		}
	}
	var items []billing.Item
	for _, line := range lines {
		if line.Price != nil {
			items = append(items, billing.Item{Price: line.Price.ID, Quantity: line.Quantity})
		}
	}
	return items, nil
}
