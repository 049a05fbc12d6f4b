// Package reconcile is the way in that we go ourselves, because the other two
// can fail: it reads the provider's list of events, its lists of objects, and
// whatever was expected to have changed by now.
//
// It owns when to look and how far each list has been read; the looking is
// package apply's. Everything it does is a row of work that takes one step and
// comes due again, so that it resumes where it was after a restart, is shared by
// several processes, and never holds a lease for long.
//
// # The tasks
//
//	pull/ACCOUNT     reads events that were not delivered
//	sweep/ACCOUNT    reads all lists, page by page; the first time, to fill the
//	                 ledger; then every day
//	recent/ACCOUNT   reads the newest of some lists every few minutes, where a
//	                 provider gives up early on webhooks and lists no events
//	revisit/ACCOUNT  looks at what was expected to change by now: the end of a
//	                 period or trial, a payment under way
//	turns            decides access anew where time alone changes it, and has the
//	                 policies review whom they wanted to see by now
package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/inbox"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/work"
	"github.com/trivetdev/trivet/provider"
)

// Config says what to reconcile and how often. Zero durations get defaults.
type Config struct {
	DB    *store.DB
	Apply *apply.Applier
	Inbox *inbox.Inbox
	Wake  func(queue string)
	Log   *slog.Logger
	// Pull is how often events are listed (2 minutes), Recent how often the newest
	// objects are where events are not (3 minutes), Hot how often objects are
	// revisited (5 minutes), Full how often everything is swept (24 hours).
	Pull, Recent, Hot, Full time.Duration
	// PullOnly lists the accounts that get no webhooks: their events come by
	// listing alone, often and at once.
	PullOnly []string
	// NoPull lists the accounts whose events are not listed.
	NoPull []string
	// Identify asks a provider whether the key opens the account whose objects the
	// ledger holds; known is false if the provider does not tell, or nobody has noted
	// whose they are. The error says that it opens another, or that nobody answers.
	// Nil: no provider tells.
	Identify func(ctx context.Context, account string) (known bool, err error)
	// Tasks are periodic tasks of others, by name.
	Tasks map[string]Task
}

// Task is done again and again, by one process at a time. A failure is tried again
// soon.
type Task struct {
	Every time.Duration
	Do    func(ctx context.Context) error
}

// Reconciler looks without having been told to.
type Reconciler struct {
	Config
}

// New makes a reconciler.
func New(config Config) *Reconciler {
	fallback := func(d *time.Duration, otherwise time.Duration) {
		if *d == 0 {
			*d = otherwise
		}
	}
	fallback(&config.Pull, 2*time.Minute)
	fallback(&config.Recent, 3*time.Minute)
	fallback(&config.Hot, 5*time.Minute)
	fallback(&config.Full, 24*time.Hour)
	return &Reconciler{Config: config}
}

// pullOnlyEvery is how often events are listed where they are all there is.
const pullOnlyEvery = 10 * time.Second

// Schedule makes the rows of all tasks, due now. Rows that are there already
// keep their time; those that rest, because their account was left out of the
// configuration for a while, are woken.
func (r *Reconciler) Schedule(ctx context.Context) error {
	names := []string{store.TaskTurns}
	for name := range r.Tasks {
		names = append(names, name)
	}
	for account, driver := range r.Apply.Drivers {
		names = append(names, "sweep/"+account, "revisit/"+account)
		if _, lists := driver.(provider.EventLister); lists && !slices.Contains(r.NoPull, account) {
			names = append(names, "pull/"+account)
		}
		if _, lists := driver.(provider.RecentLister); lists {
			names = append(names, "recent/"+account)
		}
	}
	var wants []store.Want
	for _, name := range names {
		row, err := r.DB.WorkNamed(ctx, store.QueueTask, name)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err != nil || row.State == "idle" || row.State == "dead" {
			wants = append(wants, store.Want{Queue: store.QueueTask, Key: name})
		}
	}
	return r.raise(ctx, wants...)
}

func (r *Reconciler) raise(ctx context.Context, wants ...store.Want) error {
	if len(wants) == 0 {
		return nil
	}
	err := r.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		numbers, err := tx.Numbers(ctx, 1)
		if err != nil {
			return err
		}
		return tx.Raise(ctx, numbers[0], wants)
	})
	if err == nil {
		r.Wake(wants[0].Queue)
	}
	return err
}

// Queue is the queue of the tasks.
func (r *Reconciler) Queue(workers int) work.Queue {
	return work.Queue{Name: store.QueueTask, Workers: workers, Lease: 2 * time.Minute, Run: r.run, Retry: r.retry}
}

// retry never gives up: a provider that is away comes back.
func (r *Reconciler) retry(claim store.Claim, err error) (time.Duration, bool) {
	return work.Backoff(claim.Attempts, 5*time.Second, 10*time.Minute, err), true
}

func (r *Reconciler) run(ctx context.Context, claim store.Claim) error {
	task, account, _ := strings.Cut(claim.Key, "/")
	if task == store.TaskTurns {
		return r.turn(ctx, claim)
	}
	if t, other := r.Tasks[claim.Key]; other {
		if err := t.Do(ctx); err != nil {
			return err
		}
		return r.finish(ctx, claim, r.DB.Now().Add(t.Every), nil)
	}
	driver, known := r.Apply.Drivers[account]
	if !known { // an account that is no longer configured
		return r.finish(ctx, claim, time.Time{}, nil)
	}
	switch task {
	case "pull":
		return r.pull(ctx, claim, driver)
	case "sweep":
		return r.sweep(ctx, claim, driver)
	case "recent":
		return r.recent(ctx, claim, driver)
	case "revisit":
		return r.revisit(ctx, claim, account)
	}
	return fmt.Errorf("unknown task %q", claim.Key)
}

// finish completes a task that is due again at next.
func (r *Reconciler) finish(ctx context.Context, claim store.Claim, next time.Time, also func(ctx context.Context, tx *store.Tx) error) error {
	return r.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if also != nil {
			if err := also(ctx, tx); err != nil {
				return err
			}
		}
		return tx.Finish(ctx, []store.Claim{claim}, next)
	})
}

// stream is how far an account's events have been read.
type stream struct {
	// First is when this stream was begun: what happened before is for the first
	// sweep to find.
	First time.Time `json:"first,omitzero"`
	// Since is from when on events are listed; After continues a list that is
	// being read, which began at Began.
	Since time.Time `json:"since"`
	After string    `json:"after,omitempty"`
	Began time.Time `json:"began,omitzero"`
}

const (
	// settle is how long a webhook may take before its event counts as missed.
	settle = 2 * time.Minute
	// overlap is how much of the past is listed again: providers list events a
	// little out of order, and clocks differ.
	overlap = 10 * time.Minute
)

// pull reads one page of events and stores those that were not delivered.
func (r *Reconciler) pull(ctx context.Context, claim store.Claim, driver provider.Driver) error {
	account, now := driver.Account(), r.DB.Now()
	lister, ok := driver.(provider.EventLister)
	if !ok || slices.Contains(r.NoPull, account) {
		return r.finish(ctx, claim, time.Time{}, nil)
	}
	at, err := r.stream(ctx, account)
	if err != nil {
		return err
	}
	if at.After == "" {
		at.Began = now
	}
	page, err := lister.Events(ctx, at.Since, at.After)
	if err != nil {
		return err
	}
	only := slices.Contains(r.PullOnly, account)
	if err := r.take(ctx, account, page.Deliveries, at.First, only); err != nil {
		return err
	}
	next := now
	if at.After = page.Next; page.Next == "" {
		at.Since, at.Began = at.Began.Add(-settle-overlap), time.Time{}
		next = now.Add(r.Pull)
		if only {
			next = now.Add(min(r.Pull, pullOnlyEvery))
		}
	}
	return r.finish(ctx, claim, next, func(ctx context.Context, tx *store.Tx) error { return setCursor(ctx, tx, "pull/"+account, at) })
}

// stream reads how far an account's events have been read. The first time, the
// beginning is noted before anything is asked: should the provider be away, what
// happens meanwhile is listed later.
func (r *Reconciler) stream(ctx context.Context, account string) (at stream, err error) {
	name, now := "pull/"+account, r.DB.Now()
	if err := r.cursor(ctx, name, &at); err != nil || !at.Since.IsZero() {
		return at, err
	}
	at = stream{First: now, Since: now.Add(-overlap)}
	return at, r.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return setCursor(ctx, tx, name, at) })
}

// take stores listed events: those of an account without webhooks at once, others
// when their webhook is late. An event from before the stream began was nobody's
// to deliver, so that it coming by list is no fault.
func (r *Reconciler) take(ctx context.Context, account string, listed []provider.Delivery, first time.Time, only bool) error {
	settled := r.DB.Now().Add(-settle)
	taken := map[apply.Trigger][]provider.Delivery{}
	for _, d := range listed {
		switch {
		case only, d.CreatedAt.Before(first) && !d.CreatedAt.After(settled):
			taken[apply.Listed] = append(taken[apply.Listed], d)
		case !d.CreatedAt.After(settled):
			taken[apply.Pull] = append(taken[apply.Pull], d)
		}
	}
	for _, trigger := range []apply.Trigger{apply.Listed, apply.Pull} {
		if _, err := r.Inbox.AddAll(ctx, account, string(trigger), taken[trigger]); err != nil {
			return err
		}
	}
	return nil
}

// cursor reads a cursor into a value, which stays as it is if there is none.
func (r *Reconciler) cursor(ctx context.Context, name string, into any) error {
	text, err := r.DB.Cursor(ctx, name)
	if err != nil || text == "" {
		return err
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("read cursor %s: %w", name, err)
	}
	return nil
}

func setCursor(ctx context.Context, tx *store.Tx, name string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return tx.SetCursor(ctx, name, string(text))
}

// turn decides access anew where time alone has changed it, and has those customers
// reviewed whom a policy wanted to see now.
func (r *Reconciler) turn(ctx context.Context, claim store.Claim) error {
	const most = 200
	now := r.DB.Now()
	due, err := r.DB.AccessDue(ctx, now, most)
	if err != nil {
		return err
	}
	reviews, err := r.DB.ReviewsDue(ctx, now, most)
	if err != nil {
		return err
	}
	full := len(due) == most || len(reviews) == most
	due = append(due, reviews...)
	slices.Sort(due)
	if due = slices.Compact(due); len(due) > 0 {
		if err := r.Apply.Turn(ctx, due, apply.Cause{Trigger: apply.Time}); err != nil {
			return err
		}
	}
	// Whoever writes an answer that turns sooner moves this task forward.
	next := now.Add(max(time.Hour, r.Hot))
	for _, first := range []func(context.Context) (time.Time, error){r.DB.NextTurn, r.DB.NextReview} {
		at, err := first(ctx)
		if err != nil {
			return err
		}
		if !at.IsZero() && at.Before(next) {
			next = at
		}
	}
	if !full && !next.After(now) {
		// Decided just now and still due: a time of less than a microsecond, which
		// is stored cut off. It must not keep us turning.
		next = now.Add(time.Second)
	}
	return r.finish(ctx, claim, next, nil)
}
