package paddle

import (
	"context"
	"time"

	sdk "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

func (d *Driver) subscriptions() looker {
	return reader[sdk.Subscription]{
		retrieve: func(ctx context.Context, id string) error {
			_, err := d.api.GetSubscription(ctx, &sdk.GetSubscriptionRequest{SubscriptionID: id})
			return err
		},
		list: func(ctx context.Context, query provider.Query) error {
			_, err := d.api.ListSubscriptions(ctx, &sdk.ListSubscriptionsRequest{
				After: after(query), PerPage: sdk.PtrTo(200), OrderBy: byAge(), CustomerID: owned(query),
			})
			return err
		},
		id:       func(s sdk.Subscription) string { return s.ID },
		updated:  updatedSubscription,
		snapshot: d.subscription,
	}
}

func (d *Driver) subscription(s sdk.Subscription) (provider.Snapshot, error) {
	object := billing.Subscription{
		Status: subscriptionStatus(s.Status), ProviderStatus: string(s.Status), StartedAt: moment(maybe(s.StartedAt)), EndedAt: moment(maybe(s.CanceledAt)),
		Interval: billing.Interval{Unit: string(s.BillingCycle.Interval), Count: int64(s.BillingCycle.Frequency)},
	}
	if period := s.CurrentBillingPeriod; period != nil {
		object.PeriodStart, object.PeriodEnd = moment(period.StartsAt), moment(period.EndsAt)
	}
	if err := addItems(&object, s); err != nil {
		return provider.Snapshot{}, err
	}
	if object.Status == billing.SubscriptionPastDue {
		// The period that has begun is the one that is owed for.
		object.PastDueSince = object.PeriodStart
	}
	addChange(&object, s)
	object.Ahead = promotionEnd(object, s)
	return provider.Snapshot{
		Ref: d.ref(billing.KindSubscription, s.ID), Object: object, Owner: s.CustomerID, Claims: claims(s.CustomData),
	}, nil
}

func subscriptionStatus(status sdk.SubscriptionStatus) billing.SubscriptionStatus {
	switch status {
	case sdk.SubscriptionStatusActive:
		return billing.SubscriptionActive
	case sdk.SubscriptionStatusTrialing:
		return billing.SubscriptionTrialing
	case sdk.SubscriptionStatusPastDue:
		return billing.SubscriptionPastDue
	case sdk.SubscriptionStatusPaused:
		return billing.SubscriptionPaused
	case sdk.SubscriptionStatusCanceled:
		return billing.SubscriptionEnded
	}
	return billing.SubscriptionPending
}

// addChange reads what is scheduled. A cancellation or a pause at the period's end
// leaves the status as it is until then.
func addChange(into *billing.Subscription, s sdk.Subscription) {
	if into.Status == billing.SubscriptionPaused {
		into.Pause = &billing.Pause{From: moment(maybe(s.PausedAt))}
	}
	change := s.ScheduledChange
	if change == nil || into.Status == billing.SubscriptionEnded {
		return
	}
	switch change.Action {
	case sdk.ScheduledChangeActionCancel:
		into.CancelAt = moment(change.EffectiveAt)
	case sdk.ScheduledChangeActionResume:
		if into.Pause != nil {
			into.Pause.Until = moment(change.EffectiveAt)
		}
	case sdk.ScheduledChangeActionPause:
		if into.Pause == nil {
			into.Pause = &billing.Pause{From: moment(change.EffectiveAt), Until: moment(maybe(change.ResumeAt))}
		}
	}
}

// addItems fills in what the items say: prices, quantities, the end of the trial
// and what one interval costs.
func addItems(into *billing.Subscription, s sdk.Subscription) error {
	var total int64
	var trial time.Time
	for _, item := range s.Items {
		into.Items = append(into.Items, billing.Item{Price: item.Price.ID, Quantity: int64(item.Quantity)})
		if dates := item.TrialDates; dates != nil && moment(dates.EndsAt).After(trial) {
			trial = moment(dates.EndsAt)
		}
		each, known, err := priceIn(item.Price, s.CurrencyCode)
		if err != nil {
			return err
		}
		if known {
			total += each.Amount * int64(item.Quantity)
		}
	}
	into.TrialEnd = trial
	if len(into.Items) > 0 {
		into.Price, into.Quantity = into.Items[0].Price, into.Items[0].Quantity
	}
	into.Amount = billing.Money{Amount: total, Currency: string(s.CurrencyCode)}
	return nil
}

// priceIn finds what a price costs in the currency of a subscription. The price
// itself may be in another: then an override for some countries is in it, or
// Paddle converts, and does not tell here at what rate.
func priceIn(price sdk.Price, code sdk.CurrencyCode) (each billing.Money, known bool, err error) {
	if price.UnitPrice.CurrencyCode == code {
		each, err = money(price.UnitPrice.Amount, code)
		return each, err == nil, err
	}
	for _, override := range price.UnitPriceOverrides {
		if override.UnitPrice.CurrencyCode != code {
			continue
		}
		again, err := money(override.UnitPrice.Amount, code)
		if err != nil || known && again != each {
			return billing.Money{}, false, err // two countries, two prices: which is unknown
		}
		each, known = again, true
	}
	return each, known, nil
}
