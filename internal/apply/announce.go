package apply

import (
	"context"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
)

// announce marks the customers of whom the application is told something else from
// now on, and raises the work to tell it. What is told is read when it is told.
func (w *writing) announce(ctx context.Context) error {
	refs := w.concerned()
	if len(refs) == 0 {
		return nil
	}
	var last int64
	for _, c := range w.changes {
		last = max(last, c.Seq)
	}
	if err := w.tx.MarkChanged(ctx, refs, last); err != nil {
		return err
	}
	var wants []store.Want
	for _, endpoint := range w.Endpoints {
		for _, ref := range refs {
			wants = append(wants, store.Want{Queue: store.HookQueue(endpoint), Key: store.HookState + " " + ref})
		}
	}
	w.announced = len(wants) > 0
	return w.tx.Raise(ctx, last, wants)
}

// concerned lists the customers of whom anything changed that the application is
// told. All of them are locked: whoever's subscriptions, grants, credits or settings
// change is before their access is decided.
func (w *writing) concerned() []string {
	refs := map[string]bool{}
	for _, c := range w.changes {
		switch c.Subject {
		case store.SubjectAccess, store.SubjectSettings, store.SubjectGrant, store.SubjectCredits, string(billing.KindSubscription):
			refs[c.Customer] = true
		}
	}
	for _, r := range w.order { // who had it before has it no longer
		if len(r.kinds) > 0 && r.before != nil && r.next.Kind == string(billing.KindSubscription) {
			refs[r.before.Customer] = true
		}
	}
	delete(refs, "")
	return sortedKeys(refs)
}

// wake tells the queues that a writing, which is committed, left work in.
func (w *writing) wake() {
	if w.raised {
		w.Wake(store.QueueLook)
	}
	if w.effects {
		w.Wake(store.QueueEffect)
	}
	if w.announced {
		for _, endpoint := range w.Endpoints {
			w.Wake(store.HookQueue(endpoint))
		}
	}
}
