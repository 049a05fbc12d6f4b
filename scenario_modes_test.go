package trivet_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/trivetdev/trivet"
	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/shoptest"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/hygiene"
	"github.com/trivetdev/trivet/sim"
	"github.com/trivetdev/trivet/sim/paypal"
)

// TestWhatWasAskedOfUsIsDoneInEveryMode: a PayPal order that the application had us
// make is captured once the buyer approves it, and a pause that was given an end ends;
// an order that somebody else made is left to them.
func TestWhatWasAskedOfUsIsDoneInEveryMode(t *testing.T) {
	for _, mode := range []policy.Mode{policy.Observe, policy.Assist} {
		t.Run(string(mode), func(t *testing.T) {
			shoptest.Everywhere(t, func(t *testing.T, database string) {
				tidy, err := hygiene.New(hygiene.Defaults())
				if err != nil {
					t.Fatal(err)
				}
				m := &mall{house: &house{t: t}, price: map[string]string{}, away: map[string]bool{}}
				m.World = shoptest.Open(t, database, shoptest.Options{Accounts: []string{"paypal"}, Level: slog.LevelError, Configure: func(w *shoptest.World, c *trivet.Config) {
					m.furnish(w, c)
					c.Policies, c.Modes = []policy.Policy{tidy}, policy.Modes{Global: mode}
					c.Plans = append(c.Plans, billing.Plan{
						ID: "week", Features: []string{"print"}, Kind: billing.GrantPass, Pass: billing.CalendarPeriod{Days: 7}, Prices: map[string][]string{"paypal": {"pass:5.00EUR"}},
					})
				}})
				m.until(time.Minute)
				var made struct {
					ProviderID string `json:"provider_id"`
				}
				status := m.Call(http.MethodPost, "/v1/checkouts", `{"customer":"user_1","plan":"week","success_url":"https://app.test/yes","cancel_url":"https://app.test/no"}`, &made)
				if status != http.StatusCreated {
					t.Fatalf("checkout: %d", status)
				}
				m.Check(m.paypal.ApproveOrder(made.ProviderID, paypal.Good))
				theirs, err := m.paypal.NewOrder("pass:5.00EUR", "5.00", "EUR", "user_2")
				m.Check(err)
				m.Check(m.paypal.ApproveOrder(theirs, paypal.Good))
				bought, err := m.paypal.CreateSubscription(paypal.NewSubscription{Plan: m.price["paypal"], Email: "other@example.com", Method: paypal.Good, Custom: "user_3"})
				m.Check(err)
				m.until(time.Hour)
				for customer, want := range map[string]bool{"user_1": true, "user_2": false} {
					var a struct{ Allowed bool }
					if m.Call(http.MethodGet, "/v1/check?customer="+customer+"&feature=print", "", &a); a.Allowed != want {
						t.Errorf("%s may: %t", customer, a.Allowed)
					}
				}
				pause := fmt.Sprintf(`{"until":%q}`, m.Clock.Now().Add(3*day).UTC().Format(time.RFC3339))
				if status := m.Call(http.MethodPost, "/v1/subscriptions/"+bought+"@paypal/pause", pause, nil); status >= http.StatusBadRequest {
					t.Fatalf("pause: %d", status)
				}
				m.until(2 * day)
				m.says("user_3", "no paused by paypal")
				m.until(5 * day)
				m.says("user_3", "yes active by paypal")
				did := map[string]int{}
				for _, e := range m.paypal.Effects() {
					did[e.Op]++
				}
				if did[sim.OpCapture] != 1 || did[sim.OpResume] != 1 {
					t.Errorf("PayPal was asked for %v", did)
				}
				m.audited()
			})
		})
	}
}
