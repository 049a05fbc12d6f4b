package paypal

import (
	"context"
	"errors"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// failureOf is the last charge that failed; nil if none has since money last came. A
// list of subscriptions does not tell of it.
func failureOf(s *subscription) *billing.Failure {
	last := s.info().LastFailed
	if last == nil || s.info().Failed == 0 || last.Time.IsZero() {
		return nil
	}
	failure := &billing.Failure{At: last.Time.UTC(), NextAttempt: retryOf(s).UTC(), Tries: int64(s.info().Failed)}
	if isName(last.Reason) {
		failure.Decline.Code = last.Reason
	}
	if owed, why := collectible(s); why == nil {
		failure.Owed = owed
	}
	return failure
}

// retryOf is when PayPal tries again by itself what failed last: once more in this
// cycle or, where the plan says so, along with the next; zero: it does not.
func retryOf(s *subscription) time.Time {
	switch last := s.info().LastFailed; {
	case s.Status != "ACTIVE" || last == nil || s.info().Failed == 0:
		return time.Time{}
	case last.Retry.After(last.Time):
		return last.Retry
	case s.billsOutstanding() && owes(s.info()):
		return s.info().Next
	}
	return time.Time{}
}

// billsOutstanding reports whether PayPal adds what is outstanding to the next charge.
func (s *subscription) billsOutstanding() bool {
	auto := s.Plan.Preferences.AutoBill
	return auto != nil && *auto
}

// collectible is what is outstanding and will not be charged for without us, or says
// why there is no such thing. What PayPal takes from one whom it has suspended lifts no
// suspension, so it is not taken. A plan that does not say whether PayPal adds what is
// outstanding to the next charge does: that is PayPal's default.
func collectible(s *subscription) (billing.Money, error) {
	auto := s.Plan.Preferences.AutoBill
	switch {
	case !owes(s.info()):
		return billing.Money{}, errors.New("nothing is outstanding")
	case s.Status != "ACTIVE":
		return billing.Money{}, errors.New("the subscription is " + s.Status + ", and PayPal would take the money and leave it at that")
	case auto == nil || *auto:
		return billing.Money{}, errors.New("PayPal adds what is outstanding to the next charge")
	case !retryOf(s).IsZero():
		return billing.Money{}, errors.New("PayPal itself tries again at " + stampOf(retryOf(s)))
	}
	return s.info().Outstanding.money()
}

// Collect implements [provider.Collector]: it takes what a subscription's subscriber
// owes, once PayPal's own tries are over. What was taken is no longer outstanding, so a
// second call finds nothing to do; until that shows, PayPal heeds the key, for 72 hours.
func (d *Driver) Collect(ctx context.Context, debt provider.Ref, key string) error {
	op := "collect what is outstanding, subscription " + clip(debt.ID, 64)
	if err := d.mayWrite(op, debt, billing.KindSubscription, key); err != nil {
		return err
	}
	s, err := d.getSubscription(ctx, op, debt.ID)
	switch {
	case err != nil:
		return err
	case s.Plan == nil:
		return d.malformed(op, errors.New("the subscription has no plan"))
	case !owes(s.info()):
		return nil
	}
	owed, err := collectible(s)
	if err != nil {
		return d.refused(op, err.Error())
	}
	if next := s.info().Next; !next.IsZero() && next.Sub(d.now()) < termsOf(s, *s.Plan).slack() {
		return d.refused(op, "the next charge is about to come, and nobody could tell which of the two was paid")
	}
	value, err := amountOf(owed)
	if err != nil {
		return d.refused(op, err.Error())
	}
	var made struct{ Status string }
	err = d.send(ctx, op, "/v1/billing/subscriptions/"+debt.ID+"/capture", key,
		obj{"note": "What is still to be paid.", "capture_type": "OUTSTANDING_BALANCE", "amount": value}, &made)
	switch {
	case codeOf(err) == "ZERO_OUTSTANDING_BALANCE":
		return nil
	case err == nil && (made.Status == "DECLINED" || made.Status == "FAILED"):
		return &provider.Error{Account: d.account, Op: op, Kind: provider.Refused, Code: made.Status, Err: errors.New("the payer's account did not pay")}
	}
	return err
}
