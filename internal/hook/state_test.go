package hook_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/api"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/hook"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/redirect"
	"github.com/trivetdev/trivet/provider"
	world "github.com/trivetdev/trivet/sim/stripe"
)

const day = 24 * time.Hour

var byHand = apply.Cause{Trigger: apply.Request, Actor: "test"}

func (h *told) grant(t *testing.T, customer, feature string) {
	t.Helper()
	_, err := h.Apply.Grant(t.Context(), customer, billing.Grant{Feature: feature, Reason: "test"}, byHand)
	check(t, err)
}

// TestOnePurchase: what a purchase changes is told as it is when it is told, with the
// same answers as the API gives.
func TestOnePurchase(t *testing.T) {
	each(t, func(t *testing.T, h *told) {
		_, err := h.Apply.SetCustomer(t.Context(), billing.Customer{Ref: "user_1", Email: "a@b.test", Name: "Dana"}, byHand)
		check(t, err)
		h.Step(t)
		first := h.expect(t, "settings", h.app, 1, "user_1")[0].state(t)
		if first.Customer.Name != "Dana" || len(first.Subscriptions) != 0 {
			t.Errorf("first: %+v", first)
		}
		checkout, err := h.Redirect.Begin(t.Context(), redirect.Request{
			Account: "stripe", Customer: "user_1", Plan: "pro", SuccessURL: "https://app.test/yes", CancelURL: "https://app.test/no",
		})
		check(t, err)
		_, err = h.PayCheckout(checkout.Object, world.CardGood)
		check(t, err)
		h.Pass(t, 5*time.Minute)
		took, _ := h.app.taken()
		last := first.Sequence
		for _, g := range took {
			if s := g.state(t); s.Sequence <= last {
				t.Errorf("the sequence is %d after %d", s.Sequence, last)
			} else {
				last = s.Sequence
			}
		}
		final := took[len(took)-1].state(t)
		if len(final.Subscriptions) != 1 || final.Subscriptions[0].Status != "active" || !slices.ContainsFunc(final.Entitlements, func(c api.Check) bool {
			return c.Feature == "export" && c.Allowed
		}) {
			t.Errorf("finally: %+v", final)
		}
		row, err := h.DB.Customer(t.Context(), "user_1")
		check(t, err)
		if last != row.Changed || h.delivery(t, "app", "user_1").State != store.DeliveryDone {
			t.Errorf("told up to %d, the last change is %d", last, row.Changed)
		}
		h.Pass(t, 3*day) // nothing changes, nothing is told
		h.expect(t, "later", h.app, 0)
		if took, tries := h.ops.taken(); tries != 0 {
			t.Errorf("the other endpoint, which does not take this, was told %v", took)
		}
	})
}

// TestTenChangesAreOneDelivery: and each of two customers is told of alone.
func TestTenChangesAreOneDelivery(t *testing.T) {
	each(t, func(t *testing.T, h *told) {
		for _, feature := range strings.Split("a b c d e f g h i", " ") {
			h.grant(t, "user_1", feature)
		}
		check(t, h.Apply.Ban(t.Context(), "user_1", "test", byHand))
		h.grant(t, "user_2", "x")
		h.Step(t)
		took, tries := h.app.taken()
		if tries != 2 || len(took) != 2 || took[0].id == took[1].id {
			t.Fatalf("%d tries: %v", tries, took)
		}
		state := took[0].state(t)
		if state.Customer.Ref != "user_1" || state.Customer.Banned == nil || len(state.Entitlements) < 9 || state.Entitlements[0].Reason != "banned" {
			t.Errorf("%+v", state)
		}
	})
}

// TestAccessThatEndsByItselfIsTold: no provider says anything.
func TestAccessThatEndsByItselfIsTold(t *testing.T) {
	each(t, func(t *testing.T, h *told) {
		_, err := h.Apply.Grant(t.Context(), "user_1", billing.Grant{Feature: "a", Until: h.Clock.Now().Add(day), Reason: "test"}, byHand)
		check(t, err)
		check(t, h.Reconcile.Schedule(t.Context())) // the task that turns access
		h.Step(t)
		h.expect(t, "granted", h.app, 1, "user_1 a:granted")
		h.Pass(t, day+time.Minute)
		h.expect(t, "over", h.app, 1, "user_1 a:grant_expired")
	})
}

// TestDownForADay: the endpoint gets each customer's newest state once.
func TestDownForADay(t *testing.T) {
	each(t, func(t *testing.T, h *told) {
		start := h.Clock.Now()
		var at []time.Duration
		h.app.answers(func(int, got) *http.Response {
			at = append(at, h.Clock.Now().Sub(start))
			return status(http.StatusBadGateway)
		})
		for i := range 20 {
			h.grant(t, "user_1", "f"+string(rune('a'+i)))
			h.Pass(t, time.Hour)
		}
		want := []time.Duration{0, 5 * time.Second, 5*time.Minute + 5*time.Second, 35*time.Minute + 5*time.Second, 2*time.Hour + 35*time.Minute + 5*time.Second}
		if len(at) < 6 || !slices.Equal(at[:5], want) {
			t.Errorf("tried at %v, want %v …", at, want)
		}
		if d := h.delivery(t, "app", "user_1"); d.State != store.DeliveryFailing || d.Attempts != int64(len(at)) || d.Error != "the endpoint answered 502 Bad Gateway" {
			t.Errorf("%+v", d)
		}
		h.app.taken()
		h.app.answers(nil)
		h.Pass(t, day)
		took, tries := h.app.taken()
		if tries != 1 || len(took) != 1 || len(took[0].state(t).Entitlements) < 20 {
			t.Fatalf("%d tries: %v", tries, took)
		}
	})
}

// TestChangesDuringADelivery are told by another, with a later sequence.
func TestChangesDuringADelivery(t *testing.T) {
	each(t, func(t *testing.T, h *told) {
		h.app.answers(func(n int, _ got) *http.Response {
			if n == 1 {
				h.grant(t, "user_1", "b")
				h.grant(t, "user_1", "c")
			}
			return status(http.StatusOK)
		})
		h.grant(t, "user_1", "a")
		h.Step(t)
		took := h.expect(t, "both", h.app, 2, "user_1 a:granted", "user_1 a:granted b:granted c:granted")
		if took[0].state(t).Sequence >= took[1].state(t).Sequence || took[0].id == took[1].id {
			t.Errorf("%+v", took)
		}
	})
}

// TestWhatTheDeliveryAlreadyShowedIsNotToldAgain: the change came after the row was
// claimed, and before the state was read.
func TestWhatTheDeliveryAlreadyShowedIsNotToldAgain(t *testing.T) {
	each(t, func(t *testing.T, h *told) {
		read := h.Hooks.State
		var late bool
		h.Hooks.State = func(ctx context.Context, customer string) (hook.State, error) {
			if !late {
				late = true
				h.grant(t, "user_1", "b")
			}
			return read(ctx, customer)
		}
		h.grant(t, "user_1", "a")
		h.Step(t)
		h.expect(t, "one", h.app, 1, "user_1 a:granted b:granted")
	})
}

// TestACrashBeforeTheNote: whoever takes over sends the same id again; the late note
// of the first is refused.
func TestACrashBeforeTheNote(t *testing.T) {
	each(t, func(t *testing.T, h *told) {
		h.app.answers(func(n int, _ got) *http.Response {
			if n == 1 { // the process stands still, past its lease
				h.Clock.Advance(2 * time.Minute)
				lapsed, err := h.DB.Expire(t.Context())
				if err != nil || lapsed != 1 {
					t.Error(lapsed, err)
				}
			}
			return status(http.StatusOK)
		})
		h.grant(t, "user_1", "a")
		h.Step(t)
		one := "user_1 a:granted"
		took := h.expect(t, "twice", h.app, 2, one, one)
		if took[0].id != took[1].id || took[0].state(t).Sequence != took[1].state(t).Sequence {
			t.Errorf("they differ: %s and %s", took[0].id, took[1].id)
		}
		if d := h.delivery(t, "app", "user_1"); d.State != store.DeliveryDone || d.WebhookID != took[0].id {
			t.Errorf("%+v", d)
		}
	})
}

// TestWhoLosesASubscriptionIsTold, and whoever gets it.
func TestWhoLosesASubscriptionIsTold(t *testing.T) {
	each(t, func(t *testing.T, h *told) {
		checkout, err := h.Redirect.Begin(t.Context(), redirect.Request{
			Account: "stripe", Customer: "user_1", Plan: "pro", SuccessURL: "https://app.test/yes", CancelURL: "https://app.test/no",
		})
		check(t, err)
		_, err = h.PayCheckout(checkout.Object, world.CardGood)
		check(t, err)
		h.Pass(t, 5*time.Minute)
		check(t, h.Apply.Ban(t.Context(), "user_1", "test", byHand)) // so that they lose no access: nothing but the object tells
		h.Step(t)
		h.app.taken()
		sub := h.Objects(t, store.ObjectFilter{Kind: "subscription"})[0]
		before, err := h.DB.Customer(t.Context(), "user_1")
		check(t, err)
		ref, err := provider.ParseRef(sub.Key)
		check(t, err)
		check(t, h.Apply.Move(t.Context(), ref, "user_1", "user_2", byHand))
		h.Step(t)
		owns := map[string]int{}
		took, _ := h.app.taken()
		for _, g := range took {
			state := g.state(t)
			owns[state.Customer.Ref] = len(state.Subscriptions)
			if state.Customer.Ref == "user_1" && state.Sequence <= before.Changed {
				t.Errorf("sequence %d after %d", state.Sequence, before.Changed)
			}
		}
		if n, is := owns["user_1"]; !is || n != 0 || owns["user_2"] != 1 {
			t.Errorf("told: %v", owns)
		}
	})
}
