package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
)

// Invalid says what is wrong with what a person or the application asks for.
type Invalid struct{ Reason string }

// Error implements error.
func (e *Invalid) Error() string { return e.Reason }

func invalidf(format string, args ...any) error { return &Invalid{fmt.Sprintf(format, args...)} }

// Grant gives a customer access by hand: to a feature, or to all features of a
// plan. A customer whom nobody has heard of yet is made. The grant's ID, At and
// RevokedAt are set here. What is wrong with it comes back as an [*Invalid].
func (a *Applier) Grant(ctx context.Context, ref string, grant billing.Grant, cause Cause) (billing.Grant, error) {
	if err := billing.CheckRef(ref); err != nil {
		return grant, &Invalid{err.Error()}
	}
	if err := a.grantable(grant, a.DB.Now()); err != nil {
		return grant, err
	}
	if err := a.leavable(grant); err != nil {
		return grant, err
	}
	given := grant
	err := a.byHand(ctx, ref, cause, func(ctx context.Context, w *writing) (store.Change, error) {
		numbers, err := w.tx.Numbers(ctx, 1)
		if err != nil {
			return store.Change{}, err
		}
		given = grant
		given.ID, given.At, given.RevokedAt = fmt.Sprintf("gr_%d", numbers[0]), w.tx.Now, time.Time{}
		return w.putGrant(ctx, ref, billing.Granted, nil, given)
	})
	return given, err
}

// grantable reports what is wrong with a grant.
func (a *Applier) grantable(grant billing.Grant, now time.Time) error {
	const longest = 100
	_, planKnown := a.Catalog.ByID(grant.Plan)
	switch {
	case grant.Feature == "" && grant.Plan == "":
		return invalidf("the grant gives nothing: name a feature or a plan")
	case grant.Plan != "" && !planKnown:
		return invalidf("there is no plan %q: see [[plan]] in the configuration", grant.Plan)
	case len(grant.Feature) > longest || strings.ContainsFunc(grant.Feature, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }):
		return invalidf("%q is not a feature: use at most %d visible characters without spaces", grant.Feature, longest)
	case !grant.Until.IsZero() && !grant.Until.After(now):
		return invalidf("until %s is past: name a later time, or none for a grant without end", grant.Until.Format(time.RFC3339))
	}
	return nil
}

// leavable reports what is wrong with a grant that bridges a move.
func (a *Applier) leavable(grant billing.Grant) error {
	plan, _ := a.Catalog.ByID(grant.Plan)
	_, configured := a.Drivers[grant.From]
	switch {
	case grant.From == "":
	case grant.Plan == "" || grant.Feature != "":
		return invalidf("a grant that bridges a move away from %q gives what was bought there: name the plan and no feature", grant.From)
	case grant.Until.IsZero():
		return invalidf("a grant that bridges a move has an end: say with until by when the customer must have bought elsewhere")
	case !configured && len(plan.Prices[grant.From]) == 0:
		return invalidf("no provider account %q is configured, and plan %q has no price there: name the account that the customer leaves", grant.From, grant.Plan)
	}
	return nil
}

// Revoke takes a grant back. Taking it back twice changes nothing. The error is
// [store.ErrNotFound] if the customer has no such grant.
func (a *Applier) Revoke(ctx context.Context, ref, id string, cause Cause) (billing.Grant, error) {
	var grant billing.Grant
	err := a.byHand(ctx, ref, cause, func(ctx context.Context, w *writing) (store.Change, error) {
		rows, err := w.tx.GrantsOf(ctx, []string{ref})
		if err != nil {
			return store.Change{}, err
		}
		for _, row := range rows {
			if row.ID != id {
				continue
			}
			grant = billing.Grant{}
			if err := json.Unmarshal([]byte(row.Doc), &grant); err != nil {
				return store.Change{}, err
			}
			if !grant.RevokedAt.IsZero() {
				return store.Change{}, errUnchanged
			}
			was := grant
			grant.RevokedAt = w.tx.Now
			return w.putGrant(ctx, ref, billing.Revoked, was, grant)
		}
		return store.Change{}, store.ErrNotFound
	})
	return grant, err
}

// errUnchanged ends a writing that has nothing to write.
var errUnchanged = errors.New("nothing to change")

// putGrant writes a grant and says how the audit trail tells it.
func (w *writing) putGrant(ctx context.Context, ref string, kind billing.ChangeKind, was any, grant billing.Grant) (store.Change, error) {
	doc := jsonText(grant)
	diff, err := billing.Diff(was, grant)
	if err != nil {
		return store.Change{}, err
	}
	if err := w.tx.PutGrant(ctx, store.Grant{ID: grant.ID, Customer: ref, Doc: doc}); err != nil {
		return store.Change{}, err
	}
	return store.Change{
		Subject: store.SubjectGrant, ID: grant.ID, Customer: ref,
		Kinds: kindList(kind), Diff: jsonText(diff), After: doc,
	}, nil
}

// byHand makes one change of what is ours for one customer and decides their
// access anew, in one transaction.
func (a *Applier) byHand(ctx context.Context, ref string, cause Cause, change func(context.Context, *writing) (store.Change, error)) error {
	return a.allByHand(ctx, ref, cause, func(ctx context.Context, w *writing) ([]store.Change, error) {
		made, err := change(ctx, w)
		return []store.Change{made}, err
	})
}

// allByHand is byHand for several changes.
func (a *Applier) allByHand(ctx context.Context, ref string, cause Cause, change func(context.Context, *writing) ([]store.Change, error)) error {
	var w *writing
	err := a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		w = &writing{Applier: a, tx: tx, customers: map[string]*customer{}}
		if err := w.welcome(ctx, ref, cause); err != nil {
			return err
		}
		// Locked before the grants are read: two hands at once take turns.
		if _, err := tx.LockCustomers(ctx, []string{ref}); err != nil {
			return err
		}
		made, err := change(ctx, w)
		if err != nil {
			return err
		}
		for i := range made {
			made[i].Trigger, made[i].Event, made[i].Actor = string(cause.Trigger), cause.Event, cause.Actor
		}
		w.changes = append(w.changes, made...)
		if err := w.decideFor(ctx, map[string]Cause{ref: cause}); err != nil {
			return err
		}
		if err := w.tellPolicies(ctx, ref); err != nil {
			return err
		}
		return w.audit(ctx)
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	if err == nil {
		w.wake()
	}
	return err
}

// welcome makes sure that a customer exists.
func (w *writing) welcome(ctx context.Context, ref string, cause Cause) error {
	doc := jsonText(billing.Customer{Ref: ref})
	fresh, err := w.tx.MeetCustomers(ctx, []store.Customer{{Ref: ref, Doc: doc}})
	if err != nil || len(fresh) == 0 {
		return err
	}
	w.changes = append(w.changes, store.Change{
		Subject: store.SubjectSettings, ID: ref, Customer: ref, Kinds: kindList(billing.CustomerSet), Diff: "[]", After: doc,
		Trigger: string(cause.Trigger), Event: cause.Event, Actor: cause.Actor,
	})
	return nil
}
