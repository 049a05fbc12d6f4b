package apply

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/work"
	"github.com/trivetdev/trivet/provider"
)

// attempts is how often a look is tried that fails for a reason which waiting
// does not mend; then a person must see to it.
const attempts = 8

// Queue is the queue of objects to look at.
func (a *Applier) Queue(workers int) work.Queue {
	return work.Queue{
		Name: store.QueueLook, Workers: workers, Lease: time.Minute,
		Run: a.Look, Retry: retry, Waits: outage,
		Failed: func(ctx context.Context, tx *store.Tx, claim store.Claim, err error, dead bool) error {
			if err := noteAbsence(ctx, tx, claim, err); err != nil {
				return err
			}
			return tx.Trouble(ctx, claim.Key, err.Error(), dead)
		},
	}
}

// noteAbsence counts the looks in a row that did not find the object. What failed
// for another reason says nothing of it.
func noteAbsence(ctx context.Context, tx *store.Tx, claim store.Claim, err error) error {
	note := ""
	if errors.Is(err, ErrNotVisible) {
		note = fmt.Sprintf(absent, absences(claim)+1)
	}
	if note == claim.Payload || errors.Is(err, ErrUnbelievable) {
		return nil
	}
	return tx.Note(ctx, claim, note)
}

// retry never gives up on a provider that is away or on a key that a person can
// renew: no event is lost to an outage, however long.
func retry(claim store.Claim, err error) (time.Duration, bool) {
	if errors.Is(err, ErrNotVisible) {
		return work.Backoff(claim.Attempts, 5*time.Second, 2*time.Minute, err), true
	}
	if errors.Is(err, ErrUnbelievable) {
		return time.Hour, true // until a sweep, or a person, knows more
	}
	if !outage(err) && claim.Failures+1 >= attempts {
		return 0, false
	}
	return work.Backoff(claim.Attempts, 5*time.Second, 10*time.Minute, err), true
}

// outage reports whether an error says nothing about the object: only waiting
// helps, and the tries that it cost do not count.
func outage(err error) bool {
	if errors.Is(err, ErrUnconfigured) || errors.Is(err, ErrUnbelievable) {
		return true
	}
	failure, ok := errors.AsType[*provider.Error](err)
	return ok && !errors.Is(err, ErrNotVisible) && (failure.Kind == provider.RateLimited || failure.Kind == provider.Unavailable || failure.Kind == provider.Denied)
}
