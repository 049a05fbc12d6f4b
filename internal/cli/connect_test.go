package cli

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/config"
	"github.com/trivetdev/trivet/sim"
	stripe "github.com/trivetdev/trivet/sim/stripe"
)

// stripeAlone is trivet.toml with a simulated Stripe account, and more lines of its
// section.
func stripeAlone(t *testing.T, more string) *stripe.Server {
	t.Helper()
	world := stripe.New(stripe.Config{Seed: 1, Clock: sim.NewClock(time.Now())})
	text := "public_url = \"https://billing.example.com\"\n[providers.stripe]\nsecret_key = \"sk_test_sim\"\nbase_url = \"" + served(t, world.Handler()) + "\"\n" + more
	if err := os.WriteFile("trivet.toml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return world
}

// TestConnectKeepsEverySecret: that of a new webhook comes to those that are configured,
// wherever they are, and webhooks signed with it are believed.
func TestConnectKeepsEverySecret(t *testing.T) {
	for name, section := range map[string]string{
		"there yet":                   "webhook_secrets_file = \"kept\"\n",
		"not there yet":               "webhook_secrets_file = \"kept\"\n",
		"in the configuration itself": "webhook_secrets = [\"whsec_old1\", \"whsec_old2\"]\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			world := stripeAlone(t, section)
			old := []string{"whsec_old1", "whsec_old2"}
			switch name {
			case "there yet":
				if err := os.WriteFile("kept", []byte(strings.Join(old, "\n")), 0o600); err != nil {
					t.Fatal(err)
				}
			case "not there yet":
				old = nil
			}
			code, stdout, stderr := ran(t, nil, "connect", "stripe", "--save")
			if code != exitGood || strings.Contains(stdout, "whsec_") {
				t.Fatalf("%d %s%s", code, stdout, stderr)
			}
			if told := regexp.MustCompile(`webhook_secrets_file = ".+"`).FindString(stdout); told != "" {
				edit(t, section, told+"\n")
			}
			c, err := config.Load("", nil)
			if err != nil {
				t.Fatal(err)
			}
			p, _ := c.Provider("stripe")
			if got := revealed(p.WebhookSecrets); len(got) != len(old)+1 || !slices.Equal(got[:len(old)], old) {
				t.Errorf("configured are %v", got)
			}
			world.CreateCustomer("dana@kern.test")
			believed(t, world, p, "https://billing.example.com/webhooks/stripe")
		})
	}
}

// TestConnectLosesNoSecret: what is told but once is shown where it cannot be kept, and
// what would be written over is found before the provider is asked.
func TestConnectLosesNoSecret(t *testing.T) {
	t.Chdir(t.TempDir())
	stripeAlone(t, "webhook_secrets_file = \"gone/secret\"\n")
	code, stdout, stderr := ran(t, nil, "connect", "stripe", "--save")
	if code != exitWrong || !regexp.MustCompile(`webhook_secrets of \[providers.stripe\]: "whsec_\w+"`).MatchString(stdout) || !strings.Contains(stderr, "gone/secret") {
		t.Errorf("%d %s%s", code, stdout, stderr)
	}
	stripeAlone(t, "webhook_secrets = [\"whsec_1\"]\n")
	if err := os.WriteFile("trivet-stripe.secret", []byte("whsec_2"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr = ran(t, nil, "connect", "stripe", "--save")
	if code != exitWrong || stdout != "" || !strings.Contains(stderr, "is there already") {
		t.Errorf("%d %s%s", code, stdout, stderr)
	}
}
