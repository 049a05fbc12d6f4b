package lemonsqueezy_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/trivetdev/trivet/sim"
	"github.com/trivetdev/trivet/sim/lemonsqueezy"
)

// A world runs as far as its driver moves it. The receiver here is a function;
// sim.Poster makes one out of an HTTP client.
func Example() {
	clock := sim.NewClock(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC))
	world := lemonsqueezy.New(lemonsqueezy.Config{Seed: 7, Clock: clock, WebhookURL: "https://app.example/webhooks/lemonsqueezy"})
	world.AddCatalog()
	order, err := world.Buy(lemonsqueezy.Purchase{Email: "ada@example.com", Variant: lemonsqueezy.VariantProMonth, Card: lemonsqueezy.CardLaterFails})
	if err != nil {
		fmt.Println(err)
	}
	sub, err := world.SubscriptionOf(order)
	if err != nil {
		fmt.Println(err)
	}

	webhooks := 0
	end := clock.Now().AddDate(0, 1, 1)
	for at, ok := world.NextAt(); ok && at.Before(end); at, ok = world.NextAt() {
		world.Advance(at)
		world.Deliver(context.Background(), func(*http.Request) (int, error) {
			webhooks++
			return http.StatusOK, nil
		})
	}
	truth, _ := world.TruthIn(sim.KindSubscription, sub)
	fmt.Println(truth.Fields["status"], truth.Fields["current_period_end"], webhooks)
	// Output: past_due 2026-02-08T09:00:00Z 5
}
