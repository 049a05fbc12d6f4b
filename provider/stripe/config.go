package stripe

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	sdk "github.com/stripe/stripe-go/v85"

	"github.com/trivetdev/trivet/internal/placeholder"
	"github.com/trivetdev/trivet/provider/setting"
	"github.com/trivetdev/trivet/provider/transport"
)

// DefaultTolerance is how far the signed time of a webhook may be from ours, in
// both directions, unless configured otherwise. Stripe's libraries use the same.
const DefaultTolerance = 300 * time.Second

// DefaultRate is the number of calls per second of a driver that makes its own
// transport. Stripe allows 100 reads and 100 writes in live mode and 25 of each
// in test mode; the application needs its share.
const DefaultRate = 20

// Config says how to reach one Stripe account. Account and SecretKey are
// required.
type Config struct {
	// Account is the configured name of the account, such as "stripe".
	Account string
	// SecretKey is a secret (sk_) or restricted (rk_) key. Its prefix tells
	// whether the account is in test or in live mode.
	SecretKey string
	// WebhookSecrets are the signing secrets (whsec_) of the endpoints that are
	// accepted; several while one is being rotated. With none every webhook is
	// rejected, which suits an account that is only pulled from.
	WebhookSecrets []string
	// BaseURL replaces https://api.stripe.com; a path in it is kept.
	BaseURL string
	// Transport carries the calls. A [*transport.Transport] is used as it is; any
	// other is wrapped in one without rate limit and retries. Nil: a transport
	// with [DefaultRate] and two retries.
	Transport http.RoundTripper
	// Tolerance replaces [DefaultTolerance].
	Tolerance time.Duration
	// Now is the clock; nil: the system's.
	Now func() time.Time
}

// Driver implements [provider.Driver] for Stripe. Make it with [New].
type Driver struct {
	account   string
	live      bool
	secrets   []string
	tolerance time.Duration
	now       func() time.Time
	api       *sdk.Client
	// prices are those that schedules name, by id.
	prices sync.Map
}

// New makes a driver. It makes no call; the error says in one line what is
// wrong with the configuration.
func New(config Config) (*Driver, error) {
	if config.Account == "" {
		return nil, errors.New("stripe: the account has no name: give the configuration section one")
	}
	live, err := modeOf(config.SecretKey)
	if err != nil {
		return nil, fmt.Errorf("%s: secret_key %w", config.Account, err)
	}
	for i, secret := range config.WebhookSecrets {
		if err := checkWebhookSecret(secret); err != nil {
			return nil, fmt.Errorf("%s: webhook_secrets, number %d, %w", config.Account, i+1, err)
		}
	}
	if err := checkBaseURL(config.BaseURL, live); err != nil {
		return nil, fmt.Errorf("%s: base_url %w", config.Account, err)
	}
	d := &Driver{
		account: config.Account, live: live, secrets: config.WebhookSecrets,
		tolerance: config.Tolerance, now: config.Now,
	}
	if d.tolerance == 0 {
		d.tolerance = DefaultTolerance
	}
	if d.now == nil {
		d.now = time.Now //nolint:forbidigo // what the field promises when it is nil
	}
	d.api = newClient(config, d.now)
	return d, nil
}

// newClient sets stripe-go up to leave retries, logs and metrics to us.
func newClient(config Config, now func() time.Time) *sdk.Client {
	client := transport.Of(config.Transport, config.Account, DefaultRate, now).Client()
	client.Transport = aside{client.Transport}
	backend := &sdk.BackendConfig{
		EnableTelemetry:   sdk.Bool(false),
		HTTPClient:        client,
		LeveledLogger:     &sdk.LeveledLogger{Level: sdk.LevelNull},
		MaxNetworkRetries: sdk.Int64(0),
	}
	if base, err := url.Parse(config.BaseURL); err == nil && config.BaseURL != "" {
		backend.URL = sdk.String(base.Scheme + "://" + base.Host)
		client.Transport = below{strings.TrimSuffix(base.Path, "/"), client.Transport}
	}
	return sdk.NewClient(config.SecretKey, sdk.WithBackends(sdk.NewBackendsWithConfig(backend)))
}

// below adds the path of the base URL to every call, because stripe-go takes a
// path that does not begin with its own version for an error.
type below struct {
	path string
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (b below) RoundTrip(req *http.Request) (*http.Response, error) {
	moved := req.Clone(req.Context())
	moved.URL.Path = b.path + req.URL.Path
	resp, err := b.next.RoundTrip(moved)
	if resp != nil {
		resp.Request = req
	}
	return resp, err
}

var keyPattern = regexp.MustCompile(`^[sr]k_(test|live)_[A-Za-z0-9_]+$`)

// modeOf reads from a key whether it is for live mode. No error shows any of
// the key but its kind.
func modeOf(key string) (live bool, err error) {
	switch {
	case key == "":
		return false, errors.New("is empty: copy it from the Stripe dashboard, Developers, API keys")
	case strings.HasPrefix(key, "pk_"):
		return false, errors.New("is a publishable key (pk_): use the secret key (sk_) or a restricted key (rk_)")
	case strings.HasPrefix(key, "whsec_"):
		return false, errors.New("is a webhook signing secret (whsec_): it belongs into webhook_secrets")
	case placeholder.Is(key):
		return false, errors.New("is a placeholder: copy the real key from the Stripe dashboard, Developers, API keys")
	}
	parts := keyPattern.FindStringSubmatch(key)
	if parts == nil {
		return false, errors.New("is not a Stripe key: it begins with sk_test_, sk_live_, rk_test_ or rk_live_ and has no spaces")
	}
	return parts[1] == "live", nil
}

func checkWebhookSecret(secret string) error {
	switch {
	case secret == "":
		return errors.New("is empty: copy it from the endpoint's page in the Stripe dashboard")
	case placeholder.Is(secret):
		return errors.New("is a placeholder: copy the real secret from the endpoint's page in the Stripe dashboard")
	case !strings.HasPrefix(secret, "whsec_") || secret == "whsec_" || strings.ContainsAny(secret, " \t\r\n"):
		return errors.New("is not a signing secret: it begins with whsec_ and has no spaces")
	}
	return nil
}

func checkBaseURL(text string, live bool) error {
	base, err := setting.Address(text, "https://api.stripe.com")
	if err == nil && live && setting.Exposed(base) {
		return errors.New("would send a live key unencrypted: use https")
	}
	return err
}
