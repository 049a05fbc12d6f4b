package stripe

import (
	"context"
	"errors"
	"fmt"

	sdk "github.com/stripe/stripe-go/v85"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/transport"
)

var (
	_ provider.Driver      = (*Driver)(nil)
	_ provider.EventLister = (*Driver)(nil)
	_ provider.Unlister    = (*Driver)(nil)
)

// Account implements [provider.Driver].
func (d *Driver) Account() string { return d.account }

// Provider implements [provider.Named].
func (d *Driver) Provider() string { return "stripe" }

// Live reports whether the key is for live mode, where money is real.
func (d *Driver) Live() bool { return d.live }

// Kinds implements [provider.Driver]: Stripe has them all.
func (d *Driver) Kinds() []billing.Kind { return billing.Kinds() }

// Unlisted implements [provider.Unlister]: charges without a payment intent, which
// stand for a payment by themselves, are not among the payment intents.
func (d *Driver) Unlisted(ref provider.Ref) bool {
	return ref.Kind == billing.KindPayment && isCharge(ref.ID)
}

// Abilities implements [provider.Driver].
func (d *Driver) Abilities() map[provider.Ability]provider.Support {
	all := provider.Natively(
		provider.CheckoutSubscription, provider.CheckoutPayment, provider.CheckoutTrial, provider.PaymentUpdate,
		provider.Portal, provider.PortalCancel, provider.PromotionEnd, provider.PriceChange, provider.PreviewCharge,
		provider.CancelAtPeriodEnd, provider.CancelNow, provider.Uncancel,
		provider.Pause, provider.PauseUntil, provider.Resume, provider.ExtendTrial,
		provider.Collect, provider.Refund, provider.PartialRefund, provider.AcceptDispute, provider.PushEmail,
		provider.RegisterEndpoint, provider.ListEvents,
	)
	all[provider.PromotionEnd] = provider.Support{
		Level: provider.Native,
		Note:  "From the end of a subscription's or an item's discount, and from its schedule. A coupon that counts once, and a discount of the customer, are not told.",
	}
	all[provider.PriceChange] = provider.Support{Level: provider.Native, Note: "From the phases of the subscription's schedule."}
	all[provider.Capture] = provider.Support{Level: provider.Absent, Note: "Our checkouts take the money at once; there is nothing to capture."}
	return all
}

func (d *Driver) ref(kind billing.Kind, id string) provider.Ref {
	return provider.Ref{Account: d.account, Kind: kind, ID: id}
}

// call makes one API call and turns what goes wrong into a [*provider.Error].
func call[T any](ctx context.Context, d *Driver, op string, do func(context.Context) (T, error)) (T, error) {
	ctx, outcome := transport.Watch(ctx)
	answer, err := do(ctx)
	if err != nil {
		var none T
		return none, d.failure(op, outcome, err)
	}
	return answer, nil
}

// failure describes a failed call. Stripe's own text is left out, for it quotes
// what was sent; the request id finds it in the dashboard's log.
func (d *Driver) failure(op string, outcome *transport.Outcome, err error) *provider.Error {
	answer, told := errors.AsType[*sdk.Error](err)
	if !told {
		return transport.Missing(outcome.Error(d.account, op, ""), false, "Stripe")
	}
	e := outcome.Error(d.account, op, clip(string(answer.Code), 64))
	if e.Code == "" {
		e.Code = clip(string(answer.Type), 64)
	}
	switch answer.Code {
	case sdk.ErrorCodeIdempotencyKeyInUse:
		e.Kind = provider.OutcomeUnknown // the same call is under way elsewhere
	case sdk.ErrorCodeLockTimeout, sdk.ErrorCodeRateLimit:
		e.Kind = provider.RateLimited
	}
	e.Err = fmt.Errorf("%w%s", e.Err, where(answer))
	return transport.Missing(e, answer.Code == sdk.ErrorCodeResourceMissing, "Stripe")
}

// where names the parameter and the request that Stripe complains about.
func where(answer *sdk.Error) string {
	text := ""
	if isName(answer.Param) {
		text += ", parameter " + answer.Param
	}
	if isName(answer.RequestID) {
		text += ", see https://dashboard.stripe.com/logs/" + answer.RequestID
	}
	return text
}

// malformed reports an answer that makes no sense.
func (d *Driver) malformed(op string, err error) *provider.Error {
	return &provider.Error{Account: d.account, Op: op, Kind: provider.Malformed, Err: err}
}

// refused reports a call that was not made because Stripe would refuse it.
func (d *Driver) refused(op, why string) *provider.Error {
	return &provider.Error{Account: d.account, Op: op, Kind: provider.Refused, Err: errors.New(why)}
}

// checkRef makes sure that a reference is one of ours before it becomes part of
// a path.
func (d *Driver) checkRef(op string, ref provider.Ref, kind billing.Kind) error {
	switch {
	case ref.Account != d.account:
		return d.refused(op, "the reference is of another account")
	case ref.Kind != kind:
		return d.refused(op, "the reference is not of a "+string(kind))
	case !isName(ref.ID):
		return &provider.Error{Account: d.account, Op: op, Kind: provider.NotFound, Err: errors.New("no Stripe object can have this id")}
	}
	return nil
}

func clip(text string, limit int) string {
	if len(text) > limit {
		return text[:limit]
	}
	return text
}
