package apply

import (
	"context"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
)

// Ban bars a customer from everything, whatever they have paid. A ban that stands
// stays as it is. What is wrong with it comes back as an [*Invalid].
func (a *Applier) Ban(ctx context.Context, ref, reason string, cause Cause) error {
	reason = strings.TrimSpace(reason)
	const longest = 500
	if reason == "" || utf8.RuneCountInString(reason) > longest {
		return invalidf("a ban needs a reason of at most %d characters, for whoever asks later why it was made", longest)
	}
	return a.setBan(ctx, ref, cause, func(w *writing) *billing.Ban {
		return &billing.Ban{At: w.tx.Now, Reason: reason, By: cause.Actor}
	})
}

// Unban lets a customer back in. Nothing happens if they are not banned.
func (a *Applier) Unban(ctx context.Context, ref string, cause Cause) error {
	return a.setBan(ctx, ref, cause, func(*writing) *billing.Ban { return nil })
}

func (a *Applier) setBan(ctx context.Context, ref string, cause Cause, want func(*writing) *billing.Ban) error {
	if err := billing.CheckRef(ref); err != nil {
		return &Invalid{err.Error()}
	}
	return a.byHand(ctx, ref, cause, func(ctx context.Context, w *writing) (store.Change, error) {
		rows, err := w.tx.LockCustomers(ctx, []string{ref})
		if err != nil {
			return store.Change{}, err
		}
		var was billing.Customer
		if err := json.Unmarshal([]byte(rows[0].Doc), &was); err != nil {
			return store.Change{}, err
		}
		now := was
		now.Ban = want(w)
		if (was.Ban == nil) == (now.Ban == nil) {
			return store.Change{}, errUnchanged
		}
		diff, err := billing.Diff(was, now)
		if err != nil {
			return store.Change{}, err
		}
		kind := billing.Banned
		if now.Ban == nil {
			kind = billing.Unbanned
		}
		rows[0].Doc = jsonText(now)
		if err := w.tx.PutCustomers(ctx, rows); err != nil {
			return store.Change{}, err
		}
		return store.Change{
			Subject: store.SubjectSettings, ID: ref, Customer: ref, Kinds: kindList(kind), Diff: jsonText(diff), After: rows[0].Doc,
		}, nil
	})
}
