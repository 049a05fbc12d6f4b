package cli

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/trivetdev/trivet/internal/config"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/sim"
	"github.com/trivetdev/trivet/sim/lemonsqueezy"
)

// examined is what trivet doctor found of the configuration in the present folder, with
// this machine's clock put forward.
func examined(t *testing.T, ahead time.Duration, args ...string) (int, []finding) {
	t.Helper()
	var out, failed bytes.Buffer
	code := Main(t.Context(), Process{
		Args: append([]string{"doctor", "--json"}, args...), Stdin: strings.NewReader(""), Stdout: &out, Stderr: &failed,
		Now: func() time.Time { return time.Now().Add(ahead) },
	})
	var doc struct{ Findings []finding }
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatalf("%v: %s%s", err, out.String(), failed.String())
	}
	for _, secret := range []string{"sk_test", "secret_sim", "apikey_01", "ls_test", "whsec_", "hush"} {
		if strings.Contains(out.String()+failed.String(), secret) {
			t.Errorf("a secret is shown (%s): %s%s", secret, out.String(), failed.String())
		}
	}
	return code, doc.Findings
}

// has looks for a finding.
func has(t *testing.T, all []finding, v verdict, check, subject, text string) {
	t.Helper()
	if !slices.ContainsFunc(all, func(f finding) bool {
		return f.Verdict == v && f.Check == check && f.Subject == subject && strings.Contains(f.Found+": "+f.Next, text)
	}) {
		t.Errorf("there is no %s %s %s: %s in\n%s", v, check, subject, text, printed(all))
	}
}

// looked says whether something was looked at.
func looked(all []finding, check string) bool {
	return slices.ContainsFunc(all, func(f finding) bool { return f.Check == check })
}

func printed(all []finding) string {
	var text strings.Builder
	for _, f := range all {
		fmt.Fprintf(&text, "%s %s %s: %s: %s\n", f.Verdict, f.Check, f.Subject, f.Found, f.Next)
	}
	return text.String()
}

// worst is the worst verdict of all.
func worst(all []finding) verdict {
	w := fine
	for _, f := range all {
		if f.Verdict == failed || w == fine {
			w = f.Verdict
		}
	}
	return w
}

// proofs are what has to be configured of each kind for webhooks to be believed.
var proofs = map[string]string{
	config.Stripe: "webhook_secrets = [\"whsec_1a\"]\n", config.PayPal: "webhook_ids = [\"1AB\"]\n",
	config.Paddle: "webhook_secrets = [\"pdl_ntfset_01sim_test\"]\n", config.LemonSqueezy: "webhook_secrets = [\"hush-hush\"]\n",
}

const settled = "api_keys = [\"a-long-hush-text\"]\nmode = \"observe\"\npublic_url = \"https://127.0.0.1\"\n"

// TestDoctorAccounts: what each provider tells of a key, its mode and the time.
func TestDoctorAccounts(t *testing.T) {
	modes := map[string]string{config.Stripe: "in test mode", config.PayPal: "in the sandbox environment", config.Paddle: "the sandbox environment", config.LemonSqueezy: "in test mode"}
	for _, kind := range config.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Chdir(t.TempDir())
			a := simulated(t, kind)
			configure(t, settled+"[providers.shop]\nkind = \""+kind+"\"\n"+a.keys+proofs[kind])
			code, all := examined(t, 0)
			has(t, all, fine, "key", "shop", modes[kind])
			has(t, all, fine, "clock", "shop", "that of the provider")
			has(t, all, fine, "webhooks", "shop", "has 1")
			has(t, all, fine, "mode", "", "observe: ")
			has(t, all, fine, "mode", "", "nothing is done or sent")
			has(t, all, fine, "messages", "", "built in")
			if code != 0 || worst(all) == failed {
				t.Errorf("%d\n%s", code, printed(all))
			}
			if a.writes > 0 {
				t.Errorf("%d writes at the provider", a.writes)
			}
			if left, err := filepath.Glob("*"); err != nil || !slices.Equal(left, []string{"trivet.toml"}) {
				t.Errorf("the folder has %v %v", left, err)
			}

			_, all = examined(t, 400*time.Second)
			has(t, all, failed, "clock", "shop", "ahead of the provider's, so that webhooks may be refused")

			a.refuse = http.StatusUnauthorized
			code, all = examined(t, 0)
			has(t, all, failed, "key", "shop", "copy it again from the provider's dashboard")
			if code != exitWrong {
				t.Errorf("%d", code)
			}
			a.refuse = http.StatusServiceUnavailable
			code, all = examined(t, 0)
			has(t, all, failed, "key", "shop", "does not say whether it is good")
			if code != exitWrong {
				t.Errorf("%d", code)
			}
			code, all = examined(t, 400*time.Second, "--offline")
			if code != 0 || looked(all, "key") || looked(all, "clock") {
				t.Errorf("offline: %d\n%s", code, printed(all))
			}
			has(t, all, fine, "webhooks", "shop", "has 1")

			change(t, proofs[kind], "")
			code, all = examined(t, 0, "--offline")
			has(t, all, failed, "webhooks", "shop", "trivet connect shop")
			if code != exitWrong {
				t.Errorf("%d", code)
			}
			change(t, "kind =", "ingest = \"pull\"\nkind =")
			code, all = examined(t, 0, "--offline")
			has(t, all, fine, "webhooks", "shop", "ingest is pull")
			if code != 0 {
				t.Errorf("%d", code)
			}
		})
	}
}

// TestDoctorClock: at which differences there is what to say.
func TestDoctorClock(t *testing.T) {
	for ahead, want := range map[time.Duration]struct {
		v    verdict
		text string
	}{
		0: {fine, ""}, 30 * time.Second: {fine, ""}, 31 * time.Second: {doubt, "31s ahead"}, -60 * time.Second: {doubt, "1m0s behind"},
		300 * time.Second: {doubt, "5m0s ahead"}, 301 * time.Second: {failed, "5m1s ahead"}, -time.Hour: {failed, "1h0m0s behind"},
	} {
		has(t, []finding{clock(ahead)}, want.v, "clock", "", want.text)
	}
	date, now := "", time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Date"] = nil
		if date != "" {
			w.Header().Set("Date", date)
		}
		w.Header().Set("Age", "7")
		if strings.HasSuffix(date, "GMT") {
			w.Header().Del("Age")
		}
	}))
	defer server.Close()
	for text, want := range map[string]struct {
		skew  time.Duration
		known bool
	}{
		"": {}, "soon": {}, now.Format(time.RFC1123): {}, // the last from a cache
		"Sun, 01 Mar 2026 11:59:00 GMT": {59500 * time.Millisecond, true},
		"Sun, 01 Mar 2026 12:10:00 GMT": {-600500 * time.Millisecond, true},
	} {
		date = text
		watch := &dateWatch{now: func() time.Time { return now }}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := watch.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if skew, known := watch.skew(); skew != want.skew || known != want.known {
			t.Errorf("%q: %v, %t", text, skew, known)
		}
	}
}

// TestDoctorKeys: what keys say of themselves.
func TestDoctorKeys(t *testing.T) {
	t.Chdir(t.TempDir())
	const week = 7 * 24 * time.Hour
	for left, want := range map[time.Duration]verdict{-time.Hour: failed, week: doubt, 10 * week: fine} {
		claims := fmt.Sprintf(`{"exp":%d}`, time.Now().Add(left).Unix())
		key := "eyhush." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".hush"
		world := lemonsqueezy.New(lemonsqueezy.Config{Seed: 1, Clock: sim.NewClock(time.Now()), APIKey: key})
		server := httptest.NewServer(world.Handler())
		t.Cleanup(server.Close)
		configure(t, fmt.Sprintf("%s[providers.lemonsqueezy]\napi_key = %q\nbase_url = %q\n%s", settled, key, server.URL, proofs[config.LemonSqueezy]))
		_, all := examined(t, 0)
		has(t, all, want, "key's end", "lemonsqueezy", "")
		has(t, all, fine, "key", "lemonsqueezy", "in test mode")
	}
	configure(t, settled+"[providers.paddle]\napi_key = \"pdl_live_apikey_01\"\nenvironment = \"sandbox\"\n"+proofs[config.Paddle])
	code, all := examined(t, 0)
	has(t, all, failed, "account", "paddle", "api_key is of the live environment")
	if code != exitWrong {
		t.Errorf("%d", code)
	}
}

// TestDoctorDatabase: what is there is told, and stays as it is, while a service works on
// it and when none does.
func TestDoctorDatabase(t *testing.T) {
	storetest.Each(t, func(t *testing.T, address string) {
		t.Chdir(t.TempDir())
		configure(t, fmt.Sprintf("database = %q\n%s[providers.stripe]\nsecret_key = \"sk_test_1\"\nmode = \"assist\"\n%s[policy.dunning]\nmode = \"observe\"\n", address, settled, proofs[config.Stripe]))
		code, all := examined(t, 0, "--offline")
		has(t, all, fine, "database", "", "the service makes it")
		has(t, all, fine, "mode", "", "of their own: provider/stripe assist, policy/dunning observe")
		if code != 0 {
			t.Errorf("%d\n%s", code, printed(all))
		}

		db, err := store.Open(t.Context(), store.Options{URL: address, Now: storetest.Start})
		if err != nil {
			t.Fatal(err)
		}
		_, all = examined(t, 0, "--offline")
		has(t, all, fine, "database", "", "up to date")
		storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
			for scope, value := range map[string]string{store.SwitchBrake: "on", policy.ScopeGlobal: "enforce", "policy/fraud": "observe"} {
				if err := tx.SetSwitch(ctx, store.Switch{Scope: scope, Value: value, Actor: "key:ops"}); err != nil {
					return err
				}
			}
			return nil
		})
		for range 2 { // while it is open, and after
			_, all = examined(t, 0, "--offline")
			has(t, all, doubt, "mode", "", "by key:ops: no money moves: trivet mode brake off")
			has(t, all, fine, "mode", "", "enforce (switched by key:ops): it does what its policies ask for")
			has(t, all, fine, "mode", "", "policy/fraud observe (switched)")
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestDoctorDatabaseIsNot: what cannot be worked on fails, without its password.
func TestDoctorDatabaseIsNot(t *testing.T) {
	t.Chdir(t.TempDir())
	for address, want := range map[string]string{
		"sqlite:no/trivet.db":                       "the folder no does not exist",
		"postgres://trivet:hush@127.0.0.1:1/trivet": "127.0.0.1",
	} {
		configure(t, fmt.Sprintf("database = %q\n%s[providers.stripe]\nsecret_key = \"sk_test_1\"\n%s", address, settled, proofs[config.Stripe]))
		code, all := examined(t, 0, "--offline")
		has(t, all, failed, "database", "", want)
		if code != exitWrong {
			t.Errorf("%d", code)
		}
	}
}

// TestDoctorUnreadable: then nothing else can be said.
func TestDoctorUnreadable(t *testing.T) {
	t.Chdir(t.TempDir())
	configure(t, "mod = \"observe\"\n[providers.stripe]\n")
	code, all := examined(t, 0)
	has(t, all, failed, "configuration", "", "mod: is not a key: did you mean mode?")
	has(t, all, failed, "configuration", "", "providers.stripe.secret_key: is missing")
	if code != exitUsage || len(all) != 2 {
		t.Errorf("%d\n%s", code, printed(all))
	}
	code, stdout, stderr := trivetRuns(t, nil, "doctor", "--config", "nowhere.toml")
	if code != exitUsage || !strings.HasPrefix(stdout, "FAIL  configuration  nowhere.toml") || !strings.Contains(stderr, "cannot be used") {
		t.Errorf("%d %s%s", code, stdout, stderr)
	}
	configure(t, "")
	code, all = examined(t, 0)
	has(t, all, failed, "configuration", "", "no provider is configured: trivet init")
	has(t, all, doubt, "configuration", "", "no API key is set")
	has(t, all, doubt, "configuration", "", "no [[plan]]")
	has(t, all, doubt, "public_url", "", "this machine's name for itself")
	if code != exitWrong {
		t.Errorf("%d", code)
	}
}

// TestDoctorSecrets: a file with secrets that everybody may read is a reason to worry.
func TestDoctorSecrets(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("key", "sk_test_1\n")
	write("hooks", "whsec_1a\n")
	write("trivet.toml", "mode = \"observe\"\n[providers.stripe]\nsecret_key_file = \"key\"\nwebhook_secrets_file = \"hooks\"\n")
	open := func(mode os.FileMode, names ...string) {
		t.Helper()
		for _, name := range names {
			if err := os.Chmod(name, mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	open(0o644, "trivet.toml") // no secret is in it
	open(0o640, "key")
	_, all := examined(t, 0, "--offline")
	has(t, all, fine, "secrets", "", "2 files with secrets")
	open(0o644, "key")
	_, all = examined(t, 0, "--offline")
	has(t, all, doubt, "secrets", "", "chmod o= key")
	write("trivet.toml", "api_keys = [\"hush-hush\"]\n"+readAll(t, "trivet.toml"))
	code, all := examined(t, 0, "--offline")
	has(t, all, doubt, "secrets", "", "chmod o= trivet.toml")
	if code != 0 {
		t.Errorf("%d", code)
	}
	if err := os.Remove("hooks"); err != nil {
		t.Fatal(err)
	}
	_, all = examined(t, 0, "--offline")
	has(t, all, failed, "webhooks", "stripe", "webhook_secrets_file names hooks, which is not there: trivet connect stripe --save writes it")
}

// nobody is a mail server that takes nobody's mail.
type nobody struct{ smtp.Session }

func (nobody) Reset()        {}
func (nobody) Logout() error { return nil }

// TestDoctorMail: the server is tried, templates are rendered, and nothing is sent.
func TestDoctorMail(t *testing.T) {
	t.Chdir(t.TempDir())
	backend := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return nobody{}, nil }))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = backend.Serve(listener) }()
	t.Cleanup(func() { _ = backend.Close(); <-done })
	text := settled + "[providers.stripe]\nsecret_key = \"sk_test_1\"\ningest = \"pull\"\nbase_url = \"http://127.0.0.1:1\"\n[mail]\nfrom = \"a@kern.test\"\ntemplates = \"words\"\nsmtp = \"smtp://%s" + listener.Addr().String() + "\"\n"
	if err := os.MkdirAll(filepath.Join("words", "en"), 0o755); err != nil {
		t.Fatal(err)
	}
	configure(t, fmt.Sprintf(text, ""))
	_, all := examined(t, 0)
	has(t, all, fine, "mail", "", "lets us in; nothing was sent")
	has(t, all, fine, "messages", "", "all can be rendered, in 7 languages")
	has(t, all, failed, "key", "stripe", "whether this machine reaches it")

	configure(t, fmt.Sprintf(text, "billing:hush@"))
	_, all = examined(t, 0)
	has(t, all, failed, "mail", "", "did not let us in")

	if err := os.WriteFile(filepath.Join("words", "en", "paused.txt"), []byte("-- body --\n{{.Prodct}} is paused\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, all := examined(t, 0, "--offline")
	has(t, all, failed, "messages", "", "trivet mail check lists them all")
	has(t, all, failed, "configuration", "", "the service would not start: mail.templates")
	if code != exitWrong || looked(all, "mail") {
		t.Errorf("%d\n%s", code, printed(all))
	}
}

// TestDoctorEndpoints: names are looked up as for sending.
func TestDoctorEndpoints(t *testing.T) {
	t.Chdir(t.TempDir())
	text := settled + "[providers.stripe]\nsecret_key = \"sk_test_1\"\ningest = \"pull\"\nbase_url = \"http://127.0.0.1:1\"\n"
	for name, more := range map[string]string{
		"open": "url = \"https://9.9.9.9/hooks?token=hush\"", "inside": "url = \"https://10.0.0.7/hooks\"",
		"allowed": "url = \"http://127.0.0.1:3000/hooks\"\nallow_private = true", "nowhere": "url = \"https://nowhere.invalid/hooks\"",
	} {
		text += "[[endpoint]]\nname = \"" + name + "\"\nsecret = \"whsec_5Zk0n1dWc9Qb2xTq7LrV3uYpHs8JfGmA4eNoXwCiKtE=\"\n" + more + "\n"
	}
	configure(t, text)
	_, all := examined(t, 0)
	has(t, all, fine, "endpoint", "open", "9.9.9.9 leads to the open internet")
	has(t, all, fine, "endpoint", "allowed", "as is allowed")
	has(t, all, failed, "endpoint", "inside", "set allow_private = true")
	has(t, all, failed, "endpoint", "nowhere", "cannot be looked up")
	if _, all = examined(t, 0, "--offline"); looked(all, "endpoint") {
		t.Errorf("offline: %s", printed(all))
	}
}

// TestDoctorAddress: whether public_url leads to a service. One of this machine is not
// asked at all, so the question itself is tried here.
func TestDoctorAddress(t *testing.T) {
	t.Chdir(t.TempDir())
	configure(t, strings.Replace(settled, "https://127.0.0.1", "https://billing.invalid", 1)+"[providers.stripe]\nsecret_key = \"sk_test_1\"\ningest = \"pull\"\nbase_url = \"http://127.0.0.1:1\"\n")
	_, all := examined(t, 0)
	has(t, all, doubt, "public_url", "", "let the address lead to 127.0.0.1:8990")
	_, all = examined(t, 0, "--offline")
	has(t, all, fine, "public_url", "", "https://billing.invalid")

	for path, want := range map[string]string{"/ok": "", "/page": "somebody else answers", "/gone": "it answers 502", "/moved": "it answers 302"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/ok/healthz":
				_, _ = w.Write([]byte("ok\n"))
			case "/page/healthz":
				_, _ = w.Write([]byte("<html>"))
			case "/moved/healthz":
				http.Redirect(w, r, "/ok/healthz", http.StatusFound)
			default:
				w.WriteHeader(http.StatusBadGateway)
			}
		}))
		err := answers(t.Context(), server.URL+path+"/healthz")
		server.Close()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestDoctorPrints one line for each thing.
func TestDoctorPrints(t *testing.T) {
	t.Chdir(t.TempDir())
	configure(t, settled+"[providers.stripe]\nsecret_key = \"sk_test_1\"\n")
	code, stdout, stderr := trivetRuns(t, nil, "doctor", "--offline")
	_, all := examined(t, 0, "--offline")
	if code != exitWrong || strings.Count(stdout, "\n") != len(all) || !strings.Contains(stderr, fmt.Sprintf("1 of %d checks failed", len(all))) {
		t.Errorf("%d %s%s", code, stdout, stderr)
	}
	for _, line := range []string{"ok    configuration    read from trivet.toml: 1 account, 0 plans\n", "FAIL  webhooks stripe  none is believed, for webhook_secrets is missing: trivet connect stripe, or ingest"} {
		if !strings.Contains(stdout, line) {
			t.Errorf("there is no line %q in\n%s", line, stdout)
		}
	}
}
