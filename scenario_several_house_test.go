package trivet_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/pgtest"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
	lemondriver "github.com/trivetdev/trivet/provider/lemonsqueezy"
	paddledriver "github.com/trivetdev/trivet/provider/paddle"
	paypaldriver "github.com/trivetdev/trivet/provider/paypal"
	stripedriver "github.com/trivetdev/trivet/provider/stripe"
	"github.com/trivetdev/trivet/sim"
	"github.com/trivetdev/trivet/sim/lemonsqueezy"
	"github.com/trivetdev/trivet/sim/paddle"
	"github.com/trivetdev/trivet/sim/paypal"
	"github.com/trivetdev/trivet/sim/stripe"
)

// shop is a simulated provider account.
type shop interface {
	Advance(t time.Time)
	NextAt() (time.Time, bool)
	Deliver(ctx context.Context, post func(*http.Request) (int, error)) int
	Truth() []sim.Object
	Effects() []sim.Effect
}

// mall is a whole service beside several simulated provider accounts, where the same
// plan, pro, is sold for a month.
type mall struct {
	*house
	shops map[string]shop
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
	open := func(t *testing.T, database string) *mall {
		clock := sim.NewClock(opening)
		m := &mall{
			house: &house{t: t, clock: clock, database: database},
			shops: map[string]shop{}, price: map[string]string{}, away: map[string]bool{},
		}
		var drivers []provider.Driver
		for _, account := range accounts {
			d, err := m.furnish(account)
			m.check(err)
			drivers = append(drivers, d)
		}
		prices := map[string][]string{}
		for account, price := range m.price {
			prices[account] = []string{price}
		}
		var err error
		m.Service, err = trivet.New(t.Context(), trivet.Config{
			PublicURL: "https://billing.test", Database: database, Volatile: true, Providers: drivers,
			Plans: []billing.Plan{{ID: "pro", Features: []string{"export"}, Prices: prices, Kind: billing.GrantSubscription}},
			Bind:  m.trusts(accounts),
			// Without the lists of events, what a stuck webhook would tell comes late.
			NoPull:  accounts,
			APIKeys: []string{serviceKey}, Now: clock.Now, Hot: day, Watch: day, Recent: day, Full: 7*day + 37*time.Minute,
			Log: slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelError})),
		})
		m.check(err)
		t.Cleanup(func() { _ = m.Close() })
		m.ledger, err = store.Open(t.Context(), store.Options{URL: database, Now: clock.Now, Volatile: true})
		m.check(err)
		t.Cleanup(func() { _ = m.ledger.Close() })
		return m
	}
	t.Run("sqlite", func(t *testing.T) { test(open(t, "sqlite:"+filepath.Join(t.TempDir(), "trivet.db"))) })
	t.Run("postgres", func(t *testing.T) { test(open(t, pgtest.URL(t))) })
}

// trusts is what counts besides the token: what the application writes where it sells
// by itself.
func (m *mall) trusts(accounts []string) map[string][]string {
	bind := map[string][]string{}
	for _, account := range accounts {
		bind[account] = []string{"token", "metadata.user_id", "custom_id", "custom_data.user_id"}
	}
	return bind
}

// furnish opens an account. The two of Stripe are of one seed, so that they give the
// same ids to different things.
func (m *mall) furnish(account string) (provider.Driver, error) {
	hook := "https://billing.test/webhooks/" + account
	switch account {
	case "stripe", "stripe_eu":
		w := stripe.New(stripe.Config{Seed: 1, Clock: m.clock, WebhookURL: hook, WebhookSecrets: []string{"whsec_" + account}, PublicURL: "https://pay.test"})
		m.price[account], m.shops[account] = w.AddPrice(stripe.Price{Currency: "eur", Amount: 2900, Interval: "month"}), w
		if account == "stripe" {
			m.stripe = w
		} else {
			m.stripeEU = w
		}
		return stripedriver.New(stripedriver.Config{
			Account: account, SecretKey: w.SecretKey(), WebhookSecrets: []string{"whsec_" + account}, Transport: sim.Transport(w.Handler()), Now: m.clock.Now,
		})
	case "paypal":
		const api = "https://api-m.paypal.test"
		m.paypal = paypal.New(paypal.Config{Seed: 1, Clock: m.clock, WebhookURL: hook, WebhookID: "WH-SIM-1", APIURL: api})
		m.paypal.AddPlan(paypal.Plan{ID: "P-PRO", Name: "Pro", Unit: "MONTH", Amount: 2900, Currency: "EUR", AutoBill: true, Threshold: 1})
		m.price[account], m.shops[account] = "P-PRO", m.paypal
		return paypaldriver.New(paypaldriver.Config{
			Account: account, ClientID: "client_sim", ClientSecret: "secret_sim", WebhookIDs: []string{"WH-SIM-1"},
			BaseURL: api, CertBaseURL: api, CA: paypal.CA(), Transport: sim.Transport(m.paypal.Handler()), Now: m.clock.Now,
		})
	case "paddle":
		const key, secret = "pdl_live_apikey_01several00000000000000_test", "pdl_ntfset_01several00000000000000_test"
		m.paddle = paddle.New(paddle.Config{Seed: 1, Clock: m.clock, WebhookURL: hook, WebhookSecrets: []string{secret}, APIKey: key, PaymentLink: "https://shop.test/pay"})
		m.price[account], m.shops[account] = m.paddle.AddPrice(paddle.Price{Product: "Pro", Currency: "EUR", Amount: 2900, Interval: "month"}), m.paddle
		return paddledriver.New(paddledriver.Config{
			Account: account, APIKey: key, WebhookSecrets: []string{secret}, BaseURL: "https://api.paddle.test",
			Transport: sim.Transport(m.paddle.Handler()), Now: m.clock.Now,
		})
	case "lemonsqueezy":
		m.lemon = lemonsqueezy.New(lemonsqueezy.Config{Seed: 1, Clock: m.clock, WebhookURL: hook, WebhookSecret: lemonSecret})
		m.lemon.AddCatalog()
		m.price[account], m.shops[account] = lemonsqueezy.VariantProMonth, m.lemon
		return lemondriver.New(lemondriver.Config{
			Account: account, APIKey: m.lemon.APIKey(), Store: m.lemon.Store(), WebhookSecrets: []string{lemonSecret},
			Transport: sim.Transport(m.lemon.Handler()), Now: m.clock.Now,
		})
	}
	return nil, fmt.Errorf("no simulator for %q", account)
}

// until lets time pass to an offset from the opening, at all accounts alike.
func (m *mall) until(offset time.Duration) {
	m.t.Helper()
	names := slices.Sorted(maps.Keys(m.shops))
	for end := opening.Add(offset); ; {
		next := end
		for _, name := range names {
			if at, waits := m.shops[name].NextAt(); waits && at.Before(next) {
				next = at
			}
		}
		at, waits, err := m.Next(m.t.Context())
		m.check(err)
		if waits && at.Before(next) {
			next = at
		}
		if next.After(m.clock.Now()) {
			for _, name := range names {
				m.shops[name].Advance(next)
			}
			m.clock.Set(next)
		}
		for _, name := range names {
			m.shops[name].Deliver(m.t.Context(), func(r *http.Request) (int, error) {
				if m.away[name] {
					return http.StatusServiceUnavailable, nil
				}
				return m.post(r)
			})
		}
		if _, err := m.Step(m.t.Context()); err != nil {
			m.t.Fatal(err)
		}
		if !m.clock.Now().Before(end) {
			return
		}
	}
}

// begin makes a checkout at an account.
func (m *mall) begin(account, customer string) (id string, status int) {
	m.t.Helper()
	var made struct {
		ProviderID string `json:"provider_id"`
	}
	status = m.call(http.MethodPost, "/v1/checkouts", fmt.Sprintf(`{"customer":%q,"plan":"pro","provider":%q,"email":"%s@example.com",
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
	if status := m.call(http.MethodGet, "/v1/check?customer="+customer+"&feature=export", "", &a); status != http.StatusOK {
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
		m.t.Errorf("on %s %s may: %s, want %s", offset(m.clock.Now(), time.Minute), customer, got, want)
	}
}

// accessOf tells when a customer's access changed, to the minute, and because of what.
func (m *mall) accessOf(customer string) (lines []string) {
	m.t.Helper()
	for _, c := range m.changes() {
		if c.Subject != store.SubjectAccess || c.ID != customer+" export" {
			continue
		}
		var d billing.Decision
		m.check(json.Unmarshal([]byte(c.After), &d))
		var kinds []billing.ChangeKind
		m.check(json.Unmarshal([]byte(c.Kinds), &kinds))
		if slices.Contains(kinds, billing.AccessChanged) {
			lines = append(lines, fmt.Sprintf("%s %s %s", offset(c.At, time.Minute), map[bool]string{true: "yes", false: "no"}[d.Allowed], d.Reason))
		}
	}
	return lines
}

// subscriptions tells what the audit trail says of an account's subscriptions.
func (m *mall) subscriptions(account string) (lines []string) {
	m.t.Helper()
	for _, c := range m.changes() {
		if c.Subject != string(billing.KindSubscription) || c.Account != account {
			continue
		}
		var kinds []string
		m.check(json.Unmarshal([]byte(c.Kinds), &kinds))
		lines = append(lines, fmt.Sprintf("%s %s: %s", offset(c.At, time.Minute), c.Customer, strings.Join(kinds, " ")))
	}
	return lines
}

// findings lists what stands or stood until somebody acted, oldest first.
func (m *mall) findings() (lines []string) {
	m.t.Helper()
	rows, err := m.ledger.Drift(m.t.Context(), store.DriftFilter{Limit: 100})
	m.check(err)
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
	rows, err := m.ledger.Objects(m.t.Context(), store.ObjectFilter{Account: account, Limit: 1000})
	m.check(err)
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
	empty, err := store.Open(m.t.Context(), store.Options{URL: "sqlite:" + filepath.Join(m.t.TempDir(), "empty.db"), Now: m.clock.Now, Volatile: true})
	m.check(err)
	defer empty.Close()
	report, err := apply.Audit(m.t.Context(), m.ledger, empty)
	m.check(err)
	if len(report.Mismatches) > 0 {
		m.t.Errorf("audit: %+v", report.Mismatches)
	}
	counts, err := m.ledger.EventCounts(m.t.Context())
	m.check(err)
	if counts[store.EventReceived]+counts[store.EventDead] > 0 {
		m.t.Errorf("events: %v", counts)
	}
}
