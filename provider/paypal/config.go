package paypal

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/trivetdev/trivet/internal/placeholder"
	"github.com/trivetdev/trivet/provider/setting"
	"github.com/trivetdev/trivet/provider/transport"
)

// DefaultRate is the number of calls per second of a driver that makes its own
// transport. PayPal publishes no limit and asks not to be polled.
const DefaultRate = 3

// How far the time in a webhook's signature may be from ours. PayPal delivers for
// three days, and what it lists can be sent again for 30; whether it then signs a
// new time is not documented. Repeated events are told by their id anyway.
const (
	oldestWebhook = 31 * 24 * time.Hour
	newestWebhook = time.Hour
)

// DefaultOrderLife is how long PayPal keeps an order that nobody approved, and an
// approval that nobody captured: three hours, as its support states. After that it
// knows nothing of the order. By arrangement it is longer, up to [ApprovalLife].
const DefaultOrderLife = 3 * time.Hour

// ApprovalLife is how long the approval of a subscription is waited for, and the
// longest that an order can be kept: what is older is taken for expired, whatever its
// status says (Orders v2: "up to 72 hours" on request).
const ApprovalLife = 72 * time.Hour

// mockWebhookID is the id that PayPal's webhook simulator signs for. Anybody can
// have such events signed.
const mockWebhookID = "WEBHOOK_ID"

// Config says how to reach one PayPal account. Account, ClientID and ClientSecret
// are required.
type Config struct {
	// Account is the configured name of the account, such as "paypal".
	Account string
	// ClientID and ClientSecret are those of a REST app.
	ClientID, ClientSecret string
	// WebhookIDs are the ids of the webhooks that are accepted; several while one
	// is being replaced. With none every webhook is rejected.
	WebhookIDs []string
	// Sandbox: this is not the live environment. Only there may WebhookIDs have
	// the WEBHOOK_ID of PayPal's webhook simulator.
	Sandbox bool
	// OrderLife is how long PayPal keeps an order that nobody paid, if it agreed to
	// another time than [DefaultOrderLife].
	OrderLife time.Duration
	// BaseURL replaces https://api-m.paypal.com or its sandbox; a path is kept.
	BaseURL string
	// CertBaseURL replaces the hosts that signing certificates may come from; a
	// path is kept.
	CertBaseURL string
	// CAFile has the roots that certificates must chain to, as PEM, instead of
	// the system's; CA is the same by value.
	CAFile string
	CA     []byte
	// Transport carries the calls. A [*transport.Transport] is used as it is; any
	// other is wrapped in one without rate limit and retries. Nil: a transport
	// with [DefaultRate] and two retries.
	Transport http.RoundTripper
	// Now is the clock; nil: the system's.
	Now func() time.Time
}

// Driver implements [provider.Driver] for PayPal. Make it with [New].
type Driver struct {
	account  string
	sandbox  bool
	base     string
	hooks    []string
	life     time.Duration // of orders
	now      func() time.Time
	client   *http.Client
	tokens   tokens
	certs    certificates
	plans    plans
	clientID string
	secret   string
	// bookless: the app may not look into the books.
	bookless atomic.Bool
}

// New makes a driver. It makes no call; the error says in one line what is wrong
// with the configuration.
func New(config Config) (*Driver, error) {
	if config.Account == "" {
		return nil, errors.New("paypal: the account has no name: give the configuration section one")
	}
	if err := config.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", config.Account, err)
	}
	d := &Driver{
		account: config.Account, sandbox: config.Sandbox, base: strings.TrimSuffix(config.BaseURL, "/"), hooks: config.WebhookIDs,
		now: config.Now, clientID: config.ClientID, secret: config.ClientSecret, tokens: newTokens(),
	}
	d.life = cmp.Or(config.OrderLife, DefaultOrderLife)
	if d.now == nil {
		d.now = time.Now //nolint:forbidigo // what the field promises when it is nil
	}
	if d.base == "" {
		d.base = map[bool]string{false: "https://api-m.paypal.com", true: "https://api-m.sandbox.paypal.com"}[d.sandbox]
	}
	d.client = transport.Of(config.Transport, config.Account, DefaultRate, d.now).Client()
	roots, err := rootsOf(config)
	if err != nil {
		return nil, fmt.Errorf("%s: ca_file %w", config.Account, err)
	}
	d.certs = newCertificates(config, roots, d.now)
	return d, nil
}

// check refuses what cannot work or would not be safe.
func (c Config) check() error {
	for key, value := range map[string]string{"client_id": c.ClientID, "client_secret": c.ClientSecret} {
		if why := secretProblem(value); why != "" {
			return fmt.Errorf("%s %s: copy it from the app's page, developer.paypal.com, Apps & Credentials", key, why)
		}
	}
	for i, id := range c.WebhookIDs {
		switch {
		case id == mockWebhookID && !c.Sandbox:
			return fmt.Errorf("webhook_ids, number %d, is the literal WEBHOOK_ID of PayPal's webhook simulator, for which anybody can get events signed: use the id of your webhook", i+1)
		case id != mockWebhookID && (secretProblem(id) != "" || !isName(id)):
			return fmt.Errorf("webhook_ids, number %d, is not the id of a webhook: copy it from the app's page, Webhooks", i+1)
		}
	}
	if c.OrderLife < 0 || c.OrderLife > ApprovalLife {
		return fmt.Errorf("order_life is %s: PayPal keeps an order for three hours (3h), and by arrangement for up to three days (72h)", c.OrderLife)
	}
	for key, text := range map[string]string{"base_url": c.BaseURL, "cert_base_url": c.CertBaseURL} {
		address, err := setting.Address(text, "https://api-m.paypal.com")
		if err == nil && setting.Exposed(address) {
			err = errors.New("would send a secret unencrypted: use https")
		}
		if err != nil {
			return fmt.Errorf("%s %w", key, err)
		}
	}
	return nil
}

func secretProblem(text string) string {
	switch {
	case text == "":
		return "is empty"
	case strings.ContainsAny(text, " \t\r\n"):
		return "has spaces in it"
	case placeholder.Is(text):
		return "is a placeholder"
	}
	return ""
}

// rootsOf reads the roots of trust; nil: the system's.
func rootsOf(config Config) (*x509.CertPool, error) {
	text := config.CA
	if config.CAFile != "" {
		read, err := os.ReadFile(config.CAFile)
		if err != nil {
			return nil, fmt.Errorf("cannot be read: %w", err)
		}
		text = read
	}
	if len(text) == 0 {
		return nil, nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("has no certificate in it that can be read: it must be PEM")
	}
	return pool, nil
}
