package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/provider"
)

// lose throws away the webhooks that are due.
func (w *world) lose() {
	w.stripe.Deliver(context.Background(), func(r *http.Request) (int, error) {
		_, err := io.Copy(io.Discard, r.Body)
		return http.StatusOK, err
	})
}

// TestALostWebhookIsFoundOnRequest: what no webhook told is found by asking for
// the customer, recorded as drift, and seen by a check.
func TestALostWebhookIsFoundOnRequest(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		w.subscribe("user_1")
		if err := w.stripe.CancelNow(w.names["sub_id"]); err != nil {
			t.Fatal(err)
		}
		w.clock.Set(w.clock.Now().Add(time.Minute))
		w.lose()
		if r := w.must("GET /v1/check?customer=user_1&feature=pro", ""); r.field("allowed") != true {
			t.Fatalf("somebody told: %s", r.body)
		}
		r := w.must("POST /v1/reconcile", `{"customer":"user_1"}`)
		if r.status != 200 || r.field("changed") != 1.0 || r.field("accounts.0") != "stripe" {
			t.Errorf("%d %s", r.status, r.body)
		}
		if r := w.must("GET /v1/check?customer=user_1&feature=pro", ""); r.field("allowed") != false {
			t.Errorf("%s", r.body)
		}
		drift := w.must("GET /v1/drift?state=healed&impact=unpaid_but_active&provider=stripe&kind=stale", "")
		if drift.field("data.0.object") != w.names["sub"] || drift.field("data.0.diff.0.field") == nil || drift.field("data.0.customer") != "user_1" {
			t.Errorf("%s", drift.body)
		}
		w.audited()
	})
}

// TestEverythingIsComparedOnRequest: the sweep is asked for, goes on in the
// background, and can be watched.
func TestEverythingIsComparedOnRequest(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.subscribe("user_1")
	if err := w.stripe.CancelNow(w.names["sub_id"]); err != nil {
		t.Fatal(err)
	}
	w.clock.Set(w.clock.Now().Add(time.Minute))
	w.lose()
	asked := w.must("POST /v1/reconcile", `{"full":true}`)
	if asked.status != 202 || asked.field("accounts.0") != "stripe" {
		t.Errorf("%d %s", asked.status, asked.body)
	}
	w.pass(time.Second)
	status := w.must("GET /v1/reconcile", "")
	if status.field("data.0.running") != false || status.field("data.0.last.changed") == 0.0 {
		t.Errorf("%s", status.body)
	}
	if r := w.must("GET /v1/stats", ""); r.field("drift.healed") == nil || r.field("objects.stripe.subscription") != 1.0 {
		t.Errorf("%s", r.body)
	}
	for body, want := range map[string]int{`{"provider":"paypal"}`: 422, `{"customer":"nobody"}`: 404, `{"fool":true}`: 422, `{"full":false}`: 202, "": 202} {
		if r := w.do("POST /v1/reconcile", body); r.status != want {
			t.Errorf("%s: %d %s", body, r.status, r.body)
		}
	}
}

// TestAnUnmappedPriceSaysWhatToDo: looking cannot heal it; the answer says what
// can.
func TestAnUnmappedPriceSaysWhatToDo(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.subscribe("user_1")
	if err := w.stripe.Change(w.names["sub_id"], w.names["other_price"], 1); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Hour)
	open := w.must("GET /v1/drift?state=open", "")
	w.name("drift", open.field("data.0.id"))
	if open.field("data.0.diff.0.field") != "price" || open.field("data.0.diff.0.after") != w.names["other_price"] {
		t.Errorf("the price is not named: %s", open.body)
	}
	r := w.must("POST /v1/drift/{drift}/heal", "")
	if next, _ := r.field("next_step").(string); !strings.Contains(next, "[[plan]]") || r.field("drift.state") != "open" {
		t.Errorf("%s", r.body)
	}
	if r := w.do("POST /v1/drift/dr_0/heal", ""); r.status != 404 {
		t.Errorf("%d %s", r.status, r.body)
	}
}

// TestEvents: events are listed, shown as they came, counted before a replay, and
// replayed.
func TestEvents(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		w.subscribe("user_1")
		list := w.must("GET /v1/events?type=customer.subscription.created&provider=stripe&state=done", "")
		w.name("event", list.field("data.0.id"))
		w.name("event_id", list.field("data.0.event_id"))
		if list.field("data.1") != nil || list.field("data.0.refs.0") != "stripe/subscription/"+w.names["sub_id"] {
			t.Errorf("%s", list.body)
		}
		shown := w.must("GET /v1/events/{event_id}", "")
		if shown.field("id") != w.names["event"] || shown.field("body.id") != w.names["event_id"] || shown.field("headers.stripe-signature") == nil || shown.field("body_base64") != nil {
			t.Errorf("%s", shown.body)
		}
		before := w.must("GET /v1/events?limit=200&state=received", "")
		if before.field("data.0") != nil {
			t.Fatalf("something waits: %s", before.body)
		}

		dry := w.must("POST /v1/events/replay", `{"ref":"stripe/subscription/{sub_id}","dry_run":true}`)
		if dry.field("events") == 0.0 || dry.field("dry_run") != true || dry.field("refs.0") == nil {
			t.Errorf("%s", dry.body)
		}
		if r := w.must("GET /v1/events?state=received", ""); r.field("data.0") != nil {
			t.Errorf("a dry run replayed: %s", r.body)
		}
		calls := w.calls()
		wet := w.must("POST /v1/events/replay", `{"ref":"stripe/subscription/{sub_id}"}`)
		if wet.field("events") != dry.field("events") || wet.status != 202 {
			t.Errorf("%d %s", wet.status, wet.body)
		}
		one := w.must("POST /v1/events/{event}/replay", "")
		if one.field("events") != 1.0 || one.field("objects") == 0.0 {
			t.Errorf("%s", one.body)
		}
		if r := w.must("GET /v1/events?state=received", ""); r.field("data.0") == nil {
			t.Error("nothing was replayed")
		}
		_, change := w.changes(0)
		w.pass(time.Minute)
		if w.calls() == calls {
			t.Error("nothing was looked at")
		}
		if changes, _ := w.changes(change); len(changes) > 0 {
			t.Errorf("a replay of what is known changed %v", changes)
		}
		if r := w.must("GET /v1/events?state=received", ""); r.field("data.0") != nil {
			t.Errorf("something still waits: %s", r.body)
		}
		for body, want := range map[string]int{`{}`: 422, `{"dry_run":true}`: 422, `{"provider":"paypal"}`: 422, `{"ref":"sub_1"}`: 422, `{"state":"lost"}`: 422, `{"all":true,"dry_run":true}`: 202} {
			if r := w.do("POST /v1/events/replay", body); r.status != want {
				t.Errorf("%s: %d %s", body, r.status, r.body)
			}
		}
		if r := w.do("POST /v1/events/evt_none/replay", ""); r.status != 404 {
			t.Errorf("%d %s", r.status, r.body)
		}
	})
}

// calls counts the calls to the provider.
func (w *world) calls() (n int) {
	for _, count := range w.stripe.Stats().Calls {
		n += count
	}
	return n
}

// TestRejections: what is not authentic leaves no row, and can be seen.
func TestRejections(t *testing.T) {
	w := newWorld(t, sqlite(t))
	for path, body := range map[string]string{"/webhooks/stripe": `{"id":"evt_1"}`, "/webhooks/nobody": "x"} {
		recorder := httptest.NewRecorder()
		w.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
		if recorder.Code != 401 {
			t.Errorf("%s: %d", path, recorder.Code)
		}
	}
	r := w.must("GET /v1/rejections", "")
	if r.field("data.1") == nil || !strings.Contains(r.body, `"unsigned"`) || !strings.Contains(r.body, `"unknown_account"`) || strings.Contains(r.body, "evt_1") {
		t.Errorf("%s", r.body)
	}
	if r := w.must("GET /v1/events", ""); r.field("data.0") != nil {
		t.Errorf("a row was written: %s", r.body)
	}
}

// TestProviderFailures: the answer says whether the request may be sent again,
// and nothing of what the provider or the network said.
func TestProviderFailures(t *testing.T) {
	const ask, body = "POST /v1/checkouts", `{"customer":"user_2","plan":"pro","success_url":"https://app.test/in","cancel_url":"https://app.test/out"}`
	tests := map[string]struct {
		broken func(*world)
		safe   bool
		want   string
	}{
		"unreachable": {func(w *world) { w.broken = unreachable }, true, "cannot be reached"},
		"no answer":   {func(w *world) { w.broken = unanswered }, false, "not known whether"},
		"wrong key":   {func(w *world) { w.stripe.RollKey("sk_test_another") }, true, "refuses the configured key"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, sqlite(t))
			tt.broken(w)
			r := w.do(ask, body)
			if r.status != 502 || r.field("safe_to_repeat") != tt.safe || !strings.Contains(r.body, tt.want) || r.field("code") != "provider" {
				t.Errorf("%d %s", r.status, r.body)
			}
			for _, secret := range []string{"sk_test", "dial", "route to host", "EOF"} {
				if strings.Contains(r.body, secret) {
					t.Errorf("the answer has %q: %s", secret, r.body)
				}
			}
		})
	}
}

// TestACheckoutWhoseAnswerWasLost: the key of a request that failed is free, so the
// request may be repeated; the page of the first, which nobody pays, is harmless.
func TestACheckoutWhoseAnswerWasLost(t *testing.T) {
	const body = `{"customer":"user_2","plan":"pro","success_url":"https://app.test/in","cancel_url":"https://app.test/out"}`
	w := newWorld(t, sqlite(t))
	w.broken = unanswered
	if r := w.do("POST /v1/checkouts", body, "Idempotency-Key: k"); r.status != 502 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	w.broken = nil
	first := w.must("POST /v1/checkouts", body, "Idempotency-Key: k")
	again := w.must("POST /v1/checkouts", body, "Idempotency-Key: k")
	if first.status != 201 || first.body != again.body {
		t.Errorf("%s\n%s", first.body, again.body)
	}
}

// TestTwoAccounts: an id that two accounts have must say which is meant.
func TestTwoAccounts(t *testing.T) {
	w := newWorld(t, sqlite(t), func(c *trivet.Config) { c.Providers = append(c.Providers, twin{c.Providers[0]}) })
	w.pass(time.Second)
	w.subscribe("user_1")
	w.must("POST /v1/reconcile", "")
	w.pass(time.Minute)
	if r := w.do("GET /v1/subscriptions/{sub_id}", ""); r.status != 422 || !strings.Contains(r.body, "@stripe_eu") {
		t.Errorf("%d %s", r.status, r.body)
	}
	for _, account := range []string{"stripe", "stripe_eu"} {
		if r := w.must("GET /v1/subscriptions/{sub_id}@"+account, ""); r.field("provider") != account {
			t.Errorf("%s", r.body)
		}
	}
	if r := w.do("GET /v1/subscriptions/{sub_id}@stripe_us", ""); r.status != 404 {
		t.Errorf("%d %s", r.status, r.body)
	}
}

// twin is the same provider account under another name.
type twin struct{ provider.Driver }

func (twin) Account() string { return "stripe_eu" }

func (d twin) Fetch(ctx context.Context, ref provider.Ref) (provider.Snapshot, error) {
	ref.Account = d.Driver.Account()
	s, err := d.Driver.Fetch(ctx, ref)
	return d.renamed(s), err
}

func (d twin) List(ctx context.Context, query provider.Query) (provider.Page, error) {
	page, err := d.Driver.List(ctx, query)
	for i, s := range page.Snapshots {
		page.Snapshots[i] = d.renamed(s)
	}
	return page, err
}

func (d twin) renamed(s provider.Snapshot) provider.Snapshot {
	s.Ref.Account = d.Account()
	for i := range s.Related {
		s.Related[i].Account = d.Account()
	}
	return s
}

// TestACheckAgreesWithTheFacts: the quick answer of a check, from what was decided
// when something last changed, is at every moment that of deciding anew, also
// when time has turned it and nobody has worked since.
func TestACheckAgreesWithTheFacts(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		w.subscribe("canceling")
		w.must("POST /v1/subscriptions/{sub}/cancel", "")
		w.subscribe("active")
		w.must("POST /v1/customers/granted/grants", `{"plan":"pro","until":"2026-03-20T00:00:00Z"}`)
		w.must("POST /v1/customers/granted/grants", `{"feature":"beta"}`)
		w.must("PUT /v1/customers/nothing", `{}`)
		w.pass(time.Hour)
		turned := map[string]bool{}
		for _, days := range []int{0, 10, 25, 32, 60} {
			w.clock.Set(w.clock.Now().AddDate(0, 0, days))
			for _, customer := range []string{"canceling", "active", "granted", "nothing"} {
				all := w.must("GET /v1/customers/"+customer+"/entitlements", "")
				for i := 0; all.field(fmt.Sprintf("data.%d", i)) != nil; i++ {
					feature, _ := all.field(fmt.Sprintf("data.%d.feature", i)).(string)
					var check any
					r := w.must("GET /v1/check?customer="+customer+"&feature="+feature, "")
					if err := json.Unmarshal([]byte(r.body), &check); err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(all.field(fmt.Sprintf("data.%d", i)), check); diff != "" {
						t.Errorf("%s %s at %s (-facts +check):\n%s", customer, feature, w.clock.Now(), diff)
					}
					turned[customer+" "+fmt.Sprint(r.field("allowed"))] = true
				}
			}
		}
		for _, both := range []string{"canceling true", "canceling false", "granted true", "granted false"} {
			if !turned[both] {
				t.Errorf("the story never came to %s", both)
			}
		}
	})
}
