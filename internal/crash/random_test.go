package crash

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/trivetdev/trivet/sim"
)

const (
	seeds = 3 // for each database
	kills = 5 // for each seed
)

// TestKilledAtRandom kills the service again and again at random times, its
// start included, while people buy and the provider has troubles of its own.
func TestKilledAtRandom(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, fresh func(t *testing.T) string) {
		for seed := range uint64(seeds) {
			t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { killedAtRandom(t, fresh(t), seed) })
		}
	})
}

func killedAtRandom(t *testing.T, database string, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 2))
	h := newHouse(t, newWorld(t, seed, sim.Chaos{TimeoutAfter: 0.01, TimeoutBefore: 0.01}), database)
	h.Preload(20)
	stop, closed := h.live(seed), h.shop()
	for range kills {
		p := spawn(t, h.config)
		if r.IntN(4) > 0 { // else it is killed while it starts
			h.sendTo(p)
			h.askAll()
		}
		time.Sleep(time.Duration(r.IntN(400)) * time.Millisecond)
		p.kill()
	}
	stop()
	release := h.hold()
	acked := h.acked()
	last := h.start()
	h.survived(acked)
	release()
	closed()
	h.Calm()
	h.settle()
	last.drain()
	h.check()
}
