package demo

import (
	"fmt"
	"testing"
)

// TestPayPalAlone lets a shop live on PayPal only, with all faults on.
func TestPayPalAlone(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprint("seed ", seed+1), func(t *testing.T) {
			t.Parallel()
			w, r := simulate(t, Options{Seed: seed + 1, Days: 30, Customers: 60, Providers: []string{"paypal"}})
			proven(t, w, r)
			if r.Naive > 99.5 {
				t.Errorf("the naive handler is right in %.2f %% of the cases: nothing went wrong", r.Naive)
			}
		})
	}
}
