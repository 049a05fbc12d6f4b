package outbox_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/outbox"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/redirect"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
	"github.com/trivetdev/trivet/sim"
	world "github.com/trivetdev/trivet/sim/stripe"
)

const day = 24 * time.Hour

var quiet = triggertest.Options{Quiet: true}

type roundTrip = func(*http.Request, func() (*http.Response, error)) (*http.Response, error)

// shop is a house with one customer who has a subscription, paid.
type shop struct {
	*triggertest.House
	subscription, customer, payment, invoice string
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, h *triggertest.House) *shop {
	t.Helper()
	checkout, err := h.Redirect.Begin(t.Context(), redirect.Request{
		Account: "stripe", Customer: "user_1", Plan: "pro", Email: "user_1@example.com", SuccessURL: "https://app.test/yes", CancelURL: "https://app.test/no",
	})
	check(t, err)
	if paid, err := h.PayCheckout(checkout.Object, world.CardGood); err != nil || !paid {
		t.Fatal(paid, err)
	}
	h.Pass(t, 5*time.Minute)
	s := &shop{House: h}
	for _, o := range h.Objects(t, store.ObjectFilter{Customer: "user_1"}) {
		switch billing.Kind(o.Kind) {
		case billing.KindSubscription:
			s.subscription, s.customer = o.ID, o.Owner
		case billing.KindPayment:
			s.payment = o.ID
		case billing.KindInvoice:
			s.invoice = o.ID
		default:
		}
	}
	h.Net.Calls()
	return s
}

// behind lets the customer's card fail at the next renewal, so that an invoice is
// open, and gives them a good card.
func (s *shop) behind(t *testing.T) {
	t.Helper()
	check(t, s.NewCard(s.customer, world.CardDeclined))
	s.Pass(t, 32*day)
	for _, o := range s.Objects(t, store.ObjectFilter{Kind: "invoice"}) {
		if o.Status == string(billing.InvoiceOpen) {
			s.invoice = o.ID
		}
	}
	check(t, s.NewCard(s.customer, world.CardGood))
	s.Pass(t, time.Minute)
}

// effect is one kind of effect and how to come to want it.
type effect struct {
	kind    string
	op      string
	prepare func(t *testing.T, s *shop)
	object  func(s *shop) string
	details outbox.Details
	// again is how a second effect of the kind ends.
	again string
}

func subscriptionOf(s *shop) string { return "stripe/subscription/" + s.subscription }
func paymentOf(s *shop) string      { return "stripe/payment/" + s.payment }

func effects() []effect {
	until := triggertest.Start.Add(20*day + 123456789)
	return []effect{
		{kind: outbox.CancelNow, op: sim.OpCancel, object: subscriptionOf, again: store.EffectDone},
		{kind: outbox.CancelAtPeriodEnd, op: sim.OpCancelAtPeriodEnd, object: subscriptionOf, again: store.EffectDone},
		{kind: outbox.Uncancel, op: sim.OpUncancel, object: subscriptionOf, again: store.EffectDone, prepare: func(t *testing.T, s *shop) {
			check(t, s.PortalCancel(s.subscription))
		}},
		{kind: outbox.Pause, op: sim.OpPause, object: subscriptionOf, details: outbox.Details{Until: until}, again: store.EffectDone},
		{kind: outbox.Resume, op: sim.OpResume, object: subscriptionOf, again: store.EffectDone, prepare: func(t *testing.T, s *shop) {
			check(t, s.Pause(s.subscription, "void", time.Time{}))
		}},
		{kind: outbox.Refund, op: sim.OpRefund, object: paymentOf, again: store.EffectDropped},
		{kind: outbox.AcceptDispute, op: sim.OpDisputeClose, again: store.EffectDone, prepare: func(t *testing.T, s *shop) {
			_, err := s.OpenDispute(s.payment, "fraudulent", false)
			check(t, err)
		}, object: func(s *shop) string {
			for _, o := range s.Truth() {
				if o.Kind == sim.KindDispute {
					return "stripe/dispute/" + o.ID
				}
			}
			return ""
		}},
		{kind: outbox.PushEmail, op: sim.OpEmail, object: func(s *shop) string { return "stripe/customer/" + s.customer },
			details: outbox.Details{Email: "new@example.com"}, again: store.EffectDone},
		{kind: outbox.Collect, op: sim.OpPayInvoice, again: store.EffectDone,
			prepare: func(t *testing.T, s *shop) { s.behind(t) }, object: func(s *shop) string { return "stripe/invoice/" + s.invoice }},
		{kind: outbox.ExtendTrial, op: sim.OpTrialEnd, object: subscriptionOf, details: outbox.Details{Until: until}, again: store.EffectDone},
	}
}

// ready opens a shop in which an effect is called for.
func (e effect) ready(t *testing.T, h *triggertest.House) *shop {
	t.Helper()
	s := open(t, h)
	if e.prepare != nil {
		e.prepare(t, s)
		s.Pass(t, time.Minute)
	}
	s.Net.Calls()
	return s
}

// ask requests an effect.
func (s *shop) ask(t *testing.T, e effect, key string) {
	t.Helper()
	if _, err := s.Outbox.Request(t.Context(), store.Effect{Key: key, Kind: e.kind, Object: e.object(s), Customer: "user_1", Actor: "test"}, e.details); err != nil {
		t.Fatalf("%s: %v", e.kind, err)
	}
}

// state is how an effect stands.
func (s *shop) state(t *testing.T, key string) store.Effect {
	t.Helper()
	e, err := s.DB.Effect(t.Context(), key)
	check(t, err)
	return e
}

// happened counts what really changed at the provider.
func (s *shop) happened(op string) (n int) {
	for _, e := range s.Effects() {
		if e.Op == op {
			n++
		}
	}
	return n
}

// writes are the calls made since last asked that are not reads.
func (s *shop) writes() (calls []string) {
	for _, call := range s.Net.Calls() {
		if call[:4] != "GET " {
			calls = append(calls, call)
		}
	}
	return calls
}

// onWrite is a strike at the first n writes; reads pass.
func onWrite(n int, strike roundTrip) roundTrip {
	return func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
		if req.Method == http.MethodGet || n == 0 {
			return pass()
		}
		n--
		return strike(req, pass)
	}
}

// lost lets the call through and loses its answer.
func lost(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
	if resp, err := pass(); err == nil {
		resp.Body.Close()
	}
	return triggertest.Down(req, pass)
}

// answering is a strike that answers in the provider's place.
func answering(status int, body string) roundTrip {
	return func(req *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
		return triggertest.Answer(req, status, body), nil
	}
}

// cut lets the call through and breaks its answer off in the middle.
func cut(_ *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
	resp, err := pass()
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body[:len(body)/2]), broken{}))
	return resp, nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// die works the next due effect and dies where the strike ends its context: what
// the worker would have done afterwards does not happen. Then the lease runs out
// and another process takes over.
func (s *shop) die(t *testing.T, strike func(end func()) roundTrip) {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	defer end()
	s.Net.Strike(onWrite(1, strike(end)))
	claims, err := s.DB.Claim(t.Context(), store.QueueEffect, 1, time.Minute)
	check(t, err)
	if len(claims) != 1 {
		t.Fatalf("%d effects are due", len(claims))
	}
	if err := s.Outbox.Queue(1).Run(ctx, claims[0]); err == nil {
		t.Fatal("it did not die")
	}
	s.Net.Strike(nil)
	s.Clock.Advance(2 * time.Minute)
	if n, err := s.DB.Expire(t.Context()); err != nil || n != 1 {
		t.Fatalf("%d leases ran out, %v", n, err)
	}
	s.Restart(t)
}
