package stripe

import (
	"context"

	sdk "github.com/stripe/stripe-go/v85"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

func (d *Driver) subscriptions() looker {
	return reader[subscription]{
		retrieve: func(ctx context.Context, id string) error {
			_, err := d.api.V1Subscriptions.Retrieve(ctx, id, &sdk.SubscriptionRetrieveParams{Expand: expand(beside...)})
			return err
		},
		list: func(ctx context.Context, query provider.Query) error {
			return d.api.V1Subscriptions.List(ctx, &sdk.SubscriptionListParams{
				ListParams: listParams(query), Expand: eachExpanded(beside), Customer: owned(query),
				Status: sdk.String("all"), // without it the canceled ones are left out
			}).Err()
		},
		id:       func(s subscription) string { return s.ID },
		snapshot: d.subscription,
	}
}

// beside is what is read along with a subscription.
var beside = []string{"latest_invoice", "discounts", "items.data.discounts", "schedule"}

func (d *Driver) subscription(ctx context.Context, s subscription) (provider.Snapshot, error) {
	items, err := d.subscriptionItems(ctx, &s)
	if err != nil {
		return provider.Snapshot{}, err
	}
	object := billing.Subscription{
		Status:         subscriptionStatus(&s),
		ProviderStatus: string(s.Status),
		StartedAt:      moment(s.StartDate),
		TrialEnd:       moment(s.TrialEnd),
		EndedAt:        moment(s.EndedAt),
		Pause:          pauseOf(&s),
	}
	if object.Amount, err = addItems(&object, s.Currency, items); err != nil {
		return provider.Snapshot{}, err
	}
	switch {
	case s.CancelAt != 0:
		object.CancelAt = moment(s.CancelAt)
	case s.CancelAtPeriodEnd:
		object.CancelAt = object.PeriodEnd
	}
	if object.Ahead, err = d.ahead(ctx, &s, items, object); err != nil {
		return provider.Snapshot{}, err
	}
	snapshot := provider.Snapshot{
		Ref: d.ref(billing.KindSubscription, s.ID), Owner: s.Customer.idOf(), Claims: claims(s.Metadata),
	}
	if latest := s.LatestInvoice; latest != nil {
		object.LatestInvoice = latest.ID
		snapshot.Related = []provider.Ref{d.ref(billing.KindInvoice, latest.ID)}
		if object.Status == billing.SubscriptionPastDue || object.Status == billing.SubscriptionUnpaid {
			object.PastDueSince = dueSince((*invoice)(latest))
		}
	}
	snapshot.Object = object
	return snapshot, nil
}

// subscriptionStatus translates the status. What is over is over, whatever else
// the object says; a pause of collection leaves Stripe's status as it was.
func subscriptionStatus(s *subscription) billing.SubscriptionStatus {
	switch s.Status {
	case sdk.SubscriptionStatusCanceled, sdk.SubscriptionStatusIncompleteExpired:
		return billing.SubscriptionEnded
	}
	if s.PauseCollection != nil {
		return billing.SubscriptionPaused
	}
	switch s.Status {
	case sdk.SubscriptionStatusTrialing:
		return billing.SubscriptionTrialing
	case sdk.SubscriptionStatusActive:
		return billing.SubscriptionActive
	case sdk.SubscriptionStatusPastDue:
		return billing.SubscriptionPastDue
	case sdk.SubscriptionStatusUnpaid:
		return billing.SubscriptionUnpaid
	case sdk.SubscriptionStatusPaused: // the trial ended without a payment method
		return billing.SubscriptionPaused
	}
	return billing.SubscriptionPending
}

// pauseOf reads the pause. Stripe does not tell when a pause of collection
// began; one for want of a payment method begins with the end of the trial.
func pauseOf(s *subscription) *billing.Pause {
	switch {
	case s.PauseCollection != nil:
		return &billing.Pause{Until: moment(s.PauseCollection.ResumesAt), Mode: s.PauseCollection.Behavior}
	case s.Status == sdk.SubscriptionStatusPaused:
		return &billing.Pause{From: moment(s.TrialEnd)}
	}
	return nil
}

// addItems fills in what the items say: prices, quantities, interval and, since
// 2025-03-31, the period. It returns what one interval costs.
func addItems(into *billing.Subscription, code sdk.Currency, items []subscriptionItem) (billing.Money, error) {
	total, start, end := int64(0), int64(0), int64(0)
	for _, item := range items {
		if item.CurrentPeriodEnd > end {
			start, end = item.CurrentPeriodStart, item.CurrentPeriodEnd
		}
		if item.Price == nil {
			continue
		}
		total += priceOf(item.Price, item.Quantity)
		into.Items = append(into.Items, billing.Item{Price: item.Price.ID, Quantity: item.Quantity})
		if recurring := item.Price.Recurring; recurring != nil && into.Interval.Unit == "" {
			into.Interval = billing.Interval{Unit: recurring.Interval, Count: recurring.IntervalCount}
		}
	}
	into.PeriodStart, into.PeriodEnd = moment(start), moment(end)
	if len(into.Items) > 0 {
		into.Price, into.Quantity = into.Items[0].Price, into.Items[0].Quantity
	}
	return money(total, code)
}

func (d *Driver) subscriptionItems(ctx context.Context, s *subscription) ([]subscriptionItem, error) {
	if s.Items == nil {
		return nil, nil
	}
	if !s.Items.HasMore {
		return s.Items.Data, nil
	}
	return whole(ctx, d, "list the items of subscription "+s.ID, func(i subscriptionItem) string { return i.ID }, func(ctx context.Context, after *string) error {
		return d.api.V1SubscriptionItems.List(ctx, &sdk.SubscriptionItemListParams{
			ListParams: wholeParams(after), Subscription: sdk.String(s.ID),
		}).Err()
	})
}
