package triggertest

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/api"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/hook"
	"github.com/trivetdev/trivet/internal/inbox"
	"github.com/trivetdev/trivet/internal/outbox"
	"github.com/trivetdev/trivet/internal/pgtest"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/reconcile"
	"github.com/trivetdev/trivet/internal/trigger/redirect"
	"github.com/trivetdev/trivet/internal/trigger/webhook"
	"github.com/trivetdev/trivet/internal/work"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/provider"
	driver "github.com/trivetdev/trivet/provider/stripe"
	"github.com/trivetdev/trivet/sim"
	world "github.com/trivetdev/trivet/sim/stripe"
)

// Start is when every house opens.
var Start = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// Options say how a house is furnished. The zero value is one account, "stripe",
// with a perfect network.
type Options struct {
	// Accounts are the provider accounts, each with a world of its own.
	Accounts []string
	// Secrets are the webhook secrets that the drivers accept; nil: the one that
	// the worlds sign with.
	Secrets []string
	// Live uses live-mode keys.
	Live     bool
	Policies []policy.Policy
	Modes    policy.Modes
	// Endpoints of the application's are told of changes.
	Endpoints []hook.Endpoint
	// Outbox changes what effects are carried out with.
	Outbox func(*outbox.Config)
	// Schedule changes what is reconciled when.
	Schedule func(*reconcile.Config)
	// Checkout is the account that sells to whoever buys nowhere yet.
	Checkout string
	// Quiet schedules no reconciliation: only what the test asks for runs.
	Quiet bool
}

// Account is one provider account with its world.
type Account struct {
	*world.Server
	Driver *driver.Driver
	// Net is between the two.
	Net *Network
	// Pro is a monthly subscription of 29.00 EUR, Big one of 99.00 that has a
	// feature more, Day a pass for a month, 9.00 EUR.
	Pro, Big, Day string
}

// House is the wired parts.
type House struct {
	URL     string
	Options Options
	Clock   *sim.Clock
	// Account is the first of Accounts.
	*Account
	Accounts map[string]*Account

	DB        *store.DB
	Apply     *apply.Applier
	Inbox     *inbox.Inbox
	Engine    *work.Engine
	Reconcile *reconcile.Reconciler
	Redirect  *redirect.Redirect
	Webhooks  *webhook.Handler
	Outbox    *outbox.Outbox
	Hooks     *hook.Hooks
	Mux       *http.ServeMux

	mu sync.Mutex
	// results counts what the webhook handler told its observer.
	results map[string]int
}

// Each runs a test on SQLite and on PostgreSQL.
func Each(t *testing.T, options Options, test func(t *testing.T, h *House)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		test(t, New(t, "sqlite:"+filepath.Join(t.TempDir(), "trivet.db"), options))
	})
	t.Run("postgres", func(t *testing.T) { test(t, New(t, pgtest.URL(t), options)) })
}

// On runs a test on one of the two, "sqlite" or "postgres".
func On(t *testing.T, database string, options Options, test func(t *testing.T, h *House)) {
	t.Helper()
	if database == "postgres" {
		test(t, New(t, pgtest.URL(t), options))
		return
	}
	test(t, SQLite(t, options))
}

// SQLite builds a house on SQLite alone, for what no database has a part in.
func SQLite(t *testing.T, options Options) *House {
	t.Helper()
	return New(t, "sqlite:"+filepath.Join(t.TempDir(), "trivet.db"), options)
}

// New builds a house on a database.
func New(t *testing.T, databaseURL string, options Options) *House {
	t.Helper()
	if len(options.Accounts) == 0 {
		options.Accounts = []string{"stripe"}
	}
	h := &House{URL: databaseURL, Options: options, Clock: sim.NewClock(Start), Accounts: map[string]*Account{}}
	for i, name := range options.Accounts {
		h.Accounts[name] = account(t, name, uint64(i+1), h.Clock, options)
	}
	h.Account = h.Accounts[options.Accounts[0]]
	h.wire(t)
	t.Cleanup(func() { h.close(t) })
	return h
}

func account(t *testing.T, name string, seed uint64, clock *sim.Clock, options Options) *Account {
	t.Helper()
	a := &Account{Server: world.New(world.Config{
		Seed: seed, Clock: clock, WebhookURL: "https://billing.test/webhooks/" + name, PublicURL: "https://pay.test", Live: options.Live,
	})}
	a.Pro = a.AddPrice(world.Price{Product: "Pro", Currency: "eur", Amount: 2900, Interval: "month"})
	a.Big = a.AddPrice(world.Price{Product: "Big", Currency: "eur", Amount: 9900, Interval: "month"})
	a.Day = a.AddPrice(world.Price{Product: "Day", Currency: "eur", Amount: 900})
	a.Net = &Network{next: sim.Transport(a.Handler())}
	secrets := options.Secrets
	if secrets == nil {
		secrets = []string{"whsec_sim"}
	}
	var err error
	a.Driver, err = driver.New(driver.Config{
		Account: name, SecretKey: a.SecretKey(), WebhookSecrets: secrets, Transport: a.Net, Now: clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Plans are what a house sells.
func (h *House) Plans() []billing.Plan {
	pro, big, day := map[string][]string{}, map[string][]string{}, map[string][]string{}
	for name, a := range h.Accounts {
		pro[name], big[name], day[name] = []string{a.Pro}, []string{a.Big}, []string{a.Day}
	}
	return []billing.Plan{
		{ID: "pro", Features: []string{"export"}, Prices: pro, Kind: billing.GrantSubscription},
		{ID: "big", Features: []string{"export", "api"}, Prices: big, Kind: billing.GrantSubscription},
		{ID: "day", Features: []string{"export"}, Prices: day, Kind: billing.GrantPass, Pass: billing.CalendarPeriod{Months: 1}},
	}
}

func (h *House) wire(t *testing.T) {
	t.Helper()
	var err error
	if h.DB, err = store.Open(t.Context(), store.Options{URL: h.URL, Now: h.Clock.Now, Volatile: true}); err != nil {
		t.Fatal(err)
	}
	catalog, err := billing.NewCatalog(h.Plans())
	if err != nil {
		t.Fatal(err)
	}
	drivers := map[string]provider.Driver{}
	for name, a := range h.Accounts {
		drivers[name] = a.Driver
	}
	log := slog.New(slog.NewTextHandler(writer{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	wake := func(queue string) { h.Engine.Wake(queue) }
	if h.Hooks, err = hook.New(hook.Config{DB: h.DB, Endpoints: h.Options.Endpoints, Alert: api.AlertDoc, Wake: wake, Log: log}); err != nil {
		t.Fatal(err)
	}
	h.Apply = apply.New(apply.Config{
		Endpoints: h.Hooks.Taking(hook.StateChanged),
		DB:        h.DB, Drivers: drivers, Catalog: catalog, Rules: billing.DefaultRules(),
		Policies: h.Options.Policies, Modes: h.Options.Modes, Wake: wake, Log: log,
	})
	h.Inbox = inbox.New(h.DB, 1, wake)
	h.Hooks.State = api.StateOf(h.DB, h.Apply)
	out := outbox.Config{DB: h.DB, Apply: h.Apply, Wake: wake, Log: log, Endpoints: h.Hooks.Taking(hook.AlertRaised)}
	if h.Options.Outbox != nil {
		h.Options.Outbox(&out)
	}
	h.Outbox = outbox.New(out)
	schedule := reconcile.Config{
		DB: h.DB, Apply: h.Apply, Inbox: h.Inbox, Wake: wake, Log: log,
		Tasks: map[string]reconcile.Task{store.TaskAlerts: {Every: time.Hour, Do: h.Outbox.TellTeam}},
	}
	if h.Options.Schedule != nil {
		h.Options.Schedule(&schedule)
	}
	h.Reconcile = reconcile.New(schedule)
	queues := append([]work.Queue{h.Apply.Queue(4), h.Outbox.Queue(4), h.Reconcile.Queue(4)}, h.Hooks.Queues()...)
	h.Engine = work.New(h.DB, log, queues...)
	if h.Redirect, err = redirect.New(t.Context(), redirect.Config{DB: h.DB, Apply: h.Apply, PublicURL: "https://billing.test", Default: h.Options.Checkout, Log: log}); err != nil {
		t.Fatal(err)
	}
	h.Webhooks = webhook.New(drivers, h.Inbox, h.Clock.Now, log)
	h.results = map[string]int{}
	h.Webhooks.Observe = func(account, result string) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.results[account+" "+result]++
	}
	h.Mux = http.NewServeMux()
	h.Mux.Handle("POST /webhooks/{account}", h.Webhooks)
	h.Mux.Handle("GET /return/{account}", h.Redirect)
	if !h.Options.Quiet {
		if err := h.Reconcile.Schedule(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

type writer struct{ t *testing.T }

func (w writer) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

func (h *House) close(t *testing.T) {
	t.Helper()
	h.Inbox.Close()
	h.Apply.Close()
	if err := h.DB.Close(); err != nil {
		t.Error(err)
	}
}

// Restart ends the service and starts it again on the same database and worlds.
func (h *House) Restart(t *testing.T) {
	t.Helper()
	h.close(t)
	h.wire(t)
}

// Results counts the webhooks by "account result".
func (h *House) Results() map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	counts := map[string]int{}
	for name, n := range h.results {
		counts[name] = n
	}
	return counts
}

// Post delivers a request in this process.
func (h *House) Post(r *http.Request) (int, error) {
	r.RequestURI = ""
	r.URL = &url.URL{Path: r.URL.Path}
	w := httptest.NewRecorder()
	h.Mux.ServeHTTP(w, r)
	_, _ = io.Copy(io.Discard, w.Body)
	return w.Code, nil
}

// Lose takes deliveries and says that they came, but they did not.
func Lose(*http.Request) (int, error) { return http.StatusOK, nil }

// Step works what is due now, without any webhook.
func (h *House) Step(t *testing.T) {
	t.Helper()
	if _, err := h.Engine.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Pass lets time pass; webhooks are delivered and whatever comes due is worked.
func (h *House) Pass(t *testing.T, d time.Duration) {
	t.Helper()
	h.pass(t, d, h.Post)
}

// PassDeaf lets time pass, but no webhook comes through.
func (h *House) PassDeaf(t *testing.T, d time.Duration) {
	t.Helper()
	h.pass(t, d, Lose)
}

func (h *House) pass(t *testing.T, d time.Duration, post func(*http.Request) (int, error)) {
	t.Helper()
	end := h.Clock.Now().Add(d)
	for {
		next := h.next(t, end)
		for _, a := range h.Accounts {
			a.Advance(next)
		}
		h.Clock.Set(next)
		for _, a := range h.Accounts {
			a.Deliver(t.Context(), post)
		}
		h.Step(t)
		if !h.Clock.Now().Before(end) {
			return
		}
	}
}

// next is when something happens next, in the worlds or here; at most end.
func (h *House) next(t *testing.T, end time.Time) time.Time {
	t.Helper()
	next := end
	for _, a := range h.Accounts {
		if at, waits := a.NextAt(); waits && at.Before(next) {
			next = at
		}
	}
	at, waits, err := h.Engine.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if waits && at.Before(next) {
		next = at
	}
	if now := h.Clock.Now(); next.Before(now) {
		return now
	}
	return next
}

// Network is what is between a driver and its provider. Calls pass unless Strike
// was given something else to do with them.
type Network struct {
	next http.RoundTripper

	mu     sync.Mutex
	strike func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error)
	calls  []string
}

// Strike hands all calls to a function, which may let them pass; nil: they pass.
func (n *Network) Strike(strike func(req *http.Request, pass func() (*http.Response, error)) (*http.Response, error)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.strike = strike
}

// Calls returns the calls made since it was last asked, "GET /v1/customers".
func (n *Network) Calls() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	calls := n.calls
	n.calls = nil
	return calls
}

// RoundTrip implements http.RoundTripper.
func (n *Network) RoundTrip(req *http.Request) (*http.Response, error) {
	n.mu.Lock()
	strike := n.strike
	n.calls = append(n.calls, req.Method+" "+req.URL.Path)
	n.mu.Unlock()
	pass := func() (*http.Response, error) { return n.next.RoundTrip(req) }
	if strike == nil {
		return pass()
	}
	return strike(req, pass)
}

// Answer makes an answer of the provider's.
func Answer(req *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body)), Request: req,
	}
}

// Down is a strike: nothing answers.
func Down(*http.Request, func() (*http.Response, error)) (*http.Response, error) {
	return nil, sim.ErrConnectionLost
}

// Objects reads all rows of the ledger.
func (h *House) Objects(t *testing.T, filter store.ObjectFilter) []store.Object {
	t.Helper()
	filter.Limit = 100000
	rows, err := h.DB.Objects(context.WithoutCancel(t.Context()), filter)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
