package apply

import (
	"context"
	"encoding/json"
	"strings"
	"time"
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
	err := a.byHand(ctx, ref, cause, func(ctx context.Context, w *writing) (store.Change, error) {
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
		kind := billing.Banned
		if now.Ban == nil {
			kind, now.Cleared = billing.Unbanned, &billing.Cleared{At: w.tx.Now, By: cause.Actor, Ban: *was.Ban}
			if was.Cleared != nil {
				now.Cleared.Before = was.Cleared.At
			}
		}
		diff, err := billing.Diff(was, now)
		if err != nil {
			return store.Change{}, err
		}
		rows[0].Doc = jsonText(now)
		if err := w.tx.PutCustomers(ctx, rows); err != nil {
			return store.Change{}, err
		}
		if err := w.reviewSharers(ctx, ref); err != nil {
			return store.Change{}, err
		}
		return store.Change{
			Subject: store.SubjectSettings, ID: ref, Customer: ref, Kinds: kindList(kind), Diff: jsonText(diff), After: rows[0].Doc,
		}, nil
	})
	if err == nil {
		a.Wake(store.QueueTask) // who pays alike is to be reviewed
	}
	return err
}

// reviewSharers has those reviewed soon who pay by the same means as a customer whose ban has
// changed: nothing else happens to them that would tell their policies.
func (w *writing) reviewSharers(ctx context.Context, ref string) error {
	if len(w.reviewers) == 0 {
		return nil
	}
	rows, err := w.tx.AttemptsOf(ctx, []string{ref})
	if err != nil {
		return err
	}
	payers := map[string]bool{}
	for _, row := range rows {
		payers[row.Payer] = row.Payer != ""
	}
	delete(payers, "")
	if len(payers) == 0 {
		return nil
	}
	sharers, err := w.tx.SharersOf(ctx, sortedKeys(payers))
	if err != nil {
		return err
	}
	others := map[string]time.Time{}
	for _, s := range sharers {
		if s.Customer != ref {
			others[s.Customer] = w.tx.Now
		}
	}
	if len(others) == 0 {
		return nil
	}
	if err := w.tx.SetReviews(ctx, others); err != nil {
		return err
	}
	return w.turnAt(ctx, w.tx.Now)
}
