package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"time"

	driver "github.com/trivetdev/trivet/provider/stripe"
	"github.com/trivetdev/trivet/sim/stripe"
)

// Keys of the simulated account.
const (
	stripeKey    = "sk_test_demo0000000000"
	stripeSecret = "whsec_demo00000000000000000000"
	stripeURL    = "https://api.stripe.test"
	freeCode     = "FREE100"
)

// openStripe simulates a Stripe account with a catalog.
func openStripe(s setup) (*account, error) {
	world := stripe.New(stripe.Config{
		Seed: s.seed, Clock: s.clock, Chaos: s.chaos, Rates: stripe.DefaultLife(),
		SecretKey: stripeKey, WebhookSecrets: []string{stripeSecret}, WebhookURL: s.webhook,
	})
	world.AddCatalog()
	world.AddCoupon(stripe.Coupon{Percent: 100, Duration: "forever", Code: freeCode})
	d, err := driver.New(driver.Config{
		Account: s.name, SecretKey: stripeKey, WebhookSecrets: []string{stripeSecret},
		BaseURL: stripeURL, Transport: s.reach(world.Handler()), Now: s.clock.Now,
	})
	if err != nil {
		return nil, err
	}
	api := stripeAPI{newAPI(stripeURL, world.Handler(), stripeKey)}
	return &account{
		motion: world, truth: world, site: world.Handler(), driver: d, naive: newNaive(receiveStripe),
		offers: stripeOffers(), bought: api.books,
	}, nil
}

func stripeOffers() []offer {
	return []offer{
		{plan: "pro", price: "price_pro_month", weight: 25},
		{plan: "basic", price: "price_basic_month", weight: 15},
		{plan: "pro", price: "price_pro_year", weight: 8},
		{plan: "pro", price: "price_pro_week", weight: 8},
		{plan: "basic", price: "price_basic_week", weight: 8},
		{plan: "pro", price: "price_pro_month", weight: 10, trial: 7},
		{plan: "pro", price: "price_pro_month_eur", weight: 3},
		{plan: "pro", price: "price_pro_month_jpy", weight: 3},
		{plan: "pro", price: "price_pro_month_kwd", weight: 3},
		{plan: "pass", price: "price_pass", weight: 8},
		{plan: "lifetime", price: "price_forever", weight: 4},
		{plan: "pro", price: "price_pro_month", weight: 3, code: freeCode},
		{plan: "pass", price: "price_pass", weight: 2, code: freeCode},
	}
}

// stripeAPI reads the simulated Stripe as raw JSON.
type stripeAPI struct{ api }

// books reads all checkouts, payments and invoices. Faults must be off.
func (a stripeAPI) books(ctx context.Context) (books, error) {
	b := newBooks()
	err := a.all(ctx, "/v1/checkout/sessions", "", func(row json.RawMessage) error {
		var s struct {
			ID, Customer, Subscription string
			PaymentIntent              string `json:"payment_intent"`
			PaymentStatus              string `json:"payment_status"`
			Status                     string
			Created                    int64
		}
		err := json.Unmarshal(row, &s)
		b.sessions[s.ID] = sale{
			customer: s.Customer, subscription: s.Subscription, payment: s.PaymentIntent, created: time.Unix(s.Created, 0).UTC(),
			free: s.Status == "complete" && s.PaymentStatus == "no_payment_required",
		}
		return err
	})
	if err == nil {
		err = a.all(ctx, "/v1/payment_intents", "data.latest_charge.balance_transaction", b.addIntent)
	}
	if err == nil {
		err = a.all(ctx, "/v1/invoices", "data.payments", b.addInvoice)
	}
	for _, bills := range b.invoices { // lists are newest first
		slices.Reverse(bills)
	}
	return b, err
}

func (b books) addIntent(row json.RawMessage) error {
	var p struct {
		ID           string
		LatestCharge *struct {
			BalanceTransaction *struct{ Created int64 } `json:"balance_transaction"`
		} `json:"latest_charge"`
	}
	err := json.Unmarshal(row, &p)
	if p.LatestCharge != nil && p.LatestCharge.BalanceTransaction != nil {
		b.paid[p.ID] = time.Unix(p.LatestCharge.BalanceTransaction.Created, 0).UTC()
	}
	return err
}

func (b books) addInvoice(row json.RawMessage) error {
	var i struct {
		ID, Status string
		Created    int64
		AmountPaid int64 `json:"amount_paid"`
		Attempts   int   `json:"attempt_count"`
		Parent     struct {
			SubscriptionDetails struct{ Subscription string } `json:"subscription_details"`
		}
		Payments struct {
			Data []struct {
				Payment struct {
					PaymentIntent string `json:"payment_intent"`
				}
			}
		}
	}
	if err := json.Unmarshal(row, &i); err != nil {
		return err
	}
	entry := bill{id: i.ID, created: time.Unix(i.Created, 0).UTC(), paid: i.AmountPaid, status: i.Status, tried: i.Attempts > 0}
	for _, p := range i.Payments.Data {
		entry.payments = append(entry.payments, p.Payment.PaymentIntent)
	}
	subscription := i.Parent.SubscriptionDetails.Subscription
	b.invoices[subscription] = append(b.invoices[subscription], entry)
	return nil
}

// all visits every row of a list.
func (a stripeAPI) all(ctx context.Context, path, expand string, visit func(json.RawMessage) error) error {
	for after := ""; ; {
		query := url.Values{"limit": {"100"}}
		if after != "" {
			query.Set("starting_after", after)
		}
		if expand != "" {
			query.Set("expand[]", expand)
		}
		var list struct {
			Data    []json.RawMessage
			HasMore bool `json:"has_more"`
		}
		if err := a.get(ctx, path+"?"+query.Encode(), &list); err != nil {
			return err
		}
		for _, row := range list.Data {
			if err := visit(row); err != nil {
				return fmt.Errorf("read %s: %w", path, err)
			}
		}
		if !list.HasMore || len(list.Data) == 0 {
			return nil
		}
		var last struct{ ID string }
		if err := json.Unmarshal(list.Data[len(list.Data)-1], &last); err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		after = last.ID
	}
}
