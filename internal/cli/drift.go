package cli

import (
	"errors"
	"fmt"
	"slices"

	"github.com/trivetdev/trivet/client"
)

type driftCommand struct {
	List driftList `cmd:"" default:"withargs" help:"List what reconciliation found, newest first."`
	Heal driftHeal `cmd:"" help:"Look at the object of a finding now."`
	Bury driftBury `cmd:"" help:"List, or confirm, that a provider has lost objects which are kept because they are too many to be believed lost."`
}

type driftList struct {
	remoteFlags `embed:""`
	listFlags   `embed:""`
	Provider    string `help:"At this provider account."`
	State       string `help:"open or healed." enum:",open,healed" default:""`
	Kind        string `help:"Of this kind: missing, stale, wrong_plan, gone, returned, unmapped_price, unlinked, wrong_customer, duplicate, email_differs, orphan."`
	Impact      string `help:"paid_but_blocked or unpaid_but_active." enum:",paid_but_blocked,unpaid_but_active" default:""`
}

// Run lists findings. It exits 1 if any of those that were asked for are open.
func (c driftList) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	filter := client.DriftFilter{Provider: c.Provider, State: c.State, Kind: c.Kind, Impact: c.Impact}
	page, err := r.Drift(s.ctx, filter, c.list())
	err = r.show(page, err, func() {
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
	if err != nil || c.State == "healed" {
		return err
	}
	if slices.ContainsFunc(page.Data, func(d client.Drift) bool { return d.State == open }) {
		return errDrift
	}
	if page.Next == nil && c.After == "" {
		return nil
	}
	return r.inStep(filter)
}

// open is the state of a finding that nothing has healed yet.
const open = "open"

var errDrift = &failure{exitWrong, errors.New("there are open findings: trivet drift heal looks at one again, or says what you must do")}

// inStep asks whether findings of a filter are open, which is an error.
func (r *remote) inStep(filter client.DriftFilter) error {
	filter.State = open
	found, err := r.Drift(r.ctx, filter, client.List{Limit: 1})
	if err == nil && len(found.Data) > 0 {
		return errDrift
	}
	return r.explain(err)
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

type driftBury struct {
	remoteFlags `embed:""`
	Provider    string `help:"At this provider account." required:""`
	Kind        string `help:"Only objects of this kind: customer, subscription, invoice, payment, refund, dispute, checkout, warning."`
	Yes         bool   `help:"Bury them; without it they are only listed. What was bought with them is lost."`
}

// atOnce is how many objects are buried by one request.
const atOnce = 200

// Run lists what the provider does not have and, if that is wanted, buries it. It
// exits 1 if something could not be buried.
func (c driftBury) Run(s *session) error {
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	total, err := c.missing(r)
	if err == nil && c.Yes {
		total.DryRun = false
		for lost := range slices.Chunk(total.Absent, atOnce) {
			done, failure := r.Bury(s.ctx, c.Provider, lost)
			if err = failure; err != nil {
				break
			}
			total.Buried = append(total.Buried, done.Buried...)
			total.Present, total.Failed = append(total.Present, done.Present...), append(total.Failed, done.Failed...)
		}
	}
	if err != nil && len(total.Buried) > 0 {
		err = fmt.Errorf("%d objects are buried, then this happened: %w", len(total.Buried), r.explain(err))
	}
	err = r.show(total, err, func() { c.print(s, total) })
	if n := len(total.Failed); err == nil && n > 0 {
		return &failure{exitWrong, fmt.Errorf("%d objects could not be looked at, and were kept: ask again later", n)}
	}
	return err
}

// missing collects all that the provider does not have.
func (c driftBury) missing(r *remote) (client.Burial, error) {
	total := client.Burial{Provider: c.Provider, DryRun: true, Absent: []client.Lost{}, Buried: []client.Lost{}, Present: []client.Lost{}, Failed: []client.Lost{}}
	for list := (client.List{}); ; {
		page, err := r.Missing(r.ctx, c.Provider, list)
		if err != nil {
			return total, err
		}
		total.Looked += page.Looked
		for _, lost := range page.Absent {
			if c.Kind == "" || c.Kind == lost.Subject {
				total.Absent = append(total.Absent, lost)
			}
		}
		if page.Next == nil {
			return total, nil
		}
		list.After = *page.Next
	}
}

func (c driftBury) print(s *session, total client.Burial) {
	shown, word := total.Absent, "would be buried; --yes buries them"
	if c.Yes {
		shown, word = total.Buried, "are buried"
	}
	t := table{none: "nothing seems to be lost", head: []string{"subject", "object", "customer", "last status"}}
	if c.Yes {
		t.none = "nothing was buried"
	}
	for _, lost := range shown {
		t.add(lost.Subject, lost.Object, deref(lost.Customer), lost.Status)
	}
	t.print(s.Stdout)
	if len(shown) > 0 {
		fmt.Fprintf(s.Stdout, "%d objects %s\n", len(shown), word)
	}
	for _, lost := range total.Present {
		fmt.Fprintf(s.Stdout, "there after all: %s %s\n", lost.Subject, lost.Object)
	}
	for _, lost := range total.Failed {
		fmt.Fprintf(s.Stdout, "kept: %s %s: %s\n", lost.Subject, lost.Object, lost.Error)
	}
}
