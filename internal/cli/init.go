package cli

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"text/template"
	"unicode"

	"github.com/trivetdev/trivet/internal/config"
	"github.com/trivetdev/trivet/internal/whole"
)

type initCommand struct {
	Provider  []string `help:"The providers that you sell through: stripe, paypal, paddle, lemonsqueezy." default:"stripe" enum:"stripe,paypal,paddle,lemonsqueezy"`
	PublicURL string   `help:"Where customers and providers will reach the service." placeholder:"URL"`
	Database  string   `help:"Where the ledger is kept: sqlite:PATH, or postgres://user@host/name." default:"sqlite:trivet.db" placeholder:"ADDRESS"`
	Force     bool     `help:"Write over a file that is there."`
}

// Help implements kong.HelpProvider.
func (initCommand) Help() string {
	return "Writes a configuration with comments, in mode observe and with a new API key, which only you can read. What your providers gave you is left to fill in."
}

// beginning is what the configuration of a provider starts with. Events are listed
// until there is a webhook: trivet connect needs a configuration to make one.
var beginning = map[string]string{
	config.Stripe: `[providers.stripe]
secret_key = ""             # dashboard.stripe.com, Developers, API keys: sk_test_… to try it, sk_live_… for real
# webhook_secrets = ["whsec_…"]
`,
	config.PayPal: `[providers.paypal]
client_id     = ""          # developer.paypal.com, Apps & Credentials, your app
client_secret = ""          # beside it
environment   = "sandbox"   # or live
# webhook_ids = ["…"]
`,
	config.Paddle: `[providers.paddle]
api_key     = ""            # vendors.paddle.com, Developer tools, Authentication: with read and write permissions
environment = "sandbox"     # or live
# webhook_secrets = ["pdl_ntfset_…"]
`,
	config.LemonSqueezy: `[providers.lemonsqueezy]
api_key = ""                # app.lemonsqueezy.com, Settings, API
store   = ""                # the number of your store: Settings, Stores
# webhook_secrets = ["…"]
`,
}

// samplePrices are prices as each provider names them.
var samplePrices = map[string]string{config.Stripe: "price_…", config.PayPal: "P-…", config.Paddle: "pri_…", config.LemonSqueezy: "123456"}

var firstFile = template.Must(template.New("trivet.toml").Funcs(template.FuncMap{"quote": tomlText}).Parse(`# Every key: docs/config.md. Every secret can be kept in a file of its own instead
# (secret_key_file = "/run/secrets/…") or come from the environment
# (TRIVET_PROVIDERS_STRIPE_SECRET_KEY).

{{if .PublicURL}}public_url = {{quote .PublicURL}}
{{else}}# public_url = "https://billing.example.com"   # where customers and providers reach this service
{{end}}database = {{quote .Database}}   # sqlite:PATH or postgres://user@host/name
mode     = "observe"            # nothing is done at a provider or said to a customer: what would be is listed;
                                # then assist, which asks you, then enforce (docs/rollout.md)
api_keys = ["{{.Key}}"]   # your application sends it
{{range .Providers}}
{{.Section}}ingest = "pull"             # until trivet connect {{.Name}} has made the webhook; then take this line out
bind = ["token"]            # how purchases name your customers; add what yours carry, as in "metadata.user_id"
{{end}}
[[plan]]                        # what your customers buy, and what it lets them do
id       = "pro"
features = ["export"]
[plan.prices]
{{range .Providers}}{{.Name}} = ["{{.Price}}"]
{{end}}`))

// Run writes the file.
func (c initCommand) Run(s *session) error {
	path := or(s.file, or(s.env("TRIVET_CONFIG"), config.DefaultPath))
	if err := c.check(); err != nil {
		return err
	}
	if _, err := os.Lstat(path); err == nil && !c.Force {
		return usagef("%s is there already: look at it, name another with --config, or write over it with --force", path)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return usage(err)
	}
	const secret = 32
	random := make([]byte, secret)
	_, _ = rand.Read(random) // never fails
	type section struct{ Name, Section, Price string }
	var sections []section
	seen := map[string]bool{}
	for _, name := range c.Provider {
		if !seen[name] {
			sections = append(sections, section{name, beginning[name], samplePrices[name]})
		}
		seen[name] = true
	}
	var text strings.Builder
	err := firstFile.Execute(&text, map[string]any{
		"PublicURL": strings.TrimSuffix(c.PublicURL, "/"), "Database": c.Database, "Key": "trv_" + base64.RawURLEncoding.EncodeToString(random), "Providers": sections,
	})
	if err != nil {
		return err
	}
	write := whole.New
	if c.Force {
		write = whole.Replace
	}
	if err := write(path, saying(text.String())); err != nil {
		return usage(err)
	}
	fmt.Fprintf(s.Stdout, "%s is written, for your eyes only.\n\nNext:\n  1. fill in what is empty: trivet doctor tells what is missing or wrong\n"+
		"  2. trivet backfill --dry-run   what would taking over your account give?\n  3. trivet serve\n"+
		"  4. trivet connect %s   once the service can be reached from outside\n", path, strings.Join(c.Provider, " "))
	return nil
}

// check has the addresses read as the service will read them.
func (c initCommand) check() error {
	for key, flag := range map[string]string{"public_url": "--public-url", "database": "--database"} {
		value := map[string]string{"public_url": c.PublicURL, "database": c.Database}[key]
		if strings.ContainsFunc(value, unicode.IsControl) {
			return usagef("%s has characters that cannot be seen: type it again", flag)
		}
		_, err := config.Load(os.DevNull, []string{"TRIVET_" + strings.ToUpper(key) + "=" + value})
		if told, ok := errors.AsType[*config.Error](err); ok {
			return usagef("%s %s", flag, told.Problems[0].Text)
		}
	}
	return nil
}

// tomlText writes a text without control characters as TOML does.
func tomlText(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// saying fills a file with a text.
func saying(text string) func(*os.File) error {
	return func(f *os.File) error {
		_, err := f.WriteString(text)
		return err
	}
}
