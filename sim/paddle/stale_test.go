package paddle

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/sim"
)

// A stale read is what was answered before the change: also the time of the latest
// change is the older one.
func TestStaleReadIsTheOlderAnswer(t *testing.T) {
	w, c := shop(t, Config{Chaos: sim.Chaos{StaleRead: 1}})
	customer, subscription := buyer(t, w, "a@example.com", PriceProMonth)
	w.Advance(w.clock.Now().Add(time.Hour))
	for path, change := range map[string]func() error{
		"/subscriptions/" + subscription: func() error { return w.Change(subscription, PriceBasicMonth, 2) },
		"/customers/" + customer: func() error {
			c.ok("PATCH", "/customers/"+customer, `{"email":"b@example.com"}`)
			return nil
		},
	} {
		t.Run(path, func(t *testing.T) {
			before := c.get(path)
			must(t, change())
			answers := map[string]int{}
			for range 40 {
				after := c.get(path)
				answers[after.str("updated_at")]++
				if after.str("updated_at") == before.str("updated_at") {
					delete(after, "management_urls") // made anew for each call
					delete(before, "management_urls")
					if diff := cmp.Diff(before, after); diff != "" {
						t.Fatalf("a stale read is not what was there before: %s", diff)
					}
				}
			}
			if len(answers) != 2 || answers[before.str("updated_at")] == 0 {
				t.Errorf("answers by the time of the change: %v", answers)
			}
		})
	}
}
