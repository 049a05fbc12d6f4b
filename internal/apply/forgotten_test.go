package apply_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/provider"
)

// forgetful is a provider that forgets checkouts that nobody paid for in time.
type forgetful struct {
	*world
	now func() time.Time
}

func (f forgetful) Forgotten(_ provider.Ref, last billing.Object) (billing.Object, bool) {
	c, ok := last.(billing.Checkout)
	if !ok || c.Status != billing.CheckoutOpen || f.now().Before(c.ExpiresAt) {
		return nil, false
	}
	c.Status = billing.CheckoutExpired
	return c, true
}

// What the provider forgets in the ordinary course is told as what became of it, at
// the first look, however many there are; it is not buried, and uses up none of the
// burials that are believed. What it should still have is buried as ever.
func TestForgottenIsNotLost(t *testing.T) {
	both(t, apply.Config{}, func(t *testing.T, h *house) {
		h.Drivers["stripe"] = forgetful{h.world, h.clock.Now}
		page := func(n int, status billing.CheckoutStatus) provider.Snapshot {
			return snap(fmt.Sprint("cs_", status, n), billing.Checkout{
				Status: status, Mode: "payment", Items: []billing.Item{{Price: "price_life", Quantity: 1}},
				CreatedAt: h.clock.Now(), ExpiresAt: h.clock.Now().Add(3 * time.Hour),
			}, claiming(provider.ClaimToken, "tok"))
		}
		var open []provider.Ref
		for n := range 12 {
			s := page(n, billing.CheckoutOpen)
			h.world.say(s)
			open = append(open, s.Ref)
		}
		paid := page(0, billing.CheckoutComplete)
		h.world.say(paid)
		h.look(append(open, paid.Ref)...)
		before := h.held(open[0])
		h.clock.Pass(time.Hour)
		for _, r := range append(open, paid.Ref) {
			h.world.forget(r)
		}
		if o := h.look(open[0])[0]; !o.Missing {
			t.Errorf("it is too early to be forgotten: %+v", o)
		}
		h.clock.Pass(2 * time.Hour)
		h.webhook(append(open, paid.Ref)...)
		h.step()
		for _, r := range open {
			h.wantStatus(r, "expired")
		}
		after := h.held(open[0])
		if after.Claims != before.Claims || after.Owner != before.Owner || h.world.fetched(open[1]) != 2 {
			t.Errorf("it was %+v, is %+v, after %d looks", before, after, h.world.fetched(open[1]))
		}
		for range 8 {
			h.clock.Pass(time.Hour)
			h.step()
		}
		if o := h.held(paid.Ref); !o.Gone {
			t.Errorf("what was paid for is %+v", o)
		}
		if text := h.drift(); text != "" {
			t.Errorf("found: %s", text)
		}
		if since, err := h.db.Cursor(t.Context(), apply.Vanishing("stripe")); err != nil || since != "" {
			t.Errorf("vanishing since %q, %v", since, err)
		}
	})
}
