package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// Unproven says why a key is not taken for that of the account whose objects the
// ledger holds, so that nothing of it is buried.
type Unproven struct{ Reason string }

// Error implements error.
func (e *Unproven) Error() string { return e.Reason }

// Missed are objects that the provider seems to have lost, and was not believed to.
type Missed struct {
	// Absent are those that a look just now did not find either; Looked counts the
	// looks.
	Absent []store.Object
	Looked int
	// Next continues the list; empty at its end.
	Next string
}

// Missing looks for objects of an account that were not seen lately: those whose
// burial was withheld, and those that the last complete sweep did not see. It looks
// at no more than limit of them, after a place that it named, and writes nothing. The
// error is as of [Reconciler.Bury] if the key may be another account's.
func (r *Reconciler) Missing(ctx context.Context, account string, after string, limit int) (Missed, error) {
	rows, next, err := r.unseen(ctx, account, after, limit)
	missed := Missed{Next: next}
	if err != nil || len(rows) == 0 {
		return missed, err
	}
	if after == "" { // or with the wrong key everything would be listed
		refs := make([]provider.Ref, len(rows))
		for i, o := range rows {
			refs[i] = refOf(o)
		}
		if err := r.prove(ctx, account, refs); err != nil {
			return missed, err
		}
	}
	for _, o := range rows {
		absent, err := r.Apply.Absent(ctx, refOf(o))
		if err != nil {
			return missed, err
		}
		if missed.Looked++; absent {
			missed.Absent = append(missed.Absent, o)
		}
	}
	return missed, nil
}

func refOf(o store.Object) provider.Ref {
	return provider.Ref{Account: o.Account, Kind: billing.Kind(o.Kind), ID: o.ID}
}

// The places of [Reconciler.Missing]: the number of a finding, then the key of an
// object.
const (
	findingPlace = "finding "
	objectPlace  = "object "
)

// Place reports whether a text is a place of [Reconciler.Missing], or empty.
func Place(text string) bool {
	seq, finding := strings.CutPrefix(text, findingPlace)
	n, err := strconv.ParseInt(seq, 10, 64)
	return text == "" || strings.HasPrefix(text, objectPlace) && utf8.ValidString(text) || finding && err == nil && n > 0
}

// unseen lists some of the objects that are kept and were not seen lately.
func (r *Reconciler) unseen(ctx context.Context, account, after string, limit int) (rows []store.Object, next string, err error) {
	if key, swept := strings.CutPrefix(after, objectPlace); swept {
		return r.unswept(ctx, account, key, limit)
	}
	filter := store.DriftFilter{Account: account, Kind: apply.DriftOrphan, State: "open", Limit: limit}
	if seq, some := strings.CutPrefix(after, findingPlace); some {
		if filter.Before, err = strconv.ParseInt(seq, 10, 64); err != nil {
			return nil, "", fmt.Errorf("%q is no place in the list: %w", after, err)
		}
	}
	orphans, err := r.DB.Drift(ctx, filter)
	if err != nil {
		return nil, "", err
	}
	next = objectPlace
	for _, d := range orphans {
		o, err := r.DB.Object(ctx, provider.Ref{Account: d.Account, Kind: billing.Kind(d.Subject), ID: d.Object}.String())
		if err != nil {
			return nil, "", err
		}
		rows = append(rows, o)
	}
	if len(orphans) == limit {
		next = findingPlace + strconv.FormatInt(orphans[limit-1].Seq, 10)
	}
	return rows, next, nil
}

// unswept lists some of the objects that the last complete sweep did not see and
// that nobody has looked at since; those that stand as findings were listed before.
func (r *Reconciler) unswept(ctx context.Context, account, after string, limit int) (rows []store.Object, next string, err error) {
	var last Swept
	if err := r.cursor(ctx, "swept/"+account, &last); err != nil || last.First == 0 {
		return nil, "", err
	}
	rows, err = r.DB.Objects(ctx, store.ObjectFilter{Account: account, Present: true, CheckedBefore: last.First, After: after, Limit: limit})
	if err != nil {
		return nil, "", err
	}
	if len(rows) == limit {
		next = objectPlace + rows[limit-1].Key
	}
	keys := make([]string, len(rows))
	for i, o := range rows {
		keys[i] = o.Key
	}
	findings, err := r.DB.OpenDrift(ctx, keys)
	if err != nil {
		return nil, "", err
	}
	return slices.DeleteFunc(rows, func(o store.Object) bool {
		return slices.ContainsFunc(findings, func(d store.Drift) bool {
			return d.Kind == apply.DriftOrphan && d.Object == o.ID && d.Subject == o.Kind
		})
	}), next, nil
}

// Burial is what became of one object whose loss somebody confirmed.
type Burial struct {
	Ref provider.Ref
	// Buried: the provider does not have it, and it is a tombstone now. Otherwise it
	// is there after all, or Err says why that cannot be told.
	Buried bool
	Err    error
}

// Bury believes whoever says that objects of an account are gone, each if a look at
// this moment agrees. The error is [*Unproven] if the key may be another account's,
// to which everything would seem gone, and a [*provider.Error] if the provider does
// not answer at all; then nothing is looked at.
func (r *Reconciler) Bury(ctx context.Context, account string, refs []provider.Ref, cause apply.Cause) ([]Burial, error) {
	if err := r.prove(ctx, account, refs); err != nil {
		return nil, err
	}
	burials := make([]Burial, len(refs))
	for i, ref := range refs {
		burials[i].Ref = ref
		if i > 0 && away(burials[i-1].Err) {
			burials[i].Err = burials[i-1].Err // nor would it answer this one
			continue
		}
		outcome, err := r.Apply.Bury(ctx, ref, cause)
		burials[i].Buried, burials[i].Err = err == nil && (outcome.Missing || outcome.Object == nil), err
		if burials[i].Buried {
			r.Log.Warn("buried an object, as was confirmed", "object", ref, "by", cause.Actor)
		}
	}
	return burials, nil
}

// away reports whether an error is of the provider, not of one object.
func away(err error) bool {
	if err == nil {
		return false
	}
	kind := provider.KindOf(err)
	return kind == provider.Unavailable || kind == provider.RateLimited || kind == provider.Denied
}

// prove makes sure that the key is that of the account whose objects the ledger
// holds: the provider says so, or shows another of them.
func (r *Reconciler) prove(ctx context.Context, account string, but []provider.Ref) error {
	if r.Identify != nil {
		known, err := r.Identify(ctx, account)
		if _, silent := errors.AsType[*provider.Error](err); silent {
			return err
		}
		if err != nil {
			return &Unproven{err.Error()}
		}
		if known {
			return nil
		}
	}
	var last Swept
	if err := r.cursor(ctx, "swept/"+account, &last); err != nil {
		return err
	}
	// What was seen last is the likeliest to be there.
	const tries = 5
	rows, err := r.DB.Objects(ctx, store.ObjectFilter{Account: account, Present: true, CheckedSince: last.First, Limit: len(but) + tries})
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(o store.Object) bool { return slices.Contains(but, refOf(o)) })
	for _, o := range rows[:min(tries, len(rows))] {
		absent, err := r.Apply.Absent(ctx, refOf(o))
		if err != nil {
			return err
		}
		if !absent {
			return nil
		}
	}
	return &Unproven{fmt.Sprintf("nothing else that the ledger holds of %s is to be found with this key either, so that it may open another account", account)}
}
