package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/sim"
)

// own are the service's records of what its policies did by themselves, each of
// which accounts for one effect at a provider whose writes carry no keys. What was
// over first comes first, so that none is used up by what another could explain.
type own []store.Effect

// ownOf reads the records that are about an account. What was never tried, and what
// is not over, explains nothing.
func (w *world) ownOf(ctx context.Context, a *account) (records own, err error) {
	for before := int64(0); ; {
		rows, err := w.db.Effects(ctx, store.EffectFilter{Before: before, Limit: 1000})
		if err != nil {
			return nil, fmt.Errorf("read the effects: %w", err)
		}
		if len(rows) == 0 {
			break
		}
		for _, e := range rows {
			if e.Account == a.name && strings.HasPrefix(e.Actor, "policy:") && !e.AttemptedAt.IsZero() && !e.DoneAt.IsZero() {
				records = append(records, e)
			}
		}
		before = rows[len(rows)-1].Seq
	}
	slices.SortStableFunc(records, func(a, b store.Effect) int { return a.DoneAt.Compare(b.DoneAt) })
	return records, nil
}

// explain uses up the record of an effect, which is of its kind, about its object
// and amount, and was carried out at that time. False: there is none.
func (o *own) explain(e sim.Effect) bool {
	i := slices.IndexFunc(*o, func(record store.Effect) bool {
		id := record.Object[strings.LastIndexByte(record.Object, '/')+1:]
		return simOp(record.Kind) == e.Op && id == e.Object && (record.Money == 0 || record.Money == e.Amount) &&
			!e.At.Before(record.AttemptedAt) && !e.At.After(record.DoneAt)
	})
	if i < 0 {
		return false
	}
	*o = slices.Delete(*o, i, i+1)
	return true
}
