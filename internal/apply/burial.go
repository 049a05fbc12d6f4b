package apply

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// An object that its provider no longer has becomes a tombstone, and what was
// bought with it is lost. Real providers hardly ever lose objects; what looks like
// many of them lost is a key of another account, a proxy, a fault. So they are
// believed in small numbers only: in a day and of one kind, few or a small share.
// Once it was more, none of the account is believed until a whole sweep has found
// all but a few of what the ledger holds, or somebody confirms it: [Applier.Bury].
const (
	buriedWithin = 24 * time.Hour
	fewBurials   = 3
	burialShare  = 10 // one in so many
)

// Vanishing names the cursor that says that too much of an account has vanished.
func Vanishing(account string) string { return "vanishing/" + account }

// Absent looks whether a provider still has an object. Nothing is written.
func (a *Applier) Absent(ctx context.Context, ref provider.Ref) (bool, error) {
	driver, known := a.Drivers[ref.Account]
	if !known {
		return false, fmt.Errorf("%w: %s", ErrUnconfigured, ref.Account)
	}
	snapshot, err := a.fetch(ctx, driver, ref)
	if err != nil && provider.KindOf(err) == provider.NotFound {
		return true, nil
	}
	return err == nil && snapshot.Gone, err
}

// Bury looks at an object that somebody says is gone, and believes them if the
// provider does not show it at this very moment; else it records what was seen. How
// many others were buried does not matter. That the account is the right one is for
// the caller to make sure of.
func (a *Applier) Bury(ctx context.Context, ref provider.Ref, cause Cause) (Outcome, error) {
	outcome, err := a.look(ctx, cause, ref, nil, true)
	if err != nil {
		return outcome, fmt.Errorf("look at %s: %w", ref, err)
	}
	return outcome, nil
}

// burials withholds those tombstones that would be too many.
func (w *writing) burials(ctx context.Context) error {
	type kind struct{ account, kind string }
	left := map[kind]int64{}
	var withheld []string
	for _, r := range w.order {
		if r.before == nil || r.before.Gone || !r.sight.missing || r.sight.confirmed {
			continue
		}
		k := kind{r.next.Account, r.next.Kind}
		if _, counted := left[k]; !counted {
			allowed, err := w.burialsLeft(ctx, k.account, k.kind)
			if err != nil {
				return err
			}
			left[k] = allowed
		}
		if left[k]--; left[k] < 0 {
			withheld = append(withheld, r.next.Key)
		}
	}
	if len(withheld) == 0 {
		return nil
	}
	for _, r := range w.order {
		if slices.Contains(withheld, r.next.Key) {
			if err := w.tx.SetCursor(ctx, Vanishing(r.next.Account), w.tx.Now.Format(time.RFC3339)); err != nil {
				return err
			}
		}
	}
	w.Log.Error("too many objects seem to have vanished, and are not believed to: does the key open the right account?", "objects", len(withheld), "first", withheld[0])
	w.order = slices.DeleteFunc(w.order, func(r *row) bool {
		if !slices.Contains(withheld, r.next.Key) {
			return false
		}
		r.sight.withheld = true
		w.orphans = append(w.orphans, orphan(r))
		w.unsettle(r.next.Key)
		delete(w.rows, r.next.Key)
		return true
	})
	return nil
}

// orphan is the finding that stands until an object that was not buried is seen
// again, or somebody confirms that it is gone.
func orphan(r *row) store.Drift {
	d := store.Drift{
		Account: r.next.Account, Kind: DriftOrphan, Subject: r.next.Kind, Object: r.next.ID, Customer: r.next.Customer,
		Diff: jsonText([]billing.FieldDiff{}), Since: r.next.CheckedAt, FoundBy: string(r.sight.cause.Trigger), State: "open",
	}
	if s, ok := r.was.(billing.Subscription); ok && s.Live() && d.Customer != "" {
		d.Impact = UnpaidButActive
	}
	return d
}

// burialsLeft is how many objects of a kind may still be buried today.
func (w *writing) burialsLeft(ctx context.Context, account, kind string) (int64, error) {
	if since, err := w.DB.Cursor(ctx, Vanishing(account)); err != nil || since != "" {
		return 0, err
	}
	filter := store.ObjectFilter{Account: account, Kind: kind, Present: true}
	present, err := w.tx.CountObjects(ctx, filter)
	if err != nil {
		return 0, fmt.Errorf("count %s: %w", kind, err)
	}
	filter.Present, filter.BuriedSince = false, w.tx.Now.Add(-buriedWithin)
	buried, err := w.tx.CountObjects(ctx, filter)
	if err != nil {
		return 0, fmt.Errorf("count tombstones of %s: %w", kind, err)
	}
	return max(fewBurials, present/burialShare) - buried, nil
}
