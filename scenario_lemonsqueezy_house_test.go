package trivet_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/shoptest"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/policy"
	world "github.com/trivetdev/trivet/sim/lemonsqueezy"
)

// lemonHouse is a whole service beside a simulated Lemon Squeezy.
type lemonHouse struct {
	*house
	world *world.Server
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
	// policies take the place of the usual ones.
	policies []policy.Policy
	modes    policy.Modes
}

// lemons runs a test on SQLite and on PostgreSQL.
func lemons(t *testing.T, o lemonOptions, test func(*lemonHouse)) {
	t.Helper()
	shoptest.Everywhere(t, func(t *testing.T, database string) {
		l := &lemonHouse{house: &house{t: t}}
		l.World = shoptest.Open(t, database, shoptest.Options{
			Accounts: []string{"lemonsqueezy"}, Mute: o.mute, Level: slog.LevelWarn,
			Configure: func(w *shoptest.World, c *trivet.Config) { l.furnish(o, w, c) },
		})
		l.Receive = func(_ string, r *http.Request) (int, error) { return l.deliver(r) }
		test(l)
	})
}

func (l *lemonHouse) furnish(o lemonOptions, w *shoptest.World, c *trivet.Config) {
	l.world = w.Accounts["lemonsqueezy"].Lemon
	l.world.AddCatalog()
	c.CheckKeys = true
	c.Plans = []billing.Plan{
		{ID: "pro", Features: []string{"export"}, Prices: map[string][]string{"lemonsqueezy": {world.VariantProMonth, world.VariantProTrial, world.VariantBasicWeek}}, Kind: billing.GrantSubscription},
		{ID: "life", Features: []string{"export"}, Prices: map[string][]string{"lemonsqueezy": {world.VariantForever}}, Kind: billing.GrantForever},
	}
	c.Bind = map[string][]string{"lemonsqueezy": append([]string{"token"}, o.bind...)}
	c.Policies, c.Modes = o.policies, o.modes
	if o.long {
		c.Recent = day // else every three minutes
	}
}

// pass lets time go by.
func (l *lemonHouse) pass(d time.Duration) {
	l.t.Helper()
	l.Until(l.Clock.Now().Add(d))
}

func (l *lemonHouse) deliver(r *http.Request) (int, error) {
	body, err := io.ReadAll(r.Body)
	l.Check(err)
	r.Body = io.NopCloser(bytes.NewReader(body))
	again := r.Clone(l.t.Context())
	again.Body = io.NopCloser(bytes.NewReader(body))
	l.kept = append(l.kept, again)
	if l.deaf {
		return http.StatusOK, nil
	}
	return l.Post(r)
}

// checkout sends a customer to a page and returns the provider's id and address.
func (l *lemonHouse) checkout(customer, plan string) (id, address string) {
	l.t.Helper()
	var made struct {
		ProviderID string `json:"provider_id"`
		URL        string
	}
	code := l.Call(http.MethodPost, "/v1/checkouts", fmt.Sprintf(`{"customer":%q,"plan":%q,"email":"%s@example.com",
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
	l.Call(http.MethodGet, "/v1/check?customer="+customer+"&feature=export", "", &answer)
	if answer.Allowed != want {
		l.t.Errorf("at %s %s may: %v (%s)", offset(l.Clock.Now(), time.Minute), customer, answer.Allowed, answer.Reason)
	}
}

func (l *lemonHouse) owner(kind, id string) string {
	l.t.Helper()
	o, err := l.Ledger.Object(l.t.Context(), "lemonsqueezy/"+kind+"/"+id)
	l.Check(err)
	return o.Customer
}

func (l *lemonHouse) subscriptionOf(order string) string {
	l.t.Helper()
	id, err := l.world.SubscriptionOf(order)
	l.Check(err)
	return id
}

// audited checks that the trail accounts for the ledger, and that the ledger has
// every noun that there is and no other.
func (l *lemonHouse) audited() {
	l.t.Helper()
	l.Audited()
	rows, err := l.Ledger.Objects(l.t.Context(), store.ObjectFilter{Present: true, Limit: 10000})
	l.Check(err)
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
