package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

func TestKeys(t *testing.T) {
	w := newWorld(t, sqlite(t))
	tests := map[string]struct {
		header string
		status int
		want   string
	}{
		"none":           {"", 401, "Authorization: Bearer KEY"},
		"wrong":          {"Bearer nope", 401, "not one of those configured"},
		"basic":          {"Basic " + apiKey, 401, `"code":"unauthorized"`},
		"empty":          {"Bearer ", 401, `"code":"unauthorized"`},
		"with a tail":    {"Bearer " + apiKey + "x", 401, "not one of those"},
		"right":          {"Bearer " + apiKey, 200, `"data"`},
		"another":        {"Bearer another-key", 200, `"data"`},
		"lower case too": {"bearer " + apiKey, 200, `"data"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := w.do("GET /v1/customers", "", "Authorization: "+tt.header)
			if r.status != tt.status || !strings.Contains(r.body, tt.want) {
				t.Errorf("%d %s, want %d %s", r.status, r.body, tt.status, tt.want)
			}
			if asked := r.header.Get("WWW-Authenticate") != ""; asked != (tt.status == 401) {
				t.Errorf("WWW-Authenticate is %q", r.header.Get("WWW-Authenticate"))
			}
		})
	}
	if strings.Contains(w.log.String(), apiKey) {
		t.Error("the log has an API key")
	}
}

func TestWithoutKeysTheAPIIsClosed(t *testing.T) {
	w := newWorld(t, sqlite(t), func(c *trivet.Config) { c.APIKeys = nil })
	for _, request := range []string{"GET /v1/customers", "GET /v1/check?customer=a&feature=b", "POST /v1/reconcile", "GET /v1/nothing"} {
		r := w.do(request, "", "Authorization: Bearer ")
		if r.status != 503 || !strings.Contains(r.body, "TRIVET_API_KEYS") {
			t.Errorf("%s: %d %s", request, r.status, r.body)
		}
	}
	if r := w.do("GET /healthz", "", "Authorization: "); r.status != 200 && r.body != "ok\n" {
		t.Errorf("health needs no key: %d %s", r.status, r.body)
	}
}

// TestUnspecifiedPaths: whatever the mux itself would answer is a problem too.
func TestUnspecifiedPaths(t *testing.T) {
	w := newWorld(t, sqlite(t))
	tests := map[string]struct {
		status int
		allow  string
	}{
		"GET /nothing":                  {404, ""},
		"GET /v1/nothing":               {404, ""},
		"GET /v1/":                      {404, ""},
		"POST /healthz":                 {405, "GET"},
		"GET /webhooks/stripe":          {405, "POST"},
		"DELETE /v1/customers":          {405, "GET"},
		"POST /v1/customers/user_1":     {405, "GET, PUT"},
		"GET /v1/checkouts":             {405, "POST"},
		"POST /v1/mode":                 {405, "GET, PUT"},
		"GET /v1/brake":                 {405, "PUT"},
		"GET /v1/customers/a/ban":       {405, "POST, DELETE"},
		"GET /v1/proposals/ef_1/accept": {405, "POST"},
		"PUT /go/x":                     {405, "GET, POST"},
		"PATCH /v1/check":               {405, "GET"},
		"GET /v1/unlinked/sub_1/link":   {405, "POST"},
		"PUT /v1/customers/a/grants/1":  {405, "DELETE"},
	}
	for request, tt := range tests {
		r := w.do(request, "")
		if r.status != tt.status || r.header.Get("Allow") != tt.allow || r.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %q %s %s", request, r.status, r.header.Get("Allow"), r.header.Get("Content-Type"), r.body)
		}
	}
}

func TestBodies(t *testing.T) {
	w := newWorld(t, sqlite(t))
	tests := map[string]struct {
		body, kind string
		status     int
		want       string
	}{
		"too long":        {`{"email":"` + strings.Repeat("x", 1<<20) + `"}`, "application/json", 413, `"code":"too_large"`},
		"at the limit":    {`{"name":"` + strings.Repeat("x", 1<<20-11) + `"}`, "application/json", 422, "body.name"},
		"another format":  {`email: x`, "application/yaml", 415, `"code":"not_json"`},
		"a form":          {`email=x`, "application/x-www-form-urlencoded", 400, `"code":"malformed"`},
		"what curl sends": {`{"email":"a@b.test"}`, "application/x-www-form-urlencoded", 200, "a@b.test"},
		"without type":    {`{"email":"a@b.test"}`, "", 200, "a@b.test"},
		"a list":          {`[]`, "application/json", 422, "expected object"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := w.do("PUT /v1/customers/user_1", tt.body, "Content-Type: "+tt.kind)
			if r.status != tt.status || !strings.Contains(r.body, tt.want) {
				t.Errorf("%d %.300s, want %d %s", r.status, r.body, tt.status, tt.want)
			}
		})
	}
}

// TestWhatIsNoText: what a database would choke on is refused, not an accident.
func TestWhatIsNoText(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		for request, body := range map[string]string{
			"GET /v1/customers/%00": "", "GET /v1/customers/%ff": "", "GET /v1/check?customer=a%00&feature=b": "", "GET /v1/check?customer=%zz&feature=b": "",
			"GET /v1/events?type=%00": "", "GET /v1/effects?customer=%ff": "", "GET /v1/events/%00": "", "GET /v1/customers?after=AA": "",
			"PUT /v1/customers/a": `{"email":"a\u0000@b.test"}`, "POST /v1/customers/a/grants": `{"feature":"a\u0000"}`,
			"POST /v1/events/replay": `{"cause":"\u0000"}`, "GET /v1/customers/a%20": "",
		} {
			if r := w.do(request, body); r.status != 422 && r.status != 404 {
				t.Errorf("%s %s: %d %s", request, body, r.status, r.body)
			}
		}
		if strings.Contains(w.log.String(), "a request failed") {
			t.Error(w.log.String())
		}
	})
}

// TestAnAccountThatIsGone: objects of an account that is no longer configured can
// be seen, and not acted upon.
func TestAnAccountThatIsGone(t *testing.T) {
	database := sqlite(t)
	w := newWorld(t, database)
	w.subscribe("user_1")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	names := w.names
	w = newWorld(t, database, func(c *trivet.Config) { c.Providers = []provider.Driver{twin{c.Providers[0]}} })
	w.names = names
	w.must("GET /v1/subscriptions/{sub}", "")
	if r := w.do("POST /v1/subscriptions/{sub}/cancel", ""); r.status != 422 || !strings.Contains(r.body, "configured") {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := w.do("POST /v1/payments/{pay}/refund", ""); r.status != 422 {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestIdempotencyKeys(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		const ask, body, key = "POST /v1/customers/user_1/grants", `{"feature":"pro"}`, "Idempotency-Key: k1"
		first := w.must(ask, body, key)
		again := w.must(ask, body, key)
		if again.body != first.body || again.status != first.status || again.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("the answer was not replayed: %d %s", again.status, again.body)
		}
		if r := w.do(ask, `{"feature":"export"}`, key); r.status != 422 || !strings.Contains(r.body, `"key_reused"`) {
			t.Errorf("another body with the same key: %d %s", r.status, r.body)
		}
		if r := w.must(ask, body, "Idempotency-Key: k2"); r.body == first.body {
			t.Error("another key got the same answer")
		}
		if r := w.must("POST /v1/customers/user_2/grants", body, key); r.body == first.body {
			t.Error("another path got the same answer")
		}
		if r := w.must(ask, body, key, "Authorization: Bearer another-key"); r.body == first.body {
			t.Error("another API key got the same answer")
		}
		for _, bad := range []string{strings.Repeat("k", 256), "ü"} {
			if r := w.do(ask, body, "Idempotency-Key: "+bad); r.status != 422 {
				t.Errorf("key %.10q: %d %s", bad, r.status, r.body)
			}
		}
		w.clock.Set(w.clock.Now().Add(49 * time.Hour))
		if r := w.must(ask, body, key); r.body == first.body {
			t.Error("the answer was kept for ever")
		}
	})
}

// TestARefusedRequestMayComeAgain: a request that did nothing uses up no key.
func TestARefusedRequestMayComeAgain(t *testing.T) {
	w := newWorld(t, sqlite(t))
	const body, key = `{"customer":"user_1"}`, "Idempotency-Key: k1"
	if r := w.do("POST /v1/reconcile", body, key); r.status != 404 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	w.must("PUT /v1/customers/user_1", `{}`)
	if r := w.must("POST /v1/reconcile", body, key); r.field("compared") != 0.0 {
		t.Errorf("%s", r.body)
	}
}

// TestConcurrentRequestsWithOneKey: of many copies one is carried out; the others
// are told to wait, or get its answer.
func TestConcurrentRequestsWithOneKey(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		var all sync.WaitGroup
		statuses := make(chan int, 32)
		for range cap(statuses) {
			all.Go(func() {
				r := httptest.NewRequest(http.MethodPost, "/v1/customers/user_1/grants", strings.NewReader(`{"feature":"pro"}`))
				r.Header.Set("Authorization", "Bearer "+apiKey)
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Idempotency-Key", "one")
				recorder := httptest.NewRecorder()
				w.Handler().ServeHTTP(recorder, r)
				statuses <- recorder.Code
			})
		}
		all.Wait()
		close(statuses)
		for status := range statuses {
			if status != 201 && status != 409 {
				t.Errorf("status %d", status)
			}
		}
		if grants, err := w.ledger.GrantsOf(t.Context(), "user_1"); err != nil || len(grants) != 1 {
			t.Errorf("%d grants were given: %v", len(grants), err)
		}
	})
}

// TestAKeyHeldByAnotherProcess: what one process has begun another does not
// begin, until it must have died.
func TestAKeyHeldByAnotherProcess(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		w := newWorld(t, database)
		if _, found, err := w.ledger.ClaimAnswer(t.Context(), "k", "r"); found || err != nil {
			t.Fatal(found, err)
		}
		if _, _, err := w.ledger.ClaimAnswer(t.Context(), "k", "r"); err != store.ErrUnanswered { //nolint:errorlint // never wrapped
			t.Errorf("a second claim: %v", err)
		}
		w.clock.Set(w.clock.Now().Add(3 * time.Minute))
		if _, found, err := w.ledger.ClaimAnswer(t.Context(), "k", "r"); found || err != nil {
			t.Errorf("the first is dead, and yet: %v %v", found, err)
		}
	})
}

func TestReady(t *testing.T) {
	w := newWorld(t, sqlite(t))
	r := w.do("GET /readyz", "")
	if r.field("status") != "ready" || r.field("dialect") != "sqlite" {
		t.Errorf("%d %s", r.status, r.body)
	}
}

// TestWhatStrangersSee: the names of accounts, how much goes through them and what is
// behind the door are none of a stranger's. They are for whoever has a key, or can
// reach the inner door.
func TestWhatStrangersSee(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.subscribe("user_1")
	ask := func(h http.Handler, target, key string) (int, string) {
		r := httptest.NewRequest(http.MethodGet, target, nil)
		if key != "" {
			r.Header.Set("Authorization", "Bearer "+key)
		}
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, r)
		return recorder.Code, recorder.Body.String()
	}
	const counted = `trivet_webhooks_total{account="stripe",result="stored"}`
	for _, tt := range []struct {
		door        http.Handler
		target, key string
		status      int
		has, lacks  string
	}{
		{w.Handler(), "/metrics", "", 401, "unauthorized", "stripe"},
		{w.Handler(), "/metrics", "wrong", 401, "unauthorized", "stripe"},
		{w.Handler(), "/metrics", apiKey, 200, counted, "unauthorized"},
		{w.Handler(), "/readyz", "", 200, "{\"status\":\"ready\"}\n", "sqlite"},
		{w.Handler(), "/readyz", "wrong", 200, "{\"status\":\"ready\"}\n", "providers"},
		{w.Handler(), "/readyz", apiKey, 200, `"providers":1`, "unauthorized"},
		{w.Monitor(), "/metrics", "", 200, counted, "unauthorized"},
		{w.Monitor(), "/readyz", "", 200, `"dialect":"sqlite"`, "unauthorized"},
		{w.Monitor(), "/healthz", "", 200, "ok", "{"},
		{w.Monitor(), "/v1/customers", apiKey, 404, "no_such_path", "user_1"},
		{w.Monitor(), "/webhooks/stripe", "", 404, "no_such_path", "user_1"},
	} {
		if status, body := ask(tt.door, tt.target, tt.key); status != tt.status || !strings.Contains(body, tt.has) || strings.Contains(body, tt.lacks) {
			t.Errorf("%s with key %q: %d %s", tt.target, tt.key, status, body)
		}
	}
	closed := newWorld(t, sqlite(t), func(c *trivet.Config) { c.APIKeys = nil })
	if status, body := ask(closed.Handler(), "/metrics", ""); status != http.StatusServiceUnavailable || !strings.Contains(body, "no_api_key") {
		t.Errorf("without keys: %d %s", status, body)
	}
	if status, body := ask(closed.Handler(), "/readyz", ""); status != http.StatusOK || strings.Contains(body, "sqlite") {
		t.Errorf("without keys: %d %s", status, body)
	}
	if status, _ := ask(closed.Monitor(), "/metrics", ""); status != http.StatusOK {
		t.Errorf("without keys, inside: %d", status)
	}
}

// TestNotReady: without a database the process lives and is not ready; a check
// is not answered with a no; and nobody is told why but the log.
func TestNotReady(t *testing.T) {
	w := newWorld(t, sqlite(t))
	h := w.Handler()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ask := func(target string) response {
		r := httptest.NewRequest(http.MethodGet, target, nil).WithContext(ctx)
		r.Header.Set("Authorization", "Bearer "+apiKey)
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, r)
		return response{recorder.Code, recorder.Header(), recorder.Body.String()}
	}
	if r := ask("/readyz"); r.status != 503 || r.field("status") != "not ready" || strings.Contains(r.body, "context") {
		t.Errorf("%d %s", r.status, r.body)
	}
	r := ask("/v1/check?customer=a&feature=b")
	if r.status != 503 || strings.Contains(r.body, "allowed") || strings.Contains(r.body, "context") || r.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", r.status, r.body)
	}
	if reference, _ := r.field("reference").(string); reference == "" || !strings.Contains(w.log.String(), reference) {
		t.Errorf("the log does not have the reference %q", reference)
	}
	if r := ask("/healthz"); r.status != 200 {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestDocs(t *testing.T) {
	w := newWorld(t, sqlite(t))
	recorder := httptest.NewRecorder()
	w.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/docs", nil))
	page := recorder.Body.String()
	policy := recorder.Header().Get("Content-Security-Policy")
	if strings.Contains(page, "<script") || strings.Contains(page, "http://") || strings.Contains(page, "https://") ||
		!strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") || strings.Contains(policy, "unsafe") {
		t.Errorf("the page is not self-contained: %s", policy)
	}
	var spec struct {
		OpenAPI string
		Paths   map[string]map[string]struct{ OperationID, Summary string }
	}
	if err := json.Unmarshal([]byte(w.do("GET /openapi.json", "").body), &spec); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(spec.OpenAPI, "3.1") {
		t.Errorf("OpenAPI %s", spec.OpenAPI)
	}
	for path, item := range spec.Paths {
		for method, op := range item {
			if op.Summary == "" || !strings.Contains(page, strings.ToUpper(method)+" "+path) {
				t.Errorf("%s %s is not on the page", method, path)
			}
		}
	}
}

func sqlite(t testing.TB) string { return "sqlite:" + t.TempDir() + "/trivet.db" }

// TestACheckoutNeedsOnePage: who has no page for customers that did not buy sends
// them to the one for those who did, which is told the difference.
func TestACheckoutNeedsOnePage(t *testing.T) {
	w := newWorld(t, sqlite(t))
	made := w.do("POST /v1/checkouts", `{"customer":"user_1","plan":"pro","success_url":"https://app.test/in"}`)
	if made.status != 201 {
		t.Fatalf("%d %s", made.status, made.body)
	}
	row, err := w.ledger.CheckoutNamed(t.Context(), made.field("id").(string))
	if err != nil || !strings.Contains(row.Doc, `"cancel_url":"https://app.test/in"`) {
		t.Errorf("%+v %v", row, err)
	}
}

// TestABanNeedsNoReason: who is in a hurry bans, and says later why.
func TestABanNeedsNoReason(t *testing.T) {
	w := newWorld(t, sqlite(t))
	for customer, body := range map[string]string{"user_1": "", "user_2": `{}`, "user_3": `{"reason":""}`} {
		if r := w.must("POST /v1/customers/"+customer+"/ban", body); r.field("banned.reason") != "by request" {
			t.Errorf("with the body %q: %s", body, r.body)
		}
	}
}
