package reconcile

import (
	"context"
	"fmt"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// reading is how far the newest objects of an account have been read.
type reading struct {
	// Kind is the kind being read, After where its list continues; empty: a round is
	// to begin.
	Kind  billing.Kind `json:"kind,omitempty"`
	After string       `json:"after,omitempty"`
	// Quiet counts the pages in a row that had nothing new.
	Quiet int `json:"quiet,omitempty"`
}

// enough is how many pages in a row without anything new end the reading of a list:
// one might be made of objects whose webhooks did come.
const enough = 2

// recent reads one page of one list, beginning with the newest. What it finds is
// drift like anything that a sweep finds: the webhook was lost. Until the ledger has
// been filled for the first time there is no use in it.
func (r *Reconciler) recent(ctx context.Context, claim store.Claim, driver provider.Driver) error {
	account, now := driver.Account(), r.DB.Now()
	lister, ok := driver.(provider.RecentLister)
	if !ok || len(lister.Recent()) == 0 {
		return r.finish(ctx, claim, time.Time{}, nil)
	}
	var last Swept
	if err := r.cursor(ctx, "swept/"+account, &last); err != nil {
		return err
	}
	if last.FinishedAt.IsZero() {
		return r.finish(ctx, claim, now.Add(r.Recent), nil)
	}
	var at reading
	if err := r.cursor(ctx, "recent/"+account, &at); err != nil {
		return err
	}
	if at.Kind == "" {
		at = reading{Kind: lister.Recent()[0]}
	}
	page, err := driver.List(ctx, provider.Query{Kind: at.Kind, After: at.After})
	if at.After != "" && lostPlace(err) {
		page, err = provider.Page{}, nil // what is further down is for the sweep
	}
	if err != nil {
		return fmt.Errorf("list the newest %s: %w", at.Kind, err)
	}
	outcomes, failed, err := r.Apply.Write(ctx, apply.Page{Cause: apply.Cause{Trigger: apply.Sweep}, Begun: claim.Token, Snapshots: page.Snapshots})
	if err != nil {
		return err
	}
	if err := r.unread(ctx, append(page.Unread, failed...)); err != nil {
		return err
	}
	next := now
	if at = at.after(lister.Recent(), page.Next, outcomes); at.Kind == "" {
		next = now.Add(r.Recent)
	}
	return r.finish(ctx, claim, next, func(ctx context.Context, tx *store.Tx) error { return setCursor(ctx, tx, "recent/"+account, at) })
}

// after is how far it has been read after one more page.
func (at reading) after(kinds []billing.Kind, next string, outcomes []apply.Outcome) reading {
	var page Progress
	if page.count(outcomes); page.Changed > 0 {
		at.Quiet = 0
	} else {
		at.Quiet++
	}
	if at.After = next; next == "" || at.Quiet >= enough {
		return reading{Kind: following(kinds, at.Kind)}
	}
	return at
}
