package demo

import (
	"context"
	"net/url"
	"time"

	driver "github.com/trivetdev/trivet/provider/paddle"
	"github.com/trivetdev/trivet/sim"
	"github.com/trivetdev/trivet/sim/paddle"
)

// Keys of the simulated account.
const (
	paddleKey    = "pdl_live_apikey_01demo000000000000000000_demo"
	paddleSecret = "pdl_ntfset_01demo000000000000000000_demo" //nolint:gosec // it opens nothing
	paddleURL    = "https://api.paddle.test"
)

// openPaddle simulates a Paddle account with a catalog. Whether it signs the
// repetitions of a notification afresh is left to the seed.
func openPaddle(s setup) (*account, error) {
	world := paddle.New(paddle.Config{
		Seed: s.seed, Clock: s.clock, Chaos: s.chaos, Rates: paddle.DefaultLife(), SignOnce: s.seed%2 == 0,
		APIKey: paddleKey, WebhookSecrets: []string{paddleSecret}, WebhookURL: s.webhook, PaymentLink: "https://shop.demo.test/pay",
	})
	world.AddCatalog()
	world.AddDiscount(paddle.Discount{Code: freeCode, Percent: 100, Recurs: true})
	d, err := driver.New(driver.Config{
		Account: s.name, APIKey: paddleKey, WebhookSecrets: []string{paddleSecret},
		BaseURL: paddleURL, Transport: s.reach(world.Handler()), Now: s.clock.Now,
	})
	if err != nil {
		return nil, err
	}
	api := paddleAPI{newAPI(paddleURL, world.Handler(), paddleKey)}
	return &account{
		motion: world, truth: world, site: world.Handler(), driver: d, naive: newNaive(receivePaddle),
		offers: paddleOffers(), bought: api.books, final: paddleFinal,
	}, nil
}

// paddleFinal says what Paddle refuses for good: it keeps one scheduled change, so that
// it pauses nothing that is to end.
func paddleFinal(op string, truth map[string]string) string {
	if op == sim.OpPause && truth["cancel_at"] != "" {
		return "it is to end"
	}
	return ""
}

func paddleOffers() []offer {
	return []offer{
		{plan: "pro", price: paddle.PriceProMonth, weight: 25},
		{plan: "basic", price: paddle.PriceBasicMonth, weight: 15},
		{plan: "pro", price: paddle.PriceProYear, weight: 8},
		{plan: "pro", price: paddle.PriceProWeek, weight: 8},
		{plan: "basic", price: paddle.PriceBasicWeek, weight: 8},
		{plan: "pro", price: paddle.PriceProTrial, weight: 10}, // the trial comes with the price
		{plan: "pro", price: paddle.PriceProMonthEUR, weight: 3},
		{plan: "pro", price: paddle.PriceProMonthJPY, weight: 3},
		{plan: "pro", price: paddle.PriceProMonthKRW, weight: 3},
		{plan: "pass", price: paddle.PricePass, weight: 8},
		{plan: "lifetime", price: paddle.PriceForever, weight: 4},
		{plan: "pro", price: paddle.PriceProMonth, weight: 3, code: freeCode},
		{plan: "pass", price: paddle.PricePass, weight: 2, code: freeCode},
	}
}

// paddleAPI reads the simulated Paddle as raw JSON.
type paddleAPI struct{ api }

// books reads all transactions, each of which is sale, payment and bill at once.
// Faults must be off.
func (a paddleAPI) books(ctx context.Context) (books, error) {
	b := newBooks()
	for after := ""; ; {
		query := url.Values{"per_page": {"30"}, "order_by": {"id[ASC]"}}
		if after != "" {
			query.Set("after", after)
		}
		var list struct {
			Data []paddleTransaction
			Meta struct {
				Pagination struct {
					HasMore bool `json:"has_more"`
				}
			}
		}
		if err := a.get(ctx, "/transactions?"+query.Encode(), &list); err != nil {
			return b, err
		}
		for _, row := range list.Data {
			b.addTransaction(row)
			after = row.ID
		}
		if !list.Meta.Pagination.HasMore {
			return b, nil
		}
	}
}

// paddleTransaction is what the demo reads of one.
type paddleTransaction struct {
	ID, Status, Origin string
	Customer           string     `json:"customer_id"`
	Subscription       string     `json:"subscription_id"`
	Created            time.Time  `json:"created_at"`
	Billed             *time.Time `json:"billed_at"`
	Details            struct {
		Totals struct {
			GrandTotal int64 `json:"grand_total,string"`
		}
	}
	Payments []struct {
		Status     string
		CapturedAt *time.Time `json:"captured_at"`
	}
}

func (b books) addTransaction(t paddleTransaction) {
	paid := t.Status == "paid" || t.Status == "completed"
	for _, p := range t.Payments {
		if p.CapturedAt != nil {
			b.paid[t.ID] = *p.CapturedAt
		}
	}
	if t.Origin == "api" || t.Origin == "web" {
		s := sale{customer: t.Customer, subscription: t.Subscription, created: t.Created}
		if paid {
			s.payment = t.ID
		}
		if s.free = paid && t.Details.Totals.GrandTotal == 0; s.free && t.Billed != nil {
			s.created = *t.Billed
		}
		b.sessions[t.ID] = s
	}
	if t.Subscription == "" {
		return
	}
	entry := bill{id: t.ID, created: t.Created, status: t.Status, payments: []string{t.ID}, tried: len(t.Payments) > 0}
	switch {
	case paid:
		entry.status, entry.paid = "paid", t.Details.Totals.GrandTotal
	case t.Status == "past_due" || t.Status == "billed":
		entry.status = "open"
	}
	b.invoices[t.Subscription] = append(b.invoices[t.Subscription], entry)
}
