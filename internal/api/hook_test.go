package api_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/internal/pgtest"
)

// endpoint is one of the application's, which answers all with one status.
type endpoint struct {
	status atomic.Int64
	asked  atomic.Int64
}

// behind puts it behind the service, as "app".
func (e *endpoint) behind(c *trivet.Config) {
	c.Endpoints = []trivet.Endpoint{{
		Name: "app", URL: "https://app.test/hooks?token=hush", Events: []string{"customer.state_changed"}, Transport: e,
		Secrets: []string{"whsec_5Zk0n1dWc9Qb2xTq7LrV3uYpHs8JfGmA4eNoXwCiKtE="},
	}}
}

// RoundTrip implements http.RoundTripper.
func (e *endpoint) RoundTrip(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	e.asked.Add(1)
	w := httptest.NewRecorder()
	if status := e.status.Load(); status != 0 {
		w.WriteHeader(int(status))
	}
	return w.Result(), nil
}

// TestHooks: an endpoint that says 410, and what a person sees of it and does.
func TestHooks(t *testing.T) {
	for name, database := range map[string]string{"sqlite": sqlite(t), "postgres": pgtest.URL(t)} {
		t.Run(name, func(t *testing.T) {
			e := &endpoint{}
			w := newWorld(t, database, e.behind)
			e.status.Store(http.StatusGone)
			if r := w.do("POST /v1/customers/user_1/grants", `{"feature":"export","reason":"r"}`); r.status >= 300 {
				t.Fatal(r.body)
			}
			w.pass(time.Minute)
			steps := []struct {
				request, body string
				status        int
				want          []string
			}{
				{"GET /v1/hooks", "", 200, []string{`"name":"app"`, `"state":"disabled"`, `"url":"https://app.test/hooks"`, `"dead":1`}},
				{"GET /v1/hooks/deliveries?state=dead", "", 200, []string{`"customer":"user_1"`, `"type":"customer.state_changed"`, "410 Gone"}},
				{"GET /v1/hooks/deliveries?state=delivered", "", 200, []string{`"data":[]`}},
				{"GET /v1/hooks/deliveries?state=lost", "", 422, []string{"query.state"}},
				{"GET /v1/alerts?kind=hook", "", 200, []string{"Your endpoint app is disabled"}},
				{"POST /v1/hooks/app/test", "", 200, []string{`"delivered":false`, `"status":410`}},
				{"POST /v1/hooks/nobody/test", "", 404, []string{"GET /v1/hooks lists them"}},
				{"POST /v1/hooks/nobody/replay", "", 404, []string{"GET /v1/hooks lists them"}},
				{"POST /v1/hooks/nobody/enable", "", 404, []string{"GET /v1/hooks lists them"}},
				{"POST /v1/hooks/app/replay", `{"customer":"nobody"}`, 404, []string{"no customer"}},
				{"POST /v1/hooks/app/replay", `{"customer":"user_1","all":true}`, 422, []string{"exclude each other"}},
				{"POST /v1/hooks/app/replay", `{"everybody":true}`, 422, []string{"everybody"}},
				{"GET /v1/customers/nobody/state", "", 404, []string{"no customer"}},
				{"GET /v1/customers/user_1/state", "", 200, []string{`"reason":"granted"`, `"subscriptions":[]`, `"ref":"user_1"`}},
			}
			for _, s := range steps {
				r := w.do(s.request, s.body)
				for _, want := range s.want {
					if r.status != s.status || !strings.Contains(r.body, want) || strings.Contains(r.body, "hush") {
						t.Errorf("%s %s: %d %s, want %d %s", s.request, s.body, r.status, r.body, s.status, want)
					}
				}
			}
			e.status.Store(http.StatusOK)
			if r := w.do("POST /v1/hooks/app/enable", ""); r.status != 202 || !strings.Contains(r.body, `"queued":1`) {
				t.Errorf("enable: %d %s", r.status, r.body)
			}
			w.pass(time.Minute)
			for request, want := range map[string]string{
				"GET /v1/hooks": `"state":"active"`, "GET /v1/hooks/deliveries": `"state":"delivered"`, "GET /v1/alerts?kind=hook&open=true": `"data":[]`,
				"GET /metrics": `trivet_hooks_total{endpoint="app",event="customer.state_changed",result="delivered"} 1`,
			} {
				if r := w.do(request, ""); r.status != 200 || !strings.Contains(r.body, want) {
					t.Errorf("%s: %d %.2000s, want %s", request, r.status, r.body, want)
				}
			}
			asked := e.asked.Load()
			for body, queued := range map[string]string{`{"all":true}`: `"queued":1`, `{"customer":"user_1"}`: `"queued":1`, `{}`: `"queued":0`, "": `"queued":0`} {
				if r := w.do("POST /v1/hooks/app/replay", body); r.status != 202 || !strings.Contains(r.body, queued) {
					t.Errorf("replay %s: %d %s", body, r.status, r.body)
				}
			}
			if w.pass(time.Minute); e.asked.Load() != asked+1 {
				t.Errorf("two replays of one customer at once are %d deliveries", e.asked.Load()-asked)
			}
			if strings.Contains(w.log.String(), "hush") || strings.Contains(w.log.String(), "whsec_5Z") {
				t.Error("the log tells a secret")
			}
		})
	}
}
