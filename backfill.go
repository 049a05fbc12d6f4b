package trivet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/work"
	"github.com/trivetdev/trivet/policy"
)

// Taking is how far the taking over of an account has come.
type Taking struct {
	Account string `json:"provider"`
	// Kind is the kind of objects being read; empty when all was read, or nothing yet.
	Kind string `json:"-"`
	// Pages, Objects and Changed count what was read, from the beginning of the reading
	// that goes on or, when it is done, of the last one.
	Pages   int `json:"pages"`
	Objects int `json:"objects"`
	Changed int `json:"changed"`
	// Tries and Error are of the page being read, if it failed.
	Tries int64  `json:"-"`
	Error string `json:"-"`
	// Elsewhere: when we came, another process was at it.
	Elsewhere bool `json:"-"`
	// Resumed: when we came, some of it had been read.
	Resumed bool `json:"resumed"`
	Done    bool `json:"-"`
}

// Backfill reads everything that providers can list of the accounts into the ledger,
// by the sweep that the service makes every day, and returns when that is done and
// what could not be read in passing was looked at. It is there in place of
// [Service.Run]: effects are recorded as modes and policies say and none is carried
// out, nobody is told of anything. How far it has come is in the database: after an
// end at any moment the next call, or the service, goes on from there. It may be
// called beside a running service; the two then take turns.
//
// No accounts are all. From time to time tell is told how far they have come.
func (s *Service) Backfill(ctx context.Context, accounts []string, tell func([]Taking)) ([]Taking, error) {
	accounts, err := s.named(accounts)
	if err != nil {
		return nil, err
	}
	if err := s.refresh(ctx); err != nil {
		return nil, err
	}
	since := s.db.Now()
	state := make([]Taking, len(accounts))
	keys := make([]string, len(accounts))
	for i, account := range accounts {
		keys[i] = "sweep/" + account
		if state[i], err = s.begin(ctx, account); err != nil {
			return nil, err
		}
	}
	sweeps := s.reconcile.Queue(len(accounts))
	sweeps.Keys = keys
	s.engine = work.New(s.db, s.log, sweeps, s.apply.Queue(s.config.Workers))
	working, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.engine.Run(working, drain)
	}()
	defer func() { stop(); <-ended }()
	const beat = 200 * time.Millisecond
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for left := afterwards / beat; ; {
		done, err := s.taking(ctx, state, since)
		if err != nil {
			return state, err
		}
		tell(state)
		if done {
			idle, err := s.idle(ctx)
			if left--; err != nil || idle || left <= 0 {
				return state, err
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}

// afterwards is how long [Service.Backfill] goes on with what could not be read in
// passing. A service that runs beside it is never through with its looks, and sees to
// whatever is left.
const afterwards = time.Minute

// named are the accounts of the names, or all.
func (s *Service) named(accounts []string) ([]string, error) {
	known := slices.Sorted(maps.Keys(s.apply.Drivers))
	if len(accounts) == 0 {
		return known, nil
	}
	for _, account := range accounts {
		if !slices.Contains(known, account) {
			return nil, fmt.Errorf("no provider account %q is configured: there are %v", account, known)
		}
	}
	accounts = slices.Clone(accounts)
	slices.Sort(accounts)
	return slices.Compact(accounts), nil
}

// begin asks for the sweep of an account unless one is under way.
func (s *Service) begin(ctx context.Context, account string) (Taking, error) {
	row, err := s.db.WorkNamed(ctx, store.QueueTask, "sweep/"+account)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return Taking{}, err
	}
	now, _, err := s.reconcile.Status(ctx, account)
	if err == nil && now == nil {
		_, err = s.reconcile.Request(ctx, account)
	}
	return Taking{Account: account, Elsewhere: row.State == "running", Resumed: now != nil}, err
}

// taking brings the state up to date and tells whether all was read.
func (s *Service) taking(ctx context.Context, state []Taking, since time.Time) (done bool, err error) {
	done = true
	for i := range state {
		at := &state[i]
		now, last, err := s.reconcile.Status(ctx, at.Account)
		if err != nil {
			return false, err
		}
		row, err := s.db.WorkNamed(ctx, store.QueueTask, "sweep/"+at.Account)
		if err != nil {
			return false, err
		}
		at.Kind, at.Tries, at.Error = "", row.Attempts, row.Error
		at.Done = now == nil && last != nil && !last.FinishedAt.Before(since)
		switch {
		case now != nil:
			at.Kind, at.Pages, at.Objects, at.Changed = string(now.Kind), now.Pages, now.Objects, now.Changed
		case at.Done:
			at.Pages, at.Objects, at.Changed, at.Error = last.Pages, last.Objects, last.Changed, ""
		}
		done = done && at.Done
	}
	return done, nil
}

// idle reports whether there is nothing to look at now.
func (s *Service) idle(ctx context.Context) (bool, error) {
	due, waits, err := s.db.Due(ctx, store.QueueLook)
	return err == nil && (!waits || due.After(s.db.Now())), err
}

// Untaken lists, of the accounts (none: all), those whose history has never been read to
// its end although a policy may do something there without being asked: what the first
// sweep finds can then reach customers.
func (s *Service) Untaken(ctx context.Context, accounts []string) (untaken []string, err error) {
	if accounts, err = s.named(accounts); err != nil {
		return nil, err
	}
	modes, _, err := s.apply.Switched(ctx)
	if err != nil {
		return nil, err
	}
	acts := func(account string) bool {
		return slices.ContainsFunc(s.config.Policies, func(p policy.Policy) bool {
			return modes.For(account, p.Name(), "") == policy.Enforce
		})
	}
	for _, account := range accounts {
		_, last, err := s.reconcile.Status(ctx, account)
		if err != nil {
			return nil, err
		}
		if last == nil && (acts(account) || acts(policy.Own)) {
			untaken = append(untaken, account)
		}
	}
	return untaken, nil
}

// Holding is what the ledger has of an account.
type Holding struct {
	Account string `json:"provider"`
	// Objects counts by kind, Linked those of them that are some customer's.
	Objects map[string]int64 `json:"objects"`
	Linked  map[string]int64 `json:"linked"`
	// Unlinked counts purchases whose customer nobody knows, Unmapped live
	// subscriptions with a price that no plan has, Unread objects that cannot be looked
	// at.
	Unlinked int64 `json:"unlinked"`
	Unmapped int64 `json:"unmapped_prices"`
	Unread   int64 `json:"unread"`
	// Prices counts those subscriptions by the price that no plan has.
	Prices map[string]int64 `json:"prices_in_no_plan"`
}

// Holdings tells what the ledger has of the accounts (none: all).
func (s *Service) Holdings(ctx context.Context, accounts []string) ([]Holding, error) {
	accounts, err := s.named(accounts)
	if err != nil {
		return nil, err
	}
	objects, err := s.db.ObjectCounts(ctx)
	linked, linkedErr := s.db.LinkedCounts(ctx)
	unlinked, unlinkedErr := s.db.UnlinkedCounts(ctx)
	drift, driftErr := s.db.OpenDriftCounts(ctx)
	dead, deadErr := s.db.DeadLookCounts(ctx)
	if err := errors.Join(err, linkedErr, unlinkedErr, driftErr, deadErr); err != nil {
		return nil, err
	}
	all := make([]Holding, len(accounts))
	for i, account := range accounts {
		h := Holding{
			Account: account, Objects: map[string]int64{}, Linked: map[string]int64{},
			Unlinked: unlinked[account].Count, Unmapped: drift[[2]string{account, apply.DriftUnmapped}], Unread: dead[account],
		}
		for _, kind := range s.apply.Drivers[account].Kinds() {
			if n := objects[account+"/"+string(kind)]; n > 0 {
				h.Objects[string(kind)], h.Linked[string(kind)] = n, linked[account+"/"+string(kind)]
			}
		}
		if h.Prices, err = s.unmappedPrices(ctx, account); err != nil {
			return nil, err
		}
		all[i] = h
	}
	return all, nil
}

// unmappedPrices counts the live subscriptions by each of their prices that is in no
// plan.
func (s *Service) unmappedPrices(ctx context.Context, account string) (map[string]int64, error) {
	counts := map[string]int64{}
	filter := store.DriftFilter{Account: account, State: "open", Kind: apply.DriftUnmapped, Limit: 500}
	for {
		found, err := s.db.Drift(ctx, filter)
		if err != nil {
			return nil, err
		}
		for _, d := range found {
			var diff []billing.FieldDiff
			if err := json.Unmarshal([]byte(d.Diff), &diff); err != nil {
				return nil, fmt.Errorf("finding %s: %w", d.ID, err)
			}
			for _, field := range diff {
				var price string
				if field.Field == apply.UnmappedPrice && json.Unmarshal(field.After, &price) == nil {
					counts[price]++
				}
			}
		}
		if len(found) < filter.Limit {
			return counts, nil
		}
		filter.Before = found[len(found)-1].Seq
	}
}

// Demand counts what is to be done, or would be, by kind and state, as GET /v1/effects
// shows it.
type Demand struct {
	Kind  string `json:"kind"`
	State string `json:"state"`
	Count int64  `json:"count"`
}

// Demands counts the effects that are due, proposed or withheld, in the order of states
// and kinds.
func (s *Service) Demands(ctx context.Context) ([]Demand, error) {
	counts, err := s.db.EffectKinds(ctx)
	all := []Demand{}
	for _, state := range []string{store.EffectDue, store.EffectProposed, store.EffectWithheld} {
		for _, name := range slices.SortedFunc(maps.Keys(counts), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
			if name[1] == state {
				all = append(all, Demand{Kind: name[0], State: state, Count: counts[name]})
			}
		}
	}
	return all, err
}
