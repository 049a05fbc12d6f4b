package paypal_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/paypal"
	"github.com/trivetdev/trivet/provider/providertest"
	"github.com/trivetdev/trivet/sim"
	simpaypal "github.com/trivetdev/trivet/sim/paypal"
)

// sandbox is PayPal's, where an app of the live environment is not known.
func sandbox() providertest.Live {
	return providertest.Live{
		Provider: "PAYPAL", Mode: "payment", Price: "pass:5.00USD", Now: time.Now,
		Needs: map[string]string{
			"CLIENT_ID":     "the client id of a REST app of the sandbox",
			"CLIENT_SECRET": "the secret of the same app",
		},
		New: func(set map[string]string, transport http.RoundTripper) (provider.Driver, error) {
			return paypal.New(paypal.Config{
				Account: "paypal", ClientID: set["CLIENT_ID"], ClientSecret: set["CLIENT_SECRET"], Sandbox: true,
				BaseURL: set["BASE_URL"], Transport: transport,
			})
		},
	}
}

// TestLive runs what -live runs, against the simulator behind a socket.
func TestLive(t *testing.T) {
	world := simpaypal.New(simpaypal.Config{
		Seed: 12, ClientID: clientID, ClientSecret: secret, Clock: sim.NewClock(time.Now().UTC().Add(-20 * time.Hour)),
	})
	world.AddCatalog()
	world.Populate(20)
	world.Advance(time.Now().UTC())
	server := httptest.NewServer(world.Handler())
	defer server.Close()
	t.Setenv("TRIVET_LIVE_PAYPAL_CLIENT_ID", clientID)
	t.Setenv("TRIVET_LIVE_PAYPAL_CLIENT_SECRET", secret)
	t.Setenv("TRIVET_LIVE_PAYPAL_BASE_URL", server.URL)
	live := sandbox()
	live.Transport = http.DefaultTransport
	providertest.RunLive(t, live)
}
