package lemonsqueezy

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/sim"
)

// A stale read is what was answered before the change: also the time of the latest
// change is the older one. It is counted in seconds.
func TestStaleReadIsTheOlderAnswer(t *testing.T) {
	w, c := newWorld(t, func(c *Config) { c.Chaos = sim.Chaos{StaleRead: 1} })
	order := bought(t, w, VariantProMonth)
	w.Advance(w.clock.Now().Add(time.Hour + 300*time.Millisecond))
	subscription, err := find[*subscription](w, typeSubscription, "1")
	must(t, err)
	for path, change := range map[string]func() error{
		"/v1/subscriptions/" + subscription.id:                     func() error { return w.Pause(subscription.id, "void", time.Time{}) },
		"/v1/orders/" + order:                                      func() error { return w.Refund(order, 100) },
		"/v1/subscription-invoices/" + subscription.invoices[0].id: func() error { return w.RefundInvoice(subscription.invoices[0].id, 100) },
	} {
		t.Run(path, func(t *testing.T) {
			attributes := func() map[string]any {
				a, _ := c.get(path).at("data.attributes").v.(map[string]any)
				delete(a, "urls") // signed anew for each call
				return a
			}
			before := attributes()
			must(t, change())
			stale, fresh := 0, 0
			for range 40 {
				after := attributes()
				if text, _ := after["updated_at"].(string); !strings.HasSuffix(text, ".000000Z") {
					t.Fatalf("updated_at is %q", text)
				}
				if after["updated_at"] != before["updated_at"] {
					fresh++
				} else if stale++; !cmp.Equal(before, after) {
					t.Fatalf("a stale read is not what was there before: %s", cmp.Diff(before, after))
				}
			}
			if stale == 0 || fresh == 0 {
				t.Errorf("%d of 40 reads are stale", stale)
			}
			w.Advance(w.clock.Now().Add(time.Hour))
		})
	}
}
