package providertest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/sim"
)

// errAbsent is returned by a write whose capability the driver does not have.
var errAbsent = errors.New("the provider has no such capability")

// write is one operation that changes something at the provider.
type write struct {
	name    string
	ability provider.Ability
	// op is the simulator's name of the effect.
	op   string
	kind billing.Kind
	// make returns the object to act upon; nil if the provider has none.
	make func(w *World) func(*testing.T) string
	// before prepares it.
	before func(w *World, ref provider.Ref) error
	do     func(w *World, ref provider.Ref, key string) error
	// done reports whether an object shows the effect; nil if it does not show.
	done func(billing.Object) bool
	// elsewhere: the effect is recorded about an object that the write makes.
	elsewhere bool
}

// as finds a capability. That a provider lacks one half of it shows in an error
// of kind [provider.Unsupported]; the table of abilities must agree, see
// [Harness.abilities].
func as[T any](w *World, do func(T) error) error {
	capability, can := w.Driver.(T)
	if !can {
		return errAbsent
	}
	err := do(capability)
	if err != nil && provider.KindOf(err) == provider.Unsupported {
		return errAbsent
	}
	return err
}

func status(want billing.SubscriptionStatus) func(billing.Object) bool {
	return func(o billing.Object) bool { return o.State() == string(want) }
}

func allWrites(ctx context.Context) []write {
	return append(subscriptionWrites(ctx), otherWrites(ctx)...)
}

func subscriptionWrites(ctx context.Context) []write {
	subscription := func(w *World) func(*testing.T) string { return w.Make.Subscription }
	return []write{
		{
			name: "cancel now", ability: provider.CancelNow, op: sim.OpCancel, kind: billing.KindSubscription, make: subscription, done: status(billing.SubscriptionEnded),
			do: func(w *World, ref provider.Ref, key string) error {
				return as(w, func(c provider.Canceler) error { return c.CancelNow(ctx, ref, key) })
			},
		},
		{
			name: "cancel at period end", ability: provider.CancelAtPeriodEnd, op: sim.OpCancelAtPeriodEnd, kind: billing.KindSubscription, make: subscription,
			done: func(o billing.Object) bool { return !o.(billing.Subscription).CancelAt.IsZero() },
			do:   cancelAtPeriodEnd(ctx),
		},
		{
			name: "uncancel", ability: provider.Uncancel, op: sim.OpUncancel, kind: billing.KindSubscription, make: subscription,
			before: func(w *World, ref provider.Ref) error { return cancelAtPeriodEnd(ctx)(w, ref, "before "+ref.ID) },
			done:   func(o billing.Object) bool { return o.(billing.Subscription).CancelAt.IsZero() },
			do: func(w *World, ref provider.Ref, key string) error {
				return as(w, func(c provider.Canceler) error { return c.Uncancel(ctx, ref, key) })
			},
		},
		{
			name: "pause", ability: provider.Pause, op: sim.OpPause, kind: billing.KindSubscription, make: subscription,
			done: status(billing.SubscriptionPaused), do: pause(ctx),
		},
		{
			name: "pause until", ability: provider.PauseUntil, op: sim.OpPause, kind: billing.KindSubscription, make: subscription,
			done: func(o billing.Object) bool {
				p := o.(billing.Subscription).Pause
				return p != nil && !p.Until.IsZero()
			},
			do: func(w *World, ref provider.Ref, key string) error {
				until := w.Now().Add(40 * 24 * time.Hour).Truncate(time.Second)
				return as(w, func(p provider.Pauser) error { return p.Pause(ctx, ref, until, key) })
			},
		},
		{
			name: "resume", ability: provider.Resume, op: sim.OpResume, kind: billing.KindSubscription, make: subscription, done: status(billing.SubscriptionActive), do: resume(ctx),
			before: func(w *World, ref provider.Ref) error { return pause(ctx)(w, ref, "before "+ref.ID) },
		},
		{
			name: "resume after a trial", ability: provider.Resume, op: sim.OpResume, kind: billing.KindSubscription, do: resume(ctx),
			make: func(w *World) func(*testing.T) string { return w.Make.Lapsed },
			done: func(o billing.Object) bool { return o.State() != string(billing.SubscriptionPaused) },
		},
		{
			name: "extend trial", ability: provider.ExtendTrial, op: sim.OpTrialEnd, kind: billing.KindSubscription,
			make: func(w *World) func(*testing.T) string { return w.Make.Trial },
			do: func(w *World, ref provider.Ref, key string) error {
				until := w.Now().Add(200 * 24 * time.Hour).Truncate(time.Second)
				return as(w, func(e provider.TrialExtender) error { return e.ExtendTrial(ctx, ref, until, key) })
			},
			done: status(billing.SubscriptionTrialing),
		},
	}
}

func otherWrites(ctx context.Context) []write {
	return []write{
		{
			name: "refund", ability: provider.Refund, op: sim.OpRefund, kind: billing.KindPayment, elsewhere: true, do: refund(ctx),
			make: func(w *World) func(*testing.T) string { return w.Make.Payment },
			done: func(o billing.Object) bool { return o.(billing.Payment).FullyRefunded() },
		},
		{
			name: "accept dispute", ability: provider.AcceptDispute, op: sim.OpDisputeClose, kind: billing.KindDispute,
			make: func(w *World) func(*testing.T) string { return w.Make.Dispute },
			done: func(o billing.Object) bool { return o.State() == string(billing.DisputeLost) },
			do: func(w *World, ref provider.Ref, key string) error {
				return as(w, func(a provider.DisputeAccepter) error { return a.AcceptDispute(ctx, ref, key) })
			},
		},
		{
			name: "push e-mail", ability: provider.PushEmail, op: sim.OpEmail, kind: billing.KindCustomer,
			make: func(w *World) func(*testing.T) string { return w.Make.Customer },
			done: func(o billing.Object) bool { return strings.HasPrefix(o.(billing.ProviderCustomer).Email, "new.") },
			do: func(w *World, ref provider.Ref, key string) error {
				// One address for each: some providers know customers by it.
				return as(w, func(p provider.EmailPusher) error { return p.PushEmail(ctx, ref, "new."+ref.ID+"@example.com", key) })
			},
		},
		{
			name: "collect", ability: provider.Collect, op: sim.OpPayInvoice, kind: billing.KindInvoice,
			make: func(w *World) func(*testing.T) string { return w.Make.Invoice },
			done: func(o billing.Object) bool { return o.State() == string(billing.InvoicePaid) },
			do: func(w *World, ref provider.Ref, key string) error {
				return as(w, func(c provider.Collector) error { return c.Collect(ctx, ref, key) })
			},
		},
		{
			name: "capture", ability: provider.Capture, op: sim.OpCapture, kind: billing.KindCheckout,
			make: func(w *World) func(*testing.T) string { return w.Make.Approved },
			done: func(o billing.Object) bool { return o.State() == string(billing.CheckoutComplete) },
			do: func(w *World, ref provider.Ref, key string) error {
				return as(w, func(c provider.Capturer) error { return c.Capture(ctx, ref, key) })
			},
		},
	}
}

func cancelAtPeriodEnd(ctx context.Context) func(*World, provider.Ref, string) error {
	return func(w *World, ref provider.Ref, key string) error {
		return as(w, func(c provider.Canceler) error { return c.CancelAtPeriodEnd(ctx, ref, key) })
	}
}

func pause(ctx context.Context) func(*World, provider.Ref, string) error {
	return func(w *World, ref provider.Ref, key string) error {
		return as(w, func(p provider.Pauser) error { return p.Pause(ctx, ref, time.Time{}, key) })
	}
}

func resume(ctx context.Context) func(*World, provider.Ref, string) error {
	return func(w *World, ref provider.Ref, key string) error {
		return as(w, func(p provider.Pauser) error { return p.Resume(ctx, ref, key) })
	}
}

func refund(ctx context.Context) func(*World, provider.Ref, string) error {
	return func(w *World, ref provider.Ref, key string) error {
		return as(w, func(r provider.Refunder) error {
			_, err := r.Refund(ctx, provider.RefundRequest{Payment: ref, Reason: "duplicate", Key: key})
			return err
		})
	}
}

// writes checks every write: alone, repeated, and through every fault. However
// often it is tried, it happens once.
func (h Harness) writes(t *testing.T) {
	for _, op := range allWrites(t.Context()) {
		t.Run(op.name, func(t *testing.T) {
			w := h.world(t, sim.Chaos{})
			able, _ := provider.Can(w.Driver, op.ability)
			switch {
			case op.make(w) == nil && !able:
				t.Log("the provider has nothing to do this to")
				return
			case op.make(w) == nil && op.name == "resume after a trial":
				t.Log("the provider pauses no trials")
				return
			case op.make(w) == nil:
				t.Fatal("the driver says that it can do this, and the harness makes nothing to do it to")
			case !able:
				w.unable(t, op)
				return
			}
			t.Run("twice", func(t *testing.T) { w.once(t, op, none) })
			for f := range faultNames {
				t.Run(faultNames[f], func(t *testing.T) { w.once(t, op, f) })
			}
			w.refusing(t, op)
		})
	}
}

// refusing checks that nothing is done to what does not exist, and nothing without a key.
func (w *World) refusing(t *testing.T, op write) {
	t.Helper()
	w.fails(t, op.do(w, w.ref(op.kind, "nothing_1"), "key of nothing"), provider.NotFound, provider.Refused)
	w.fails(t, op.do(w, w.ref(op.kind, "nothing_1"), ""), provider.Refused)
}

// unable checks that what the driver says it cannot do is not done.
func (w *World) unable(t *testing.T, op write) {
	t.Helper()
	ref := w.ref(op.kind, op.make(w)(t))
	if op.before != nil {
		if err := op.before(w, ref); err != nil {
			t.Fatal(err)
		}
	}
	before := len(w.Effects())
	if err := op.do(w, ref, "the impossible"); !errors.Is(err, errAbsent) {
		t.Errorf("said to be absent, and the error is %v", err)
	}
	if n := len(w.Effects()) - before; n != 0 {
		t.Errorf("said to be absent, and %d things were done", n)
	}
}

// kindOfWrite says what a fault of a write is to be reported as.
var kindOfWrite = map[fault]provider.ErrorKind{
	limited: provider.RateLimited, broken: provider.OutcomeUnknown, down: provider.Unavailable, lostBefore: provider.OutcomeUnknown,
	lostAfter: provider.OutcomeUnknown, cut: provider.OutcomeUnknown, half: provider.OutcomeUnknown, html: provider.OutcomeUnknown,
}

func (w *World) once(t *testing.T, op write, f fault) {
	ref := w.ref(op.kind, op.make(w)(t))
	if op.before != nil {
		if err := op.before(w, ref); err != nil {
			t.Fatal(err)
		}
	}
	object := ref.ID
	if op.elsewhere {
		object = ""
	}
	before, key := w.effects(op.op, object), op.name+" "+ref.ID
	w.net.strike(f, true)
	err := op.do(w, ref, key)
	if f != none {
		w.fails(t, err, kindOfWrite[f])
	} else if err != nil {
		t.Fatal(err)
	}
	if err := op.do(w, ref, key); err != nil {
		w.discreet(t, err)
		t.Fatalf("again: %v", err)
	}
	if n := w.effects(op.op, object) - before; n != 1 {
		t.Errorf("it happened %d times", n)
	}
	s, err := w.Driver.Fetch(t.Context(), ref)
	if err != nil || s.Object == nil || !op.done(s.Object) {
		t.Errorf("afterwards %v is %+v, %v", ref, s.Object, err)
	}
}

// partialRefunds refunds a payment in parts and finds each again by its key.
func (h Harness) partialRefunds(t *testing.T) {
	w := h.world(t, sim.Chaos{})
	refunder, can := offered[provider.Refunder](t, w, "the provider gives nothing back")
	if !can {
		return
	}
	payment := w.ref(billing.KindPayment, w.Make.Payment(t))
	third := w.Make.Amount
	third.Amount /= 3
	for i, key := range []string{"first third", "second third"} {
		request := provider.RefundRequest{Payment: payment, Amount: third, Refunded: int64(i) * third.Amount, Key: key}
		if _, found, err := refunder.FoundRefund(t.Context(), request); found || err != nil {
			t.Errorf("%s: found before it was made, %v", key, err)
		}
		var made provider.Ref
		if i == 1 {
			w.net.strike(lostAfter, true)
			_, err := refunder.Refund(t.Context(), request)
			w.fails(t, err, provider.OutcomeUnknown)
		} else {
			var err error
			if made, err = refunder.Refund(t.Context(), request); err != nil {
				t.Fatal(err)
			}
		}
		ref, found, err := refunder.FoundRefund(t.Context(), request)
		if !found || err != nil || !made.IsZero() && made != ref {
			t.Errorf("%s: found %v as %v, %v", key, found, ref, err)
		}
		if slices.Contains(w.Driver.Kinds(), billing.KindRefund) == ref.IsZero() {
			t.Errorf("%s: found as %v by a driver of %v", key, ref, w.Driver.Kinds())
		}
		if ref.IsZero() {
			continue // the provider has no objects for refunds
		}
		s, err := w.Driver.Fetch(t.Context(), ref)
		if err != nil || s.Object.(billing.Refund).Amount != third || s.Object.(billing.Refund).Payment != payment.ID {
			t.Errorf("%s: %+v, %v", key, s, err)
		}
	}
	all := w.Make.Amount
	_, err := refunder.Refund(t.Context(), provider.RefundRequest{Payment: payment, Amount: all, Refunded: 2 * third.Amount, Key: "more than is left"})
	w.fails(t, err, provider.Refused)
	s, err := w.Driver.Fetch(t.Context(), payment)
	if err != nil || s.Object.(billing.Payment).Refunded != 2*third.Amount {
		t.Errorf("afterwards: %+v, %v", s.Object, err)
	}
}

func (h Harness) paymentUpdate(t *testing.T) {
	w := h.world(t, sim.Chaos{})
	updater, can := offered[provider.PaymentUpdater](t, w, "the provider has no such page")
	if !can {
		return
	}
	if provider.OwnersShared(w.Driver) {
		w.paymentUpdateOfSubscription(t, updater)
		return
	}
	customer := w.ref(billing.KindCustomer, w.Make.Customer(t))
	link, err := updater.PaymentUpdateURL(t.Context(), customer, "https://app.test/account")
	if err != nil || !strings.HasPrefix(link, "http") || w.effects(sim.OpPortalLink, "") != 1 {
		t.Errorf("%q, %v", link, err)
	}
	_, err = updater.PaymentUpdateURL(t.Context(), w.ref(billing.KindCustomer, "nothing_1"), "https://app.test/account")
	w.fails(t, err, provider.NotFound, provider.Refused)
	w.net.strike(broken, true)
	_, err = updater.PaymentUpdateURL(t.Context(), customer, "https://app.test/account")
	w.fails(t, err, provider.OutcomeUnknown)
}

// paymentUpdateOfSubscription: where several people may be one customer, a link is
// handed out for a subscription, and for a customer none. It may be part of what is
// read, and differs from one time to the next.
func (w *World) paymentUpdateOfSubscription(t *testing.T, updater provider.PaymentUpdater) {
	t.Helper()
	subscription := w.ref(billing.KindSubscription, w.Make.Subscription(t))
	link, err := updater.PaymentUpdateURL(t.Context(), subscription, "https://app.test/account")
	if err != nil || !strings.HasPrefix(link, "http") {
		t.Errorf("%q, %v", link, err)
	}
	w.Advance(time.Hour)
	if later, err := updater.PaymentUpdateURL(t.Context(), subscription, "https://app.test/account"); err != nil || later == link {
		t.Errorf("an hour later it is the same link %q, %v", later, err)
	}
	_, err = updater.PaymentUpdateURL(t.Context(), w.ref(billing.KindCustomer, w.Make.Customer(t)), "https://app.test/account")
	w.fails(t, err, provider.Refused)
	_, err = updater.PaymentUpdateURL(t.Context(), w.ref(billing.KindSubscription, "nothing_1"), "https://app.test/account")
	w.fails(t, err, provider.NotFound, provider.Refused)
}

// endpoint registers twice and gets one, with a secret the first time only.
func (h Harness) endpoint(t *testing.T) {
	w := h.world(t, sim.Chaos{})
	registrar, can := offered[provider.EndpointRegistrar](t, w, "the provider's endpoints are registered by hand")
	if !can {
		return
	}
	const hook = "https://app.test/webhooks/new"
	first, err := registrar.RegisterEndpoint(t.Context(), hook)
	if err != nil || !first.Created || first.Secret == "" || first.ID == "" {
		t.Fatalf("%+v, %v", first, err)
	}
	second, err := registrar.RegisterEndpoint(t.Context(), hook)
	if err != nil || second.Created || second.ID != first.ID {
		t.Errorf("again: %+v, %v", second, err)
	}
	w.net.strike(lostAfter, true)
	_, err = registrar.RegisterEndpoint(t.Context(), "https://app.test/webhooks/other")
	w.fails(t, err, provider.OutcomeUnknown)
	if other, err := registrar.RegisterEndpoint(t.Context(), "https://app.test/webhooks/other"); err != nil || other.Created {
		t.Errorf("after a lost answer: %+v, %v", other, err)
	}
}
