package paddle

import (
	"net/http"
	"strings"
	"testing"

	"github.com/trivetdev/trivet/provider"
)

func TestNewRefuses(t *testing.T) {
	tests := map[string]struct {
		change func(*Config)
		want   string
	}{
		"no account":             {func(c *Config) { c.Account = "" }, "has no name"},
		"no key":                 {func(c *Config) { c.APIKey = "" }, "api_key is empty"},
		"placeholder":            {func(c *Config) { c.APIKey = "pdl_live_apikey_..." }, "placeholder"},
		"client-side token":      {func(c *Config) { c.APIKey = "live_7d279f61a3499fed520f7cd8c08" }, "client-side token"},
		"secret as key":          {func(c *Config) { c.APIKey = newSecret }, "webhook_secrets"},
		"key of old":             {func(c *Config) { c.APIKey = "a1b2c3d4" }, "not a Paddle API key"},
		"key with a space":       {func(c *Config) { c.APIKey = testKey + " " }, "not a Paddle API key"},
		"sandbox key, live":      {func(c *Config) { c.APIKey = "pdl_sdbx_apikey_01" }, "environment is live"},
		"live key, sandbox":      {func(c *Config) { c.Environment = Sandbox }, "environment is sandbox"},
		"unknown environment":    {func(c *Config) { c.Environment = "test" }, "live or sandbox"},
		"empty secret":           {func(c *Config) { c.WebhookSecrets[1] = "" }, "number 2, is empty"},
		"placeholder secret":     {func(c *Config) { c.WebhookSecrets[0] = "pdl_ntfset_your_secret" }, "number 1, is a placeholder"},
		"another kind of secret": {func(c *Config) { c.WebhookSecrets[0] = "whsec_1" }, "begins with pdl_ntfset_"},
		"a stand-in's, a space":  {func(c *Config) { c.BaseURL, c.APIKey = "https://sim.test", "made up" }, "spaces"},
		"a stand-in's, left":     {func(c *Config) { c.BaseURL, c.APIKey = "https://sim.test", "your_api_key" }, "placeholder"},
		"Paddle by its name":     {func(c *Config) { c.BaseURL, c.APIKey = "https://API.paddle.com/", "made-up" }, "not a Paddle API key"},
		"no stand-in's secret":   {func(c *Config) { c.BaseURL, c.WebhookSecrets[0] = "https://api.paddle.com", "made-up" }, "begins with pdl_ntfset_"},
		"live key in the clear":  {func(c *Config) { c.BaseURL, c.Environment = "http://sim.test", Sandbox }, "unencrypted"},
		"base URL without host":  {func(c *Config) { c.BaseURL = "paddle" }, "not a web address"},
		"base URL with a query":  {func(c *Config) { c.BaseURL = "https://x.test/?a" }, "more than scheme"},
		"live key unencrypted":   {func(c *Config) { c.BaseURL = "http://x.test" }, "unencrypted"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			config := Config{Account: "paddle", APIKey: testKey, WebhookSecrets: []string{oldSecret, newSecret}}
			tt.change(&config)
			_, err := New(config)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("error %v, want one line with %q", err, tt.want)
			}
			for _, secret := range []string{testKey, oldSecret, newSecret} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error shows a secret: %v", err)
				}
			}
		})
	}
}

func TestNewAccepts(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no secrets":            func(c *Config) { c.WebhookSecrets = nil },
		"sandbox":               func(c *Config) { c.Environment, c.APIKey = Sandbox, "pdl_sdbx_apikey_01" },
		"sandbox over HTTP":     func(c *Config) { c.Environment, c.APIKey, c.BaseURL = Sandbox, "pdl_sdbx_apikey_01", "http://sim.test" },
		"live to this machine":  func(c *Config) { c.BaseURL = "http://127.0.0.1:8080" },
		"its own transport":     func(c *Config) { c.Transport = nil },
		"a stand-in's key":      func(c *Config) { c.BaseURL, c.APIKey = "http://127.0.0.1:8080", "made-up" },
		"a stand-in's sandbox":  func(c *Config) { c.BaseURL, c.APIKey, c.Environment = "http://sim.test", "test_1", Sandbox },
		"a stand-in's secret":   func(c *Config) { c.BaseURL, c.WebhookSecrets = "http://127.0.0.1:8080", []string{"made-up"} },
		"environment, said out": func(c *Config) { c.Environment = Live },
	} {
		t.Run(name, func(t *testing.T) { newDriver(t, change) })
	}
}

// The environment chooses the host, and a base URL's path is kept.
func TestWhereCallsGo(t *testing.T) {
	tests := map[string]struct {
		change func(*Config)
		want   string
	}{
		"live":    {func(*Config) {}, "https://api.paddle.com/subscriptions/sub_1"},
		"sandbox": {func(c *Config) { c.Environment, c.APIKey = Sandbox, "pdl_sdbx_apikey_01" }, "https://sandbox-api.paddle.com/subscriptions/sub_1"},
		"base":    {func(c *Config) { c.BaseURL = "https://proxy.test/a/b/" }, "https://proxy.test/a/b/subscriptions/sub_1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var asked string
			d := newDriver(t, func(c *Config) {
				tt.change(c)
				c.Transport = tripper(func(req *http.Request) (*http.Response, error) {
					asked = req.URL.String()
					return nil, http.ErrServerClosed
				})
			})
			if _, err := d.Fetch(t.Context(), refTo("subscription", "sub_1")); provider.KindOf(err) != provider.Unavailable {
				t.Error(err)
			}
			if asked != tt.want {
				t.Errorf("asked %s, want %s", asked, tt.want)
			}
		})
	}
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestCheckKey(t *testing.T) {
	const wrong = `{"error":{"type":"request_error","code":%q,"detail":"x"},"meta":{}}`
	tests := map[string]struct {
		status int
		body   string
		want   string
		kind   provider.ErrorKind
	}{
		"good":      {200, `{"data":[{"name":"x"}],"meta":{}}`, "the live environment", ""},
		"no right":  {403, strings.ReplaceAll(wrong, "%q", `"forbidden"`), "the live environment", ""},
		"wrong":     {403, strings.ReplaceAll(wrong, "%q", `"invalid_token"`), "", provider.Denied},
		"malformed": {401, strings.ReplaceAll(wrong, "%q", `"authentication_malformed"`), "", provider.Denied},
		"away":      {503, "", "", provider.Unavailable},
		"a page":    {200, "<html>", "", provider.Malformed},
		"nothing":   {200, "{}", "", provider.Malformed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := &fake{status: tt.status, answers: map[string]string{"GET /prefix/event-types": tt.body}}
			got, err := f.driver(t).CheckKey(t.Context())
			if got != tt.want || (err != nil) != (tt.kind != "") || err != nil && provider.KindOf(err) != tt.kind {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}
