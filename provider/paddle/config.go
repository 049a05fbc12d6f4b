package paddle

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	sdk "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/trivetdev/trivet/internal/placeholder"
	"github.com/trivetdev/trivet/provider/setting"
	"github.com/trivetdev/trivet/provider/transport"
)

// How far the signed time of a webhook may be from ours unless configured
// otherwise.
const (
	// DefaultAhead is for a time in the future.
	DefaultAhead = 300 * time.Second
	// DefaultBehind is as long as Paddle repeats a notification (60 attempts in about
	// three days), since nobody documents whether a repetition is signed afresh. What
	// guards against replays is the id of the event, which is kept, and that an event
	// only makes us look.
	DefaultBehind = 72*time.Hour + 300*time.Second
)

// DefaultRate is the number of calls per second of a driver that makes its own
// transport. Paddle allows 240 a minute from one address, and then refuses all for
// a minute; the application needs its share.
const DefaultRate = 3

// The environments.
const (
	Live    = "live"
	Sandbox = "sandbox"
)

// Config says how to reach one Paddle account. Account and APIKey are required.
type Config struct {
	// Account is the configured name of the account, such as "paddle".
	Account string
	// APIKey is a key of the environment: pdl_live_apikey_… or pdl_sdbx_apikey_…. Where
	// BaseURL leads elsewhere than to Paddle it may look otherwise.
	APIKey string
	// WebhookSecrets are the secret keys (pdl_ntfset_…) of the notification
	// destinations that are accepted; several while one is being replaced. With none
	// every webhook is rejected, which suits an account that is only pulled from.
	WebhookSecrets []string
	// Environment is [Live], also when empty, or [Sandbox].
	Environment string
	// BaseURL replaces the environment's own API; a path in it is kept. What stands in
	// for Paddle there need not make its keys and secrets look like Paddle's.
	BaseURL string
	// Transport carries the calls. A [*transport.Transport] is used as it is; any
	// other is wrapped in one without rate limit and retries. Nil: a transport with
	// [DefaultRate] and two retries.
	Transport http.RoundTripper
	// Ahead and Behind replace [DefaultAhead] and [DefaultBehind].
	Ahead, Behind time.Duration
	// Now is the clock; nil: the system's.
	Now func() time.Time
}

// Driver implements [provider.Driver] for Paddle Billing. Make it with [New].
type Driver struct {
	account     string
	environment string
	secrets     []string
	ahead       time.Duration
	behind      time.Duration
	now         func() time.Time
	api         *sdk.SDK
}

// New makes a driver. It makes no call; the error says in one line what is wrong
// with the configuration.
func New(config Config) (*Driver, error) {
	if config.Account == "" {
		return nil, errors.New("paddle: the account has no name: give the configuration section one")
	}
	if config.Environment == "" {
		config.Environment = Live
	}
	standIn := isStandIn(config.BaseURL)
	if err := checkKey(config.APIKey, config.Environment, standIn); err != nil {
		return nil, fmt.Errorf("%s: api_key %w", config.Account, err)
	}
	for i, secret := range config.WebhookSecrets {
		if err := checkSecret(secret, standIn); err != nil {
			return nil, fmt.Errorf("%s: webhook_secrets, number %d, %w", config.Account, i+1, err)
		}
	}
	if err := checkBaseURL(config.BaseURL, config.Environment == Live || strings.HasPrefix(config.APIKey, liveKeys)); err != nil {
		return nil, fmt.Errorf("%s: base_url %w", config.Account, err)
	}
	d := &Driver{
		account: config.Account, environment: config.Environment, secrets: config.WebhookSecrets,
		ahead: config.Ahead, behind: config.Behind, now: config.Now,
	}
	if d.ahead == 0 {
		d.ahead = DefaultAhead
	}
	if d.behind == 0 {
		d.behind = DefaultBehind
	}
	if d.now == nil {
		d.now = time.Now //nolint:forbidigo // what the field promises when it is nil
	}
	var err error
	if d.api, err = newClient(config, d.now); err != nil {
		return nil, fmt.Errorf("%s: base_url cannot be used", config.Account)
	}
	return d, nil
}

// newClient sets the SDK up on our transport.
func newClient(config Config, now func() time.Time) (*sdk.SDK, error) {
	address := config.BaseURL
	switch {
	case address != "":
	case config.Environment == Sandbox:
		address = sdk.SandboxBaseURL
	default:
		address = sdk.ProductionBaseURL
	}
	base, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	// The SDK drops the path of a base URL, so the wire puts it back.
	w := wire{client: transport.Of(config.Transport, config.Account, DefaultRate, now).Client(), path: strings.TrimSuffix(base.Path, "/")}
	return sdk.New(config.APIKey, sdk.WithBaseURL(base.Scheme+"://"+base.Host), sdk.WithClient(w))
}

var keyPattern = regexp.MustCompile(`^pdl_(live|sdbx)_apikey_[A-Za-z0-9_]+$`)

// liveKeys is what keys of the live environment begin with.
const liveKeys = "pdl_live_apikey_"

// isStandIn says whether an address leads elsewhere than to Paddle: to a simulator, say,
// which has keys of its own.
func isStandIn(address string) bool {
	base, err := url.Parse(address)
	if err != nil || base.Hostname() == "" {
		return false
	}
	host := strings.ToLower(base.Hostname())
	return host != "paddle.com" && !strings.HasSuffix(host, ".paddle.com")
}

// checkKey makes sure that a key is one, and of the environment; of a stand-in's it
// knows only that it is none that was forgotten or put in the wrong place. No error
// shows any of it but its kind.
func checkKey(key, environment string, standIn bool) error {
	switch {
	case environment != Live && environment != Sandbox:
		return errors.New("is for no environment: set environment to live or sandbox")
	case key == "":
		return errors.New("is empty: copy it from the Paddle dashboard, Developer tools, Authentication")
	case strings.HasPrefix(key, secretPrefix):
		return errors.New("is the secret key of a notification destination (pdl_ntfset_): it belongs into webhook_secrets")
	case placeholder.Is(key):
		return errors.New("is a placeholder: copy the real key from the Paddle dashboard, Developer tools, Authentication")
	case standIn && strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("has spaces or letters that no key has: copy it anew")
	case standIn:
		return nil
	case strings.HasPrefix(key, "live_"), strings.HasPrefix(key, "test_"):
		return errors.New("is a client-side token: use an API key (pdl_live_apikey_ or pdl_sdbx_apikey_)")
	}
	parts := keyPattern.FindStringSubmatch(key)
	switch {
	case parts == nil:
		return errors.New("is not a Paddle API key: it begins with pdl_live_apikey_ or pdl_sdbx_apikey_ (make a new key if yours is older than these)")
	case parts[1] == "live" && environment == Sandbox:
		return errors.New("is of the live environment (pdl_live_apikey_) and environment is sandbox: change one of them")
	case parts[1] == "sdbx" && environment == Live:
		return errors.New("is of the sandbox (pdl_sdbx_apikey_) and environment is live: change one of them")
	}
	return nil
}

// secretPrefix is what the secret key of a notification destination begins with.
const secretPrefix = "pdl_ntfset_" //nolint:gosec // it is how all of them begin

func checkSecret(secret string, standIn bool) error {
	switch {
	case secret == "":
		return errors.New("is empty: copy it from the destination's page in the Paddle dashboard, Developer tools, Notifications")
	case placeholder.Is(secret):
		return errors.New("is a placeholder: copy the real secret key from the destination's page in the Paddle dashboard")
	case standIn && !strings.ContainsAny(secret, " \t\r\n"):
		return nil
	case !strings.HasPrefix(secret, secretPrefix) || len(secret) == len(secretPrefix) || strings.ContainsAny(secret, " \t\r\n"):
		return errors.New("is not the secret key of a notification destination: it begins with pdl_ntfset_ and has no spaces")
	}
	return nil
}

func checkBaseURL(text string, live bool) error {
	base, err := setting.Address(text, "https://api.paddle.com")
	if err == nil && live && setting.Exposed(base) {
		return errors.New("would send a live key unencrypted: use https")
	}
	return err
}
