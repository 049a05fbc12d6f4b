package hook_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/hook"
	"github.com/trivetdev/trivet/internal/store"
)

func (h *told) alerts(t *testing.T, open bool) (titles []string) {
	t.Helper()
	all, err := h.DB.Alerts(t.Context(), store.AlertFilter{Kind: "hook", Open: open, Closed: !open, Limit: 10})
	check(t, err)
	for _, a := range all {
		titles = append(titles, a.Title)
	}
	return titles
}

func (h *told) standing(t *testing.T) hook.Standing {
	t.Helper()
	all, err := h.Hooks.Standings(t.Context())
	check(t, err)
	return all[0]
}

// TestGivenUpAndReplayed: after three days a person is asked, and what was missed is
// sent as it is by then. The alert is told to the endpoint that takes alerts.
func TestGivenUpAndReplayed(t *testing.T) {
	each(t, func(t *testing.T, h *told) {
		h.app.answers(func(int, got) *http.Response { return nil })
		h.grant(t, "user_1", "a")
		h.grant(t, "user_2", "a")
		h.Pass(t, 4*day)
		if _, tries := h.app.taken(); tries != 20 {
			t.Errorf("tried %d times, want 10 for each", tries)
		}
		if d := h.delivery(t, "app", "user_1"); d.State != store.DeliveryDead || d.Attempts != 10 || strings.Contains(d.Error, "hush") {
			t.Errorf("%+v", d)
		}
		want := []string{"Your endpoint app does not take what it is told"}
		if got := h.alerts(t, true); !slices.Equal(got, want) || h.standing(t).Dead != 2 {
			t.Errorf("alerts %q, %+v", got, h.standing(t))
		}
		took, _ := h.ops.taken()
		if len(took) != 1 || took[0].kind != hook.AlertRaised || !strings.Contains(string(took[0].data), want[0]) {
			t.Errorf("alerts told: %+v", took)
		}
		h.app.answers(nil)
		h.grant(t, "user_1", "b") // a change is reason enough to try again
		h.Step(t)
		h.expect(t, "after a change", h.app, 1, "user_1 a:granted b:granted")
		if got := h.alerts(t, true); !slices.Equal(got, want) {
			t.Errorf("user_2 is still not told: %q", got)
		}
		n, err := h.Hooks.Replay(t.Context(), "app")
		check(t, err)
		h.Step(t)
		h.expect(t, "replayed", h.app, 1, "user_2 a:granted")
		if got := h.alerts(t, true); n != 1 || len(got) != 0 || h.standing(t).Dead != 0 {
			t.Errorf("%d replayed, alerts %q, %+v", n, got, h.standing(t))
		}
	})
}

// TestGone: 410 disables an endpoint, whose team is told; enabling it sends what it
// missed.
func TestGone(t *testing.T) {
	each(t, func(t *testing.T, h *told) {
		h.app.answers(func(int, got) *http.Response { return status(http.StatusGone) })
		h.grant(t, "user_1", "a")
		h.Step(t)
		h.grant(t, "user_1", "b")
		h.grant(t, "user_2", "a")
		h.Pass(t, 4*day)
		h.expect(t, "gone", h.app, 1)
		s := h.standing(t)
		if s.Disabled.IsZero() || s.Dead != 2 || s.Waiting != 0 || s.URL != "https://app.test/hooks" {
			t.Errorf("%+v", s)
		}
		if got := h.alerts(t, true); !slices.Equal(got, []string{"Your endpoint app is disabled"}) {
			t.Errorf("alerts %q", got)
		}
		h.app.answers(nil)
		h.Restart(t)
		n, err := h.Hooks.Enable(t.Context(), "app")
		check(t, err)
		h.Step(t)
		h.expect(t, "enabled", h.app, 2, "user_1 a:granted b:granted", "user_2 a:granted")
		if got := h.alerts(t, true); n != 2 || len(got) != 0 || !h.standing(t).Disabled.IsZero() {
			t.Errorf("%d sent, alerts %q", n, got)
		}
	})
}

// TestGoneIsOfOneAddress: with another URL the endpoint is told again.
func TestGoneIsOfOneAddress(t *testing.T) {
	each(t, func(t *testing.T, h *told) {
		h.app.answers(func(int, got) *http.Response { return status(http.StatusGone) })
		h.grant(t, "user_1", "a")
		h.Step(t)
		h.app.answers(nil)
		h.app.taken()
		h.Options.Endpoints = slices.Clone(h.Options.Endpoints)
		h.Options.Endpoints[0].URL = "https://app.test/v2/hooks"
		h.Restart(t)
		h.grant(t, "user_1", "b")
		h.Step(t)
		h.expect(t, "moved", h.app, 1, "user_1 a:granted b:granted")
	})
}

// TestRetryAfter is honored, in seconds and as a date, up to a day.
func TestRetryAfter(t *testing.T) {
	each(t, func(t *testing.T, h *told) {
		start := h.Clock.Now()
		asks := []string{"3600", start.Add(5 * time.Hour).Format(http.TimeFormat), "99999999", "soon"}
		var at []time.Duration
		h.app.answers(func(n int, _ got) *http.Response {
			at = append(at, h.Clock.Now().Sub(start))
			if n > len(asks) {
				return status(http.StatusOK)
			}
			return status(http.StatusTooManyRequests, "Retry-After", asks[n-1])
		})
		h.grant(t, "user_1", "a")
		h.Pass(t, 3*day)
		want := []time.Duration{0, time.Hour, 5 * time.Hour, 29 * time.Hour, 31 * time.Hour}
		if !slices.Equal(at, want) {
			t.Errorf("tried at %v, want %v", at, want)
		}
	})
}

// TestAnswers: only 2xx is a delivery, and no error tells what is secret.
func TestAnswers(t *testing.T) {
	each(t, func(t *testing.T, h *told) {
		for code, says := range map[int]string{
			200: "", 202: "", 204: "", 301: "redirects are not followed", 307: "redirects are not followed",
			400: "400 Bad Request", 401: "401", 404: "404", 429: "429", 500: "500", 503: "503",
		} {
			h.app.answers(func(int, got) *http.Response { return status(code, "Location", "https://elsewhere.test/") })
			outcome, err := h.Hooks.Test(t.Context(), "app")
			check(t, err)
			if outcome.Status != code || !strings.Contains(outcome.Failure, says) || (says == "") != (outcome.Failure == "") {
				t.Errorf("%d: %+v", code, outcome)
			}
			for _, secret := range []string{"hush", "whsec", "do not keep"} {
				if strings.Contains(outcome.Failure, secret) {
					t.Errorf("%d tells %q: %s", code, secret, outcome.Failure)
				}
			}
		}
		h.app.answers(func(int, got) *http.Response { return nil })
		outcome, err := h.Hooks.Test(t.Context(), "app")
		if err != nil || outcome.Status != 0 || !strings.Contains(outcome.Failure, "unexpected EOF") || strings.Contains(outcome.Failure, "hush") {
			t.Errorf("without an answer: %+v, %v", outcome, err)
		}
		if _, err := h.Hooks.Test(t.Context(), "nobody"); !errors.Is(err, hook.ErrUnknown) {
			t.Errorf("nobody: %v", err)
		}
	})
}

// TestReplayOfWhatIsThere: a customer's state, or everybody's, is sent although the
// endpoint has it.
func TestReplayOfWhatIsThere(t *testing.T) {
	each(t, func(t *testing.T, h *told) {
		h.grant(t, "user_1", "a")
		h.grant(t, "user_2", "a")
		h.Step(t)
		first := h.expect(t, "first", h.app, 2, "user_1 a:granted", "user_2 a:granted")
		check(t, h.Hooks.ReplayCustomer(t.Context(), "app", "user_2"))
		h.Step(t)
		if again := h.expect(t, "one", h.app, 1, "user_2 a:granted"); again[0].id != first[1].id {
			t.Errorf("ids %s and %s", first[1].id, again[0].id)
		}
		n, err := h.Hooks.ReplayAll(t.Context(), "app")
		check(t, err)
		h.Step(t)
		if h.expect(t, "all", h.app, 2, "user_1 a:granted", "user_2 a:granted"); n != 2 {
			t.Errorf("%d are replayed", n)
		}
		if n, err := h.Hooks.Replay(t.Context(), "app"); n != 0 || err != nil {
			t.Errorf("nothing was given up: %d, %v", n, err)
		}
		if err := h.Hooks.ReplayCustomer(t.Context(), "app", "nobody"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("nobody: %v", err)
		}
	})
}

// TestAnotherEndpointIsNotHeldUp by one that does not answer; an alert is told once.
func TestAnotherEndpointIsNotHeldUp(t *testing.T) {
	each(t, func(t *testing.T, h *told) {
		h.app.answers(func(int, got) *http.Response { return nil })
		h.grant(t, "user_1", "a")
		check(t, h.DB.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			return tx.RaiseAlert(ctx, store.Alert{Cause: "c", Kind: "k", Title: "Look", Customer: "user_1"})
		}))
		check(t, h.Reconcile.Schedule(t.Context()))
		h.Step(t)
		took, _ := h.ops.taken()
		if len(took) != 1 || !strings.Contains(string(took[0].data), `"title":"Look"`) {
			t.Errorf("%+v", took)
		}
		h.Pass(t, 2*time.Hour) // the task runs again
		if took, tries := h.ops.taken(); tries != 0 {
			t.Errorf("told again: %+v", took)
		}
	})
}
