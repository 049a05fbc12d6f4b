package reconcile

import (
	"context"
	"fmt"
	"slices"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// Customer reads everything that the providers have about one customer, now. It
// returns how many objects it compared and how many were different. An account
// that fails does not keep the others from being read. A provider without
// customers (PayPal) is asked for what the ledger knows to be theirs.
func (r *Reconciler) Customer(ctx context.Context, ref, account string) (compared, changed int, err error) {
	linked, err := r.DB.Objects(ctx, store.ObjectFilter{Customer: ref, Account: account, Kind: string(billing.KindCustomer), Present: true, Limit: 1000})
	if err != nil {
		return 0, 0, err
	}
	shared, err := r.sharedOwners(ctx, ref, account)
	if err != nil {
		return 0, 0, err
	}
	for _, owner := range shared {
		if !slices.ContainsFunc(linked, func(o store.Object) bool { return o.Key == owner.Key }) {
			linked = append(linked, owner)
		}
	}
	var failures []error
	for _, owner := range linked {
		driver, known := r.Apply.Drivers[owner.Account]
		if !known {
			continue
		}
		c, d, err := r.owner(ctx, driver, owner)
		compared, changed = compared+c, changed+d
		if err != nil {
			failures = append(failures, err)
		}
	}
	for name, driver := range r.Apply.Drivers {
		if account != "" && account != name || slices.Contains(driver.Kinds(), billing.KindCustomer) {
			continue
		}
		c, d, err := r.known(ctx, ref, name)
		compared, changed = compared+c, changed+d
		if err != nil {
			failures = append(failures, err)
		}
	}
	if len(failures) > 0 {
		return compared, changed, fmt.Errorf("reconcile customer %s: %w", ref, failures[0])
	}
	return compared, changed, nil
}

// sharedOwners are the providers' customers under whom a customer has bought, where
// those may be linked to somebody else.
func (r *Reconciler) sharedOwners(ctx context.Context, ref, account string) (owners []store.Object, err error) {
	seen := map[string]bool{}
	for after := ""; ; {
		rows, err := r.DB.Objects(ctx, store.ObjectFilter{Customer: ref, Account: account, Present: true, After: after, Limit: 1000})
		if err != nil || len(rows) == 0 {
			return owners, err
		}
		for _, o := range rows {
			driver, known := r.Apply.Drivers[o.Account]
			if o.Owner == "" || !known || !provider.OwnersShared(driver) {
				continue
			}
			key := provider.Ref{Account: o.Account, Kind: billing.KindCustomer, ID: o.Owner}.String()
			if !seen[key] {
				seen[key] = true
				owners = append(owners, store.Object{Key: key, Account: o.Account, ID: o.Owner})
			}
		}
		after = rows[len(rows)-1].Key
	}
}

// known looks at every object of a customer that the ledger has of an account.
func (r *Reconciler) known(ctx context.Context, ref, account string) (compared, changed int, err error) {
	var total Progress
	filter := store.ObjectFilter{Customer: ref, Account: account, Present: true, Limit: 200}
	for {
		rows, err := r.DB.Objects(ctx, filter)
		if err != nil || len(rows) == 0 {
			return total.Objects, total.Changed, err
		}
		for _, row := range rows {
			object := provider.Ref{Account: row.Account, Kind: billing.Kind(row.Kind), ID: row.ID}
			outcomes, err := r.Apply.Refs(ctx, apply.Cause{Trigger: apply.Sweep, Event: row.Key}, object)
			if err != nil {
				return total.Objects, total.Changed, err
			}
			total.count(outcomes)
		}
		filter.After = rows[len(rows)-1].Key
	}
}

// owner reads what a provider has about one of its customers.
func (r *Reconciler) owner(ctx context.Context, driver provider.Driver, owner store.Object) (compared, changed int, err error) {
	cause := apply.Cause{Trigger: apply.Sweep, Event: owner.Key}
	outcomes, err := r.Apply.Refs(ctx, cause, provider.Ref{Account: owner.Account, Kind: billing.KindCustomer, ID: owner.ID})
	if err != nil {
		return 0, 0, err
	}
	var total Progress
	total.count(outcomes)
	for _, kind := range provider.Listed(driver) {
		if kind == billing.KindCustomer {
			continue
		}
		if err := r.owned(ctx, driver, provider.Query{Kind: kind, Owner: owner.ID}, cause, &total); err != nil {
			return total.Objects, total.Changed, err
		}
	}
	return total.Objects, total.Changed, nil
}

// owned reads the list of one kind that a provider's customer has.
func (r *Reconciler) owned(ctx context.Context, driver provider.Driver, query provider.Query, cause apply.Cause, total *Progress) error {
	for {
		number, err := r.DB.Number(ctx)
		if err != nil {
			return err
		}
		page, err := driver.List(ctx, query)
		if err != nil {
			return err
		}
		outcomes, failed, err := r.Apply.Write(ctx, apply.Page{Cause: cause, Begun: number, Snapshots: page.Snapshots})
		if err != nil {
			return err
		}
		total.count(outcomes)
		if err := r.unread(ctx, append(page.Unread, failed...)); err != nil {
			return err
		}
		if query.After = page.Next; query.After == "" {
			return nil
		}
	}
}
