package apply

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
)

// Movers lists customers who have something at an account, some at a time: those of
// at most limit subscriptions, after a place that it named. Next is empty at the end.
func (a *Applier) Movers(ctx context.Context, account, after string, limit int) (refs []string, next string, err error) {
	rows, err := a.DB.Objects(ctx, store.ObjectFilter{
		Account: account, Kind: string(billing.KindSubscription), Present: true, After: after, Limit: limit,
	})
	if err != nil {
		return nil, "", err
	}
	seen := map[string]bool{"": true}
	for _, o := range rows {
		if !seen[o.Customer] {
			seen[o.Customer] = true
			refs = append(refs, o.Customer)
		}
	}
	if len(rows) == limit {
		next = rows[limit-1].Key
	}
	return refs, next, nil
}

// Bridges lists what a move calls for of a customer; see [billing.Bridges]. Nothing
// is written.
func (a *Applier) Bridges(ctx context.Context, ref string, move billing.Migration) ([]billing.Bridge, error) {
	facts, _, err := a.Facts(ctx, ref)
	if err != nil {
		return nil, err
	}
	return billing.Bridges(a.Catalog, a.Rules, facts, move, a.DB.Now()), nil
}

// Migrate gives a customer what a move calls for, and returns it. What stands already
// is not given again.
func (a *Applier) Migrate(ctx context.Context, ref string, move billing.Migration, reason string, cause Cause) (bridges []billing.Bridge, err error) {
	err = a.allByHand(ctx, ref, cause, func(ctx context.Context, w *writing) ([]store.Change, error) {
		if err := w.load(ctx, map[string]Cause{ref: cause}); err != nil {
			return nil, err
		}
		bridges = billing.Bridges(w.Catalog, w.Rules, w.customers[ref].facts, move, w.tx.Now)
		var changes []store.Change
		given := map[string]billing.Grant{}
		for i, b := range bridges {
			if b.Grant.ID != "" {
				continue
			}
			grant, done := given[b.Grant.Plan]
			if !done {
				numbers, err := w.tx.Numbers(ctx, 1)
				if err != nil {
					return nil, err
				}
				grant = b.Grant
				grant.ID, grant.At, grant.By, grant.Reason = fmt.Sprintf("gr_%d", numbers[0]), w.tx.Now, cause.Actor, reason
				change, err := w.putGrant(ctx, ref, billing.Granted, nil, grant)
				if err != nil {
					return nil, err
				}
				given[grant.Plan], changes = grant, append(changes, change)
			}
			bridges[i].Grant = grant
		}
		if len(changes) == 0 {
			return nil, errUnchanged
		}
		return changes, nil
	})
	return bridges, err
}

// Bridging is a grant that bridges somebody's move.
type Bridging struct {
	Customer string
	billing.Grant
}

// Bridging lists the grants that bridge a move away from an account and stand, some
// at a time: of at most limit grants of any kind, after a place that it named. Next
// is empty at the end.
func (a *Applier) Bridging(ctx context.Context, account, after string, limit int) (grants []Bridging, next string, err error) {
	rows, err := a.DB.GrantsAfter(ctx, after, limit)
	if err != nil {
		return nil, "", err
	}
	now := a.DB.Now()
	for _, row := range rows {
		var grant billing.Grant
		if err := json.Unmarshal([]byte(row.Doc), &grant); err != nil {
			return nil, "", err
		}
		if grant.From == account && grant.RevokedAt.IsZero() && grant.Until.After(now) {
			grants = append(grants, Bridging{row.Customer, grant})
		}
	}
	if len(rows) == limit {
		next = rows[limit-1].ID
	}
	return grants, next, nil
}
