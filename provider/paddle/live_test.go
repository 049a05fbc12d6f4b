package paddle_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/paddle"
	"github.com/trivetdev/trivet/provider/providertest"
	"github.com/trivetdev/trivet/sim"
	simpaddle "github.com/trivetdev/trivet/sim/paddle"
)

// sandbox is Paddle's; the driver takes no key of the live environment for it.
func sandbox() providertest.Live {
	return providertest.Live{
		Provider: "PADDLE", Mode: "subscription", Now: time.Now,
		Needs: map[string]string{
			"API_KEY": "a key of the sandbox, pdl_sdbx_apikey_…",
			"PRICE":   "the id of a recurring price of the sandbox, pri_…",
		},
		New: func(set map[string]string, transport http.RoundTripper) (provider.Driver, error) {
			return paddle.New(paddle.Config{
				Account: "paddle", APIKey: set["API_KEY"], Environment: paddle.Sandbox, BaseURL: set["BASE_URL"], Transport: transport,
			})
		},
	}
}

// TestLive runs what -live runs, against the simulator behind a socket.
func TestLive(t *testing.T) {
	world := simpaddle.New(simpaddle.Config{Seed: 12, Sandbox: true, Clock: sim.NewClock(time.Now().UTC().Add(-20 * time.Hour))})
	world.AddCatalog()
	world.Populate(20)
	world.Advance(time.Now().UTC())
	server := httptest.NewServer(world.Handler())
	defer server.Close()
	t.Setenv("TRIVET_LIVE_PADDLE_API_KEY", world.APIKey())
	t.Setenv("TRIVET_LIVE_PADDLE_PRICE", simpaddle.PriceProMonth)
	t.Setenv("TRIVET_LIVE_PADDLE_BASE_URL", server.URL)
	live := sandbox()
	live.Transport = http.DefaultTransport
	providertest.RunLive(t, live)
	if _, err := live.New(map[string]string{"API_KEY": "pdl_live_apikey_01gtgztp8f4kek3yd4g1wrksa3_q6TGTJyvoIz7LDtXT65bX7_AQO"}, nil); err == nil {
		t.Error("a key of the live environment is taken")
	}
}
