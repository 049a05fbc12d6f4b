package paypal_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/paypal"
	"github.com/trivetdev/trivet/sim"
	simpaypal "github.com/trivetdev/trivet/sim/paypal"
)

// typing counts the calls about disputes by their media types.
type typing struct {
	http.RoundTripper
	types map[string]int
}

func (c typing) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost && r.URL.Path != "/v1/oauth2/token" {
		c.types[r.Header.Get("Content-Type")[:len("multipart/form")]]++
	}
	return c.RoundTripper.RoundTrip(r)
}

// A dispute is conceded once, be it that PayPal takes JSON, as in its examples, or forms
// only, as in its description.
func TestAcceptDisputeEitherWay(t *testing.T) {
	for name, forms := range map[string]bool{"JSON": false, "forms only": true} {
		clock := sim.NewClock(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC))
		world := simpaypal.New(simpaypal.Config{Seed: 11, Clock: clock, ClientID: clientID, ClientSecret: secret, FormsOnly: forms})
		world.AddCatalog()
		calls := typing{sim.Transport(world.Handler()), map[string]int{}}
		driver, err := paypal.New(paypal.Config{
			Account: "paypal", ClientID: clientID, ClientSecret: secret, WebhookIDs: []string{newHook}, BaseURL: simulated, Transport: calls, Now: clock.Now,
		})
		if err != nil {
			t.Fatal(err)
		}
		m := maker{world, clock}
		ref := provider.Ref{Account: "paypal", Kind: billing.KindDispute, ID: m.dispute(t)}
		if err := driver.AcceptDispute(t.Context(), ref, "k"); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s, err := driver.Fetch(t.Context(), ref)
		if err != nil || s.Object.State() != string(billing.DisputeLost) {
			t.Errorf("%s: afterwards it is %+v, %v", name, s.Object, err)
		}
		want := map[string]int{"application/js": 1, "multipart/form": 1}
		if !forms {
			delete(want, "multipart/form")
		}
		if len(calls.types) != len(want) || calls.types["multipart/form"] != want["multipart/form"] || len(world.Effects()) != 1 {
			t.Errorf("%s: it was asked for as %v, and done %d times", name, calls.types, len(world.Effects()))
		}
	}
}
