package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/policy"
)

// soonest is how long a policy waits at least between two reviews of a customer
// whom nothing happened to: one that asks for a time that is past would never rest.
const soonest = time.Minute

// review asks the policies how things stand with the customers whose access was
// just decided: what is called for, and when to ask again.
func (w *writing) review(ctx context.Context) error {
	if len(w.reviewers) == 0 || len(w.customers) == 0 {
		return nil
	}
	refs := sortedKeys(w.customers)
	next := make(map[string]time.Time, len(refs))
	called := map[string]bool{}
	var effects []store.Effect
	for _, ref := range refs {
		asked, at, err := w.reviewed(w.known(w.customers[ref]))
		if err != nil {
			return err
		}
		next[ref] = at
		for _, e := range asked {
			called[e.Key] = true
		}
		effects = append(effects, asked...)
	}
	if err := w.demand(ctx, effects); err != nil {
		return err
	}
	if err := w.withdraw(ctx, refs, called); err != nil {
		return err
	}
	if err := w.takeDown(ctx, refs, called); err != nil {
		return err
	}
	if err := w.tx.SetReviews(ctx, next); err != nil {
		return err
	}
	return w.turnAt(ctx, billing.Earliest(slices.Collect(maps.Values(next))...))
}

// reviewed asks every reviewer about one customer.
func (w *writing) reviewed(known policy.Known) (effects []store.Effect, next time.Time, err error) {
	for _, r := range w.reviewers {
		actions, at, err := consult(r, known, w.tx.Now)
		if err != nil {
			return nil, next, err
		}
		for _, action := range actions {
			e := effectOf(action, r.Name(), known.Customer.Ref)
			e.Standing = true
			effects = append(effects, e)
		}
		if !at.IsZero() && at.Before(w.tx.Now.Add(soonest)) {
			at = w.tx.Now.Add(soonest)
		}
		next = billing.Earliest(next, at)
	}
	return effects, next, nil
}

// withdraw drops the proposals that nothing calls for any more. What is to be done
// already is asked about right before it is done.
func (w *writing) withdraw(ctx context.Context, refs []string, called map[string]bool) error {
	proposed, err := w.tx.Proposed(ctx, refs)
	if err != nil {
		return err
	}
	for _, e := range proposed {
		if called[e.Key] || w.reviewer(e.Policy) == nil {
			continue
		}
		if err := w.tx.SetEffect(ctx, e.Key, store.EffectDropped, store.NotCalledFor, ""); err != nil {
			return err
		}
	}
	return nil
}

// takeDown ends the notices in the application that nothing calls for any more: the
// payment went through.
func (w *writing) takeDown(ctx context.Context, refs []string, called map[string]bool) error {
	shown, err := w.tx.StandingNotices(ctx, refs)
	if err != nil {
		return err
	}
	for _, n := range shown {
		if called[n.Key] {
			continue
		}
		if _, err := w.tx.EndNotice(ctx, n.Customer, n.Seq); err != nil {
			return err
		}
	}
	return nil
}

// consult asks one reviewer; see [heed].
func consult(r policy.Reviewer, known policy.Known, now time.Time) (actions []policy.Action, next time.Time, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("policy %s: panic: %v", r.Name(), cause)
		}
	}()
	actions, next = r.Review(known, now)
	return actions, next, nil
}

// reviewer finds one by name; nil: it is not configured, or no reviewer.
func (a *Applier) reviewer(name string) policy.Reviewer {
	for _, r := range a.reviewers {
		if r.Name() == name {
			return r
		}
	}
	return nil
}

// Known is what policies may know of a customer now. The error is [store.ErrNotFound] if
// there is no such customer.
func (a *Applier) Known(ctx context.Context, ref string) (known policy.Known, err error) {
	err = a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		w := &writing{Applier: a, tx: tx, customers: map[string]*customer{}}
		if err := w.load(ctx, map[string]Cause{ref: {}}); err != nil {
			return err
		}
		c := w.customers[ref]
		if c == nil {
			return store.ErrNotFound
		}
		known = w.known(c)
		return nil
	})
	return known, err
}

// Stand is how things stand for an effect.
type Stand struct {
	// Known is what is known of its customer.
	Known policy.Known
	// Called tells whether it is still called for; an effect that no review asked for
	// always is.
	Called bool
	// Details are those with which it is called for now; nil: they are as recorded.
	Details json.RawMessage
	// Mode is how far it may go.
	Mode policy.Mode
}

// Standing tells how things stand for an effect that is about to be carried out.
func (a *Applier) Standing(ctx context.Context, e store.Effect) (s Stand, err error) {
	err = a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		w := &writing{Applier: a, tx: tx, customers: map[string]*customer{}}
		modes, err := w.modes(ctx)
		if err != nil {
			return err
		}
		s = Stand{Called: true, Mode: modes.For(e.Account, e.Policy, e.Customer)}
		if e.Customer == "" {
			return nil
		}
		if err := w.load(ctx, map[string]Cause{e.Customer: {}}); err != nil {
			return err
		}
		c := w.customers[e.Customer]
		if c == nil {
			return fmt.Errorf("effect %s: there is no customer %s", e.Key, e.Customer)
		}
		s.Known = w.known(c)
		now, err := w.stillCalled(s.Known, e)
		if s.Called = now != nil; s.Called {
			s.Details = now.Details
		}
		if s.Called && now.Asked {
			s.Mode = policy.Enforce
		}
		return err
	})
	return s, err
}

// stillCalled is the action that an effect is now; nil: nothing calls for it any more.
// One that no review asks for has no details but the effect's.
func (w *writing) stillCalled(known policy.Known, e store.Effect) (*policy.Action, error) {
	r := w.reviewer(e.Policy)
	if !e.Standing || r == nil {
		return &policy.Action{}, nil
	}
	actions, _, err := consult(r, known, w.tx.Now)
	i := slices.IndexFunc(actions, func(action policy.Action) bool { return action.Key == e.Key })
	if i < 0 {
		return nil, err
	}
	return &actions[i], err
}

// modes are the modes as configured and switched.
func (w *writing) modes(ctx context.Context) (policy.Modes, error) {
	rows, err := w.tx.Switches(ctx)
	if err != nil {
		return w.Modes, err
	}
	return modesWith(w.Modes, rows)
}

func modesWith(m policy.Modes, rows []store.Switch) (policy.Modes, error) {
	switched := map[string]policy.Mode{}
	for _, s := range rows {
		if s.Scope != store.SwitchBrake {
			switched[s.Scope] = policy.Mode(s.Value)
		}
	}
	return m.With(switched)
}
