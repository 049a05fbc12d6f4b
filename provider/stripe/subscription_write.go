package stripe

import (
	"context"
	"time"

	sdk "github.com/stripe/stripe-go/v85"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// CancelNow implements [provider.Canceler]. Nothing is refunded or credited. A
// subscription that has ended already counts as canceled.
func (d *Driver) CancelNow(ctx context.Context, subscription provider.Ref, key string) error {
	op := "cancel subscription " + clip(subscription.ID, 64)
	if err := d.mayWrite(op, subscription, billing.KindSubscription, key); err != nil {
		return err
	}
	_, err := call(ctx, d, op, func(ctx context.Context) (*sdk.Subscription, error) {
		return d.api.V1Subscriptions.Cancel(ctx, subscription.ID, &sdk.SubscriptionCancelParams{Params: keyed(key)})
	})
	return d.unless(ctx, err, subscription, func(o billing.Object) bool {
		return o.State() == string(billing.SubscriptionEnded)
	})
}

// CancelAtPeriodEnd implements [provider.Canceler].
func (d *Driver) CancelAtPeriodEnd(ctx context.Context, subscription provider.Ref, key string) error {
	return d.update(ctx, "cancel at period end", subscription, key, &sdk.SubscriptionUpdateParams{CancelAtPeriodEnd: sdk.Bool(true)})
}

// Uncancel implements [provider.Canceler]. Stripe takes back the end of the period
// and a set date by different parameters, and not both. It does not look first: a
// read may be old, while what Stripe answers to a write is what there is now.
func (d *Driver) Uncancel(ctx context.Context, subscription provider.Ref, key string) error {
	const op = "uncancel"
	now, err := d.changed(ctx, op, subscription, key, &sdk.SubscriptionUpdateParams{CancelAtPeriodEnd: sdk.Bool(false)})
	if err != nil || now.CancelAt == 0 {
		return err
	}
	return d.update(ctx, op, subscription, key+":date", &sdk.SubscriptionUpdateParams{
		UnsetFields: []sdk.SubscriptionUpdateParamsUnsetField{sdk.SubscriptionUpdateParamsUnsetFieldCancelAt},
	})
}

// Pause implements [provider.Pauser]: invoices of the time are voided. Stripe
// leaves the subscription's status as it is, and goes on retrying invoices that
// were open before.
func (d *Driver) Pause(ctx context.Context, subscription provider.Ref, until time.Time, key string) error {
	pause := &sdk.SubscriptionUpdatePauseCollectionParams{Behavior: sdk.String(string(sdk.SubscriptionPauseCollectionBehaviorVoid))}
	if !until.IsZero() {
		pause.ResumesAt = sdk.Int64(until.Unix())
	}
	return d.update(ctx, "pause", subscription, key, &sdk.SubscriptionUpdateParams{PauseCollection: pause})
}

// Resume implements [provider.Pauser]. Stripe knows two pauses, which may come
// together: that of collection, and the status after a trial that ended without
// a payment method. One that is not paused counts as resumed; whether it is, is
// told by the answer to a write, not by a read, which may be old.
func (d *Driver) Resume(ctx context.Context, subscription provider.Ref, key string) error {
	const op = "resume"
	now, err := d.changed(ctx, op, subscription, key, &sdk.SubscriptionUpdateParams{
		UnsetFields: []sdk.SubscriptionUpdateParamsUnsetField{sdk.SubscriptionUpdateParamsUnsetFieldPauseCollection},
	})
	if err != nil || now.Status != sdk.SubscriptionStatusPaused {
		return err
	}
	_, err = call(ctx, d, op+" subscription "+subscription.ID, func(ctx context.Context) (*sdk.Subscription, error) {
		return d.api.V1Subscriptions.Resume(ctx, subscription.ID, &sdk.SubscriptionResumeParams{Params: keyed(key + ":status")})
	})
	return err
}

// ExtendTrial implements [provider.TrialExtender].
func (d *Driver) ExtendTrial(ctx context.Context, subscription provider.Ref, until time.Time, key string) error {
	const op = "extend trial"
	switch left := until.Sub(d.now()); {
	case left <= 0:
		return d.refused(op, "the new end of the trial is not in the future")
	case left > longestTrial:
		return d.refused(op, "Stripe allows a trial of 730 days at most")
	}
	return d.update(ctx, op, subscription, key, &sdk.SubscriptionUpdateParams{
		TrialEnd: sdk.Int64(until.Unix()), ProrationBehavior: sdk.String("none"),
	})
}

// update changes a subscription.
func (d *Driver) update(ctx context.Context, verb string, subscription provider.Ref, key string, params *sdk.SubscriptionUpdateParams) error {
	_, err := d.changed(ctx, verb, subscription, key, params)
	return err
}

// changed changes a subscription and returns it as it is then.
func (d *Driver) changed(ctx context.Context, verb string, subscription provider.Ref, key string, params *sdk.SubscriptionUpdateParams) (*sdk.Subscription, error) {
	op := verb + ", subscription " + clip(subscription.ID, 64)
	if err := d.mayWrite(op, subscription, billing.KindSubscription, key); err != nil {
		return nil, err
	}
	params.Params = keyed(key)
	return call(ctx, d, op, func(ctx context.Context) (*sdk.Subscription, error) {
		return d.api.V1Subscriptions.Update(ctx, subscription.ID, params)
	})
}
