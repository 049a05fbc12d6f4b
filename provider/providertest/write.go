package providertest

import (
	"context"
	"errors"
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
	name string
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

// as finds a capability.
func as[T any](w *World, do func(T) error) error {
	capability, can := w.Driver.(T)
	if !can {
		return errAbsent
	}
	return do(capability)
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
			name: "cancel now", op: sim.OpCancel, kind: billing.KindSubscription, make: subscription, done: status(billing.SubscriptionEnded),
			do: func(w *World, ref provider.Ref, key string) error {
				return as(w, func(c provider.Canceler) error { return c.CancelNow(ctx, ref, key) })
			},
		},
		{
			name: "cancel at period end", op: sim.OpCancelAtPeriodEnd, kind: billing.KindSubscription, make: subscription,
			done: func(o billing.Object) bool { return !o.(billing.Subscription).CancelAt.IsZero() },
			do:   cancelAtPeriodEnd(ctx),
		},
		{
			name: "uncancel", op: sim.OpUncancel, kind: billing.KindSubscription, make: subscription,
			before: func(w *World, ref provider.Ref) error { return cancelAtPeriodEnd(ctx)(w, ref, "before "+ref.ID) },
			done:   func(o billing.Object) bool { return o.(billing.Subscription).CancelAt.IsZero() },
			do: func(w *World, ref provider.Ref, key string) error {
				return as(w, func(c provider.Canceler) error { return c.Uncancel(ctx, ref, key) })
			},
		},
		{name: "pause", op: sim.OpPause, kind: billing.KindSubscription, make: subscription, done: status(billing.SubscriptionPaused), do: pause(ctx)},
		{
			name: "pause until", op: sim.OpPause, kind: billing.KindSubscription, make: subscription,
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
			name: "resume", op: sim.OpResume, kind: billing.KindSubscription, make: subscription, done: status(billing.SubscriptionActive), do: resume(ctx),
			before: func(w *World, ref provider.Ref) error { return pause(ctx)(w, ref, "before "+ref.ID) },
		},
		{
			name: "resume after a trial", op: sim.OpResume, kind: billing.KindSubscription, do: resume(ctx),
			make: func(w *World) func(*testing.T) string { return w.Make.Lapsed },
			done: func(o billing.Object) bool { return o.State() != string(billing.SubscriptionPaused) },
		},
		{
			name: "extend trial", op: sim.OpTrialEnd, kind: billing.KindSubscription,
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
			name: "refund", op: sim.OpRefund, kind: billing.KindPayment, elsewhere: true, do: refund(ctx),
			make: func(w *World) func(*testing.T) string { return w.Make.Payment },
			done: func(o billing.Object) bool { return o.(billing.Payment).FullyRefunded() },
		},
		{
			name: "accept dispute", op: sim.OpDisputeClose, kind: billing.KindDispute,
			make: func(w *World) func(*testing.T) string { return w.Make.Dispute },
			done: func(o billing.Object) bool { return o.State() == string(billing.DisputeLost) },
			do: func(w *World, ref provider.Ref, key string) error {
				return as(w, func(a provider.DisputeAccepter) error { return a.AcceptDispute(ctx, ref, key) })
			},
		},
		{
			name: "push e-mail", op: sim.OpEmail, kind: billing.KindCustomer,
			make: func(w *World) func(*testing.T) string { return w.Make.Customer },
			done: func(o billing.Object) bool { return o.(billing.ProviderCustomer).Email == "new@example.com" },
			do: func(w *World, ref provider.Ref, key string) error {
				return as(w, func(p provider.EmailPusher) error { return p.PushEmail(ctx, ref, "new@example.com", key) })
			},
		},
		{
			name: "collect", op: sim.OpPayInvoice, kind: billing.KindInvoice,
			make: func(w *World) func(*testing.T) string { return w.Make.Invoice },
			done: func(o billing.Object) bool { return o.State() == string(billing.InvoicePaid) },
			do: func(w *World, ref provider.Ref, key string) error {
				return as(w, func(c provider.Collector) error { return c.Collect(ctx, ref, key) })
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
			if op.make(w) == nil {
				t.Log("the provider has nothing to do this to")
				return
			}
			t.Run("twice", func(t *testing.T) { w.once(t, op, none) })
			for f := range faultNames {
				t.Run(faultNames[f], func(t *testing.T) { w.once(t, op, f) })
			}
			absent := op.do(w, w.ref(op.kind, "nothing_1"), "key of nothing")
			if !errors.Is(absent, errAbsent) {
				w.fails(t, absent, provider.NotFound, provider.Refused)
			}
			keyless := op.do(w, w.ref(op.kind, "nothing_1"), "")
			if !errors.Is(keyless, errAbsent) {
				w.fails(t, keyless, provider.Refused)
			}
		})
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
	if errors.Is(err, errAbsent) {
		return
	}
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
	refunder, can := w.Driver.(provider.Refunder)
	if !can {
		t.Log("the provider gives nothing back")
		return
	}
	payment := w.ref(billing.KindPayment, w.Make.Payment(t))
	third := w.Make.Amount
	third.Amount /= 3
	made := map[string]provider.Ref{}
	for i, key := range []string{"first third", "second third"} {
		if _, found, err := refunder.FoundRefund(t.Context(), payment, key); found || err != nil {
			t.Errorf("%s: found before it was made, %v", key, err)
		}
		if i == 1 {
			w.net.strike(lostAfter, true)
			_, err := refunder.Refund(t.Context(), provider.RefundRequest{Payment: payment, Amount: third, Key: key})
			w.fails(t, err, provider.OutcomeUnknown)
		} else {
			ref, err := refunder.Refund(t.Context(), provider.RefundRequest{Payment: payment, Amount: third, Key: key})
			if err != nil {
				t.Fatal(err)
			}
			made[key] = ref
		}
		ref, found, err := refunder.FoundRefund(t.Context(), payment, key)
		if !found || err != nil || made[key] != (provider.Ref{}) && made[key] != ref {
			t.Errorf("%s: found %v as %v, %v", key, found, ref, err)
		}
		s, err := w.Driver.Fetch(t.Context(), ref)
		if err != nil || s.Object.(billing.Refund).Amount != third || s.Object.(billing.Refund).Payment != payment.ID {
			t.Errorf("%s: %+v, %v", key, s, err)
		}
	}
	all := w.Make.Amount
	_, err := refunder.Refund(t.Context(), provider.RefundRequest{Payment: payment, Amount: all, Key: "more than is left"})
	w.fails(t, err, provider.Refused)
	s, err := w.Driver.Fetch(t.Context(), payment)
	if err != nil || s.Object.(billing.Payment).Refunded != 2*third.Amount {
		t.Errorf("afterwards: %+v, %v", s.Object, err)
	}
}

func (h Harness) paymentUpdate(t *testing.T) {
	w := h.world(t, sim.Chaos{})
	updater, can := w.Driver.(provider.PaymentUpdater)
	if !can {
		t.Log("the provider has no such page")
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

// endpoint registers twice and gets one, with a secret the first time only.
func (h Harness) endpoint(t *testing.T) {
	w := h.world(t, sim.Chaos{})
	registrar, can := w.Driver.(provider.EndpointRegistrar)
	if !can {
		t.Log("the provider's endpoints are registered by hand")
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
