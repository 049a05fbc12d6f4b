package trivet

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/trivetdev/trivet/internal/outbox"
	"github.com/trivetdev/trivet/internal/trigger/reconcile"
	"github.com/trivetdev/trivet/policy/hygiene"
	"github.com/trivetdev/trivet/provider"
)

// watch raises alerts about what no policy sees, such as a sweep that is late, and
// closes those that are over.
func (s *Service) watch(out *outbox.Outbox) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		stats, err := s.stats(ctx)
		if err != nil {
			return fmt.Errorf("watch: %w", err)
		}
		return out.Raise(ctx, hygiene.Watch(stats))
	}
}

// forget deletes what is kept no longer.
func (s *Service) forget(ctx context.Context) error {
	if _, err := s.apply.ForgetAttempts(ctx); err != nil {
		return err
	}
	if s.config.KeepEvents <= 0 {
		return nil
	}
	count, err := s.db.ForgetEvents(ctx, s.db.Now().Add(-s.config.KeepEvents))
	if count > 0 {
		s.log.Info("events deleted that are kept no longer", "count", count, "kept_for", s.config.KeepEvents)
	}
	return err
}

// stats is how the service stands.
func (s *Service) stats(ctx context.Context) (stats hygiene.Stats, err error) {
	stats = hygiene.Stats{
		Now: s.db.Now(), Sweeps: map[string]hygiene.Sweep{}, Keys: map[string]time.Time{}, OwnKeys: map[string]time.Time{}, Unlinked: map[string]hygiene.Unlinked{},
		Catalog: s.apply.Catalog,
	}
	for _, p := range s.config.Policies {
		if tidy, is := p.(hygiene.Policy); is {
			stats.Known = append(stats.Known, tidy.KnownMethods()...)
		}
	}
	for _, read := range []struct {
		into *map[string]int64
		from func(context.Context) (map[string]int64, error)
	}{
		{&stats.DeadEvents, s.db.DeadEvents}, {&stats.DeadEffects, s.db.FailedEffects}, {&stats.DeadLooks, s.db.DeadLookCounts},
		{&stats.Disputes, s.db.UnlinkedDisputes},
	} {
		if *read.into, err = read.from(ctx); err != nil {
			return stats, err
		}
	}
	unlinked, err := s.db.UnlinkedCounts(ctx)
	if err != nil {
		return stats, err
	}
	for account, waiting := range unlinked {
		stats.Unlinked[account] = hygiene.Unlinked{Count: waiting.Count, Oldest: waiting.Oldest}
	}
	for _, k := range s.config.NamedKeys {
		if !k.Expires.IsZero() {
			stats.OwnKeys[k.Name] = k.Expires
		}
	}
	for _, d := range s.config.Providers {
		account := d.Account()
		if expirer, able := d.(provider.KeyExpirer); able && !expirer.KeyExpires().IsZero() {
			stats.Keys[account] = expirer.KeyExpires()
		}
		if stats.Sweeps[account], err = s.lastSweep(ctx, account); err != nil {
			return stats, err
		}
	}
	stats.Open, err = s.db.OpenCauses(ctx)
	return stats, err
}

// lastSweep is how the comparison with an account goes.
func (s *Service) lastSweep(ctx context.Context, account string) (hygiene.Sweep, error) {
	sweep := hygiene.Sweep{Every: s.reconcile.Full, Since: s.apply.Accounts[account].Since}
	text, err := s.db.Cursor(ctx, "swept/"+account)
	if err != nil || text == "" {
		return sweep, err
	}
	var last reconcile.Swept
	if err := json.Unmarshal([]byte(text), &last); err != nil {
		return sweep, fmt.Errorf("the last sweep of %s: %w", account, err)
	}
	sweep.Last = last.FinishedAt
	return sweep, nil
}
