package cli

import (
	"log/slog"
	"strings"
	"testing"
	"time"
)

// A Lemon Squeezy account is opened with what is configured; what cannot be right is
// refused in one line that names the section and no secret.
func TestLemonSqueezyAccounts(t *testing.T) {
	tests := map[string]struct {
		key, secret, store string
		wrong              string
	}{
		"of all stores":  {"ey.a.b", "signing", "", ""},
		"of one store":   {"ey.a.b", "signing", "1234", ""},
		"a store's name": {"ey.a.b", "signing", "mystore", "providers.shop: store is not a store's number"},
		"a short secret": {"ey.a.b", "short", "", "providers.shop: webhook_secrets, number 1, has 5 characters"},
		"a long secret":  {"ey.a.b", strings.Repeat("s", 41), "", "providers.shop: webhook_secrets, number 1, has 41 characters"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			const prefix = "TRIVET_PROVIDERS_SHOP_"
			variables := []string{prefix + "KIND=lemonsqueezy", prefix + "API_KEY=" + tt.key, prefix + "WEBHOOK_SECRETS=" + tt.secret}
			if tt.store != "" {
				variables = append(variables, prefix+"STORE="+tt.store)
			}
			got, err := build(configured(t, variables...), slog.New(slog.DiscardHandler), time.Now)
			if tt.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wrong) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), tt.key) {
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
