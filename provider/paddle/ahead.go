package paddle

import (
	"context"
	"errors"
	"time"

	sdk "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// promotionEnd is the first charge at or after the end of a subscription's discount;
// nil if it has none that ends, or is over or stands still before. That the price of an
// item will change Paddle never says: a change is made at once and shows in the items.
func promotionEnd(o billing.Subscription, s sdk.Subscription) *billing.Ahead {
	if s.Discount == nil || !o.Live() || o.PeriodEnd.IsZero() {
		return nil
	}
	ends := moment(maybe(s.Discount.EndsAt))
	if !ends.After(o.PeriodStart) {
		return nil
	}
	ahead := &billing.Ahead{Kind: billing.PromotionEnd, At: chargeFrom(o, ends)}
	if o.Amount.Amount > 0 {
		ahead.Amount = o.Amount
	}
	if change := s.ScheduledChange; change != nil && change.Action != sdk.ScheduledChangeActionResume && !moment(change.EffectiveAt).After(ahead.At) {
		return nil
	}
	if ahead.At.IsZero() {
		return nil // in a rhythm that nobody knows
	}
	return ahead
}

// chargeFrom is when the first charge at or after a time is due.
func chargeFrom(o billing.Subscription, at time.Time) time.Time {
	for n := range mostPeriods {
		due := o.Interval.After(o.PeriodEnd, n)
		if due.IsZero() || !due.Before(at) {
			return due
		}
	}
	return time.Time{}
}

// mostPeriods bounds the reckoning: ten years of days.
const mostPeriods = 3660

// PreviewCharge implements [provider.Previewer] by the subscription's next transaction,
// which has one-time charges and prorated ones that are still to be billed. Paddle has
// none of a subscription that is scheduled to end or to pause.
func (d *Driver) PreviewCharge(ctx context.Context, subscription provider.Ref) (provider.Charge, bool, error) {
	op := "preview the next transaction of subscription " + clip(subscription.ID, 64)
	if err := d.checkRef(op, subscription, billing.KindSubscription); err != nil {
		return provider.Charge{}, false, err
	}
	s, err := call[sdk.Subscription](ctx, d, op, func(ctx context.Context) error {
		_, err := d.api.GetSubscription(ctx, &sdk.GetSubscriptionRequest{SubscriptionID: subscription.ID, IncludeNextTransaction: true})
		return err
	})
	if err != nil || s.NextTransaction == nil {
		return provider.Charge{}, false, err
	}
	totals := s.NextTransaction.Details.Totals
	charge := provider.Charge{At: moment(s.NextTransaction.BillingPeriod.StartsAt)}
	amount, err := money(totals.GrandTotal, totals.CurrencyCode)
	tax, err2 := money(totals.Tax, totals.CurrencyCode)
	if err = errors.Join(err, err2); err == nil && charge.At.IsZero() {
		err = errors.New("the next transaction has no date")
	}
	if err != nil {
		return provider.Charge{}, false, d.malformed(op, err)
	}
	charge.Amount, charge.Tax = amount, tax.Amount
	return charge, true, nil
}

// PortalURL implements [provider.Portaler] by a session of the customer portal: its
// overview, or the cancellation of one subscription. Paddle has no parameter for the
// way back. The link lives for a short time.
func (d *Driver) PortalURL(ctx context.Context, request provider.PortalRequest) (string, error) {
	op := "make a portal link for customer " + clip(request.Owner.ID, 64)
	if err := d.checkRef(op, request.Owner, billing.KindCustomer); err != nil {
		return "", err
	}
	subscription := ""
	if request.Cancel && !request.Subscription.IsZero() {
		if err := d.checkRef(op, request.Subscription, billing.KindSubscription); err != nil {
			return "", err
		}
		subscription = request.Subscription.ID
	}
	return d.portal(ctx, op, request.Owner.ID, subscription, func(urls sdk.CustomerPortalSessionSubscriptionURLs) string { return urls.CancelSubscription })
}
