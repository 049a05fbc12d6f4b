package cli

import (
	"fmt"

	"github.com/trivetdev/trivet/client"
)

type driftCommand struct {
	List driftList `cmd:"" help:"List what reconciliation found, newest first."`
	Heal driftHeal `cmd:"" help:"Look at the object of a finding now."`
}

type driftList struct {
	remoteFlags `embed:""`
	listFlags   `embed:""`
	Provider    string `help:"At this provider account."`
	State       string `help:"open or healed." enum:",open,healed" default:""`
	Kind        string `help:"Of this kind: missing, stale, gone, returned, unmapped_price, unlinked."`
	Impact      string `help:"paid_but_blocked or unpaid_but_active." enum:",paid_but_blocked,unpaid_but_active" default:""`
}

// Run lists findings.
func (c driftList) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	page, err := r.Drift(s.ctx, client.DriftFilter{Provider: c.Provider, State: c.State, Kind: c.Kind, Impact: c.Impact}, c.list())
	return r.show(page, err, func() {
		t := table{none: "no drift", head: []string{"id", "found", "kind", "object", "customer", "impact", "state", "fields"}}
		for _, d := range page.Data {
			fields := ""
			for _, field := range d.Diff {
				fields += " " + field.Field
			}
			t.add(d.ID, stamp(d.FoundAt), d.Kind, d.Subject+" "+d.Object, deref(d.Customer), d.Impact, d.State, brief(fields, 50))
		}
		t.print(s.Stdout)
		s.more(page.Next)
	})
}

type driftHeal struct {
	remoteFlags `embed:""`
	Drift       string `arg:"" help:"The finding's id."`
}

// Run heals a finding, or exits 1 and says what a person must do.
func (c driftHeal) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	healed, err := r.Heal(s.ctx, c.Drift)
	err = r.show(healed, err, func() {
		word := map[bool]string{true: "the ledger was different, and is not any more", false: "the ledger is as the provider has it"}[healed.Changed]
		fmt.Fprintf(s.Stdout, "%s: %s %s: %s\n", healed.Drift.State, healed.Drift.Subject, healed.Drift.Object, word)
	})
	if err == nil && healed.NextStep != "" {
		return &failure{exitWrong, fmt.Errorf("looking does not heal this: %s", healed.NextStep)}
	}
	return err
}
