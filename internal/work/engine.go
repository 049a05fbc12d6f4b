package work

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/trivetdev/trivet/internal/fail"
	"github.com/trivetdev/trivet/internal/store"
)

// Queue says how the rows of one queue are worked.
type Queue struct {
	Name string
	// Keys are the rows that are worked; none: all.
	Keys []string
	// Workers is how many rows are worked at once; more are claimed ahead.
	Workers int
	// Lease is how long a claim lasts unless extended, which the engine does as
	// long as the work goes on.
	Lease time.Duration
	// Run carries out a claim. It must complete the claim itself, in the
	// transaction that writes what came of it; or return an error.
	Run func(ctx context.Context, claim store.Claim) error
	// Retry says when to try again after an error; ok is false if never.
	Retry func(claim store.Claim, err error) (after time.Duration, ok bool)
	// Waits, if set, tells errors that only waiting mends: they do not count as
	// failures of the claim. Retry must never give up on them.
	Waits func(err error) bool
	// Failed, if set, runs in the transaction that records a failure.
	Failed func(ctx context.Context, tx *store.Tx, claim store.Claim, err error, dead bool) error
}

// Engine works queues.
type Engine struct {
	db     *store.DB
	log    *slog.Logger
	queues []*queue
	// Observe, if set before Run, is told of every claim that ended.
	Observe func(queue string, took time.Duration, err error)
}

type queue struct {
	Queue
	wake chan struct{}

	mu      sync.Mutex
	running map[int64]store.Claim
}

// New prepares an engine.
func New(db *store.DB, log *slog.Logger, queues ...Queue) *Engine {
	e := &Engine{db: db, log: log, Observe: func(string, time.Duration, error) {}}
	for _, q := range queues {
		q.Lease = fail.Lease(q.Lease)
		e.queues = append(e.queues, &queue{Queue: q, wake: make(chan struct{}, 1), running: map[int64]store.Claim{}})
	}
	return e
}

// Wake tells the engine that a queue may have work now. It never blocks.
func (e *Engine) Wake(name string) {
	for _, q := range e.queues {
		if q.Name == name {
			q.nudge()
		}
	}
}

func (q *queue) nudge() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// poll is how often a queue is looked at without being woken: work that another
// process raised, and rows that come due.
const poll = 500 * time.Millisecond

// Run works all queues until ctx ends, then lets what is under way finish; what
// has not finished after grace is abandoned to its lease.
func (e *Engine) Run(ctx context.Context, grace time.Duration) {
	workCtx, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, abandon) })
	defer stop()
	// Leases are kept to the end of the work, not of ctx: nobody shall take over
	// what is about to be finished.
	keepCtx, finished := context.WithCancel(context.WithoutCancel(ctx))
	var serving, keeping sync.WaitGroup
	keeping.Go(func() { e.keep(keepCtx) })
	for _, q := range e.queues {
		serving.Go(func() { e.serve(ctx, workCtx, q) })
	}
	serving.Wait()
	finished()
	keeping.Wait()
}

// serve works one queue: a dispatcher that claims, and workers that run.
func (e *Engine) serve(ctx, workCtx context.Context, q *queue) {
	claims := make(chan store.Claim)
	var workers sync.WaitGroup
	for range q.Workers {
		workers.Go(func() {
			for claim := range claims {
				e.run(workCtx, q, claim)
				if q.idle() {
					q.nudge() // the dispatcher may be waiting for room
				}
			}
		})
	}
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for ctx.Err() == nil {
		taken := e.claim(ctx, q, 2*q.Workers)
		for _, claim := range taken {
			select {
			case claims <- claim:
			case <-ctx.Done():
				e.release(workCtx, q, claim)
			}
		}
		if len(taken) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
		case <-q.wake:
		case <-ticker.C:
		}
	}
	close(claims)
	workers.Wait()
}

func (q *queue) idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.running) == 0
}

// claim takes due rows, if there are any; looking is cheaper than claiming.
func (e *Engine) claim(ctx context.Context, q *queue, most int) []store.Claim {
	at, found, err := e.db.Due(ctx, q.Name)
	if err != nil {
		e.cannotClaim(ctx, q, err)
		return nil
	}
	if !found || at.After(e.db.Now()) { // of any key: the claim chooses
		return nil
	}
	return e.take(ctx, q, most)
}

func (e *Engine) cannotClaim(ctx context.Context, q *queue, err error) {
	if ctx.Err() == nil {
		e.log.Error("cannot claim work", "queue", q.Name, "error", err)
	}
}

// take is claim for a queue that is known to have something due.
func (e *Engine) take(ctx context.Context, q *queue, most int) []store.Claim {
	// Not cut short: rows that were claimed and not heard of would wait for the
	// end of their lease.
	claims, err := e.db.Claim(context.WithoutCancel(ctx), q.Name, most, q.Lease, q.Keys...)
	if err != nil {
		e.cannotClaim(ctx, q, err)
		return nil
	}
	if len(claims) > 0 {
		fail.Point("work.claimed")
	}
	q.mu.Lock()
	for _, claim := range claims {
		q.running[claim.ID] = claim
	}
	q.mu.Unlock()
	return claims
}

func (q *queue) forget(claim store.Claim) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.running[claim.ID].Token == claim.Token {
		delete(q.running, claim.ID)
	}
}

// run carries out one claim and sees to its failure.
func (e *Engine) run(ctx context.Context, q *queue, claim store.Claim) {
	defer q.forget(claim)
	began := time.Now() //nolint:forbidigo // how long it takes, not when
	err := protect(ctx, q.Run, claim)
	e.Observe(q.Name, time.Since(began), err)
	switch {
	case err == nil:
		return
	case errors.Is(err, store.ErrLost):
		e.log.Warn("refused a late write: another worker has taken over", "queue", q.Name, "key", claim.Key, "took", time.Since(began))
		return
	case ctx.Err() != nil:
		e.release(context.WithoutCancel(ctx), q, claim)
		return
	}
	if err := e.fail(ctx, q, claim, err); err != nil && !errors.Is(err, store.ErrLost) {
		e.log.Error("cannot record a failure", "queue", q.Name, "key", claim.Key, "error", err)
	}
}

// protect turns a panic into an error: one poisonous row must not stop the rest.
func protect(ctx context.Context, run func(context.Context, store.Claim) error, claim store.Claim) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return run(ctx, claim)
}

func (e *Engine) fail(ctx context.Context, q *queue, claim store.Claim, cause error) error {
	after, again := q.Retry(claim, cause)
	level := slog.LevelInfo
	if !again {
		level = slog.LevelError
	}
	e.log.Log(ctx, level, "work failed", "queue", q.Name, "key", claim.Key, "attempt", claim.Attempts, "again", again, "after", after, "error", cause)
	return e.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		var retry time.Time
		if again {
			retry = tx.Now.Add(after)
		}
		note := tx.Fail
		if again && q.Waits != nil && q.Waits(cause) {
			note = tx.Wait
		}
		if err := note(ctx, claim, cause.Error(), retry); err != nil {
			return err
		}
		if q.Failed == nil {
			return nil
		}
		return q.Failed(ctx, tx, claim, cause, !again)
	})
}

func (e *Engine) release(ctx context.Context, q *queue, claim store.Claim) {
	defer q.forget(claim)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := e.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.Release(ctx, claim) })
	if err != nil && !errors.Is(err, store.ErrLost) {
		e.log.Error("cannot give work back; its lease will", "queue", q.Name, "key", claim.Key, "error", err)
	}
}

// keep extends the leases of what is under way and takes back those that
// others let lapse.
func (e *Engine) keep(ctx context.Context) {
	ticker := time.NewTicker(e.beat())
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for _, q := range e.queues {
			if err := e.db.Extend(ctx, q.held(), q.Lease); err != nil && ctx.Err() == nil {
				e.log.Error("cannot extend leases", "queue", q.Name, "error", err)
			}
		}
		lapsed, err := e.db.Expire(ctx)
		if err != nil && ctx.Err() == nil {
			e.log.Error("cannot take back lapsed leases", "error", err)
		}
		if lapsed > 0 {
			e.log.Warn("took back work whose lease ran out", "rows", lapsed)
			for _, q := range e.queues {
				q.nudge()
			}
		}
	}
}

// beat is a third of the shortest lease.
func (e *Engine) beat() time.Duration {
	shortest := time.Minute
	for _, q := range e.queues {
		shortest = min(shortest, q.Lease)
	}
	return max(shortest/3, 50*time.Millisecond)
}

func (q *queue) held() []store.Claim {
	q.mu.Lock()
	defer q.mu.Unlock()
	claims := make([]store.Claim, 0, len(q.running))
	for _, claim := range q.running {
		claims = append(claims, claim)
	}
	return claims
}

// Step works everything that is due now, one row after the other in a fixed
// order, until nothing is due, and returns how many rows it worked. What another
// process let lapse is taken back first. It is for simulations and tests; do not
// mix it with Run.
func (e *Engine) Step(ctx context.Context) (worked int, err error) {
	if _, err := e.db.Expire(ctx); err != nil {
		return 0, err
	}
	for {
		dues, err := e.dues(ctx)
		if err != nil {
			return worked, err
		}
		before := worked
		for _, q := range e.queues {
			if at, waits := dues[q.Name]; !waits || at.After(e.db.Now()) {
				continue
			}
			for _, claim := range e.take(ctx, q, 16) {
				e.run(ctx, q, claim)
				worked++
			}
			if err := ctx.Err(); err != nil {
				return worked, err
			}
		}
		if worked == before {
			return worked, nil
		}
	}
}

// dues tells when the next row of each queue is due, where one waits.
func (e *Engine) dues(ctx context.Context) (map[string]time.Time, error) {
	names := make([]string, len(e.queues))
	for i, q := range e.queues {
		names[i] = q.Name
	}
	return e.db.Dues(ctx, names)
}

// Next is when the next row of any queue is due; found is false if none waits.
func (e *Engine) Next(ctx context.Context) (next time.Time, found bool, err error) {
	dues, err := e.dues(ctx)
	for _, at := range dues {
		if !found || at.Before(next) {
			next, found = at, true
		}
	}
	return next, found, err
}
