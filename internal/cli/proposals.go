package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/trivetdev/trivet/client"
)

type proposalsCommand struct {
	List   proposalsList   `cmd:"" default:"withargs" help:"List what waits for you, newest first."`
	Accept proposalsAccept `cmd:"" help:"Have it done."`
	Reject proposalsReject `cmd:"" help:"Have it left undone."`
}

type proposalsList struct {
	remoteFlags `embed:""`
	listFlags   `embed:""`
	Customer    string `help:"About this customer."`
	Kind        string `help:"Of this kind, such as refund."`
}

// Run lists proposals.
func (c proposalsList) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	page, err := r.Proposals(s.ctx, client.EffectFilter{Customer: c.Customer, Kind: c.Kind}, c.list())
	return r.show(page, err, func() {
		t := table{none: "nothing waits for you", head: []string{"id", "proposed", "kind", "object", "customer", "by", "details"}}
		for _, e := range page.Data {
			t.add(e.ID, stamp(e.CreatedAt), e.Kind, e.Object, deref(e.Customer), e.Actor, details(e.Details))
		}
		t.print(s.Stdout)
		s.more(page.Next)
	})
}

// details shows the particulars of an effect on one line.
func details(of map[string]any) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		value, _ := json.Marshal(of[name]) // came as JSON
		parts = append(parts, fmt.Sprintf("%s=%s", name, value))
	}
	return brief(strings.Join(parts, " "), 60)
}

type proposalsAccept struct {
	remoteFlags `embed:""`
	Proposal    string `arg:"" help:"The proposal's id."`
}

// Run accepts a proposal.
func (c proposalsAccept) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	e, err := r.Accept(s.ctx, c.Proposal)
	return r.decided(e, err)
}

type proposalsReject struct {
	remoteFlags `embed:""`
	Proposal    string `arg:"" help:"The proposal's id."`
}

// Run rejects a proposal.
func (c proposalsReject) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	e, err := r.Reject(s.ctx, c.Proposal)
	return r.decided(e, err)
}

func (r *remote) decided(e client.Effect, err error) error {
	return r.show(e, err, func() { fmt.Fprintf(r.Stdout, "%s: %s of %s is %s\n", e.ID, e.Kind, e.Object, e.State) })
}
