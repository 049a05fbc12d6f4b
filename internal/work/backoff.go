package work

import (
	"errors"
	"time"

	"github.com/trivetdev/trivet/internal/fail"
	"github.com/trivetdev/trivet/provider"
)

// Backoff is how long to wait after the attempt with a number: first, doubling
// each time, at most most; never less than the provider asked for, up to a day.
func Backoff(attempt int64, first, most time.Duration, err error) time.Duration {
	wait, most := fail.Wait(first), fail.Wait(most)
	for range min(attempt-1, 32) {
		if wait *= 2; wait >= most {
			wait = most
			break
		}
	}
	if failure, ok := errors.AsType[*provider.Error](err); ok && failure.RetryAfter > wait {
		return min(failure.RetryAfter, 24*time.Hour)
	}
	return wait
}
