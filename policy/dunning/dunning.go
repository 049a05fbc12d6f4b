// Package dunning sees a customer through a failed charge: it says plainly what
// happened and what to do, warns before access ends, says so when it has ended, and
// thanks when it is settled. It also gives notice of what would fail next, a card or
// a pass that runs out, and confirms what happened: a pause, a cancellation, a
// refund. What another policy has ended or paid back, that policy tells.
//
// # A failed charge
//
// A subscription that is past due is told of in steps: two hours after the first
// failure (most providers have tried again by then), on the third day, two days
// before access ends, and at its end. The end is not a number of this package: it
// is what package billing decides by the days of grace, and where another purchase
// keeps the door open nothing ends and no end is threatened. Only the step that is
// due now is named, so that a service that comes back after a week says where
// matters stand, once, and that it is late, and does not catch up on what it
// missed. Because the outbox asks again right before it sends, one who has paid in
// the meantime hears nothing.
//
// The steps belong to the charge from which grace counts ([billing.OwedSince]). A
// second charge that fails while the first is owed begins nothing anew. One customer
// is never chased for two subscriptions at once: the older debt goes first.
//
// Nobody is chased who is banned, has canceled, contests a payment at the bank, or
// has told the bank to pay no more, or whose charge failed because of the merchant's own
// account at the provider; the last two are told to the team instead.
//
// # Trying again
//
// Providers try again themselves, and know better when. Only where they have given
// up, and only if it is switched on, does the policy ask for another try: never
// after a decline that the networks call final, never sooner than a day after the
// last, and never more often than they allow, the provider's own tries included.
package dunning

import (
	"slices"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/policy"
)

// The templates of this policy.
const (
	failedFirst    = "payment_failed.1"
	failedAgain    = "payment_failed.2"
	failedFinal    = "payment_failed.final"
	accessEnded    = "access_ended"
	recovered      = "recovered"
	actionRequired = "action_required"
	cardExpiring   = "card_expiring"
	passExpiring   = "pass_expiring"
	passEnded      = "pass_ended"
	paused         = "paused"
	resumed        = "resumed"
	canceled       = "canceled"
	refunded       = "refunded"
	pendingFailed  = "payment_pending_failed"
	autoRenewOn    = "auto_renew_on"
	receipt        = "receipt"
	refundReceipt  = "refund_receipt"
)

var templates = []string{
	failedFirst, failedAgain, failedFinal, accessEnded, recovered, actionRequired, cardExpiring, passExpiring, passEnded,
	paused, resumed, canceled, refunded, pendingFailed, autoRenewOn, receipt, refundReceipt,
}

// Policy sees customers through failed charges. Make it with [New].
type Policy struct{ settings Settings }

var _ policy.Reviewer = (*Policy)(nil)

// New makes the policy, or says what is wrong with its settings.
func New(settings Settings) (*Policy, error) {
	if err := settings.check(); err != nil {
		return nil, err
	}
	return &Policy{settings}, nil
}

const name = "dunning"

// Name implements [policy.Policy].
func (*Policy) Name() string { return name }

// Review implements [policy.Reviewer].
func (p *Policy) Review(known policy.Known, now time.Time) ([]policy.Action, time.Time) {
	if known.Banned() {
		return nil, time.Time{}
	}
	r := &review{Settings: p.settings, known: known, now: now}
	r.debts()
	r.cards()
	r.passes()
	return r.actions, r.next
}

// review collects what one review asks for.
type review struct {
	Settings
	known   policy.Known
	now     time.Time
	actions []policy.Action
	next    time.Time
}

// later asks for another review at a moment, if it lies ahead.
func (r *review) later(at time.Time) {
	if at.After(r.now) && (r.next.IsZero() || at.Before(r.next)) {
		r.next = at
	}
}

// within reports whether something is called for now: from one moment until
// another. If it will be, the review is asked then.
func (r *review) within(from, until time.Time) bool {
	r.later(from)
	return !from.After(r.now) && r.now.Before(until)
}

// say asks for a notice about an object on every channel that it goes out on.
func (s Settings) say(account string, kind billing.Kind, id, occasion string, notice notify.Notice) []policy.Action {
	if slices.Contains(s.Without, notice.Template) {
		return nil
	}
	channels := []string{notify.Email}
	switch notice.Template {
	case failedFirst, failedAgain, failedFinal, actionRequired, accessEnded, recovered:
		// What ends a thread must reach where it began.
		if s.InApp {
			channels = append(channels, notify.InApp)
		}
	}
	if notice.Template == failedFinal && s.SMS {
		channels = append(channels, notify.SMS)
	}
	var actions []policy.Action
	for _, channel := range channels {
		notice.Channel = channel
		key := notice.Template + ":" + channel
		if occasion != "" {
			key = notice.Template + ":" + occasion + ":" + channel
		}
		actions = append(actions, policy.On(account, kind, id, policy.Say, key, notice))
	}
	return actions
}

// loses reports whether the customer is without something that a plan gives, at a
// moment, as far as is known now.
func loses(known policy.Known, plan billing.Plan, at time.Time) bool {
	return slices.ContainsFunc(features(plan), func(feature string) bool {
		return !billing.Access(known.Catalog, known.Rules, known.Facts, feature, at).Allowed
	})
}

// lostAt is the first moment, not before another, at which the customer is without
// something that a plan gives; zero: that moment never comes. Where one purchase
// ends another may give the same for a while.
func lostAt(known policy.Known, plan billing.Plan, from time.Time) (first time.Time) {
	const most = 100 // purchases that take turns
	for _, feature := range features(plan) {
		at := from
		for range most {
			d := billing.Access(known.Catalog, known.Rules, known.Facts, feature, at)
			if !d.Allowed {
				if first.IsZero() || at.Before(first) {
					first = at
				}
				break
			}
			if d.Turns.IsZero() {
				break
			}
			at = d.Turns
		}
	}
	return first
}

func features(plan billing.Plan) []string {
	if len(plan.Features) == 0 {
		return []string{plan.ID}
	}
	return plan.Features
}

// nextCharge is when a subscription is charged next, as far as is known.
func nextCharge(s billing.Subscription) time.Time {
	if s.Status == billing.SubscriptionTrialing && !s.TrialEnd.IsZero() {
		return s.TrialEnd
	}
	return s.PeriodEnd
}

// amount is an amount to be told; nil if there is none.
func amount(m billing.Money) *billing.Money {
	if m.Currency == "" {
		return nil
	}
	return &m
}
