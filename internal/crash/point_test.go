package crash

import (
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// TestKilledAtEachPoint kills the service at each of its fail points while it is
// under load, and lets it settle after each. The provider forgets idempotency
// keys meanwhile.
func TestKilledAtEachPoint(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, fresh func(t *testing.T) string) {
		h := newHouse(t, newWorld(t, 1, sim.Chaos{}), fresh(t))
		h.amnesia = true
		h.Preload(30) // what only the first sweep finds
		for _, order := range []string{
			"sweep.written=kill@3",         // the first start sweeps
			"inbox.gathered=sleep:300ms@4", // and killed meanwhile
			"inbox.committed=kill@4",
			"work.claimed=kill@3",
			"apply.fetched=kill@7",
			"apply.committed=kill@5",
			"outbox.marked=kill@2",
			"outbox.called=kill@2",
		} {
			h.step(order, func() { h.killedAt(order) })
		}
		h.start().drain()
		h.check()
	})
}

// killedAt starts a service that kills itself, puts it under load, starts it
// again and waits until all is well.
func (h *house) killedAt(order string) {
	h.t.Helper()
	p := h.start(order)
	stop := h.live(uint64(len(h.asked)))
	if strings.HasPrefix(order, "outbox.") {
		for range 4 {
			h.askRefund()
		}
	} else {
		h.askAll()
	}
	if point, _, sleeps := strings.Cut(order, "=sleep:"); sleeps {
		p.reached(point)
		time.Sleep(100 * time.Millisecond) // time enough for a hasty answer
		p.kill()
	} else {
		p.killed()
	}
	stop()
	release := h.hold()
	acked := h.acked()
	again := h.start()
	h.survived(acked)
	release()
	h.settle()
	h.once()
	again.drain()
}
