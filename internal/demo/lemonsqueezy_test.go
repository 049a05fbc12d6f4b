package demo

import (
	"strconv"
	"sync/atomic"
	"testing"
)

// A month at Lemon Squeezy alone, with all faults: half of the worlds name the order
// in the return address, half do not.
func TestLemonSqueezyMonth(t *testing.T) {
	var letters atomic.Int64
	t.Run("worlds", func(t *testing.T) {
		for seed := uint64(1); seed <= 4; seed++ {
			t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
				t.Parallel()
				w, r := simulate(t, Options{Seed: seed, Days: 30, Customers: 60, Providers: []string{"lemonsqueezy"}})
				proven(t, w, r)
				letters.Add(int64(w.letters))
				if r.Naive >= r.InStep {
					t.Errorf("the naive handler has %.2f%% in step", r.Naive)
				}
			})
		}
	})
	t.Logf("%d purchases were linked by hand", letters.Load())
}
