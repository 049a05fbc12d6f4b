package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/config"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
	"github.com/trivetdev/trivet/sim"
	lemonsqueezy "github.com/trivetdev/trivet/sim/lemonsqueezy"
	paddle "github.com/trivetdev/trivet/sim/paddle"
	paypal "github.com/trivetdev/trivet/sim/paypal"
	stripe "github.com/trivetdev/trivet/sim/stripe"
)

// ran runs the program in the present folder.
func ran(t *testing.T, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, failed bytes.Buffer
	code = Main(t.Context(), Process{Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &failed, Now: time.Now, Environ: environ})
	return code, out.String(), failed.String()
}

// TestInit: the file says what is missing, is accepted once that is filled in, and is
// not written over.
func TestInit(t *testing.T) {
	t.Chdir(t.TempDir())
	code, stdout, stderr := ran(t, nil, "init", "--provider", "stripe,paypal,paddle,lemonsqueezy", "--public-url", "https://billing.example.com/")
	if code != exitGood || !strings.Contains(stdout, "trivet connect stripe paypal paddle lemonsqueezy") {
		t.Fatalf("%d %s%s", code, stdout, stderr)
	}
	info, err := os.Stat("trivet.toml")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info, err)
	}
	_, missing := config.Load("trivet.toml", nil)
	for _, key := range []string{"providers.stripe.secret_key", "providers.paypal.client_id", "providers.paypal.client_secret", "providers.paddle.api_key", "providers.lemonsqueezy.api_key"} {
		if missing == nil || !strings.Contains(missing.Error(), key+": is empty") {
			t.Errorf("what lacks is not told of %s: %v", key, missing)
		}
	}
	text, err := os.ReadFile("trivet.toml")
	if err != nil {
		t.Fatal(err)
	}
	filled := regexp.MustCompile(`(\w+)\s*= ""`).ReplaceAllStringFunc(string(text), func(line string) string {
		key := strings.Fields(line)[0]
		return key + ` = "` + map[string]string{"secret_key": "sk_test_abc", "client_id": "id1", "client_secret": "hush1", "api_key": "eyJ1", "store": "12345"}[key] + `"`
	})
	if err := os.WriteFile("trivet.toml", []byte(filled), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load("trivet.toml", nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Providers) != 4 || c.Mode != config.Observe || c.PublicURL != "https://billing.example.com" || len(c.Plans) != 0 || len(c.APIKeys) != 1 || len(c.APIKeys[0].Reveal()) < 40 {
		t.Errorf("%+v", c)
	}
	if code, _, stderr := ran(t, nil, "init"); code != exitUsage || !strings.Contains(stderr, "--force") {
		t.Errorf("again: %d %s", code, stderr)
	}
	if kept, _ := os.ReadFile("trivet.toml"); string(kept) != filled {
		t.Error("the file was written over")
	}
	if code, _, stderr := ran(t, nil, "init", "--force"); code != exitGood {
		t.Errorf("with --force: %d %s", code, stderr)
	}
	if again, _ := os.ReadFile("trivet.toml"); strings.Contains(string(again), c.APIKeys[0].Reveal()) || strings.Contains(string(again), "paypal") {
		t.Errorf("with --force: %s", again)
	}
	if code, _, stderr := ran(t, nil, "init", "-c", filepath.Join("nowhere", "trivet.toml")); code != exitUsage || !strings.Contains(stderr, "nowhere") {
		t.Errorf("into a folder that is not there: %d %s", code, stderr)
	}
	for _, args := range [][]string{{"init", "--provider", "visa"}, {"init", "-c", "b.toml", "--public-url", "billing"}, {"init", "-c", "b.toml", "--public-url", "http://billing.example.com"},
		{"init", "-c", "b.toml", "--database", "trivet.db"}, {"init", "-c", "b.toml", "--database", "sqlite:a\nmode = 'enforce'"}} {
		if code, _, _ := ran(t, nil, args...); code != exitUsage {
			t.Errorf("%v: %d", args, code)
		}
	}
	if _, err := os.Stat("b.toml"); err == nil {
		t.Error("what is wrong was written")
	}
	if code, _, stderr := ran(t, nil, "init", "-c", "c.toml", "--database", `sqlite:a"b\c ä.db`); code != exitGood {
		t.Errorf("%d %s", code, stderr)
	}
	if c, err := config.Load("c.toml", []string{"TRIVET_PROVIDERS_STRIPE_SECRET_KEY=sk_test_abc"}); err != nil || c.Database.Path != `a"b\c ä.db` {
		t.Errorf("%+v %v", c, err)
	}
}

// served serves a simulator.
func served(t *testing.T, h http.Handler) (address string) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// everybody is a configuration, as an environment, of an account of each kind at a
// simulator, without webhooks.
func everybody(t *testing.T) []string {
	t.Helper()
	clock := func() *sim.Clock { return sim.NewClock(time.Now()) }
	return []string{
		"TRIVET_PROVIDERS_STRIPE_SECRET_KEY=sk_test_sim", "TRIVET_PROVIDERS_STRIPE_INGEST=pull",
		"TRIVET_PROVIDERS_STRIPE_BASE_URL=" + served(t, stripe.New(stripe.Config{Seed: 1, Clock: clock()}).Handler()),
		"TRIVET_PROVIDERS_PAYPAL_CLIENT_ID=client_sim", "TRIVET_PROVIDERS_PAYPAL_CLIENT_SECRET=secret_sim", "TRIVET_PROVIDERS_PAYPAL_INGEST=pull",
		"TRIVET_PROVIDERS_PAYPAL_BASE_URL=" + served(t, paypal.New(paypal.Config{Seed: 1, Clock: clock()}).Handler()),
		"TRIVET_PROVIDERS_PADDLE_API_KEY=pdl_sdbx_apikey_sim", "TRIVET_PROVIDERS_PADDLE_ENVIRONMENT=sandbox", "TRIVET_PROVIDERS_PADDLE_INGEST=pull",
		"TRIVET_PROVIDERS_PADDLE_BASE_URL=" + served(t, paddle.New(paddle.Config{Seed: 1, Clock: clock(), Sandbox: true, APIKey: "pdl_sdbx_apikey_sim"}).Handler()),
		"TRIVET_PROVIDERS_LEMONSQUEEZY_API_KEY=ls_test_sim", "TRIVET_PROVIDERS_LEMONSQUEEZY_STORE=1", "TRIVET_PROVIDERS_LEMONSQUEEZY_INGEST=pull",
		"TRIVET_PROVIDERS_LEMONSQUEEZY_BASE_URL=" + served(t, lemonsqueezy.New(lemonsqueezy.Config{Seed: 1, Clock: clock()}).Handler()),
	}
}

// TestConnect: each provider gets one webhook, and what the configuration needs is told
// once.
func TestConnect(t *testing.T) {
	t.Chdir(t.TempDir())
	environ := append(everybody(t), "TRIVET_PUBLIC_URL=https://billing.example.com")
	for account, key := range map[string]string{"stripe": "webhook_secrets", "paypal": "webhook_ids", "paddle": "webhook_secrets", "lemonsqueezy": "webhook_secrets"} {
		code, first, stderr := ran(t, environ, "connect", account)
		told := regexp.MustCompile(`(?m)^  ` + key + ` = \["(.+)"\]$`).FindStringSubmatch(first)
		if code != exitGood || !strings.Contains(first, account+": the webhook to https://billing.example.com/webhooks/"+account+" is new (") || told == nil {
			t.Errorf("%s: %d %s%s", account, code, first, stderr)
			continue
		}
		id := regexp.MustCompile(`\((.+)\)`).FindString(first)
		known := append(environ, "TRIVET_PROVIDERS_"+strings.ToUpper(account)+"_"+strings.ToUpper(key)+"="+told[1])
		code, again, stderr := ran(t, known, "connect", account)
		if code != exitGood || !strings.Contains(again, "was there already "+id) || account != "paypal" && strings.Contains(again, told[1]) {
			t.Errorf("%s, again: %d %s%s", account, code, again, stderr)
		}
	}
	code, stdout, _ := ran(t, environ, "connect", "stripe", "--url", "https://tunnel.example.com", "--save")
	secret, err := os.ReadFile("trivet-stripe.secret")
	if code != exitGood || err != nil || !strings.HasPrefix(string(secret), "whsec_") || strings.Contains(stdout, strings.TrimSpace(string(secret))) || !strings.Contains(stdout, `webhook_secrets_file = "trivet-stripe.secret"`) {
		t.Errorf("saved: %d %s %v", code, stdout, err)
	}
	for range 2 { // Lemon Squeezy's secret is ours, and always the same
		code, stdout, stderr := ran(t, environ, "connect", "lemonsqueezy", "--url", "https://tunnel.example.com", "--save")
		secret, err := os.ReadFile("trivet-lemonsqueezy.secret")
		if code != exitGood || err != nil || strings.Contains(stdout+stderr, strings.TrimSpace(string(secret))) {
			t.Errorf("saved again: %d %s%s %v", code, stdout, stderr, err)
		}
	}
	if code, stdout, stderr := ran(t, environ, "connect", "stripe", "--url", "https://other.example.com", "--save"); code != exitWrong || !strings.Contains(stderr, "is there already") || strings.Contains(stdout+stderr, "whsec_") {
		t.Errorf("over another secret: %d %s%s", code, stdout, stderr)
	}
	if info, err := os.Stat("trivet-stripe.secret"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if code, stdout, stderr := ran(t, environ, "connect", "paddle", "visa"); code != exitUsage || stdout != "" {
		t.Errorf("one of two is unknown: %d %s%s", code, stdout, stderr)
	}
	for name, tt := range map[string]struct {
		environ []string
		args    []string
		code    int
		says    string
	}{
		"nobody":          {nil, []string{"connect", "visa"}, exitUsage, `no provider account "visa"`},
		"at home":         {[]string{"TRIVET_PUBLIC_URL=http://127.0.0.1:8990"}, []string{"connect", "stripe"}, exitUsage, "--url"},
		"a private one":   {[]string{"TRIVET_PUBLIC_URL=https://10.0.0.7"}, []string{"connect", "stripe"}, exitUsage, "only this machine or network"},
		"no TLS":          {[]string{"TRIVET_PUBLIC_URL=http://billing.example.com"}, []string{"connect", "stripe"}, exitUsage, "must begin with https://"},
		"two to one URL":  {nil, []string{"connect", "stripe", "paddle", "--url", "https://t.example.com"}, exitUsage, "one after the other"},
		"a refused key":   {[]string{"TRIVET_PROVIDERS_STRIPE_SECRET_KEY=sk_test_other"}, []string{"connect", "stripe"}, exitWrong, "stripe: "},
		"not an address":  {nil, []string{"connect", "stripe", "--url", "tunnel"}, exitUsage, "is no address"},
		"half of several": {[]string{"TRIVET_PROVIDERS_STRIPE_SECRET_KEY=sk_test_other"}, []string{"connect", "stripe", "paddle"}, exitWrong, "stripe: "},
	} {
		code, stdout, stderr := ran(t, append(environ, tt.environ...), tt.args...)
		if code != tt.code || !strings.Contains(stderr, tt.says) || strings.Contains(stderr, "sk_test_other") {
			t.Errorf("%s: %d %s%s", name, code, stdout, stderr)
		}
		if name == "half of several" && !strings.Contains(stdout, "paddle: the webhook") {
			t.Errorf("%s: %s", name, stdout)
		}
	}
}

// verdicts are the findings of a doctor, by subject: "verdict found".
func verdicts(t *testing.T, code int, stdout, stderr string) map[string]string {
	t.Helper()
	var findings []finding
	if err := json.Unmarshal([]byte(stdout), &findings); err != nil {
		t.Fatalf("%v: %d %s%s", err, code, stdout, stderr)
	}
	all, bad := map[string]string{}, false
	for _, f := range findings {
		all[f.Subject] += f.Verdict + " " + f.Found + "\n"
		bad = bad || f.Verdict == wrong
	}
	if bad != (code == exitWrong) {
		t.Errorf("exit code %d with %v", code, all)
	}
	return all
}

// TestDoctor: it finds what is right and what is wrong, on both databases, and leaves
// everything as it was.
func TestDoctor(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		t.Chdir(t.TempDir())
		environ := append(everybody(t), "TRIVET_DATABASE="+url, "TRIVET_API_KEYS=a-long-random-text", "TRIVET_PLAN_0_ID=pro", "TRIVET_PLAN_0_PRICES_STRIPE=p")
		code, stdout, stderr := ran(t, environ, "doctor", "--json")
		found := verdicts(t, code, stdout, stderr)
		for subject, want := range map[string]string{
			"database": "is new", "providers.stripe": "ok the key is taken, for acct_", "providers.paypal": "ok the key is taken, in the live environment", "providers.paddle": "ok the key is taken, for the sandbox environment",
			"providers.lemonsqueezy": "ok the key is taken, for user 1 in test mode", "mode": "ok configured: enforce", "mail": "warn no [mail]", "public_url": "warn", "configuration": "ok from the environment",
		} {
			if !strings.Contains(found[subject], want) {
				t.Errorf("%s: %q, want %q", subject, found[subject], want)
			}
		}
		if code != exitGood {
			t.Errorf("all is well, and the exit code %d: %v", code, found)
		}
		if path, isFile := strings.CutPrefix(url, "sqlite:"); isFile {
			if _, err := os.Stat(path); err == nil {
				t.Error("it made the database")
			}
		}
		db := storetest.Open(t, url, nil)
		storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
			return tx.SetSwitch(ctx, store.Switch{Scope: "global", Value: "enforce", Actor: "key:ops"})
		})
		code, stdout, stderr = ran(t, environ, "doctor", "--json")
		if found := verdicts(t, code, stdout, stderr); !strings.Contains(found["database"], "ok") || !strings.Contains(found["database"], "schema 8") || !strings.Contains(found["mode"], "switched since, which counts: global enforce") {
			t.Errorf("with a database: %v", found)
		}
		if err := os.WriteFile("trivet.toml", []byte("mode = 'observe'\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("key", []byte("sk_test_other"), 0o644); err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr = ran(t, append(slices.DeleteFunc(slices.Clone(environ), func(e string) bool { return strings.HasPrefix(e, "TRIVET_PROVIDERS_STRIPE_SECRET_KEY=") }),
			"TRIVET_PROVIDERS_STRIPE_SECRET_KEY_FILE=key", "TRIVET_PROVIDERS_PADDLE_INGEST=push", "TRIVET_MAIL_SMTP=smtp://127.0.0.1:1", "TRIVET_MAIL_FROM=billing@kern.test",
			"TRIVET_ENDPOINT_0_NAME=app", "TRIVET_ENDPOINT_0_URL=https://nobody.invalid/hooks", "TRIVET_ENDPOINT_0_SECRET=whsec_5Zk0n1dWc9Qb2xTq7LrV3uYpHs8JfGmA4eNoXwCiKtE=",
		), "doctor", "--json")
		found = verdicts(t, code, stdout, stderr)
		for subject, want := range map[string]string{
			"providers.paddle": "FAIL there is nothing to prove webhooks genuine with", "providers.stripe": "FAIL the provider refuses the key", "mail": "FAIL", "endpoint app": "FAIL nobody knows the name nobody.invalid", "providers.stripe.secret_key_file": "warn key holds a secret and others can read it", "mode": "ok configured: observe",
		} {
			if !strings.Contains(found[subject], want) {
				t.Errorf("%s: %q, want %q", subject, found[subject], want)
			}
		}
		if strings.Contains(stdout+stderr, "sk_test_other") {
			t.Error("it shows a key")
		}
		code, stdout, stderr = ran(t, append(environ,
			"TRIVET_API_KEY_0_NAME=old", "TRIVET_API_KEY_0_KEY=the-old-one", "TRIVET_API_KEY_0_SCOPES=read", "TRIVET_API_KEY_0_EXPIRES=2020-01-01",
			"TRIVET_API_KEY_1_NAME=soon", "TRIVET_API_KEY_1_KEY=this-one", "TRIVET_API_KEY_1_SCOPES=read", "TRIVET_API_KEY_1_EXPIRES="+time.Now().UTC().AddDate(0, 0, 10).Format(time.DateOnly),
			"TRIVET_API_KEY_2_NAME=new", "TRIVET_API_KEY_2_KEY=the-new-one", "TRIVET_API_KEY_2_SCOPES=read", "TRIVET_API_KEY_2_EXPIRES="+time.Now().UTC().AddDate(0, 0, 15).Format(time.DateOnly),
		), "doctor", "--json")
		found = verdicts(t, code, stdout, stderr)
		for subject, want := range map[string]string{"API key old": "warn has expired at 2020-01-02T00:00:00Z", "API key soon": "warn expires at", "API key new": ""} {
			if got := found[subject]; !strings.HasPrefix(got, want) || want == "" && got != "" {
				t.Errorf("%s: %q, want %q", subject, got, want)
			}
		}
		code, stdout, _ = ran(t, environ, "doctor")
		if code != exitGood || !strings.Contains(stdout, "the key is taken") {
			t.Errorf("in words: %d %s", code, stdout)
		}
		if code, _, _ := ran(t, []string{"TRIVET_MODE=never"}, "doctor"); code != exitUsage {
			t.Errorf("without a configuration: %d", code)
		}
	})
}

// TestDoctorLooksAtTheClock: a machine whose clock is wrong believes no webhook.
func TestDoctorLooksAtTheClock(t *testing.T) {
	for off, want := range map[time.Duration]string{0: "", 20 * time.Second: "", -2 * time.Minute: doubted, time.Hour: wrong, -time.Hour: wrong} {
		address := served(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(-off).UTC().Format(http.TimeFormat))
		}))
		clock := &clockReader{now: time.Now}
		resp, err := (&http.Client{Transport: clock}).Get(address)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		got := ""
		for _, f := range clock.finding("x") {
			got += f.Verdict
		}
		if got != want {
			t.Errorf("%s off: %q", off, got)
		}
	}
}
