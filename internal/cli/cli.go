// Package cli is the command line: it reads flags, calls, prints.
//
// It owns the commands, their output and their exit codes, and how a
// configuration becomes a running service. What the commands say about the state
// they learn from the REST API of a running service (package client), except for
// serve, audit, backfill, export and backup, which open the database themselves.
//
// Exit codes: 0 good; 1 something is wrong with the state, the check or the
// answer; 2 wrong usage or configuration.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/trivetdev/trivet/internal/config"
)

// Process is what a command may touch of the process that it runs in.
type Process struct {
	Args    []string // without the program's name
	Environ []string // as os.Environ has it
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	// Now is the clock.
	Now func() time.Time
}

// The exit codes.
const (
	exitGood  = 0
	exitWrong = 1
	exitUsage = 2
)

// commands is the grammar.
type commands struct {
	Config string `help:"Read this configuration file (default trivet.toml, or TRIVET_CONFIG)." placeholder:"FILE" short:"c"`

	Demo      demoCommand      `cmd:"" help:"Watch it work: simulated providers, every fault on, no account needed."`
	Init      initCommand      `cmd:"" help:"Write a configuration to begin with."`
	Doctor    doctorCommand    `cmd:"" help:"Say what is wrong with the configuration and whatever it leads to."`
	Connect   connectCommand   `cmd:"" help:"Have providers send their webhooks to the service."`
	Serve     serveCommand     `cmd:"" help:"Run the service."`
	Check     checkCommand     `cmd:"" help:"Ask whether a customer may use a feature."`
	Customers customersCommand `cmd:"" help:"Customers and all that is known about them."`
	Checkout  checkoutCommand  `cmd:"" help:"Make a payment page for a customer."`
	Events    eventsCommand    `cmd:"" help:"The inbox: what the providers told."`
	Drift     driftCommand     `cmd:"" help:"Where the ledger and a provider differed."`
	Reconcile reconcileCommand `cmd:"" help:"Compare the ledger with the providers."`
	Backfill  backfillCommand  `cmd:"" help:"Take over the whole history of a provider account, once; nothing is carried out."`
	Effects   effectsCommand   `cmd:"" help:"What was done at the providers, or is to be."`
	Mail      mailCommand      `cmd:"" help:"The messages to customers: list, look at, check and try them."`
	Proposals proposalsCommand `cmd:"" help:"What waits for you to accept or reject it."`
	Mode      modeCommand      `cmd:"" help:"How far the service may go by itself, and the brake."`
	Messages  messagesCommand  `cmd:"" help:"What was said to customers, and when."`
	Alerts    alertsCommand    `cmd:"" help:"What needs a person."`
	Disputes  disputesCommand  `cmd:"" help:"What speaks for you about a contested payment."`
	Hooks     hooksCommand     `cmd:"" help:"Your endpoints, and what they are told."`
	Audit     auditCommand     `cmd:"" help:"Replay the audit trail and compare it with the ledger."`
	Export    exportCommand    `cmd:"" help:"Write the ledger, or all of one customer, as NDJSON or CSV."`
	Backup    backupCommand    `cmd:"" help:"Copy the database while the service runs."`
	Version   versionCommand   `cmd:"" help:"Print the version."`
}

// failure is an error that decides the exit code.
type failure struct {
	code int
	err  error
}

// Error implements error.
func (f *failure) Error() string { return f.err.Error() }

// Unwrap returns the cause.
func (f *failure) Unwrap() error { return f.err }

// usage marks an error as one of usage or configuration.
func usage(err error) error { return &failure{exitUsage, err} }

func usagef(format string, args ...any) error { return usage(fmt.Errorf(format, args...)) }

// Main runs the command that the arguments name until it ends, or until ctx
// does, and returns the exit code.
func Main(ctx context.Context, p Process) int {
	var grammar commands
	code := -1
	parser, err := kong.New(&grammar,
		kong.Name("trivet"),
		kong.Description("Keeps billing state in step with payment providers, and answers: may this user do this?"),
		kong.Writers(p.Stdout, p.Stderr),
		kong.Exit(func(n int) { code = n }),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
	if err != nil {
		return p.fail(err)
	}
	chosen, err := parser.Parse(p.Args)
	switch {
	case code >= 0: // --help has printed what was asked for
		return code
	case err != nil:
		return p.fail(usagef("%w: see trivet --help", err))
	}
	s := &session{Process: p, ctx: ctx, file: grammar.Config, terminal: p.Stdout}
	s.Stdout = &visible{to: p.Stdout}
	return p.fail(chosen.Run(s))
}

// fail prints an error, each of its lines behind the program's name, and returns
// the exit code.
func (p Process) fail(err error) int {
	if err == nil {
		return exitGood
	}
	silent, ok := errors.AsType[*failure](err)
	if ok && silent.err == nil { // the command has said why
		return silent.code
	}
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(&visible{to: p.Stderr}, "trivet: %s\n", strings.TrimSuffix(line, "\n"))
	}
	if f, ok := errors.AsType[*failure](err); ok {
		return f.code
	}
	return exitWrong
}

// session is one run of a command.
type session struct {
	Process
	ctx  context.Context //nolint:containedctx // kong's Run methods take one argument of ours
	file string
	// terminal is Stdout for who moves the cursor.
	terminal io.Writer
}

// The variables that are the command line's own and no keys of the
// configuration.
const (
	envURL = "TRIVET_URL"
	envKey = "TRIVET_API_KEY"
)

// load reads the configuration.
func (s *session) load() (*config.Config, error) { return s.read(config.Load) }

// loadUnconnected reads one in which what trivet connect tells may be missing.
func (s *session) loadUnconnected() (*config.Config, error) { return s.read(config.LoadUnconnected) }

func (s *session) read(load func(path string, environ []string) (*config.Config, error)) (*config.Config, error) {
	var environ []string
	for _, e := range s.Environ {
		if name, _, _ := strings.Cut(e, "="); name != envURL && name != envKey {
			environ = append(environ, e)
		}
	}
	c, err := load(s.file, environ)
	if err != nil {
		return nil, usage(err)
	}
	return c, nil
}

// env reads a variable; empty if it is not set.
func (s *session) env(name string) string {
	for _, e := range s.Environ {
		if value, ok := strings.CutPrefix(e, name+"="); ok {
			return value
		}
	}
	return ""
}
