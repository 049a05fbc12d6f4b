package paypal

import (
	"testing"
	"time"
)

// TestIntroductoryPrice: the cheap cycles come after the free ones and before the
// regular ones, and PayPal says how many are left.
func TestIntroductoryPrice(t *testing.T) {
	c := newClient(t, Config{Seed: 3})
	c.w.AddPlan(Plan{ID: "P-INTRO", Unit: "WEEK", Amount: 700, Currency: "USD", TrialDays: 7, IntroCycles: 2, IntroAmount: 300})
	id, err := c.w.CreateSubscription(NewSubscription{Plan: "P-INTRO", Quantity: 2})
	if err != nil {
		t.Fatal(err)
	}
	full := c.w.clock.Now().AddDate(0, 0, 21)
	ahead := func() string {
		for _, o := range c.w.Truth() {
			if o.ID == id && o.Kind == "subscription" {
				return o.Fields["ahead"]
			}
		}
		return "no such subscription"
	}
	for week, want := range []struct {
		left   float64
		paid   string
		coming bool
	}{{2, "", true}, {1, "6.00", true}, {0, "6.00", true}, {0, "14.00", false}, {0, "14.00", false}} {
		sub := c.get("/v1/billing/subscriptions/" + id)
		if got := at(sub, "billing_info", "cycle_executions", 1, "cycles_remaining"); got != want.left {
			t.Errorf("week %d: %v cheap cycles are left, want %v", week, got, want.left)
		}
		paid, _ := at(sub, "billing_info", "last_payment", "amount", "value").(string)
		if paid != want.paid {
			t.Errorf("week %d: %q was paid, want %q", week, paid, want.paid)
		}
		said := ""
		if want.coming {
			said = "promotion_end " + full.Truncate(time.Second).UTC().Format(time.RFC3339) + " 1400"
		}
		if got := ahead(); got != said {
			t.Errorf("week %d: %q lies ahead, want %q", week, got, said)
		}
		c.days(7)
		c.w.Advance(c.w.clock.Now().Add(time.Hour))
	}
}
