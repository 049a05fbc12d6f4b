package apply

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/fail"
	"github.com/trivetdev/trivet/internal/store"
)

// writing is one transaction under way: many looks, few statements.
type writing struct {
	*Applier
	tx     *store.Tx
	groups []*group
	// applied is the number of this writing, drawn after its rows were locked.
	applied int64

	held    map[string]store.Object
	rows    map[string]*row
	order   []*row // rows in the order in which they were folded
	checked map[string]int64
	// settled are the looks that were claimed, mended those that were not.
	settled map[string]int64
	mended  map[string]int64
	again   []store.Want
	same    []*row // linked rows that proved to be as they were
	orphans []store.Drift

	customers map[string]*customer
	changes   []store.Change
	// raised, effects and announced tell which queues there is work in.
	raised    bool
	effects   bool
	announced bool
}

// row is an object about to be written.
type row struct {
	sight *sight // nil if only a link is written
	// before is what was held; nil if nothing was.
	before *store.Object
	next   store.Object
	// was and is are the parsed documents; was is nil if nothing was held.
	was, is billing.Object
	kinds   []billing.ChangeKind
	change  int // index in writing.changes
	// again: the row was written already, and only its link is new.
	again bool
	// weak: this writing linked it because of other rows, who may be another's by now.
	// heir is whom it belongs to because of another row.
	weak bool
	heir heir
}

// commit writes groups in one transaction.
func (a *Applier) commit(ctx context.Context, groups []*group) error {
	var w *writing
	err := a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		w = &writing{
			Applier: a, tx: tx, groups: groups, rows: map[string]*row{}, checked: map[string]int64{},
			settled: map[string]int64{}, mended: map[string]int64{}, customers: map[string]*customer{},
		}
		return w.run(ctx)
	})
	if err != nil {
		return err
	}
	fail.Point("apply.committed")
	w.wake()
	for _, g := range groups {
		for _, s := range g.sights {
			a.Seen(s.cause.Trigger, s.outcome.Changed)
		}
	}
	return nil
}

// run is the path, step by step. The order of the steps is the order of the
// locks: objects, customers, work. Work comes last, for looks of one customer's
// objects raise each other.
func (w *writing) run(ctx context.Context) error {
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"hold claims", w.hold},
		{"read the ledger", w.read},
		{"read what was told", w.recall},
		{"fold", w.fold},
		{"drop old news", w.outdated},
		{"doubt burials", w.burials},
		{"link", w.link},
		{"write objects", w.put},
		{"keep attempts", w.tried},
		{"link dependents", w.spread},
		{"record", w.record},
		{"decide access", w.decide},
		{"react", w.react},
		{"note drift", w.drift},
		{"write the audit trail", w.audit},
		{"raise looks", w.raise},
		{"finish", w.finish},
	} {
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}

// hold finds out which claims are still ours; finish makes sure of it.
func (w *writing) hold(ctx context.Context) error {
	var claims []store.Claim
	for _, g := range w.groups {
		g.lost = false
		if g.claim != nil {
			claims = append(claims, *g.claim)
		}
	}
	held, err := w.tx.Held(ctx, claims)
	for _, g := range w.groups {
		g.lost = g.claim != nil && !held[g.claim.ID]
	}
	return err
}

// sights visits every sight of every group whose claim is held.
func (w *writing) sights(visit func(*sight)) {
	for _, g := range w.groups {
		if g.lost {
			continue
		}
		for _, s := range g.sights {
			visit(s)
		}
	}
}

// read locks the rows that will be compared and draws this writing's number:
// after the lock, so that the numbers of one row's writings are in the order of
// the writings.
func (w *writing) read(ctx context.Context) error {
	var keys []string
	w.sights(func(s *sight) { keys = append(keys, s.ref.String()) })
	objects, err := w.tx.LockObjects(ctx, keys)
	if err != nil {
		return err
	}
	w.held = make(map[string]store.Object, len(objects))
	for _, o := range objects {
		w.held[o.Key] = o
	}
	numbers, err := w.tx.Numbers(ctx, 1)
	if err != nil {
		return err
	}
	w.applied = numbers[0]
	return nil
}

// put writes the rows that changed, by the ordering rule.
func (w *writing) put(ctx context.Context) error {
	return w.write(ctx, w.order)
}

// write writes rows; those that something newer landed on are taken out.
func (w *writing) write(ctx context.Context, rows []*row) error {
	var objects, fresh []store.Object
	for _, r := range rows {
		if len(r.kinds) == 0 { // still unlinked, and nothing else is new
			w.checked[r.next.Key] = r.sight.begun
			continue
		}
		if r.next.Applied = w.applied; r.sight != nil && !r.again {
			r.next.Begun = r.sight.begun
		} else {
			r.next.Begun = w.applied
		}
		r.next.ChangedAt = w.tx.Now
		if r.before == nil && !r.again {
			fresh = append(fresh, r.next)
		} else {
			objects = append(objects, r.next)
		}
	}
	if len(objects)+len(fresh) == 0 {
		return nil
	}
	written, err := w.store(ctx, objects, fresh)
	if err != nil {
		return err
	}
	for _, r := range rows {
		switch {
		case len(r.kinds) == 0:
		case r.sight == nil && !written[r.next.Key]: // it was locked, so this cannot be; a link must not be told and not written
			return fmt.Errorf("link %s: something newer is there", r.next.Key)
		case r.sight == nil:
		case !written[r.next.Key]: // a row that was not there to be locked a moment ago
			r.kinds = nil
			r.sight.outcome.Overtaken = true
			w.unsettle(r.next.Key)
		default:
			r.sight.outcome.Changed = true
			r.sight.outcome.Customer = r.next.Customer
		}
	}
	return nil
}

// store writes rows that were there and rows that were not, and returns the keys
// of those that were written.
func (w *writing) store(ctx context.Context, objects, fresh []store.Object) (map[string]bool, error) {
	written, err := w.tx.PutObjects(ctx, objects)
	if err != nil {
		return nil, err
	}
	added, err := w.tx.AddObjects(ctx, fresh)
	maps.Copy(written, added)
	return written, err
}

// raise asks for looks at what is related to the objects that changed, unless
// they were looked at since. A sweep visits them anyway.
func (w *writing) raise(ctx context.Context) error {
	wanted := map[string]store.Want{}
	begun := map[string]int64{}
	for _, r := range w.order {
		if r.sight == nil || len(r.kinds) == 0 || r.sight.cause.Trigger == Sweep {
			continue
		}
		for _, ref := range r.sight.snapshot.Related {
			key := ref.String()
			wanted[key] = store.Want{Queue: store.QueueLook, Key: key, Cause: Cause{Trigger: follow(r.sight.cause.Trigger), Event: r.next.Key}.text()}
			begun[key] = r.sight.begun
		}
	}
	if len(wanted) > 0 {
		known, err := w.tx.ObjectsNamed(ctx, sortedKeys(wanted))
		if err != nil {
			return err
		}
		for _, o := range known {
			if o.Checked > begun[o.Key] {
				delete(wanted, o.Key)
			}
		}
	}
	if err := w.revive(ctx); err != nil {
		return err
	}
	w.sights(func(s *sight) {
		if s.outcome.Overtaken && !s.looked { // a look repeats itself
			w.again = append(w.again, store.Want{Queue: store.QueueLook, Key: s.ref.String(), Cause: s.cause.text()})
		}
	})
	wants := w.again
	for _, key := range sortedKeys(wanted) {
		if _, now := w.rows[key]; !now {
			wants = append(wants, wanted[key])
		}
	}
	if err := w.tx.LockWork(ctx, w.finished(), wants); err != nil || len(wants) == 0 {
		return err
	}
	w.raised = true
	numbers, err := w.tx.Numbers(ctx, 1)
	if err != nil {
		return err
	}
	return w.tx.Raise(ctx, numbers[0], wants)
}

// revive gives looks that were given up another try if a list shows their object
// in a form that can be read: whatever was wrong may be over, and events wait for
// a look.
func (w *writing) revive(ctx context.Context) error {
	causes := map[string]string{}
	w.sights(func(s *sight) {
		if !s.looked {
			causes[s.ref.String()] = s.cause.text()
		}
	})
	if len(causes) == 0 {
		return nil
	}
	dead, err := w.tx.DeadLooks(ctx, sortedKeys(causes))
	for _, key := range dead {
		w.again = append(w.again, store.Want{Queue: store.QueueLook, Key: key, Cause: causes[key]})
	}
	return err
}

// follow is the trigger of a look that another look led to. What reconciliation
// leads to is found by reconciliation.
func follow(trigger Trigger) Trigger {
	if trigger.reconciling() {
		return trigger
	}
	return Follow
}

// finished lists the claims that this writing completes.
func (w *writing) finished() (done []store.Claim) {
	for _, g := range w.groups {
		if g.claim != nil && !g.lost && !g.sights[0].outcome.Overtaken && !g.sights[0].withheld {
			done = append(done, *g.claim)
		}
	}
	return done
}

// finish completes the claims and the events.
func (w *writing) finish(ctx context.Context) error {
	if err := w.tx.Finish(ctx, w.finished(), time.Time{}); err != nil {
		return err
	}
	if err := w.tx.MarkChecked(ctx, w.checked); err != nil {
		return err
	}
	if err := w.tx.Mend(ctx, w.mended); err != nil {
		return err
	}
	settled, err := w.tx.Settle(ctx, w.settled) // after Finish: see there
	if err != nil {
		return err
	}
	return w.doubt(ctx, settled)
}
