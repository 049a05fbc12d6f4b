package demo

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	driver "github.com/trivetdev/trivet/provider/lemonsqueezy"
	"github.com/trivetdev/trivet/sim"
	"github.com/trivetdev/trivet/sim/lemonsqueezy"
)

// Keys of the simulated account.
const (
	lemonKey    = "ls_demo_key_0000000000"
	lemonSecret = "ls demo webhook secret" //nolint:gosec // of a world that does not exist
	lemonURL    = "https://api.lemonsqueezy.test"
)

// openLemonSqueezy simulates a Lemon Squeezy account with a catalog. Whether its
// return addresses name the order depends on the seed: nobody knows whether the real
// ones do.
func openLemonSqueezy(s setup) (*account, error) {
	world := lemonsqueezy.New(lemonsqueezy.Config{
		Seed: s.seed, Clock: s.clock, Chaos: s.chaos, Rates: lemonsqueezy.DefaultLife(),
		APIKey: lemonKey, WebhookSecret: lemonSecret, WebhookURL: s.webhook, Variables: s.seed%2 == 0,
	})
	world.AddCatalog()
	world.AddDiscount(freeCode, 100)
	d, err := driver.New(driver.Config{
		Account: s.name, APIKey: lemonKey, Store: world.Store(), WebhookSecrets: []string{lemonSecret},
		BaseURL: lemonURL, Transport: s.reach(world.Handler()), Now: s.clock.Now,
	})
	if err != nil {
		return nil, err
	}
	api := lemonAPI{newAPI(lemonURL, world.Handler(), lemonKey), world}
	api.header.Set("Accept", "application/vnd.api+json")
	handler := newNaive(receiveLemonSqueezy)
	handler.untold = lemonUntold
	return &account{
		motion: world, truth: world, site: world.Handler(), driver: d, naive: handler,
		offers: lemonOffers(), bought: api.books, buyers: api.buyers, receipt: api.receipt, final: lemonFinal, keyless: true,
	}, nil
}

// lemonFinal says what Lemon Squeezy refuses for good.
func lemonFinal(op string, truth map[string]string) string {
	return when(op == sim.OpPause && truth["provider_status"] != "active" && truth["provider_status"] != "on_trial", "only what goes on can be paused")
}

func lemonOffers() []offer {
	return []offer{
		{plan: "pro", price: lemonsqueezy.VariantProMonth, weight: 25},
		{plan: "basic", price: lemonsqueezy.VariantBasicMonth, weight: 15},
		{plan: "pro", price: lemonsqueezy.VariantProYear, weight: 8},
		{plan: "pro", price: lemonsqueezy.VariantProWeek, weight: 12},
		{plan: "basic", price: lemonsqueezy.VariantBasicWeek, weight: 12},
		{plan: "pro", price: lemonsqueezy.VariantProTrial, weight: 10},
		{plan: "pass", price: lemonsqueezy.VariantPass, weight: 10},
		{plan: "lifetime", price: lemonsqueezy.VariantForever, weight: 5},
		{plan: "pro", price: lemonsqueezy.VariantProMonth, weight: 2, code: freeCode},
		{plan: "pass", price: lemonsqueezy.VariantPass, weight: 2, code: freeCode},
	}
}

// lemonAPI reads the simulated Lemon Squeezy as raw JSON. What came of which
// checkout the API does not tell; the simulated world itself does.
type lemonAPI struct {
	api
	world *lemonsqueezy.Server
}

type lemonRow struct {
	ID         string
	Attributes struct {
		OrderID        int `json:"order_id"`
		SubscriptionID int `json:"subscription_id"`
		CustomerID     int `json:"customer_id"`
		Status         string
		Total          int64
		CreatedAt      time.Time `json:"created_at"`
		Pause          *struct{ Mode string }
	}
}

// books reads all orders, subscriptions and invoices. Faults must be off.
func (a lemonAPI) books(ctx context.Context) (books, error) {
	b := newBooks()
	subscriptions := map[string]string{} // by order
	err := a.all(ctx, "subscriptions", func(r lemonRow) {
		subscriptions[strconv.Itoa(r.Attributes.OrderID)] = r.ID
		b.serving[r.ID] = r.Attributes.Pause != nil && r.Attributes.Pause.Mode == "free"
	})
	orders := map[string]sale{}
	if err == nil {
		err = a.all(ctx, "orders", func(r lemonRow) {
			s := sale{customer: strconv.Itoa(r.Attributes.CustomerID), subscription: subscriptions[r.ID], created: r.Attributes.CreatedAt}
			if s.subscription == "" {
				s.payment, s.free = "order-"+r.ID, r.Attributes.Total == 0
				b.paid[s.payment] = s.created
			}
			orders[r.ID] = s
		})
	}
	if err == nil {
		err = a.all(ctx, "subscription-invoices", b.addLemonInvoice)
	}
	for _, bills := range b.invoices { // lists are newest first
		slices.Reverse(bills)
	}
	for _, o := range a.world.Truth() {
		if o.Kind != sim.KindCheckout {
			continue
		}
		for _, order := range a.world.Bought(o.ID) {
			b.sessions[o.ID] = orders[order]
		}
	}
	return b, err
}

func (b books) addLemonInvoice(r lemonRow) {
	entry := bill{id: r.ID, created: r.Attributes.CreatedAt, payments: []string{"invoice-" + r.ID}}
	switch r.Attributes.Status {
	case "pending":
		entry.status, entry.tried = "open", true
	case "void":
		entry.status = "void"
	default:
		entry.status, entry.paid = "paid", r.Attributes.Total
	}
	subscription := strconv.Itoa(r.Attributes.SubscriptionID)
	b.invoices[subscription] = append(b.invoices[subscription], entry)
}

// buyers are the customers whom the orders of a checkout belong to.
func (a lemonAPI) buyers(checkout string) (customers []string) {
	for _, order := range a.world.Bought(checkout) {
		if o, found := a.world.TruthIn(sim.KindCheckout, "order-"+order); found {
			customers = append(customers, o.Customer)
		}
	}
	return customers
}

// receipt finds the checkout that a purchase came of.
func (a lemonAPI) receipt(kind, id string) (checkout string, found bool) {
	for _, o := range a.world.Truth() {
		if o.Kind != sim.KindCheckout {
			continue
		}
		for _, order := range a.world.Bought(o.ID) {
			subscription, err := a.world.SubscriptionOf(order)
			switch {
			case kind == sim.KindSubscription && err == nil && subscription == id:
				return o.ID, true
			case kind == sim.KindPayment && id == "order-"+order:
				return o.ID, true
			case kind == sim.KindPayment && err == nil && a.invoiceOf(subscription, strings.TrimPrefix(id, "invoice-")):
				return o.ID, true
			}
		}
	}
	return "", false
}

func (a lemonAPI) invoiceOf(subscription, id string) bool {
	ids, err := a.world.InvoicesOf(subscription)
	return err == nil && slices.Contains(ids, id)
}

// all visits every row of a list.
func (a lemonAPI) all(ctx context.Context, list string, visit func(lemonRow)) error {
	for page := 1; ; page++ {
		var answer struct {
			Data []lemonRow
			Meta struct {
				Page struct{ LastPage int }
			}
		}
		if err := a.get(ctx, "/v1/"+list+"?page[size]=100&page[number]="+strconv.Itoa(page), &answer); err != nil {
			return err
		}
		for _, r := range answer.Data {
			visit(r)
		}
		if page >= answer.Meta.Page.LastPage {
			return nil
		}
	}
}
