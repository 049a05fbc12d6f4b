package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/policy"
)

// Switched tells the modes that count now, and whether the brake is on.
func (a *Applier) Switched(ctx context.Context) (modes policy.Modes, switches []store.Switch, err error) {
	if switches, err = a.DB.Switches(ctx); err != nil {
		return modes, nil, err
	}
	modes, err = modesWith(a.Modes, switches)
	return modes, switches, err
}

// Braked reports whether the brake is on: no money moves.
func (a *Applier) Braked(ctx context.Context) (bool, error) {
	switches, err := a.DB.Switches(ctx)
	return slices.ContainsFunc(switches, func(s store.Switch) bool { return s.Scope == store.SwitchBrake }), err
}

// SetMode switches the mode of a scope ("global", "provider/NAME",
// "policy/NAME"); an empty mode gives it back to the configuration. Everybody is
// reviewed soon after, so that what still stands and was held back moves on. What
// is wrong comes back as an [*Invalid].
func (a *Applier) SetMode(ctx context.Context, scope string, mode policy.Mode, cause Cause) error {
	if err := a.switchable(scope, mode); err != nil {
		return err
	}
	return a.flip(ctx, store.Switch{Scope: scope, Value: string(mode), Actor: cause.Actor}, cause)
}

// SetBrake stops all movements of money, or lets them go on.
func (a *Applier) SetBrake(ctx context.Context, on bool, cause Cause) error {
	s := store.Switch{Scope: store.SwitchBrake, Actor: cause.Actor}
	if on {
		s.Value = "on"
	}
	return a.flip(ctx, s, cause)
}

func (a *Applier) switchable(scope string, mode policy.Mode) error {
	if mode == "" {
		mode = policy.Observe // to check the scope
	}
	if _, err := a.Modes.With(map[string]policy.Mode{scope: mode}); err != nil {
		return &Invalid{err.Error()}
	}
	if account, ok := strings.CutPrefix(scope, policy.ScopeOfProvider("")); ok && a.Drivers[account] == nil {
		return invalidf("no provider account %q is configured: use one of %s", account, strings.Join(sortedKeys(a.Drivers), ", "))
	}
	name, ok := strings.CutPrefix(scope, policy.ScopeOfPolicy(""))
	if ok && !slices.ContainsFunc(a.Policies, func(p policy.Policy) bool { return p.Name() == name }) {
		var names []string
		for _, p := range a.Policies {
			names = append(names, p.Name())
		}
		return invalidf("there is no policy %q: use one of %s", name, strings.Join(names, ", "))
	}
	return nil
}

// flip writes a switch and tells the audit trail.
func (a *Applier) flip(ctx context.Context, s store.Switch, cause Cause) error {
	err := a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		w := &writing{Applier: a, tx: tx, customers: map[string]*customer{}}
		rows, err := tx.Switches(ctx)
		if err != nil {
			return err
		}
		was := ""
		for _, row := range rows {
			if row.Scope == s.Scope {
				was = row.Value
			}
		}
		if was == s.Value {
			return nil
		}
		if err := tx.SetSwitch(ctx, s); err != nil {
			return err
		}
		diff, err := billing.Diff(map[string]string{"value": was}, map[string]string{"value": s.Value})
		if err != nil {
			return err
		}
		w.changes = append(w.changes, store.Change{
			Subject: store.SubjectSwitch, ID: s.Scope, Kinds: kindList(billing.Switched), Diff: jsonText(diff),
			After: jsonText(map[string]string{"value": s.Value}), Trigger: string(cause.Trigger), Event: cause.Event, Actor: cause.Actor,
		})
		if err := w.number(ctx); err != nil {
			return err
		}
		if err := w.audit(ctx); err != nil {
			return err
		}
		if err := tx.ReviewAll(ctx); err != nil {
			return err
		}
		return w.turnAt(ctx, tx.Now)
	})
	if err != nil {
		return fmt.Errorf("switch %s: %w", s.Scope, err)
	}
	a.Wake(store.QueueTask)
	a.Wake(store.QueueEffect)
	return nil
}

// Decide accepts or rejects a proposal. The error is [store.ErrNotFound] if it is
// none, or no longer.
func (a *Applier) Decide(ctx context.Context, key string, accept bool, cause Cause) (e store.Effect, err error) {
	err = a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		w := &writing{Applier: a, tx: tx, customers: map[string]*customer{}}
		if e, err = tx.Decide(ctx, key, accept, cause.Actor); err != nil {
			return err
		}
		kind := billing.Rejected
		if accept {
			kind = billing.Accepted
		}
		w.changes = append(w.changes, store.Change{
			Subject: store.SubjectProposal, ID: key, Customer: e.Customer, Kinds: kindList(kind), Diff: "[]",
			After: jsonText(map[string]string{"state": e.State}), Trigger: string(cause.Trigger), Event: cause.Event, Actor: cause.Actor,
		})
		if err := w.number(ctx); err != nil {
			return err
		}
		return w.audit(ctx)
	})
	if err == nil && accept {
		a.Wake(store.QueueEffect)
	}
	return e, err
}
