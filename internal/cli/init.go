package cli

import (
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"text/template"

	"github.com/trivetdev/trivet/internal/config"
)

type initCommand struct {
	Provider  []string `help:"Providers to take payments from: stripe, paypal, paddle, lemonsqueezy." default:"stripe" placeholder:"PROVIDER,…" sep:","`
	PublicURL string   `help:"The https address at which providers and customers will reach the service." name:"public-url" placeholder:"URL"`
	Database  string   `help:"sqlite:PATH, or postgres://…" default:"sqlite:trivet.db"`
	Force     bool     `help:"Replace the file if there is one; the API key in it is lost."`
}

// Help implements kong.HelpProvider.
func (initCommand) Help() string {
	return "Writes trivet.toml, or what --config or TRIVET_CONFIG names, for you alone to read: with a new API key, mode observe, in which nothing is done or sent, " +
		"a section for each provider whose keys you fill in, and an example of a plan. Nobody is asked anything. Afterwards: trivet connect, trivet doctor, trivet serve."
}

//go:embed init.toml.tmpl
var initText string

// initTemplate is the file that is written. Texts of the operator's go through quote.
var initTemplate = template.Must(template.New("trivet.toml").Funcs(template.FuncMap{"quote": tomlQuoted}).Parse(initText))

// Run writes a configuration to begin with.
func (c initCommand) Run(s *session) error {
	file, _ := config.Path(s.file, s.Environ)
	providers, err := c.providers()
	if err != nil {
		return err
	}
	for flag, text := range map[string]string{"--public-url": c.PublicURL, "--database": c.Database} {
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return usagef("%s has characters that cannot be seen: type it again", flag)
		}
	}
	var text strings.Builder
	err = initTemplate.Execute(&text, map[string]any{
		"File": file, "Key": newAPIKey(), "PublicURL": c.PublicURL, "Database": c.Database, "Providers": providers,
	})
	if err != nil {
		return err
	}
	written, err := writePrivate(file, []byte(text.String()))
	if err != nil {
		return usagef("%s cannot be written: %w: name another file by --config", file, pathless(err))
	}
	defer written.drop()
	if err := c.check(written.temporary); err != nil {
		return err
	}
	switch err := written.settle(c.Force); {
	case errors.Is(err, fs.ErrExist):
		return usagef("%s is there already and stays as it is: name another file by --config, or replace it, with the API key in it, by --force", file)
	case err != nil:
		return usagef("%s cannot be written: %w: name another file by --config", file, pathless(err))
	}
	c.next(s, file, providers)
	return nil
}

// providers are the kinds that were named, each once.
func (c initCommand) providers() (all []string, err error) {
	known := config.Kinds()
	for _, name := range c.Provider {
		name = strings.ToLower(strings.TrimSpace(name))
		if !slices.Contains(known, name) {
			return nil, usagef("--provider: there is no provider %q: there are %s", name, strings.Join(known, ", "))
		}
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all, nil
}

// check reads what was written as the service will. That keys are missing is as it
// should be; what came by flags must be good.
func (c initCommand) check(file string) error {
	_, err := config.Load(file, nil)
	wrong, ok := errors.AsType[*config.Error](err)
	if !ok {
		return err
	}
	flags := map[string]string{"public_url": "--public-url", "database": "--database"}
	for _, p := range wrong.Problems {
		if flag, ours := flags[p.Key]; ours || p.Key == "" {
			return usagef("%s %s", or(flag, "the file"), p.Text)
		}
	}
	return nil
}

// next says what is to be done now.
func (c initCommand) next(s *session, file string, providers []string) {
	accounts, flag := strings.Join(providers, " "), ""
	if file != config.DefaultPath {
		flag = " --config " + shellWord(file)
	}
	fmt.Fprintf(s.Stdout, "%s is written, for you alone to read, with a new API key in it. Next:\n", file)
	t := table{}
	if c.PublicURL == "" {
		t.rows = append(t.rows, []string{"  edit " + file, "public_url: the https address that leads to the service (or a tunnel, for a first try)"})
	}
	t.rows = append(t.rows,
		[]string{"  edit " + file, "fill in the keys of " + strings.Join(providers, ", ") + ", and your plans with their prices"},
		[]string{"  trivet connect " + accounts + " --save" + flag, "register the webhook endpoint, and keep what proves webhooks genuine"},
		[]string{"  trivet doctor" + flag, "check everything; changes nothing"},
		[]string{"  trivet serve" + flag, "run it; in mode observe it does and sends nothing"},
	)
	t.bare(s.Stdout)
}

// newAPIKey is 256 random bits, as text that needs no quoting anywhere.
func newAPIKey() string {
	var key [32]byte
	_, _ = rand.Read(key[:]) // it does not fail, and ends the program if it must
	return "trivet_" + base64.RawURLEncoding.EncodeToString(key[:])
}

// tomlQuoted writes a text that can be seen as a basic string of TOML.
func tomlQuoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// shellWord quotes a word where a shell would not take it as it is.
func shellWord(word string) string {
	safe := func(r rune) bool { return r > 0x7f || strings.ContainsRune("._-/+,:@%", r) || isAlphanumeric(r) }
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !safe(r) }) < 0 {
		return word
	}
	return quoted(word)
}

func isAlphanumeric(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

// pathless is an error of the file system without the path, which may be that of a
// file beside the one that is meant.
func pathless(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
}
