package outbox_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/outbox"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/sim"
)

// goodwill is a policy that gives back 10.00 of each payment of a customer to whom we
// are sorry, and says so; what went back already counts.
type goodwill struct{}

func (goodwill) Name() string { return "goodwill" }

func (goodwill) React(policy.Change, policy.Known) []policy.Action { return nil }

func (goodwill) Review(known policy.Known, _ time.Time) (actions []policy.Action, next time.Time) {
	const share = 1000
	for _, p := range known.Facts.Payments {
		if known.Customer.Attributes["sorry"] != true || p.Object.Refunded >= share {
			continue
		}
		details := policy.Details{Amount: share - p.Object.Refunded, Currency: p.Object.Amount.Currency, Refunded: p.Object.Refunded}
		actions = append(actions, policy.On(p.Account, billing.KindPayment, p.ID, policy.Refund, "goodwill", details),
			policy.On(p.Account, billing.KindPayment, p.ID, policy.Say, "goodwill", notify.Notice{Template: "sorry", Channel: notify.Email}))
	}
	return actions, time.Time{}
}

// sorry opens a shop with the policy in a mode, on both databases.
func sorry(t *testing.T, mode policy.Mode, test func(t *testing.T, s *shop, out *post)) {
	t.Helper()
	for _, database := range []string{"sqlite", "postgres"} {
		out := &post{}
		options := triggertest.Options{
			Quiet: true, Policies: []policy.Policy{goodwill{}}, Modes: policy.Modes{Global: mode},
			Outbox: func(c *outbox.Config) { c.Messenger = out },
		}
		t.Run(database, func(t *testing.T) {
			triggertest.On(t, database, options, func(t *testing.T, h *triggertest.House) { test(t, open(t, h), out) })
		})
	}
}

// are says whether we are sorry to the customer.
func (s *shop) are(t *testing.T, sorry bool) {
	t.Helper()
	_, err := s.Apply.SetCustomer(t.Context(), billing.Customer{
		Ref: "user_1", Email: "user_1@example.com", Attributes: map[string]any{"sorry": sorry},
	}, apply.Cause{Trigger: apply.Request, Actor: "test"})
	check(t, err)
}

// returned is how much went back at the provider.
func (s *shop) returned(t *testing.T) (sum int64) {
	t.Helper()
	for _, o := range s.Truth() {
		if o.Kind == sim.KindPayment {
			back, err := strconv.ParseInt(o.Fields["refunded"], 10, 64)
			check(t, err)
			sum += back
		}
	}
	return sum
}

// TestMeanwhileLess: what went back while a refund waited, for a person or for the
// brake, is not given back once more.
func TestMeanwhileLess(t *testing.T) {
	person := apply.Cause{Trigger: apply.Request, Actor: "key:ops"}
	for name, wait := range map[string]struct {
		mode  policy.Mode
		until func(t *testing.T, s *shop, key string)
	}{
		"for a person": {policy.Assist, func(t *testing.T, s *shop, key string) {
			if got := s.state(t, key); !strings.Contains(got.Doc, `"amount":600`) {
				t.Errorf("what the person decides about: %s", got.Doc)
			}
			_, err := s.Apply.Decide(t.Context(), key, true, person)
			check(t, err)
		}},
		"for the cap": {policy.Enforce, func(*testing.T, *shop, string) {}},
	} {
		t.Run(name, func(t *testing.T) {
			sorry(t, wait.mode, func(t *testing.T, s *shop, _ *post) {
				key := "refund:" + paymentOf(s) + ":goodwill"
				if wait.mode == policy.Enforce {
					s.Outbox.Caps.Amounts = map[string]int64{"EUR": 999}
				}
				s.are(t, true)
				s.Pass(t, 5*time.Minute)
				_, err := s.Refund(s.payment, 400)
				check(t, err)
				s.Pass(t, 5*time.Minute)
				s.Outbox.Caps.Amounts = nil
				wait.until(t, s, key)
				s.Pass(t, day)
				if got := s.state(t, key); got.State != store.EffectDone || got.Money != 600 || s.returned(t) != 1000 {
					t.Errorf("%d went back in all: %+v", s.returned(t), got)
				}
			})
		})
	}
}

// TestMeanwhileNoMore: a call of which nobody knows how it ended is not made again
// once nothing calls for it any more: if it did not act, nothing is to happen; when it
// is called for once more, it happens.
func TestMeanwhileNoMore(t *testing.T) {
	sorry(t, policy.Enforce, func(t *testing.T, s *shop, out *post) {
		key := "refund:" + paymentOf(s) + ":goodwill"
		s.Net.Strike(onWrite(1, triggertest.Down))
		out.fail = []error{&notify.Error{Kind: notify.Unknown, Err: errors.New("no answer")}}
		s.are(t, true)
		s.Step(t)
		if got := s.state(t, key); got.State != store.EffectUnknown {
			t.Fatalf("after a call without an answer: %+v", got)
		}
		s.are(t, false)
		s.Pass(t, day)
		if got := s.state(t, key); got.State != store.EffectDropped || s.returned(t) != 0 {
			t.Errorf("no longer called for, %d went back: %+v", s.returned(t), got)
		}
		if got := out.letters(); got != "" {
			t.Errorf("said although nothing called for it: %s", got)
		}
		s.are(t, true)
		s.Pass(t, day)
		if got := s.state(t, key); got.State != store.EffectDone || s.returned(t) != 1000 {
			t.Errorf("called for again, %d went back: %+v", s.returned(t), got)
		}
	})
}

// TestNoMoreThanWasAccepted: a person who accepted one amount is asked again if it is a
// larger one by the time it would be paid; without a person in between it is not their
// decision.
func TestNoMoreThanWasAccepted(t *testing.T) {
	person := apply.Cause{Trigger: apply.Request, Actor: "key:ops"}
	sorry(t, policy.Assist, func(t *testing.T, s *shop, _ *post) {
		key := "refund:" + paymentOf(s) + ":goodwill"
		s.are(t, true)
		s.Pass(t, 5*time.Minute)
		accepted := s.state(t, key)
		check(t, s.DB.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error { // as it stood when it was shown
			return tx.AskAgain(ctx, key, strings.Replace(accepted.Doc, `"amount":1000`, `"amount":600`, 1))
		}))
		_, err := s.Apply.Decide(t.Context(), key, true, person)
		check(t, err)
		s.Pass(t, 5*time.Minute)
		if got := s.state(t, key); got.State != store.EffectProposed || got.DecidedBy != "" || !strings.Contains(got.Doc, `"amount":1000`) || s.returned(t) != 0 {
			t.Fatalf("%d went back: %+v", s.returned(t), got)
		}
		_, err = s.Apply.Decide(t.Context(), key, true, person)
		check(t, err)
		s.Pass(t, day)
		if got := s.state(t, key); got.State != store.EffectDone || s.returned(t) != 1000 {
			t.Errorf("%d went back: %+v", s.returned(t), got)
		}
	})
}
