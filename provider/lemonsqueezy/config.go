package lemonsqueezy

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trivetdev/trivet/internal/placeholder"
	"github.com/trivetdev/trivet/provider/setting"
	"github.com/trivetdev/trivet/provider/transport"
)

// DefaultRate is the number of calls per second of a driver that makes its own
// transport. Lemon Squeezy allows 300 a minute; the application needs its share.
const DefaultRate = 4

const defaultBaseURL = "https://api.lemonsqueezy.com"

// Config says how to reach one Lemon Squeezy account. Account and APIKey are
// required.
type Config struct {
	// Account is the configured name of the account, such as "lemonsqueezy".
	Account string
	// APIKey belongs to one of the two modes; which, the provider tells.
	APIKey string
	// Store is the number of the store whose objects count; those of other stores
	// are passed over. Empty: all stores of the key.
	Store string
	// WebhookSecrets are the signing secrets that are accepted; several while one is
	// being replaced. With none every webhook is rejected.
	WebhookSecrets []string
	// BaseURL replaces https://api.lemonsqueezy.com; a path in it is kept.
	BaseURL string
	// Transport carries the calls. A [*transport.Transport] is used as it is; any
	// other is wrapped in one without rate limit and retries. Nil: a transport with
	// [DefaultRate] and two retries.
	Transport http.RoundTripper
	// Now is the clock; nil: the system's.
	Now func() time.Time
}

// Driver implements [provider.Driver] for Lemon Squeezy. Make it with [New].
type Driver struct {
	account string
	key     string
	store   string
	secrets []string
	base    string
	client  *http.Client
	now     func() time.Time
	// mode is learned from the provider's answers.
	mode atomic.Int32

	mu         sync.Mutex
	prices     map[string]priced
	currencies map[string]string
}

// New makes a driver. It makes no call; the error says in one line what is wrong
// with the configuration.
func New(config Config) (*Driver, error) {
	if config.Account == "" {
		return nil, errors.New("lemonsqueezy: the account has no name: give the configuration section one")
	}
	if err := checkKey(config.APIKey); err != nil {
		return nil, fmt.Errorf("%s: api_key %w", config.Account, err)
	}
	for i, secret := range config.WebhookSecrets {
		if err := checkWebhookSecret(secret); err != nil {
			return nil, fmt.Errorf("%s: webhook_secrets, number %d, %w", config.Account, i+1, err)
		}
	}
	if config.Store != "" && !isNumber(config.Store) {
		return nil, fmt.Errorf("%s: store is not a store's number: find it in the Lemon Squeezy dashboard, Settings, Stores, after the #", config.Account)
	}
	base, err := baseURL(config.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("%s: base_url %w", config.Account, err)
	}
	d := &Driver{
		account: config.Account, key: config.APIKey, store: config.Store, secrets: config.WebhookSecrets, base: base,
		now: config.Now, prices: map[string]priced{}, currencies: map[string]string{},
	}
	if d.now == nil {
		d.now = time.Now //nolint:forbidigo // what the field promises when it is nil
	}
	d.client = transport.Of(config.Transport, config.Account, DefaultRate, d.now).Client()
	return d, nil
}

func checkKey(key string) error {
	switch {
	case key == "":
		return errors.New("is empty: make one in the Lemon Squeezy dashboard, Settings, API")
	case placeholder.Is(key):
		return errors.New("is a placeholder: make a real key in the Lemon Squeezy dashboard, Settings, API")
	case strings.ContainsAny(key, " \t\r\n"):
		return errors.New("has spaces in it: copy it again")
	}
	return nil
}

// checkWebhookSecret goes by the provider's own rule: 6 to 40 characters.
func checkWebhookSecret(secret string) error {
	switch {
	case secret == "":
		return errors.New("is empty: it is the signing secret that you chose for the webhook")
	case placeholder.Is(secret):
		return errors.New("is a placeholder: choose a long random text for the webhook and put it here")
	case len(secret) < 6 || len(secret) > 40:
		return fmt.Errorf("has %d characters: Lemon Squeezy takes 6 to 40", len(secret))
	}
	return nil
}

func baseURL(text string) (string, error) {
	base, err := setting.Address(text, defaultBaseURL)
	switch {
	case err != nil:
		return "", err
	case base == nil:
		return defaultBaseURL, nil
	case setting.Exposed(base) && !strings.HasSuffix(base.Hostname(), ".test"):
		return "", errors.New("would send the key unencrypted: use https")
	}
	return strings.TrimSuffix(text, "/"), nil
}
