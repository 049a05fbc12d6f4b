package reconcile_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/reconcile"
	"github.com/trivetdev/trivet/internal/trigger/redirect"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
)

func requestOf(customer, plan, account string) redirect.Request {
	return redirect.Request{
		Customer: customer, Plan: plan, Account: account, Email: strings.ReplaceAll(customer, " ", "_") + "@example.com",
		SuccessURL: "https://app.test/yes", CancelURL: "https://app.test/no",
	}
}

// TestPull: an event that was not delivered is found when it is old enough to be
// missed, and not before.
func TestPull(t *testing.T) {
	triggertest.Each(t, triggertest.Options{Schedule: pulling}, func(t *testing.T, h *triggertest.House) {
		h.Pass(t, time.Minute)
		sub := subscribe(t, h, "stripe", "user_1")
		h.Pass(t, time.Hour)
		if found := drift(t, h); len(found) != 0 {
			t.Errorf("all was delivered: %v", brief(found))
		}
		if events := pulled(t, h); len(events) != 0 {
			t.Errorf("all was delivered, and yet pulled: %v", events)
		}
		check(t, h.CancelNow(sub))
		at := h.Clock.Now()
		h.PassDeaf(t, 2*time.Minute-time.Second)
		if !allowed(t, h, "user_1") {
			t.Error("taken for missed at once")
		}
		h.PassDeaf(t, 3*time.Minute)
		if allowed(t, h, "user_1") {
			t.Error("not found")
		}
		if diff := cmp.Diff([]string{"stale subscription by pull unpaid_but_active"}, brief(drift(t, h))); diff != "" {
			t.Errorf("findings:\n%s", diff)
		}
		events := pulled(t, h)
		if len(events) == 0 || events[0].State != store.EventDone || len(events[0].Body) == 0 || events[0].CreatedAt.Before(at) {
			t.Errorf("pulled: %+v", events)
		}
		h.PassDeaf(t, time.Hour) // the overlap lists them again and again
		if again := pulled(t, h); len(again) != len(events) {
			t.Errorf("%d events pulled, then %d", len(events), len(again))
		}
	})
}

func pulled(t *testing.T, h *triggertest.House) (events []store.Event) {
	t.Helper()
	all, err := h.DB.Events(t.Context(), store.EventFilter{Limit: 10000})
	check(t, err)
	for _, e := range all {
		if e.Arrival == store.ArrivalPull {
			events = append(events, e)
		}
	}
	return events
}

// TestPullAfterAnAbsence: nothing runs for days; all events of that time are
// read, many pages of them, though the process dies in the middle.
func TestPullAfterAnAbsence(t *testing.T) {
	triggertest.Each(t, triggertest.Options{Schedule: pulling}, func(t *testing.T, h *triggertest.House) {
		h.Pass(t, time.Hour)
		h.Populate(40)
		for range 3 {
			h.Clock.Advance(day)
			h.Populate(8)
		}
		h.Deliver(t.Context(), triggertest.Lose)
		broken := false
		h.Net.Strike(func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
			if req.URL.Path != "/v1/events" {
				return pass()
			}
			if n, err := h.DB.CountEvents(req.Context(), store.EventFilter{}); err != nil || n > 40 {
				broken = true
				return triggertest.Down(req, pass)
			}
			return pass()
		})
		h.Step(t)
		if !broken {
			t.Fatalf("%d events: the test wants it broken off in the middle", len(pulled(t, h)))
		}
		h.Restart(t)
		resumed := ""
		h.Net.Strike(func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
			if resumed == "" && req.URL.Path == "/v1/events" {
				resumed = req.URL.Query().Get("created[gte]")
			}
			return pass()
		})
		h.PassDeaf(t, time.Hour)
		if begun := h.Clock.Now().Add(-3*day - 2*time.Hour); resumed == "" || resumed <= stamp(begun) {
			t.Errorf("went on from %s, which is the beginning", resumed)
		}
		inStep(t, h)
	})
}

// TestPullOnly: an account without webhooks is in step within seconds, and what
// is found that way is not drift.
func TestPullOnly(t *testing.T) {
	only := func(c *reconcile.Config) { pulling(c); c.PullOnly = []string{"stripe"} }
	triggertest.Each(t, triggertest.Options{Schedule: only, Secrets: []string{}}, func(t *testing.T, h *triggertest.House) {
		h.PassDeaf(t, time.Minute)
		h.Populate(10)
		h.PassDeaf(t, 15*time.Second)
		inStep(t, h)
		if found := drift(t, h); len(found) != 0 {
			t.Errorf("findings: %v", brief(found))
		}
		changes, err := h.DB.Changes(t.Context(), store.ChangeFilter{Subject: "subscription", Limit: 1})
		if err != nil || len(changes) != 1 || changes[0].Trigger == "pull" {
			t.Errorf("%+v %v", changes, err)
		}
	})
}

// TestPullDuringOutage: the first list ever fails for an hour; what happened
// meanwhile is not forgotten.
func TestPullDuringOutage(t *testing.T) {
	h := triggertest.SQLite(t, triggertest.Options{Schedule: pulling})
	h.Net.Strike(func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
		if req.URL.Path == "/v1/events" {
			return triggertest.Down(req, pass)
		}
		return pass()
	})
	h.PassDeaf(t, time.Minute) // the backfill is through
	h.Populate(5)
	h.PassDeaf(t, 2*time.Hour)
	h.Net.Strike(nil)
	h.PassDeaf(t, time.Hour)
	inStep(t, h)
}
