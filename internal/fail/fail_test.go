//go:build !failpoints

package fail_test

import (
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/fail"
)

// TestNothingHappens would not live to tell if it did.
func TestNothingHappens(t *testing.T) {
	t.Setenv("TRIVET_FAIL", "inbox.committed=kill@1,lease=1s,pace=25")
	fail.Point("inbox.committed")
	if got := fail.Lease(time.Minute); got != time.Minute {
		t.Errorf("a lease of a minute lasts %s", got)
	}
	if got := fail.Wait(time.Minute); got != time.Minute {
		t.Errorf("a wait of a minute lasts %s", got)
	}
}
