package apply_test

import (
	"sync"
	"testing"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// A subscription is paused and resumed at once. A slow look saw the pause; a later
// one saw nothing new, so that it wrote nothing, which must count all the same.
func TestALookThatFoundNothingNewCounts(t *testing.T) {
	for name, later := range map[string]func(h *house, now provider.Snapshot){
		"look": func(h *house, _ provider.Snapshot) { h.look(sub1) },
		"page": func(h *house, now provider.Snapshot) { h.page(h.begin(), "", now) },
	} {
		t.Run(name, func(t *testing.T) {
			both(t, trusting, func(t *testing.T, h *house) {
				active := snap("sub_1", subscribed(billing.SubscriptionActive))
				h.world.say(mine("u"), active)
				h.look(cus1, sub1)
				reading, proceed := make(chan bool), make(chan bool)
				slowest := h.world.fetched(sub1) + 1
				h.world.delay = func(r provider.Ref, n int) {
					if r == sub1 && n == slowest {
						close(reading)
						<-proceed
					}
				}
				h.world.say(snap("sub_1", subscribed(billing.SubscriptionPaused)))
				var slow sync.WaitGroup
				slow.Go(func() { h.look(sub1) })
				<-reading
				h.world.say(active)
				later(h, active)
				close(proceed)
				slow.Wait()
				h.wantStatus(sub1, activeWord)
				h.wantAccess("u", "api", true)
				h.audit()
			})
		})
	}
}
