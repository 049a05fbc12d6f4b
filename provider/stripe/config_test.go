package stripe

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNewRefuses(t *testing.T) {
	tests := map[string]struct {
		change func(*Config)
		want   string
	}{
		"no account":           {func(c *Config) { c.Account = "" }, "no name"},
		"no key":               {func(c *Config) { c.SecretKey = "" }, "secret_key is empty"},
		"publishable key":      {func(c *Config) { c.SecretKey = "pk_test_51Trivet" }, "publishable"},
		"webhook secret":       {func(c *Config) { c.SecretKey = newSecret }, "webhook_secrets"},
		"placeholder":          {func(c *Config) { c.SecretKey = "sk_test_..." }, "placeholder"},
		"placeholder in words": {func(c *Config) { c.SecretKey = "sk_live_YOUR_KEY" }, "placeholder"},
		"bare prefix":          {func(c *Config) { c.SecretKey = "sk_test_" }, "placeholder"},
		"line break":           {func(c *Config) { c.SecretKey = "sk_test_51Trivet\n" }, "not a Stripe key"},
		"organization key":     {func(c *Config) { c.SecretKey = "sk_org_51Trivet" }, "not a Stripe key"},
		"empty secret":         {func(c *Config) { c.WebhookSecrets = []string{newSecret, ""} }, "number 2, is empty"},
		"placeholder secret":   {func(c *Config) { c.WebhookSecrets = []string{"whsec_xxx"} }, "placeholder"},
		"key as secret":        {func(c *Config) { c.WebhookSecrets = []string{testKey} }, "whsec_"},
		"relative base":        {func(c *Config) { c.BaseURL = "api.stripe.com" }, "not a web address"},
		"base with a query":    {func(c *Config) { c.BaseURL = "https://api.stripe.com/?a=b" }, "more than"},
		"live key in clear":    {func(c *Config) { c.SecretKey, c.BaseURL = "sk_live_51Trivet", "http://sim.test" }, "unencrypted"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			config := Config{Account: "stripe", SecretKey: testKey, WebhookSecrets: []string{newSecret}}
			test.change(&config)
			_, err := New(config)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("the error is %v, want one with %q", err, test.want)
			}
			if strings.Contains(err.Error(), "\n") || config.SecretKey != "" && strings.Contains(err.Error(), config.SecretKey) {
				t.Errorf("the error has several lines or shows the key: %v", err)
			}
		})
	}
}

func TestMode(t *testing.T) {
	for key, live := range map[string]bool{"sk_test_1": false, "rk_test_1": false, "sk_live_1": true, "rk_live_1": true} {
		if got := newDriver(t, func(c *Config) { c.SecretKey = key }).Live(); got != live {
			t.Errorf("%s: live is %v", key, got)
		}
	}
}

// TestGenuineKeysAreNoPlaceholders: random parts hold any word sooner or later.
func TestGenuineKeysAreNoPlaceholders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rapid.StringMatching(`[A-Za-z0-9]{4,12}(xxx|todo|your|replace|Placeholder|changeme)?[A-Za-z0-9]{20,90}`).Draw(t, "random part")
		for _, prefix := range []string{"sk_live_51", "rk_test_51"} {
			if _, err := modeOf(prefix + random); err != nil {
				t.Fatalf("%s%s: %v", prefix, random, err)
			}
		}
		if err := checkWebhookSecret("whsec_" + random); err != nil {
			t.Fatalf("whsec_%s: %v", random, err)
		}
	})
}
