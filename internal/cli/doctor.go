package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/config"
)

type doctorCommand struct {
	JSON    bool `help:"Print what was found as JSON." name:"json"`
	Offline bool `help:"Ask nobody but the database: no provider, mail server or name server, nor public_url."`
}

// Help implements kong.HelpProvider.
func (doctorCommand) Help() string {
	return "One line for each thing: ok, warn or FAIL, what it is, and what to do next. It reads only: nothing is made, changed or sent, and a service may run meanwhile. " +
		"Exit code 0 if nothing failed, 1 if something did, 2 if the configuration cannot be read."
}

// doctorPatience bounds each question that is asked of somebody.
const doctorPatience = 10 * time.Second

// verdict is how something was found to be.
type verdict string

// The verdicts.
const (
	fine   verdict = "ok"
	doubt  verdict = "warn" // works, or may, and is probably not what is meant
	failed verdict = "FAIL"
)

// finding is one thing that was looked at.
type finding struct {
	Verdict verdict `json:"verdict"`
	Check   string  `json:"check"`
	// Subject is the account or endpoint that was looked at; empty where there is one
	// of the kind.
	Subject string `json:"subject,omitempty"`
	Found   string `json:"found"`
	// Next is what to do; empty: nothing.
	Next string `json:"next,omitempty"`
}

func found(v verdict, check, format string, args ...any) finding {
	return finding{Verdict: v, Check: check, Found: fmt.Sprintf(format, args...)}
}

// next adds what to do.
func (f finding) next(format string, args ...any) finding {
	f.Next = fmt.Sprintf(format, args...)
	return f
}

// doctor looks at one configuration.
type doctor struct {
	*session
	config  *config.Config
	offline bool
}

// Run looks at everything.
func (c doctorCommand) Run(s *session) error {
	configuration, err := s.loadBy(config.LoadUnconnected)
	if err != nil {
		if err := c.print(s, unreadableConfig(err)); err != nil {
			return err
		}
		return usagef("the configuration cannot be used, so nothing else was looked at")
	}
	d := &doctor{session: s, config: configuration, offline: c.Offline}
	all := d.examine()
	if err := c.print(s, all); err != nil {
		return err
	}
	wrong := 0
	for _, f := range all {
		if f.Verdict == failed {
			wrong++
		}
	}
	if wrong > 0 {
		return &failure{exitWrong, fmt.Errorf("%d of %d checks failed", wrong, len(all))}
	}
	return nil
}

// unreadableConfig is what there is to say of a configuration that cannot be read.
func unreadableConfig(err error) (all []finding) {
	problems, ok := errors.AsType[*config.Error](err)
	if !ok {
		return []finding{found(failed, "configuration", "%v", err)}
	}
	for _, p := range problems.Problems {
		all = append(all, found(failed, "configuration", "%s", p))
	}
	return all
}

func (c doctorCommand) print(s *session, all []finding) error {
	if c.JSON {
		doc, err := json.MarshalIndent(map[string]any{"findings": all, "offline": c.Offline}, "", "  ")
		fmt.Fprintf(s.Stdout, "%s\n", doc)
		return err
	}
	t := table{}
	for _, f := range all {
		text := f.Found
		if f.Next != "" {
			text += ": " + f.Next
		}
		t.add(string(f.Verdict), strings.TrimSpace(f.Check+" "+f.Subject), text)
	}
	t.bare(s.Stdout)
	return nil
}

// examine looks at everything, at all of it at once, and tells it in a fixed order.
func (d *doctor) examine() (all []finding) {
	looks := []func(context.Context) []finding{d.settings, d.files, d.database}
	for _, p := range d.config.Providers {
		looks = append(looks, func(ctx context.Context) []finding { return d.account(ctx, p) })
	}
	looks = append(looks, d.address, d.mail, d.templates)
	for _, e := range d.config.Endpoints {
		looks = append(looks, func(ctx context.Context) []finding { return d.endpoint(ctx, e) })
	}
	results := make([][]finding, len(looks))
	var busy sync.WaitGroup
	for i, look := range looks {
		busy.Go(func() {
			ctx, cancel := context.WithTimeout(d.ctx, doctorPatience)
			defer cancel()
			results[i] = look(ctx)
		})
	}
	busy.Wait()
	for _, found := range results {
		all = append(all, found...)
	}
	return all
}

// settings are what the service would refuse, or warn of, at its start. The accounts
// have checks of their own.
func (d *doctor) settings(context.Context) (all []finding) {
	c := d.config
	where := or(c.Path, "the environment alone")
	all = append(all, found(fine, "configuration", "read from %s: %s, %s", where, counted(len(c.Providers), "account"), counted(len(c.Plans), "plan")))
	if len(c.Providers) == 0 {
		all = append(all, found(failed, "configuration", "no provider is configured").next("trivet init writes a configuration to begin with"))
	}
	warnings := &gathered{}
	announce(c, d.session, slog.New(warnings))
	for _, text := range warnings.texts {
		all = append(all, found(doubt, "configuration", "%s", text))
	}
	rest := *c
	rest.Providers = nil
	built, err := build(&rest, slog.New(slog.DiscardHandler), d.Now)
	if err == nil {
		_, err = billing.NewCatalog(built.Plans)
	}
	if err != nil {
		all = append(all, found(failed, "configuration", "the service would not start: %v", err))
	}
	return all
}

// gathered is a log that keeps the warnings.
type gathered struct{ texts []string }

// Enabled implements slog.Handler.
func (g *gathered) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

// Handle implements slog.Handler.
func (g *gathered) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		text += fmt.Sprintf(" (%s %v)", a.Key, a.Value)
		return true
	})
	g.texts = append(g.texts, text)
	return nil
}

// WithAttrs implements slog.Handler. The log is used as it is.
func (g *gathered) WithAttrs([]slog.Attr) slog.Handler { return g }

// WithGroup implements slog.Handler.
func (g *gathered) WithGroup(string) slog.Handler { return g }

// counted is a number of things.
func counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// files are those with secrets in them. That a group may read one is how services are
// often set up.
func (d *doctor) files(context.Context) (all []finding) {
	if runtime.GOOS == "windows" { // where modes say nothing of who may read
		return nil
	}
	paths := map[string]bool{}
	var order []string
	note := func(path string) {
		if !paths[path] {
			order = append(order, path)
		}
		paths[path] = true
	}
	if d.config.Secretive {
		note(d.config.Path)
	}
	for _, f := range d.config.Files {
		note(f.Path)
	}
	const others = 0o004
	for _, path := range order {
		if info, err := os.Stat(path); err == nil && info.Mode().Perm()&others != 0 {
			all = append(all, found(doubt, "secrets", "%s has secrets in it, and everybody on this machine may read it", path).next("chmod o= %s", shellWord(path)))
		}
	}
	if len(all) == 0 && len(order) > 0 {
		all = append(all, found(fine, "secrets", "%s with secrets, which not everybody may read", counted(len(order), "file")))
	}
	return all
}
