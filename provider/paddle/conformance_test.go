package paddle_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider/paddle"
	"github.com/trivetdev/trivet/provider/providertest"
	"github.com/trivetdev/trivet/sim"
	simpaddle "github.com/trivetdev/trivet/sim/paddle"
)

func TestConformance(t *testing.T) {
	providertest.Run(t, providertest.Harness{
		New:    newWorld,
		Behind: paddle.DefaultBehind,
		Charge: charge,
		Live:   sandbox(),
		Amounts: []billing.Money{
			{Amount: 4203, Currency: "JPY"}, {Amount: 39003, Currency: "KRW"}, {Amount: 123303, Currency: "HUF"}, {Amount: 2997, Currency: "USD"},
		},
		Untaken: map[string]string{"KWD": "it is not in the API reference's list of currency_code, which has none of three decimals"},
		EventTypes: []string{
			"adjustment.created", "adjustment.updated", "customer.created", "customer.updated",
			"subscription.activated", "subscription.canceled", "subscription.created", "subscription.past_due", "subscription.paused",
			"subscription.resumed", "subscription.trialing", "subscription.updated",
			"transaction.billed", "transaction.canceled", "transaction.completed", "transaction.created", "transaction.paid",
			"transaction.past_due", "transaction.payment_failed", "transaction.ready", "transaction.updated",
			"address.created", "price.created", // name nothing
		},
		Fewest: func(w *providertest.World) int { // payments are all transactions
			return w.Pages(billing.KindCustomer, 200) + w.Pages(billing.KindSubscription, 200) + w.Pages(billing.KindPayment, 30) +
				w.Pages(billing.KindRefund, 50) + w.Pages(billing.KindDispute, 50)
		},
		Unknown: []providertest.Replacement{
			{Kind: billing.KindSubscription, From: `"status":"active"`, To: `"status":"hibernating"`},
			{Kind: billing.KindPayment, From: `"status":"completed"`, To: `"status":"levitating"`},
			{Kind: billing.KindInvoice, From: `"status":"completed"`, To: `"status":"shredded"`},
			{Kind: billing.KindCheckout, From: `"status":"completed"`, To: `"status":"haunted"`},
			{Kind: billing.KindRefund, From: `"status":"approved"`, To: `"status":"pondered"`},
			{Kind: billing.KindDispute, From: `"status":"reversed"`, To: `"status":"revered"`},
		},
		Reply: func(text string) string {
			return fmt.Sprintf(`{"error":{"type":"api_error","code":"odd","detail":%q},"meta":{"request_id":"r-1"}}`, text)
		},
	})
}

const (
	oldSecret = "pdl_ntfset_conformance_old"
	newSecret = "pdl_ntfset_conformance_new"
)

func newWorld(t *testing.T, chaos sim.Chaos, wrap func(http.RoundTripper) http.RoundTripper) *providertest.World {
	clock := sim.NewClock(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC))
	world := simpaddle.New(simpaddle.Config{
		Seed: 11, Clock: clock, Chaos: chaos, WebhookSecrets: []string{newSecret}, WebhookURL: "https://app.test/webhooks/paddle",
	})
	world.AddCatalog()
	driver, err := paddle.New(paddle.Config{
		Account: "paddle", APIKey: world.APIKey(), WebhookSecrets: []string{oldSecret, newSecret},
		BaseURL: "https://paddle.test", Transport: wrap(sim.Transport(world.Handler())), Now: clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	maker := &maker{world: world, clock: clock}
	return &providertest.World{
		Driver: driver, Secrets: []string{world.APIKey(), oldSecret, newSecret}, WebhookSecrets: []string{oldSecret, newSecret},
		Sign: sign, Account: world, Clock: clock,
		// Of three cards one does not pay at once.
		Crowd: func(_ *testing.T, n int) { world.Populate(n + n/2) },
		Month: maker.month,
		Make:  maker.makers(),
	}
}

func unwrapped(next http.RoundTripper) http.RoundTripper { return next }

// charge lets somebody subscribe at an amount.
func charge(t *testing.T, amount billing.Money) (*providertest.World, string) {
	w := newWorld(t, sim.Chaos{}, unwrapped)
	world := w.Account.(*simpaddle.Server)
	price := world.AddPrice(simpaddle.Price{Product: "Odd", Currency: amount.Currency, Amount: amount.Amount, Interval: "month"})
	customer := world.CreateCustomer("buyer@example.com")
	if _, err := world.CreateSubscription(simpaddle.NewSubscription{Customer: customer, Price: price}); err != nil {
		t.Fatal(err)
	}
	return w, providertest.Latest(t, world, sim.KindPayment, customer)
}

// sign signs as Paddle documents it.
func sign(body []byte, at time.Time, secret string) http.Header {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d:%s", at.Unix(), body)
	return http.Header{"Paddle-Signature": {fmt.Sprintf("ts=%d;h1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))}}
}

// maker makes objects in a simulated Paddle.
type maker struct {
	world *simpaddle.Server
	clock *sim.Clock
	made  int
}

func (m *maker) makers() providertest.Makers {
	return providertest.Makers{
		Customer:     m.customer,
		Subscription: func(t *testing.T) string { return m.subscription(t, m.customer(t), simpaddle.PriceProMonth) },
		Trial:        func(t *testing.T) string { return m.subscription(t, m.customer(t), simpaddle.PriceProTrial) },
		Promotion: func(t *testing.T) string {
			off := m.world.AddDiscount(simpaddle.Discount{Code: "INTRO", Percent: 40, Recurs: true, Intervals: 2})
			id, err := m.world.CreateSubscription(simpaddle.NewSubscription{Customer: m.customer(t), Price: simpaddle.PriceProMonth, Discount: off})
			if err != nil {
				t.Fatal(err)
			}
			return id
		},
		Payment: func(t *testing.T) string { return providertest.Latest(t, m.world, sim.KindPayment, m.subscribed(t)) },
		Amount:  billing.Money{Amount: 2900, Currency: "USD"},
		Dispute: m.dispute,
		Price:   simpaddle.PriceProMonth, Pass: simpaddle.PricePass,
		Pay: m.pay,
	}
}

func (m *maker) customer(*testing.T) string {
	m.made++
	return m.world.CreateCustomer(fmt.Sprintf("maker%d@example.com", m.made))
}

func (m *maker) subscription(t *testing.T, customer, price string) string {
	t.Helper()
	id, err := m.world.CreateSubscription(simpaddle.NewSubscription{Customer: customer, Price: price})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// subscribed makes a customer with a paid subscription.
func (m *maker) subscribed(t *testing.T) string {
	customer := m.customer(t)
	m.subscription(t, customer, simpaddle.PriceProMonth)
	return customer
}

func (m *maker) dispute(t *testing.T) string {
	id, err := m.world.ChargeBack(providertest.Latest(t, m.world, sim.KindPayment, m.subscribed(t)), false)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (m *maker) pay(t *testing.T, checkout string) {
	if paid, err := m.world.PayCheckout(checkout, simpaddle.CardGood); !paid || err != nil {
		t.Fatal(paid, err)
	}
}

// month lets everything happen that can happen at Paddle, and then 31 days go by.
func (m *maker) month(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	paying := func() string { return providertest.Latest(t, m.world, sim.KindPayment, m.subscribed(t)) }
	fresh := func() string { return m.subscription(t, m.customer(t), simpaddle.PriceProMonth) }

	_, err := m.world.Refund(paying(), 0)
	must(err)
	_, err = m.world.Refund(paying(), 700)
	must(err)
	for _, approve := range []bool{true, false} {
		refund, err := m.world.RefundPending(paying())
		must(err)
		must(m.world.JudgeRefund(refund, approve))
	}
	_, err = m.world.RefundPending(paying())
	must(err)
	for _, warning := range []bool{true, false} {
		for _, won := range []bool{true, false} {
			dispute, err := m.world.ChargeBack(paying(), warning)
			must(err)
			if won {
				must(m.world.ReverseChargeBack(dispute))
			}
		}
	}
	must(m.world.SetEmail(m.subscribed(t), fmt.Sprintf("changed%d@example.com", m.made)))
	must(m.world.PortalCancel(fresh()))
	must(m.world.Pause(fresh(), m.clock.Now().Add(60*24*time.Hour)))
	must(m.world.Pause(fresh(), m.clock.Now().Add(5*24*time.Hour)))
	must(m.world.SchedulePause(fresh(), time.Time{}))
	must(m.world.Change(fresh(), "", 3))
	must(m.world.CancelNow(fresh()))
	must(m.world.FailNextCharge(m.subscribed(t), "declined"))
	m.pay(t, m.transaction(t, simpaddle.PricePass))
	m.transaction(t, simpaddle.PriceForever)
	must(m.world.CancelTransaction(m.transaction(t, simpaddle.PriceForever)))
	for range 31 {
		m.world.Advance(m.clock.Now().Add(24 * time.Hour))
	}
}

// transaction makes one as another program would.
func (m *maker) transaction(t *testing.T, price string) string {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, "https://paddle.test/transactions", strings.NewReader(`{"items":[{"price_id":"`+price+`","quantity":1}]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+m.world.APIKey())
	resp, err := sim.Transport(m.world.Handler()).RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatal(resp, err)
	}
	var made struct{ Data struct{ ID string } }
	if err := json.NewDecoder(resp.Body).Decode(&made); err != nil {
		t.Fatal(err)
	}
	return made.Data.ID
}
