package paddle

import (
	"context"
	"time"

	sdk "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// Every write below looks first, since Paddle has no idempotency keys: what is so
// already is not done again.

// CancelNow implements [provider.Canceler]. Nothing is refunded or credited. What
// is owed is given up by Paddle.
func (d *Driver) CancelNow(ctx context.Context, subscription provider.Ref, key string) error {
	const verb = "cancel"
	now, op, err := d.present(ctx, verb, subscription, key)
	if err != nil || now.Status == sdk.SubscriptionStatusCanceled {
		return err
	}
	return d.cancel(ctx, op, subscription.ID, key, sdk.EffectiveFromImmediately)
}

// CancelAtPeriodEnd implements [provider.Canceler]. A pause that is scheduled gives
// way, since Paddle keeps one scheduled change. One that is paused has no period:
// it ends at once, as is Paddle's default.
func (d *Driver) CancelAtPeriodEnd(ctx context.Context, subscription provider.Ref, key string) error {
	const verb = "cancel at period end"
	now, op, err := d.present(ctx, verb, subscription, key)
	switch {
	case err != nil || now.Status == sdk.SubscriptionStatusCanceled || scheduled(now, sdk.ScheduledChangeActionCancel):
		return err
	case now.Status == sdk.SubscriptionStatusPaused:
		return d.cancel(ctx, op, subscription.ID, key, sdk.EffectiveFromImmediately)
	case now.ScheduledChange != nil:
		if err := d.unschedule(ctx, op, subscription.ID, key); err != nil {
			return err
		}
	}
	return d.cancel(ctx, op, subscription.ID, key, sdk.EffectiveFromNextBillingPeriod)
}

// Uncancel implements [provider.Canceler].
func (d *Driver) Uncancel(ctx context.Context, subscription provider.Ref, key string) error {
	now, op, err := d.present(ctx, "uncancel", subscription, key)
	switch {
	case err != nil:
		return err
	case now.Status == sdk.SubscriptionStatusCanceled:
		return d.refused(op, "it has ended: the customer has to subscribe again")
	case !scheduled(now, sdk.ScheduledChangeActionCancel):
		return nil
	}
	return d.unschedule(ctx, op, subscription.ID, key)
}

// Pause implements [provider.Pauser]: at once. If it is to resume while the paid
// period still runs, that period goes on; otherwise Paddle begins a new one then
// and charges for it. One that is to end is not paused: Paddle would have to forget
// that the customer has canceled.
func (d *Driver) Pause(ctx context.Context, subscription provider.Ref, until time.Time, key string) error {
	now, op, err := d.present(ctx, "pause", subscription, key)
	switch {
	case err != nil:
		return err
	case now.Status == sdk.SubscriptionStatusCanceled:
		return d.refused(op, "it has ended")
	case scheduled(now, sdk.ScheduledChangeActionCancel):
		return d.refused(op, "it is to end, and Paddle keeps one scheduled change: withdraw the cancellation first")
	case now.Status == sdk.SubscriptionStatusPaused:
		return d.pauseUntil(ctx, op, now, until, key)
	case now.ScheduledChange != nil:
		if err := d.unschedule(ctx, op, subscription.ID, key); err != nil {
			return err
		}
	}
	request := &sdk.PauseSubscriptionRequest{SubscriptionID: subscription.ID, EffectiveFrom: sdk.PtrTo(sdk.EffectiveFromImmediately)}
	if !until.IsZero() {
		request.ResumeAt, request.OnResume = sdk.PtrTo(until.UTC().Format(time.RFC3339)), sdk.PtrTo(sdk.SubscriptionOnResumeStartNewBillingPeriod)
		if period := now.CurrentBillingPeriod; period != nil && until.Before(moment(period.EndsAt)) {
			request.OnResume = sdk.PtrTo(sdk.SubscriptionOnResumeContinueExistingBillingPeriod)
		}
	}
	return d.change(ctx, op, key, func(ctx context.Context) error {
		_, err := d.api.PauseSubscription(ctx, request)
		return err
	})
}

// pauseUntil moves the end of a pause.
func (d *Driver) pauseUntil(ctx context.Context, op string, now sdk.Subscription, until time.Time, key string) error {
	var end time.Time
	if scheduled(now, sdk.ScheduledChangeActionResume) {
		end = moment(now.ScheduledChange.EffectiveAt)
	}
	switch {
	case end.Truncate(time.Second).Equal(until.Truncate(time.Second)):
		return nil
	case until.IsZero():
		return d.unschedule(ctx, op, now.ID, key)
	}
	return d.change(ctx, op, key, func(ctx context.Context) error {
		_, err := d.api.ResumeSubscription(ctx, &sdk.ResumeSubscriptionRequest{
			SubscriptionID: now.ID, ResumeOnASpecificDate: &sdk.ResumeOnASpecificDate{
				EffectiveFrom: until.UTC().Format(time.RFC3339), OnResume: sdk.SubscriptionOnResumeStartNewBillingPeriod,
			},
		})
		return err
	})
}

// codePeriodOver is Paddle's answer if nothing of the paid period is left.
const codePeriodOver = "subscription_continuing_existing_billing_period_not_allowed"

// Resume implements [provider.Pauser]. What is left of the paid period goes on; only
// if nothing is left a new one begins, for which Paddle charges at once. A pause
// that is merely scheduled is withdrawn.
func (d *Driver) Resume(ctx context.Context, subscription provider.Ref, key string) error {
	now, op, err := d.present(ctx, "resume", subscription, key)
	switch {
	case err != nil:
		return err
	case scheduled(now, sdk.ScheduledChangeActionPause):
		return d.unschedule(ctx, op, subscription.ID, key)
	case now.Status == sdk.SubscriptionStatusCanceled:
		return d.refused(op, "it has ended: the customer has to subscribe again")
	case now.Status != sdk.SubscriptionStatusPaused:
		return nil
	}
	err = d.resume(ctx, op, subscription.ID, key, sdk.SubscriptionOnResumeContinueExistingBillingPeriod)
	if codeOf(err) == codePeriodOver {
		err = d.resume(ctx, op, subscription.ID, key, sdk.SubscriptionOnResumeStartNewBillingPeriod)
	}
	return err
}

func (d *Driver) resume(ctx context.Context, op, id, key string, how sdk.SubscriptionOnResume) error {
	return d.change(ctx, op, key, func(ctx context.Context) error {
		_, err := d.api.ResumeSubscription(ctx, &sdk.ResumeSubscriptionRequest{
			SubscriptionID: id, ResumeImmediately: &sdk.ResumeImmediately{EffectiveFrom: sdk.PtrTo(sdk.EffectiveFromImmediately), OnResume: how},
		})
		return err
	})
}

// soonest is how far ahead Paddle wants the next billing date.
const soonest = 30 * time.Minute

// ExtendTrial implements [provider.TrialExtender]: in a trial the next billing date
// is its end.
func (d *Driver) ExtendTrial(ctx context.Context, subscription provider.Ref, until time.Time, key string) error {
	now, op, err := d.present(ctx, "extend trial", subscription, key)
	switch {
	case err != nil:
		return err
	case now.Status != sdk.SubscriptionStatusTrialing:
		return d.refused(op, "it is not in a trial, and Paddle gives none afterwards")
	case moment(maybe(now.NextBilledAt)).Truncate(time.Second).Equal(until.Truncate(time.Second)):
		return nil
	case until.Sub(d.now()) < soonest:
		return d.refused(op, "the new end of the trial is not half an hour ahead")
	case now.ScheduledChange != nil:
		return d.refused(op, "a change is scheduled: withdraw it first")
	}
	return d.change(ctx, op, key, func(ctx context.Context) error {
		_, err := d.api.UpdateSubscription(ctx, &sdk.UpdateSubscriptionRequest{
			SubscriptionID: subscription.ID, NextBilledAt: sdk.NewPatchField(until.UTC().Format(time.RFC3339)),
			ProrationBillingMode: sdk.NewPatchField(sdk.ProrationBillingModeDoNotBill),
		})
		return err
	})
}

// scheduled reports whether a kind of change is to come.
func scheduled(s sdk.Subscription, action sdk.ScheduledChangeAction) bool {
	return s.ScheduledChange != nil && s.ScheduledChange.Action == action
}

// present looks at a subscription before it is changed.
func (d *Driver) present(ctx context.Context, verb string, subscription provider.Ref, key string) (now sdk.Subscription, op string, err error) {
	op = verb + ", subscription " + clip(subscription.ID, 64)
	if err := d.mayWrite(op, subscription, billing.KindSubscription, key); err != nil {
		return now, op, err
	}
	now, err = call[sdk.Subscription](ctx, d, op, func(ctx context.Context) error {
		_, err := d.api.GetSubscription(ctx, &sdk.GetSubscriptionRequest{SubscriptionID: subscription.ID})
		return err
	})
	if err == nil && now.ID != subscription.ID {
		err = d.malformed(op, errOther)
	}
	return now, op, err
}

// change makes a call that changes a subscription, and makes sure that the answer
// is one.
func (d *Driver) change(ctx context.Context, op, key string, do func(context.Context) error) error {
	_, err := call[sdk.Subscription](keyed(ctx, key), d, op, do)
	return err
}

func (d *Driver) cancel(ctx context.Context, op, id, key string, from sdk.EffectiveFrom) error {
	return d.change(ctx, op, key, func(ctx context.Context) error {
		_, err := d.api.CancelSubscription(ctx, &sdk.CancelSubscriptionRequest{SubscriptionID: id, EffectiveFrom: &from})
		return err
	})
}

// unschedule withdraws a scheduled change.
func (d *Driver) unschedule(ctx context.Context, op, id, key string) error {
	return d.change(ctx, op, key, func(ctx context.Context) error {
		_, err := d.api.UpdateSubscription(ctx, &sdk.UpdateSubscriptionRequest{
			SubscriptionID: id, ScheduledChange: sdk.NewNullPatchField[*sdk.SubscriptionScheduledChange](),
		})
		return err
	})
}
