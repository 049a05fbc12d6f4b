package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/trivetdev/trivet/internal/config"
	"github.com/trivetdev/trivet/internal/shoptest"
	"github.com/trivetdev/trivet/internal/store/storetest"
	"github.com/trivetdev/trivet/sim"
	lemonsqueezy "github.com/trivetdev/trivet/sim/lemonsqueezy"
	paddle "github.com/trivetdev/trivet/sim/paddle"
	paypal "github.com/trivetdev/trivet/sim/paypal"
	stripe "github.com/trivetdev/trivet/sim/stripe"
)

// newcomer is a simulated account at which nothing was set up.
type newcomer struct {
	shop shoptest.Shop
	// keys are the lines of its section, without what proves webhooks genuine.
	keys string
	// act makes something happen that it tells by webhook.
	act func(t *testing.T)
}

func arrives(t *testing.T, kind string) *newcomer {
	t.Helper()
	n := &newcomer{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { n.shop.Handler().ServeHTTP(w, r) }))
	url, clock := "http://"+server.Listener.Addr().String(), sim.NewClock(time.Now())
	switch kind {
	case config.Stripe:
		world := stripe.New(stripe.Config{Seed: 1, Clock: clock})
		n.shop, n.keys = world, "secret_key = \"sk_test_sim\"\n"
		n.act = func(*testing.T) { world.CreateCustomer("dana@kern.test") }
	case config.PayPal:
		world := paypal.New(paypal.Config{Seed: 1, Clock: clock, APIURL: url})
		write(t, "ca.pem", string(paypal.CA()))
		n.shop = world
		n.keys = fmt.Sprintf("client_id = \"client_sim\"\nclient_secret = \"secret_sim\"\nenvironment = \"sandbox\"\ncert_base_url = %q\nca_file = \"ca.pem\"\n", url)
		n.act = func(t *testing.T) {
			world.AddPlan(paypal.Plan{ID: "P-1", Name: "Pro", Unit: "MONTH", Amount: 2900, Currency: "EUR", AutoBill: true})
			if _, err := world.CreateSubscription(paypal.NewSubscription{Plan: "P-1"}); err != nil {
				t.Fatal(err)
			}
		}
	case config.Paddle:
		world := paddle.New(paddle.Config{Seed: 1, Clock: clock, APIKey: "pdl_sdbx_apikey_01sim_test", Sandbox: true})
		n.shop, n.keys = world, "api_key = \"pdl_sdbx_apikey_01sim_test\"\nenvironment = \"sandbox\"\n"
		n.act = func(*testing.T) { world.CreateCustomer("dana@kern.test") }
	case config.LemonSqueezy:
		world := lemonsqueezy.New(lemonsqueezy.Config{Seed: 1, Clock: clock})
		n.shop, n.keys = world, fmt.Sprintf("api_key = \"ls_test_sim\"\nstore = %q\n", world.Store())
		n.act = func(t *testing.T) {
			variant := world.AddVariant(lemonsqueezy.Variant{Product: "Pro", Amount: 2900, Unit: "month"})
			if _, err := world.Buy(lemonsqueezy.Purchase{Variant: variant, Email: "dana@kern.test"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	n.keys += fmt.Sprintf("base_url = %q\n", url)
	server.Start()
	t.Cleanup(server.Close)
	return n
}

// believed has the account tell of something, and what is configured in the present
// folder believe it.
func (n *newcomer) believed(t *testing.T, account, endpoint string) {
	t.Helper()
	c, err := config.Load("", nil)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := c.Provider(account)
	n.act(t)
	believed(t, n.shop, p, endpoint)
}

// believed has an account's webhooks sent, to the endpoint, and the configured driver
// believe them.
func believed(t *testing.T, shop shoptest.Shop, p config.Provider, endpoint string) {
	t.Helper()
	d, err := driver(p, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Minute)
	shop.Advance(later)
	told := shop.Deliver(t.Context(), func(r *http.Request) (int, error) {
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
		return http.StatusOK, nil
	})
	if told == 0 {
		t.Error("nothing was told")
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// edit does to trivet.toml what somebody does who reads what a command says.
func edit(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(config.DefaultPath)
	if err != nil || !strings.Contains(string(text), from) {
		t.Fatalf("%v: there is no %q in %s", err, from, text)
	}
	write(t, config.DefaultPath, strings.Replace(string(text), from, to, 1))
}

// TestWhatConnectSaysIsEnough: with what it says in the configuration, each provider's
// webhooks are believed.
func TestWhatConnectSaysIsEnough(t *testing.T) {
	said := regexp.MustCompile(`(?m)^  (webhook_[a-z_]+ = .+)$`)
	for _, kind := range []string{config.Stripe, config.PayPal, config.Paddle, config.LemonSqueezy} {
		for _, args := range [][]string{{"connect", "shop"}, {"connect", "shop", "--save"}} {
			t.Run(strings.Join(append(args, kind), " "), func(t *testing.T) {
				t.Chdir(t.TempDir())
				n := arrives(t, kind)
				write(t, config.DefaultPath, "public_url = \"https://billing.kern.test/trivet/\"\n[providers.shop]\nkind = \""+kind+"\"\n"+n.keys)
				code, stdout, stderr := ran(t, nil, args...)
				line := said.FindStringSubmatch(stdout)
				if code != exitGood || line == nil {
					t.Fatalf("%d %s%s", code, stdout, stderr)
				}
				edit(t, "kind =", line[1]+"\nkind =")
				n.believed(t, "shop", "https://billing.kern.test/trivet/webhooks/shop")
				if files, err := filepath.Glob("*.secret"); err != nil || len(files) > 0 != (len(args) == 3 && kind != config.PayPal) { // whose id is no secret
					t.Errorf("kept: %v %v", files, err)
				}
			})
		}
	}
}

// TestFromNothingToService: what each command says is to be done next is all that has to
// be done, until the doctor finds nothing wrong with the service that runs, and webhooks
// are believed.
func TestFromNothingToService(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		t.Chdir(t.TempDir())
		n := arrives(t, config.Stripe)
		if code, _, stderr := ran(t, nil, "init", "--database", database, "--public-url", "https://billing.invalid"); code != exitGood {
			t.Fatal(stderr)
		}
		if code, _, stderr := ran(t, nil, "serve"); code != exitUsage || !strings.Contains(stderr, "providers.stripe.secret_key: is empty") {
			t.Fatalf("%d %s", code, stderr)
		}
		edit(t, `secret_key = ""`, n.keys+"#")
		code, stdout, stderr := ran(t, nil, "doctor", "--offline", "--json")
		if found := verdicts(t, code, stdout, stderr); code != exitGood || !strings.Contains(stdout, "trivet connect stripe") {
			t.Errorf("%d %v", code, found)
		}
		code, stdout, stderr = ran(t, nil, "connect", "stripe", "--save")
		line := regexp.MustCompile(`webhook_secrets_file = .+`).FindString(stdout)
		if code != exitGood || line == "" || !strings.Contains(stdout, `take out ingest = "pull"`) {
			t.Fatalf("%d %s%s", code, stdout, stderr)
		}
		edit(t, `ingest = "pull"`, line+" #")

		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var out, failed lines
		ended := make(chan int, 1)
		go func() {
			ended <- Main(ctx, Process{Args: []string{"serve"}, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &failed, Now: time.Now, Environ: []string{"TRIVET_LISTEN=127.0.0.1:0"}})
		}()
		out.wait(t, `trivet listens on (\S+)`)
		code, stdout, stderr = ran(t, nil, "doctor", "--json")
		if found := verdicts(t, code, stdout, stderr); code != exitGood || !strings.Contains(found["providers.stripe"], "ok the key is taken, for acct_") || !strings.HasPrefix(found["database"], "ok") || strings.Contains(found["database"], "is new") {
			t.Errorf("beside the service: %d %v", code, found)
		}
		stop()
		if code := <-ended; code != exitGood {
			t.Errorf("%d %s", code, failed.String())
		}
		n.believed(t, "stripe", "https://billing.invalid/webhooks/stripe")
	})
}

// nobody is a mail server's session that takes no mail and lets nobody in by name.
type nobody struct{ smtp.Session }

func (nobody) Reset()        {}
func (nobody) Logout() error { return nil }

// TestDoctorTriesTheMailServer, and sends nothing.
func TestDoctorTriesTheMailServer(t *testing.T) {
	t.Chdir(t.TempDir())
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return nobody{}, nil }))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	n := arrives(t, config.Stripe)
	write(t, config.DefaultPath, "[providers.stripe]\ningest = \"pull\"\n"+n.keys+"[mail]\nfrom = \"a@kern.test\"\nsmtp = \"smtp://"+listener.Addr().String()+"\"\n")
	code, stdout, stderr := ran(t, nil, "doctor", "--json")
	if found := verdicts(t, code, stdout, stderr); found["mail"] != "ok the server lets us in\n" {
		t.Errorf("%v", found)
	}
	edit(t, "smtp://", "smtp://billing:hush@")
	code, stdout, stderr = ran(t, nil, "doctor", "--json")
	if found := verdicts(t, code, stdout, stderr); !strings.HasPrefix(found["mail"], "FAIL ") || strings.Contains(stdout+stderr, "hush") {
		t.Errorf("%v", found)
	}
}
