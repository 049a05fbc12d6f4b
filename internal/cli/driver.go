package cli

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/trivetdev/trivet/internal/config"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/lemonsqueezy"
	"github.com/trivetdev/trivet/provider/paddle"
	"github.com/trivetdev/trivet/provider/paypal"
	"github.com/trivetdev/trivet/provider/stripe"
	"github.com/trivetdev/trivet/provider/transport"
)

// drivers makes the driver of an account, by kind.
var drivers = map[string]func(p config.Provider, now func() time.Time, base http.RoundTripper) (provider.Driver, error){
	config.Stripe:       stripeDriver,
	config.PayPal:       paypalDriver,
	config.Paddle:       paddleDriver,
	config.LemonSqueezy: lemonsqueezyDriver,
}

// driver makes the driver of one account.
func driver(p config.Provider, now func() time.Time) (provider.Driver, error) {
	return driverOver(p, now, nil)
}

// driverOver makes the driver of one account, whose calls base carries; nil: a pool of
// connections of the driver's own.
func driverOver(p config.Provider, now func() time.Time, base http.RoundTripper) (provider.Driver, error) {
	open, built := drivers[p.Kind]
	if !built {
		return nil, fmt.Errorf("providers.%s: this version does not speak to %s: take the section out", p.Name, p.Kind)
	}
	d, err := open(p, now, base)
	if err != nil {
		return nil, fmt.Errorf("providers.%w", err)
	}
	return d, nil
}

// The providers' limits on calls per second, of which a configured rate may be a share.
const (
	// stripeLive and stripeTest are Stripe's by mode; reads and writes count apart.
	stripeLive = 100
	stripeTest = 25
	// paypalLimit stands in for PayPal's, which it does not publish: it asks not to be
	// polled and answers 429.
	paypalLimit = 5
	// paddleLimit is Paddle's from one address.
	paddleLimit = 4
	// lemonsqueezyLimit is Lemon Squeezy's, which is 300 a minute.
	lemonsqueezyLimit = 300.0 / 60
)

func stripeDriver(p config.Provider, now func() time.Time, base http.RoundTripper) (provider.Driver, error) {
	return stripe.New(stripe.Config{
		Account: p.Name, SecretKey: p.SecretKey.Reveal(), WebhookSecrets: revealed(p.WebhookSecrets),
		BaseURL: p.BaseURL, Transport: paced(p, stripeLimit(p.SecretKey.Reveal()), base), Now: now,
	})
}

func stripeLimit(key string) float64 {
	if strings.Contains(key, "_live_") {
		return stripeLive
	}
	return stripeTest
}

func paypalDriver(p config.Provider, now func() time.Time, base http.RoundTripper) (provider.Driver, error) {
	return paypal.New(paypal.Config{
		Account: p.Name, ClientID: p.ClientID, ClientSecret: p.ClientSecret.Reveal(), WebhookIDs: p.WebhookIDs, Sandbox: p.Environment == "sandbox",
		BaseURL: p.BaseURL, CertBaseURL: p.CertBaseURL, CAFile: p.CAFile, OrderLife: p.OrderLife, Transport: paced(p, paypalLimit, base), Now: now,
	})
}

func paddleDriver(p config.Provider, now func() time.Time, base http.RoundTripper) (provider.Driver, error) {
	return paddle.New(paddle.Config{
		Account: p.Name, APIKey: p.APIKey.Reveal(), WebhookSecrets: revealed(p.WebhookSecrets), Environment: p.Environment,
		BaseURL: p.BaseURL, Transport: paced(p, paddleLimit, base), Now: now,
	})
}

func lemonsqueezyDriver(p config.Provider, now func() time.Time, base http.RoundTripper) (provider.Driver, error) {
	return lemonsqueezy.New(lemonsqueezy.Config{
		Account: p.Name, APIKey: p.APIKey.Reveal(), Store: p.Store, WebhookSecrets: revealed(p.WebhookSecrets),
		BaseURL: p.BaseURL, Transport: paced(p, lemonsqueezyLimit, base), Now: now,
	})
}

// paced is a transport over base with the configured rate, given the provider's own
// limit in calls a second; nil leaves it to the driver.
func paced(p config.Provider, limit float64, base http.RoundTripper) http.RoundTripper {
	rate := perSecond(p.Rate, limit)
	if rate == 0 && base == nil {
		return nil
	}
	return transport.New(transport.Config{Account: p.Name, Base: base, Rate: cmp.Or(rate, limit), Retries: 2})
}

// perSecond is the configured number of calls; 0: the driver's own.
func perSecond(r config.Rate, limit float64) float64 {
	if r.Share > 0 {
		return r.Share * limit
	}
	return r.PerSecond
}

func revealed(secrets []config.Secret) []string {
	all := make([]string, len(secrets))
	for i, s := range secrets {
		all[i] = s.Reveal()
	}
	return all
}
