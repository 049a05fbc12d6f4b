package lemonsqueezy_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/lemonsqueezy"
	"github.com/trivetdev/trivet/provider/providertest"
	"github.com/trivetdev/trivet/sim"
	simls "github.com/trivetdev/trivet/sim/lemonsqueezy"
)

// sandbox is Lemon Squeezy's test mode, of which a key tells only when it is used.
func sandbox() providertest.Live {
	return providertest.Live{
		Provider: "LEMONSQUEEZY", Mode: "subscription", Opens: "in test mode", Now: time.Now,
		Needs: map[string]string{
			"API_KEY": "an API key of test mode",
			"STORE":   "the number of the store",
			"PRICE":   "the number of a subscription's variant of test mode",
		},
		New: func(set map[string]string, transport http.RoundTripper) (provider.Driver, error) {
			return lemonsqueezy.New(lemonsqueezy.Config{
				Account: "lemonsqueezy", APIKey: set["API_KEY"], Store: set["STORE"], BaseURL: set["BASE_URL"], Transport: transport,
			})
		},
	}
}

// TestLive runs what -live runs, against the simulator behind a socket.
func TestLive(t *testing.T) {
	world := simls.New(simls.Config{Seed: 12, Clock: sim.NewClock(time.Now().UTC().Add(-20 * time.Hour))})
	world.AddCatalog()
	world.Populate(20)
	world.Advance(time.Now().UTC())
	server := httptest.NewServer(world.Handler())
	defer server.Close()
	t.Setenv("TRIVET_LIVE_LEMONSQUEEZY_API_KEY", world.APIKey())
	t.Setenv("TRIVET_LIVE_LEMONSQUEEZY_STORE", world.Store())
	t.Setenv("TRIVET_LIVE_LEMONSQUEEZY_PRICE", simls.VariantProMonth)
	t.Setenv("TRIVET_LIVE_LEMONSQUEEZY_BASE_URL", server.URL)
	live := sandbox()
	live.Transport = http.DefaultTransport
	providertest.RunLive(t, live)
}
