package lemonsqueezy_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/lemonsqueezy"
	"github.com/trivetdev/trivet/provider/providertest"
	"github.com/trivetdev/trivet/sim"
	simls "github.com/trivetdev/trivet/sim/lemonsqueezy"
)

func TestConformance(t *testing.T) {
	providertest.Run(t, providertest.Harness{
		New:      newWorld,
		Timeless: true,
		Charge:   charge,
		Live:     sandbox(),
		Amounts:  []billing.Money{{Amount: 4203, Currency: "JPY"}, {Amount: 12363, Currency: "KWD"}, {Amount: 123303, Currency: "HUF"}, {Amount: 2997, Currency: "USD"}},
		EventTypes: []string{
			"order_created", "order_refunded", "subscription_created", "subscription_updated", "subscription_cancelled", "subscription_resumed",
			"subscription_expired", "subscription_paused", "subscription_unpaused", "subscription_payment_success", "subscription_payment_failed",
			"subscription_payment_recovered", "subscription_payment_refunded", "customer_updated", "license_key_created",
		},
		// Checkouts are pages and orders. Since when a renewal is owed, only the invoices
		// tell that wait to be paid: they are read once for each page of subscriptions.
		Fewest: func(w *providertest.World) int {
			open := 0
			for _, o := range w.Truth() {
				if o.Kind == sim.KindInvoice && o.Fields["status"] == "open" {
					open++
				}
			}
			return w.Pages(billing.KindCustomer, 100) + w.Pages(billing.KindCheckout, 100) + w.Pages(billing.KindInvoice, 100) +
				w.Pages(billing.KindSubscription, 100)*(1+(open+99)/100)
		},
		Unknown: []providertest.Replacement{
			{Kind: billing.KindSubscription, From: `"status":"active"`, To: `"status":"hibernating"`},
			{Kind: billing.KindPayment, From: `"status":"paid"`, To: `"status":"levitating"`},
			{Kind: billing.KindInvoice, From: `"status":"paid"`, To: `"status":"shredded"`},
		},
		Reply: func(text string) string {
			return fmt.Sprintf(`{"jsonapi":{"version":"1.0"},"errors":[{"detail":%q,"status":"418","title":%q,"source":{"pointer":%q}}]}`, text, text, text)
		},
	})
}

// Lemon Squeezy does not tell when a period began: it is reckoned by the billing
// anchor, which must follow the end of a trial that was moved.
func TestPeriodAfterAMovedTrial(t *testing.T) {
	w := newWorld(t, sim.Chaos{}, func(next http.RoundTripper) http.RoundTripper { return next })
	ref := provider.Ref{Account: "lemonsqueezy", Kind: billing.KindSubscription, ID: w.Make.Trial(t)}
	until := w.Now().AddDate(0, 0, 15)
	if err := w.Driver.(provider.TrialExtender).ExtendTrial(t.Context(), ref, until, "move"); err != nil {
		t.Fatal(err)
	}
	for months := range 3 {
		start, end := until.AddDate(0, months, 0), until.AddDate(0, months+1, 0)
		w.Account.Advance(start.Add(time.Hour))
		snapshot, err := w.Driver.Fetch(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		now := snapshot.Object.(billing.Subscription)
		if now.Status != billing.SubscriptionActive || !now.PeriodStart.Equal(start) || !now.PeriodEnd.Equal(end) {
			t.Errorf("%s from %s to %s, want active from %s to %s", now.Status, now.PeriodStart, now.PeriodEnd, start, end)
		}
	}
}

const (
	oldSecret = "conformance old secret"
	newSecret = "conformance new secret"
)

func newWorld(t *testing.T, chaos sim.Chaos, wrap func(http.RoundTripper) http.RoundTripper) *providertest.World {
	return newStore(t, chaos, wrap, "USD")
}

// newStore makes a world whose store sells in a currency.
func newStore(t *testing.T, chaos sim.Chaos, wrap func(http.RoundTripper) http.RoundTripper, currency string) *providertest.World {
	clock := sim.NewClock(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC))
	world := simls.New(simls.Config{
		Seed: 11, Clock: clock, Chaos: chaos, WebhookSecret: newSecret, WebhookURL: "https://app.test/webhooks/lemonsqueezy", Variables: true,
		Currency: currency,
	})
	world.AddCatalog()
	driver, err := lemonsqueezy.New(lemonsqueezy.Config{
		Account: "lemonsqueezy", APIKey: world.APIKey(), Store: world.Store(), WebhookSecrets: []string{oldSecret, newSecret},
		BaseURL: "http://lemonsqueezy.test", Transport: wrap(sim.Transport(world.Handler())), Now: clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	for { // the mode is learned at start; faults may be in the way
		if _, err := driver.CheckKey(t.Context()); err == nil {
			break
		}
	}
	m := &maker{world: world, clock: clock}
	return &providertest.World{
		Driver: driver, Secrets: []string{world.APIKey(), oldSecret, newSecret}, WebhookSecrets: []string{oldSecret, newSecret},
		Sign: sign, OtherMode: func(body []byte) []byte {
			return bytes.ReplaceAll(body, []byte(`"test_mode":true`), []byte(`"test_mode":false`))
		},
		Account: world, Clock: clock,
		Crowd: func(_ *testing.T, n int) { world.Populate(n) },
		Month: m.month,
		Make:  m.makers(),
	}
}

// charge lets somebody subscribe at an amount, in a store of its currency. Lemon
// Squeezy names no currency whose amounts are not minor units as ISO 4217 has them;
// its own library for Laravel reads them so.
func charge(t *testing.T, amount billing.Money) (*providertest.World, string) {
	w := newStore(t, sim.Chaos{}, func(next http.RoundTripper) http.RoundTripper { return next }, amount.Currency)
	m := &maker{world: w.Account.(*simls.Server), clock: w.Clock}
	variant := m.world.AddVariant(simls.Variant{Product: "Odd", Name: "Odd", Amount: amount.Amount, Unit: "month"})
	ids, err := m.world.InvoicesOf(m.subscription(t, variant))
	if err != nil {
		t.Fatal(err)
	}
	return w, "invoice-" + ids[0]
}

// sign signs as Lemon Squeezy documents it.
func sign(body []byte, _ time.Time, secret string) http.Header {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return http.Header{"X-Signature": {hex.EncodeToString(mac.Sum(nil))}}
}

// maker makes objects in a simulated Lemon Squeezy.
type maker struct {
	world *simls.Server
	clock *sim.Clock
	made  int
}

func (m *maker) makers() providertest.Makers {
	return providertest.Makers{
		Customer: func(t *testing.T) string {
			m.buy(t, simls.VariantPass)
			return m.customer(t)
		},
		Subscription: func(t *testing.T) string { return m.subscription(t, simls.VariantProMonth) },
		Trial:        func(t *testing.T) string { return m.subscription(t, simls.VariantProTrial) },
		Payment: func(t *testing.T) string {
			ids, err := m.world.InvoicesOf(m.subscription(t, simls.VariantProMonth))
			if err != nil {
				t.Fatal(err)
			}
			return "invoice-" + ids[0]
		},
		Amount: billing.Money{Amount: 2900, Currency: "USD"},
		Price:  simls.VariantProMonth, Pass: simls.VariantPass,
		Pay: func(t *testing.T, checkout string) {
			if _, err := m.world.PayCheckout(checkout, "buyer@example.com"); err != nil {
				t.Fatal(err)
			}
		},
	}
}

// buy lets somebody new buy something, who pays no tax.
func (m *maker) buy(t *testing.T, variant string) (order string) {
	t.Helper()
	for {
		m.made++
		order, err := m.world.Buy(simls.Purchase{Email: fmt.Sprintf("maker%d@example.com", m.made), Variant: variant})
		if err != nil {
			t.Fatal(err)
		}
		if customer := m.customer(t); customer[len(customer)-1] != '3' && number(customer)%3 != 0 {
			return order
		}
	}
}

func number(text string) (n int) {
	_, _ = fmt.Sscan(text, &n)
	return n
}

// customer is the newest customer.
func (m *maker) customer(t *testing.T) (id string) {
	t.Helper()
	for _, o := range m.world.Truth() {
		if o.Kind == sim.KindCustomer {
			id = o.ID
		}
	}
	return id
}

func (m *maker) subscription(t *testing.T, variant string) string {
	t.Helper()
	id, err := m.world.SubscriptionOf(m.buy(t, variant))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// month lets everything happen that can happen, and then 31 days go by.
func (m *maker) month(t *testing.T) {
	w := m.world
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	sub := func(variant string) string { return m.subscription(t, variant) }
	must(w.Refund(m.buy(t, simls.VariantForever), 0))
	must(w.Refund(m.buy(t, simls.VariantPass), 200))
	must(w.Refund(m.buy(t, simls.VariantProMonth), 700))
	must(w.Fraud(m.buy(t, simls.VariantPass), false))
	must(w.Fraud(m.buy(t, simls.VariantProMonth), true))
	must(w.PortalCancel(sub(simls.VariantProMonth)))
	back := sub(simls.VariantProMonth)
	must(w.PortalCancel(back))
	must(w.PortalResume(back))
	must(w.Pause(sub(simls.VariantProMonth), "void", m.clock.Now().Add(60*24*time.Hour)))
	must(w.Pause(sub(simls.VariantProMonth), "free", time.Time{}))
	must(w.Pause(sub(simls.VariantBasicWeek), "void", m.clock.Now().Add(10*24*time.Hour)))
	must(w.PortalCancel(sub(simls.VariantBasicWeek)))
	must(w.Change(sub(simls.VariantBasicMonth), simls.VariantProMonth, 2))
	must(w.Reprice(simls.VariantProTrial, 3900))
	m.buy(t, simls.VariantBasicWeek)
	must(w.FailNextCharge(m.customer(t), 1)) // recovers by itself
	m.buy(t, simls.VariantProWeek)
	must(w.FailNextCharge(m.customer(t), 100)) // goes unpaid
	m.buy(t, simls.VariantPass)
	must(w.SetEmail(m.customer(t), fmt.Sprintf("changed%d@example.com", m.made)))
	must(w.Settle(m.buy(t, simls.VariantPass), false))
	_, err := w.Buy(simls.Purchase{Email: "elsewhere@example.com", Variant: simls.VariantProMonth, Store: 2})
	must(err)
	w.SendForeign("license_key_created", "license-keys")
	m.checkout(t)
	for range 31 {
		w.Advance(m.clock.Now().Add(24 * time.Hour))
	}
}

// checkout makes a page as another program would.
func (m *maker) checkout(t *testing.T) {
	t.Helper()
	body := `{"data":{"type":"checkouts","attributes":{"expires_at":"` + m.clock.Now().Add(time.Hour).Format(time.RFC3339) + `","checkout_data":{"custom":{"user_id":"u1"}}},
		"relationships":{"store":{"data":{"type":"stores","id":"1"}},"variant":{"data":{"type":"variants","id":"7"}}}}}`
	req, err := http.NewRequest(http.MethodPost, "http://lemonsqueezy.test/v1/checkouts", bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+m.world.APIKey())
	req.Header.Set("Accept", "application/vnd.api+json")
	req.Header.Set("Content-Type", "application/vnd.api+json")
	resp, err := sim.Transport(m.world.Handler()).RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatal(resp, err)
	}
}

// What is paid for does not become a trial again, which Lemon Squeezy would allow.
func TestNoTrialOfWhatIsPaidFor(t *testing.T) {
	w := newWorld(t, sim.Chaos{}, func(next http.RoundTripper) http.RoundTripper { return next })
	ref := provider.Ref{Account: "lemonsqueezy", Kind: billing.KindSubscription, ID: w.Make.Subscription(t)}
	err := w.Driver.(provider.TrialExtender).ExtendTrial(t.Context(), ref, w.Now().AddDate(0, 0, 15), "late")
	if provider.KindOf(err) != provider.Refused {
		t.Errorf("%v, want %s", err, provider.Refused)
	}
	snapshot, err := w.Driver.Fetch(t.Context(), ref)
	if err != nil || snapshot.Object.State() != string(billing.SubscriptionActive) {
		t.Errorf("it is %+v, %v", snapshot.Object, err)
	}
}
