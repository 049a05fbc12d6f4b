package link_test

import (
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
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/pgtest"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/link"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/lemonsqueezy"
	"github.com/trivetdev/trivet/provider/paddle"
	"github.com/trivetdev/trivet/provider/paypal"
	"github.com/trivetdev/trivet/provider/stripe"
	"github.com/trivetdev/trivet/sim"
	simls "github.com/trivetdev/trivet/sim/lemonsqueezy"
	simpaddle "github.com/trivetdev/trivet/sim/paddle"
	simpaypal "github.com/trivetdev/trivet/sim/paypal"
	simstripe "github.com/trivetdev/trivet/sim/stripe"
)

var start = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

const public = "https://billing.test"

// house is links on a ledger, beside one simulated provider, where user_1 has a
// subscription and user_2 another.
type house struct {
	t     *testing.T
	clock *sim.Clock
	db    *store.DB
	apply *apply.Applier
	links *link.Links
	mux   *http.ServeMux
	net   *network
	// account is the provider's name; mine and other are the subscriptions.
	account     string
	shop        shop
	mine, other string
}

// network counts calls, and can be cut.
type network struct {
	mu    sync.Mutex
	next  http.RoundTripper
	calls int
	fail  func(*http.Request) (*http.Response, error)
}

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls++
	if n.fail != nil {
		return n.fail(r)
	}
	return n.next.RoundTrip(r)
}

// shop is a simulated provider: its driver, and how somebody buys a subscription,
// whose owner at the provider is empty where that does not matter.
type shop struct {
	driver func(clock *sim.Clock, net *network) (provider.Driver, error)
	buy    func(email string) (subscription, owner string, err error)
	// more has an owner get one more subscription, which says itself whose it is.
	more func(owner, customer string) (subscription string, err error)
}

var shops = map[string]func(*sim.Clock) (http.Handler, shop){
	"stripe": func(clock *sim.Clock) (http.Handler, shop) {
		w := simstripe.New(simstripe.Config{Seed: 1, Clock: clock, PublicURL: "https://pay.test"})
		price := w.AddPrice(simstripe.Price{Currency: "eur", Amount: 2900, Interval: "month"})
		return w.Handler(), shop{
			driver: func(clock *sim.Clock, net *network) (provider.Driver, error) {
				return stripe.New(stripe.Config{Account: "stripe", SecretKey: w.SecretKey(), WebhookSecrets: []string{"whsec_sim"}, Transport: net, Now: clock.Now})
			},
			buy: func(email string) (string, string, error) {
				owner := w.CreateCustomer(email)
				id, err := w.CreateSubscription(simstripe.NewSubscription{Customer: owner, Price: price, Card: simstripe.CardGood})
				return id, owner, err
			},
			more: func(owner, customer string) (string, error) {
				return w.CreateSubscription(simstripe.NewSubscription{
					Customer: owner, Price: price, Card: simstripe.CardGood, Metadata: map[string]string{"user_id": customer},
				})
			},
		}
	},
	"paddle": func(clock *sim.Clock) (http.Handler, shop) {
		w := simpaddle.New(simpaddle.Config{Seed: 1, Clock: clock, WebhookSecrets: []string{"pdl_ntfset_a_secret"}})
		w.AddCatalog()
		return w.Handler(), shop{
			driver: func(clock *sim.Clock, net *network) (provider.Driver, error) {
				return paddle.New(paddle.Config{
					Account: "paddle", APIKey: w.APIKey(), WebhookSecrets: []string{"pdl_ntfset_a_secret"}, BaseURL: "https://paddle.test", Transport: net, Now: clock.Now,
				})
			},
			buy: func(email string) (string, string, error) {
				owner := w.CreateCustomer(email)
				id, err := w.CreateSubscription(simpaddle.NewSubscription{Customer: owner, Price: simpaddle.PriceProMonth})
				return id, owner, err
			},
		}
	},
	"lemonsqueezy": func(clock *sim.Clock) (http.Handler, shop) {
		w := simls.New(simls.Config{Seed: 1, Clock: clock, WebhookSecret: "a secret"})
		w.AddCatalog()
		return w.Handler(), shop{
			driver: func(clock *sim.Clock, net *network) (provider.Driver, error) {
				return lemonsqueezy.New(lemonsqueezy.Config{
					Account: "lemonsqueezy", APIKey: w.APIKey(), Store: w.Store(), WebhookSecrets: []string{"a secret"}, Transport: net, Now: clock.Now,
				})
			},
			buy: func(email string) (string, string, error) {
				order, err := w.Buy(simls.Purchase{Email: email, Variant: simls.VariantProMonth, Card: simls.CardGood})
				if err != nil {
					return "", "", err
				}
				id, err := w.SubscriptionOf(order)
				return id, "", err
			},
		}
	},
	"paypal": func(clock *sim.Clock) (http.Handler, shop) {
		w := simpaypal.New(simpaypal.Config{Seed: 1, Clock: clock, ClientID: "id", ClientSecret: "secret", WebhookID: "WH-1"})
		w.AddCatalog()
		return w.Handler(), shop{
			driver: func(clock *sim.Clock, net *network) (provider.Driver, error) {
				return paypal.New(paypal.Config{
					Account: "paypal", ClientID: "id", ClientSecret: "secret", WebhookIDs: []string{"WH-1"},
					BaseURL: "https://api-m.paypal.test", CertBaseURL: "https://api-m.paypal.test", CA: simpaypal.CA(), Transport: net, Now: clock.Now,
				})
			},
			buy: func(email string) (string, string, error) {
				id, err := w.CreateSubscription(simpaypal.NewSubscription{Plan: "P-PROMONTH", Email: email})
				w.Advance(clock.Now().Add(time.Minute))
				return id, "", err
			},
		}
	},
}

// each runs a test on SQLite and on PostgreSQL.
func each(t *testing.T, account string, test func(h *house)) {
	t.Helper()
	t.Run(account+" sqlite", func(t *testing.T) {
		test(open(t, "sqlite:"+filepath.Join(t.TempDir(), "trivet.db"), account))
	})
	t.Run(account+" postgres", func(t *testing.T) { test(open(t, pgtest.URL(t), account)) })
}

func open(t *testing.T, database, account string) *house {
	t.Helper()
	h := &house{t: t, clock: sim.NewClock(start), account: account, net: &network{}}
	var handler http.Handler
	handler, h.shop = shops[account](h.clock)
	h.net.next = sim.Transport(handler)
	d, err := h.shop.driver(h.clock, h.net)
	h.check(err)
	h.db, err = store.Open(t.Context(), store.Options{URL: database, Now: h.clock.Now, Volatile: true})
	h.check(err)
	t.Cleanup(func() { _ = h.db.Close() })
	catalog, err := billing.NewCatalog(nil)
	h.check(err)
	log := slog.New(slog.DiscardHandler)
	h.apply = apply.New(apply.Config{
		DB: h.db, Drivers: map[string]provider.Driver{account: d}, Catalog: catalog, Rules: billing.DefaultRules(),
		Bind: map[string][]string{"stripe": {"metadata.user_id"}}, Wake: func(string) {}, Log: log,
	})
	t.Cleanup(h.apply.Close)
	h.links, err = link.New(t.Context(), link.Config{DB: h.db, Apply: h.apply, PublicURL: public, Log: log})
	h.check(err)
	h.mine = h.bought("user_1")
	h.other = h.bought("user_2")
	h.mux = http.NewServeMux()
	h.mux.Handle("GET /go/{token}", h.links)
	h.mux.Handle("POST /go/{token}", h.links)
	h.mux.HandleFunc("GET /go/done", h.links.Done)
	return h
}

func (h *house) check(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// bought lets a customer buy a subscription, and the ledger know it.
func (h *house) bought(customer string) string {
	h.t.Helper()
	id, owner, err := h.shop.buy(customer + "@kern.test")
	h.check(err)
	refs := []provider.Ref{{Account: h.account, Kind: billing.KindSubscription, ID: id}}
	if owner != "" {
		refs = append(refs, provider.Ref{Account: h.account, Kind: billing.KindCustomer, ID: owner})
	}
	for _, ref := range refs {
		_, err = h.apply.Refs(h.t.Context(), apply.Cause{Trigger: apply.Sweep}, ref)
		h.check(err)
	}
	h.check(h.apply.Link(h.t.Context(), refs[0], customer, apply.Cause{Trigger: apply.Request}))
	if owner != "" { // which follows its subscription later on
		h.check(h.apply.Link(h.t.Context(), refs[1], customer, apply.Cause{Trigger: apply.Request}))
	}
	return id
}

// alsoOwned has the owner of a subscription get one more, which says that it is
// another customer's of ours.
func (h *house) alsoOwned(subscription, customer string) string {
	h.t.Helper()
	row, err := h.db.Object(h.t.Context(), h.subscription(subscription))
	h.check(err)
	id, err := h.shop.more(row.Owner, customer)
	h.check(err)
	_, err = h.apply.Refs(h.t.Context(), apply.Cause{Trigger: apply.Sweep}, provider.Ref{Account: h.account, Kind: billing.KindSubscription, ID: id})
	h.check(err)
	if row, err = h.db.Object(h.t.Context(), h.subscription(id)); err != nil || row.Customer != customer {
		h.t.Fatalf("the subscription is %q's: %v", row.Customer, err)
	}
	return id
}

// subscription is the reference of a subscription.
func (h *house) subscription(id string) string { return h.account + "/subscription/" + id }

// send asks for an address of ours.
func (h *house) send(method, address string) *httptest.ResponseRecorder {
	h.t.Helper()
	u, err := url.Parse(address)
	h.check(err)
	if !strings.HasPrefix(address, public+"/go/") {
		h.t.Fatalf("%s is no link of ours", address)
	}
	w := httptest.NewRecorder()
	h.mux.ServeHTTP(w, httptest.NewRequest(method, u.RequestURI(), nil))
	if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Referrer-Policy") != "no-referrer" || w.Header().Get("Set-Cookie") != "" ||
		!strings.HasPrefix(w.Header().Get("Content-Security-Policy"), "default-src 'none'; style-src 'sha256-") || strings.Contains(w.Body.String(), "<script") {
		h.t.Errorf("%s %s: the page is not guarded: %v", method, address, w.Header())
	}
	return w
}

// calls tells how often the provider was called since last asked.
func (h *house) calls() int {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	n := h.net.calls
	h.net.calls = 0
	return n
}
