package cli

import (
	"runtime/debug"
	"slices"
	"strings"

	"github.com/trivetdev/trivet/internal/demo"
	"github.com/trivetdev/trivet/policy"
)

type demoCommand struct {
	Fast      bool     `help:"As quickly as the machine can, without a live view."`
	Days      *int     `help:"How many days customers live (default: 30)."`
	Seed      *uint64  `help:"Decides everything that happens (default: 1)."`
	Customers *int     `help:"How many customers sign up (default: 200)."`
	Providers []string `help:"Which simulated providers (default: all)."`
	Chaos     string   `help:"on or off: whether deliveries get lost, doubled, late, and calls fail." enum:"on,off" default:"on"`
	Mode      string   `help:"How far the service may act by itself: observe, assist or enforce." enum:"observe,assist,enforce" default:"enforce"`
	JSON      bool     `help:"Print one JSON object at the end." name:"json"`
	Listen    string   `help:"Show the mailbox at this address of this machine, or off (default: 127.0.0.1:8025 or any free port; nowhere with --fast or --json)." placeholder:"HOST:PORT"`
	Keep      *bool    `help:"Keep the mailbox open at the end until Ctrl-C (default: on a terminal)." negatable:""`
}

// given is a number as the demo takes it, 0 for one that was not given; nil if it was
// given as 0.
func given[N int | uint64](n *N) *N {
	switch {
	case n == nil:
		return new(N)
	case *n == 0:
		return nil
	}
	return n
}

// Run runs the demo.
func (c demoCommand) Run(s *session) error {
	if set := func(v string) bool { return strings.HasPrefix(v, "GOGC=") }; c.Fast && !slices.ContainsFunc(s.Environ, set) {
		// Short-lived garbage is most of what it makes: collecting it less often saves a
		// sixth of the time, for some hundred megabytes that it then holds.
		debug.SetGCPercent(400)
		debug.SetMemoryLimit(1 << 30)
	}
	seed, days, customers := given(c.Seed), given(c.Days), given(c.Customers)
	if seed == nil || days == nil || customers == nil {
		return usagef("--seed, --days and --customers are numbers from 1: leave out what shall be as usual")
	}
	code, err := demo.Run(s.ctx, demo.Options{
		Seed: *seed, Days: *days, Customers: *customers, Providers: c.Providers,
		Calm: c.Chaos == "off", Fast: c.Fast, JSON: c.JSON, Mode: policy.Mode(c.Mode), Listen: c.Listen, Keep: c.Keep,
	}, s.terminal)
	if err == nil && code == exitGood {
		return nil
	}
	return &failure{code, err}
}
