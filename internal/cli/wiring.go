package cli

import (
	"encoding/hex"
	"fmt"
	"log/slog"
	"time"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/config"
	"github.com/trivetdev/trivet/policy"
)

// build turns a configuration into what the service is made from. The error is
// for the operator; a [*config.Error] names several things at once.
func build(c *config.Config, log *slog.Logger, now func() time.Time) (trivet.Config, error) {
	built := trivet.Config{
		PublicURL: c.PublicURL, Checkout: c.Checkout, Database: databaseURL(c.Database), Bind: map[string][]string{},
		Access: &billing.Rules{Grace: c.Access.Grace, Paused: c.Access.Paused, Refunded: c.Access.Refunded, Disputed: c.Access.Disputed},
		Modes:  modes(c), RefundsPerDay: c.Caps.Refunds, RefundAmounts: c.Caps.Amounts,
		Hot: c.Sweep.Hot, Full: c.Sweep.Full, KeepEvents: c.Retention.Events,
		Now: now, Log: log, Version: version(),
	}
	for _, key := range c.APIKeys {
		built.APIKeys = append(built.APIKeys, key.Reveal())
	}
	var err error
	if built.NamedKeys, err = namedKeys(c.NamedKeys); err != nil {
		return built, err
	}
	for _, p := range c.Providers {
		d, err := driver(p, now)
		if err != nil {
			return built, err
		}
		built.Providers = append(built.Providers, d)
		built.Bind[p.Name] = p.Bind
		switch p.Ingest {
		case config.Pull:
			built.PullOnly = append(built.PullOnly, p.Name)
		case config.Push:
			built.NoPull = append(built.NoPull, p.Name)
		case config.PushPull:
		}
	}
	if built.Policies, built.PolicyDigest, err = policies(c); err != nil {
		return built, err
	}
	if err := says(c, &built, log); err != nil {
		return built, err
	}
	built.Endpoints = endpointsOf(c)
	built.Plans = plansOf(c)
	return built, meant(c, built)
}

// namedKeys are the API keys that have names.
func namedKeys(keys []config.APIKey) (all []trivet.NamedKey, err error) {
	for _, k := range keys {
		named := trivet.NamedKey{Name: k.Name, Scopes: k.Scopes, Expires: k.Expires}
		sum, err := hex.DecodeString(k.SHA256.Reveal())
		if err != nil || len(sum) != len(named.SHA256) {
			return nil, fmt.Errorf("the API key %s has no SHA-256", k.Name)
		}
		copy(named.SHA256[:], sum)
		all = append(all, named)
	}
	return all, nil
}

// endpointsOf are the application's endpoints.
func endpointsOf(c *config.Config) (all []trivet.Endpoint) {
	for _, e := range c.Endpoints {
		endpoint := trivet.Endpoint{Name: e.Name, URL: e.URL, Events: e.Events, Secrets: []string{e.Secret.Reveal()}, AllowPrivate: e.AllowPrivate}
		if e.PreviousSecret != "" {
			endpoint.Secrets = append(endpoint.Secrets, e.PreviousSecret.Reveal())
		}
		all = append(all, endpoint)
	}
	return all
}

func databaseURL(d config.Database) string {
	if d.Kind == config.SQLite {
		return "sqlite:" + d.Path
	}
	return d.URL.Reveal()
}

// modes says how far the service may go.
func modes(c *config.Config) policy.Modes {
	m := policy.Modes{
		Global: policy.Mode(c.Mode), Accounts: map[string]policy.Mode{}, Policies: map[string]policy.Mode{}, Rollout: map[string]int{},
	}
	for _, p := range c.Providers {
		if p.Mode != "" {
			m.Accounts[p.Name] = policy.Mode(p.Mode)
		}
	}
	for _, name := range config.Careful { // unless their section says otherwise
		m.Policies[name] = policy.Assist
	}
	for _, p := range c.Policies {
		if p.Mode != "" {
			m.Policies[p.Name] = policy.Mode(p.Mode)
		}
		m.Rollout[p.Name] = p.Rollout
	}
	return m
}

// plansOf are what customers buy.
func plansOf(c *config.Config) (plans []billing.Plan) {
	for _, p := range c.Plans {
		plans = append(plans, billing.Plan{
			ID: p.ID, Name: p.Name, Features: p.Features, Prices: p.Prices,
			Kind: billing.GrantKind(p.Grants.Kind), Credits: p.Grants.Credits,
			Pass: billing.CalendarPeriod{Years: p.Grants.Years, Months: p.Grants.Months, Days: p.Grants.Days, Time: p.Grants.Time},
		})
	}
	return plans
}

// announce tells the log what is configured, or is missing.
func announce(c *config.Config, s *session, log *slog.Logger) {
	log.Info("configuration", "config", c)
	for _, name := range c.Ignored {
		log.Warn("a variable begins like ours and is no key", "name", name)
	}
	if len(c.APIKeys) == 0 && len(c.NamedKeys) == 0 {
		log.Warn("no API key is set, so the REST API is closed: set api_keys or TRIVET_API_KEYS to a long random text, or add an [[api_key]]")
		if s.env(envKey) != "" {
			log.Warn("TRIVET_API_KEY is what the command line sends; the keys that are accepted are TRIVET_API_KEYS")
		}
	}
	if len(c.Plans) == 0 {
		log.Warn("no [[plan]] is configured: purchases are recorded, but give access to nothing")
	}
	if c.Mail.SMTP == "" && !c.Mail.HandOver {
		log.Warn("no [mail] is configured: customers are told nothing by mail")
	}
}
