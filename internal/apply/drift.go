package apply

import (
	"context"
	"slices"
	"strings"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
)

// The kinds of drift.
const (
	// DriftMissing: the provider has it, the ledger had not. DriftStale: the
	// ledger said something else; DriftWrongPlan, that it was of another plan.
	// DriftGone, DriftReturned: it was deleted, or is there again. All are healed by
	// being found.
	DriftMissing   = "missing"
	DriftStale     = "stale"
	DriftWrongPlan = "wrong_plan"
	DriftGone      = "gone"
	DriftReturned  = "returned"
	// DriftUnmapped: a live subscription has a price that is in no plan.
	// DriftUnlinked: a live subscription belongs to nobody we know.
	// DriftWrongCustomer: a purchase, or a customer of the provider, says since it was
	// linked that it belongs to somebody else. DriftDuplicate: a customer pays for a
	// newer subscription besides, be it at another provider. DriftEmail: the provider
	// writes to another address than the one that the application set. DriftOrphan:
	// the provider no longer shows it, nor too much else, and is not believed. All
	// stay open until somebody acts.
	DriftUnmapped      = "unmapped_price"
	DriftUnlinked      = "unlinked"
	DriftWrongCustomer = "wrong_customer"
	DriftDuplicate     = "duplicate"
	DriftEmail         = "email_differs"
	DriftOrphan        = "orphan"
)

// UnmappedPrice is the field in the diff of a [DriftUnmapped] that names the price.
const UnmappedPrice = "price"

// The impacts of drift.
const (
	PaidButBlocked  = "paid_but_blocked"
	UnpaidButActive = "unpaid_but_active"
)

// Backfill is the event of the sweep that fills an empty ledger: what it finds
// is not drift.
const Backfill = "backfill"

// drift records what reconciliation found, and what a person must see to.
func (w *writing) drift(ctx context.Context) error {
	healed, err := w.found(ctx)
	if err != nil {
		return err
	}
	open, err := w.standing(ctx)
	if err != nil {
		return err
	}
	return w.tx.AddDrift(ctx, append(healed, open...))
}

// found lists the rows that only reconciliation noticed. An object about which
// a webhook has come, and waits to be worked on, was not missed.
func (w *writing) found(ctx context.Context) ([]store.Drift, error) {
	var rows []*row
	var keys []string
	for _, r := range w.order {
		if r.sight == nil || len(r.kinds) == 0 || !r.sight.cause.Trigger.reconciling() {
			continue
		}
		if r.before == nil && (r.sight.cause.Event == Backfill || unannounced(r.is)) {
			continue
		}
		rows, keys = append(rows, r), append(keys, r.next.Key)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	pending, err := w.tx.Pending(ctx, keys)
	if err != nil {
		return nil, err
	}
	var findings []store.Drift
	for _, r := range rows {
		if !strings.HasPrefix(pending[r.next.Key], string(Webhook)) {
			findings = append(findings, w.finding(r))
		}
	}
	return findings, nil
}

// unannounced reports whether no webhook tells of an object as it is: providers
// say nothing of a checkout that has only been opened.
func unannounced(object billing.Object) bool {
	checkout, ok := object.(billing.Checkout)
	return ok && checkout.Status == billing.CheckoutOpen
}

func (w *writing) finding(r *row) store.Drift {
	kind := DriftStale
	switch {
	case r.before == nil:
		kind = DriftMissing
	case slices.Contains(r.kinds, billing.Vanished):
		kind = DriftGone
	case slices.Contains(r.kinds, billing.Returned):
		kind = DriftReturned
	case w.replanned(r):
		kind = DriftWrongPlan
	}
	by := string(r.sight.cause.Trigger)
	d := store.Drift{
		Account: r.next.Account, Kind: kind, Subject: r.next.Kind, Object: r.next.ID, Customer: r.next.Customer,
		Diff: w.changes[r.change].Diff, FoundBy: by, State: "healed", HealedAt: w.tx.Now, HealedBy: by,
	}
	if r.before != nil {
		d.Since = r.before.CheckedAt
	}
	if c := w.customers[r.next.Customer]; c != nil && slices.Contains(billing.AccessKinds(), billing.Kind(r.next.Kind)) {
		switch {
		case c.gained:
			d.Impact = PaidButBlocked
		case c.lost:
			d.Impact = UnpaidButActive
		}
	}
	return d
}

// replanned reports whether the ledger had a subscription under another plan.
func (w *writing) replanned(r *row) bool {
	was, _ := r.was.(billing.Subscription)
	is, isSubscription := r.is.(billing.Subscription)
	ids := func(s billing.Subscription) (ids []string) {
		for _, plan := range w.Catalog.PlansOf(r.next.Account, s) {
			ids = append(ids, plan.ID)
		}
		return ids
	}
	return isSubscription && !slices.Equal(ids(was), ids(is))
}
