package stripe_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/stripe"
	"github.com/trivetdev/trivet/sim"
	simstripe "github.com/trivetdev/trivet/sim/stripe"
)

// counting counts calls by path.
type counting struct {
	http.RoundTripper
	calls map[string]int
}

func (c counting) RoundTrip(req *http.Request) (*http.Response, error) {
	c.calls[req.URL.Path]++
	return c.RoundTripper.RoundTrip(req)
}

// Fraud was judged by the first ten charges: the list was read without its further
// pages (Forward Email). Here 120 cards are declined for one payment, all of which
// the driver tells, at the price of two calls more.
func TestEveryPageOfChargesIsRead(t *testing.T) {
	clock := sim.NewClock(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC))
	world := simstripe.New(simstripe.Config{Seed: 11, Clock: clock})
	world.AddCatalog()
	calls := counting{sim.Transport(world.Handler()), map[string]int{}}
	driver, err := stripe.New(stripe.Config{
		Account: "stripe", SecretKey: world.SecretKey(), WebhookSecrets: []string{newSecret}, BaseURL: "http://stripe.test", Transport: calls, Now: clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	page, err := driver.CreateCheckout(t.Context(), provider.CheckoutRequest{
		Key: "k", Token: "tok", Customer: "user_1", Mode: "payment", Items: []billing.Item{{Price: "price_pass", Quantity: 1}}, ReturnURL: "https://app.test/back",
	})
	if err != nil {
		t.Fatal(err)
	}
	const declined = 120
	pay := func(card simstripe.Card, want bool) {
		t.Helper()
		if done, err := world.PayCheckout(page.Ref.ID, card); done != want || err != nil {
			t.Fatalf("paying with %s: %v, %v", card, done, err)
		}
	}
	for range declined {
		pay(simstripe.CardDeclined, false)
	}
	fetch := func(wantCalls int) []billing.Attempt {
		t.Helper()
		clear(calls.calls)
		ref := provider.Ref{Account: "stripe", Kind: billing.KindPayment}
		for _, o := range world.Truth() {
			if o.Kind == sim.KindPayment {
				ref.ID = o.ID
			}
		}
		s, err := driver.Fetch(t.Context(), ref)
		if err != nil || calls.calls["/v1/charges"] != wantCalls {
			t.Fatalf("%v; the charges were listed %d times", err, calls.calls["/v1/charges"])
		}
		return s.Attempts
	}
	cards := map[string]bool{}
	for _, a := range fetch(2) {
		if a.Decline == nil || a.Decline.Code != "card_declined" || a.Card == nil || a.Payer == "" || a.Payment == "" || a.At.IsZero() {
			t.Fatalf("%+v", a)
		}
		cards[a.Payer] = true
	}
	if len(cards) != declined {
		t.Errorf("%d cards are told of, %d were declined", len(cards), declined)
	}
	// A card that works in the end does not hide the others.
	clock.Advance(time.Minute)
	pay(simstripe.CardGood, true)
	tried := fetch(2)
	if len(tried) != declined+1 {
		t.Errorf("%d attempts are told of, %d were made", len(tried), declined+1)
	}
}
