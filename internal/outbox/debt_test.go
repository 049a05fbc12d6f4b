package outbox

import (
	"context"
	"testing"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// collecting is a driver that keeps what it was asked to collect.
type collecting struct {
	provider.Driver
	asked []string
}

func (c *collecting) Collect(_ context.Context, debt provider.Ref, key string) error {
	c.asked = append(c.asked, debt.String()+" "+key)
	return nil
}

// Of a subscription is collected what it owes, and only what is left to us.
func TestCollectDebt(t *testing.T) {
	ref := provider.Ref{Account: "paypal", Kind: billing.KindSubscription, ID: "I-1"}
	owed := &billing.Failure{Owed: billing.Money{Amount: 1499, Currency: "USD"}}
	for name, tt := range map[string]struct {
		s     billing.Subscription
		state string
		asked int
	}{
		"owed":                     {billing.Subscription{Status: billing.SubscriptionPastDue, Failure: owed}, "", 1},
		"paid meanwhile":           {billing.Subscription{Status: billing.SubscriptionActive}, store.EffectDone, 0},
		"the provider tries again": {billing.Subscription{Status: billing.SubscriptionPastDue, Failure: &billing.Failure{}}, store.EffectDropped, 0},
		"an invoice tells":         {billing.Subscription{Status: billing.SubscriptionPastDue}, store.EffectDropped, 0},
		"over":                     {billing.Subscription{Status: billing.SubscriptionEnded, Failure: owed}, store.EffectDropped, 0},
	} {
		driver := &collecting{}
		a, err := onSubscription(driver, ref, store.Effect{Key: "k", Kind: Collect}, Details{}, tt.s)
		if err == nil && a.call != nil {
			_, err = a.call(t.Context())
		}
		if err != nil || a.state != tt.state || len(driver.asked) != tt.asked || tt.asked > 0 && driver.asked[0] != "paypal/subscription/I-1 k" {
			t.Errorf("%s: %+v, %v, asked %q", name, a, err, driver.asked)
		}
	}
}
