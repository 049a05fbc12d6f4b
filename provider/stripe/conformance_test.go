package stripe_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider/providertest"
	"github.com/trivetdev/trivet/provider/stripe"
	"github.com/trivetdev/trivet/sim"
	simstripe "github.com/trivetdev/trivet/sim/stripe"
)

func TestConformance(t *testing.T) {
	providertest.Run(t, providertest.Harness{
		New:    newWorld,
		Charge: charge,
		Live:   sandbox(),
		Amounts: []billing.Money{
			{Amount: 4203, Currency: "JPY"}, {Amount: 12360, Currency: "KWD"}, {Amount: 123303, Currency: "HUF"},
			{Amount: 4203, Currency: "ISK"}, {Amount: 4200, Currency: "MGA"}, // Stripe counts them in its own way
		},
		Fewest: func(w *providertest.World) (pages int) {
			for _, kind := range w.Driver.Kinds() {
				pages += w.Pages(kind, 100)
			}
			return pages
		},
		Unfiltered: []billing.Kind{billing.KindWarning},
		Hidden: func(o sim.Object) bool {
			// The charge shows neither an inquiry nor a refund that failed.
			return o.Kind == sim.KindDispute && strings.HasPrefix(o.Fields["provider_status"], "warning_") ||
				o.Kind == sim.KindRefund && (o.Fields["status"] == "failed" || o.Fields["status"] == "canceled")
		},
		EventTypes: []string{
			"customer.created", "customer.updated", "customer.deleted",
			"customer.subscription.created", "customer.subscription.updated", "customer.subscription.deleted",
			"customer.subscription.trial_will_end",
			"invoice.created", "invoice.finalized", "invoice.paid", "invoice.payment_failed", "invoice.payment_action_required",
			"invoice_payment.paid", "payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.processing",
			"charge.succeeded", "charge.failed", "charge.refunded", "refund.created", "refund.updated",
			"charge.dispute.created", "charge.dispute.closed", "radar.early_fraud_warning.created", "checkout.session.completed",
			"checkout.session.expired",
		},
		Unknown: []providertest.Replacement{
			{Kind: billing.KindSubscription, From: `"status":"active"`, To: `"status":"hibernating"`},
			{Kind: billing.KindPayment, From: `"status":"succeeded"`, To: `"status":"levitating"`},
			{Kind: billing.KindInvoice, From: `"status":"paid"`, To: `"status":"shredded"`},
			{Kind: billing.KindCheckout, From: `"status":"complete"`, To: `"status":"haunted"`},
		},
		Reply: func(text string) string {
			return fmt.Sprintf(`{"error":{"type":"api_error","message":%q,"code":"odd"}}`, text)
		},
	})
}

const (
	oldSecret = "whsec_conformance_old"
	newSecret = "whsec_conformance_new"
)

func newWorld(t *testing.T, chaos sim.Chaos, wrap func(http.RoundTripper) http.RoundTripper) *providertest.World {
	clock := sim.NewClock(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC))
	world := simstripe.New(simstripe.Config{
		Seed: 11, Clock: clock, Chaos: chaos, WebhookSecrets: []string{newSecret}, WebhookURL: "https://app.test/webhooks/stripe",
		Rates: simstripe.Life{},
	})
	world.AddCatalog()
	driver, err := stripe.New(stripe.Config{
		Account: "stripe", SecretKey: world.SecretKey(), WebhookSecrets: []string{oldSecret, newSecret},
		BaseURL: "http://stripe.test", Transport: wrap(sim.Transport(world.Handler())), Now: clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	maker := &maker{world: world, clock: clock}
	return &providertest.World{
		Driver: driver, Secrets: []string{world.SecretKey(), oldSecret, newSecret}, WebhookSecrets: []string{oldSecret, newSecret},
		Sign: sign, OtherMode: func(body []byte) []byte {
			return bytes.ReplaceAll(body, []byte(`"livemode":false`), []byte(`"livemode":true`))
		},
		Account: world, Clock: clock,
		Crowd: func(_ *testing.T, n int) { world.Populate(n) },
		Month: maker.month,
		Make:  maker.makers(),
	}
}

func unwrapped(next http.RoundTripper) http.RoundTripper { return next }

// charge lets somebody subscribe at an amount. Stripe counts ISK in hundredths and
// MGA in whole units, and takes of three decimals only two (docs.stripe.com/currencies).
func charge(t *testing.T, amount billing.Money) (*providertest.World, string) {
	w := newWorld(t, sim.Chaos{}, unwrapped)
	world := w.Account.(*simstripe.Server)
	wire := amount.Amount
	switch amount.Currency {
	case "ISK":
		wire *= 100
	case "MGA":
		wire /= 100
	}
	price := world.AddPrice(simstripe.Price{Product: "Odd", Currency: amount.Currency, Amount: wire, Interval: "month"})
	customer := world.CreateCustomer("buyer@example.com")
	if _, err := world.CreateSubscription(simstripe.NewSubscription{Customer: customer, Price: price, Card: simstripe.CardGood}); err != nil {
		t.Fatal(err)
	}
	return w, providertest.Latest(t, world, sim.KindPayment, customer)
}

// sign signs as Stripe documents it.
func sign(body []byte, at time.Time, secret string) http.Header {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.%s", at.Unix(), body)
	return http.Header{"Stripe-Signature": {fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))}}
}

// maker makes objects in a simulated Stripe.
type maker struct {
	world *simstripe.Server
	clock *sim.Clock
	made  int
}

func (m *maker) makers() providertest.Makers {
	return providertest.Makers{
		Customer: m.customer,
		Subscription: func(t *testing.T) string {
			return m.subscription(t, simstripe.NewSubscription{Card: simstripe.CardGood})
		},
		Trial: func(t *testing.T) string {
			return m.subscription(t, simstripe.NewSubscription{Card: simstripe.CardGood, TrialEnd: m.clock.Now().Add(10 * 24 * time.Hour)})
		},
		Promotion: func(t *testing.T) string {
			coupon, _ := m.world.AddCoupon(simstripe.Coupon{Percent: 25, Duration: "repeating", Months: 1})
			return m.subscription(t, simstripe.NewSubscription{Card: simstripe.CardGood, Coupon: coupon})
		},
		Scheduled: func(t *testing.T) string {
			id := m.subscription(t, simstripe.NewSubscription{Card: simstripe.CardGood})
			if _, err := m.world.SchedulePrice(id, "price_basic_month"); err != nil {
				t.Fatal(err)
			}
			return id
		},
		Taxes:   func() { m.world.SetTax(19) },
		Lapsed:  m.lapsed,
		Payment: func(t *testing.T) string { return providertest.Latest(t, m.world, sim.KindPayment, m.subscribed(t)) },
		Amount:  billing.Money{Amount: 2900, Currency: "USD"},
		Dispute: m.dispute, Invoice: m.openInvoice,
		Price: "price_pro_month", Pass: "price_pass",
		Pay: m.pay,
	}
}

func (m *maker) customer(*testing.T) string {
	m.made++
	return m.world.CreateCustomer(fmt.Sprintf("maker%d@example.com", m.made))
}

func (m *maker) subscription(t *testing.T, n simstripe.NewSubscription) string {
	t.Helper()
	if n.Customer == "" {
		n.Customer = m.customer(t)
	}
	n.Price = "price_pro_month"
	id, err := m.world.CreateSubscription(n)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// subscribed makes a customer with a paid subscription.
func (m *maker) subscribed(t *testing.T) string {
	customer := m.customer(t)
	m.subscription(t, simstripe.NewSubscription{Customer: customer, Card: simstripe.CardGood})
	return customer
}

// lapsed is a subscription whose trial ended without a card; the customer has
// one by now.
func (m *maker) lapsed(t *testing.T) string {
	customer := m.customer(t)
	id := m.subscription(t, simstripe.NewSubscription{Customer: customer, TrialEnd: m.clock.Now().Add(3 * 24 * time.Hour), Missing: "pause"})
	m.world.Advance(m.clock.Now().Add(4 * 24 * time.Hour))
	if err := m.world.NewCard(customer, simstripe.CardGood); err != nil {
		t.Fatal(err)
	}
	return id
}

func (m *maker) dispute(t *testing.T) string {
	id, err := m.world.OpenDispute(providertest.Latest(t, m.world, sim.KindPayment, m.subscribed(t)), "fraudulent", false)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// openInvoice is one that failed to renew, of a customer with a new card.
func (m *maker) openInvoice(t *testing.T) string {
	customer := m.subscribed(t)
	if err := m.world.FailNextCharge(customer, "insufficient_funds"); err != nil {
		t.Fatal(err)
	}
	for range 40 * 4 {
		m.world.Advance(m.clock.Now().Add(6 * time.Hour))
		if invoice := providertest.Latest(t, m.world, sim.KindInvoice, customer); m.is(invoice, "open") {
			if err := m.world.NewCard(customer, simstripe.CardGood); err != nil {
				t.Fatal(err)
			}
			return invoice
		}
	}
	t.Fatal("no renewal failed")
	return ""
}

// is reports whether an object has a status.
func (m *maker) is(id, status string) bool {
	return slices.ContainsFunc(m.world.Truth(), func(o sim.Object) bool { return o.ID == id && o.Fields["status"] == status })
}

func (m *maker) pay(t *testing.T, checkout string) {
	if paid, err := m.world.PayCheckout(checkout, simstripe.CardGood); !paid || err != nil {
		t.Fatal(paid, err)
	}
}
