package cli

import (
	"errors"
	"fmt"
)

type checkCommand struct {
	remoteFlags `embed:""`
	Customer    string `arg:"" help:"The customer: your own user id."`
	Feature     string `arg:"" help:"A feature of a plan, or a plan."`
}

// errDenied ends a check that was answered with no.
var errDenied = errors.New("not allowed")

// Run asks, and exits 0 if the customer may, 1 if not.
func (c checkCommand) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	answer, err := r.Check(s.ctx, c.Customer, c.Feature)
	err = r.show(answer, err, func() {
		word := map[bool]string{true: "allowed", false: "denied"}[answer.Allowed]
		fmt.Fprintf(s.Stdout, "%s: %s", word, answer.Reason)
		if answer.Until != nil {
			fmt.Fprintf(s.Stdout, ", until %s", stamp(*answer.Until))
		}
		if answer.Source != nil {
			fmt.Fprintf(s.Stdout, ", by %s %s", answer.Source.Kind, answer.Source.ID)
		}
		fmt.Fprintf(s.Stdout, ", as of %s", stamp(answer.AsOf))
		if answer.Stale {
			fmt.Fprint(s.Stdout, " (stale: the provider should have told something new)")
		}
		fmt.Fprintln(s.Stdout)
	})
	if err == nil && !answer.Allowed {
		return &failure{exitWrong, fmt.Errorf("%s may not use %s: %w", c.Customer, c.Feature, errDenied)}
	}
	return err
}
