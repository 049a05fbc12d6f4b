package trivet_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/shoptest"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/sim/lemonsqueezy"
	"github.com/trivetdev/trivet/sim/paddle"
	"github.com/trivetdev/trivet/sim/paypal"
	"github.com/trivetdev/trivet/sim/stripe"
)

// mall is a whole service beside several simulated provider accounts, where the same
// plan, pro, is sold for a month.
type mall struct {
	*house
	// price is that of the plan, by account.
	price map[string]string
	// away are the accounts whose webhooks find nobody, and are sent again later.
	away map[string]bool

	stripe, stripeEU *stripe.Server
	paypal           *paypal.Server
	paddle           *paddle.Server
	lemon            *lemonsqueezy.Server
}

// malls runs a test on SQLite and on PostgreSQL with some accounts.
func malls(t *testing.T, accounts []string, test func(*mall)) {
	t.Helper()
	shoptest.Everywhere(t, func(t *testing.T, database string) {
		m := &mall{house: &house{t: t}, price: map[string]string{}, away: map[string]bool{}}
		m.World = shoptest.Open(t, database, shoptest.Options{Accounts: accounts, Level: slog.LevelError, Configure: m.furnish})
		m.Receive = func(account string, r *http.Request) (int, error) {
			if m.away[account] {
				return http.StatusServiceUnavailable, nil
			}
			return m.Post(r)
		}
		test(m)
	})
}

// furnish puts the plan up for sale at each account. Besides the token, what the
// application writes counts where it sells by itself.
func (m *mall) furnish(w *shoptest.World, c *trivet.Config) {
	prices := map[string][]string{}
	c.Bind = map[string][]string{}
	for name, a := range w.Accounts {
		switch {
		case a.Lemon != nil:
			a.Lemon.AddCatalog()
			m.lemon, m.price[name] = a.Lemon, lemonsqueezy.VariantProMonth
		case name == "stripe_eu":
			m.stripeEU, m.price[name] = a.Stripe, sellPro(a)
		case a.Stripe != nil:
			m.stripe, m.price[name] = a.Stripe, sellPro(a)
		case a.PayPal != nil:
			m.paypal, m.price[name] = a.PayPal, sellPro(a)
		case a.Paddle != nil:
			m.paddle, m.price[name] = a.Paddle, sellPro(a)
		}
		prices[name] = []string{m.price[name]}
		c.Bind[name] = []string{"token", "metadata.user_id", "custom_id", "custom_data.user_id"}
		c.NoPull = append(c.NoPull, name) // without the lists of events, what a stuck webhook would tell comes late
	}
	c.Plans = []billing.Plan{{ID: "pro", Features: []string{"export"}, Prices: prices, Kind: billing.GrantSubscription}}
	c.Recent = day
}

func sellPro(a *shoptest.Account) string {
	return a.Sell(shoptest.Offer{Name: "Pro", Amount: 2900, Unit: "month", Threshold: 1})
}

// begin makes a checkout at an account.
func (m *mall) begin(account, customer string) (id string, status int) {
	m.t.Helper()
	var made struct {
		ProviderID string `json:"provider_id"`
	}
	status = m.Call(http.MethodPost, "/v1/checkouts", fmt.Sprintf(`{"customer":%q,"plan":"pro","provider":%q,"email":"%s@example.com",
		"success_url":"https://app.test/yes","cancel_url":"https://app.test/no"}`, customer, account, customer), &made)
	return made.ProviderID, status
}

// answer is what the one question is answered: "yes active by paypal".
func (m *mall) answer(customer string) string {
	m.t.Helper()
	var a struct {
		Allowed bool
		Reason  string
		Source  *struct {
			Provider *string
			Kind     string
		}
	}
	if status := m.Call(http.MethodGet, "/v1/check?customer="+customer+"&feature=export", "", &a); status != http.StatusOK {
		m.t.Errorf("check: %d", status)
	}
	text := map[bool]string{true: "yes ", false: "no "}[a.Allowed] + a.Reason
	switch {
	case a.Source == nil:
	case a.Source.Provider == nil:
		text += " by " + a.Source.Kind
	default:
		text += " by " + *a.Source.Provider
	}
	return text
}

// says checks the answer at this moment.
func (m *mall) says(customer, want string) {
	m.t.Helper()
	if got := m.answer(customer); got != want {
		m.t.Errorf("on %s %s may: %s, want %s", offset(m.Clock.Now(), time.Minute), customer, got, want)
	}
}

// accessOf tells when a customer's access changed, to the minute, and because of what.
func (m *mall) accessOf(customer string) (lines []string) {
	m.t.Helper()
	for _, c := range m.Changes() {
		if c.Subject != store.SubjectAccess || c.ID != customer+" export" {
			continue
		}
		var d billing.Decision
		m.Check(json.Unmarshal([]byte(c.After), &d))
		var kinds []billing.ChangeKind
		m.Check(json.Unmarshal([]byte(c.Kinds), &kinds))
		if slices.Contains(kinds, billing.AccessChanged) {
			lines = append(lines, fmt.Sprintf("%s %s %s", offset(c.At, time.Minute), map[bool]string{true: "yes", false: "no"}[d.Allowed], d.Reason))
		}
	}
	return lines
}

// subscriptions tells what the audit trail says of an account's subscriptions.
func (m *mall) subscriptions(account string) (lines []string) {
	m.t.Helper()
	for _, c := range m.Changes() {
		if c.Subject != string(billing.KindSubscription) || c.Account != account {
			continue
		}
		var kinds []string
		m.Check(json.Unmarshal([]byte(c.Kinds), &kinds))
		lines = append(lines, fmt.Sprintf("%s %s: %s", offset(c.At, time.Minute), c.Customer, strings.Join(kinds, " ")))
	}
	return lines
}

// findings lists what stands or stood until somebody acted, oldest first.
func (m *mall) findings() (lines []string) {
	m.t.Helper()
	rows, err := m.Ledger.Drift(m.t.Context(), store.DriftFilter{Limit: 100})
	m.Check(err)
	for _, d := range slices.Backward(rows) {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s %s of %s, %s %s", offset(d.FoundAt, time.Minute), d.Kind, d.Account, d.Customer, d.State, when(d.HealedAt))))
	}
	return lines
}

func when(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return offset(at, time.Minute)
}

// owners lists whose the objects of an account are that the provider tells of.
func (m *mall) owners(account string) (refs []string) {
	m.t.Helper()
	rows, err := m.Ledger.Objects(m.t.Context(), store.ObjectFilter{Account: account, Limit: 1000})
	m.Check(err)
	seen := map[string]bool{}
	for _, o := range rows {
		seen[o.Customer] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// audited checks that the audit trail accounts for the ledger, and that every webhook
// that came was worked on.
func (m *mall) audited() {
	m.t.Helper()
	m.Audited()
	m.Worked()
}
