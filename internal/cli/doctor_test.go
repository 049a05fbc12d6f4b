package cli

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
)

// TestDoctorUnusable: what keeps the configuration from being read is the finding.
func TestDoctorUnusable(t *testing.T) {
	t.Chdir(t.TempDir())
	environ := []string{"TRIVET_MODE=never", "TRIVET_PROVIDERS_STRIPE_INGEST=pull"}
	code, stdout, stderr := ran(t, environ, "doctor", "--json")
	if code != exitUsage || !strings.Contains(stdout, `"verdict": "FAIL"`) || !strings.Contains(stdout, "providers.stripe.secret_key: is missing") || !strings.Contains(stderr, "nothing else was looked at") {
		t.Errorf("%d %s%s", code, stdout, stderr)
	}
	code, stdout, _ = ran(t, environ, "doctor")
	if code != exitUsage || strings.Count(stdout, "\nFAIL  configuration  ") != 2 {
		t.Errorf("in words: %d %s", code, stdout)
	}
}

// TestDoctorUnbuilt: what serve refuses as configuration, doctor calls so too.
func TestDoctorUnbuilt(t *testing.T) {
	t.Chdir(t.TempDir())
	good := []string{"TRIVET_PROVIDERS_STRIPE_SECRET_KEY=sk_test_1", "TRIVET_PROVIDERS_STRIPE_INGEST=pull"}
	for _, bad := range []string{
		"TRIVET_MAIL_TEMPLATES=nowhere", "TRIVET_ALERT_0_URL=gopher://ops", "TRIVET_POLICY_DUNNING_GRACE=soon", "TRIVET_DATABASE=sqlite://trivet.db",
		"TRIVET_DATABASE=sqlite::memory:",
	} {
		environ := append([]string{bad}, good...)
		served, _, refused := ran(t, environ, "serve")
		code, stdout, stderr := ran(t, environ, "doctor", "--offline")
		if served != exitUsage || code != exitUsage || !strings.Contains(stdout, "FAIL  configuration") || stderr == "" {
			t.Errorf("%s: serve ends with %d (%s), doctor with %d: %s%s", bad, served, refused, code, stdout, stderr)
		}
	}
}

// TestDoctorOffline: nobody is asked but the database.
func TestDoctorOffline(t *testing.T) {
	t.Chdir(t.TempDir())
	asked := served(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("asked for %s", r.URL) }))
	environ := []string{
		"TRIVET_MODE=observe", "TRIVET_PUBLIC_URL=https://billing.invalid", "TRIVET_API_KEYS=a-long-random-text", "TRIVET_PLAN_0_ID=pro", "TRIVET_POLICY_DUNNING_MODE=assist",
		"TRIVET_PROVIDERS_STRIPE_SECRET_KEY=sk_test_1", "TRIVET_PROVIDERS_STRIPE_BASE_URL=" + asked, "TRIVET_PROVIDERS_STRIPE_INGEST=pull", "TRIVET_PROVIDERS_STRIPE_MODE=enforce",
		"TRIVET_MAIL_SMTP=smtp://127.0.0.1:1", "TRIVET_MAIL_FROM=billing@kern.test",
		"TRIVET_ENDPOINT_0_NAME=app", "TRIVET_ENDPOINT_0_URL=https://nobody.invalid/hooks", "TRIVET_ENDPOINT_0_SECRET=whsec_5Zk0n1dWc9Qb2xTq7LrV3uYpHs8JfGmA4eNoXwCiKtE=",
	}
	code, stdout, stderr := ran(t, environ, "doctor", "--offline", "--json")
	found := verdicts(t, code, stdout, stderr)
	if code != exitGood || found["endpoint app"] != "" || found["mail"] != "" || found["public_url"] != "" {
		t.Errorf("%d %v", code, found)
	}
	if !strings.Contains(found["mode"], "; of their own: provider/stripe enforce, policy/dunning assist") {
		t.Errorf("%q", found["mode"])
	}
	environ = append(environ, "TRIVET_PROVIDERS_STRIPE_INGEST=push+pull")
	code, stdout, stderr = ran(t, environ, "doctor", "--offline", "--json")
	if found := verdicts(t, code, stdout, stderr); code != exitWrong || !strings.Contains(found["providers.stripe"], "FAIL there is nothing to prove") {
		t.Errorf("%d %v", code, found)
	}
}

// TestDoctorKnowsWhoseTheLedgerIs: a key that the service would not start with on this
// ledger is wrong, whether or not the provider is asked.
func TestDoctorKnowsWhoseTheLedgerIs(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h := newHistory(t)
		db := storetest.Open(t, url, nil)
		holds := func(identity string) {
			storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
				return tx.SetCursor(ctx, store.IdentityOf("stripe"), identity)
			})
		}
		environ := []string{"TRIVET_DATABASE=" + url, "TRIVET_PROVIDERS_STRIPE_INGEST=pull", "TRIVET_PROVIDERS_STRIPE_SECRET_KEY=sk_test_sim", "TRIVET_PROVIDERS_STRIPE_BASE_URL=" + h.URL}
		for _, tt := range []struct {
			holds, says string
			args        []string
		}{
			{"acct_else in live mode", "FAIL the key opens acct_", nil},
			{"acct_else in live mode", "use another database", []string{"--offline"}},
			{"acct_else in test mode", "[providers.stripe_2]", nil},
		} {
			holds(tt.holds)
			code, stdout, stderr := ran(t, environ, append([]string{"doctor", "--json"}, tt.args...)...)
			if found := verdicts(t, code, stdout, stderr)["providers.stripe"]; code != exitWrong || !strings.Contains(found, tt.says) || !strings.Contains(found, "the ledger holds the objects of "+tt.holds) {
				t.Errorf("%v of %s: %d %s", tt.args, tt.holds, code, found)
			}
		}
		if code, _, stderr := ran(t, environ, "serve"); code != exitUsage || !strings.Contains(stderr, "[providers.stripe_2]") {
			t.Errorf("the service: %d %s", code, stderr)
		}
		holds("acct_else in test mode")
		code, stdout, stderr := ran(t, environ, "doctor", "--json", "--offline")
		if found := verdicts(t, code, stdout, stderr)["providers.stripe"]; code != exitGood {
			t.Errorf("the same mode, unasked: %d %s", code, found)
		}
	})
}

// TestDoctorOfMailsHandedOver: who has their own mailer needs no mail server, and may say
// who mails are from.
func TestDoctorOfMailsHandedOver(t *testing.T) {
	t.Chdir(t.TempDir())
	environ := []string{
		"TRIVET_PROVIDERS_STRIPE_SECRET_KEY=sk_test_1", "TRIVET_PROVIDERS_STRIPE_INGEST=pull", "TRIVET_MAIL_HANDOVER=true", "TRIVET_MAIL_FROM=Kern <billing@kern.test>", "TRIVET_MAIL_REPLY_TO=help@kern.test",
		"TRIVET_ENDPOINT_0_NAME=app", "TRIVET_ENDPOINT_0_URL=https://nobody.invalid/hooks", "TRIVET_ENDPOINT_0_SECRET=whsec_5Zk0n1dWc9Qb2xTq7LrV3uYpHs8JfGmA4eNoXwCiKtE=",
	}
	code, stdout, stderr := ran(t, environ, "doctor", "--offline", "--json")
	if found := verdicts(t, code, stdout, stderr); code != exitGood || found["mail"] != "ok your application is handed each mail to send (message.due)\n" {
		t.Errorf("%d %v", code, found)
	}
	environ = append(environ, "TRIVET_MAIL_HANDOVER=false")
	if code, stdout, _ := ran(t, environ, "doctor", "--offline"); code != exitUsage || !strings.Contains(stdout, "mail.smtp: is missing") {
		t.Errorf("sent by nobody: %d %s", code, stdout)
	}
}

// TestHealthy: only the service itself is taken for it.
func TestHealthy(t *testing.T) {
	address := served(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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
	for path, want := range map[string]string{"/ok": "answers", "/page": "somebody else", "/moved": "302", "/gone": "502"} {
		got := healthy(t.Context(), address+path)
		if len(got) != 1 || (got[0].Verdict == fine) != (path == "/ok") || got[0].Verdict == wrong || !strings.Contains(got[0].Found, want) {
			t.Errorf("%s: %v", path, got)
		}
	}
}

// TestKeyEnds: a key that has ended is of no use, one that soon will is.
func TestKeyEnds(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for days, want := range map[int]string{-1: wrong, 0: wrong, 7: doubted, 40: ""} {
		got := ""
		for _, f := range keyEnds("x", now.AddDate(0, 0, days), now) {
			got += f.Verdict
		}
		if got != want {
			t.Errorf("in %d days: %q", days, got)
		}
	}
	if got := keyEnds("x", time.Time{}, now); got != nil {
		t.Errorf("no end: %v", got)
	}
}
