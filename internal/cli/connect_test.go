package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/config"
	"github.com/trivetdev/trivet/internal/shoptest"
	"github.com/trivetdev/trivet/sim"
	"github.com/trivetdev/trivet/sim/lemonsqueezy"
	"github.com/trivetdev/trivet/sim/paddle"
	"github.com/trivetdev/trivet/sim/paypal"
	"github.com/trivetdev/trivet/sim/stripe"
)

// account is a simulated provider account at an address of its own, without any
// endpoint for webhooks.
type account struct {
	shoptest.Shop
	URL string
	// keys are the lines of its section.
	keys string
	// list is where its endpoints are listed, and in what.
	list, in string
	// act makes something happen that it tells by webhook.
	act func(t *testing.T)

	mu      sync.Mutex
	auth    string // the last caller's
	version string
	writes  int
	refuse  int // the status that every call gets, if not 0
}

func simulated(t *testing.T, kind string) *account {
	t.Helper()
	a := &account{}
	server := httptest.NewUnstartedServer(a)
	a.URL = "http://" + server.Listener.Addr().String()
	clock := sim.NewClock(time.Now())
	switch kind {
	case config.Stripe:
		s := stripe.New(stripe.Config{Seed: 1, Clock: clock})
		a.Shop, a.keys, a.list, a.in = s, "secret_key = \"sk_test_sim\"\n", "/v1/webhook_endpoints", "data"
		a.act = func(*testing.T) { s.CreateCustomer("dana@kern.test") }
	case config.PayPal:
		s := paypal.New(paypal.Config{Seed: 1, Clock: clock, APIURL: a.URL})
		ca := filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(ca, paypal.CA(), 0o600); err != nil {
			t.Fatal(err)
		}
		a.Shop, a.list, a.in = s, "/v1/notifications/webhooks", "webhooks"
		a.keys = fmt.Sprintf("client_id = \"client_sim\"\nclient_secret = \"secret_sim\"\nenvironment = \"sandbox\"\ncert_base_url = %q\nca_file = %q\n", a.URL, ca)
		a.act = func(t *testing.T) {
			s.AddPlan(paypal.Plan{ID: "P-1", Name: "Pro", Unit: "MONTH", Amount: 2900, Currency: "EUR", AutoBill: true})
			if _, err := s.CreateSubscription(paypal.NewSubscription{Plan: "P-1"}); err != nil {
				t.Fatal(err)
			}
		}
	case config.Paddle:
		s := paddle.New(paddle.Config{Seed: 1, Clock: clock, APIKey: "pdl_sdbx_apikey_01sim_test", Sandbox: true})
		a.Shop, a.keys, a.list, a.in = s, "api_key = \"pdl_sdbx_apikey_01sim_test\"\nenvironment = \"sandbox\"\n", "/notification-settings", "data"
		a.act = func(*testing.T) { s.CreateCustomer("dana@kern.test") }
	case config.LemonSqueezy:
		s := lemonsqueezy.New(lemonsqueezy.Config{Seed: 1, Clock: clock})
		a.Shop, a.keys, a.list, a.in = s, fmt.Sprintf("api_key = \"ls_test_sim\"\nstore = %q\n", s.Store()), "/v1/webhooks", "data"
		a.act = func(t *testing.T) {
			variant := s.AddVariant(lemonsqueezy.Variant{Product: "Pro", Amount: 2900, Unit: "month"})
			if _, err := s.Buy(lemonsqueezy.Purchase{Variant: variant, Email: "dana@kern.test"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	a.keys += fmt.Sprintf("base_url = %q\n", a.URL)
	server.Start()
	t.Cleanup(server.Close)
	return a
}

// ServeHTTP answers as the provider.
func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	if authorization := r.Header.Get("Authorization"); authorization != "" {
		a.auth, a.version = authorization, r.Header.Get("Paddle-Version")
	}
	if r.Method != http.MethodGet && r.URL.Path != "/v1/oauth2/token" {
		a.writes++
	}
	refuse := a.refuse
	a.mu.Unlock()
	if refuse != 0 {
		http.Error(w, "{}", refuse)
		return
	}
	a.Handler().ServeHTTP(w, r)
}

// endpoints are how many there are for webhooks.
func (a *account) endpoints(t *testing.T) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL+a.list, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", a.auth)
	r.Header.Set("Accept", "application/vnd.api+json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer map[string]json.RawMessage
	var rows []any
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || json.Unmarshal(answer[a.in], &rows) != nil {
		t.Fatalf("%v %v", err, answer)
	}
	return len(rows)
}

// verifies has the account tell something, and the configured service believe it.
func (a *account) verifies(t *testing.T, name, endpoint string) {
	t.Helper()
	c, err := config.Load("", nil)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := c.Provider(name)
	d, err := driver(p, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	a.act(t)
	later := time.Now().Add(time.Minute)
	a.Advance(later)
	believed := 0
	a.Deliver(t.Context(), func(r *http.Request) (int, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return 0, err
		}
		if r.URL.String() != endpoint {
			t.Errorf("a webhook goes to %s", r.URL)
		}
		if _, err := d.Verify(t.Context(), r.Header, body, later); err != nil {
			t.Errorf("not believed: %v", err)
		}
		believed++
		return http.StatusOK, nil
	})
	if believed == 0 {
		t.Error("nothing was told")
	}
}

// configure writes trivet.toml into the present folder.
func configure(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile("trivet.toml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// change does to trivet.toml what somebody who reads the output does.
func change(t *testing.T, from, to string) {
	t.Helper()
	text := readAll(t, "trivet.toml")
	if !strings.Contains(text, from) {
		t.Fatalf("there is no %q in %s", from, text)
	}
	configure(t, strings.Replace(text, from, to, 1))
}

// TestConnect: of a section with its keys alone becomes one whose webhooks are believed,
// with one endpoint, however often it is asked for.
func TestConnect(t *testing.T) {
	told := regexp.MustCompile(`(?m)in \[providers\.shop\]: (webhook_[a-z_]+ = .*)$`)
	for _, kind := range config.Kinds() {
		for _, save := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, save %t", kind, save), func(t *testing.T) {
				t.Chdir(t.TempDir())
				a := simulated(t, kind)
				configure(t, "# by hand\npublic_url = \"https://billing.kern.test/trivet/\"\n[providers.shop]\nkind = \""+kind+"\"\n"+a.keys)
				args := []string{"connect", "shop"}
				if save {
					args = append(args, "--save")
				}
				const endpoint = "https://billing.kern.test/trivet/webhooks/shop"
				code, stdout, stderr := trivetRuns(t, nil, args...)
				key := told.FindStringSubmatch(stdout)
				if code != 0 || stderr != "" || key == nil || !strings.Contains(stdout, " is made: "+endpoint+"\n") || a.endpoints(t) != 1 {
					t.Fatalf("%d %s%s", code, stdout, stderr)
				}
				before := readAll(t, "trivet.toml")
				a.saved(t, kind, save, stdout)
				if readAll(t, "trivet.toml") != before {
					t.Error("the configuration is not what it was")
				}
				change(t, "kind =", key[1]+"\nkind =")
				a.verifies(t, "shop", endpoint)

				code, stdout, stderr = trivetRuns(t, nil, args...)
				if code != 0 || stderr != "" || !strings.Contains(stdout, " stood already: "+endpoint+"\n") || told.MatchString(stdout) || a.endpoints(t) != 1 {
					t.Errorf("a second time: %d %s%s", code, stdout, stderr)
				}
				if hidden := kind == config.Stripe || kind == config.LemonSqueezy; hidden != strings.Contains(stdout, "the dashboard shows") || !hidden != strings.Contains(stdout, " has ") {
					t.Errorf("a second time: %s", stdout)
				}
			})
		}
	}
}

// saved checks what became of a secret.
func (a *account) saved(t *testing.T, kind string, save bool, stdout string) {
	t.Helper()
	files, err := filepath.Glob("*.secret")
	if err != nil {
		t.Fatal(err)
	}
	if !save || kind == config.PayPal { // whose id is no secret
		if len(files) > 0 {
			t.Errorf("written: %v", files)
		}
		return
	}
	info, err := os.Stat("trivet-shop.secret")
	if err != nil || info.Mode().Perm() != 0o600 || strings.Contains(stdout, strings.TrimSpace(readAll(t, "trivet-shop.secret"))) {
		t.Errorf("%v %v %s", files, err, stdout)
	}
	if hidden, err := filepath.Glob(".trivet*"); err != nil || len(hidden) > 0 {
		t.Errorf("left behind: %v %v", hidden, err)
	}
}

// TestConnectKeepsOtherSecrets: those of an endpoint that is being replaced still count.
func TestConnectKeepsOtherSecrets(t *testing.T) {
	for name, section := range map[string]string{
		"in the file that is named":     "webhook_secrets_file = \"kept\"\n",
		"in the configuration":          "webhook_secrets = [\"whsec_old1\", \"whsec_old2\"]\n",
		"saved, and not yet configured": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			a := simulated(t, config.Stripe)
			file := "trivet-stripe.secret"
			switch {
			case strings.Contains(section, "kept"):
				file = "kept"
				fallthrough
			case section == "":
				if err := os.WriteFile(file, []byte("whsec_old1\nwhsec_old2\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			configure(t, "[providers.stripe]\n"+a.keys+section)
			code, stdout, stderr := trivetRuns(t, nil, "connect", "stripe", "--save", "--url", "https://tunnel.kern.test/webhooks/stripe")
			lines := strings.Fields(readAll(t, file))
			if code != 0 || len(lines) != 3 || !slices.Equal(lines[:2], []string{"whsec_old1", "whsec_old2"}) {
				t.Errorf("%d %s%s%v", code, stdout, stderr, lines)
			}
			if strings.Contains(stdout, "take webhook_secrets out") != strings.Contains(section, "[") {
				t.Error(stdout)
			}
		})
	}
}

// TestConnectShowsWhatItCannotSave: a secret that is told once must not be lost.
func TestConnectShowsWhatItCannotSave(t *testing.T) {
	t.Chdir(t.TempDir())
	a := simulated(t, config.Stripe)
	configure(t, "[providers.stripe]\n"+a.keys+"webhook_secrets_file = \"gone/secret\"\n")
	code, stdout, stderr := trivetRuns(t, nil, "connect", "stripe", "--save", "--url", "https://tunnel.kern.test")
	if code != exitWrong || !regexp.MustCompile(`webhook_secrets = \["whsec_\w+"\]`).MatchString(stdout) || !strings.Contains(stderr, "gone/secret") {
		t.Errorf("%d %s%s", code, stdout, stderr)
	}
}

// TestConnectRefuses what cannot work, with the reason and what to do; nobody is asked.
func TestConnectRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	a := simulated(t, config.Stripe)
	section := "[providers.stripe]\n" + a.keys
	for name, tt := range map[string]struct {
		text string
		args []string
		want string
	}{
		"no address":        {section, nil, "this machine's name for itself: set public_url (TRIVET_PUBLIC_URL)"},
		"this machine":      {"public_url = \"https://localhost:8990\"\n" + section, nil, "open a tunnel to 127.0.0.1:8990 and name its address by --url"},
		"this machine's":    {"public_url = \"https://[::1]\"\n" + section, nil, "this machine's name for itself"},
		"a private network": {"public_url = \"https://10.0.0.7\"\n" + section, nil, "a private network"},
		"not encrypted":     {"public_url = \"http://billing.kern.test\"\n" + section, nil, "https"},
		"no URL":            {section, []string{"--url", "tunnel.kern.test"}, "--url is no web address"},
		"pulled":            {section + "ingest = \"pull\"\n", []string{"--url", "https://tunnel.kern.test"}, "ingest is pull"},
		"unknown":           {section, []string{"paypal", "--url", "https://tunnel.kern.test"}, `no account "paypal": configured are stripe`},
		"no key":            {"[providers.stripe]\n", nil, "providers.stripe.secret_key: is missing"},
		"nothing":           {"", []string{"--url", "https://tunnel.kern.test"}, "trivet init"},
	} {
		configure(t, tt.text)
		if code, stdout, stderr := trivetRuns(t, nil, append([]string{"connect", "stripe"}, tt.args...)...); code != exitUsage || stdout != "" || !strings.Contains(stderr, tt.want) {
			t.Errorf("%s: %d %s%s", name, code, stdout, stderr)
		}
	}
	if a.writes > 0 {
		t.Errorf("%d writes", a.writes)
	}
	if code, _, stderr := trivetRuns(t, nil, "connect"); code != exitUsage || !strings.Contains(stderr, "provider") {
		t.Errorf("%d %s", code, stderr)
	}
}

// TestConnectSeveral: one that fails keeps no other from its endpoint.
func TestConnectSeveral(t *testing.T) {
	t.Chdir(t.TempDir())
	wrong, good := simulated(t, config.Stripe), simulated(t, config.Paddle)
	wrong.refuse = http.StatusUnauthorized
	configure(t, "[providers.stripe]\n"+wrong.keys+"[providers.paddle]\n"+good.keys)
	code, stdout, stderr := trivetRuns(t, nil, "connect", "stripe", "paddle", "paddle", "--url", "https://tunnel.kern.test/webhooks/paddle")
	if code != exitWrong || strings.Count(stdout, "paddle: the endpoint ") != 1 || !strings.Contains(stdout, "https://tunnel.kern.test/webhooks/paddle\n") || good.endpoints(t) != 1 {
		t.Errorf("%d %s", code, stdout)
	}
	if !strings.Contains(stderr, "the key is refused, or may not make endpoints (docs/providers/stripe.md lists the rights): stripe: ") || strings.Contains(stderr, "sk_test_sim") {
		t.Error(stderr)
	}
}
