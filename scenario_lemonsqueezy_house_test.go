package trivet_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/pgtest"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
	driver "github.com/trivetdev/trivet/provider/lemonsqueezy"
	"github.com/trivetdev/trivet/sim"
	world "github.com/trivetdev/trivet/sim/lemonsqueezy"
)

const lemonSecret = "a secret for webhooks"

// lemonHouse is a whole service beside a simulated Lemon Squeezy.
type lemonHouse struct {
	*house
	world  *world.Server
	client *http.Client
	// deaf loses every webhook.
	deaf bool
	// kept are the webhooks that came, each as often as it was sent.
	kept []*http.Request
}

// lemonOptions say how a house is furnished.
type lemonOptions struct {
	// mute: return addresses do not name the order.
	mute bool
	// bind is what counts besides the token.
	bind []string
	// long is for tests of weeks: the newest objects are listed once a day.
	long bool
}

// lemons runs a test on SQLite and on PostgreSQL.
func lemons(t *testing.T, o lemonOptions, test func(*lemonHouse)) {
	t.Helper()
	recent := time.Duration(0) // every three minutes
	if o.long {
		recent = day
	}
	open := func(t *testing.T, database string) *lemonHouse {
		clock := sim.NewClock(opening)
		w := world.New(world.Config{
			Seed: 1, Clock: clock, WebhookURL: "https://billing.test/webhooks/lemonsqueezy", WebhookSecret: lemonSecret, Variables: !o.mute,
		})
		w.AddCatalog()
		l := &lemonHouse{house: &house{t: t, clock: clock, database: database}, world: w}
		d, err := driver.New(driver.Config{
			Account: "lemonsqueezy", APIKey: w.APIKey(), Store: w.Store(), WebhookSecrets: []string{lemonSecret},
			Transport: sim.Transport(w.Handler()), Now: clock.Now,
		})
		l.check(err)
		l.Service, err = trivet.New(t.Context(), trivet.Config{
			PublicURL: "https://billing.test", Database: database, Volatile: true, Providers: []provider.Driver{d}, CheckKeys: true,
			Plans: []billing.Plan{
				{ID: "pro", Features: []string{"export"}, Prices: map[string][]string{"lemonsqueezy": {world.VariantProMonth, world.VariantBasicWeek}}, Kind: billing.GrantSubscription},
				{ID: "life", Features: []string{"export"}, Prices: map[string][]string{"lemonsqueezy": {world.VariantForever}}, Kind: billing.GrantForever},
			},
			Bind: map[string][]string{"lemonsqueezy": append([]string{"token"}, o.bind...)}, Recent: recent, APIKeys: []string{serviceKey}, Now: clock.Now, Hot: day, Watch: day, Full: 7*day + 37*time.Minute,
			Log: slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelWarn})),
		})
		l.check(err)
		t.Cleanup(func() { _ = l.Close() })
		l.ledger, err = store.Open(t.Context(), store.Options{URL: database, Now: clock.Now, Volatile: true})
		l.check(err)
		t.Cleanup(func() { _ = l.ledger.Close() })
		return l
	}
	t.Run("sqlite", func(t *testing.T) { test(open(t, "sqlite:"+filepath.Join(t.TempDir(), "trivet.db"))) })
	t.Run("postgres", func(t *testing.T) { test(open(t, pgtest.URL(t))) })
}

// pass lets time go by.
func (l *lemonHouse) pass(d time.Duration) {
	l.t.Helper()
	for end := l.clock.Now().Add(d); ; {
		next := end
		for _, due := range []func() (time.Time, bool){l.world.NextAt, func() (time.Time, bool) {
			at, waits, err := l.Next(l.t.Context())
			l.check(err)
			return at, waits
		}} {
			if at, waits := due(); waits && at.Before(next) {
				next = at
			}
		}
		if next.After(l.clock.Now()) {
			l.world.Advance(next)
		}
		l.world.Deliver(l.t.Context(), l.deliver)
		_, err := l.Step(l.t.Context())
		l.check(err)
		if !l.clock.Now().Before(end) {
			return
		}
	}
}

func (l *lemonHouse) deliver(r *http.Request) (int, error) {
	body, err := io.ReadAll(r.Body)
	l.check(err)
	r.Body = io.NopCloser(bytes.NewReader(body))
	again := r.Clone(l.t.Context())
	again.Body = io.NopCloser(bytes.NewReader(body))
	l.kept = append(l.kept, again)
	if l.deaf {
		return http.StatusOK, nil
	}
	return l.post(r)
}

// checkout sends a customer to a page and returns the provider's id and address.
func (l *lemonHouse) checkout(customer, plan string) (id, address string) {
	l.t.Helper()
	var made struct {
		ProviderID string `json:"provider_id"`
		URL        string
	}
	code := l.call(http.MethodPost, "/v1/checkouts", fmt.Sprintf(`{"customer":%q,"plan":%q,"email":"%s@example.com",
		"success_url":"https://app.test/yes","cancel_url":"https://app.test/no"}`, customer, plan, customer), &made)
	if code != http.StatusCreated && code != http.StatusOK {
		l.t.Fatalf("checkout: %d", code)
	}
	return made.ProviderID, made.URL
}

// buy pays a checkout by its page and returns where the browser is sent.
func (l *lemonHouse) buy(customer, plan, email string) (order, back string) {
	l.t.Helper()
	id, address := l.checkout(customer, plan)
	r := httptest.NewRequest(http.MethodPost, address, strings.NewReader(url.Values{"action": {"good"}, "email": {email}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	l.world.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusSeeOther {
		l.t.Fatalf("pay: %d %s", w.Code, w.Body)
	}
	orders := l.world.Bought(id)
	return orders[len(orders)-1], w.Header().Get("Location")
}

// comeBack opens the return address and tells what the service says.
func (l *lemonHouse) comeBack(address string) (code int, status string) {
	l.t.Helper()
	r := httptest.NewRequest(http.MethodGet, strings.NewReplacer("[", "%5B", "]", "%5D").Replace(address), nil)
	r.Header.Set("Accept", "application/json")
	w := httptest.NewRecorder()
	l.Handler().ServeHTTP(w, r)
	_, text, _ := strings.Cut(w.Body.String(), `"status":"`)
	status, _, _ = strings.Cut(text, `"`)
	return w.Code, status
}

func (l *lemonHouse) may(customer string, want bool) {
	l.t.Helper()
	var answer struct {
		Allowed bool
		Reason  string
	}
	l.call(http.MethodGet, "/v1/check?customer="+customer+"&feature=export", "", &answer)
	if answer.Allowed != want {
		l.t.Errorf("at %s %s may: %v (%s)", offset(l.clock.Now(), time.Minute), customer, answer.Allowed, answer.Reason)
	}
}

func (l *lemonHouse) owner(kind, id string) string {
	l.t.Helper()
	o, err := l.ledger.Object(l.t.Context(), "lemonsqueezy/"+kind+"/"+id)
	l.check(err)
	return o.Customer
}

func (l *lemonHouse) subscriptionOf(order string) string {
	l.t.Helper()
	id, err := l.world.SubscriptionOf(order)
	l.check(err)
	return id
}

// audited checks that the trail accounts for the ledger, and that the ledger has
// every noun that there is and no other.
func (l *lemonHouse) audited() {
	l.t.Helper()
	empty, err := store.Open(l.t.Context(), store.Options{URL: "sqlite:" + filepath.Join(l.t.TempDir(), "empty.db"), Now: l.clock.Now, Volatile: true})
	l.check(err)
	defer empty.Close()
	report, err := apply.Audit(l.t.Context(), l.ledger, empty)
	l.check(err)
	if len(report.Mismatches) > 0 {
		l.t.Errorf("audit: %+v", report.Mismatches)
	}
	rows, err := l.ledger.Objects(l.t.Context(), store.ObjectFilter{Present: true, Limit: 10000})
	l.check(err)
	held := map[string]bool{}
	for _, o := range rows {
		held[o.Kind+" "+o.ID] = true
	}
	for _, o := range l.world.Truth() {
		if !held[o.Kind+" "+o.ID] {
			l.t.Errorf("the ledger lacks %s %s", o.Kind, o.ID)
		}
		delete(held, o.Kind+" "+o.ID)
	}
	for name := range held {
		l.t.Errorf("there is no %s", name)
	}
}
