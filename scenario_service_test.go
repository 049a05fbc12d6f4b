package trivet_test

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/sim"
	world "github.com/trivetdev/trivet/sim/stripe"
)

// TestRestartsChangeNothing: the service is stopped and started every other day,
// and the story of a failure is the same to the second.
func TestRestartsChangeNothing(t *testing.T) {
	tell := func(restart bool) (story, access []string) {
		h := openHouse(t, "sqlite:"+filepath.Join(t.TempDir(), "trivet.db"))
		h.until(time.Minute)
		h.buy("pro", world.CardLaterFails, time.Time{})
		for at := 2 * day; at <= 48*day; at += 2 * day {
			h.until(at)
			if restart {
				h.Check(h.Close())
				h.serve(nil)
			}
		}
		h.settled()
		return h.story("subscription", "invoice", "payment"), h.access()
	}
	story, access := tell(false)
	again, accessAgain := tell(true)
	h := &house{t: t}
	h.expect("story", again, story...)
	h.expect("access", accessAgain, access...)
	if len(access) != 4 {
		t.Errorf("access: %v", access)
	}
}

// TestMoneyByHand: the application refunds and cancels; each happens once.
func TestMoneyByHand(t *testing.T) {
	everywhere(t, func(h *house) {
		h.until(time.Minute)
		h.buy("pro", world.CardGood, time.Time{})
		h.until(day)
		payment, subscription := h.only(sim.KindPayment), h.only(sim.KindSubscription)
		for range 2 {
			if status := h.idempotent("/v1/payments/"+payment+"/refund", `{"amount":900}`, "refund-1"); status >= 300 {
				h.t.Fatal(status)
			}
			if status := h.idempotent("/v1/subscriptions/"+subscription+"/cancel", `{"at":"period_end"}`, "cancel-1"); status >= 300 {
				h.t.Fatal(status)
			}
		}
		h.until(41 * day)
		ops := map[string]int{}
		for _, e := range h.world.Effects() {
			ops[e.Op]++
		}
		if ops[sim.OpRefund] != 1 || ops[sim.OpCancelAtPeriodEnd] != 1 {
			h.t.Errorf("effects: %v", ops)
		}
		h.expect("access", h.access(), "00d00:01:01 yes active", "01d00:00:00 yes canceling", "31d00:01:00 no ended")
		h.settled()
	})
}

// TestWithheld: what a policy asks for is recorded and not done.
func TestWithheld(t *testing.T) {
	h := openHouse(t, "sqlite:"+filepath.Join(t.TempDir(), "trivet.db"))
	h.Check(h.Close())
	h.serve(func(c *trivet.Config) {
		c.Modes = policy.Modes{Policies: map[string]policy.Mode{"hygiene": policy.Observe}}
	})
	h.until(time.Minute)
	h.buy("pro", world.CardGood, time.Time{})
	h.until(day)
	if status := h.Call(http.MethodPut, "/v1/customers/user_1", `{"email":"new@example.com"}`, nil); status != http.StatusOK {
		t.Fatal(status)
	}
	h.until(3 * day)
	effects, err := h.Ledger.Effects(t.Context(), store.EffectFilter{Limit: 10})
	if err != nil || len(effects) != 1 || effects[0].State != store.EffectWithheld {
		t.Errorf("%+v %v", effects, err)
	}
	for _, e := range h.world.Effects() {
		if e.Op == sim.OpEmail {
			t.Errorf("done: %+v", e)
		}
	}
}

// TestBadConfigurations are refused with a reason that names what is wrong.
func TestBadConfigurations(t *testing.T) {
	h := openHouse(t, "sqlite:"+filepath.Join(t.TempDir(), "trivet.db"))
	for name, tt := range map[string]struct {
		change func(*trivet.Config)
		says   string
	}{
		"no provider":          {func(c *trivet.Config) { c.Providers = nil }, "no provider"},
		"one name twice":       {func(c *trivet.Config) { c.Providers = append(c.Providers, c.Providers[0]) }, `"stripe"`},
		"no public address":    {func(c *trivet.Config) { c.PublicURL = "" }, "PublicURL"},
		"empty key":            {func(c *trivet.Config) { c.APIKeys = []string{""} }, "API key"},
		"no such database":     {func(c *trivet.Config) { c.Database = "mysql://x" }, "sqlite:PATH"},
		"a price in two plans": {func(c *trivet.Config) { c.Plans[1].Prices = c.Plans[0].Prices }, "two plans"},
		"pull only of nobody":  {func(c *trivet.Config) { c.PullOnly = []string{"strip"} }, `"strip"`},
		"checkout of nobody":   {func(c *trivet.Config) { c.Checkout = "strip" }, `"strip"`},
		"no pull of nobody":    {func(c *trivet.Config) { c.NoPull = []string{"paypal"} }, `"paypal"`},
		"neither way":          {func(c *trivet.Config) { c.PullOnly, c.NoPull = []string{"stripe"}, []string{"stripe"} }, `"stripe"`},
		"bind of nobody":       {func(c *trivet.Config) { c.Bind = map[string][]string{"strip": {"token"}} }, `"strip"`},
	} {
		config := trivet.Config{
			PublicURL: "https://billing.test", Database: "sqlite:" + filepath.Join(t.TempDir(), "x.db"), Providers: []provider.Driver{h.driver},
			Plans: []billing.Plan{{ID: "a", Prices: map[string][]string{"stripe": {"price_1"}}}, {ID: "b", Prices: map[string][]string{"stripe": {"price_2"}}}},
			Now:   h.Clock.Now,
		}
		tt.change(&config)
		service, err := trivet.New(context.WithoutCancel(t.Context()), config)
		if err == nil {
			_ = service.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %s", name, err, tt.says)
		}
	}
}

// TestWhatIsKeptNoLonger: of a subscription of months the events of the last weeks are
// kept, and the ledger and its trail are as they would be otherwise.
func TestWhatIsKeptNoLonger(t *testing.T) {
	everywhere(t, func(h *house) {
		h.Check(h.Close())
		h.serve(func(c *trivet.Config) { c.KeepEvents = 45 * day })
		h.until(time.Minute)
		h.buy("pro", world.CardGood, time.Time{})
		h.until(100 * day)
		events, err := h.Ledger.Events(h.t.Context(), store.EventFilter{Limit: 1000})
		h.Check(err)
		bought := false
		for _, e := range events {
			if age := h.Clock.Now().Sub(e.ReceivedAt); age > 46*day {
				h.t.Errorf("%s is kept for %s", e.Type, age)
			}
			bought = bought || e.Type == "checkout.session.completed"
		}
		if len(events) == 0 || bought {
			h.t.Errorf("of the purchase an event is kept: %v; %d in all", bought, len(events))
		}
		h.settled()
	})
}
