package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/sim"
)

// Options say what to run. The zero value of each field has a default.
type Options struct {
	// Seed decides everything that happens; 0: 1.
	Seed uint64
	// Days is how many days customers live; 0: 30. A few more pass afterwards,
	// without faults, in which the service may settle.
	Days int
	// Customers is how many sign up; 0: 200.
	Customers int
	// Providers are the simulated providers, one account each; none: all that
	// are built.
	Providers []string
	// Calm switches the faults off. Life goes on as it is.
	Calm bool
	// Fast runs as quickly as the machine can, without a live view.
	Fast bool
	// JSON prints one JSON object at the end and nothing else.
	JSON bool
	// Mode is how far the service may act by itself; empty: enforce.
	Mode policy.Mode
	// Listen is the address where the mailbox and the REST API, to read, are served
	// meanwhile, on this machine alone; "off": nowhere. Empty: [usualDoor], or any
	// free port if that is taken; but nowhere with Fast or JSON.
	Listen string
	// Keep goes on serving at the end until ctx ends; nil: in the live view only.
	Keep *bool

	// tap, if set, is shown all that the service asks providers, tell all that it
	// tells the team; policies take the place of the usual ones.
	tap      func(account string, at time.Time, r *http.Request)
	tell     func(ctx context.Context, w policy.Warning, customer string) error
	policies []policy.Policy
	// sabotage, if set, is let loose on the world before it is judged: tests
	// show with it that a wrong ledger fails.
	sabotage func(*world) error
}

// Usage is an error in the options: there is nothing to run.
type Usage struct{ Reason string }

// Error implements error.
func (u *Usage) Error() string { return u.Reason }

// complete fills in defaults and refuses what cannot be run.
func (o *Options) complete() error {
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Days == 0 {
		o.Days = 30
	}
	if o.Customers == 0 {
		o.Customers = 200
	}
	if o.Days < 1 || o.Days > 3650 {
		return &Usage{fmt.Sprintf("--days %d: give a number from 1 to 3650", o.Days)}
	}
	if o.Customers < 1 || o.Customers > 100_000 {
		return &Usage{fmt.Sprintf("--customers %d: give a number from 1 to 100000", o.Customers)}
	}
	return o.choose()
}

// choose checks the providers against those that are built.
func (o *Options) choose() error {
	var built []string
	for _, k := range kinds() {
		built = append(built, k.name)
	}
	if len(o.Providers) == 0 {
		o.Providers = built
	}
	for i, name := range o.Providers {
		if !slices.Contains(built, name) {
			return &Usage{fmt.Sprintf("--providers: %q cannot be simulated yet; choose from %s", name, strings.Join(built, ", "))}
		}
		if slices.Contains(o.Providers[:i], name) {
			return &Usage{fmt.Sprintf("--providers: %q is named twice", name)}
		}
	}
	if o.Mode != "" && !slices.Contains([]policy.Mode{policy.Observe, policy.Assist, policy.Enforce}, o.Mode) {
		return &Usage{fmt.Sprintf("--mode %s: use observe, assist or enforce", o.Mode)}
	}
	return o.checkDoor()
}

// acts reports whether what policies ask for is carried out.
func (o *Options) acts() bool { return o.Mode == "" || o.Mode == policy.Enforce }

// chaos is how often things go wrong.
func (o *Options) chaos() sim.Chaos {
	if o.Calm {
		return sim.Chaos{}
	}
	return sim.DefaultChaos()
}

// replay is the command that does the same again.
func (o *Options) replay() string {
	command := fmt.Sprintf("go run ./cmd/trivet demo --fast --days %d --customers %d --seed %d --providers %s",
		o.Days, o.Customers, o.Seed, strings.Join(o.Providers, ","))
	if o.Calm {
		command += " --chaos off"
	}
	if !o.acts() {
		command += " --mode " + string(o.Mode)
	}
	return command
}

// begins is when every world begins.
var begins = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// errStuck says that the world stands still: a bug, since time always passes.
var errStuck = errors.New("the world does not move: something is due that nothing does")
