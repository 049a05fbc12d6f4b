package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/trivetdev/trivet/internal/config"
	"github.com/trivetdev/trivet/internal/hook"
	"github.com/trivetdev/trivet/provider"
)

type connectCommand struct {
	Providers []string `arg:"" name:"provider" help:"The provider accounts, as the configuration names them."`
	URL       string   `help:"The address to use in place of public_url, such as that of a tunnel to this machine." name:"url" placeholder:"URL"`
	Save      bool     `help:"Write the signing secret to the file that webhook_secrets_file names, or a new one, instead of showing it."`
}

// Help implements kong.HelpProvider.
func (connectCommand) Help() string {
	return "Makes sure that each account has one endpoint at public_url/webhooks/ACCOUNT that sends the events which the service knows, and tells what is to be " +
		"configured to check them. One that exists is updated and stays the one it is. The keys of the accounts must be configured; webhook_secrets and webhook_ids may be missing."
}

// connectPatience bounds how long an account may take.
const connectPatience = time.Minute

// Run registers the endpoints. One account that fails does not keep the others from it.
func (c connectCommand) Run(s *session) error {
	configuration, err := s.loadBy(config.LoadUnconnected)
	if err != nil {
		return err
	}
	base, err := c.base(configuration)
	if err != nil {
		return err
	}
	var joins []*joining
	for _, name := range c.Providers {
		j, err := s.joining(configuration, name)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(joins, func(other *joining) bool { return other.Name == name }) {
			continue
		}
		j.url = base + "/webhooks/" + name
		joins = append(joins, j)
	}
	var errs []error
	for _, j := range joins {
		if err := s.join(j, c.Save); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// base is the address that the endpoints are below.
func (c connectCommand) base(configuration *config.Config) (string, error) {
	address, from := c.URL, "--url"
	if address == "" {
		address, from = configuration.PublicURL, "public_url"
	}
	address = strings.TrimRight(address, "/")
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", usagef("%s is no web address: write it as https://billing.example.com", from)
	}
	if c.URL != "" {
		for _, name := range c.Providers { // somebody may write the whole of it
			address = strings.TrimSuffix(address, "/webhooks/"+name)
		}
		return address, nil
	}
	if why := unreachable(u); why != "" {
		return "", usagef("public_url is %s, %s: set public_url (TRIVET_PUBLIC_URL) to the https address that leads to the service; "+
			"for a first try from this machine, open a tunnel to %s and name its address by --url", address, why, configuration.Listen)
	}
	return address, nil
}

// unreachable says why no provider can post to an address; empty: nothing speaks
// against it.
func unreachable(u *url.URL) string {
	host := strings.TrimSuffix(u.Hostname(), ".")
	ip, err := netip.ParseAddr(host)
	switch {
	case host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && ip.IsLoopback():
		return "which is this machine's name for itself"
	case err == nil && !hook.Public(ip):
		return "which is an address of a private network"
	case u.Scheme != "https":
		return "and providers send webhooks to https only"
	}
	return ""
}

// joining is an account that is being connected.
type joining struct {
	config.Provider
	registrar provider.EndpointRegistrar
	url       string
	// folder is where a new file with a secret is made: beside the configuration.
	folder string
}

// joining makes an account ready.
func (s *session) joining(c *config.Config, name string) (*joining, error) {
	p, known := c.Provider(name)
	switch {
	case !known && len(c.Providers) == 0:
		return nil, usagef("no provider is configured: trivet init writes a configuration to begin with, or add [providers.%s]", name)
	case !known:
		var names []string
		for _, p := range c.Providers {
			names = append(names, p.Name)
		}
		return nil, usagef("there is no account %q: configured are %s", name, strings.Join(names, ", "))
	case !p.Ingest.Webhooks():
		return nil, usagef("providers.%s: ingest is pull, so that the service takes no webhooks of it: take ingest out, or set it to push+pull, and connect again", name)
	}
	d, err := driver(p, s.Now)
	if err != nil {
		return nil, usage(err)
	}
	registrar, ok := d.(provider.EndpointRegistrar)
	if able, why := provider.Can(d, provider.RegisterEndpoint); !able || !ok {
		return nil, usagef("providers.%s: %s cannot be asked for an endpoint, so make it in its dashboard %s", name, p.Kind, why)
	}
	folder := filepath.Dir(c.Path)
	if folder != "." { // the service may be started elsewhere
		if folder, err = filepath.Abs(folder); err != nil {
			return nil, err
		}
	}
	return &joining{Provider: p, registrar: registrar, folder: folder}, nil
}

// join registers the endpoint of one account and says what is to be done now.
func (s *session) join(j *joining, save bool) error {
	ctx, cancel := context.WithTimeout(s.ctx, connectPatience)
	defer cancel()
	e, err := j.registrar.RegisterEndpoint(ctx, j.url)
	switch {
	case err != nil && provider.KindOf(err) == provider.Denied:
		return fmt.Errorf("the key is refused, or may not make endpoints (docs/providers/%s.md lists the rights): %w", j.Kind, err)
	case err != nil && (provider.KindOf(err) == provider.Refused || provider.KindOf(err) == provider.Unsupported):
		return fmt.Errorf("there is no endpoint: %w", err)
	case err != nil:
		return fmt.Errorf("there may be no endpoint yet; the same command tries again: %w", err)
	}
	word := "stood already"
	if e.Created {
		word = "is made"
	}
	fmt.Fprintf(s.Stdout, "%s: the endpoint %s %s: %s\n", j.Name, e.ID, word, j.url)
	if j.Kind == config.PayPal { // whose proof is the id
		s.tellID(j, e.ID)
		return nil
	}
	return s.tellSecret(j, e, save)
}

// tellID says where the id of a webhook goes.
func (s *session) tellID(j *joining, id string) {
	if slices.Contains(j.WebhookIDs, id) {
		fmt.Fprintln(s.Stdout, "  webhook_ids has it")
		return
	}
	ids := append(slices.Clone(j.WebhookIDs), id)
	for i := range ids {
		ids[i] = tomlQuoted(ids[i])
	}
	fmt.Fprintf(s.Stdout, "  configure, in [providers.%s]: webhook_ids = [%s]\n", j.Name, strings.Join(ids, ", "))
	if len(ids) > 1 {
		fmt.Fprintln(s.Stdout, "  what was there is of webhooks with other addresses: take out what is not used any more")
	}
}

// shownAt says where a dashboard shows the secret of an endpoint.
var shownAt = map[string]string{
	config.Stripe:       "dashboard.stripe.com, Developers, Webhooks, the endpoint, Signing secret",
	config.Paddle:       "vendors.paddle.com, Developer tools, Notifications, the destination, Secret key",
	config.LemonSqueezy: "app.lemonsqueezy.com, Settings, Webhooks, the webhook, Signing secret; it may have to be set anew there",
}

// tellSecret says where the secret of an endpoint goes, or keeps it.
func (s *session) tellSecret(j *joining, e provider.Endpoint, save bool) error {
	configured := slices.Contains(j.WebhookSecrets, config.Secret(e.Secret))
	switch {
	case e.Secret == "" && len(j.WebhookSecrets) > 0:
		fmt.Fprintf(s.Stdout, "  its signing secret is not told again; if webhooks are refused, compare webhook_secrets with what the dashboard shows (%s)\n", shownAt[j.Kind])
		return nil
	case e.Secret == "":
		fmt.Fprintf(s.Stdout, "  its signing secret can only be read in the dashboard (%s); configure it, in [providers.%s]: webhook_secrets\n", shownAt[j.Kind], j.Name)
		return nil
	case configured:
		fmt.Fprintln(s.Stdout, "  webhook_secrets has its signing secret")
		return nil
	case !save:
		fmt.Fprintf(s.Stdout, "  configure its signing secret, in [providers.%s]: webhook_secrets = [%s]\n", j.Name, tomlQuoted(e.Secret))
		if len(j.WebhookSecrets) > 0 {
			fmt.Fprintln(s.Stdout, "  keep what is there as long as webhooks come that are signed with it")
		}
		return nil
	}
	file, err := j.save(e.Secret)
	if err != nil {
		// The provider tells it but once: better here than nowhere.
		fmt.Fprintf(s.Stdout, "  configure its signing secret, in [providers.%s]: webhook_secrets = [%s]\n", j.Name, tomlQuoted(e.Secret))
		return fmt.Errorf("%s: the signing secret could not be saved in %s, so it is shown: %w", j.Name, file, pathless(err))
	}
	fmt.Fprintf(s.Stdout, "  its signing secret is in %s, for you alone to read\n", file)
	if j.WebhookSecretsFile == "" {
		instead := ""
		if len(j.WebhookSecrets) > 0 {
			instead = "; take webhook_secrets out, for the file has those secrets too"
		}
		fmt.Fprintf(s.Stdout, "  configure, in [providers.%s]: webhook_secrets_file = %s%s\n", j.Name, tomlQuoted(file), instead)
	}
	return nil
}

// save adds a secret to those that are configured, in the account's file, and returns
// the file's name. The configuration itself is not touched: nothing that edits TOML
// keeps every comment where it was.
func (j *joining) save(secret string) (file string, err error) {
	file = j.WebhookSecretsFile
	if file == "" {
		file = filepath.Join(j.folder, "trivet-"+j.Name+".secret")
	}
	lines := revealed(j.WebhookSecrets)
	if j.WebhookSecretsFile == "" { // what an earlier run saved, before it was configured
		kept, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return file, err
		}
		lines = append(lines, strings.Fields(string(kept))...)
	}
	text, seen := "", map[string]bool{}
	for _, line := range append(lines, secret) {
		if !seen[line] {
			text += line + "\n"
		}
		seen[line] = true
	}
	place := file
	if real, err := filepath.EvalSymlinks(file); err == nil {
		place = real
	}
	written, err := writePrivate(place, []byte(text))
	if err != nil {
		return file, err
	}
	return file, written.settle(true)
}
