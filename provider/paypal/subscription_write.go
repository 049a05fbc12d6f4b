package paypal

import (
	"context"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// statusInvalid is PayPal's word for a subscription that is not in a state in which
// it can be moved: perhaps because it was moved before.
const statusInvalid = "SUBSCRIPTION_STATUS_INVALID"

// move suspends, activates or cancels. PayPal knows no idempotency here: what it
// refuses is looked at, and is good if it is as it should be.
func (d *Driver) move(ctx context.Context, op, action string, ref provider.Ref, key, note string, done func(*subscription) error) error {
	if err := d.mayWrite(op, ref, billing.KindSubscription, key); err != nil {
		return err
	}
	err := d.send(ctx, op, "/v1/billing/subscriptions/"+ref.ID+"/"+action, key, obj{"reason": note}, nil)
	if err == nil || codeOf(err) != statusInvalid {
		return err
	}
	s, look := d.getSubscription(ctx, op, ref.ID)
	if look != nil {
		return look // the refusal says nothing until we have looked
	}
	if why := done(s); why != nil {
		return why
	}
	return nil
}

// in makes the check that a subscription is in a state.
func in(status string, otherwise error) func(*subscription) error {
	return func(s *subscription) error {
		if s.Status == status {
			return nil
		}
		return otherwise
	}
}

// CancelNow implements [provider.Canceler]. PayPal has one way to cancel, which
// stops charging; the note that access ends at once is ours. A subscription that
// was canceled before cannot be noted anew: it runs until what was paid for is used
// up.
func (d *Driver) CancelNow(ctx context.Context, agreement provider.Ref, key string) error {
	op := "cancel subscription " + clip(agreement.ID, 64)
	return d.move(ctx, op, "cancel", agreement, key, noteEnds, func(s *subscription) error {
		switch {
		case s.Status != "CANCELLED" && s.Status != "EXPIRED":
			return d.refused(op, "PayPal says that it cannot be canceled: it is "+s.Status)
		case s.Plan != nil && endOf(s, paidUntil(s, termsOf(s, *s.Plan))).After(d.now()):
			return d.refused(op, "it was canceled before, and PayPal keeps what was noted then: no more is charged, and access lasts until what was paid for is used up")
		}
		return nil
	})
}

// CancelAtPeriodEnd implements [provider.Canceler]. PayPal cancels at once and
// forgets until when the payer has paid, so that is noted before.
func (d *Driver) CancelAtPeriodEnd(ctx context.Context, agreement provider.Ref, key string) error {
	op := "cancel at period end, subscription " + clip(agreement.ID, 64)
	if err := d.mayWrite(op, agreement, billing.KindSubscription, key); err != nil {
		return err
	}
	s, err := d.getSubscription(ctx, op, agreement.ID)
	if err != nil {
		return err
	}
	if s.Status == "CANCELLED" || s.Status == "EXPIRED" {
		return nil
	}
	note := "Canceled by Trivet."
	if until := d.until(s); !until.IsZero() {
		note = dated(noteUntil, until)
	}
	return d.move(ctx, op, "cancel", agreement, key, note, in("CANCELLED", d.refused(op, "PayPal says that it cannot be canceled: it waits for approval")))
}

// until is the date up to which the payer has paid: PayPal's own next billing time
// if the present period is paid for, else what can be worked out.
func (d *Driver) until(s *subscription) time.Time {
	if s.Plan == nil {
		return time.Time{}
	}
	t := termsOf(s, *s.Plan)
	until, next := paidUntil(s, t), s.info().Next
	if s.info().Failed == 0 && !until.IsZero() && next.After(d.now()) && next.Sub(until).Abs() <= t.slack() {
		return next
	}
	return until
}

// Uncancel implements [provider.Canceler]: PayPal cannot.
func (d *Driver) Uncancel(_ context.Context, agreement provider.Ref, key string) error {
	op := "uncancel subscription " + clip(agreement.ID, 64)
	if err := d.mayWrite(op, agreement, billing.KindSubscription, key); err != nil {
		return err
	}
	return d.unsupported(op, "a canceled PayPal subscription cannot come back: the customer has to subscribe again")
}

// Pause implements [provider.Pauser]. PayPal suspends until somebody activates; the
// date is in our note. One that is suspended keeps its note, so its date cannot be
// changed.
func (d *Driver) Pause(ctx context.Context, agreement provider.Ref, until time.Time, key string) error {
	op := "pause subscription " + clip(agreement.ID, 64)
	note := notePause
	if !until.IsZero() {
		note = dated(notePaused, until)
	}
	return d.move(ctx, op, "suspend", agreement, key, note, func(s *subscription) error {
		switch {
		case s.Status != "SUSPENDED":
			return d.refused(op, "PayPal says that it cannot be suspended: it is "+s.Status)
		case s.Note != note && !until.IsZero():
			return d.refused(op, "it is suspended already, and PayPal cannot change until when: resume it first")
		}
		return nil
	})
}

// Resume implements [provider.Pauser]. What fell due meanwhile is not charged for.
func (d *Driver) Resume(ctx context.Context, agreement provider.Ref, key string) error {
	op := "resume subscription " + clip(agreement.ID, 64)
	return d.move(ctx, op, "activate", agreement, key, noteResume, in("ACTIVE", d.refused(op, "PayPal says that it cannot be activated: it is over")))
}
