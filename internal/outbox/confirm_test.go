package outbox_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/outbox"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/sim"
)

// copyOf is a strike: reads of an address are answered by a copy of how it is now.
func (s *shop) copyOf(t *testing.T, kind billing.Kind, path, id string) roundTrip {
	t.Helper()
	first := map[string]string{}
	old := freeze(first)
	s.Net.Strike(old)
	_, err := s.Apply.Refs(t.Context(), apply.Cause{Trigger: apply.Request}, provider.Ref{Account: "stripe", Kind: kind, ID: id})
	check(t, err)
	s.Net.Strike(nil)
	if len(first) == 0 {
		t.Fatalf("nothing was read of %s", id)
	}
	return func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
		if req.Method == http.MethodGet && req.URL.Path == path+id {
			return old(req, pass)
		}
		return pass()
	}
}

// reversed is an effect that takes another back, so that a copy from before both
// shows what it is to bring about.
type reversed struct {
	first, then effect
	kind        billing.Kind
	path        string
	id          func(s *shop) string
	// again is how often the second kind happens in all.
	again int
}

func reversals() map[string]reversed {
	subscription := func(s *shop) string { return s.subscription }
	customer := func(s *shop) string { return s.customer }
	object := func(s *shop) string { return "stripe/customer/" + s.customer }
	email := func(address string) effect {
		return effect{kind: outbox.PushEmail, op: sim.OpEmail, object: object, details: outbox.Details{Email: address}}
	}
	plain := func(kind, op string) effect { return effect{kind: kind, op: op, object: subscriptionOf} }
	cancel, uncancel := plain(outbox.CancelAtPeriodEnd, sim.OpCancelAtPeriodEnd), plain(outbox.Uncancel, sim.OpUncancel)
	pause, resume := plain(outbox.Pause, sim.OpPause), plain(outbox.Resume, sim.OpResume)
	until := func(days int) effect {
		e := plain(outbox.Pause, sim.OpPause)
		e.details.Until = triggertest.Start.Add(time.Duration(days) * day)
		return e
	}
	return map[string]reversed{
		"uncancel":        {cancel, uncancel, billing.KindSubscription, "/v1/subscriptions/", subscription, 1},
		"resume":          {pause, resume, billing.KindSubscription, "/v1/subscriptions/", subscription, 1},
		"e-mail and back": {email("wrong@example.com"), email("user_1@example.com"), billing.KindCustomer, "/v1/customers/", customer, 2},
		"pause again":     {until(9), until(5), billing.KindSubscription, "/v1/subscriptions/", subscription, 3},
	}
}

// TestOldCopy: something is done and at once taken back, while the provider still
// reads from a copy of before both, on which there is nothing to take back. That
// is not believed: it happens when the copy has caught up.
func TestOldCopy(t *testing.T) {
	for name, tt := range reversals() {
		t.Run(name, func(t *testing.T) {
			triggertest.Each(t, quiet, func(t *testing.T, h *triggertest.House) {
				s := open(t, h)
				if tt.first.kind == tt.then.kind && tt.then.kind == outbox.Pause {
					s.ask(t, tt.then, "before")
					s.Pass(t, time.Minute)
				}
				old := s.copyOf(t, tt.kind, tt.path, tt.id(s))
				s.ask(t, tt.first, "first")
				s.Step(t)
				s.Net.Strike(old)
				s.ask(t, tt.then, "then")
				s.Step(t)
				s.PassDeaf(t, 20*time.Second)
				if got := s.state(t, "then"); got.State != store.EffectDue || got.Error != "" {
					t.Errorf("meanwhile %+v", got)
				}
				s.Net.Strike(nil)
				s.Pass(t, 15*time.Second)
				if got := s.state(t, "then"); got.State != store.EffectDone || got.Result != "done" {
					t.Errorf("ended as %+v", got)
				}
				if n := s.happened(tt.then.op); n != tt.again {
					t.Errorf("happened %d times", n)
				}
			})
		})
	}
}

// TestSecondLook: that there is nothing to do is believed half a minute after it
// was seen first, though the process has started anew since; waiting is no failure,
// and leaves no note behind.
func TestSecondLook(t *testing.T) {
	triggertest.Each(t, quiet, func(t *testing.T, h *triggertest.House) {
		s := open(t, h)
		row := func() store.Work {
			t.Helper()
			row, err := s.DB.WorkNamed(t.Context(), store.QueueEffect, "key 1")
			check(t, err)
			return row
		}
		s.ask(t, kind(outbox.Resume), "key 1")
		s.Step(t)
		if got := row(); got.State != "ready" || got.Payload == "" || got.Failures != 0 {
			t.Errorf("after one look: %+v", got)
		}
		s.Pass(t, 20*time.Second)
		s.Restart(t)
		s.Pass(t, 9*time.Second)
		if got := s.state(t, "key 1"); got.State != store.EffectDue {
			t.Errorf("too early: %+v", got)
		}
		s.Pass(t, 2*time.Second)
		if got := s.state(t, "key 1"); got.State != store.EffectDone || got.Result != "it is not paused" {
			t.Errorf("after two looks: %+v", got)
		}
		if got := row(); got.State != "idle" || got.Payload != "" {
			t.Errorf("afterwards: %+v", got)
		}
		if calls := s.writes(); len(calls) != 0 {
			t.Errorf("calls: %v", calls)
		}
	})
}

// TestLooksDisagree: what one look found counts no more once another found
// otherwise, or nothing.
func TestLooksDisagree(t *testing.T) {
	for name, meanwhile := range map[string]func(t *testing.T, s *shop){
		"the provider is away": func(t *testing.T, s *shop) {
			s.Net.Strike(triggertest.Down)
			s.PassDeaf(t, 35*time.Second)
			s.Net.Strike(nil)
		},
		"the call is refused for now": func(t *testing.T, s *shop) {
			check(t, s.PortalCancel(s.subscription))
			s.Net.Strike(onWrite(1, answering(http.StatusTooManyRequests, "{}")))
			s.Pass(t, 31*time.Second)
			s.Net.Strike(nil)
			check(t, s.PortalUncancel(s.subscription))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, triggertest.SQLite(t, quiet))
			s.ask(t, kind(outbox.Uncancel), "key 1")
			s.Step(t)
			meanwhile(t, s)
			row, err := s.DB.WorkNamed(t.Context(), store.QueueEffect, "key 1")
			if err != nil || row.Payload != "" || row.Failures != 1 {
				t.Errorf("the row: %+v %v", row, err)
			}
			s.Pass(t, 25*time.Second) // another look, which is a first again
			if got := s.state(t, "key 1"); got.State != store.EffectDue {
				t.Errorf("too early: %+v", got)
			}
			s.Pass(t, time.Minute)
			if got := s.state(t, "key 1"); got.State != store.EffectDone || got.Result != "no cancellation is scheduled" {
				t.Errorf("ended as %+v", got)
			}
		})
	}
}
