package paypal_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider/paypal"
	"github.com/trivetdev/trivet/provider/providertest"
	"github.com/trivetdev/trivet/sim"
	simpaypal "github.com/trivetdev/trivet/sim/paypal"
)

func TestConformance(t *testing.T) {
	providertest.Run(t, harness())
}

// harness tells the suite about PayPal.
func harness() providertest.Harness {
	return providertest.Harness{
		New: func(t *testing.T, chaos sim.Chaos, wrap func(http.RoundTripper) http.RoundTripper) *providertest.World {
			return newWorld(t, chaos, wrap, false)
		},
		Behind: 31 * 24 * time.Hour, Ahead: time.Hour, // what PayPal sends may be a month old
		Charge: charge,
		Live:   sandbox(),
		Amounts: []billing.Money{
			{Amount: 4203, Currency: "JPY"}, {Amount: 123300, Currency: "HUF"}, {Amount: 123300, Currency: "TWD"}, {Amount: 2997, Currency: "USD"},
		},
		Untaken:   map[string]string{"KWD": "it is not among PayPal's currency codes, which have none of three decimals"},
		Ownerless: true,
		EventTypes: []string{
			"BILLING.SUBSCRIPTION.CREATED", "BILLING.SUBSCRIPTION.ACTIVATED", "BILLING.SUBSCRIPTION.RE-ACTIVATED", "BILLING.SUBSCRIPTION.UPDATED",
			"BILLING.SUBSCRIPTION.EXPIRED", "BILLING.SUBSCRIPTION.CANCELLED", "BILLING.SUBSCRIPTION.SUSPENDED", "BILLING.SUBSCRIPTION.PAYMENT.FAILED",
			"PAYMENT.SALE.COMPLETED", "PAYMENT.SALE.PENDING", "PAYMENT.SALE.DENIED", "PAYMENT.SALE.REFUNDED", "PAYMENT.SALE.REVERSED",
			"PAYMENT.CAPTURE.COMPLETED", "PAYMENT.CAPTURE.PENDING", "PAYMENT.CAPTURE.DENIED", "PAYMENT.CAPTURE.REFUNDED", "PAYMENT.CAPTURE.REVERSED",
			"CHECKOUT.ORDER.APPROVED", "CHECKOUT.ORDER.COMPLETED", "CHECKOUT.PAYMENT-APPROVAL.REVERSED",
			"CUSTOMER.DISPUTE.CREATED", "CUSTOMER.DISPUTE.UPDATED", "CUSTOMER.DISPUTE.RESOLVED",
		},
		Fewest: fewest,
		Unknown: []providertest.Replacement{
			{Kind: billing.KindSubscription, From: `"status":"ACTIVE"`, To: `"status":"HIBERNATING"`},
			{Kind: billing.KindPayment, From: `"status":"DECLINED"`, To: `"status":"LEVITATING"`},
			{Kind: billing.KindRefund, From: `"status":"FAILED"`, To: `"status":"SHREDDED"`},
			{Kind: billing.KindDispute, From: `"outcome_code":"RESOLVED_BUYER_FAVOUR"`, To: `"outcome_code":"HAUNTED"`},
		},
		Reply: func(text string) string {
			return fmt.Sprintf(`{"name":"INTERNAL_SERVER_ERROR","message":%q,"debug_id":"90957fca61718","details":[{"issue":"ODD","description":%q}]}`, text, text)
		},
	}
}

// fewest counts the windows of the books, the pages of the lists, and what no list
// tells of: why a charge failed, what becomes of money under way, in which way a capture
// failed, and all of a dispute.
func fewest(w *providertest.World) int {
	calls := 36 + w.Pages(billing.KindSubscription, 20) + w.Pages(billing.KindDispute, 50)
	sales := map[string]bool{}
	for _, o := range w.Truth() {
		sales[o.ID] = sales[o.ID] || o.Kind == sim.KindInvoice
	}
	for _, o := range w.Truth() {
		switch status := o.Fields["status"]; {
		case o.Kind == sim.KindSubscription && (status == "past_due" || status == "unpaid" || status == "paused"),
			o.Kind == sim.KindPayment && status == "pending", o.Kind == sim.KindDispute:
			calls++
		case o.Kind == sim.KindPayment && status == "failed" && !sales[o.ID]:
			calls += 2 // the capture and its order
		}
	}
	return calls
}

const (
	clientID  = "conformance_client_id"
	secret    = "conformance_client_secret"
	oldHook   = "WH-CONFORMANCE-OLD"
	newHook   = "WH-CONFORMANCE-NEW"
	simulated = "https://api-m.paypal.test"
)

// aside carries what is no call of the API around the faults of the suite: the
// access token and the certificate.
type aside struct{ through, around http.RoundTripper }

func (a aside) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.URL.Path, "/v1/oauth2/") || strings.HasPrefix(r.URL.Path, "/v1/notifications/certs/") {
		return a.around.RoundTrip(r)
	}
	return a.through.RoundTrip(r)
}

func newWorld(t *testing.T, chaos sim.Chaos, wrap func(http.RoundTripper) http.RoundTripper, closed bool) *providertest.World {
	clock := sim.NewClock(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC))
	world := simpaypal.New(simpaypal.Config{
		Seed: 11, Clock: clock, Chaos: chaos, ClientID: clientID, ClientSecret: secret,
		WebhookID: newHook, WebhookURL: "https://app.test/webhooks/paypal", NoList: closed,
	})
	world.AddCatalog()
	plain := sim.Transport(world.Handler())
	driver, err := paypal.New(paypal.Config{
		Account: "paypal", ClientID: clientID, ClientSecret: secret, WebhookIDs: []string{oldHook, newHook}, BaseURL: simulated,
		CertBaseURL: simulated, CA: simpaypal.CA(), Transport: aside{wrap(plain), plain}, Now: clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	maker := &maker{world: world, clock: clock}
	return &providertest.World{
		Driver: driver, Secrets: []string{secret}, WebhookSecrets: []string{oldHook, newHook},
		Sign: func(body []byte, at time.Time, hook string) http.Header {
			header, err := world.Sign(body, at, hook, 1)
			if err != nil {
				t.Fatal(err)
			}
			return header
		},
		Account: world, Clock: clock,
		Crowd: func(_ *testing.T, n int) {
			world.Populate(n)
			world.Advance(clock.Now().Add(4 * time.Hour)) // until the books know of it
		},
		Month: maker.month,
		Make:  maker.makers(),
	}
}

// charge lets somebody pay for an order. PayPal writes JPY, HUF and TWD without
// decimals, of which our minor units have two for the latter.
func charge(t *testing.T, amount billing.Money) (*providertest.World, string) {
	w := newWorld(t, sim.Chaos{}, func(next http.RoundTripper) http.RoundTripper { return next }, false)
	world := w.Account.(*simpaypal.Server)
	value := fmt.Sprint(amount.Amount)
	switch amount.Currency {
	case "HUF", "TWD":
		value = strings.TrimSuffix(value, "00")
	case "USD":
		value = value[:len(value)-2] + "." + value[len(value)-2:]
	}
	order, err := world.NewOrder("pass:"+value+amount.Currency, value, amount.Currency, "")
	if err == nil {
		err = world.ApproveOrder(order, simpaypal.Good)
	}
	if err == nil {
		err = world.CaptureOrder(order)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.Advance(4 * time.Hour) // until the books know of it
	return w, world.PaymentsOf(order)[0]
}

// maker makes objects in a simulated PayPal.
type maker struct {
	world *simpaypal.Server
	clock *sim.Clock
}

func (m *maker) makers() providertest.Makers {
	return providertest.Makers{
		Subscription: func(t *testing.T) string { return m.subscription(t, simpaypal.NewSubscription{Plan: "P-PROMONTH"}) },
		Promotion: func(t *testing.T) string {
			m.world.AddPlan(simpaypal.Plan{ID: "P-INTRO", Name: "Pro", Unit: "MONTH", Amount: 2999, IntroCycles: 2, IntroAmount: 999, Currency: "USD", Threshold: 3})
			return m.subscription(t, simpaypal.NewSubscription{Plan: "P-INTRO"})
		},
		Trial:    func(t *testing.T) string { return m.subscription(t, simpaypal.NewSubscription{Plan: "P-PROTRIAL"}) },
		Payment:  m.sale,
		Amount:   billing.Money{Amount: 2999, Currency: "USD"},
		Dispute:  m.dispute,
		Approved: m.approved,
		Price:    "P-PROMONTH", Pass: "pass:5.00USD",
		Pay: m.pay,
	}
}

// subscription is one that was approved and charged for.
func (m *maker) subscription(t *testing.T, n simpaypal.NewSubscription) string {
	t.Helper()
	id, err := m.world.CreateSubscription(n)
	if err != nil {
		t.Fatal(err)
	}
	m.world.Advance(m.clock.Now().Add(time.Minute))
	return id
}

func (m *maker) sale(t *testing.T) string {
	t.Helper()
	return m.world.PaymentsOf(m.subscription(t, simpaypal.NewSubscription{Plan: "P-PROMONTH"}))[0]
}

func (m *maker) dispute(t *testing.T) string {
	t.Helper()
	id, err := m.world.OpenDispute("UNAUTHORISED", false, m.sale(t))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// order is one that its payer approved.
func (m *maker) order(t *testing.T, method simpaypal.Method) string {
	t.Helper()
	id, err := m.world.NewOrder("pass:5.00USD", "5.00", "USD", "")
	if err == nil {
		err = m.world.ApproveOrder(id, method)
	}
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (m *maker) approved(t *testing.T) string { return m.order(t, simpaypal.Good) }

// captured is a payment for an order.
func (m *maker) captured(t *testing.T, method simpaypal.Method) string {
	t.Helper()
	id := m.order(t, method)
	if err := m.world.CaptureOrder(id); err != nil {
		t.Fatal(err)
	}
	return m.world.PaymentsOf(id)[0]
}

// pay lets the buyer agree; an order's money has to be captured besides.
func (m *maker) pay(t *testing.T, checkout string) {
	t.Helper()
	var err error
	if strings.HasPrefix(checkout, "I-") {
		err = m.world.ApproveSubscription(checkout, simpaypal.Good)
	} else if err = m.world.ApproveOrder(checkout, simpaypal.Good); err == nil {
		err = m.world.CaptureOrder(checkout)
	}
	if err != nil {
		t.Fatal(err)
	}
	m.world.Advance(m.clock.Now().Add(time.Minute))
}

// month lets everything happen that can happen at PayPal, and then 31 days go by.
func (m *maker) month(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	refund := func(payment string, minor int64, hangs, fails bool) {
		t.Helper()
		_, err := m.world.Refund(payment, minor, hangs, fails)
		must(err)
	}
	refund(m.sale(t), 0, true, true)
	refund(m.sale(t), 0, false, false)
	refund(m.sale(t), 700, false, false)
	refund(m.sale(t), 1200, true, true)
	refund(m.captured(t, simpaypal.Good), 100, false, false)
	refund(m.captured(t, simpaypal.Good), 0, true, false)
	m.captured(t, simpaypal.Debit)
	m.captured(t, simpaypal.DebitFails)
	for _, outcome := range []string{"RESOLVED_BUYER_FAVOUR", "RESOLVED_SELLER_FAVOUR", "ACCEPTED", "CANCELED_BY_BUYER"} {
		id, err := m.world.OpenDispute("UNAUTHORISED", false, m.sale(t))
		must(err)
		must(m.world.RuleDispute(id, outcome))
	}
	lost, err := m.world.OpenDispute("UNAUTHORISED", false, m.captured(t, simpaypal.Good), m.sale(t))
	must(err)
	must(m.world.ContestDispute(lost))
	must(m.world.RuleDispute(lost, "RESOLVED_BUYER_FAVOUR"))
	inquiry, err := m.world.OpenDispute("MERCHANDISE_OR_SERVICE_NOT_RECEIVED", true, m.sale(t), m.sale(t))
	must(err)
	must(m.world.EscalateDispute(inquiry))
	_, err = m.world.OpenDispute("CREDIT_NOT_PROCESSED", true, m.sale(t))
	must(err)

	pro := simpaypal.NewSubscription{Plan: "P-PROMONTH"}
	must(m.world.Cancel(m.subscription(t, pro), ""))
	must(m.world.Cancel(m.subscription(t, simpaypal.NewSubscription{Plan: "P-PROYEAR"}), ""))
	must(m.world.Cancel(m.subscription(t, simpaypal.NewSubscription{Plan: "P-PROTRIAL"}), ""))
	must(m.world.Suspend(m.subscription(t, pro), "by hand"))
	must(m.world.Change(m.subscription(t, pro), "P-BASICMONTH", 3))
	back := m.subscription(t, pro)
	must(m.world.Suspend(back, "by hand"))
	must(m.world.Activate(back, "by hand"))
	m.subscription(t, simpaypal.NewSubscription{Plan: "P-PROMONTH", Start: m.clock.Now().Add(40 * 24 * time.Hour)})
	m.world.Noise()
	m.order(t, simpaypal.Good) // nobody captures it
	for range 31 {
		m.world.Advance(m.clock.Now().Add(24 * time.Hour))
	}
	m.settle()
}

// settle waits until the books, which are three hours behind, tell everything.
func (m *maker) settle() {
	for before := -1; before != len(m.world.Truth()); {
		before = len(m.world.Truth())
		m.world.Advance(m.clock.Now().Add(3*time.Hour + time.Minute))
	}
}
