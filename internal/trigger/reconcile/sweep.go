package reconcile

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/fail"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// Progress is how far a sweep has come.
type Progress struct {
	// Kind is the kind of object being read, After where its list continues.
	Kind  billing.Kind `json:"kind"`
	After string       `json:"after,omitempty"`
	// Number was drawn before the first page of the kind: a row that was last
	// compared before it was not in the list.
	Number int64 `json:"number"`
	// First was drawn before the first page of all, for the kinds that come beside
	// others.
	First     int64     `json:"first,omitempty"`
	StartedAt time.Time `json:"started_at"`
	// Backfill: the ledger has never been filled before.
	Backfill bool `json:"backfill,omitempty"`
	// Pages, Objects and Changed count.
	Pages   int `json:"pages"`
	Objects int `json:"objects"`
	Changed int `json:"changed"`
	// Doubted counts objects that the lists did not have and that were not looked
	// for, because they were too many to be believed.
	Doubted int `json:"doubted,omitempty"`
}

// Swept is what the last complete sweep did.
type Swept struct {
	Progress
	FinishedAt time.Time `json:"finished_at"`
}

// sweep reads one page of one list.
func (r *Reconciler) sweep(ctx context.Context, claim store.Claim, driver provider.Driver) error {
	account := driver.Account()
	at, err := r.position(ctx, driver)
	if err != nil {
		return err
	}
	number := claim.Token // was drawn before anything is asked for
	if at.After == "" {
		at.Number = number
	}
	if at.First == 0 {
		at.First = number
	}
	page, err := driver.List(ctx, provider.Query{Kind: at.Kind, After: at.After, Recall: r.recall(at.Number)})
	if at.After != "" && lostPlace(err) {
		return r.again(ctx, claim, account, at, err)
	}
	if err != nil {
		return fmt.Errorf("list %s: %w", at.Kind, err)
	}
	cause := apply.Cause{Trigger: apply.Sweep}
	if at.Backfill {
		cause.Event = apply.Backfill
	}
	write := apply.Page{Cause: cause, Begun: number, Snapshots: page.Snapshots}
	outcomes, failed, err := r.Apply.Write(ctx, write)
	if err != nil {
		return err
	}
	fail.Point("sweep.written")
	at.count(outcomes)
	if err := r.unread(ctx, append(page.Unread, failed...)); err != nil {
		return err
	}
	if at.After = page.Next; page.Next == "" {
		if at.Doubted, err = r.leftovers(ctx, account, at); err != nil {
			return err
		}
		at.Kind = following(provider.Listed(driver), at.Kind)
	}
	if at.Kind == "" {
		if at.Doubted, err = r.bundled(ctx, driver, at); err != nil {
			return err
		}
		return r.swept(ctx, claim, account, at)
	}
	return r.finish(ctx, claim, r.DB.Now(), func(ctx context.Context, tx *store.Tx) error {
		return setCursor(ctx, tx, "sweep/"+account, at)
	})
}

// recall tells drivers what the ledger has of objects, and which of them were compared
// since a number was drawn.
func (r *Reconciler) recall(number int64) func(context.Context, []provider.Ref) (map[provider.Ref]provider.Memory, error) {
	return func(ctx context.Context, refs []provider.Ref) (map[provider.Ref]provider.Memory, error) {
		keys := make([]string, len(refs))
		for i, ref := range refs {
			keys[i] = ref.String()
		}
		rows, err := r.DB.ObjectsNamed(ctx, keys)
		known := make(map[provider.Ref]provider.Memory, len(rows))
		for _, o := range rows {
			ref := provider.Ref{Account: o.Account, Kind: billing.Kind(o.Kind), ID: o.ID}
			known[ref] = provider.Memory{Seen: o.Checked >= number, FirstAt: o.FirstAt, ChangedAt: o.ChangedAt}
		}
		return known, err
	}
}

// lostPlace reports whether the provider does not know where a list is to go on:
// the object after which it does may have been deleted since.
func lostPlace(err error) bool {
	if err == nil {
		return false
	}
	kind := provider.KindOf(err)
	return kind == provider.Refused || kind == provider.NotFound
}

// again begins a list anew that cannot be continued.
func (r *Reconciler) again(ctx context.Context, claim store.Claim, account string, at Progress, cause error) error {
	r.Log.Warn("a list cannot be continued and is read again", "account", account, "kind", at.Kind, "error", cause)
	at.After = ""
	return r.finish(ctx, claim, r.DB.Now().Add(time.Minute), func(ctx context.Context, tx *store.Tx) error {
		return setCursor(ctx, tx, "sweep/"+account, at)
	})
}

// unread asks for a look at each object of a page that could not be read or
// written: the look fails with what is wrong, and is seen to by a person, while the
// sweep goes on.
func (r *Reconciler) unread(ctx context.Context, refs []provider.Ref) error {
	wants := make([]store.Want, len(refs))
	for i, ref := range refs {
		wants[i] = store.Want{Queue: store.QueueLook, Key: ref.String(), Cause: string(apply.Sweep)}
	}
	return r.raise(ctx, wants...)
}

func (p *Progress) count(outcomes []apply.Outcome) {
	p.Pages++
	p.Objects += len(outcomes)
	for _, o := range outcomes {
		if o.Changed {
			p.Changed++
		}
	}
}

// position reads how far the sweep has come, or begins one.
func (r *Reconciler) position(ctx context.Context, driver provider.Driver) (Progress, error) {
	var at Progress
	if err := r.cursor(ctx, "sweep/"+driver.Account(), &at); err != nil {
		return at, err
	}
	if at.Kind != "" {
		return at, nil
	}
	var last Swept
	err := r.cursor(ctx, "swept/"+driver.Account(), &last)
	return Progress{Kind: provider.Listed(driver)[0], StartedAt: r.DB.Now(), Backfill: last.FinishedAt.IsZero()}, err
}

// following is the kind after one; empty after the last.
func following(kinds []billing.Kind, kind billing.Kind) billing.Kind {
	for i, k := range kinds {
		if k == kind && i+1 < len(kinds) {
			return kinds[i+1]
		}
	}
	return ""
}

// swept ends a complete sweep.
func (r *Reconciler) swept(ctx context.Context, claim store.Claim, account string, at Progress) error {
	now := r.DB.Now()
	r.Log.Info("swept everything", "account", account, "pages", at.Pages, "objects", at.Objects, "changed", at.Changed)
	return r.finish(ctx, claim, now.Add(r.Full), func(ctx context.Context, tx *store.Tx) error {
		if err := setCursor(ctx, tx, "swept/"+account, Swept{Progress: at, FinishedAt: now}); err != nil {
			return err
		}
		if at.Doubted == 0 { // what is missing now may be believed
			if err := tx.SetCursor(ctx, apply.Vanishing(account), ""); err != nil {
				return err
			}
		}
		return setCursor(ctx, tx, "sweep/"+account, Progress{})
	})
}

// believed is how many objects of a kind may be missing from a list at once,
// whatever their share.
const believed = 3

// leftovers asks for a look at every object of a kind that a complete list did
// not have. The list alone buries nobody: only the look does. If it is more than
// half of all that a list did not have, the list is not believed, nor would the
// answers to the looks be: a provider, a proxy or a key that has lost most of an
// account speaks of another one. A person must see to that.
func (r *Reconciler) leftovers(ctx context.Context, account string, at Progress) (doubted int, err error) {
	filter := store.ObjectFilter{Account: account, Kind: string(at.Kind), Present: true}
	all, err := r.DB.CountObjects(ctx, filter)
	if err != nil {
		return at.Doubted, err
	}
	filter.CheckedBefore = at.Number
	missing, err := r.DB.CountObjects(ctx, filter)
	if err != nil {
		return at.Doubted, err
	}
	unlisted, err := r.unlisted(ctx, filter)
	if err != nil {
		return at.Doubted, err
	}
	all, missing = all-unlisted, missing-unlisted
	if missing > believed && missing > all/2 {
		r.Log.Error("a complete list lacks most of what the ledger has, and is not believed: does the key open the right account?",
			"account", account, "kind", at.Kind, "missing", missing, "of", all)
		return at.Doubted + int(missing), nil
	}
	for filter.Limit = 200; ; {
		rows, err := r.DB.Objects(ctx, filter)
		if err != nil || len(rows) == 0 {
			return at.Doubted, err
		}
		if err := r.raise(ctx, looks(rows, apply.Sweep)...); err != nil {
			return at.Doubted, err
		}
		filter.After = rows[len(rows)-1].Key
	}
}

// unlisted counts, of the objects that a list did not have, those that no list has.
func (r *Reconciler) unlisted(ctx context.Context, filter store.ObjectFilter) (n int64, err error) {
	unlister, some := r.Apply.Drivers[filter.Account].(provider.Unlister)
	for filter.Limit = 200; some; {
		rows, err := r.DB.Objects(ctx, filter)
		if err != nil || len(rows) == 0 {
			return n, err
		}
		for _, o := range rows {
			if unlister.Unlisted(provider.Ref{Account: o.Account, Kind: billing.Kind(o.Kind), ID: o.ID}) {
				n++
			}
		}
		filter.After = rows[len(rows)-1].Key
	}
	return 0, nil
}

// bundled is leftovers for the kinds that came beside others: what was not compared
// since the sweep began was not there.
func (r *Reconciler) bundled(ctx context.Context, driver provider.Driver, at Progress) (doubted int, err error) {
	listed := provider.Listed(driver)
	for _, kind := range driver.Kinds() {
		if slices.Contains(listed, kind) {
			continue
		}
		at.Kind, at.Number = kind, at.First
		if at.Doubted, err = r.leftovers(ctx, driver.Account(), at); err != nil {
			break
		}
	}
	return at.Doubted, err
}

func looks(rows []store.Object, trigger apply.Trigger) []store.Want {
	wants := make([]store.Want, len(rows))
	for i, o := range rows {
		wants[i] = store.Want{Queue: store.QueueLook, Key: o.Key, Cause: string(trigger)}
	}
	return wants
}

// patience is how long after an expected change we look: the provider needs a
// moment, and its webhook another.
const patience = 3 * time.Minute

// revisit asks for a look at objects that should have changed by now. What has
// been overdue for long is looked at more and more rarely.
func (r *Reconciler) revisit(ctx context.Context, claim store.Claim, account string) error {
	now := r.DB.Now()
	after := ""
	for {
		rows, err := r.DB.Objects(ctx, store.ObjectFilter{Account: account, RevisitBy: now.Add(-patience), After: after, Limit: 200})
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return r.finish(ctx, claim, now.Add(r.Hot), nil)
		}
		after = rows[len(rows)-1].Key
		var due []store.Object
		for _, o := range rows {
			if now.Sub(o.CheckedAt) >= max(r.Hot, now.Sub(o.RevisitAt)/4) {
				due = append(due, o)
			}
		}
		if err := r.raise(ctx, looks(due, apply.Revisit)...); err != nil {
			return err
		}
	}
}

// Request asks for a full sweep of an account now, or if it is empty, of all.
func (r *Reconciler) Request(ctx context.Context, account string) (accounts []string, err error) {
	var wants []store.Want
	for name := range r.Apply.Drivers {
		if account == "" || account == name {
			accounts = append(accounts, name)
			wants = append(wants, store.Want{Queue: store.QueueTask, Key: "sweep/" + name, Cause: string(apply.Request)})
		}
	}
	if len(wants) == 0 {
		return nil, fmt.Errorf("no provider account %q is configured", account)
	}
	slices.Sort(accounts)
	return accounts, r.raise(ctx, wants...)
}

// Status tells how far an account's sweep has come (nil: none is under way) and
// what the last complete one did (nil: there was none).
func (r *Reconciler) Status(ctx context.Context, account string) (now *Progress, last *Swept, err error) {
	var at Progress
	if err := r.cursor(ctx, "sweep/"+account, &at); err != nil {
		return nil, nil, err
	}
	if at.Kind != "" {
		now = &at
	}
	var done Swept
	if err := r.cursor(ctx, "swept/"+account, &done); err != nil {
		return nil, nil, err
	}
	if !done.FinishedAt.IsZero() {
		last = &done
	}
	return now, last, nil
}
