package apply

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
)

// The kinds of drift.
const (
	// DriftMissing: the provider has it, the ledger had not. DriftStale: the
	// ledger said something else. DriftGone, DriftReturned: it was deleted, or
	// is there again. All are healed by being found.
	DriftMissing  = "missing"
	DriftStale    = "stale"
	DriftGone     = "gone"
	DriftReturned = "returned"
	// DriftUnmapped: a live subscription has a price that is in no plan.
	// DriftUnlinked: a live subscription belongs to nobody we know. DriftDuplicate:
	// a customer pays for a newer one besides, be it at another provider. All stay
	// open until somebody acts.
	DriftUnmapped  = "unmapped_price"
	DriftUnlinked  = "unlinked"
	DriftDuplicate = "duplicate"
)

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

// standing lists what is wrong with the subscriptions just seen that looking
// cannot heal, and closes what is no longer wrong.
func (w *writing) standing(ctx context.Context) ([]store.Drift, error) {
	wrong, refs := w.duplicates()
	// Also those that are as they were: the plans may be others.
	for _, r := range slices.Concat(w.order, w.same) {
		s, isSubscription := r.is.(billing.Subscription)
		if !isSubscription || r.sight != nil && r.sight.outcome.Overtaken {
			continue
		}
		if !slices.Contains(refs, r.next.Key) {
			refs = append(refs, r.next.Key)
		}
		for _, kind := range w.wrongs(r, s) {
			d := store.Drift{
				Account: r.next.Account, Kind: kind, Subject: r.next.Kind, Object: r.next.ID, Customer: r.next.Customer,
				Diff: jsonText([]billing.FieldDiff{}), FoundBy: string(Time), State: "open",
			}
			if r.sight != nil {
				d.FoundBy = string(r.sight.cause.Trigger)
			}
			wrong[[2]string{r.next.Key, kind}] = d
		}
	}
	if len(refs) == 0 {
		return nil, nil
	}
	open, err := w.tx.OpenDrift(ctx, refs)
	if err != nil {
		return nil, err
	}
	healed := map[string][]string{} // by who heals
	for _, d := range open {
		name := [2]string{d.Account + "/" + d.Subject + "/" + d.Object, d.Kind}
		if _, still := wrong[name]; !still && w.settles(d) {
			by := w.healer(d)
			healed[by] = append(healed[by], d.ID)
		}
		delete(wrong, name)
	}
	for _, by := range sortedKeys(healed) {
		if err := w.tx.HealDrift(ctx, healed[by], by); err != nil {
			return nil, err
		}
	}
	var findings []store.Drift
	for _, d := range wrong {
		findings = append(findings, d)
	}
	slices.SortFunc(findings, func(a, b store.Drift) int { return strings.Compare(a.Object+a.Kind, b.Object+b.Kind) })
	return findings, nil
}

// settles reports whether this writing knows enough to say that something is no
// longer wrong: whether a subscription is one too many takes all of its customer's.
func (w *writing) settles(d store.Drift) bool {
	if d.Kind == DriftDuplicate {
		return slices.Contains(w.subscribers(), d.Customer)
	}
	key := d.Account + "/" + d.Subject + "/" + d.Object
	return w.rows[key] != nil || slices.ContainsFunc(w.same, func(r *row) bool { return r.next.Key == key })
}

// healer says how we came to see that something is no longer wrong.
func (w *writing) healer(d store.Drift) string {
	key := d.Account + "/" + d.Subject + "/" + d.Object
	if r := w.rows[key]; r != nil && r.sight != nil {
		return string(r.sight.cause.Trigger)
	}
	for _, r := range w.same {
		if r.next.Key == key {
			return string(r.sight.cause.Trigger)
		}
	}
	if c := w.customers[d.Customer]; c != nil && c.cause.Trigger != "" {
		return string(c.cause.Trigger)
	}
	return string(Follow)
}

// duplicates finds, among the customers whose subscriptions changed, those who
// have more than one that will go on: all but the newest are one too many. It also
// lists all their subscriptions, for what is no longer wrong.
func (w *writing) duplicates() (wrong map[[2]string]store.Drift, refs []string) {
	wrong = map[[2]string]store.Drift{}
	for _, ref := range w.subscribers() {
		var live []billing.Held[billing.Subscription]
		for _, s := range w.customers[ref].facts.Subscriptions {
			refs = append(refs, s.Account+"/"+string(billing.KindSubscription)+"/"+s.ID)
			if s.Object.Live() && s.Object.CancelAt.IsZero() {
				live = append(live, s)
			}
		}
		if len(live) < 2 {
			continue
		}
		slices.SortFunc(live, func(a, b billing.Held[billing.Subscription]) int {
			return cmp.Or(a.Object.StartedAt.Compare(b.Object.StartedAt), strings.Compare(a.Account+a.ID, b.Account+b.ID))
		})
		newest := live[len(live)-1]
		besides := []billing.FieldDiff{{Field: "newer", After: json.RawMessage(jsonText(newest.Account + "/" + string(billing.KindSubscription) + "/" + newest.ID))}}
		for _, s := range live[:len(live)-1] {
			wrong[[2]string{s.Account + "/" + string(billing.KindSubscription) + "/" + s.ID, DriftDuplicate}] = store.Drift{
				Account: s.Account, Kind: DriftDuplicate, Subject: string(billing.KindSubscription), Object: s.ID, Customer: ref,
				Diff: jsonText(besides), FoundBy: string(w.customers[ref].cause.Trigger), State: "open",
			}
		}
	}
	return wrong, refs
}

// subscribers lists the customers whose subscriptions this writing changes.
func (w *writing) subscribers() []string {
	refs := map[string]bool{}
	for _, r := range w.order {
		if len(r.kinds) > 0 && r.next.Kind == string(billing.KindSubscription) && w.customers[r.next.Customer] != nil {
			refs[r.next.Customer] = true
		}
	}
	return sortedKeys(refs)
}

func (w *writing) wrongs(r *row, s billing.Subscription) []string {
	if !s.Live() || r.next.Gone {
		return nil
	}
	var kinds []string
	if r.next.Customer == "" {
		kinds = append(kinds, DriftUnlinked)
	}
	for _, item := range s.Items {
		if _, mapped := w.Catalog.ByPrice(r.next.Account, item.Price); !mapped {
			return append(kinds, DriftUnmapped)
		}
	}
	return kinds
}
