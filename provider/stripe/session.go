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
	return reader[session]{
		retrieve: func(ctx context.Context, id string) error {
			_, err := d.api.V1CheckoutSessions.Retrieve(ctx, id, &sdk.CheckoutSessionRetrieveParams{Expand: expand("line_items")})
			return err
		},
		list: func(ctx context.Context, query provider.Query) error {
			return d.api.V1CheckoutSessions.List(ctx, &sdk.CheckoutSessionListParams{
				ListParams: listParams(query), Expand: expand("data.line_items"), Customer: owned(query),
			}).Err()
		},
		id:       func(s session) string { return s.ID },
		snapshot: d.checkout,
	}
}

func (d *Driver) checkout(ctx context.Context, s session) (provider.Snapshot, error) {
	object := billing.Checkout{
		Status: checkoutStatus(s.Status), PaymentStatus: s.PaymentStatus, Mode: s.Mode,
		CreatedAt: moment(s.Created), ExpiresAt: moment(s.ExpiresAt),
	}
	var err error
	if s.Currency != "" { // a session that only sets a card up has no currency
		if object.Total, err = money(s.AmountTotal, s.Currency); err != nil {
			return provider.Snapshot{}, err
		}
	}
	if object.Items, err = d.sessionItems(ctx, &s); err != nil {
		return provider.Snapshot{}, err
	}
	snapshot := provider.Snapshot{
		Ref: d.ref(billing.KindCheckout, s.ID), Owner: s.Customer.idOf(),
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

func (d *Driver) sessionItems(ctx context.Context, s *session) ([]billing.Item, error) {
	if s.LineItems == nil {
		return nil, nil
	}
	lines := s.LineItems.Data
	if s.LineItems.HasMore {
		var err error
		lines, err = whole(ctx, d, "list the items of checkout "+s.ID, func(l lineItem) string { return l.ID }, func(ctx context.Context, after *string) error {
			return d.api.V1CheckoutSessions.ListLineItems(ctx, &sdk.CheckoutSessionListLineItemsParams{
				ListParams: wholeParams(after), Session: sdk.String(s.ID),
			}).Err()
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
