package apply

import (
	"context"
	"errors"
	"fmt"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// Taken says that an object belongs to another customer already.
type Taken struct {
	Ref      provider.Ref
	Customer string
}

// Error implements error.
func (e *Taken) Error() string {
	return fmt.Sprintf("%s belongs to customer %q already", e.Ref, e.Customer)
}

// Link says whose an object is that nothing else could tell. What belongs to it
// (the provider's customer, its other purchases, refunds …) is linked with it,
// and access decided anew. Linking to the same customer again changes nothing.
// The errors are [*Taken], [*Invalid], and [store.ErrNotFound] if the ledger has
// no such object.
func (a *Applier) Link(ctx context.Context, ref provider.Ref, owner string, cause Cause) error {
	return a.Move(ctx, ref, "", owner, cause)
}

// Move is [Applier.Link] for an object that turned out to be somebody else's: it
// takes it, and what hangs on it and does not say itself whose it is, from the
// customer whose it was taken for. The error is [*Taken] if it is not theirs.
func (a *Applier) Move(ctx context.Context, ref provider.Ref, from, owner string, cause Cause) error {
	if err := billing.CheckRef(owner); err != nil {
		return &Invalid{err.Error()}
	}
	var w *writing
	err := a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		w = &writing{
			Applier: a, tx: tx, rows: map[string]*row{}, checked: map[string]int64{},
			settled: map[string]int64{}, customers: map[string]*customer{},
		}
		return w.linkByHand(ctx, ref, from, owner, cause)
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	if err == nil {
		w.wake()
	}
	return err
}

// linkByHand is the part of the path that begins after the look.
func (w *writing) linkByHand(ctx context.Context, ref provider.Ref, from, owner string, cause Cause) error {
	r, err := w.free(ctx, ref, from, owner)
	if err != nil {
		return err
	}
	r.bind(owner)
	w.rows[r.next.Key], w.order = r, []*row{r}
	if err := w.welcome(ctx, owner, cause); err != nil {
		return err
	}
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"write the object", w.put},
		{"link dependents", w.spread},
		{"record", w.record},
		{"decide access", w.decide},
		{"name who did it", func(context.Context) error { w.attribute(r, cause); return nil }},
		{"react", w.react},
		{"note drift", w.drift},
		{"write the audit trail", w.audit},
	} {
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}

// free locks an object that is nobody's, or is to be taken from a customer, and draws
// the number of this writing.
func (w *writing) free(ctx context.Context, ref provider.Ref, from, owner string) (*row, error) {
	objects, err := w.tx.LockObjects(ctx, []string{ref.String()})
	if err != nil {
		return nil, err
	}
	if len(objects) == 0 {
		return nil, store.ErrNotFound
	}
	held := objects[0]
	switch held.Customer {
	case owner:
		return nil, errUnchanged
	case "", from:
	default:
		return nil, &Taken{Ref: ref, Customer: held.Customer}
	}
	numbers, err := w.tx.Numbers(ctx, 1)
	if err != nil {
		return nil, err
	}
	w.applied = numbers[0]
	object, err := billing.ParseObject(billing.Kind(held.Kind), []byte(held.Doc))
	return &row{before: &held, next: held, was: object, is: object}, err
}

// attribute puts the change of one row, and what it means for access, down to
// whoever asked for it; what was linked with it follows from that.
func (w *writing) attribute(r *row, cause Cause) {
	for i := range w.changes {
		change := &w.changes[i]
		if i == r.change || change.Subject == store.SubjectAccess {
			change.Trigger, change.Event, change.Actor = string(cause.Trigger), cause.Event, cause.Actor
		}
	}
}
