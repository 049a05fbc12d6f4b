package outbox_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/outbox"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
	"github.com/trivetdev/trivet/sim"
	world "github.com/trivetdev/trivet/sim/stripe"
)

// TestRefused: the provider says no, once; a person must decide.
func TestRefused(t *testing.T) {
	s := kind(outbox.Collect).ready(t, triggertest.SQLite(t, quiet))
	check(t, s.NewCard(s.customer, world.CardDeclined))
	s.ask(t, kind(outbox.Collect), "key 1")
	s.Step(t)
	s.Net.Strike(func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
		if req.Method == http.MethodGet { // the second look fails for a while
			return triggertest.Down(req, pass)
		}
		return pass()
	})
	s.PassDeaf(t, time.Hour)
	s.Net.Strike(nil)
	s.Pass(t, day)
	got := s.state(t, "key 1")
	if got.State != store.EffectFailed || !strings.Contains(got.Error, "card_declined") || got.DoneAt.IsZero() {
		t.Errorf("ended as %+v", got)
	}
	pays := 0
	for _, call := range s.writes() {
		if strings.HasSuffix(call, "/pay") {
			pays++
		}
	}
	if pays != 1 {
		t.Errorf("tried %d times", pays)
	}
}

// TestRefusedOnAnOldCopy: the look showed an old copy, on which there was something
// left to do. That the provider refuses it is no failure.
func TestRefusedOnAnOldCopy(t *testing.T) {
	triggertest.Each(t, quiet, func(t *testing.T, h *triggertest.House) {
		s := open(t, h)
		old := s.copyOf(t, billing.KindSubscription, "/v1/subscriptions/", s.subscription)
		check(t, s.CancelNow(s.subscription))
		s.Step(t)
		s.Net.Strike(old)
		s.ask(t, kind(outbox.Pause), "key 1")
		s.Step(t)
		if got := s.state(t, "key 1"); got.State != store.EffectDue || got.Error == "" {
			t.Errorf("meanwhile %+v", got)
		}
		s.Net.Strike(nil)
		s.Pass(t, time.Hour)
		if got := s.state(t, "key 1"); got.State != store.EffectDropped || got.Result != "it has ended" || got.Error != "" {
			t.Errorf("ended as %+v", got)
		}
		if dead, err := s.DB.Dead(t.Context(), 0, 10); err != nil || len(dead) != 0 {
			t.Errorf("dead: %+v %v", dead, err)
		}
	})
}

// TestRefusedForAMoment: what stood against it is gone when it is looked at again.
func TestRefusedForAMoment(t *testing.T) {
	s := open(t, triggertest.SQLite(t, quiet))
	s.ask(t, kind(outbox.Pause), "key 1")
	s.Net.Strike(onWrite(1, answering(http.StatusBadRequest, `{"error":{"type":"invalid_request_error"}}`)))
	s.Step(t)
	if got := s.state(t, "key 1"); got.State != store.EffectDue || got.Error == "" {
		t.Errorf("meanwhile %+v", got)
	}
	s.Pass(t, time.Minute)
	if got := s.state(t, "key 1"); got.State != store.EffectDone || got.Error != "" || s.happened(sim.OpPause) != 1 {
		t.Errorf("ended as %+v, happened %d times", got, s.happened(sim.OpPause))
	}
	s.Net.Strike(onWrite(-1, answering(http.StatusBadRequest, `{"error":{"type":"invalid_request_error"}}`)))
	s.ask(t, kind(outbox.Resume), "key 2")
	s.Pass(t, day)
	if got := s.state(t, "key 2"); got.State != store.EffectFailed || len(s.writes()) != 4 {
		t.Errorf("ended as %+v", got)
	}
}
