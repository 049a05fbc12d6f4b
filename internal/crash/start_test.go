package crash

import (
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// TestKilledWhileStarting kills the first start of a service around its
// migrations, and then later each time, until one comes through.
func TestKilledWhileStarting(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, fresh func(t *testing.T) string) {
		h := newHouse(t, newWorld(t, 9, sim.Chaos{}), fresh(t))
		h.Preload(5)
		killed := 0
		for _, order := range []string{"store.migrating=kill@1", "store.migrated=kill@1"} {
			spawn(t, h.config, order).killed()
			killed++
		}
		second := newHouse(t, newWorld(t, 10, sim.Chaos{}), fresh(t)) // where nothing was migrated yet
		second.Preload(5)
		for after := 5 * time.Millisecond; ; after += after / 4 {
			p := spawn(t, second.config)
			time.Sleep(after)
			p.kill()
			killed++
			if strings.Contains(p.out.String(), "listens") {
				break
			}
		}
		t.Logf("killed %d times", killed)
		for _, h := range []*house{h, second} {
			p := h.start()
			p.eventually("sweeps, unless one before it did", func() bool {
				swept, err := h.database().Cursor(t.Context(), "swept/stripe")
				return err == nil && swept != ""
			})
			h.settle()
			p.drain()
			h.check()
		}
	})
}

// TestWrongOrdersAreRefused: a test whose fail point is misspelled would pass for
// want of a crash.
func TestWrongOrdersAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, newWorld(t, 11, sim.Chaos{}), "sqlite:"+t.TempDir()+"/trivet.db")
	p := spawn(t, h.config, "inbox.committed=explode@1")
	<-p.exited
	if p.err == nil || !strings.Contains(p.log.String(), "neither kill nor stop nor sleep") {
		t.Errorf("it ended with %v and said %s", p.err, p.log)
	}
}
