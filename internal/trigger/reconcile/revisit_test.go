package reconcile_test

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/trigger/reconcile"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
	"github.com/trivetdev/trivet/provider"
	world "github.com/trivetdev/trivet/sim/stripe"
)

func stamp(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// TestRevisit: the renewal is due and no webhook tells of it. We look soon after,
// and what has changed is followed.
func TestRevisit(t *testing.T) {
	triggertest.Each(t, triggertest.Options{Schedule: revisiting}, func(t *testing.T, h *triggertest.House) {
		h.Pass(t, time.Minute)
		sub := subscribe(t, h, "stripe", "user_1")
		end := rowOf(t, h, sub).RevisitAt
		if want := triggertest.Start.Add(time.Minute).AddDate(0, 1, 0); !end.Equal(want) {
			t.Fatalf("to be revisited at %s, want %s", end, want)
		}
		check(t, h.NewCard(rowOf(t, h, sub).Owner, world.CardDeclined))
		h.PassDeaf(t, end.Sub(h.Clock.Now())+3*time.Hour)
		row := rowOf(t, h, sub)
		if row.Status != "past_due" {
			t.Errorf("the subscription is %s", row.Status)
		}
		for _, d := range drift(t, h) {
			if d.FoundBy != "revisit" {
				t.Errorf("finding: %+v", d)
			}
		}
	})
}

// TestRevisitBacksOff: what was expected and does not come is asked for less and
// less often.
func TestRevisitBacksOff(t *testing.T) {
	h := triggertest.SQLite(t, triggertest.Options{Schedule: revisiting})
	h.Pass(t, time.Minute)
	sub := subscribe(t, h, "stripe", "user_1")
	// The provider shows for ever what it showed at first.
	frozen := map[string]string{}
	h.Net.Strike(freeze(frozen))
	ref, err := provider.ParseRef(rowOf(t, h, sub).Key)
	check(t, err)
	_, err = h.Apply.Refs(t.Context(), apply.Cause{Trigger: apply.Request}, ref)
	check(t, err)
	h.PassDeaf(t, 31*day)
	var looks []int
	h.Net.Calls()
	for range 6 {
		h.PassDeaf(t, day)
		n := 0
		for _, call := range h.Net.Calls() {
			if strings.HasSuffix(call, sub) {
				n++
			}
		}
		looks = append(looks, n)
	}
	if looks[0] > 40 || looks[5] > 3 || looks[5] == 0 && looks[4] == 0 {
		t.Errorf("looks a day: %v", looks)
	}
}

// TestRequestRecent: a look now at what may have changed lately.
func TestRequestRecent(t *testing.T) {
	slow := func(c *reconcile.Config) { c.Pull, c.Hot, c.Full = never, never, never }
	h := triggertest.SQLite(t, triggertest.Options{Schedule: slow})
	h.Pass(t, time.Minute)
	sub := subscribe(t, h, "stripe", "user_1")
	check(t, h.CancelNow(sub))
	h.PassDeaf(t, time.Hour)
	if !allowed(t, h, "user_1") {
		t.Fatal("found too soon")
	}
	accounts, err := h.Reconcile.RequestRecent(t.Context(), "")
	if diff := cmp.Diff([]string{"stripe"}, accounts); diff != "" || err != nil {
		t.Error(diff, err)
	}
	h.PassDeaf(t, time.Minute)
	if allowed(t, h, "user_1") {
		t.Error("not found")
	}
	if _, err := h.Reconcile.RequestRecent(t.Context(), "paypal"); err == nil {
		t.Error("an unknown account")
	}
}

// TestTurns: access that time alone changes is decided anew when it does, not at
// the next tick.
func TestTurns(t *testing.T) {
	triggertest.Each(t, triggertest.Options{Schedule: sweeping}, func(t *testing.T, h *triggertest.House) {
		h.Pass(t, time.Minute)
		checkout, err := h.Redirect.Begin(t.Context(), requestOf("user_1", "day", "stripe"))
		check(t, err)
		if paid, err := h.PayCheckout(checkout.Object, world.CardGood); err != nil || !paid {
			t.Fatal(paid, err)
		}
		end := h.Clock.Now().AddDate(0, 1, 0)
		h.Pass(t, end.Sub(h.Clock.Now())-time.Second)
		if stored, err := h.DB.AccessOf(t.Context(), "user_1"); err != nil || !strings.Contains(stored[1].Doc, `"allowed":true`) {
			t.Errorf("a second before: %+v %v", stored, err)
		}
		h.Pass(t, time.Second)
		stored, err := h.DB.AccessOf(t.Context(), "user_1")
		if err != nil || !strings.Contains(stored[1].Doc, `"allowed":false,"reason":"pass_over"`) {
			t.Errorf("at the end: %+v %v", stored, err)
		}
	})
}

// freeze is a strike: every address answers for ever what it answered first.
func freeze(first map[string]string) roundTrip {
	return func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
		if body, known := first[req.URL.String()]; known {
			return triggertest.Answer(req, http.StatusOK, body), nil
		}
		resp, err := pass()
		if err != nil || resp.StatusCode != http.StatusOK {
			return resp, err
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return nil, err
		}
		first[req.URL.String()] = string(body)
		return triggertest.Answer(req, http.StatusOK, string(body)), nil
	}
}

// TestTurnOfLessThanAMicrosecond: a time that the database cannot keep exactly
// does not make the task turn on the spot.
func TestTurnOfLessThanAMicrosecond(t *testing.T) {
	triggertest.Each(t, triggertest.Options{Schedule: sweeping}, func(t *testing.T, h *triggertest.House) {
		h.Pass(t, time.Minute)
		until := h.Clock.Now().Add(time.Hour + 789*time.Nanosecond)
		_, err := h.Apply.Grant(t.Context(), "user_1", billing.Grant{Feature: "export", Until: until, Reason: "test"}, apply.Cause{Trigger: apply.Request})
		check(t, err)
		h.Clock.Advance(time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if worked, err := h.Engine.Step(ctx); err != nil {
			t.Fatalf("still at it after %d rows: %v", worked, err)
		}
		h.PassDeaf(t, 2*time.Second)
		stored, err := h.DB.AccessOf(t.Context(), "user_1")
		if err != nil || len(stored) != 1 || !strings.Contains(stored[0].Doc, "grant_expired") {
			t.Errorf("%+v %v", stored, err)
		}
	})
}
