package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/term"

	"github.com/trivetdev/trivet/client"
)

type reconcileCommand struct {
	remoteFlags `embed:""`
	Provider    string        `help:"Only this provider account."`
	Customer    string        `help:"Only this customer, at once."`
	Full        bool          `help:"Everything (default); --no-full: only missed events and what was expected to change." negatable:"" default:"true"`
	Wait        bool          `help:"Wait until it is done, and show how far it has come."`
	Timeout     time.Duration `help:"How long to wait at most." default:"1h"`
}

// Help implements kong.HelpProvider.
func (reconcileCommand) Help() string {
	return "With --wait the exit code is 1 if findings are open in the end: what the comparison could not mend by itself. trivet drift lists them."
}

// Run compares the ledger with the providers. Having waited, it exits 1 if findings are
// open in the accounts that were compared.
func (c reconcileCommand) Run(s *session) error {
	if c.Wait && !c.Full && c.Customer == "" {
		return usagef("--wait goes with a full comparison: leave out --no-full")
	}
	r, err := c.connect(s)
	if err != nil {
		return err
	}
	asked, err := r.Reconcile(s.ctx, client.ReconcileRequest{Provider: c.Provider, Customer: c.Customer, Full: c.Full})
	if err == nil && c.Wait && c.Customer == "" {
		sweeps, err := c.watch(r, asked)
		err = r.show(sweeps, err, func() {
			for _, sweep := range sweeps {
				fmt.Fprintf(s.Stdout, "%s: compared %d objects on %d pages, %d were different\n", sweep.Provider, sweep.Last.Objects, sweep.Last.Pages, sweep.Last.Changed)
			}
		})
		for i := 0; i < len(sweeps) && err == nil; i++ {
			err = r.inStep(client.DriftFilter{Provider: sweeps[i].Provider})
		}
		return err
	}
	return r.show(asked, err, func() {
		if asked.Customer != nil {
			fmt.Fprintf(s.Stdout, "compared %d objects of %s, %d were different\n", *asked.Compared, *asked.Customer, *asked.Changed)
			return
		}
		for _, account := range asked.Accounts {
			fmt.Fprintf(s.Stdout, "%s: requested; --wait shows how far it has come\n", account)
		}
	})
}

// beat is how often the service is asked how far it has come.
const beat = 300 * time.Millisecond

// watch waits until every account was compared since the request.
func (c reconcileCommand) watch(r *remote, asked client.Reconciliation) ([]client.Sweep, error) {
	ctx, cancel := context.WithTimeout(r.ctx, c.Timeout)
	defer cancel()
	shown := progress{session: r.session, quiet: r.json, told: map[string]string{}}
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for {
		page, err := r.Sweeps(ctx)
		if err == nil {
			sweeps := slices.DeleteFunc(page.Data, func(s client.Sweep) bool { return !slices.Contains(asked.Accounts, s.Provider) })
			if shown.update(sweeps); done(sweeps, asked.RequestedAt) {
				shown.end()
				return sweeps, nil
			}
		}
		select {
		case <-ctx.Done():
			shown.end()
			if r.ctx.Err() != nil {
				return nil, errors.New("stopped waiting; the comparison goes on")
			}
			return nil, fmt.Errorf("not done after %s; the comparison goes on: look at trivet reconcile --wait later", c.Timeout)
		case <-ticker.C:
			if err != nil && ctx.Err() == nil {
				return nil, err
			}
		}
	}
}

func done(sweeps []client.Sweep, since time.Time) bool {
	return !slices.ContainsFunc(sweeps, func(s client.Sweep) bool { return s.Running || s.Last == nil || s.Last.FinishedAt.Before(since) })
}

// progress shows how far sweeps have come: on a terminal in one line, elsewhere
// in a line for each news.
type progress struct {
	*session
	quiet bool
	told  map[string]string
	open  bool
}

func (p *progress) update(sweeps []client.Sweep) {
	line := ""
	for _, sweep := range sweeps {
		text := state(sweep)
		line += "  " + text
		if !p.quiet && !p.terminal() && text != p.told[sweep.Provider] && text != "" {
			fmt.Fprintln(p.Stdout, text)
		}
		p.told[sweep.Provider] = text
	}
	if !p.quiet && p.terminal() {
		const width = 110
		fmt.Fprintf(p.Stdout, "\r%-*s", width, brief(line, width))
		p.open = true
	}
}

// end leaves the line that is written over and over.
func (p *progress) end() {
	if p.open {
		fmt.Fprintln(p.Stdout)
	}
}

func state(sweep client.Sweep) string {
	switch {
	case sweep.Error != "":
		return fmt.Sprintf("%s: try %d failed: %s", sweep.Provider, sweep.Attempts, brief(sweep.Error, 100))
	case sweep.Progress != nil:
		p := sweep.Progress
		return fmt.Sprintf("%s: reading %s: %d pages, %d objects, %d different", sweep.Provider, p.Kind, p.Pages, p.Objects, p.Changed)
	}
	return ""
}

func (p *progress) terminal() bool {
	file, ok := p.session.terminal.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
