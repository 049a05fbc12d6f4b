package redirect_test

import (
	"errors"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/trigger/redirect"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
	world "github.com/trivetdev/trivet/sim/stripe"
)

// TestWhoIsMovedMayBuyElsewhere: a customer who is being moved away from an account
// may buy at another although they have a subscription, and is charged there when
// what they have paid for is used up. At the old account, after they have bought, or
// when the time is over, a second subscription is refused as ever.
func TestWhoIsMovedMayBuyElsewhere(t *testing.T) {
	triggertest.Each(t, triggertest.Options{Quiet: true, Accounts: []string{"stripe", "stripe_eu"}}, func(t *testing.T, h *triggertest.House) {
		at := func(account, plan string) redirect.Request {
			q := ask("user_1", plan)
			q.Account = account
			return q
		}
		pay := func(account string, c redirect.Checkout) (facts billing.Facts) {
			t.Helper()
			paid, err := h.Accounts[account].PayCheckout(c.Object, world.CardGood)
			if err != nil || !paid {
				t.Fatal(paid, err)
			}
			h.Pass(t, time.Minute)
			facts, _, err = h.Apply.Facts(t.Context(), "user_1")
			check(t, err)
			return facts
		}
		old := pay("stripe", begin(t, h, at("stripe", "pro"))).Subscriptions[0].ID
		blocked := func(when string, q redirect.Request) {
			t.Helper()
			var refusal *redirect.Blocked
			if _, err := h.Redirect.Begin(t.Context(), q); !errors.As(err, &refusal) {
				t.Errorf("%s: %v", when, err)
			}
		}
		grant := func(plan, from string) billing.Grant {
			t.Helper()
			g, err := h.Apply.Grant(t.Context(), "user_1", billing.Grant{Plan: plan, From: from, Until: h.Clock.Now().Add(60 * day)}, apply.Cause{Trigger: apply.Request})
			check(t, err)
			return g
		}
		blocked("before", at("stripe_eu", "pro"))
		grant("pro", "stripe_eu")
		blocked("moved away from elsewhere", at("stripe_eu", "pro"))
		grant("big", "stripe")
		blocked("moved with another plan", at("stripe_eu", "pro"))
		g := grant("pro", "stripe")
		blocked("at the account that they leave", at("stripe", "pro"))
		if c := begin(t, h, at("stripe_eu", "pro")); !c.TrialEnd.IsZero() {
			t.Errorf("the old one goes on, and the first charge waits until %v", c.TrialEnd)
		}
		_, err := h.Apply.Revoke(t.Context(), "user_1", g.ID, apply.Cause{Trigger: apply.Request})
		check(t, err)
		blocked("taken back", at("stripe_eu", "pro"))

		g = grant("pro", "stripe")
		check(t, h.PortalCancel(old))
		h.Pass(t, time.Minute)
		facts, _, err := h.Apply.Facts(t.Context(), "user_1")
		check(t, err)
		end := facts.Subscriptions[0].Object.CancelAt
		if c := begin(t, h, at("stripe_eu", "big")); !c.TrialEnd.IsZero() {
			t.Errorf("of another plan they have paid for nothing, and the first charge waits until %v", c.TrialEnd)
		}
		c := begin(t, h, at("stripe_eu", "pro"))
		if !c.TrialEnd.Equal(end) || end.IsZero() {
			t.Errorf("the first charge comes at %v, want %v", c.TrialEnd, end)
		}
		facts = pay("stripe_eu", c)
		blocked("they have bought", at("stripe_eu", "pro"))
		if !facts.Moved(h.Apply.Catalog, g) {
			t.Error("they have bought, and have not moved")
		}
	})
}
