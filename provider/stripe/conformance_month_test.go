package stripe_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/provider/providertest"
	"github.com/trivetdev/trivet/sim"
	simstripe "github.com/trivetdev/trivet/sim/stripe"
)

// month lets everything happen that can happen at Stripe, and then 31 days go
// by.
func (m *maker) month(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	paying := func() string { return providertest.Latest(t, m.world, sim.KindPayment, m.subscribed(t)) }

	full, err := m.world.Refund(paying(), 0)
	must(err)
	must(m.world.FailRefund(full))
	_, err = m.world.Refund(paying(), 700)
	must(err)
	for _, ruling := range []string{"won", "lost", "prevented"} {
		dispute, err := m.world.OpenDispute(paying(), "fraudulent", false)
		must(err)
		must(m.world.RuleDispute(dispute, ruling))
	}
	inquiry, err := m.world.OpenDispute(paying(), "general", true)
	must(err)
	must(m.world.RuleDispute(inquiry, "warning_closed"))
	_, err = m.world.OpenDispute(paying(), "general", true)
	must(err)
	_, err = m.world.Warn(paying())
	must(err)

	gone := m.subscribed(t)
	must(m.world.SetEmail(gone, "changed@example.com"))
	must(m.world.DeleteCustomer(gone))
	must(m.world.PortalCancel(m.subscription(t, simstripe.NewSubscription{Card: simstripe.CardGood})))
	must(m.world.Pause(m.subscription(t, simstripe.NewSubscription{Card: simstripe.CardGood}), "void", m.clock.Now().Add(60*24*time.Hour)))
	m.subscription(t, simstripe.NewSubscription{Card: simstripe.CardAlwaysAuthenticate})
	m.subscription(t, simstripe.NewSubscription{Card: simstripe.CardDebitFails})
	m.pay(t, m.session(t, "price_pass"))
	m.session(t, "price_forever")
	for range 31 {
		m.world.Advance(m.clock.Now().Add(24 * time.Hour))
	}
}

// session makes a checkout as another program would.
func (m *maker) session(t *testing.T, price string) string {
	t.Helper()
	form := url.Values{
		"mode": {"payment"}, "line_items[0][price]": {price}, "line_items[0][quantity]": {"1"},
		"success_url": {"https://app.test/"}, "customer_creation": {"always"},
	}
	req, err := http.NewRequest(http.MethodPost, "http://stripe.test/v1/checkout/sessions", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+m.world.SecretKey())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := sim.Transport(m.world.Handler()).RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	sessions := m.world.Truth()
	id := ""
	for _, o := range sessions {
		if o.Kind == sim.KindCheckout {
			id = o.ID
		}
	}
	return id
}
