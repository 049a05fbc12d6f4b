package cli

import (
	"github.com/trivetdev/trivet/internal/demo"
)

type demoCommand struct {
	Fast      bool     `help:"As quickly as the machine can, without a live view."`
	Days      int      `help:"How many days customers live."`
	Seed      uint64   `help:"Decides everything that happens."`
	Customers int      `help:"How many customers sign up."`
	Providers []string `help:"Which simulated providers (default: all)."`
	Chaos     string   `help:"on or off: whether deliveries get lost, doubled, late, and calls fail." enum:"on,off" default:"on"`
	JSON      bool     `help:"Print one JSON object at the end." name:"json"`
}

// Run runs the demo.
func (c demoCommand) Run(s *session) error {
	code, err := demo.Run(s.ctx, demo.Options{
		Seed: c.Seed, Days: c.Days, Customers: c.Customers, Providers: c.Providers,
		Calm: c.Chaos == "off", Fast: c.Fast, JSON: c.JSON,
	}, s.terminal)
	if err == nil && code == exitGood {
		return nil
	}
	return &failure{code, err}
}
