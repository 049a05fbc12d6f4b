package reconcile_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/reconcile"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
	"github.com/trivetdev/trivet/sim"
	world "github.com/trivetdev/trivet/sim/stripe"
)

// TestBackfill: the first sweep finds all there is, and none of it is drift.
func TestBackfill(t *testing.T) {
	triggertest.Each(t, triggertest.Options{Schedule: sweeping}, func(t *testing.T, h *triggertest.House) {
		h.Preload(230)
		h.Net.Calls()
		h.PassDeaf(t, time.Hour)
		calls, pages := len(h.Net.Calls()), fewest(h)
		if float64(calls) > 1.1*float64(pages) {
			t.Errorf("%d calls for %d pages", calls, pages)
		}
		inStep(t, h)
		if found := drift(t, h); len(found) != 0 {
			t.Errorf("a backfill is no drift: %v", brief(found))
		}
		now, last, err := h.Reconcile.Status(t.Context(), "stripe")
		if err != nil || now != nil || last == nil || !last.Backfill || last.Objects != len(h.Truth()) || last.Pages != pages {
			t.Errorf("status: %+v %+v %v", now, last, err)
		}
		h.PassDeaf(t, day)
		if again := len(h.Net.Calls()); float64(again) > 1.1*float64(fewest(h)) {
			t.Errorf("the second sweep: %d calls for %d pages", again, fewest(h))
		}
		if _, last, err := h.Reconcile.Status(t.Context(), "stripe"); err != nil || last.Backfill {
			t.Errorf("status: %+v %v", last, err)
		}
	})
}

// TestBackfillBesideEvents: what happened just before the service was first
// started is not drift either, whoever comes upon it first.
func TestBackfillBesideEvents(t *testing.T) {
	h := triggertest.SQLite(t, triggertest.Options{})
	h.Populate(30)
	h.Clock.Advance(5 * time.Minute)
	h.Deliver(t.Context(), triggertest.Lose)
	h.PassDeaf(t, time.Hour)
	inStep(t, h)
	if found := drift(t, h); len(found) != 0 {
		t.Errorf("%d findings: %v", len(found), brief(found))
	}
}

// TestSweepHeals: no webhook comes through for a day; the sweep finds what
// changed, says what, since when and with what impact.
func TestSweepHeals(t *testing.T) {
	triggertest.Each(t, triggertest.Options{Schedule: sweeping}, func(t *testing.T, h *triggertest.House) {
		h.Pass(t, time.Minute)
		lost, blocked := subscribe(t, h, "stripe", "user_1"), subscribe(t, h, "stripe", "user_2")
		check(t, h.Pause(blocked, "void", time.Time{}))
		h.Pass(t, time.Minute)
		h.Net.Calls()
		before := rowOf(t, h, lost).CheckedAt
		check(t, h.CancelNow(lost))
		check(t, h.Resume(blocked))
		check(t, h.SetEmail(rowOf(t, h, lost).Owner, "new@example.com"))
		if !allowed(t, h, "user_1") || allowed(t, h, "user_2") {
			t.Fatal("the ledger knows before it was told")
		}
		h.PassDeaf(t, day)
		if allowed(t, h, "user_1") || !allowed(t, h, "user_2") {
			t.Error("not healed")
		}
		want := []string{"stale customer by sweep", "stale subscription by sweep paid_but_blocked", "stale subscription by sweep unpaid_but_active"}
		found := drift(t, h)
		if diff := cmp.Diff(want, brief(found)); diff != "" {
			t.Errorf("findings:\n%s", diff)
		}
		for _, d := range found {
			if d.Object != lost {
				continue
			}
			if !d.Since.Equal(before) || d.State != "healed" || d.HealedBy != "sweep" || !d.HealedAt.Equal(d.FoundAt) || d.Customer != "user_1" {
				t.Errorf("finding: %+v", d)
			}
			var diff []billing.FieldDiff
			if err := json.Unmarshal([]byte(d.Diff), &diff); err != nil {
				t.Error(err)
			}
			if text := string(d.Diff); !strings.Contains(text, `{"field":"object.status","before":"active","after":"ended"}`) {
				t.Errorf("diff: %s", text)
			}
		}
		if calls, pages := len(h.Net.Calls()), fewest(h); calls > pages {
			t.Errorf("%d calls for %d pages", calls, pages)
		}
		h.PassDeaf(t, day)
		if again := drift(t, h); len(again) != len(found) {
			t.Errorf("found twice: %v", brief(again))
		}
	})
}

// TestSweepResumes: a sweep that is broken off goes on where it was, in another
// process, and still notices what is missing.
func TestSweepResumes(t *testing.T) {
	triggertest.Each(t, triggertest.Options{Schedule: sweeping}, func(t *testing.T, h *triggertest.House) {
		h.Preload(230)
		h.PassDeaf(t, time.Hour)
		gone := h.Objects(t, store.ObjectFilter{Kind: "customer"})[7]
		check(t, h.DeleteCustomer(gone.ID))
		h.Clock.Advance(day)
		h.Net.Strike(failing("/v1/subscriptions?", "starting_after"))
		h.Step(t)
		now, _, err := h.Reconcile.Status(t.Context(), "stripe")
		if err != nil || now == nil || now.Kind != billing.KindSubscription || now.After == "" {
			t.Fatalf("status: %+v %v", now, err)
		}
		h.Restart(t)
		var lists []string
		h.Net.Strike(func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
			if strings.Contains(req.URL.RawQuery, "limit=100") {
				lists = append(lists, req.URL.Path+" "+req.URL.Query().Get("starting_after"))
			}
			return pass()
		})
		h.PassDeaf(t, time.Hour)
		if len(lists) == 0 || lists[0] != "/v1/subscriptions "+now.After {
			t.Errorf("went on with %v, want /v1/subscriptions after %s", lists, now.After)
		}
		for _, list := range lists {
			if strings.HasPrefix(list, "/v1/customers") {
				t.Errorf("read again: %s", list)
			}
		}
		_, last, err := h.Reconcile.Status(t.Context(), "stripe")
		if err != nil || !last.StartedAt.Equal(now.StartedAt) || last.Pages != fewest(h) {
			t.Errorf("status: %+v %v", last, err)
		}
		if !rowOf(t, h, gone.ID).Gone {
			t.Error("the deleted customer was not noticed")
		}
		inStep(t, h)
	})
}

// failing is a strike: lists at an address, of which the query has a part, fail.
func failing(address, part string) roundTrip {
	return func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
		if strings.HasPrefix(req.URL.Path+"?", address) && strings.Contains(req.URL.RawQuery, part) {
			return triggertest.Answer(req, http.StatusBadGateway, "{}"), nil
		}
		return pass()
	}
}

// TestSweepAnchorIsGone: the object after which the list goes on is no longer
// known to the provider. The list is read again from its beginning.
func TestSweepAnchorIsGone(t *testing.T) {
	triggertest.Each(t, triggertest.Options{Schedule: sweeping}, func(t *testing.T, h *triggertest.House) {
		h.Preload(230)
		lost := ""
		h.Net.Strike(func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
			after := req.URL.Query().Get("starting_after")
			if req.URL.Path != "/v1/customers" {
				return pass()
			}
			if lost == "" && after != "" {
				lost = after
			} else if after == "" && lost != "" {
				lost = "found again"
			}
			if after != "" && after == lost {
				return triggertest.Answer(req, http.StatusBadRequest, `{"error":{"type":"invalid_request_error","code":"resource_missing","param":"starting_after","message":"No such customer"}}`), nil
			}
			return pass()
		})
		h.PassDeaf(t, time.Hour)
		if _, last, err := h.Reconcile.Status(t.Context(), "stripe"); err != nil || last == nil {
			t.Fatalf("the sweep never ended: %v", err)
		}
		inStep(t, h)
	})
}

// TestEmptyAndFailedLists remove nothing; only a look that says so does.
func TestEmptyAndFailedLists(t *testing.T) {
	list := func(req *http.Request) bool { return strings.Contains(req.URL.RawQuery, "limit=100") }
	for name, strike := range map[string]roundTrip{
		"empty": func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
			if !list(req) {
				return pass()
			}
			return triggertest.Answer(req, http.StatusOK, `{"object":"list","url":"`+req.URL.Path+`","has_more":false,"data":[]}`), nil
		},
		"not a list": func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
			if !list(req) {
				return pass()
			}
			return triggertest.Answer(req, http.StatusOK, `{}`), nil
		},
		"not found": func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
			if !list(req) {
				return pass()
			}
			return triggertest.Answer(req, http.StatusNotFound, `{"error":{"type":"invalid_request_error","message":"no"}}`), nil
		},
		"all is down": triggertest.Down,
		"key expired": func(req *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
			return triggertest.Answer(req, http.StatusUnauthorized, `{"error":{"type":"invalid_request_error","message":"no"}}`), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := triggertest.SQLite(t, triggertest.Options{Schedule: sweeping})
			h.Pass(t, time.Minute)
			subscribe(t, h, "stripe", "user_1")
			h.Preload(20)
			h.Pass(t, 25*time.Hour)
			before, findings := len(h.Objects(t, store.ObjectFilter{Present: true})), len(drift(t, h))
			h.Net.Strike(strike)
			h.PassDeaf(t, 3*day)
			if after := len(h.Objects(t, store.ObjectFilter{Present: true})); after != before {
				t.Errorf("%d objects, then %d", before, after)
			}
			if !allowed(t, h, "user_1") {
				t.Error("access is lost")
			}
			if found := drift(t, h); name != "empty" && len(found) != findings {
				t.Errorf("findings: %v", brief(found[findings:]))
			}
			h.Net.Strike(nil)
			h.PassDeaf(t, 2*day)
			if _, err := h.Reconcile.Request(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
			h.Step(t)
			inStep(t, h)
		})
	}
}

// TestBuried: what a complete list lacks is looked at, and only a look that finds
// it deleted makes a tombstone. The row stays.
func TestBuried(t *testing.T) {
	triggertest.Each(t, triggertest.Options{Schedule: sweeping}, func(t *testing.T, h *triggertest.House) {
		h.Pass(t, time.Minute)
		sub := subscribe(t, h, "stripe", "user_1")
		customer := rowOf(t, h, sub).Owner
		check(t, h.DeleteCustomer(customer))
		h.Net.Strike(failing("/v1/customers/"+customer, ""))
		h.PassDeaf(t, day)
		if rowOf(t, h, customer).Gone {
			t.Error("buried without a look")
		}
		h.Net.Strike(nil)
		h.PassDeaf(t, time.Hour)
		if row := rowOf(t, h, customer); !row.Gone || row.Customer != "user_1" || !strings.Contains(row.Doc, "user_1@example.com") {
			t.Errorf("not buried decently: %+v", row)
		}
		if diff := cmp.Diff([]string{"gone customer by sweep", "stale subscription by sweep unpaid_but_active"}, brief(drift(t, h))); diff != "" {
			t.Errorf("findings:\n%s", diff)
		}
	})
}

// TestBrokenObject: one object that cannot be read keeps nothing else from being
// read, and waits for a person with what is wrong with it.
func TestBrokenObject(t *testing.T) {
	triggertest.Each(t, triggertest.Options{Schedule: sweeping}, func(t *testing.T, h *triggertest.House) {
		h.Preload(40)
		var broken string
		for _, o := range h.Truth() {
			if o.Kind == sim.KindPayment {
				broken = o.ID
			}
		}
		h.Net.Strike(spoil(broken))
		h.PassDeaf(t, 36*time.Hour)
		if _, last, err := h.Reconcile.Status(t.Context(), "stripe"); err != nil || last == nil {
			t.Fatalf("the sweep never ended: %v", err)
		}
		if held := len(h.Objects(t, store.ObjectFilter{})); held != len(h.Truth())-1 {
			t.Errorf("%d of %d objects", held, len(h.Truth()))
		}
		dead, err := h.DB.Dead(t.Context(), 0, 10)
		if err != nil || len(dead) != 1 || dead[0].Key != "stripe/payment/"+broken || dead[0].Error == "" {
			t.Errorf("dead: %+v %v", dead, err)
		}
		h.Net.Strike(nil)
		h.PassDeaf(t, 2*day)
		inStep(t, h)
	})
}

// spoil is a strike: one payment is of a fraction of what cannot be divided.
func spoil(id string) roundTrip {
	return func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error) {
		resp, err := pass()
		if err != nil || !strings.HasPrefix(req.URL.Path, "/v1/payment_intents") {
			return resp, err
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return nil, err
		}
		if at := bytes.Index(body, []byte(`"id":"`+id+`"`)); at >= 0 {
			broken := bytes.Replace(body[at:], []byte(`"currency":"eur"`), []byte(`"currency":"isk"`), 1)
			broken = bytes.Replace(broken, []byte(`"amount":`), []byte(`"amount":1`), 1)
			broken = bytes.Replace(broken, []byte(`00,`), []byte(`01,`), 1)
			body = append(body[:at:at], broken...)
		}
		return triggertest.Answer(req, resp.StatusCode, string(body)), nil
	}
}

// TestRequest: a sweep on demand, of one account or all.
func TestRequest(t *testing.T) {
	h := triggertest.SQLite(t, triggertest.Options{Schedule: sweeping, Accounts: []string{"stripe", "stripe_eu"}})
	h.Pass(t, time.Minute)
	sub := subscribe(t, h, "stripe", "user_1")
	check(t, h.CancelNow(sub))
	h.PassDeaf(t, time.Minute)
	for account, want := range map[string][]string{"stripe_eu": {"stripe_eu"}, "": {"stripe", "stripe_eu"}} {
		got, err := h.Reconcile.Request(t.Context(), account)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %s %v", account, diff, err)
		}
	}
	h.PassDeaf(t, time.Minute)
	if allowed(t, h, "user_1") {
		t.Error("not swept")
	}
	if _, err := h.Reconcile.Request(t.Context(), "paypal"); err == nil || !strings.Contains(err.Error(), "paypal") {
		t.Errorf("an unknown account: %v", err)
	}
}

// TestOneAccountDown: the other goes on.
func TestOneAccountDown(t *testing.T) {
	triggertest.Each(t, triggertest.Options{Accounts: []string{"stripe", "stripe_eu"}}, func(t *testing.T, h *triggertest.House) {
		h.Pass(t, time.Minute)
		mine, other := subscribe(t, h, "stripe", "user_1"), subscribe(t, h, "stripe_eu", "user_2")
		h.Accounts["stripe"].Net.Strike(triggertest.Down)
		check(t, h.CancelNow(mine))
		check(t, h.Accounts["stripe_eu"].CancelNow(other))
		h.PassDeaf(t, 25*time.Hour)
		if !allowed(t, h, "user_1") || allowed(t, h, "user_2") {
			t.Error("the one is not as it was, or the other not healed")
		}
		h.Accounts["stripe"].Net.Strike(nil)
		h.PassDeaf(t, time.Hour)
		if allowed(t, h, "user_1") {
			t.Error("not healed after the outage")
		}
	})
}

// TestCustomer reads one customer at every account.
func TestCustomer(t *testing.T) {
	triggertest.Each(t, triggertest.Options{Schedule: sweeping, Accounts: []string{"stripe", "stripe_eu"}}, func(t *testing.T, h *triggertest.House) {
		h.Pass(t, time.Minute)
		sub := subscribe(t, h, "stripe", "user 1")
		day, err := h.Redirect.Begin(t.Context(), requestOf("user 1", "day", "stripe_eu"))
		check(t, err)
		if paid, err := h.Accounts["stripe_eu"].PayCheckout(day.Object, world.CardGood); err != nil || !paid {
			t.Fatal(paid, err)
		}
		h.Pass(t, time.Minute)
		subscribe(t, h, "stripe", "user_2")
		compared, changed, err := h.Reconcile.Customer(t.Context(), "user 1", "")
		if err != nil || changed != 0 || compared < 8 {
			t.Errorf("in step: %d of %d, %v", changed, compared, err)
		}
		check(t, h.CancelNow(sub))
		h.Accounts["stripe_eu"].Net.Strike(triggertest.Down)
		compared, changed, err = h.Reconcile.Customer(t.Context(), "user 1", "")
		if err == nil || changed != 1 || compared < 4 {
			t.Errorf("one account down: %d of %d, %v", changed, compared, err)
		}
		if compared, _, err := h.Reconcile.Customer(t.Context(), "user 1", "stripe"); err != nil || compared < 4 {
			t.Errorf("the other alone: %d %v", compared, err)
		}
		if compared, _, err := h.Reconcile.Customer(t.Context(), "nobody", ""); err != nil || compared != 0 {
			t.Errorf("nobody: %d %v", compared, err)
		}
		changes, err := h.DB.Changes(t.Context(), store.ChangeFilter{Customer: "user 1", Subject: "subscription", Limit: 1})
		if err != nil || len(changes) != 1 || changes[0].Trigger != "sweep" || changes[0].Actor != "" {
			t.Errorf("%+v %v", changes, err)
		}
	})
}

// TestCustomerNamedBackfill: a name is only a name.
func TestCustomerNamedBackfill(t *testing.T) {
	h := triggertest.SQLite(t, triggertest.Options{Schedule: sweeping})
	h.Pass(t, time.Minute)
	sub := subscribe(t, h, "stripe", "backfill")
	_, err := h.CreateSubscription(world.NewSubscription{Customer: rowOf(t, h, sub).Owner, Price: h.Big})
	check(t, err)
	h.Deliver(t.Context(), triggertest.Lose)
	if _, changed, err := h.Reconcile.Customer(t.Context(), "backfill", ""); err != nil || changed == 0 {
		t.Fatal(changed, err)
	}
	if found := brief(drift(t, h)); len(found) == 0 || !strings.HasPrefix(found[0], "missing") {
		t.Errorf("findings: %v", found)
	}
}

// TestAccountsComeAndGo: an account that was left out of the configuration for a
// while is reconciled again when it is back.
func TestAccountsComeAndGo(t *testing.T) {
	h := triggertest.SQLite(t, triggertest.Options{Accounts: []string{"stripe", "stripe_eu"}})
	h.Pass(t, time.Minute)
	sub := subscribe(t, h, "stripe_eu", "user_1")
	away := h.Accounts["stripe_eu"]
	delete(h.Accounts, "stripe_eu")
	h.Restart(t)
	h.Pass(t, 2*day)
	check(t, away.CancelNow(sub))
	h.Accounts["stripe_eu"] = away
	away.Deliver(context.WithoutCancel(t.Context()), triggertest.Lose)
	h.Restart(t)
	h.PassDeaf(t, time.Hour)
	if allowed(t, h, "user_1") {
		t.Error("nobody looks at the account that came back")
	}
}

// TestNoPullLater: an account whose events are no longer to be listed.
func TestNoPullLater(t *testing.T) {
	h := triggertest.SQLite(t, triggertest.Options{Schedule: pulling})
	h.PassDeaf(t, time.Hour)
	lists := func() (n int) {
		for _, call := range h.Net.Calls() {
			if call == "GET /v1/events" {
				n++
			}
		}
		return n
	}
	if lists() == 0 {
		t.Fatal("events are not listed")
	}
	h.Options.Schedule = func(c *reconcile.Config) { pulling(c); c.NoPull = []string{"stripe"} }
	h.Restart(t)
	h.PassDeaf(t, time.Hour)
	if n := lists(); n != 0 {
		t.Errorf("listed %d times", n)
	}
	h.Options.Schedule = pulling
	h.Restart(t)
	h.PassDeaf(t, time.Hour)
	if lists() == 0 {
		t.Error("not listed again when that was allowed again")
	}
}
