package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/provider"
)

// act is what is to be done about an effect after a look: nothing, because it is
// done or no longer called for, or a call.
type act struct {
	// done says why nothing is to be done; state is how that ends the effect; sure
	// says that one look is enough to know.
	done  string
	state string
	sure  bool
	// held is the state in which the effect is left: the mode is another by now, or a
	// person has to be asked again.
	held string
	call func(ctx context.Context) (result string, err error)
	// doc are the details that the call, or the person, goes by, as JSON; empty: as
	// recorded.
	doc string
	// moves is the money that the call moves.
	moves billing.Money
	// record is written along with the effect's end, if it was done.
	record func(ctx context.Context, tx *store.Tx, result string) error
}

func already(why string) act { return act{done: why, state: store.EffectDone} }

func dropped(why string) act { return act{done: why, state: store.EffectDropped} }

// surely marks what no read of an old copy can have made up.
func surely(a act) act {
	a.sure = true
	return a
}

func calling(do func(ctx context.Context) error) act {
	return act{call: func(ctx context.Context) (string, error) { return "done", do(ctx) }}
}

// able refuses what the provider cannot do, in its own words if it has any.
func able(driver provider.Driver, kind string, details Details) error {
	can, why := provider.Can(driver, abilityFor(kind, details))
	if can {
		return nil
	}
	if why != "" {
		why = ": " + why
	}
	return fmt.Errorf("%s: %s: %w%s", driver.Account(), kind, ErrUnsupported, why)
}

// abilityFor is what a kind of effect takes; a kind that there is not takes what
// nobody has.
func abilityFor(kind string, details Details) provider.Ability {
	switch {
	case kind == CancelNow:
		return provider.CancelNow
	case kind == Pause && !details.Until.IsZero():
		return provider.PauseUntil
	case kind == Refund && details.Amount > 0:
		return provider.PartialRefund
	}
	return provider.Ability(kind)
}

// prepare looks at the object and decides what is to be done.
func (o *Outbox) prepare(ctx context.Context, e store.Effect) (act, error) {
	ref, err := provider.ParseRef(e.Object)
	if err != nil {
		return act{}, err
	}
	if ref.Account == policy.Own || e.Kind == policy.Alert {
		return o.stand(ctx, e, func(e store.Effect, known policy.Known) (act, error) { return o.onOwn(ctx, ref, e, known) })
	}
	driver, known := o.Apply.Drivers[ref.Account]
	if !known {
		return act{}, fmt.Errorf("%s: %s: %w", ref.Account, e.Kind, errNoAccount)
	}
	if _, err := detailed(driver, e); err != nil {
		return act{}, err
	}
	outcomes, err := o.Apply.Refs(ctx, apply.Cause{Trigger: apply.Effect, Event: e.Key}, ref)
	if err != nil {
		return act{}, err
	}
	if outcomes[0].Missing {
		return act{}, apply.ErrNotVisible
	}
	if outcomes[0].Object == nil && e.Kind != policy.Say {
		return surely(dropped("the provider no longer has it")), nil
	}
	return o.stand(ctx, e, func(e store.Effect, known policy.Known) (act, error) {
		if e.Kind == policy.Say {
			return o.onSay(ctx, e, known)
		}
		details, err := detailed(driver, e)
		if err != nil {
			return act{}, err
		}
		return on(ctx, driver, ref, e, details, outcomes[0].Object)
	})
}

// detailed reads the details of an effect at a provider, which has to be able to do
// it; those of a message are its own.
func detailed(driver provider.Driver, e store.Effect) (details Details, err error) {
	if e.Kind == policy.Say {
		return details, nil
	}
	if err := json.Unmarshal([]byte(e.Doc), &details); err != nil {
		return details, fmt.Errorf("details of effect %s: %w", e.Key, err)
	}
	return details, able(driver, e.Kind, details)
}

// stand asks, with the truth of a moment ago, whether an effect that a policy asked
// for is still called for, with which details, and whether we are still to carry it
// out. Of one that was tried already it has to be found out how that ended; its
// details stay those of the try.
func (o *Outbox) stand(ctx context.Context, e store.Effect, do func(store.Effect, policy.Known) (act, error)) (act, error) {
	if e.Policy == "" {
		return do(e, policy.Known{})
	}
	s, err := o.Apply.Standing(ctx, e)
	switch {
	case err != nil:
		return act{}, err
	case e.State == store.EffectUnknown && !s.Called:
		return overtaken(e, s.Known, do)
	case e.State == store.EffectDue && !s.Called:
		return dropped(store.NotCalledFor), nil
	case e.State == store.EffectDue && e.DecidedBy == "" && apply.StateIn(s.Mode, e.Kind) != store.EffectDue:
		return act{held: apply.StateIn(s.Mode, e.Kind)}, nil
	case e.State == store.EffectDue && e.DecidedBy != "" && s.Mode != policy.Enforce && s.Details != nil && moreThanAccepted(e, s.Details):
		return act{held: store.EffectProposed, doc: string(s.Details)}, nil
	}
	if e.State == store.EffectDue && s.Details != nil {
		e.Doc = string(s.Details)
	}
	a, err := do(e, s.Known)
	a.doc = e.Doc
	return a, err
}

// moreThanAccepted reports whether more money would go back by new details than by
// those that a person accepted.
func moreThanAccepted(e store.Effect, now json.RawMessage) bool {
	if e.Kind != policy.Refund {
		return false
	}
	amount := func(text []byte) int64 {
		var details Details
		if json.Unmarshal(text, &details) != nil || details.Amount <= 0 { // all that is left
			return math.MaxInt64
		}
		return details.Amount
	}
	return amount(now) > amount([]byte(e.Doc))
}

// overtaken sees to an effect that was tried, nobody knows how that ended, and that
// nothing calls for any more: if it was done it is; otherwise it is left at that.
func overtaken(e store.Effect, known policy.Known, do func(store.Effect, policy.Known) (act, error)) (act, error) {
	a, err := do(e, known)
	switch {
	case err != nil || a.state == store.EffectDone:
		return a, err
	case e.Kind == policy.Say:
		return dropped("no longer called for; an earlier try may have gone out"), nil
	}
	return dropped(store.NotCalledFor), nil
}

// on decides by the object.
func on(ctx context.Context, driver provider.Driver, ref provider.Ref, e store.Effect, details Details, object billing.Object) (act, error) {
	switch object := object.(type) {
	case billing.Subscription:
		return onSubscription(driver, ref, e, details, object)
	case billing.Payment:
		return onPayment(ctx, driver, ref, e, details, object)
	case billing.Dispute:
		return onDispute(driver, ref, e, object)
	case billing.ProviderCustomer:
		return onCustomer(driver, ref, e, details, object)
	case billing.Invoice:
		return onInvoice(driver, ref, e, object)
	case billing.Checkout:
		return onCheckout(driver, ref, e, object)
	}
	return act{}, fmt.Errorf("%s of a %s: %w", e.Kind, ref.Kind, ErrUnsupported)
}

func onSubscription(driver provider.Driver, ref provider.Ref, e store.Effect, details Details, s billing.Subscription) (act, error) {
	if s.Status == billing.SubscriptionEnded {
		if e.Kind == CancelNow || e.Kind == CancelAtPeriodEnd {
			return already("it has ended"), nil
		}
		return dropped("it has ended"), nil
	}
	switch e.Kind {
	case CancelNow:
		return calling(func(ctx context.Context) error { return driver.(provider.Canceler).CancelNow(ctx, ref, e.Key) }), nil //nolint:forcetypeassert // able
	case CancelAtPeriodEnd:
		if !s.CancelAt.IsZero() && (s.PeriodEnd.IsZero() || !s.CancelAt.After(s.PeriodEnd)) {
			return already("it will end at " + s.CancelAt.String()), nil
		}
		return calling(func(ctx context.Context) error { return driver.(provider.Canceler).CancelAtPeriodEnd(ctx, ref, e.Key) }), nil //nolint:forcetypeassert // able
	case Uncancel:
		if s.CancelAt.IsZero() {
			return already("no cancellation is scheduled"), nil
		}
		return calling(func(ctx context.Context) error { return driver.(provider.Canceler).Uncancel(ctx, ref, e.Key) }), nil //nolint:forcetypeassert // able
	case Pause:
		if pausedUntil(s, details.Until) {
			return already("it is paused"), nil
		}
		return calling(func(ctx context.Context) error {
			return driver.(provider.Pauser).Pause(ctx, ref, details.Until, e.Key) //nolint:forcetypeassert // able
		}), nil
	case Resume:
		if s.Status != billing.SubscriptionPaused && s.Pause == nil {
			return already("it is not paused"), nil
		}
		return calling(func(ctx context.Context) error { return driver.(provider.Pauser).Resume(ctx, ref, e.Key) }), nil //nolint:forcetypeassert // able
	case ExtendTrial:
		if sameSecond(s.TrialEnd, details.Until) {
			return already("the trial ends then"), nil
		}
		return calling(func(ctx context.Context) error {
			return driver.(provider.TrialExtender).ExtendTrial(ctx, ref, details.Until, e.Key) //nolint:forcetypeassert // able
		}), nil
	}
	return act{}, fmt.Errorf("%s of a subscription: %w", e.Kind, ErrUnsupported)
}

// pausedUntil reports whether a subscription is paused until a time; zero: until
// somebody resumes it.
func pausedUntil(s billing.Subscription, until time.Time) bool {
	var end time.Time
	if s.Pause != nil {
		end = s.Pause.Until
	}
	return s.Status == billing.SubscriptionPaused && sameSecond(end, until)
}

// sameSecond compares times as providers keep them.
func sameSecond(a, b time.Time) bool { return a.Truncate(time.Second).Equal(b.Truncate(time.Second)) }

// onPayment refunds. Money is looked for before every attempt, the first
// included: a ledger restored from a backup does not remember its attempts.
func onPayment(ctx context.Context, driver provider.Driver, ref provider.Ref, e store.Effect, details Details, p billing.Payment) (act, error) {
	refunder, ok := driver.(provider.Refunder)
	if e.Kind != Refund || !ok {
		return act{}, fmt.Errorf("%s of a payment: %w", e.Kind, ErrUnsupported)
	}
	if details.Currency != "" && !strings.EqualFold(details.Currency, p.Amount.Currency) {
		return act{}, fmt.Errorf("the payment was in %s, the refund would be in %s: %w", p.Amount.Currency, details.Currency, errMistaken)
	}
	request := provider.RefundRequest{
		Payment: ref, Amount: billing.Money{Amount: details.Amount, Currency: p.Amount.Currency}, Refunded: details.Refunded,
		Reason: details.Reason, Key: e.Key,
	}
	made, found, err := refunder.FoundRefund(ctx, request)
	switch {
	case err != nil:
		return act{}, err
	case found:
		return surely(already(refunded(made))), nil
	case p.Status != billing.PaymentSucceeded:
		return dropped("the payment has not succeeded"), nil
	case p.FullyRefunded():
		return dropped("everything was refunded already"), nil
	}
	moves := billing.Money{Amount: p.Amount.Amount - p.Refunded, Currency: p.Amount.Currency}
	if details.Amount > 0 {
		moves.Amount = details.Amount
	}
	return act{moves: moves, call: func(ctx context.Context) (string, error) {
		made, err := refunder.Refund(ctx, request)
		return refunded(made), err
	}}, nil
}

// refunded is the result of a refund: what was made, where the provider has a
// name for it.
func refunded(made provider.Ref) string {
	if made.IsZero() {
		return "refunded"
	}
	return made.String()
}

func onDispute(driver provider.Driver, ref provider.Ref, e store.Effect, d billing.Dispute) (act, error) {
	accepter, ok := driver.(provider.DisputeAccepter)
	switch {
	case e.Kind != AcceptDispute || !ok:
		return act{}, fmt.Errorf("%s of a dispute: %w", e.Kind, ErrUnsupported)
	case d.Status == billing.DisputeLost:
		return already("it is lost"), nil
	case d.Status == billing.DisputeWon:
		return dropped("it is won"), nil
	}
	return calling(func(ctx context.Context) error { return accepter.AcceptDispute(ctx, ref, e.Key) }), nil
}

func onCustomer(driver provider.Driver, ref provider.Ref, e store.Effect, details Details, c billing.ProviderCustomer) (act, error) {
	pusher, ok := driver.(provider.EmailPusher)
	switch {
	case e.Kind != PushEmail || !ok:
		return act{}, fmt.Errorf("%s of a customer: %w", e.Kind, ErrUnsupported)
	case c.Email == details.Email:
		return already("the provider has this address"), nil
	}
	return calling(func(ctx context.Context) error { return pusher.PushEmail(ctx, ref, details.Email, e.Key) }), nil
}

func onInvoice(driver provider.Driver, ref provider.Ref, e store.Effect, i billing.Invoice) (act, error) {
	collector, ok := driver.(provider.Collector)
	switch {
	case e.Kind != Collect || !ok:
		return act{}, fmt.Errorf("%s of an invoice: %w", e.Kind, ErrUnsupported)
	case i.Status == billing.InvoicePaid:
		return already("it is paid"), nil
	case i.Status != billing.InvoiceOpen:
		return dropped("it is " + string(i.Status)), nil
	}
	return calling(func(ctx context.Context) error { return collector.Collect(ctx, ref, e.Key) }), nil
}

func onCheckout(driver provider.Driver, ref provider.Ref, e store.Effect, c billing.Checkout) (act, error) {
	capturer, ok := driver.(provider.Capturer)
	switch {
	case e.Kind != Capture || !ok:
		return act{}, fmt.Errorf("%s of a checkout: %w", e.Kind, ErrUnsupported)
	case c.Status == billing.CheckoutComplete:
		return already("it is captured"), nil
	case c.Status == billing.CheckoutExpired:
		return dropped("the approval has lapsed"), nil
	case c.Status == billing.CheckoutOpen:
		return dropped("the customer has not agreed, or no longer does"), nil
	}
	return calling(func(ctx context.Context) error { return capturer.Capture(ctx, ref, e.Key) }), nil
}

// Can lists what kinds of effects a provider can be asked for.
func Can(driver provider.Driver) map[string]bool {
	can := map[string]bool{}
	for _, kind := range []string{
		CancelNow, CancelAtPeriodEnd, Uncancel, Pause, Resume, Refund, AcceptDispute, PushEmail, Collect, ExtendTrial, Capture,
	} {
		if able, _ := provider.Can(driver, abilityFor(kind, Details{})); able {
			can[kind] = true
		}
	}
	return can
}
