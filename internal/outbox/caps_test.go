package outbox_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/outbox"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
	"github.com/trivetdev/trivet/sim"
)

// refund asks for part of the payment back.
func (s *shop) refund(t *testing.T, key string, amount int64) {
	t.Helper()
	_, err := s.Outbox.Request(t.Context(), store.Effect{
		Key: key, Kind: outbox.Refund, Object: "stripe/payment/" + s.payment, Customer: "user_1", Actor: "test",
	}, outbox.Details{Amount: amount})
	check(t, err)
}

// TestBrake: while it is on no money moves, and nothing is lost; other things are
// done.
func TestBrake(t *testing.T) {
	triggertest.Each(t, quiet, func(t *testing.T, h *triggertest.House) {
		s, person := open(t, h), apply.Cause{Trigger: apply.Request, Actor: "test"}
		check(t, s.Apply.SetBrake(t.Context(), true, person))
		s.refund(t, "refund:1", 100)
		_, err := s.Outbox.Request(t.Context(), store.Effect{
			Key: "pause", Kind: outbox.Pause, Object: "stripe/subscription/" + s.subscription, Customer: "user_1", Actor: "test",
		}, outbox.Details{})
		check(t, err)
		s.Pass(t, 2*day)
		if got := s.state(t, "refund:1"); got.State != store.EffectDue || !strings.Contains(got.Error, "brake") || s.happened(sim.OpRefund) != 0 {
			t.Errorf("with the brake on: %+v", got)
		}
		if got := s.state(t, "pause"); got.State != store.EffectDone {
			t.Errorf("what moves no money: %+v", got)
		}
		check(t, s.Apply.SetBrake(t.Context(), false, person))
		s.Pass(t, 5*time.Minute)
		if got := s.state(t, "refund:1"); got.State != store.EffectDone || s.happened(sim.OpRefund) != 1 {
			t.Errorf("released: %+v, %d times", got, s.happened(sim.OpRefund))
		}
	})
}

// TestCaps: what goes beyond a day's cap waits for the next day, in number and in
// amount; a refund that no day has room for waits for somebody to raise the cap.
func TestCaps(t *testing.T) {
	for name, tt := range map[string]struct {
		caps          outbox.Caps
		first, second string
		says          string
	}{
		"number":           {outbox.Caps{Refunds: 2}, "done done due", "done done done", "2 refunds were made today"},
		"amount":           {outbox.Caps{Amounts: map[string]int64{"EUR": 250}}, "done done due", "done done done", "cap of 2.50 EUR"},
		"one alone":        {outbox.Caps{Amounts: map[string]int64{"EUR": 99}}, "due due due", "due due due", "alone exceeds"},
		"another currency": {outbox.Caps{Amounts: map[string]int64{"USD": 1}}, "done done done", "done done done", ""},
		"none":             {outbox.Caps{}, "done done done", "done done done", ""},
	} {
		t.Run(name, func(t *testing.T) {
			options := quiet
			options.Outbox = func(c *outbox.Config) { c.Caps = tt.caps }
			triggertest.Each(t, options, func(t *testing.T, h *triggertest.House) {
				s := open(t, h)
				states := func() string {
					var states []string
					for i := range 3 {
						states = append(states, s.state(t, fmt.Sprint("refund:", i)).State)
					}
					return strings.Join(states, " ")
				}
				for i := range 3 {
					s.refund(t, fmt.Sprint("refund:", i), int64(100+i))
					s.Pass(t, 2*time.Minute)
				}
				if got := states(); got != tt.first {
					t.Errorf("on the first day: %s, want %s", got, tt.first)
				}
				said := s.state(t, "refund:0").Error + s.state(t, "refund:2").Error // what waits holds back what comes after
				if !strings.Contains(said, tt.says) {
					t.Errorf("it says %q, want %q", said, tt.says)
				}
				s.Pass(t, 12*time.Hour+time.Minute) // past midnight
				if got := states(); got != tt.second {
					t.Errorf("on the second day: %s, want %s", got, tt.second)
				}
			})
		})
	}
}

// TestCapsCountWhatIsAskedForAgain: a refund that failed on one day and is asked for
// again on another is one of that day's.
func TestCapsCountWhatIsAskedForAgain(t *testing.T) {
	options := quiet
	options.Outbox = func(c *outbox.Config) { c.Caps = outbox.Caps{Refunds: 1} }
	triggertest.Each(t, options, func(t *testing.T, h *triggertest.House) {
		s := open(t, h)
		s.Net.Strike(onWrite(-1, answering(http.StatusBadRequest, `{"error":{"type":"invalid_request_error"}}`)))
		for i := range 2 {
			s.refund(t, fmt.Sprint("refund:", i), 100)
			s.Pass(t, day)
			if got := s.state(t, fmt.Sprint("refund:", i)); got.State != store.EffectFailed {
				t.Fatalf("refused: %+v", got)
			}
		}
		s.Net.Strike(nil)
		for i := range 3 {
			s.refund(t, fmt.Sprint("refund:", i), int64(100+i))
			s.Pass(t, 5*time.Minute)
		}
		if made := s.happened(sim.OpRefund); made != 1 {
			t.Errorf("%d refunds on a day that has room for 1", made)
		}
	})
}
