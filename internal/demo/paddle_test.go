package demo

import (
	"strconv"
	"testing"

	"github.com/trivetdev/trivet/sim"
)

// TestPaddle lets the service keep a shop that sells through Paddle alone: every
// fault, a month, and everything in step.
func TestPaddle(t *testing.T) {
	c := &coverage{faults: map[string]int{}, ops: map[string]int{}, answers: map[string]int{}, moot: map[string]int{}}
	t.Run("worlds", func(t *testing.T) {
		for seed := uint64(1); seed <= 4; seed++ {
			t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
				t.Parallel()
				w, r := simulate(t, Options{Seed: seed, Days: 30, Customers: 60, Providers: []string{"paddle"}})
				proven(t, w, r)
				c.add(w, r)
			})
		}
	})
	for _, fault := range []string{
		sim.FaultDrop, sim.FaultDuplicate, sim.FaultReorder, sim.FaultDelay, sim.FaultBurst, sim.FaultDisabled, sim.FaultStaleRead,
		sim.FaultRateLimited, sim.FaultServerError, sim.FaultTimeoutBefore, sim.FaultTimeoutAfter, sim.FaultTruncated, sim.FaultOutage,
	} {
		if c.faults[fault] == 0 {
			t.Errorf("fault %s never struck", fault)
		}
	}
	for _, op := range []string{
		sim.OpCheckoutCreate, sim.OpCancel, sim.OpCancelAtPeriodEnd, sim.OpUncancel, sim.OpPause, sim.OpResume, sim.OpRefund, sim.OpEmail,
	} {
		if c.ops[op] == 0 {
			t.Errorf("nothing was done as %s", op)
		}
	}
	if naive := c.naive / c.objects; naive > 99 {
		t.Errorf("the naive handler is right in %.2f%%: the faults do no harm", naive)
	}
	t.Logf("moot: %v; naive handler %.2f%%", c.moot, c.naive/c.objects)
}
