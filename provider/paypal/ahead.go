package paypal

import (
	"context"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// promotionEnd is the first regular charge of a subscription whose plan begins with
// cycles at an introductory price; nil if it has none or they are over. PayPal counts
// cycles and not days: those that are left tell how many charges come before.
func (s *subscription) promotionEnd(t terms, o billing.Subscription) *billing.Ahead {
	next := s.info().Next
	if len(t.intro) == 0 || next.IsZero() || !o.CancelAt.IsZero() || !o.Live() {
		return nil
	}
	left := map[int]int{} // by sequence
	told := false
	for _, e := range s.Billing.Executions {
		if e.Tenure == tenureTrial {
			left[e.Sequence] = e.Remaining
			continue
		}
		told = true
		late := s.info().Failed > 0 && next.After(t.full().Add(t.slack())) // the charge after the first that failed
		if e.Completed > 0 || late {
			return nil
		}
	}
	if !told {
		return nil
	}
	at := next
	for _, c := range s.Plan.trials() {
		if c.charged() {
			at = c.interval().After(at, left[c.Sequence])
		}
	}
	ahead := &billing.Ahead{Kind: billing.PromotionEnd, At: at.UTC()}
	if o.Amount.Amount > 0 {
		ahead.Amount = o.Amount
	}
	return ahead
}

// The pages on which payers see what charges them by itself, and stop it. PayPal
// documents them to payers only (Settings, Payments, Automatic payments), not in the
// API.
const (
	autopayLive    = "https://www.paypal.com/myaccount/autopay/"
	autopaySandbox = "https://www.sandbox.paypal.com/myaccount/autopay/"
)

// PortalURL implements [provider.Portaler] by the page of PayPal's that lists a payer's
// automatic payments, where each can be canceled. It is the same for everybody: whoever
// follows it signs in and sees their own.
func (d *Driver) PortalURL(_ context.Context, request provider.PortalRequest) (string, error) {
	const op = "make a portal link"
	if !request.Subscription.IsZero() {
		if err := d.checkRef(op, request.Subscription, billing.KindSubscription); err != nil {
			return "", err
		}
	}
	if d.sandbox {
		return autopaySandbox, nil
	}
	return autopayLive, nil
}

var _ provider.Portaler = (*Driver)(nil)
