package stripe_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/providertest"
	"github.com/trivetdev/trivet/provider/stripe"
	"github.com/trivetdev/trivet/sim"
	simstripe "github.com/trivetdev/trivet/sim/stripe"
)

// sandbox is Stripe's test mode.
func sandbox() providertest.Live {
	return providertest.Live{
		Provider: "STRIPE", Mode: "subscription", Now: time.Now,
		Needs: map[string]string{
			"SECRET_KEY": "a secret key of test mode, sk_test_…",
			"PRICE":      "the id of a recurring price of test mode, price_…",
		},
		New: func(set map[string]string, transport http.RoundTripper) (provider.Driver, error) {
			if !strings.Contains(set["SECRET_KEY"], "_test_") {
				return nil, errors.New("the secret key is not one of test mode: take one that begins with sk_test_ or rk_test_")
			}
			return stripe.New(stripe.Config{Account: "stripe", SecretKey: set["SECRET_KEY"], BaseURL: set["BASE_URL"], Transport: transport})
		},
	}
}

// TestLive runs what -live runs, against the simulator behind a socket.
func TestLive(t *testing.T) {
	world := simstripe.New(simstripe.Config{Seed: 12, Clock: sim.NewClock(time.Now().UTC().Add(-20 * time.Hour))})
	world.AddCatalog()
	world.Populate(20)
	world.Advance(time.Now().UTC())
	server := httptest.NewServer(world.Handler())
	defer server.Close()
	t.Setenv("TRIVET_LIVE_STRIPE_SECRET_KEY", world.SecretKey())
	t.Setenv("TRIVET_LIVE_STRIPE_PRICE", "price_pro_month")
	t.Setenv("TRIVET_LIVE_STRIPE_BASE_URL", server.URL)
	live := sandbox()
	live.Transport = http.DefaultTransport
	providertest.RunLive(t, live)
	if _, err := live.New(map[string]string{"SECRET_KEY": strings.Replace(world.SecretKey(), "_test_", "_live_", 1)}, nil); err == nil {
		t.Error("a key of live mode is taken")
	}
}
