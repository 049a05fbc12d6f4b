package year_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/shoptest"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/notify/words"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/dispute"
	"github.com/trivetdev/trivet/policy/dunning"
	"github.com/trivetdev/trivet/policy/duplicate"
	"github.com/trivetdev/trivet/policy/fraud"
	"github.com/trivetdev/trivet/policy/hygiene"
	"github.com/trivetdev/trivet/policy/renewal"
	"github.com/trivetdev/trivet/sim"
)

const (
	day = shoptest.Day
	// customer is who it is all about; buyer is the address.
	customer, buyer = "user_1", "buyer@example.com"
)

// house is a shop with one customer, all policies in force, and a record of what
// comes of it.
type house struct {
	*shoptest.World
	// account is the first one: where the customer is, unless a story says otherwise.
	account string
	// prices are the ids of what is sold, by account and offer.
	prices map[string]map[string]string
	mail   *postbox
	// live is what the service now running has to the outside; one that was ended
	// has lost it.
	live *lifeline
	// digest stands for the settings of the policies; another has everybody reviewed.
	digest string

	mu    sync.Mutex
	facts []fact
}

// lifeline is what connects a service with the world outside of its process.
type lifeline struct {
	mu  sync.Mutex
	cut bool
}

func (l *lifeline) lost() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cut
}

// offers are what is sold, all of it the feature pro.
var offers = map[string]shoptest.Offer{
	"month": {Name: "Pro", Amount: 2900, Unit: "month", Threshold: 3},
	"trial": {Name: "Pro", Amount: 2900, Unit: "month", Trial: 14, Threshold: 3},
	"year":  {Name: "Pro", Amount: 29000, Unit: "year", Threshold: 3},
	"pass":  {Name: "pass", Amount: 2500},
}

// options change how a house is built.
type options struct {
	chaos sim.Chaos
	// received stands between the accounts and the service.
	receive func(h *house, account string, r *http.Request) (int, error)
}

// build opens a house on a database.
func build(t testing.TB, database string, accounts []string, o options) *house {
	t.Helper()
	h := &house{account: accounts[0], prices: map[string]map[string]string{}, live: &lifeline{}}
	h.mail = &postbox{house: h}
	h.World = shoptest.Open(t, database, shoptest.Options{
		Accounts: accounts, Chaos: o.chaos, Currency: "EUR", Configure: h.configure, Wrap: h.wrap, Level: slog.LevelWarn,
	})
	if o.receive != nil {
		h.Receive = func(account string, r *http.Request) (int, error) { return o.receive(h, account, r) }
	}
	h.Call(http.MethodPut, "/v1/customers/"+customer, fmt.Sprintf(`{"email":%q}`, buyer), nil)
	return h
}

// configure is called whenever a service starts.
func (h *house) configure(w *shoptest.World, c *trivet.Config) {
	h.World = w
	plans := map[string]map[string][]string{"pro": {}, "pass": {}}
	c.Bind = map[string][]string{}
	for name, a := range w.Accounts {
		if h.prices[name] == nil {
			h.prices[name] = map[string]string{}
			for _, offer := range []string{"month", "trial", "year", "pass"} {
				h.prices[name][offer] = a.Sell(offers[offer])
			}
		}
		p := h.prices[name]
		plans["pro"][name], plans["pass"][name] = []string{p["month"], p["trial"], p["year"]}, []string{p["pass"]}
		c.Bind[name] = []string{"token", "metadata.user_id", "custom_id", "custom_data.user_id"}
	}
	c.Plans = []billing.Plan{
		{ID: "pro", Name: "Pro", Features: []string{"pro"}, Prices: plans["pro"], Kind: billing.GrantSubscription},
		{ID: "pass", Name: "Pro for 30 days", Features: []string{"pro"}, Prices: plans["pass"], Kind: billing.GrantPass, Pass: billing.CalendarPeriod{Days: 30}},
	}
	c.Policies, c.PolicyDigest = h.policies(), h.digest
	c.Brand = words.Brand{Name: "Acme", URL: "https://acme.example", Support: "help@acme.example"}
	c.Channels = []notify.Channel{letterbox{h.mail, h.live}}
	live := h.live
	c.Tell = func(_ context.Context, w policy.Warning, _ string) error {
		if live.lost() {
			return errEnded
		}
		h.note(alerts, "alert %s %q", w.Kind, w.Title)
		return nil
	}
	c.Pull, c.Recent = day, day
}

// policies are all there are. Those about messages are switched on for merchants of
// record too, who are left out otherwise.
func (h *house) policies() (all []policy.Policy) {
	everywhere := map[string]any{"paddle": true, "lemonsqueezy": true}
	add := func(p policy.Policy, err error) {
		h.Check(err)
		all = append(all, p)
	}
	tidy := hygiene.Defaults()
	add(hygiene.New(tidy))
	ahead, err := renewal.Decode(map[string]any{"providers": everywhere})
	h.Check(err)
	add(renewal.New(ahead))
	chase, err := dunning.Decode(map[string]any{"providers": everywhere})
	h.Check(err)
	add(dunning.New(chase))
	contest, err := dispute.Decode(map[string]any{"tell": []any{"dispute_opened", "dispute_won", "dispute_lost"}})
	h.Check(err)
	add(dispute.New(contest))
	add(duplicate.New(duplicate.Defaults()))
	stop, err := fraud.Decode(map[string]any{"tell": true})
	h.Check(err)
	add(fraud.New(stop))
	return all
}

// wrap notes every call that wants to change something.
func (h *house) wrap(a *shoptest.Account, next http.RoundTripper) http.RoundTripper {
	live := h.live
	return transport(func(r *http.Request) (*http.Response, error) {
		if live.lost() {
			return nil, errEnded
		}
		before := len(a.Effects())
		resp, err := next.RoundTrip(r)
		if r.Method == http.MethodGet || reads.MatchString(r.URL.Path) {
			return resp, err
		}
		did := "changed nothing"
		if made := a.Effects()[before:]; len(made) > 0 {
			var all []string
			for _, e := range made {
				all = append(all, strings.TrimSuffix(e.Op+" "+amount(e.Amount, e.Currency), " "))
			}
			did = strings.Join(all, ", ")
		}
		if err != nil {
			did += ", " + err.Error()
		} else if resp.StatusCode >= http.StatusBadRequest {
			did += ", " + resp.Status
		}
		h.note(calls, "call %s %s%s: %s", r.Method, h.at(a.Name), anonymous(r.URL.Path), did)
		return resp, err
	})
}

// reads are the addresses of calls that change nothing although they are no GET.
var reads = regexp.MustCompile(`/oauth2/token$|preview|/verify-webhook-signature$`)

// ids are the parts of addresses that are names of objects.
var ids = regexp.MustCompile(`/([A-Za-z]+_[A-Za-z0-9]{8,}|I-[A-Z0-9]+|[A-Z0-9]{13,}|PP-[A-Z0-9-]+|[0-9]+)\b`)

func anonymous(path string) string { return ids.ReplaceAllString(path, "/…") }

// at names an account where there are several.
func (h *house) at(account string) string {
	if len(h.Accounts) == 1 {
		return ""
	}
	return account + " "
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func amount(minor int64, currency string) string {
	if currency == "" {
		return ""
	}
	return fmt.Sprintf("%d.%02d %s", minor/100, minor%100, strings.ToUpper(currency))
}

// after lets time pass until some time after the opening.
func (h *house) after(d time.Duration) {
	h.T.Helper()
	h.Until(shoptest.Opening.Add(d))
}

// postbox keeps the mails that are sent. It can be asked for them, as mail services
// can.
type postbox struct {
	house *house
	mu    sync.Mutex
	sent  []notify.Message
}

// letterbox is the way to the postbox from one life of the service.
type letterbox struct {
	*postbox
	live *lifeline
}

// Name implements [notify.Channel].
func (letterbox) Name() string { return notify.Email }

// Send implements [notify.Channel].
func (l letterbox) Send(_ context.Context, m notify.Message) (string, error) {
	if l.live.lost() {
		return "", &notify.Error{Kind: notify.Unavailable, Err: errEnded}
	}
	l.mu.Lock()
	l.sent = append(l.sent, m)
	l.mu.Unlock()
	l.house.note(mails, "mail %s to %s %q", m.Template, m.To.Email, m.Subject)
	return m.ID, nil
}

// Found implements [notify.Finder].
func (l letterbox) Found(_ context.Context, id string) (string, bool, error) {
	if l.live.lost() {
		return "", false, errEnded
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return id, slices.ContainsFunc(l.sent, func(m notify.Message) bool { return m.ID == id }), nil
}

// twice lists the mails that were sent more than once.
func (p *postbox) twice() (all []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := map[string]bool{}
	for _, m := range p.sent {
		if seen[m.ID] {
			all = append(all, m.ID)
		}
		seen[m.ID] = true
	}
	return all
}

// golden is the file of a story.
func golden(provider, story string) string {
	return filepath.Join("testdata", "year", provider, story+".txt")
}

func read(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: write it with go test ./internal/year -update, and read it", err)
	}
	return string(text)
}
