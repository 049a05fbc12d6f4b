package cli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/trivetdev/trivet/internal/config"
	"github.com/trivetdev/trivet/internal/whole"
	"github.com/trivetdev/trivet/provider"
)

type connectCommand struct {
	Providers []string `arg:"" name:"provider" help:"The provider accounts, by the names of their sections."`
	URL       string   `help:"Where the service is reached, if not at public_url; for one account." placeholder:"URL"`
	Save      bool     `help:"Keep the secret in the file that webhook_secrets_file names, or a new trivet-ACCOUNT.secret, for your eyes only, instead of showing it."`
}

// Help implements kong.HelpProvider.
func (connectCommand) Help() string {
	return "Makes sure that each provider has exactly one webhook for the service, at public_url/webhooks/ACCOUNT, with all events that it understands, " +
		"and tells what to put into the configuration so that the service takes them. It can be repeated: a webhook that is there stays and keeps its secret."
}

// Run registers the webhooks.
func (c connectCommand) Run(s *session) error {
	conf, err := s.loadUnconnected()
	if err != nil {
		return err
	}
	if c.URL != "" && len(c.Providers) > 1 {
		return usagef("--url is of one account: connect them one after the other")
	}
	addresses := make([]string, len(c.Providers))
	for i, name := range c.Providers {
		if _, known := conf.Provider(name); !known {
			return usagef("no provider account %q is configured: it is the name behind providers. in the configuration", name)
		}
		if addresses[i], err = c.address(conf, name); err != nil {
			return err
		}
	}
	var failed error
	for i, name := range c.Providers {
		p, _ := conf.Provider(name)
		failed = errors.Join(failed, c.connect(s, p, addresses[i]))
	}
	return failed
}

// address is where the provider is to send its webhooks.
func (c connectCommand) address(conf *config.Config, account string) (string, error) {
	base := or(c.URL, conf.PublicURL)
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return "", usagef("%q is no address: write it like https://billing.example.com", base)
	}
	if why := unreachable(u); why != "" && c.URL == "" {
		return "", usagef("public_url is %s, and %s: set public_url to where the service is reached from outside, "+
			"or name a tunnel with --url; without webhooks, ingest = \"pull\" lists events instead", base, why)
	}
	return strings.TrimSuffix(base, "/") + "/webhooks/" + account, nil
}

// unreachable says why a provider could not, or should not, send anything to an
// address; empty: it can.
func unreachable(u *url.URL) string {
	host := u.Hostname()
	ip, err := netip.ParseAddr(host)
	switch {
	case host == "localhost" || strings.HasSuffix(host, ".localhost"), err == nil && (ip.IsLoopback() || ip.IsPrivate() || ip.IsUnspecified() || ip.IsLinkLocalUnicast()):
		return "only this machine or network reaches that"
	case u.Scheme != "https":
		return "providers send webhooks to https alone"
	}
	return ""
}

// connect makes one webhook.
func (c connectCommand) connect(s *session, p config.Provider, address string) error {
	d, err := driver(p, s.Now)
	if err != nil {
		return usage(err)
	}
	registrar, ok := d.(provider.EndpointRegistrar)
	if can, why := provider.Can(d, provider.RegisterEndpoint); !ok || !can {
		return fmt.Errorf("%s: the webhook cannot be made from here: make it in the dashboard, to %s. %s", p.Name, address, why)
	}
	if c.Save && p.Kind != config.PayPal {
		if kept, err := os.ReadFile(secretFile(p)); err == nil && p.WebhookSecretsFile == "" && p.Kind != config.LemonSqueezy { // whose secret is always the same
			return fmt.Errorf("%s: %s is there already (%d bytes) and is not in the configuration: put it in as webhook_secrets_file, or take it away", p.Name, secretFile(p), len(kept))
		}
	}
	ctx, cancel := context.WithTimeout(s.ctx, time.Minute)
	defer cancel()
	made, err := registrar.RegisterEndpoint(ctx, address)
	if err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	what := "was there already"
	if made.Created {
		what = "is new"
	}
	fmt.Fprintf(s.Stdout, "%s: the webhook to %s %s (%s)\n", p.Name, address, what, made.ID)
	return c.tell(s, p, made)
}

// tell says what has to go into the configuration.
func (c connectCommand) tell(s *session, p config.Provider, made provider.Endpoint) error {
	key, value := "webhook_secrets", made.Secret
	if p.Kind == config.PayPal { // which signs with a certificate, and names the webhook
		key, value = "webhook_ids", made.ID
	}
	switch {
	case value == "" && len(p.WebhookSecrets) == 0:
		fmt.Fprintf(s.Stdout, "  Its secret is shown in the provider's dashboard only, from now on: put it into %s of [providers.%s].\n", key, p.Name)
	case value == "":
		fmt.Fprintf(s.Stdout, "  Nothing needs to be done if %s of [providers.%s] is the secret that the dashboard shows for it.\n", key, p.Name)
	case has(p, value):
		fmt.Fprintf(s.Stdout, "  The configuration has its %s.\n", key)
	case c.Save && p.Kind != config.PayPal:
		return c.save(s, p, value)
	default:
		fmt.Fprintf(s.Stdout, "  Add to [providers.%s], and take out ingest = \"pull\":\n  %s = [%q]\n", p.Name, key, value)
	}
	return nil
}

// save keeps a secret in the account's file, beside those that are configured. What
// cannot be kept is shown, for there is no second time: the webhook is made.
func (c connectCommand) save(s *session, p config.Provider, secret string) error {
	file := secretFile(p)
	kept, err := os.ReadFile(file)
	if err == nil && p.WebhookSecretsFile == "" && strings.TrimSpace(string(kept)) != secret {
		return fmt.Errorf("%s: %s holds another secret, and was not written over: take it away, and run trivet connect again", p.Name, file)
	}
	place := file
	if real, err := filepath.EvalSymlinks(file); err == nil {
		place = real
	}
	if err := whole.Replace(place, saying(strings.Join(append(revealed(p.WebhookSecrets), secret), "\n")+"\n")); err != nil {
		fmt.Fprintf(s.Stdout, "  Add to webhook_secrets of [providers.%s]: %q\n", p.Name, secret)
		return fmt.Errorf("%s: the secret could not be kept in %s, and so is shown: %w", p.Name, file, err)
	}
	switch {
	case p.WebhookSecretsFile != "":
		fmt.Fprintf(s.Stdout, "  Its secret is in %s, which is configured: start the service anew.\n", file)
		return nil
	case len(p.WebhookSecrets) > 0:
		fmt.Fprintf(s.Stdout, "  Its secret is in %s, beside those that are configured. Put this in place of webhook_secrets of [providers.%s]:\n", file, p.Name)
	default:
		fmt.Fprintf(s.Stdout, "  Its secret is in %s. Add to [providers.%s], and take out ingest = \"pull\":\n", file, p.Name)
	}
	fmt.Fprintf(s.Stdout, "  webhook_secrets_file = %q\n", file)
	return nil
}

// secretFile is where --save keeps what a provider told: in the file that is configured.
func secretFile(p config.Provider) string {
	return or(p.WebhookSecretsFile, "trivet-"+p.Name+".secret")
}

// has reports whether the configuration has a secret, or a webhook's id.
func has(p config.Provider, value string) bool {
	for _, id := range p.WebhookIDs {
		if id == value {
			return true
		}
	}
	for _, secret := range p.WebhookSecrets {
		if secret.Reveal() == value {
			return true
		}
	}
	return false
}
