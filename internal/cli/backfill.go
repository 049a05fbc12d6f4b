package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/client"
	"github.com/trivetdev/trivet/internal/config"
)

type backfillCommand struct {
	LogLevel  string   `help:"What to tell of the work: debug, info, warn or error." enum:"debug,info,warn,error" default:"warn"`
	Providers []string `arg:"" optional:"" name:"provider" help:"These provider accounts; default: all that are configured."`
	DryRun    bool     `help:"Read everything into a ledger that is thrown away, and tell what would be in it."`
	Enforce   bool     `help:"Take over although the mode is enforce: what the policies ask for is then due, and a running service does it."`
	JSON      bool     `help:"Print the summary as JSON." name:"json"`

	Timeout time.Duration `help:"Stop after this long, with exit code 1; the next run goes on where it stopped. 0: never." default:"0"`
}

// Help implements kong.HelpProvider.
func (backfillCommand) Help() string {
	return "Reads all that a provider can list, at the account's rate, in the same way as the service's daily sweep. Nobody is told anything and nothing is done at " +
		"a provider: what policies ask for is recorded, by the mode. A service may run meanwhile, and does this by itself at its first start. " +
		"After Ctrl-C, --timeout or any other end, the next run goes on where it stopped, and so does the service. Begin in mode observe: see docs/rollout.md."
}

// Run takes over the history of accounts.
func (c backfillCommand) Run(s *session) error {
	configuration, err := s.load()
	if err != nil {
		return err
	}
	if len(configuration.Providers) == 0 {
		return usagef("no provider is configured: add [providers.stripe] with secret_key, or set TRIVET_PROVIDERS_STRIPE_SECRET_KEY")
	}
	for _, name := range c.Providers {
		if !slices.ContainsFunc(configuration.Providers, func(p config.Provider) bool { return p.Name == name }) {
			return usagef("no provider account %q is configured: it is the name behind providers. in the configuration", name)
		}
	}
	log := logFlags{LogLevel: c.LogLevel}.logger(s.Stderr)
	built, err := build(configuration, log, s.Now)
	if err != nil {
		return usage(err)
	}
	built.CheckKeys = true
	if c.DryRun {
		folder, err := os.MkdirTemp("", "trivet-backfill-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(folder) //nolint:errcheck // what is left of it is in the temporary folder
		built.Database, built.Volatile = "sqlite:"+filepath.Join(folder, "dry.db"), true
	}
	service, err := trivet.New(s.ctx, built)
	if err != nil {
		return usage(err)
	}
	err = c.take(s, service)
	return errors.Join(err, service.Close())
}

// take reads the accounts and tells what came of it.
func (c backfillCommand) take(s *session, service *trivet.Service) error {
	if !c.DryRun && !c.Enforce {
		first, err := service.Untaken(s.ctx, c.Providers)
		if err != nil {
			return err
		}
		if len(first) > 0 {
			return usagef("the history of %s has never been taken over, and the mode is enforce: the service would do what its policies make of what is found. "+
				"Begin in observe (mode = \"observe\", or trivet mode set global observe) and look at what would be done; --enforce takes over all the same",
				strings.Join(first, ", "))
		}
	}
	shown := takingProgress{progress: progress{session: s, quiet: c.JSON, told: map[string]string{}}}
	reading, stop := s.ctx, func() {}
	if c.Timeout > 0 {
		reading, stop = context.WithTimeout(s.ctx, c.Timeout)
	}
	taken, err := service.Backfill(reading, c.Providers, shown.show)
	ended := reading.Err() != nil
	stop()
	shown.end()
	if err != nil && ended {
		return c.stopped(s)
	}
	if err != nil {
		return err
	}
	ctx := context.WithoutCancel(s.ctx)
	holdings, err := service.Holdings(ctx, c.Providers)
	if err != nil {
		return err
	}
	demands, err := service.Demands(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		doc, err := json.MarshalIndent(map[string]any{"read": taken, "accounts": holdings, "effects": demands, "dry_run": c.DryRun}, "", "  ")
		fmt.Fprintf(s.Stdout, "%s\n", doc)
		return err
	}
	c.summary(s, taken, holdings, demands)
	return nil
}

// stopped says what becomes of reading that ended before its end.
func (c backfillCommand) stopped(s *session) error {
	why := "stopped"
	if s.ctx.Err() == nil {
		why = fmt.Sprintf("not done after %s, and stopped", c.Timeout)
	}
	if c.DryRun {
		return errors.New(why + "; nothing is kept of a dry run")
	}
	return errors.New(why + "; run trivet backfill again, or start the service, and it goes on from here")
}

// takingProgress tells what is news of accounts that are being taken over.
type takingProgress struct {
	progress
	greeted bool
}

func (p *takingProgress) show(taking []trivet.Taking) {
	if !p.greeted && !p.quiet {
		for _, at := range taking {
			if at.Elsewhere {
				fmt.Fprintf(p.Stdout, "%s: another process is reading it (the service, or one that was killed within the last two minutes): watching, and taking turns with it\n", at.Account)
			}
			if at.Resumed {
				fmt.Fprintf(p.Stdout, "%s: going on where it stopped, after %d objects\n", at.Account, at.Objects)
			}
		}
	}
	p.greeted = true
	sweeps := make([]client.Sweep, len(taking))
	for i, at := range taking {
		sweeps[i] = client.Sweep{Provider: at.Account, Attempts: at.Tries, Error: at.Error}
		if at.Kind != "" {
			sweeps[i].Progress = &client.SweepProgress{Kind: at.Kind, Pages: at.Pages, Objects: at.Objects, Changed: at.Changed}
		}
	}
	p.update(sweeps)
}

// mostFirst sorts names by how many there are of each.
func mostFirst(counts map[string]int64) []string {
	return slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
}

// summary tells what the ledger has now, and what is to be done about it.
func (c backfillCommand) summary(s *session, taken []trivet.Taking, holdings []trivet.Holding, demands []trivet.Demand) {
	has, does := "has", "is recorded, and nothing was carried out"
	if c.DryRun {
		has, does = "would have", "would be recorded, by the configured modes"
	}
	for i, h := range holdings {
		fmt.Fprintf(s.Stdout, "%s: read %d objects on %d pages; the ledger %s\n", h.Account, taken[i].Objects, taken[i].Pages, has)
		t := table{none: "  nothing: the account is empty", head: []string{"  kind", "objects", "linked to customers", "not linked"}}
		for _, kind := range slices.Sorted(maps.Keys(h.Objects)) {
			t.add("  "+kind, fmt.Sprint(h.Objects[kind]), fmt.Sprint(h.Linked[kind]), fmt.Sprint(h.Objects[kind]-h.Linked[kind]))
		}
		t.print(s.Stdout)
		if h.Unlinked > 0 {
			fmt.Fprintf(s.Stdout, "  %d subscriptions and payments are nobody's: say with bind what names the customer (bind = [\"metadata.user_id\"]), "+
				"or link them one by one: GET /v1/unlinked, POST /v1/unlinked/{id}/link\n", h.Unlinked)
		}
		if h.Unmapped > 0 {
			fmt.Fprintf(s.Stdout, "  %d live subscriptions have a price that no [[plan]] has, and give access to nothing: trivet drift list --kind unmapped_price\n", h.Unmapped)
			for _, price := range mostFirst(h.Prices) {
				fmt.Fprintf(s.Stdout, "    %d with %s\n", h.Prices[price], price)
			}
		}
		if h.Unread > 0 {
			fmt.Fprintf(s.Stdout, "  %d objects cannot be read: GET /readyz and the log say why\n", h.Unread)
		}
	}
	if len(demands) == 0 {
		fmt.Fprintln(s.Stdout, "effects: the policies ask for nothing")
		return
	}
	fmt.Fprintf(s.Stdout, "effects: what the policies ask for %s\n", does)
	meaning := map[string]string{
		"due": "the running service does it", "proposed": "waits for you: trivet proposals", "withheld": "only told: trivet effects --state withheld",
	}
	for _, d := range demands {
		fmt.Fprintf(s.Stdout, "  %d %s %s (%s)\n", d.Count, d.Kind, d.State, meaning[d.State])
	}
}
