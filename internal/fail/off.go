//go:build !failpoints

package fail

import "time"

// Point is a place where a test may end the process.
func Point(string) {}

// Lease is how long a lease lasts: as long as was meant, unless a test has no
// time to wait for it.
func Lease(meant time.Duration) time.Duration { return meant }

// Wait is how long to wait before another try, or another look: as long as was meant,
// unless a test has no time for it.
func Wait(meant time.Duration) time.Duration { return meant }
