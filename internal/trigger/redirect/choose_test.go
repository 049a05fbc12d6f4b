package redirect_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/trigger/redirect"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
	world "github.com/trivetdev/trivet/sim/stripe"
)

// buy has a customer buy a plan at an account.
func buy(t *testing.T, h *triggertest.House, customer, plan, account string) {
	t.Helper()
	q := ask(customer, plan)
	q.Account = account
	paid, err := h.Accounts[account].PayCheckout(begin(t, h, q).Object, world.CardGood)
	if err != nil || !paid {
		t.Fatal(paid, err)
	}
	h.Pass(t, time.Minute)
}

// TestWhoSells: a request that names no account goes on working when a second account
// sells the plan, wherever there is one answer.
func TestWhoSells(t *testing.T) {
	two := triggertest.Options{Quiet: true, Accounts: []string{"stripe", "stripe_eu"}, Checkout: "stripe_eu"}
	triggertest.Each(t, two, func(t *testing.T, h *triggertest.House) {
		sold := func(when, customer, plan, want string, change ...func(*redirect.Request)) {
			t.Helper()
			q := ask(customer, plan)
			for _, c := range change {
				c(&q)
			}
			if c := begin(t, h, q); c.Account != want {
				t.Errorf("%s: sold through %s, want %s", when, c.Account, want)
			}
		}
		sold("who buys nowhere, by default", "user_1", "pro", "stripe_eu")
		sold("by the price", "user_1", "pro", "stripe", func(q *redirect.Request) { q.Price = h.Accounts["stripe"].Pro })

		buy(t, h, "user_1", "day", "stripe")
		sold("who paid there once", "user_1", "pro", "stripe")
		buy(t, h, "user_1", "day", "stripe_eu")
		sold("who paid elsewhere since", "user_1", "day", "stripe_eu")
		buy(t, h, "user_1", "pro", "stripe")
		buy(t, h, "user_1", "day", "stripe_eu")
		sold("who has a subscription, wherever they paid since", "user_1", "day", "stripe")
		var blocked *redirect.Blocked
		if _, err := h.Redirect.Begin(t.Context(), ask("user_1", "pro")); !errors.As(err, &blocked) || blocked.Account != "stripe" {
			t.Errorf("a second subscription: %v", err)
		}

		_, err := h.Apply.Grant(t.Context(), "user_1", billing.Grant{Plan: "pro", From: "stripe", Until: h.Clock.Now().Add(60 * day)}, apply.Cause{Trigger: apply.Request})
		check(t, err)
		sold("who is being moved away", "user_1", "pro", "stripe_eu")

		h.Redirect.Default = "stripe"
		buy(t, h, "user_2", "pro", "stripe")
		_, err = h.Apply.Grant(t.Context(), "user_2", billing.Grant{Plan: "pro", From: "stripe", Until: h.Clock.Now().Add(60 * day)}, apply.Cause{Trigger: apply.Request})
		check(t, err)
		sold("who is being moved away from the default", "user_2", "pro", "stripe_eu")
	})
}

// TestNobodyKnowsWhoSells: where there are two answers, the refusal names both ways out.
func TestNobodyKnowsWhoSells(t *testing.T) {
	h := triggertest.SQLite(t, triggertest.Options{Quiet: true, Accounts: []string{"stripe", "stripe_eu"}})
	var invalid *redirect.Invalid
	_, err := h.Redirect.Begin(t.Context(), ask("user_1", "pro"))
	if !errors.As(err, &invalid) || !strings.Contains(invalid.Reason, `say which with "provider"`) || !strings.Contains(invalid.Reason, `checkout = "stripe"`) {
		t.Errorf("%v", err)
	}
	q := ask("user_1", "pro")
	q.Price = "price_nobody_has"
	if _, err = h.Redirect.Begin(t.Context(), q); !errors.As(err, &invalid) || !strings.Contains(invalid.Reason, "is not one of plan") {
		t.Errorf("%v", err)
	}
}
