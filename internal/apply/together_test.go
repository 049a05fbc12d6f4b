package apply_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// purchase is what a first purchase leaves at the provider. Only the subscription
// says whose it is.
func purchase(n int) []provider.Snapshot {
	owner, user := fmt.Sprintf("cus_%d", n), fmt.Sprintf("user_%d", n)
	return []provider.Snapshot{
		snap(owner, billing.ProviderCustomer{Email: "a@b.test"}),
		snap(fmt.Sprintf("pay_%d", n), paid("price_life"), ownedBy(owner)),
		snap(fmt.Sprintf("sub_%d", n), subscribed(billing.SubscriptionActive), ownedBy(owner), claiming("metadata.user_id", user)),
	}
}

func (h *house) wantOwner(n int) {
	h.t.Helper()
	for _, s := range purchase(n) {
		if got, want := h.held(s.Ref).Customer, fmt.Sprintf("user_%d", n); got != want {
			h.t.Errorf("%s belongs to %q, want %q", s.Ref, got, want)
		}
	}
}

// What is written together links each other, whatever stands first.
func TestLinksWithinOneWriting(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		h.page(h.begin(), "", purchase(1)...)
		h.wantOwner(1)
		p := purchase(2)
		h.page(h.begin(), "", p[1], p[2]) // its owner comes later
		h.page(h.begin(), "", p[0])
		h.wantOwner(2)
		p = purchase(3)
		h.page(h.begin(), "", p[0]) // its owner was there before
		h.page(h.begin(), "", p[1], p[2])
		h.wantOwner(3)
		h.audit()
	})
}

// What is written at the same moment links each other too, and nothing is told
// that is not written.
func TestLinksBetweenWritings(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		const purchases = 60
		var all sync.WaitGroup
		for n := range purchases {
			begin := make(chan bool)
			for _, s := range purchase(n) {
				h.world.say(s)
				all.Go(func() { <-begin; h.look(s.Ref) })
			}
			close(begin)
		}
		all.Wait()
		for n := range purchases {
			h.wantOwner(n)
		}
		h.audit()
	})
}
