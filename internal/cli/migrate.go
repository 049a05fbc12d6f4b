package cli

import (
	"fmt"
	"time"

	"github.com/trivetdev/trivet/client"
)

type customersMigrate struct {
	remoteFlags `embed:""`
	From        string `help:"The provider account that customers leave." required:""`
	Plan        string `help:"Only subscriptions of this plan."`
	Customer    string `help:"Only this customer."`
	Grace       string `help:"How long access goes on after the end of what was paid for, such as 14d."`
	Until       string `help:"The date, such as 2027-01-31, on which access ends for whoever has not bought elsewhere."`
	Reason      string `help:"Why, for whoever reads the audit trail."`
	Cancel      bool   `help:"Also end each subscription at the end of what was paid for."`
	Undo        bool   `help:"Take the grants back."`
	DryRun      bool   `help:"Only say what would be done." short:"n"`
}

// Run sees to all customers of the account, some at a time. Asked again it goes on
// where it was.
func (c customersMigrate) Run(s *session) error {
	q := client.MigrationRequest{
		From: c.From, Plan: c.Plan, Customer: c.Customer, Grace: c.Grace, Reason: c.Reason, Cancel: c.Cancel, Undo: c.Undo, DryRun: c.DryRun,
	}
	switch {
	case !c.Undo && (c.Grace == "") == (c.Until == ""):
		return usagef("say either --grace, how long access goes on after the end of what was paid for, or --until, a date for all")
	case c.Until != "":
		until, err := moment(c.Until)
		if err != nil {
			return err
		}
		q.Until = &until
	}
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	all := client.Migrated{From: c.From, DryRun: c.DryRun, Moves: []client.Move{}}
	seen := map[string]bool{}
	for {
		page, err := r.Migrate(s.ctx, q)
		if err != nil {
			if n := len(all.Moves); n > 0 && !c.DryRun {
				return fmt.Errorf("%d customers are seen to, then this happened; the same command goes on: %w", n, r.explain(err))
			}
			return r.explain(err)
		}
		for _, m := range page.Moves {
			// A customer with subscriptions on two pages is seen to twice.
			if name := m.Customer + " " + m.Plan + " " + deref(m.Subscription); !seen[name] {
				seen[name] = true
				all.Moves = append(all.Moves, m)
			}
		}
		if page.Next == nil {
			break
		}
		q.After = *page.Next
	}
	return r.show(all, nil, func() { c.print(s, all) })
}

// moment reads a date, or a date with time.
func moment(text string) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, usagef("%q is no date: write it like 2027-01-31, or with the time like 2027-01-31T12:00:00Z", text)
}

func (c customersMigrate) print(s *session, all client.Migrated) {
	t := table{none: "there is nobody to move", head: []string{"customer", "plan", "access until", "grant", "subscription", ""}}
	counts := map[string]int{}
	for _, m := range all.Moves {
		counts[m.State]++
		end := ""
		switch {
		case m.Canceling:
			end = "ends"
		case m.Effect != nil:
			end = "is canceled by " + *m.Effect
		case !c.Undo:
			end = "goes on"
		}
		t.add(m.Customer, m.Plan, stamp(m.Until), deref(m.Grant), deref(m.Subscription), end)
	}
	t.print(s.Stdout)
	for _, state := range []struct{ name, text string }{
		{"to_give", "grants would be given"}, {"given", "grants were given"}, {"stands", "stood already"},
		{"to_revoke", "grants would be taken back"}, {"revoked", "grants were taken back"},
	} {
		if n := counts[state.name]; n > 0 {
			fmt.Fprintf(s.Stdout, "%d %s\n", n, state.text)
		}
	}
}
