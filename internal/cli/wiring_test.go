package cli

import (
	"crypto/sha256"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/config"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/provider/paypal"
)

// configured reads a configuration from variables, as serve does.
func configured(t *testing.T, variables ...string) *config.Config {
	t.Helper()
	t.Chdir(t.TempDir())
	c, err := config.Load("", append([]string{
		"TRIVET_PROVIDERS_STRIPE_SECRET_KEY=sk_test_1234", "TRIVET_PROVIDERS_STRIPE_WEBHOOK_SECRETS=whsec_1234",
	}, variables...))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestBuild(t *testing.T) {
	c := configured(t,
		"TRIVET_API_KEYS=one,two", "TRIVET_API_KEY_0_NAME=shop", "TRIVET_API_KEY_0_KEY=three", "TRIVET_API_KEY_0_SCOPES=read,write", "TRIVET_DATABASE=postgres://u:p@db/trivet", "TRIVET_PUBLIC_URL=https://billing.test",
		"TRIVET_PROVIDERS_EU_KIND=stripe", "TRIVET_PROVIDERS_EU_SECRET_KEY=sk_live_1234", "TRIVET_PROVIDERS_EU_INGEST=pull", "TRIVET_PROVIDERS_EU_BIND=token,metadata.user_id",
		"TRIVET_PROVIDERS_US_KIND=stripe", "TRIVET_PROVIDERS_US_SECRET_KEY=sk_live_5678", "TRIVET_PROVIDERS_US_INGEST=push", "TRIVET_PROVIDERS_US_WEBHOOK_SECRETS=whsec_5678",
		"TRIVET_PLAN_0_ID=pro", "TRIVET_PLAN_0_FEATURES=export,sso", "TRIVET_PLAN_0_PRICES_EU=price_1,price_2",
		"TRIVET_PLAN_1_ID=year", "TRIVET_PLAN_1_GRANTS=P1YT12H", "TRIVET_PLAN_2_ID=calls", "TRIVET_PLAN_2_GRANTS=credits=100",
		"TRIVET_ACCESS_GRACE=3d", "TRIVET_ACCESS_PAUSED=true", "TRIVET_SWEEP_HOT=1m", "TRIVET_SWEEP_FULL=12h",
	)
	got, err := build(c, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	var accounts []string
	for _, d := range got.Providers {
		accounts = append(accounts, d.Account())
	}
	for name, pair := range map[string][2]any{
		"accounts":  {accounts, []string{"eu", "stripe", "us"}},
		"pull only": {got.PullOnly, []string{"eu"}},
		"no pull":   {got.NoPull, []string{"us"}},
		"bind":      {got.Bind, map[string][]string{"stripe": {"token"}, "us": {"token"}, "eu": {"token", "metadata.user_id"}}},
		"keys":      {got.APIKeys, []string{"one", "two"}},
		"named":     {got.NamedKeys, []trivet.NamedKey{{Name: "shop", SHA256: sha256.Sum256([]byte("three")), Scopes: []string{"read", "write"}}}},
		"database":  {got.Database, "postgres://u:p@db/trivet"},
		"address":   {got.PublicURL, "https://billing.test"},
		"sweeps":    {[]time.Duration{got.Hot, got.Full}, []time.Duration{time.Minute, 12 * time.Hour}},
		"access":    {*got.Access, billing.Rules{Grace: 72 * time.Hour, Paused: true, Disputed: true}},
		"plans": {got.Plans, []billing.Plan{
			{ID: "pro", Name: "pro", Features: []string{"export", "sso"}, Prices: map[string][]string{"eu": {"price_1", "price_2"}}, Kind: billing.GrantSubscription},
			{ID: "year", Name: "year", Prices: map[string][]string{}, Kind: billing.GrantPass, Pass: billing.CalendarPeriod{Years: 1, Time: 12 * time.Hour}},
			{ID: "calls", Name: "calls", Prices: map[string][]string{}, Kind: billing.GrantCredits, Credits: 100},
		}},
	} {
		if diff := cmp.Diff(pair[1], pair[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestPayPal: a section makes a driver of its environment; what is not safe makes
// none.
func TestPayPal(t *testing.T) {
	section := []string{"TRIVET_PROVIDERS_PP_KIND=paypal", "TRIVET_PROVIDERS_PP_CLIENT_ID=abcd1234", "TRIVET_PROVIDERS_PP_CLIENT_SECRET=efgh5678"}
	for name, tt := range map[string]struct {
		variables []string
		live      bool
		want      string
	}{
		"live":               {[]string{"TRIVET_PROVIDERS_PP_WEBHOOK_IDS=1AB,2CD"}, true, ""},
		"sandbox":            {[]string{"TRIVET_PROVIDERS_PP_WEBHOOK_IDS=WEBHOOK_ID", "TRIVET_PROVIDERS_PP_ENVIRONMENT=sandbox", "TRIVET_PROVIDERS_PP_RATE=50%"}, false, ""},
		"the mock's id live": {[]string{"TRIVET_PROVIDERS_PP_WEBHOOK_IDS=WEBHOOK_ID"}, false, "providers.pp: webhook_ids, number 1, is the literal WEBHOOK_ID"},
	} {
		t.Run(name, func(t *testing.T) {
			p, found := configured(t, append(section, tt.variables...)...).Provider("pp")
			if !found {
				t.Fatal("the section is lost")
			}
			d, err := driver(p, time.Now)
			if tt.want != "" {
				if err == nil || !strings.HasPrefix(err.Error(), tt.want) || strings.Contains(err.Error(), "efgh5678") {
					t.Errorf("%v, want %s", err, tt.want)
				}
				return
			}
			if err != nil || d.Account() != "pp" || d.(*paypal.Driver).Live() != tt.live {
				t.Errorf("%v, %v", d, err)
			}
		})
	}
}

// TestModes: the mode of everything, of an account, of a policy.
func TestModes(t *testing.T) {
	tests := map[string]struct {
		variables []string
		want      policy.Mode
	}{
		"by default":      {nil, policy.Enforce},
		"observed":        {[]string{"TRIVET_MODE=observe"}, policy.Observe},
		"assisted":        {[]string{"TRIVET_MODE=assist"}, policy.Assist},
		"at the account":  {[]string{"TRIVET_PROVIDERS_STRIPE_MODE=observe"}, policy.Observe},
		"but the account": {[]string{"TRIVET_MODE=observe", "TRIVET_PROVIDERS_STRIPE_MODE=enforce"}, policy.Enforce},
		"by the policy":   {[]string{"TRIVET_POLICY_HYGIENE_MODE=observe"}, policy.Observe},
		"another policy":  {[]string{"TRIVET_POLICY_FRAUD_MODE=observe"}, policy.Enforce},
		"rolled out":      {[]string{"TRIVET_POLICY_HYGIENE_MODE=observe", "TRIVET_POLICY_HYGIENE_ROLLOUT=100"}, policy.Enforce},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := modes(configured(t, tt.variables...)).For("stripe", "hygiene", "user_1"); got != tt.want {
				t.Errorf("the mode is %s, want %s", got, tt.want)
			}
		})
	}
}

// TestAGlobalSwitchReachedOnlyWhatIsOurs: what has no mode of its own in the
// configuration follows the global one when that is switched, too.
func TestAGlobalSwitchReachedOnlyWhatIsOurs(t *testing.T) {
	for _, configuredAs := range []policy.Mode{policy.Enforce, policy.Observe} {
		m := modes(configured(t, "TRIVET_MODE="+string(configuredAs), "TRIVET_POLICY_HYGIENE_SETTING=1"))
		for _, mode := range []policy.Mode{policy.Observe, policy.Assist, policy.Enforce} {
			now, err := m.With(map[string]policy.Mode{policy.ScopeGlobal: mode})
			if got := now.For("stripe", "hygiene", "user_1"); err != nil || got != mode {
				t.Errorf("configured %s, switched to %s: the mode is %s, %v", configuredAs, mode, got, err)
			}
		}
	}
}

func TestRates(t *testing.T) {
	tests := map[string]struct {
		key  string
		rate config.Rate
		want float64
	}{
		"the driver's own":     {"sk_test_1", config.Rate{}, 0},
		"a share of test mode": {"sk_test_1", config.Rate{Share: 0.4}, 10},
		"a share of live mode": {"rk_live_1", config.Rate{Share: 0.4}, 40},
		"a number":             {"sk_live_1", config.Rate{PerSecond: 7}, 7},
	}
	for name, tt := range tests {
		if got := perSecond(tt.rate, stripeLimit(tt.key)); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// TestAnnounce: what is missing or does nothing is said once, at start.
// TestBrokenTemplatesAreToldAtTheStart, when somebody looks, and not by the first
// message that cannot be sent.
func TestBrokenTemplatesAreToldAtTheStart(t *testing.T) {
	c := configured(t)
	c.Mail.Templates = t.TempDir()
	write := func(text string) {
		if err := os.MkdirAll(filepath.Join(c.Mail.Templates, "en"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(c.Mail.Templates, "en", "paused.txt"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("-- body --\n{{.Prodct}} is paused\n")
	_, err := build(c, slog.New(slog.DiscardHandler), time.Now)
	if err == nil || !strings.Contains(err.Error(), "paused/body") || !strings.Contains(err.Error(), "trivet mail check") {
		t.Errorf("%v", err)
	}
	write("-- body --\n{{.Product}} is paused\n")
	if _, err := build(c, slog.New(slog.DiscardHandler), time.Now); err != nil {
		t.Error(err)
	}
}

// TestConfiguredKey: the command line asks with the key that opens most.
func TestConfiguredKey(t *testing.T) {
	shop := []string{"TRIVET_API_KEY_0_NAME=shop", "TRIVET_API_KEY_0_KEY=shop-key", "TRIVET_API_KEY_0_SCOPES=read"}
	desk := []string{"TRIVET_API_KEY_1_NAME=desk", "TRIVET_API_KEY_1_KEY=desk-key", "TRIVET_API_KEY_1_SCOPES=money"}
	ops := []string{"TRIVET_API_KEY_2_NAME=ops", "TRIVET_API_KEY_2_KEY=ops-key", "TRIVET_API_KEY_2_SCOPES=all"}
	hashed := []string{"TRIVET_API_KEY_0_NAME=shop", "TRIVET_API_KEY_0_KEY_SHA256=" + strings.Repeat("a", 64), "TRIVET_API_KEY_0_SCOPES=all"}
	old := append(slices.Clone(ops), "TRIVET_API_KEY_2_EXPIRES=2026-11-22")
	last := []string{"TRIVET_API_KEY_3_NAME=last", "TRIVET_API_KEY_3_KEY=last-key", "TRIVET_API_KEY_3_SCOPES=all", "TRIVET_API_KEY_3_EXPIRES=2026-11-23"}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for want, variables := range map[string][]string{
		"":         hashed,
		"shop-key": slices.Concat(shop, desk),
		"desk-key": slices.Concat(hashed, desk),
		"ops-key":  slices.Concat(shop, desk, ops),
		"last-key": slices.Concat(shop, desk, old, last),
		"full-key": slices.Concat(shop, ops, []string{"TRIVET_API_KEYS=full-key,another"}),
	} {
		if got := configuredKey(configured(t, variables...), now); got != want {
			t.Errorf("it asks with %q, want %q", got, want)
		}
	}
}

func TestAnnounce(t *testing.T) {
	var log lines
	c := configured(t, "TRIVET_SERVICE_HOST=10.0.0.1")
	s := &session{Process: Process{Environ: []string{"TRIVET_API_KEY=x"}}}
	announce(c, s, slog.New(slog.NewTextHandler(&log, nil)))
	for _, want := range []string{"no API key is set", "TRIVET_API_KEYS", "no [mail]", "no [[plan]]", "TRIVET_SERVICE_HOST"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("nothing about %s: %s", want, log.String())
		}
	}
	log = lines{}
	announce(configured(t, "TRIVET_API_KEY_0_NAME=shop", "TRIVET_API_KEY_0_KEY=hush-hush", "TRIVET_API_KEY_0_SCOPES=read,write", "TRIVET_API_KEY_0_EXPIRES=2027-03-31"), s, slog.New(slog.NewTextHandler(&log, nil)))
	if strings.Contains(log.String(), "no API key") || strings.Contains(log.String(), "hush-hush") || !strings.Contains(log.String(), "shop (read, write) until 2027-04-01T00:00:00Z") {
		t.Errorf("an [[api_key]] is told as %s", log.String())
	}
	if strings.Contains(log.String(), "sk_test") {
		t.Errorf("the log has a secret: %s", log.String())
	}
}
