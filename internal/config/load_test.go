package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// write makes a file in a fresh folder and returns its path.
func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// load reads a configuration that must be good.
func load(t testing.TB, text string, environ ...string) *Config {
	t.Helper()
	c, err := Load(write(t, "trivet.toml", text), environ)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return c
}

func TestTwoVariablesSuffice(t *testing.T) {
	t.Chdir(t.TempDir())
	c, err := Load("", []string{
		"TRIVET_PROVIDERS_STRIPE_SECRET_KEY=sk_test_51Habc",
		"TRIVET_PROVIDERS_STRIPE_WEBHOOK_SECRETS=whsec_one, whsec_two",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		PublicURL: "http://127.0.0.1:8990",
		Listen:    "127.0.0.1:8990",
		Database:  Database{Kind: SQLite, Path: "trivet.db"},
		Mode:      Enforce,
		Providers: []Provider{{
			Name: "stripe", Kind: Stripe, SecretKey: "sk_test_51Habc",
			WebhookSecrets: []Secret{"whsec_one", "whsec_two"},
			Bind:           []string{"token"}, Ingest: PushPull,
		}},
		Access: Access{Grace: 7 * 24 * time.Hour, Disputed: true},
		Caps:   Caps{Refunds: 50},
		Sweep:  Sweep{Hot: 5 * time.Minute, Full: 24 * time.Hour},
		Origins: map[string]string{
			"providers.stripe.secret_key": "TRIVET_PROVIDERS_STRIPE_SECRET_KEY", "providers.stripe.webhook_secrets": "TRIVET_PROVIDERS_STRIPE_WEBHOOK_SECRETS",
		},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("configuration differs (-want +got):\n%s", diff)
	}
}

const everything = `
public_url = "https://billing.acme.com/"
listen     = "0.0.0.0:80"
metrics    = "127.0.0.1:9464"
database   = "postgres://trivet:pw@db/trivet"
mode       = "observe"
api_keys   = ["key-one", "key-two"]

[providers.stripe]
secret_key      = "sk_live_1"
webhook_secrets = ["whsec_1"]
base_url        = "http://127.0.0.1:9000/"
bind            = ["token", "metadata.user_id"]
mode            = "assist"
ingest          = "push"
rate            = "50%"

[providers.paypal_eu]
kind          = "paypal"
client_id     = "A1"
client_secret = "B1"
webhook_ids   = ["W1", "W2"]
environment   = "sandbox"
cert_base_url = "http://localhost:9001"
order_life    = "6h"
rate          = "4/s"

[providers.paddle]
api_key         = "pdl_live_apikey_1"
webhook_secrets = "pdl_ntfset_1"

[providers.lemonsqueezy]
api_key = "eyJ1"
store   = 12345
ingest  = "pull"

[[api_key]]
name   = "shop"
key    = "shop-key"
scopes = ["check", "write"]

[[api_key]]
name       = "ops"
key_sha256 = "2C69BC9111C27110A9B9A7974BA3F8AC0C053C16B23A0738115EE829FBC4D57B"
scopes     = ["admin", "read", "admin"]
expires    = "2027-03-31"

[[plan]]
id       = "pro"
name     = "Professional"
features = ["api", "sso"]
[plan.prices]
stripe    = ["price_1", "price_2"]
paypal_eu = ["P-1"]

[[plan]]
id            = "year"
prices.paddle = ["pri_1"]
grants        = "P1Y"

[access]
grace    = "3d 12h"
paused   = true
refunded = "keep"
disputed = "revoke"

[caps]
refunds        = 20
refund_amounts = ["500.00 EUR", "80000 JPY"]

[sweep]
hot  = "1m"
full = "6h"

[mail]
smtp      = "smtps://user:pw@mail.acme.com:465"
from      = "Acme <billing@acme.com>"
reply_to  = "help@acme.com"
templates = "./mail"
locale    = "de"
brand     = "Acme"
url       = "https://acme.com"
support   = "help@acme.com"
address   = "1 High Street, Dublin"
tax_id    = "IE1234567X"
keep      = "30d"
handover  = true

[sms]
kind    = "http"
from    = "Acme"
account = "acme"
token   = "tok"
url     = "https://gateway.example.com/send?v=2"
body    = '{"to": {{json .To}}}'

[[endpoint]]
url             = "https://app.acme.com/hooks?x=1"
events          = ["customer.state_changed"]
secret          = "whsec_5Zk0n1dWc9Qb2xTq7LrV3uYpHs8JfGmA4eNoXwCiKtE="
previous_secret = "whsec_q1W2e3R4t5Y6u7I8o9P0a1S2d3F4g5H6"

[[endpoint]]
name          = "mailer"
url           = "http://mailer:3000/hooks"
secret        = "whsec_q1W2e3R4t5Y6u7I8o9P0a1S2d3F4g5H6"
allow_private = true

[[alert]]
url  = "https://hooks.example.com/T0/B0"
when = ["dispute"]

[retention]
events = "90d"

[policy.dunning]
mode  = "assist"
steps = ["1d", "3d"]
`

func TestEveryKeyOfTheFile(t *testing.T) {
	want := &Config{
		PublicURL: "https://billing.acme.com",
		Listen:    "0.0.0.0:80",
		Metrics:   "127.0.0.1:9464",
		Database:  Database{Kind: PostgreSQL, URL: "postgres://trivet:pw@db/trivet"},
		Mode:      Observe,
		APIKeys:   []Secret{"key-one", "key-two"},
		NamedKeys: []APIKey{
			{Name: "shop", Key: "shop-key", SHA256: "44cfdcdd88354fa1412781f5a01a901c9112db33bfa8b165fbec9b618d9cf112", Scopes: []string{"check", "write"}},
			{Name: "ops", SHA256: "2c69bc9111c27110a9b9a7974ba3f8ac0c053c16b23a0738115ee829fbc4d57b", Scopes: []string{"admin", "read"}, Expires: time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)},
		},
		Providers: []Provider{
			{
				Name: "lemonsqueezy", Kind: LemonSqueezy, APIKey: "eyJ1", Store: "12345",
				Bind: []string{"token"}, Ingest: Pull,
			},
			{
				Name: "paddle", Kind: Paddle, APIKey: "pdl_live_apikey_1", WebhookSecrets: []Secret{"pdl_ntfset_1"},
				Environment: "live", Bind: []string{"token"}, Ingest: PushPull,
			},
			{
				Name: "paypal_eu", Kind: PayPal, ClientID: "A1", ClientSecret: "B1", WebhookIDs: []string{"W1", "W2"},
				Environment: "sandbox", CertBaseURL: "http://localhost:9001", OrderLife: 6 * time.Hour,
				Bind: []string{"token"}, Ingest: PushPull, Rate: Rate{PerSecond: 4},
			},
			{
				Name: "stripe", Kind: Stripe, SecretKey: "sk_live_1", WebhookSecrets: []Secret{"whsec_1"},
				BaseURL: "http://127.0.0.1:9000", Bind: []string{"token", "metadata.user_id"},
				Mode: Assist, Ingest: Push, Rate: Rate{Share: 0.5},
			},
		},
		Plans: []Plan{
			{
				ID: "pro", Name: "Professional", Features: []string{"api", "sso"},
				Prices: map[string][]string{"stripe": {"price_1", "price_2"}, "paypal_eu": {"P-1"}},
				Grants: Grant{Kind: GrantPeriod},
			},
			{
				ID: "year", Name: "year", Prices: map[string][]string{"paddle": {"pri_1"}},
				Grants: Grant{Kind: GrantPass, Years: 1},
			},
		},
		Access: Access{Grace: 84 * time.Hour, Paused: true, Refunded: true},
		Caps:   Caps{Refunds: 20, Amounts: map[string]int64{"EUR": 50000, "JPY": 80000}},
		Sweep:  Sweep{Hot: time.Minute, Full: 6 * time.Hour}, Retention: Retention{Events: 90 * 24 * time.Hour},
		Mail: Mail{
			HandOver: true,
			SMTP:     "smtps://user:pw@mail.acme.com:465", From: "Acme <billing@acme.com>",
			ReplyTo: "help@acme.com", Templates: "./mail", Locale: "de", Brand: "Acme", URL: "https://acme.com",
			Support: "help@acme.com", Address: "1 High Street, Dublin", TaxID: "IE1234567X", Keep: 30 * 24 * time.Hour,
		},
		SMS: SMS{
			Kind: Gateway, From: "Acme", Account: "acme", Token: "tok", URL: "https://gateway.example.com/send?v=2",
			Body: `{"to": {{json .To}}}`,
		},
		Endpoints: []Endpoint{{
			Name: "app.acme.com", URL: "https://app.acme.com/hooks?x=1", Events: []string{"customer.state_changed"},
			Secret: "whsec_5Zk0n1dWc9Qb2xTq7LrV3uYpHs8JfGmA4eNoXwCiKtE=", PreviousSecret: "whsec_q1W2e3R4t5Y6u7I8o9P0a1S2d3F4g5H6",
		}, {
			Name: "mailer", URL: "http://mailer:3000/hooks", Secret: "whsec_q1W2e3R4t5Y6u7I8o9P0a1S2d3F4g5H6", AllowPrivate: true,
		}},
		Alerts:    []Alert{{URL: "https://hooks.example.com/T0/B0", When: []string{"dispute"}}},
		Policies:  []Policy{{Name: "dunning", Mode: Assist, Settings: map[string]any{"steps": []any{"1d", "3d"}}}},
		Secretive: true,
	}
	if diff := cmp.Diff(want, load(t, everything), cmpopts.IgnoreFields(Config{}, "Path", "Origins")); diff != "" {
		t.Errorf("configuration differs (-want +got):\n%s", diff)
	}
}

func TestEnvironmentWinsOverTheFile(t *testing.T) {
	c := load(t, everything,
		"TRIVET_MODE=enforce",
		"TRIVET_ACCESS_GRACE=1d",
		"TRIVET_ACCESS_PAUSED=false",
		"TRIVET_PROVIDERS_PAYPAL_EU_CLIENT_SECRET=B2",
		"TRIVET_PLAN_0_NAME=Expert",
		"TRIVET_PLAN_1_PRICES_PAYPAL_EU=P-7,P-8",
		"TRIVET_POLICY_DUNNING_MODE=observe",
		"TRIVET_LISTEN=", // set but empty: as if it were not
		"UNRELATED=1",
	)
	eu, ok := c.Provider("paypal_eu")
	got := []any{
		c.Mode, c.Access.Grace, c.Access.Paused, ok, eu.ClientID, eu.ClientSecret.Reveal(), c.Plans[0].Name, c.Plans[0].ID,
		c.Plans[1].Prices["paypal_eu"], c.Plans[1].Prices["paddle"], c.Policies[0].Mode, c.Listen,
	}
	want := []any{
		Enforce, 24 * time.Hour, false, true, "A1", "B2", "Expert", "pro",
		[]string{"P-7", "P-8"}, []string{"pri_1"}, Observe, "0.0.0.0:80",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values differ (-want +got):\n%s", diff)
	}
}

// TestAPIKeysFromTheEnvironment: all of a key can come from there, and whichever form
// of the key it has takes the place of the file's.
func TestAPIKeysFromTheEnvironment(t *testing.T) {
	const file = "[[api_key]]\nname = 'shop'\nscopes = ['read']\n"
	path := write(t, "key", "shop-key\n")
	shop := APIKey{Name: "shop", Key: "shop-key", SHA256: hashOf("shop-key"), Scopes: []string{"read"}}
	hashed := APIKey{Name: "shop", SHA256: hashOf("shop-key"), Scopes: []string{"read"}}
	tests := map[string]struct {
		file string
		env  []string
		want APIKey
	}{
		"no file":           {"", []string{"TRIVET_API_KEY_0_NAME=shop", "TRIVET_API_KEY_0_KEY=shop-key", "TRIVET_API_KEY_0_SCOPES=read,read"}, shop},
		"the key":           {file, []string{"TRIVET_API_KEY_0_KEY=shop-key"}, shop},
		"the key's file":    {file, []string{"TRIVET_API_KEY_0_KEY_FILE=" + path}, shop},
		"the hash":          {file, []string{"TRIVET_API_KEY_0_KEY_SHA256=" + hashOf("shop-key").Reveal()}, hashed},
		"a key for a hash":  {file + "key_sha256 = '" + hashOf("x").Reveal() + "'\n", []string{"TRIVET_API_KEY_0_KEY=shop-key"}, shop},
		"a file for a hash": {file + "key_sha256 = '" + hashOf("x").Reveal() + "'\n", []string{"TRIVET_API_KEY_0_KEY_FILE=" + path}, shop},
		"a hash for a key":  {file + "key = 'x'\n", []string{"TRIVET_API_KEY_0_KEY_SHA256=" + hashOf("shop-key").Reveal()}, hashed},
		"a hash for a file": {file + "key_file = '/does/not/exist'\n", []string{"TRIVET_API_KEY_0_KEY_SHA256=" + hashOf("shop-key").Reveal()}, hashed},
		"the scopes win":    {"[[api_key]]\nname = 'shop'\nscopes = ['all']\nkey = 'shop-key'\n", []string{"TRIVET_API_KEY_0_SCOPES=read"}, shop},
		"the name wins":     {"[[api_key]]\nname = 'x'\nscopes = ['read']\nkey = 'shop-key'\n", []string{"TRIVET_API_KEY_0_NAME=shop"}, shop},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff([]APIKey{tt.want}, load(t, tt.file, tt.env...).NamedKeys); diff != "" {
				t.Errorf("keys differ (-want +got):\n%s", diff)
			}
		})
	}
}

// TestKeysExpire: a day is the last on which the key is taken, however it is written.
func TestKeysExpire(t *testing.T) {
	for written, want := range map[string]time.Time{
		`"2027-03-31"`:                    time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC),
		`2027-03-31`:                      time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC),
		`" 2028-02-28 "`:                  time.Date(2028, 2, 29, 0, 0, 0, 0, time.UTC),
		`"2027-03-31T18:00:00+02:00"`:     time.Date(2027, 3, 31, 16, 0, 0, 0, time.UTC),
		`2027-03-31T18:00:00.5Z`:          time.Date(2027, 3, 31, 18, 0, 0, 5e8, time.UTC),
		`"2027-03-31"` + "\n# 2028-03-31": time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC),
	} {
		c := load(t, "[[api_key]]\nname = 'shop'\nkey = 'shop-key'\nscopes = ['read']\nexpires = "+written+"\n")
		if got := c.NamedKeys[0].Expires; !got.Equal(want) {
			t.Errorf("%s is %s, want %s", written, got, want)
		}
	}
	c := load(t, "", "TRIVET_API_KEY_0_NAME=shop", "TRIVET_API_KEY_0_KEY=shop-key", "TRIVET_API_KEY_0_SCOPES=read", "TRIVET_API_KEY_0_EXPIRES=2027-03-31")
	if got, want := c.NamedKeys[0].Expires, time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("from the environment: %s, want %s", got, want)
	}
}

func TestSecretsFromFiles(t *testing.T) {
	key := write(t, "key", "sk_test_fromfile\n")
	hooks := write(t, "hooks", "whsec_new\nwhsec_old\n")
	t.Run("by the file", func(t *testing.T) {
		c := load(t, "[providers.stripe]\nsecret_key_file = '"+key+"'\nwebhook_secrets_file = '"+hooks+"'\n")
		p := c.Providers[0]
		if p.SecretKey.Reveal() != "sk_test_fromfile" || !cmp.Equal(p.WebhookSecrets, []Secret{"whsec_new", "whsec_old"}) {
			t.Errorf("got %q and %d webhook secrets", p.SecretKey.Reveal(), len(p.WebhookSecrets))
		}
	})
	t.Run("the environment's form hides the file's other form", func(t *testing.T) {
		c := load(t, "[providers.stripe]\nsecret_key = 'sk_test_inline'\nwebhook_secrets_file = '/does/not/exist'\n",
			"TRIVET_PROVIDERS_STRIPE_SECRET_KEY_FILE="+key, "TRIVET_PROVIDERS_STRIPE_WEBHOOK_SECRETS=whsec_env")
		p := c.Providers[0]
		if p.SecretKey.Reveal() != "sk_test_fromfile" || !cmp.Equal(p.WebhookSecrets, []Secret{"whsec_env"}) {
			t.Errorf("got %q and %d webhook secrets", p.SecretKey.Reveal(), len(p.WebhookSecrets))
		}
	})
	t.Run("the database's address", func(t *testing.T) {
		c := load(t, "", "TRIVET_DATABASE_FILE="+write(t, "db", "postgres://u:p@h/n\n"))
		if c.Database.URL.Reveal() != "postgres://u:p@h/n" {
			t.Errorf("database is %q", c.Database.URL.Reveal())
		}
	})
}

func TestTheFileIsFoundByFlagThenVariableThenDefault(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for name, mode := range map[string]string{"flag.toml": "observe", "variable.toml": "assist", DefaultPath: "enforce"} {
		if err := os.WriteFile(name, []byte("mode = '"+mode+"'\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		flag    string
		environ []string
		want    Mode
	}{
		{"flag.toml", []string{"TRIVET_CONFIG=variable.toml"}, Observe},
		{"", []string{"TRIVET_CONFIG=variable.toml"}, Assist},
		{"", nil, Enforce},
	}
	for _, tt := range tests {
		c, err := Load(tt.flag, tt.environ)
		if err != nil || c.Mode != tt.want {
			t.Errorf("Load(%q, %v) has mode %v, %v; want %s", tt.flag, tt.environ, c, err, tt.want)
		}
	}
}

func TestForeignVariablesAreListed(t *testing.T) {
	c := load(t, "", "TRIVET_SERVICE_HOST=10.0.0.1", "TRIVET_PORT=tcp://10.0.0.1:80", "TRIVET_HOME=/x", "TRIVET_TEST_POSTGRES=x")
	if diff := cmp.Diff([]string{"TRIVET_HOME", "TRIVET_PORT", "TRIVET_SERVICE_HOST"}, c.Ignored); diff != "" {
		t.Errorf("ignored variables differ (-want +got):\n%s", diff)
	}
}

// The example of the README must be one that Load would take, were its secrets
// and ids real.
func TestReadmeExample(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(text), "```toml\n")
	example, _, closed := strings.Cut(after, "```")
	if !found || !closed {
		t.Fatal("README.md has no TOML example")
	}
	dir := t.TempDir() + "/"
	example = strings.NewReplacer("…", "real", "/run/secrets/", dir).Replace(example)
	for part := range strings.SplitSeq(example, `"`) {
		if strings.HasPrefix(part, dir) {
			value := "real_value_of_" + filepath.Base(part) + "\n" // no two keys are the same
			if strings.HasSuffix(part, "/hooks") {                 // is checked for strength
				value = "whsec_5Zk0n1dWc9Qb2xTq7LrV3uYpHs8JfGmA4eNoXwCiKtE=\n"
			}
			if err := os.WriteFile(part, []byte(value), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	c := load(t, example)
	if len(c.Providers) != 5 || len(c.Plans) != 1 || c.Mode != Observe {
		t.Errorf("the example means %+v", c)
	}
}

func TestAllProblemsComeAtOnce(t *testing.T) {
	path := write(t, "trivet.toml", "mode = 'enforc'\nlisten = 'here'\n[sweep]\nhot = 'soon'\n")
	_, err := Load(path, []string{"TRIVET_PROVIDERS_STRIPE_SECRT_KEY=x"})
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %T, want *Error", err)
	}
	if got := strings.Count(err.Error(), "\n") + 1; got != 4 || len(e.Problems) != 4 {
		t.Errorf("%d lines and %d problems, want 4 of each:\n%v", got, len(e.Problems), err)
	}
}

// TestLists: what is numeric needs no quotes, and a variable may hold a list as the
// file writes it.
func TestLists(t *testing.T) {
	c := load(t, "[providers.lemonsqueezy]\napi_key='k'\nwebhook_secrets='s'\n[[plan]]\nid='pro'\nprices.lemonsqueezy=[12345, '67']\n",
		`TRIVET_API_KEYS=["k1", "k2"]`, "TRIVET_PLAN_0_FEATURES= ['api',\n7] ", "TRIVET_PROVIDERS_LEMONSQUEEZY_BIND=token,email")
	got := []any{c.Plans[0].Prices["lemonsqueezy"], c.APIKeys, c.Plans[0].Features, c.Providers[0].Bind}
	want := []any{[]string{"12345", "67"}, []Secret{"k1", "k2"}, []string{"api", "7"}, []string{"token", "email"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values differ (-want +got):\n%s", diff)
	}
}

// TestADashInTheNameOfAnAccount: no variable has one, so an _ stands for it.
func TestADashInTheNameOfAnAccount(t *testing.T) {
	c := load(t, "[providers.stripe-eu]\nkind='stripe'\ningest='pull'\n[[plan]]\nid='pro'\nprices.stripe-eu=['price_1']\n",
		"TRIVET_PROVIDERS_STRIPE_EU_SECRET_KEY=k", "TRIVET_PLAN_0_PRICES_STRIPE_EU=price_2", "TRIVET_PROVIDERS_STRIPE_US_KIND=stripe",
		"TRIVET_PROVIDERS_STRIPE_US_SECRET_KEY=k2", "TRIVET_PROVIDERS_STRIPE_US_INGEST=pull")
	got := map[string]string{}
	for _, p := range c.Providers {
		got[p.Name] = p.SecretKey.Reveal()
	}
	if diff := cmp.Diff(map[string]string{"stripe-eu": "k", "stripe_us": "k2"}, got); diff != "" {
		t.Errorf("accounts differ (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string][]string{"stripe-eu": {"price_2"}}, c.Plans[0].Prices); diff != "" {
		t.Errorf("prices differ (-want +got):\n%s", diff)
	}
}

// TestNoGrace: nothing is nothing in any unit.
func TestNoGrace(t *testing.T) {
	for _, grace := range []string{"0", "'0'", "'0s'", "'0d'"} {
		if c := load(t, "[access]\ngrace = "+grace+"\n"); c.Access.Grace != 0 {
			t.Errorf("%s: %s", grace, c.Access.Grace)
		}
	}
}
