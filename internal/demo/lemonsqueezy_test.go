package demo

import "testing"

// A month at Lemon Squeezy alone, with all faults, ten times: half of the worlds
// name the order in the return address, half do not.
func TestLemonSqueezyMonth(t *testing.T) {
	letters := 0
	for seed := uint64(1); seed <= 10; seed++ {
		w, r := simulate(t, Options{Seed: seed, Days: 30, Customers: 60, Providers: []string{"lemonsqueezy"}})
		proven(t, w, r)
		letters += w.letters
		if r.Naive >= r.InStep {
			t.Errorf("seed %d: the naive handler has %.2f%% in step", seed, r.Naive)
		}
	}
	t.Logf("%d purchases were linked by hand", letters)
}
