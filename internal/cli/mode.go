package cli

import (
	"fmt"
	"strconv"

	"github.com/trivetdev/trivet/client"
)

type modeCommand struct {
	Show  modeShow  `cmd:"" default:"withargs" help:"Show what is configured, switched, and comes of it."`
	Set   modeSet   `cmd:"" help:"Switch a mode; it counts instead of the configuration."`
	Clear modeClear `cmd:"" help:"Give a mode back to the configuration."`
	Brake modeBrake `cmd:"" help:"Stop all money, or let it go on."`
}

type modeShow struct {
	remoteFlags `embed:""`
}

// Run shows the modes.
func (c modeShow) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	m, err := r.Modes(s.ctx)
	return r.showModes(m, err)
}

func (r *remote) showModes(m client.Modes, err error) error {
	return r.show(m, err, func() {
		said := table{head: []string{"scope", "configured", "switched", "by", "at", "rollout"}}
		for _, row := range m.Scopes {
			cells := []string{row.Scope, deref(row.Configured), "", "", "", ""}
			if row.Switched != nil {
				cells[2], cells[3], cells[4] = row.Switched.Mode, row.Switched.By, stamp(row.Switched.At)
			}
			if row.Rollout != nil {
				cells[5] = strconv.Itoa(*row.Rollout) + " %"
			}
			said.add(cells...)
		}
		said.print(r.Stdout)
		comes := table{none: "no policies are configured", head: []string{"provider", "policy", "mode", "in the rollout"}}
		for _, row := range m.Effective {
			comes.add(row.Provider, row.Policy, row.Mode, deref(row.RolloutMode))
		}
		fmt.Fprintln(r.Stdout)
		comes.print(r.Stdout)
		if m.Brake.On {
			fmt.Fprintf(r.Stdout, "\nthe brake is on since %s by %s: no money moves (trivet mode brake off)\n", stampOf(m.Brake.At), deref(m.Brake.By))
		}
	})
}

type modeSet struct {
	remoteFlags `embed:""`
	Scope       string `arg:"" help:"global, provider/NAME or policy/NAME."`
	Mode        string `arg:"" help:"observe: record what would be done; assist: propose it; enforce: do it." enum:"observe,assist,enforce"`
}

// Run switches a mode.
func (c modeSet) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	m, err := r.SetMode(s.ctx, c.Scope, c.Mode)
	return r.showModes(m, err)
}

type modeClear struct {
	remoteFlags `embed:""`
	Scope       string `arg:"" help:"global, provider/NAME or policy/NAME."`
}

// Run gives a mode back to the configuration.
func (c modeClear) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	m, err := r.ClearMode(s.ctx, c.Scope)
	return r.showModes(m, err)
}

type modeBrake struct {
	remoteFlags `embed:""`
	Position    string `arg:"" help:"on or off." enum:"on,off"`
}

// Run pulls or releases the brake.
func (c modeBrake) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	m, err := r.SetBrake(s.ctx, c.Position == "on")
	return r.show(m, err, func() {
		word := map[bool]string{true: "the brake is on: no money moves", false: "the brake is off"}[m.Brake.On]
		fmt.Fprintln(s.Stdout, word)
	})
}
