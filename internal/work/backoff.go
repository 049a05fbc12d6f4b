package work

import (
	"errors"
	"time"

	"github.com/trivetdev/trivet/internal/fail"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/provider"
)

// Backoff is how long to wait after the attempt with a number: first, doubling
// each time, at most most; never less than the provider, or who carries a message,
// asked for, up to a day.
func Backoff(attempt int64, first, most time.Duration, err error) time.Duration {
	wait, most := fail.Wait(first), fail.Wait(most)
	for range min(attempt-1, 32) {
		if wait *= 2; wait >= most {
			wait = most
			break
		}
	}
	return max(wait, min(asked(err), 24*time.Hour))
}

// asked is how long the other side asks to be left alone.
func asked(err error) time.Duration {
	if failure, ok := errors.AsType[*provider.Error](err); ok {
		return failure.RetryAfter
	}
	if failure, ok := errors.AsType[*notify.Error](err); ok {
		return failure.RetryAfter
	}
	return 0
}
