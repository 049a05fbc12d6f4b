package outbox_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/policy"
)

// logged is a post that can be asked what has left.
type logged struct{ *post }

func (l logged) Channel(name string) notify.Channel {
	if name == notify.Email {
		return l
	}
	return nil
}

func (l logged) Found(_ context.Context, id string) (string, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return "r", slices.ContainsFunc(l.sent, func(m notify.Message) bool { return m.ID == id }), nil
}

// TestAServiceThatCanBeAsked: as it is asked before each try, a mail is not given up
// after a few of which nobody knows how they ended; and it goes out once.
func TestAServiceThatCanBeAsked(t *testing.T) {
	nudged(t, policy.Observe, nudge{}, func(t *testing.T, s *shop, out *post) {
		s.Outbox.Messenger = logged{out}
		for range 7 {
			out.fail = append(out.fail, &notify.Error{Kind: notify.Unknown, Err: errors.New("the service did not answer")})
		}
		check(t, s.Apply.SetMode(t.Context(), "policy/nudge", policy.Enforce, apply.Cause{Trigger: apply.Request, Actor: "test"}))
		s.Pass(t, 24*time.Hour)
		per := map[string]int{}
		for _, m := range out.sent {
			per[m.ID]++
		}
		for id, n := range per {
			if n != 1 {
				t.Errorf("%s was sent %d times", id, n)
			}
		}
		unknown, err := s.DB.Effects(t.Context(), store.EffectFilter{State: store.EffectUnknown, Kind: policy.Say, Limit: 10})
		if check(t, err); len(unknown) != 0 || len(per) == 0 || len(out.fail) != 0 {
			t.Errorf("sent %v; of %d nobody knows", per, len(unknown))
		}
	})
}
