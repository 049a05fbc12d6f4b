package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/pgtest"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/hygiene"
	"github.com/trivetdev/trivet/provider"
	driver "github.com/trivetdev/trivet/provider/stripe"
	"github.com/trivetdev/trivet/sim"
	stripe "github.com/trivetdev/trivet/sim/stripe"
)

const apiKey = "a-key-for-tests"

// world is a service beside a simulated Stripe, in this process, on one virtual
// clock.
type world struct {
	*trivet.Service
	t      testing.TB
	clock  *sim.Clock
	stripe *stripe.Server
	// ledger reads what the service wrote.
	ledger *store.DB
	spec   *specification
	log    *logged
	// broken, if set, is how calls to the provider fail.
	broken func(next http.RoundTripper, r *http.Request) (*http.Response, error)
	// names replaces ids that are not known before: {sub} is a subscription.
	names map[string]string
}

// RoundTrip implements http.RoundTripper for the calls to the provider.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	next := sim.Transport(w.stripe.Handler())
	if w.broken != nil {
		return w.broken(next, r)
	}
	return next.RoundTrip(r)
}

// unreachable fails calls before they are sent, unanswered after they acted.
func unreachable(http.RoundTripper, *http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Err: errors.New("no route to host")}
}

func unanswered(next http.RoundTripper, r *http.Request) (*http.Response, error) {
	if _, err := next.RoundTrip(r); err != nil {
		return nil, err
	}
	return nil, io.ErrUnexpectedEOF
}

// logged is the service's log.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// onBoth runs a test on SQLite and on PostgreSQL.
func onBoth(t *testing.T, test func(t *testing.T, database string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "trivet.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, pgtest.URL(t)) })
}

func newWorld(t testing.TB, database string, change ...func(*trivet.Config)) *world {
	t.Helper()
	clock := sim.NewClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	w := &world{t: t, clock: clock, names: map[string]string{}, log: &logged{}, stripe: stripe.New(stripe.Config{
		Seed: 1, Clock: clock, WebhookURL: "https://billing.test/webhooks/stripe", PublicURL: "https://pay.test",
	})}
	pro := w.stripe.AddPrice(stripe.Price{Currency: "eur", Amount: 2900, Interval: "month"})
	day := w.stripe.AddPrice(stripe.Price{Currency: "eur", Amount: 900})
	w.names["other_price"] = w.stripe.AddPrice(stripe.Price{Currency: "eur", Amount: 100, Interval: "month"})
	w.names["pro_price"] = pro
	d, err := driver.New(driver.Config{
		Account: "stripe", SecretKey: "sk_test_sim", WebhookSecrets: []string{"whsec_sim"},
		Transport: w, Now: clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	config := trivet.Config{
		PublicURL: "https://billing.test", Database: database, Providers: []provider.Driver{d}, APIKeys: []string{"another-key", apiKey},
		Plans: []billing.Plan{
			{ID: "pro", Features: []string{"export"}, Prices: map[string][]string{"stripe": {pro}}},
			{ID: "day", Prices: map[string][]string{"stripe": {day}}, Kind: billing.GrantPass, Pass: billing.CalendarPeriod{Days: 1}},
		},
		// What is said to customers is told elsewhere; here one policy is enough.
		Policies: []policy.Policy{hygiene.Policy{}}, Watch: 24 * time.Hour,
		Now: clock.Now, Log: slog.New(slog.NewTextHandler(w.log, nil)), Version: "test",
	}
	for _, c := range change {
		c(&config)
	}
	if w.Service, err = trivet.New(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	if w.ledger, err = store.Open(t.Context(), store.Options{URL: database, Now: clock.Now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.ledger.Close() })
	w.spec = specified(t, w.Handler())
	return w
}

// response is an answer.
type response struct {
	status int
	header http.Header
	body   string
}

// field reads a field of an answer, "data.0.id".
func (r response) field(path string) any {
	var at any
	if err := json.Unmarshal([]byte(r.body), &at); err != nil {
		return nil
	}
	for name := range strings.SplitSeq(path, ".") {
		switch v := at.(type) {
		case map[string]any:
			at = v[name]
		case []any:
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil || i >= len(v) {
				return nil
			}
			at = v[i]
		default:
			return nil
		}
	}
	return at
}

// do sends "METHOD /path" with a body and headers "Name: value"; {name} in them
// stands for a name. Whatever comes back must be as the specification says.
func (w *world) do(request, body string, headers ...string) response {
	w.t.Helper()
	for name, value := range w.names {
		request = strings.ReplaceAll(request, "{"+name+"}", value)
		body = strings.ReplaceAll(body, "{"+name+"}", value)
	}
	method, target, _ := strings.Cut(request, " ")
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+apiKey)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	recorder := httptest.NewRecorder()
	w.Handler().ServeHTTP(recorder, r)
	answer := response{recorder.Code, recorder.Header(), recorder.Body.String()}
	if err := w.spec.check(method, r.URL.EscapedPath(), answer); err != nil {
		w.t.Errorf("%s answered %d, which is not as specified: %v\n%s", request, answer.status, err, answer.body)
	}
	return answer
}

// must is do for what has to work.
func (w *world) must(request, body string, headers ...string) response {
	w.t.Helper()
	r := w.do(request, body, headers...)
	if r.status >= 300 {
		w.t.Fatalf("%s: %d %s", request, r.status, r.body)
	}
	return r
}

func (w *world) name(name string, value any) {
	w.t.Helper()
	text, ok := value.(string)
	if !ok || text == "" {
		w.t.Fatalf("there is no %s", name)
	}
	w.names[name] = text
}

// pass lets time pass, delivering and working whatever comes due.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	end := w.clock.Now().Add(d)
	for {
		next := end
		if at, ok := w.stripe.NextAt(); ok && at.Before(next) {
			next = at
		}
		if at, ok, err := w.Next(w.t.Context()); err != nil {
			w.t.Fatal(err)
		} else if ok && at.Before(next) {
			next = at
		}
		if next.After(w.clock.Now()) {
			w.stripe.Advance(next)
		}
		w.stripe.Deliver(context.Background(), w.post)
		if _, err := w.Step(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		if !w.clock.Now().Before(end) {
			return
		}
	}
}

// post delivers a webhook.
func (w *world) post(r *http.Request) (int, error) {
	r.RequestURI, r.URL = "", &url.URL{Path: r.URL.Path}
	recorder := httptest.NewRecorder()
	w.Handler().ServeHTTP(recorder, r)
	_, err := io.Copy(io.Discard, recorder.Body)
	return recorder.Code, err
}

// subscribe lets a customer buy the plan pro through a checkout of ours, and
// names what comes of it: {checkout}, {session}, {sub}, {pay}, and {…_id} for the
// provider's own ids.
func (w *world) subscribe(customer string) {
	w.t.Helper()
	made := w.must("POST /v1/checkouts", `{"customer":"`+customer+`","plan":"pro","success_url":"https://app.test/in","cancel_url":"https://app.test/out"}`)
	w.name("checkout", made.field("id"))
	w.name("session", made.field("provider_id"))
	if done, err := w.stripe.PayCheckout(w.names["session"], stripe.CardGood); err != nil || !done {
		w.t.Fatal(done, err)
	}
	w.pass(10 * time.Minute)
	w.learn(customer)
}

// learn names a customer's first subscription and payment.
func (w *world) learn(customer string) {
	w.t.Helper()
	subs := w.must("GET /v1/customers/"+customer+"/subscriptions", "")
	w.name("sub", subs.field("data.0.id"))
	w.name("sub_id", subs.field("data.0.provider_id"))
	pays := w.must("GET /v1/customers/"+customer+"/payments", "")
	w.name("pay", pays.field("data.0.id"))
	w.name("pay_id", pays.field("data.0.provider_id"))
}

// changes tells the audit trail after a number, as "subject kinds trigger", in
// order of their texts, and the number to go on from.
func (w *world) changes(after int64) (told []string, last int64) {
	w.t.Helper()
	rows, err := w.ledger.Changes(w.t.Context(), store.ChangeFilter{After: after, Forward: true, Limit: 10000})
	if err != nil {
		w.t.Fatal(err)
	}
	last = after
	for _, c := range rows {
		var kinds []string
		if err := json.Unmarshal([]byte(c.Kinds), &kinds); err != nil {
			w.t.Fatal(err)
		}
		text := c.Subject + " " + strings.Join(kinds, "+") + " " + c.Trigger
		if strings.HasPrefix(c.Actor, "key:") {
			text += " by key"
		} else if c.Actor != "" {
			text += " by " + c.Actor
		}
		told = append(told, text)
		last = max(last, c.Seq)
	}
	slices.Sort(told)
	return told, last
}

// effects tells the effects after a number, as "kind state by", and what the
// provider has really done.
func (w *world) effects(after int64) (told []string, last int64) {
	w.t.Helper()
	rows, err := w.ledger.Effects(w.t.Context(), store.EffectFilter{Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	last = after
	for _, e := range rows {
		if e.Seq > after {
			told = append(told, e.Kind+" "+e.State)
		}
		last = max(last, e.Seq)
	}
	slices.Sort(told)
	return told, last
}

// audited fails the test unless the audit trail accounts for all of the ledger.
func (w *world) audited() {
	w.t.Helper()
	empty, err := store.Open(w.t.Context(), store.Options{URL: "sqlite:" + filepath.Join(w.t.TempDir(), "empty.db"), Now: w.clock.Now, Volatile: true})
	if err != nil {
		w.t.Fatal(err)
	}
	defer empty.Close()
	report, err := apply.Audit(w.t.Context(), w.ledger, empty)
	if err != nil || len(report.Mismatches) > 0 {
		w.t.Errorf("the audit trail does not account for the ledger: %v %+v", err, report.Mismatches)
	}
}
