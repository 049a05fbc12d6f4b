package config

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The kinds of provider.
const (
	Stripe       = "stripe"
	PayPal       = "paypal"
	Paddle       = "paddle"
	LemonSqueezy = "lemonsqueezy"
)

// Ingest is how news of an account reaches the service.
type Ingest string

// The ways in. Sweeps run whichever is chosen.
const (
	Push     Ingest = "push"      // webhooks
	Pull     Ingest = "pull"      // the provider's list of events
	PushPull Ingest = "push+pull" // both; the default
)

// Webhooks says whether webhooks are expected, and so their secrets needed.
func (i Ingest) Webhooks() bool { return i != Pull }

// Rate bounds the calls to a provider. The zero value leaves it to the driver.
type Rate struct {
	Share     float64 // of the provider's published limit, above 0 to 1
	PerSecond float64 // calls a second
}

// Provider is one account at a provider: a section [providers.NAME]. Only the
// keys of its kind are set.
type Provider struct {
	Name string // of the section, and of its routes
	Kind string // Stripe, PayPal, Paddle or LemonSqueezy

	SecretKey      Secret   // Stripe
	APIKey         Secret   // Paddle, Lemon Squeezy
	ClientID       string   // PayPal
	ClientSecret   Secret   // PayPal
	WebhookSecrets []Secret // all but PayPal; several while one is being replaced
	WebhookIDs     []string // PayPal, which signs with a certificate instead
	// WebhookSecretsFile is the file that WebhookSecrets are read from; empty: none.
	WebhookSecretsFile string
	Store              string // Lemon Squeezy
	Environment        string // PayPal, Paddle: live (default) or sandbox
	BaseURL            string // of the API; empty for the provider's own
	CertBaseURL        string // PayPal: where signing certificates may come from
	CAFile             string // PayPal: roots to check certificates against
	// OrderLife is how long PayPal keeps an order that nobody paid; 0: as usual.
	OrderLife time.Duration

	// Bind names what binds a purchase to a customer, by default only our token.
	Bind   []string
	Mode   Mode // empty: the global one, whatever it is switched to
	Ingest Ingest
	Rate   Rate
}

// kinds lists, for each kind, the keys that only some kinds have. The first
// group must be set, the second only when webhooks are expected.
var kinds = map[string]struct{ needs, hooks, may []string }{
	Stripe: {needs: []string{"secret_key"}, hooks: []string{"webhook_secrets"}, may: []string{"base_url"}},
	PayPal: {
		needs: []string{"client_id", "client_secret"}, hooks: []string{"webhook_ids"},
		may: []string{"environment", "base_url", "cert_base_url", "ca_file", "order_life"},
	},
	Paddle: {needs: []string{"api_key"}, hooks: []string{"webhook_secrets"}, may: []string{"environment", "base_url"}},
	LemonSqueezy: {
		needs: []string{"api_key"}, hooks: []string{"webhook_secrets"}, may: []string{"store", "base_url"},
	},
}

var kindNames = []string{Stripe, PayPal, Paddle, LemonSqueezy}

// Kinds lists the kinds of provider.
func Kinds() []string { return slices.Clone(kindNames) }

func (r *reader) providers() []Provider {
	var all []Provider
	taken := map[string]string{}
	for _, s := range r.named("providers") {
		if other, ok := taken[spoken(s.name())]; ok {
			s.bad("", "differs from [providers.%s] in - and _ alone, which variables do not tell apart: give one of them another name", other)
		}
		taken[spoken(s.name())] = s.name()
		all = append(all, r.provider(s))
	}
	return all
}

func (r *reader) provider(s section) Provider {
	p := Provider{Name: s.name(), Kind: s.text("kind")}
	if p.Kind == "" {
		p.Kind = p.Name
	}
	p.Mode = Mode(s.choice("mode", modeNames, ""))
	p.Ingest = Ingest(s.choice("ingest", []string{string(Push), string(Pull), string(PushPull)}, string(PushPull)))
	p.Rate = s.rate("rate")
	if p.Bind = s.texts("bind"); len(p.Bind) == 0 {
		p.Bind = []string{"token"}
	}
	if !slices.Contains(kindNames, p.Kind) {
		s.wrongKind(p.Kind)
		return p
	}
	s.keysOfKind(p)
	p.SecretKey, p.APIKey = s.secret("secret_key"), s.secret("api_key")
	p.ClientID, p.ClientSecret = s.plain("client_id"), s.secret("client_secret")
	p.WebhookSecrets, p.WebhookIDs = s.secrets("webhook_secrets"), s.plains("webhook_ids")
	p.WebhookSecretsFile = s.text("webhook_secrets_file")
	p.Store = s.plain("store")
	if hasEnvironment := slices.Contains(kinds[p.Kind].may, "environment"); hasEnvironment {
		p.Environment = s.choice("environment", []string{"live", "sandbox"}, "live")
	}
	p.BaseURL, p.CertBaseURL = s.web("base_url"), s.web("cert_base_url")
	p.CAFile = s.readable("ca_file")
	if s.has("order_life") {
		p.OrderLife = s.duration("order_life", time.Minute)
	}
	return p
}

func (s section) wrongKind(kind string) {
	if s.has("kind") {
		s.bad("kind", "%q is no kind of provider: %s", kind, didYouMean(kind, kindNames))
		return
	}
	for _, k := range kindNames {
		if strings.HasPrefix(kind, k) {
			s.bad("", `is no kind of provider: add kind = %q`, k)
			return
		}
	}
	if c := closest(kind, kindNames); c != "" {
		s.bad("", "is no kind of provider: did you mean [providers.%s]? If not, add kind = %q", c, c)
		return
	}
	s.bad("", "is no kind of provider: add kind, one of %s", strings.Join(kindNames, ", "))
}

// keysOfKind reports keys that belong to another kind, and needed ones that are
// missing.
func (s section) keysOfKind(p Provider) {
	k := kinds[p.Kind]
	needed := k.needs
	if p.Ingest.Webhooks() {
		needed = slices.Concat(k.needs, k.hooks)
	}
	for _, key := range needed {
		switch {
		case s.has(key), s.unconnected && slices.Contains(k.hooks, key):
		case slices.Contains(k.hooks, key):
			s.bad(key, `is missing: set %s to what the provider shows for the webhook endpoint, or ingest = "pull" to do without webhooks`,
				variable(s.path+"."+key))
		default:
			s.bad(key, "is missing: set it in the file, or %s", variable(s.path+"."+key))
		}
	}
	own := slices.Concat(k.needs, k.hooks, k.may)
	for _, f := range schema["providers.*"] {
		if f.common || slices.Contains(own, f.name) || !s.has(f.name) {
			continue
		}
		s.bad(f.name, "is not a key of a %s account, which has %s", p.Kind, strings.Join(own, ", "))
	}
}

// rate reads a share ("50%") or calls a second ("20/s").
func (s section) rate(key string) Rate {
	text := s.text(key)
	if text == "" {
		return Rate{}
	}
	if share, ok := strings.CutSuffix(text, "%"); ok {
		if n, err := strconv.ParseFloat(strings.TrimSpace(share), 64); err == nil && n > 0 && n <= 100 {
			return Rate{Share: n / 100}
		}
	}
	if per, ok := strings.CutSuffix(text, "/s"); ok {
		if n, err := strconv.ParseFloat(strings.TrimSpace(per), 64); err == nil && n > 0 && n <= 10_000 {
			return Rate{PerSecond: n}
		}
	}
	s.bad(key, `%q is no rate: write a share of the provider's limit as "50%%" or calls a second as "20/s"`, text)
	return Rate{}
}

// web reads the address of an HTTP server, and wants https unless that is this
// machine.
func (s section) web(key string) string {
	text := strings.TrimRight(s.text(key), "/")
	if text == "" {
		return ""
	}
	if why := webProblem(text); why != "" {
		s.bad(key, "%s", why)
		return ""
	}
	return text
}

func webProblem(text string) string {
	u, err := url.Parse(text)
	switch {
	// The parser's own error repeats the text, which may hold a password.
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return "is no web address: write it as https://billing.example.com"
	case u.User != nil:
		return "must not hold a user or password"
	case u.RawQuery != "" || u.Fragment != "":
		return "must end with the path: leave out what follows ? or #"
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return "must begin with https://, since it is not on this machine"
	}
	return ""
}
