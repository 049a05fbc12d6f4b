package trivet_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/pgtest"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
	driver "github.com/trivetdev/trivet/provider/stripe"
	"github.com/trivetdev/trivet/sim"
	world "github.com/trivetdev/trivet/sim/stripe"
)

const (
	day = 24 * time.Hour
	// serviceKey opens the API of the services under test.
	serviceKey = "key_for_tests"
)

// opening is when every house opens.
var opening = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// house is a whole service beside a simulated Stripe, both in this process and on
// one virtual clock.
type house struct {
	*trivet.Service
	t     *testing.T
	clock *sim.Clock
	world *world.Server
	// ledger reads what the service wrote.
	ledger   *store.DB
	database string
	pro, day string
	driver   *driver.Driver
}

// everywhere runs a test on SQLite and on PostgreSQL.
func everywhere(t *testing.T, test func(*house)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(openHouse(t, "sqlite:"+filepath.Join(t.TempDir(), "trivet.db"))) })
	t.Run("postgres", func(t *testing.T) { test(openHouse(t, pgtest.URL(t))) })
}

func openHouse(t *testing.T, database string) *house {
	t.Helper()
	clock := sim.NewClock(opening)
	h := &house{t: t, clock: clock, database: database, world: world.New(world.Config{
		Seed: 1, Clock: clock, WebhookURL: "https://billing.test/webhooks/stripe", PublicURL: "https://pay.test",
	})}
	h.pro = h.world.AddPrice(world.Price{Currency: "eur", Amount: 2900, Interval: "month"})
	h.day = h.world.AddPrice(world.Price{Currency: "eur", Amount: 900})
	var err error
	h.driver, err = driver.New(driver.Config{
		Account: "stripe", SecretKey: h.world.SecretKey(), WebhookSecrets: []string{"whsec_sim"},
		Transport: sim.Transport(h.world.Handler()), Now: clock.Now,
	})
	h.check(err)
	h.serve(nil)
	t.Cleanup(func() { _ = h.Close() })
	h.ledger, err = store.Open(t.Context(), store.Options{URL: database, Now: clock.Now, Volatile: true})
	h.check(err)
	t.Cleanup(func() { _ = h.ledger.Close() })
	return h
}

// serve starts the service; change, if given, changes its configuration.
func (h *house) serve(change func(*trivet.Config)) {
	h.t.Helper()
	config := trivet.Config{
		PublicURL: "https://billing.test", Database: h.database, Volatile: true, Providers: []provider.Driver{h.driver},
		Plans: []billing.Plan{
			{ID: "pro", Features: []string{"export"}, Prices: map[string][]string{"stripe": {h.pro}}, Kind: billing.GrantSubscription},
			{ID: "day", Features: []string{"export"}, Prices: map[string][]string{"stripe": {h.day}}, Kind: billing.GrantPass, Pass: billing.CalendarPeriod{Months: 1}},
		},
		APIKeys: []string{serviceKey}, Now: h.clock.Now, Pull: day, Hot: day, Watch: day,
		// Off the hour at which things happen here: what a sweep finds in the seconds
		// before a webhook comes counts as drift.
		Full: 7*day + 37*time.Minute,
		Log:  slog.New(slog.NewTextHandler(testLog{h.t}, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	if change != nil {
		change(&config)
	}
	var err error
	h.Service, err = trivet.New(h.t.Context(), config)
	h.check(err)
}

type testLog struct{ t testing.TB }

func (w testLog) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

func (h *house) check(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// call sends a request of the application's to the service.
func (h *house) call(method, target, body string, into any) int {
	h.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+serviceKey)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.Handler().ServeHTTP(w, r)
	if into != nil {
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
			h.t.Fatalf("%s %s: %d %s", method, target, w.Code, w.Body)
		}
	}
	if w.Code >= 400 {
		h.t.Logf("%s %s: %d %s", method, target, w.Code, w.Body)
	}
	return w.Code
}

// buy sends the customer through a checkout; their browser does not come back.
func (h *house) buy(plan string, card world.Card, trialEnd time.Time) {
	h.t.Helper()
	trial := ""
	if !trialEnd.IsZero() {
		trial = fmt.Sprintf(`,"trial_end":%q`, trialEnd.Format(time.RFC3339))
	}
	var made struct {
		ProviderID string `json:"provider_id"`
	}
	h.call(http.MethodPost, "/v1/checkouts", fmt.Sprintf(`{"customer":"user_1","plan":%q,"email":"user_1@example.com",
		"success_url":"https://app.test/yes","cancel_url":"https://app.test/no"%s}`, plan, trial), &made)
	if paid, err := h.world.PayCheckout(made.ProviderID, card); err != nil || !paid {
		h.t.Fatalf("pay %q: %t %v", made.ProviderID, paid, err)
	}
}

// post delivers a webhook in this process.
func (h *house) post(r *http.Request) (int, error) {
	r.RequestURI = ""
	r.URL = &url.URL{Path: r.URL.Path}
	w := httptest.NewRecorder()
	h.Handler().ServeHTTP(w, r)
	_, _ = io.Copy(io.Discard, w.Body)
	return w.Code, nil
}

// until lets time pass to an offset from the opening, delivering and working
// whatever comes due.
func (h *house) until(offset time.Duration) {
	h.t.Helper()
	for end := opening.Add(offset); ; {
		next := end
		if at, waits := h.world.NextAt(); waits && at.Before(next) {
			next = at
		}
		at, waits, err := h.Next(h.t.Context())
		h.check(err)
		if waits && at.Before(next) {
			next = at
		}
		if next.After(h.clock.Now()) {
			h.world.Advance(next)
			h.clock.Set(next)
		}
		h.world.Deliver(h.t.Context(), h.post)
		if _, err := h.Step(h.t.Context()); err != nil {
			h.t.Fatal(err)
		}
		if !h.clock.Now().Before(end) {
			return
		}
	}
}

// only returns the only object of a kind at the provider, the newest if there are
// several.
func (h *house) only(kind string) string {
	h.t.Helper()
	id := ""
	for _, o := range h.world.Truth() {
		if o.Kind == kind {
			id = o.ID
		}
	}
	if id == "" {
		h.t.Fatal("the provider has no " + kind)
	}
	return id
}

func (h *house) changes() []store.Change {
	h.t.Helper()
	all, err := h.ledger.Changes(h.t.Context(), store.ChangeFilter{Forward: true, Limit: 10000})
	h.check(err)
	return all
}

// story tells what the audit trail says of some subjects, a line for each change:
// the day and time since the opening, what, and what happened to it. Webhooks
// take some seconds, which are left out; so is the order of different subjects
// within a minute.
func (h *house) story(subjects ...string) (lines []string) {
	h.t.Helper()
	for _, c := range h.changes() {
		if !slices.Contains(subjects, c.Subject) {
			continue
		}
		var kinds []string
		h.check(json.Unmarshal([]byte(c.Kinds), &kinds))
		lines = append(lines, fmt.Sprintf("%s %s: %s", offset(c.At, time.Minute), c.Subject, strings.Join(kinds, " ")))
	}
	slices.SortStableFunc(lines, func(a, b string) int { return strings.Compare(head(a), head(b)) })
	return lines
}

// head is the time and subject of a line of a story.
func head(line string) string { return strings.Join(strings.Fields(line)[:2], " ") }

// offset writes the time since the opening, "31d01:00".
func offset(at time.Time, exact time.Duration) string {
	since := at.Sub(opening).Truncate(exact)
	text := fmt.Sprintf("%02dd%02d:%02d", since/day, since%day/time.Hour, since%time.Hour/time.Minute)
	if exact < time.Minute {
		text += fmt.Sprintf(":%02d", since%time.Minute/time.Second)
	}
	return text
}

// access tells when the customer's access changed, to the second.
func (h *house) access() (lines []string) {
	h.t.Helper()
	for _, c := range h.changes() {
		if c.Subject != store.SubjectAccess || !strings.HasSuffix(c.ID, " export") {
			continue
		}
		var d billing.Decision
		h.check(json.Unmarshal([]byte(c.After), &d))
		var kinds []billing.ChangeKind
		h.check(json.Unmarshal([]byte(c.Kinds), &kinds))
		if slices.Contains(kinds, billing.AccessChanged) {
			lines = append(lines, fmt.Sprintf("%s %s %s", offset(c.At, time.Second), map[bool]string{true: "yes", false: "no"}[d.Allowed], d.Reason))
		}
	}
	return lines
}

// expect compares a story with what it should be.
func (h *house) expect(name string, got []string, want ...string) {
	h.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		h.t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// settled checks what must hold at the end of every scenario: no event is open or
// dead, no drift was found, the ledger says what the provider says, and the audit
// trail accounts for it.
func (h *house) settled() {
	h.t.Helper()
	counts, err := h.ledger.EventCounts(h.t.Context())
	h.check(err)
	if counts[store.EventReceived]+counts[store.EventDead] > 0 {
		h.t.Errorf("events: %v", counts)
	}
	drift, err := h.ledger.Drift(h.t.Context(), store.DriftFilter{Limit: 100})
	h.check(err)
	for _, d := range drift {
		h.t.Errorf("drift: %s %s %s by %s %s", d.Kind, d.Subject, d.Object, d.FoundBy, d.Diff)
	}
	held := map[string]string{}
	rows, err := h.ledger.Objects(h.t.Context(), store.ObjectFilter{Limit: 10000})
	h.check(err)
	for _, o := range rows {
		held[o.ID] = o.Status
		if o.Customer == "" {
			h.t.Errorf("%s belongs to nobody", o.Key)
		}
	}
	for _, truth := range h.world.Truth() {
		if status, known := held[truth.ID]; !known || status != truth.Fields["status"] {
			h.t.Errorf("%s %s is %q here and %q there", truth.Kind, truth.ID, status, truth.Fields["status"])
		}
	}
	empty, err := store.Open(h.t.Context(), store.Options{URL: "sqlite:" + filepath.Join(h.t.TempDir(), "empty.db"), Now: h.clock.Now, Volatile: true})
	h.check(err)
	defer empty.Close()
	report, err := apply.Audit(h.t.Context(), h.ledger, empty)
	h.check(err)
	if len(report.Mismatches) > 0 {
		h.t.Errorf("audit: %+v", report.Mismatches)
	}
}

// idempotent sends a request with an idempotency key.
func (h *house) idempotent(target, body, key string) int {
	h.t.Helper()
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+serviceKey)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", key)
	w := httptest.NewRecorder()
	h.Handler().ServeHTTP(w, r)
	if w.Code >= 400 {
		h.t.Logf("%s: %d %s", target, w.Code, w.Body)
	}
	return w.Code
}
