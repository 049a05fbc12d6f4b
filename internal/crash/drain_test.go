package crash

import (
	"testing"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// TestDrained ends the service by SIGTERM in the middle of its work, a look being
// held up: what is under way finishes, and nothing is left to a lease.
func TestDrained(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, fresh func(t *testing.T) string) {
		h := newHouse(t, newWorld(t, 3, sim.Chaos{}), fresh(t))
		p := h.start("apply.fetched=sleep:600ms@20")
		stop := h.live(3)
		h.askAll()
		p.reached("apply.fetched")
		took := p.drain()
		stop()
		release := h.hold()
		acked := h.acked()
		if took > 5*time.Second {
			t.Errorf("it ended after %s", took)
		}
		if running := h.running(); running > 0 {
			t.Errorf("%d rows of work are still held by a process that ended well", running)
		}
		t.Logf("ended after %s", took)
		last := h.start()
		h.survived(acked)
		release()
		h.settle()
		last.drain()
		h.check()
	})
}

// TestRequestUnderWayIsAnswered asks the service to end while it holds up the
// answer to a webhook. The answer comes.
func TestRequestUnderWayIsAnswered(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, fresh func(t *testing.T) string) {
		h := newHouse(t, newWorld(t, 4, sim.Chaos{}), fresh(t))
		p := h.start()
		b := h.buy()
		h.settle()
		p.drain()
		p = h.start("inbox.committed=sleep:600ms@1")
		before, cut := len(h.acked()), h.cut.Load()
		if err := h.SetEmail(b.customer, "moved@example.com"); err != nil {
			t.Fatal(err)
		}
		p.reached("inbox.committed")
		p.drain()
		h.hold()() // the answer has been read
		if n := len(h.acked()) - before; n != 1 || h.cut.Load() != cut {
			t.Errorf("%d of 1 requests under way were answered, %d cut off", n, h.cut.Load()-cut)
		}
		last := h.start() // which also takes the second look that an event leads to
		h.settle()
		last.drain()
		h.check()
	})
}
