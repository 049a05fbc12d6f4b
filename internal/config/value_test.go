package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSecretDoesNotPrintItself(t *testing.T) {
	const value = "sk_live_hunter2"
	s := Secret(value)
	named := []APIKey{{Name: "shop", Key: s, SHA256: hashOf(value), Scopes: []string{"read"}}}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x",
		slog.Any("key", s), slog.Any("in", []Secret{s}), slog.Any("config", &Config{APIKeys: []Secret{s}, NamedKeys: named}))
	asJSON, err := json.Marshal(map[string]any{"a": s, "b": struct{ K Secret }{s}, string(s[:0]): []Secret{s}})
	if err != nil {
		t.Fatal(err)
	}
	printed := []string{log.String(), string(asJSON), fmt.Sprint(s, []Secret{s}, struct{ K Secret }{s}, &Config{APIKeys: []Secret{s}, NamedKeys: named}, named)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10s"} {
		printed = append(printed, fmt.Sprintf(verb, s), fmt.Sprintf(verb, Provider{SecretKey: s}), fmt.Sprintf(verb, named))
	}
	for _, text := range printed {
		if strings.Contains(text, value) || strings.Contains(text, fmt.Sprintf("%x", value)) || strings.Contains(text, hashOf(value).Reveal()) {
			t.Errorf("shows the secret: %s", text)
		}
	}
	if s.Reveal() != value || Secret("").String() != "" {
		t.Error("Reveal must give the value, and an empty secret must print as nothing")
	}
}

func TestUnusable(t *testing.T) {
	refused := []string{
		"", "   ", "changeme", "CHANGE_ME", "change-me", "todo", "whsec_...", "whsec_…", "sk_test_xxx", "sk_live_XXXXXXXX",
		"sk_test_", "whsec_", "<secret>", "${STRIPE_KEY}", "{{ key }}", "your-secret-here", "your_api_key", "xxxx", "****",
		"whsec_your_secret", "sk_test_your_key", "placeholder", "null", "sk a",
	}
	for _, v := range refused {
		if unusable(v) == "" {
			t.Errorf("%q is taken for a real value", v)
		}
	}
	taken := []string{
		"sk_test_51HxxxYz", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "rk_live_abc", "sk_test_123", "whsec_test", "a", "hunter2",
		"pdl_ntfset_01h_abc", "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.e30.sig", "sk_test_sim", "todolist", "key-your",
	}
	for _, v := range taken {
		if why := unusable(v); why != "" {
			t.Errorf("%q %s", v, why)
		}
	}
}

func TestParseGrant(t *testing.T) {
	tests := map[string]Grant{
		"period": {Kind: GrantPeriod}, "forever": {Kind: GrantForever}, "credits=250": {Kind: GrantCredits, Credits: 250},
		"P1Y": {Kind: GrantPass, Years: 1}, "P1Y2M3D": {Kind: GrantPass, Years: 1, Months: 2, Days: 3},
		"P2W": {Kind: GrantPass, Days: 14}, "PT12H30M5S": {Kind: GrantPass, Time: 12*time.Hour + 30*time.Minute + 5*time.Second},
		"P1DT1H": {Kind: GrantPass, Days: 1, Time: time.Hour},
	}
	for text, want := range tests {
		got, err := parseGrant(text)
		if err != nil || got != want {
			t.Errorf("parseGrant(%q) = %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "P", "PT", "P0D", "P1YT", "1Y", "p1y", "P1.5Y", "P-1D", "credits", "credits=", "credits=1.5", "credits=-1", "Forever"} {
		if got, err := parseGrant(text); err == nil {
			t.Errorf("parseGrant(%q) = %+v, want an error", text, got)
		}
	}
}

func TestEnvKey(t *testing.T) {
	tests := map[string]string{
		"TRIVET_PUBLIC_URL":                             "public_url",
		"TRIVET_API_KEYS_FILE":                          "api_keys_file",
		"TRIVET_MAIL_REPLY_TO":                          "mail.reply_to",
		"TRIVET_PROVIDERS_STRIPE_SECRET_KEY":            "providers.stripe.secret_key",
		"TRIVET_PROVIDERS_STRIPE_SECRET_KEY_FILE":       "providers.stripe.secret_key_file",
		"TRIVET_PROVIDERS_PAYPAL_EU_CLIENT_SECRET":      "providers.paypal_eu.client_secret",
		"TRIVET_PROVIDERS_PAYPAL_EU_CLIENT_SECRET_FILE": "providers.paypal_eu.client_secret_file",
		"TRIVET_PROVIDERS_PAYPAL_CERT_BASE_URL":         "providers.paypal.cert_base_url",
		"TRIVET_PROVIDERS_PAYPAL_BASE_URL":              "providers.paypal.base_url",
		"TRIVET_PROVIDERS_MY_API_MODE":                  "providers.my_api.mode",
		"TRIVET_PLAN_10_GRANTS":                         "plan.10.grants",
		"TRIVET_PLAN_0_PRICES_PAYPAL_EU":                "plan.0.prices.paypal_eu",
		"TRIVET_ENDPOINT_0_SECRET_FILE":                 "endpoint.0.secret_file",
		"TRIVET_API_KEY_0_NAME":                         "api_key.0.name",
		"TRIVET_API_KEY_1_KEY":                          "api_key.1.key",
		"TRIVET_API_KEY_1_KEY_FILE":                     "api_key.1.key_file",
		"TRIVET_API_KEY_12_KEY_SHA256":                  "api_key.12.key_sha256",
		"TRIVET_POLICY_FRAUD_MAX_CARDS":                 "policy.fraud.max_cards",
	}
	for name, want := range tests {
		if got := envKey(name); got != (verdict{path: want}) {
			t.Errorf("envKey(%s) = %+v, want %s", name, got, want)
		}
	}
}

// Every key that the schema knows must be reachable by the variable that the
// error messages name.
func TestEveryKeyHasAVariable(t *testing.T) {
	for table := range schema {
		section := strings.Replace(table, "*", map[bool]string{true: "0", false: "fraud"}[tables[strings.TrimSuffix(table, ".*")].numbered], 1)
		for _, key := range names(table) {
			path := strings.Trim(section+"."+key, ".")
			if got := envKey(variable(path)); got.path != path {
				t.Errorf("%s stands for %+v, want %s", variable(path), got, path)
			}
		}
	}
}

func TestLineNumbers(t *testing.T) {
	got := lineNumbers([]byte("a = 1 # one\n# b = 2\n\n[ providers . \"x\" ]\n 'k' = 1\n[[plan]]\n[[plan]]\nprices.s = []\n[plan.prices]\nt = []\n"))
	want := map[string]int{
		"a": 1, "providers": 4, "providers.x": 4, "providers.x.k": 5, "plan": 6, "plan.0": 6, "plan.1": 7,
		"plan.1.prices": 8, "plan.1.prices.s": 8, "plan.1.prices.t": 10,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines differ (-want +got):\n%s", diff)
	}
}

func TestClosest(t *testing.T) {
	known := names("providers.*")
	tests := map[string]string{
		"secret": "secret_key", "secretkey": "secret_key", "webhook_secret": "webhook_secrets", "aip_key": "api_key",
		"base": "base_url", "zzzzzz": "", "x": "",
	}
	for name, want := range tests {
		if got := closest(name, known); got != want {
			t.Errorf("closest(%q) = %q, want %q", name, got, want)
		}
	}
}

// FuzzLoad feeds a file and a variable of any content: Load must neither panic
// nor give both a configuration and an error, and the environment must win.
func FuzzLoad(f *testing.F) {
	f.Add(everything, "TRIVET_MODE", "assist")
	f.Add(stripe, "TRIVET_PROVIDERS_STRIPE_SECRET_KEY", "")
	f.Add("plan = 1\nproviders = [[1]]\n[access]\n", "TRIVET_PLAN_0_PRICES_X", "a,b")
	f.Add("[policy.fraud]\nx = {y = 1}\n", "TRIVET_POLICY_FRAUD_X", "1")
	f.Add("[[plan]]\nprices = {a = {b = 1}}\n", "TRIVET_PLAN_99999999999999999999_ID", "x")
	for _, m := range mistakes {
		f.Add(m.file, "TRIVET_PROVIDERS__SECRET_KEY", "x")
	}
	f.Fuzz(func(t *testing.T, file, name, value string) {
		c, err := Load(write(t, "trivet.toml", file), []string{name + "=" + value})
		if (c == nil) == (err == nil) {
			t.Fatalf("Load gave %v and %v", c, err)
		}
		if err == nil && name == "TRIVET_MODE" && value != "" && string(c.Mode) != strings.TrimSpace(value) {
			t.Errorf("mode is %s although the environment says %s", c.Mode, value)
		}
	})
}
