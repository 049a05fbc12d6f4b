package trivet_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/shoptest"
	"github.com/trivetdev/trivet/internal/store"
	driver "github.com/trivetdev/trivet/provider/stripe"
	world "github.com/trivetdev/trivet/sim/stripe"
)

const day = shoptest.Day

// opening is when every house opens.
var opening = shoptest.Opening

// house is a whole service beside a simulated Stripe.
type house struct {
	*shoptest.World
	t     *testing.T
	world *world.Server
	// pro and day are the prices of what is sold, driver is how the service reaches it.
	pro, day string
	driver   *driver.Driver
	change   func(*trivet.Config)
}

// everywhere runs a test on SQLite and on PostgreSQL.
func everywhere(t *testing.T, test func(*house)) {
	t.Helper()
	shoptest.Everywhere(t, func(t *testing.T, database string) { test(openHouse(t, database)) })
}

func openHouse(t *testing.T, database string) *house {
	t.Helper()
	h := &house{t: t}
	h.World = shoptest.Open(t, database, shoptest.Options{Accounts: []string{"stripe"}, Level: slog.LevelWarn, Configure: h.configure})
	return h
}

// configure is called whenever the service starts.
func (h *house) configure(w *shoptest.World, c *trivet.Config) {
	a := w.Accounts["stripe"]
	if h.world == nil {
		h.world, h.pro, h.day = a.Stripe, a.Sell(shoptest.Offer{Amount: 2900, Unit: "month"}), a.Sell(shoptest.Offer{Amount: 900})
	}
	h.driver, _ = c.Providers[0].(*driver.Driver)
	c.Plans = []billing.Plan{
		{ID: "pro", Features: []string{"export"}, Prices: map[string][]string{"stripe": {h.pro}}, Kind: billing.GrantSubscription},
		{ID: "day", Features: []string{"export"}, Prices: map[string][]string{"stripe": {h.day}}, Kind: billing.GrantPass, Pass: billing.CalendarPeriod{Months: 1}},
	}
	c.Pull = day
	if h.change != nil {
		h.change(c)
	}
}

// serve starts the service, which was closed; change, if given, changes its
// configuration.
func (h *house) serve(change func(*trivet.Config)) {
	h.t.Helper()
	h.change = change
	h.Serve(h.Database)
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
	h.Call(http.MethodPost, "/v1/checkouts", fmt.Sprintf(`{"customer":"user_1","plan":%q,"email":"user_1@example.com",
		"success_url":"https://app.test/yes","cancel_url":"https://app.test/no"%s}`, plan, trial), &made)
	if paid, err := h.world.PayCheckout(made.ProviderID, card); err != nil || !paid {
		h.t.Fatalf("pay %q: %t %v", made.ProviderID, paid, err)
	}
}

// until lets time pass to an offset from the opening.
func (h *house) until(offset time.Duration) {
	h.t.Helper()
	h.Until(opening.Add(offset))
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

// story tells what the audit trail says of some subjects, a line for each change:
// the day and time since the opening, what, and what happened to it. Webhooks
// take some seconds, which are left out; so is the order of different subjects
// within a minute.
func (h *house) story(subjects ...string) (lines []string) {
	h.t.Helper()
	for _, c := range h.Changes() {
		if !slices.Contains(subjects, c.Subject) {
			continue
		}
		var kinds []string
		h.Check(json.Unmarshal([]byte(c.Kinds), &kinds))
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
	for _, c := range h.Changes() {
		if c.Subject != store.SubjectAccess || !strings.HasSuffix(c.ID, " export") {
			continue
		}
		var d billing.Decision
		h.Check(json.Unmarshal([]byte(c.After), &d))
		var kinds []billing.ChangeKind
		h.Check(json.Unmarshal([]byte(c.Kinds), &kinds))
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
	h.Worked()
	drift, err := h.Ledger.Drift(h.t.Context(), store.DriftFilter{Limit: 100})
	h.Check(err)
	for _, d := range drift {
		h.t.Errorf("drift: %s %s %s by %s %s", d.Kind, d.Subject, d.Object, d.FoundBy, d.Diff)
	}
	held := map[string]string{}
	rows, err := h.Ledger.Objects(h.t.Context(), store.ObjectFilter{Limit: 10000})
	h.Check(err)
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
	h.Audited()
}

// idempotent sends a request with an idempotency key.
func (h *house) idempotent(target, body, key string) int {
	h.t.Helper()
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
	r.Header.Set("Idempotency-Key", key)
	return h.Send(r, nil)
}
