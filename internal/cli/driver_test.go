package cli

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/config"
	"github.com/trivetdev/trivet/provider"
)

// An account is opened with what is configured; what cannot be right is refused in one
// line that names the section and shows no secret.
func TestAccounts(t *testing.T) {
	shop := func(kind string, settings ...string) (variables []string) {
		for _, s := range append([]string{"KIND=" + kind}, settings...) {
			variables = append(variables, "TRIVET_PROVIDERS_SHOP_"+s)
		}
		return variables
	}
	paddle := func(key string, settings ...string) []string {
		return shop("paddle", append(settings, "API_KEY="+key, "WEBHOOK_SECRETS=pdl_ntfset_1")...)
	}
	lemon := func(secret string, settings ...string) []string {
		return shop("lemonsqueezy", append(settings, "API_KEY=ey.a.b", "WEBHOOK_SECRETS="+secret)...)
	}
	tests := map[string]struct {
		variables []string
		wrong     string
	}{
		"paddle, live":                  {paddle("pdl_live_apikey_1"), ""},
		"paddle, sandbox":               {paddle("pdl_sdbx_apikey_1", "ENVIRONMENT=sandbox"), ""},
		"paddle, live key, sandbox":     {paddle("pdl_live_apikey_1", "ENVIRONMENT=sandbox"), "providers.shop: api_key is of the live environment"},
		"paddle, sandbox key, live":     {paddle("pdl_sdbx_apikey_1"), "providers.shop: api_key is of the sandbox"},
		"paddle, a secret as key":       {paddle("pdl_ntfset_1"), "providers.shop: api_key is the secret key of a notification destination"},
		"lemonsqueezy, of all stores":   {lemon("signing"), ""},
		"lemonsqueezy, of one store":    {lemon("signing", "STORE=1234"), ""},
		"lemonsqueezy, a store's name":  {lemon("signing", "STORE=mystore"), "providers.shop: store is not a store's number"},
		"lemonsqueezy, a short secret":  {lemon("short"), "providers.shop: webhook_secrets, number 1, has 5 characters"},
		"lemonsqueezy, a long secret":   {lemon(strings.Repeat("s", 41)), "providers.shop: webhook_secrets, number 1, has 41 characters"},
		"stripe":                        {shop("stripe", "SECRET_KEY=sk_test_1a", "WEBHOOK_SECRETS=whsec_1a"), ""},
		"stripe, a secret as key":       {shop("stripe", "SECRET_KEY=whsec_1a", "WEBHOOK_SECRETS=whsec_1a"), "providers.shop: secret_key is a webhook signing secret"},
		"paypal":                        {shop("paypal", "CLIENT_ID=c1", "CLIENT_SECRET=s1", "WEBHOOK_IDS=1AB"), ""},
		"paypal, an address for a hook": {shop("paypal", "CLIENT_ID=c1", "CLIENT_SECRET=s1", "WEBHOOK_IDS=https://a.test"), "providers.shop: webhook_ids, number 1, is not the id"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := build(configured(t, tt.variables...), slog.New(slog.DiscardHandler), time.Now)
			if tt.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wrong) || strings.Contains(err.Error(), "\n") {
					t.Errorf("error %v, want %q", err, tt.wrong)
				}
				for _, secret := range []string{"apikey_1", "ey.a.b", "1a"} {
					if err != nil && strings.Contains(err.Error(), secret) {
						t.Errorf("the error shows a secret: %v", err)
					}
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(got.Providers, func(d provider.Driver) bool { return d.Account() == "shop" }) {
				t.Error("the account is not opened")
			}
		})
	}
}

func TestRate(t *testing.T) {
	for limit, want := range map[float64]float64{stripeLimit("sk_live_1"): 50, stripeLimit("rk_test_1"): 12.5, paypalLimit: 2.5, paddleLimit: 2} {
		if got := perSecond(config.Rate{Share: 0.5}, limit); got != want {
			t.Errorf("half of %v is %v a second", limit, got)
		}
	}
	if got := perSecond(config.Rate{PerSecond: 7}, paddleLimit); got != 7 {
		t.Errorf("seven a second are %v", got)
	}
}
