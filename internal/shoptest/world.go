// Package shoptest is a shop for tests: a whole service beside simulated provider
// accounts, all in this process and on one virtual clock.
//
// It owns how these are put together, how time passes, how webhooks get to the
// service and how the application asks it. What happens there, and what is expected
// of it, is its callers' to say.
package shoptest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/pgtest"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/sim"
)

const (
	// Day is a day.
	Day = 24 * time.Hour
	// Key opens the API of the services under test.
	Key = "key_for_tests"
	// PublicURL is where the service believes to be reached.
	PublicURL = "https://billing.test"
)

// Opening is when every shop opens.
var Opening = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// Options say how a shop is furnished.
type Options struct {
	// Accounts are the names of the provider accounts; what follows a _ is the
	// application's own: stripe_eu is an account of Stripe.
	Accounts []string
	// Seed is that of every account; 0: 1.
	Seed uint64
	// Chaos is what goes wrong at the accounts.
	Chaos sim.Chaos
	// Currency is Lemon Squeezy's store's; empty: dollars. Mute has its return
	// addresses not name the order.
	Currency string
	Mute     bool
	// Configure completes the configuration of the service: at least the plans.
	Configure func(w *World, c *trivet.Config)
	// Wrap, if set, stands between the service and an account.
	Wrap func(a *Account, next http.RoundTripper) http.RoundTripper
	// Level is from where on the test's log shows the service's.
	Level slog.Level
}

func (o Options) kindOf(account string) string {
	kind, _, _ := strings.Cut(account, "_")
	return kind
}

// World is a shop.
type World struct {
	*trivet.Service
	T        testing.TB
	Clock    *sim.Clock
	Accounts map[string]*Account
	// Ledger reads what the service wrote.
	Ledger *store.DB
	// Database is where that is.
	Database string
	// Receive takes a webhook from an account; at first it is Post.
	Receive func(account string, r *http.Request) (int, error)

	// Guard, if set, runs everything that the service does. It may give up on do and
	// start another service meanwhile; then it reports that do did not come to its end.
	Guard func(do func(ctx context.Context)) (done bool)

	options Options
	// ctx ends with the service.
	ctx  context.Context
	quit context.CancelFunc
}

// Everywhere runs a test with an empty database of each kind.
func Everywhere(t *testing.T, test func(t *testing.T, database string)) {
	t.Helper()
	OnSQLite(t, test)
	t.Run("postgres", func(t *testing.T) { test(t, pgtest.URL(t)) })
}

// OnSQLite runs a test with an empty database of that kind alone.
func OnSQLite(t *testing.T, test func(t *testing.T, database string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "trivet.db")) })
}

// Open opens a shop; the test's end closes it.
func Open(t testing.TB, database string, o Options) *World {
	t.Helper()
	o.Seed = max(1, o.Seed)
	w := &World{T: t, Clock: sim.NewClock(Opening), Accounts: map[string]*Account{}, Database: database, options: o}
	w.Receive = func(_ string, r *http.Request) (int, error) { return w.Post(r) }
	for _, name := range o.Accounts {
		a, err := open(o, w.Clock, name)
		w.Check(err)
		w.Accounts[name] = a
	}
	w.Serve(database)
	t.Cleanup(w.Stop)
	return w
}

// Serve starts a service on a database, in place of the one that there was: close that
// first.
func (w *World) Serve(database string) {
	w.T.Helper()
	config := trivet.Config{
		PublicURL: PublicURL, Database: database, Volatile: true, APIKeys: []string{Key}, Now: w.Clock.Now, Hot: Day, Watch: Day,
		// Off the hour at which things happen here: what a sweep finds in the seconds
		// before a webhook comes counts as drift.
		Full: 7*Day + 37*time.Minute,
		Log:  slog.New(slog.NewTextHandler(testLog{w.T}, &slog.HandlerOptions{Level: w.options.Level})),
	}
	for _, name := range w.options.Accounts {
		a := w.Accounts[name]
		transport := sim.Transport(a.Handler())
		if w.options.Wrap != nil {
			transport = w.options.Wrap(a, transport)
		}
		d, err := a.drive(transport)
		w.Check(err)
		config.Providers = append(config.Providers, d)
	}
	w.options.Configure(w, &config)
	var err error
	w.Service, err = trivet.New(w.T.Context(), config)
	w.Check(err)
	w.Database = database
	w.ctx, w.quit = context.WithCancel(w.T.Context())
	if w.Ledger == nil {
		w.Ledger, err = store.Open(w.T.Context(), store.Options{URL: database, Now: w.Clock.Now, Volatile: true})
		w.Check(err)
	}
}

// Stop closes the service and the ledger.
func (w *World) Stop() {
	w.T.Helper()
	w.quit()
	if err := errors.Join(w.Close(), w.Ledger.Close()); err != nil {
		w.T.Error(err)
	}
	w.Ledger = nil
}

type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

// guarded runs something that the service does and reports whether it came to its end.
func (w *World) guarded(do func(ctx context.Context)) (done bool) {
	if w.Guard != nil {
		return w.Guard(do)
	}
	do(w.ctx)
	return true
}

// Check ends the test on an error.
func (w *World) Check(err error) {
	w.T.Helper()
	if err != nil {
		w.T.Fatal(err)
	}
}

// Send sends a request of the application's to the service and returns the status.
func (w *World) Send(r *http.Request, into any) int {
	w.T.Helper()
	r.Header.Set("Authorization", "Bearer "+Key)
	r.Header.Set("Content-Type", "application/json")
	body, err := io.ReadAll(r.Body)
	w.Check(err)
	var answer *httptest.ResponseRecorder
	for done := false; !done; { // an application that gets no answer asks again
		answer = httptest.NewRecorder()
		here, handler := answer, w.Handler()
		done = w.guarded(func(context.Context) {
			again := r.Clone(r.Context())
			again.Body = io.NopCloser(bytes.NewReader(body))
			handler.ServeHTTP(here, again)
		})
	}
	if into != nil {
		if err := json.Unmarshal(answer.Body.Bytes(), into); err != nil {
			w.T.Fatalf("%s %s: %d %s", r.Method, r.URL, answer.Code, answer.Body)
		}
	}
	if answer.Code >= 400 {
		w.T.Logf("%s %s: %d %s", r.Method, r.URL, answer.Code, answer.Body)
	}
	return answer.Code
}

// Call is Send for a method, an address and a body.
func (w *World) Call(method, target, body string, into any) int {
	w.T.Helper()
	return w.Send(httptest.NewRequest(method, target, strings.NewReader(body)), into)
}

// Post delivers a webhook.
func (w *World) Post(r *http.Request) (int, error) {
	r.RequestURI = ""
	r.URL = &url.URL{Path: r.URL.Path}
	answer, handler := httptest.NewRecorder(), w.Handler()
	if !w.guarded(func(context.Context) { handler.ServeHTTP(answer, r) }) {
		return 0, sim.ErrConnectionLost
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.Code, nil
}

// Until lets time pass, at all accounts alike, delivering and working whatever comes
// due.
func (w *World) Until(end time.Time) {
	w.T.Helper()
	names := slices.Sorted(maps.Keys(w.Accounts))
	for due := w.Clock.Now(); ; {
		next := due
		if next.IsZero() || next.After(end) {
			next = end
		}
		for _, name := range names {
			if at, waits := w.Accounts[name].NextAt(); waits && at.Before(next) {
				next = at
			}
		}
		if next.After(w.Clock.Now()) {
			for _, name := range names {
				w.Accounts[name].Advance(next)
			}
			w.Clock.Set(next)
		}
		came := 0
		for _, name := range names {
			came += w.Accounts[name].Deliver(w.T.Context(), func(r *http.Request) (int, error) { return w.Receive(name, r) })
		}
		if now := w.Clock.Now(); came > 0 || !due.IsZero() && !due.After(now) || !now.Before(end) {
			due = w.Work()
		}
		if !w.Clock.Now().Before(end) {
			return
		}
	}
}

// Work does what is due in the service and returns when something is next, zero if
// nothing waits.
func (w *World) Work() (due time.Time) {
	w.T.Helper()
	for done := false; !done; {
		var err error
		service := w.Service
		done = w.guarded(func(ctx context.Context) { _, err = service.Step(ctx) })
		if done {
			w.Check(err)
		}
	}
	due, _, err := w.Next(w.T.Context())
	w.Check(err)
	return due
}

// Changes is the audit trail, oldest first.
func (w *World) Changes() []store.Change {
	w.T.Helper()
	all, err := w.Ledger.Changes(w.T.Context(), store.ChangeFilter{Forward: true, Limit: 10000})
	w.Check(err)
	return all
}

// Audited checks that the audit trail accounts for the ledger.
func (w *World) Audited() {
	w.T.Helper()
	empty, err := store.Open(w.T.Context(), store.Options{URL: "sqlite:" + filepath.Join(w.T.TempDir(), "empty.db"), Now: w.Clock.Now, Volatile: true})
	w.Check(err)
	defer func() { w.Check(empty.Close()) }()
	report, err := apply.Audit(w.T.Context(), w.Ledger, empty)
	w.Check(err)
	if len(report.Mismatches) > 0 {
		w.T.Errorf("audit: %+v", report.Mismatches)
	}
}

// Worked checks that every webhook that came was worked on.
func (w *World) Worked() {
	w.T.Helper()
	counts, err := w.Ledger.EventCounts(w.T.Context())
	w.Check(err)
	if counts[store.EventReceived]+counts[store.EventDead] > 0 {
		w.T.Errorf("events: %v", counts)
	}
}
