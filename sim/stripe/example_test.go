package stripe_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/trivetdev/trivet/sim"
	"github.com/trivetdev/trivet/sim/stripe"
)

// A world runs as far as its driver moves it. The receiver here is a function;
// sim.Poster makes one out of an HTTP client.
func Example() {
	clock := sim.NewClock(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC))
	world := stripe.New(stripe.Config{Seed: 7, Clock: clock, WebhookURL: "https://app.example/webhooks/stripe"})
	world.AddCatalog()
	customer := world.CreateCustomer("ada@example.com")
	sub, err := world.CreateSubscription(stripe.NewSubscription{
		Customer: customer, Price: "price_pro_month", Card: stripe.CardLaterFails,
	})
	if err != nil {
		fmt.Println(err)
	}

	webhooks := 0
	end := clock.Now().AddDate(0, 1, 3)
	for at, ok := world.NextAt(); ok && at.Before(end); at, ok = world.NextAt() {
		world.Advance(at)
		world.Deliver(context.Background(), func(*http.Request) (int, error) {
			webhooks++
			return http.StatusOK, nil
		})
	}
	truth, _ := world.TruthOf(sub)
	fmt.Println(truth.Fields["status"], truth.Fields["current_period_end"], webhooks > 20)
	// Output: past_due 2026-03-05T09:00:00Z true
}
