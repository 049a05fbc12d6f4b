package cli

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/config"
)

// A Paddle account is opened with what is configured, and a key of the other
// environment is refused in one line that names the section.
func TestPaddleAccounts(t *testing.T) {
	key := func(section, environment, key string) []string {
		prefix := "TRIVET_PROVIDERS_" + section + "_"
		variables := []string{prefix + "KIND=paddle", prefix + "API_KEY=" + key, prefix + "WEBHOOK_SECRETS=pdl_ntfset_1"}
		if environment != "" {
			variables = append(variables, prefix+"ENVIRONMENT="+environment)
		}
		return variables
	}
	tests := map[string]struct {
		variables []string
		wrong     string
	}{
		"live":              {key("SHOP", "", "pdl_live_apikey_1"), ""},
		"sandbox":           {key("SHOP", "sandbox", "pdl_sdbx_apikey_1"), ""},
		"live key, sandbox": {key("SHOP", "sandbox", "pdl_live_apikey_1"), "providers.shop: api_key is of the live environment"},
		"sandbox key, live": {key("SHOP", "", "pdl_sdbx_apikey_1"), "providers.shop: api_key is of the sandbox"},
		"a secret as key":   {key("SHOP", "", "pdl_ntfset_1"), "providers.shop: api_key is the secret key of a notification destination"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := build(configured(t, tt.variables...), slog.New(slog.DiscardHandler), time.Now)
			if tt.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wrong) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "apikey_1") {
					t.Errorf("error %v, want %q", err, tt.wrong)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, d := range got.Providers {
				found = found || d.Account() == "shop"
			}
			if !found {
				t.Error("the account is not opened")
			}
		})
	}
}

func TestPaddleRate(t *testing.T) {
	if got := perSecond(config.Rate{Share: 0.5}, paddleLimit); got != 2 {
		t.Errorf("half of Paddle's limit is %v a second", got)
	}
}
