package apply

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/trivetdev/trivet/internal/store"
)

// An object that its provider no longer has becomes a tombstone, and what was
// bought with it is lost. Real providers hardly ever lose objects; what looks like
// many of them lost is a key of another account, a proxy, a fault. So they are
// believed in small numbers only: in a day and of one kind, few or a small share.
// Once it was more, none of the account is believed until a whole sweep has found
// all but a few of what the ledger holds.
const (
	buriedWithin = 24 * time.Hour
	fewBurials   = 3
	burialShare  = 10 // one in so many
)

// Vanishing names the cursor that says that too much of an account has vanished.
func Vanishing(account string) string { return "vanishing/" + account }

// burials withholds those tombstones that would be too many.
func (w *writing) burials(ctx context.Context) error {
	type kind struct{ account, kind string }
	left := map[kind]int64{}
	var withheld []string
	for _, r := range w.order {
		if r.before == nil || r.before.Gone || !r.sight.missing {
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
		w.unsettle(r.next.Key)
		delete(w.rows, r.next.Key)
		return true
	})
	return nil
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
