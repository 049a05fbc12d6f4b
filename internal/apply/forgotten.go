package apply

import (
	"context"
	"errors"
	"fmt"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// fetch reads an object. One that its provider forgets when it comes to nothing, such
// as an order that nobody paid for, is what its driver says has become of it: it is
// not lost, and no reason to doubt that the account is the right one.
func (a *Applier) fetch(ctx context.Context, driver provider.Driver, ref provider.Ref) (provider.Snapshot, error) {
	snapshot, missing := driver.Fetch(ctx, ref)
	forgetter, forgets := driver.(provider.Forgetter)
	if missing == nil || !forgets || provider.KindOf(missing) != provider.NotFound {
		return snapshot, missing
	}
	row, err := a.DB.Object(ctx, ref.String())
	switch {
	case errors.Is(err, store.ErrNotFound) || err == nil && row.Gone:
		return provider.Snapshot{}, missing
	case err != nil:
		return provider.Snapshot{}, fmt.Errorf("read %s: %w", ref, err)
	}
	last, err := billing.ParseObject(ref.Kind, []byte(row.Doc))
	if err != nil {
		return provider.Snapshot{}, err
	}
	now, forgotten := forgetter.Forgotten(ref, last)
	if !forgotten {
		return provider.Snapshot{}, missing
	}
	return provider.Snapshot{Ref: ref, Object: now, Owner: row.Owner, Claims: claimsOf(row)}, nil
}
