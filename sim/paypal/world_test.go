package paypal

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/sim"
	"github.com/trivetdev/trivet/sim/simtest"
)

var monday = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// client speaks to a world as another program would.
type client struct {
	t     *testing.T
	w     *Server
	token string
}

func newClient(t *testing.T, cfg Config) client {
	t.Helper()
	cfg.Clock = sim.NewClock(monday)
	if cfg.WebhookURL == "" {
		cfg.WebhookURL = "https://app.test/hook"
	}
	w := New(cfg)
	w.AddCatalog()
	c := client{t: t, w: w}
	status, o := c.do("POST", "/v1/oauth2/token", "", "grant_type=client_credentials")
	if status != 200 {
		t.Fatal(status, o)
	}
	c.token = o["access_token"].(string)
	return c
}

func (c client) do(method, path, key, body string) (int, map[string]any) {
	c.t.Helper()
	req := httptest.NewRequest(method, "https://api-m.paypal.test"+path, strings.NewReader(body))
	if c.token == "" {
		req.SetBasicAuth("client_sim", "secret_sim")
	} else {
		c.w.mu.Lock()
		c.w.tokens[c.token] = c.w.clock.Now() // renewed, as a client does every nine hours
		c.w.mu.Unlock()
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if key != "" {
		req.Header.Set("PayPal-Request-Id", key)
	}
	rec := httptest.NewRecorder()
	c.w.Handler().ServeHTTP(rec, req)
	var o map[string]any
	if rec.Body.Len() > 0 {
		if err := json.Unmarshal(rec.Body.Bytes(), &o); err != nil {
			c.t.Fatalf("%s %s: %s", method, path, rec.Body)
		}
	}
	return rec.Code, o
}

func (c client) get(path string) map[string]any {
	c.t.Helper()
	status, o := c.do("GET", path, "", "")
	if status != 200 {
		c.t.Fatalf("GET %s: %d %v", path, status, o)
	}
	return o
}

// at follows keys and indexes into an answer.
func at(o any, path ...any) any {
	for _, step := range path {
		switch s := step.(type) {
		case string:
			m, _ := o.(map[string]any)
			o = m[s]
		case int:
			l, _ := o.([]any)
			if s >= len(l) {
				return nil
			}
			o = l[s]
		}
	}
	return o
}

func (c client) days(n int) {
	for range n {
		c.w.Advance(c.w.clock.Now().Add(24 * time.Hour))
	}
}

func (c client) status(id string) string {
	c.t.Helper()
	o, ok := c.w.TruthOf(id)
	if !ok {
		c.t.Fatalf("no %s", id)
	}
	return o.Fields["status"]
}

// page clicks on an approval page and returns where the browser goes.
func (c client) click(address, action string) (int, *url.URL) {
	c.t.Helper()
	form := url.Values{"action": {action}, "email": {"buyer@example.com"}}
	req := httptest.NewRequest("POST", address, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := httptest.NewRecorder()
	c.w.Handler().ServeHTTP(rec, req)
	next, err := url.Parse(rec.Header().Get("Location"))
	if err != nil {
		c.t.Fatal(err)
	}
	return rec.Code, next
}

func TestSubscriptionByThePage(t *testing.T) {
	c := newClient(t, Config{Seed: 3})
	body := `{"plan_id":"P-BASICWEEK","custom_id":"tok","quantity":"2","application_context":{"return_url":"https://app.test/back?checkout_token=x","cancel_url":"https://app.test/no"}}`
	status, made := c.do("POST", "/v1/billing/subscriptions", "key1", body)
	_, again := c.do("POST", "/v1/billing/subscriptions", "key1", body)
	id, _ := made["id"].(string)
	if status != 201 || again["id"] != id || len(c.w.Effects()) != 1 || c.w.Effects()[0].Key != "key1" {
		t.Fatal(status, made, c.w.Effects())
	}
	address := at(made, "links", 0, "href").(string)
	if code, _ := c.click(address, "declined"); code != 402 || c.status(id) != "pending" {
		t.Error("declined:", code)
	}
	if code, _ := c.click(address, "3ds"); code != 402 {
		t.Error("asked who it is:", code)
	}
	code, next := c.click(address, "authenticate")
	q := next.Query()
	if code != 303 || q.Get("checkout_token") != "x" || q.Get("subscription_id") != id || q.Get("token") == "" || q.Get("ba_token") == "" {
		t.Error(code, next)
	}
	if c.status(id) != "pending" {
		t.Error("active before anybody has paid")
	}
	c.w.Advance(monday.Add(time.Minute))
	o := c.get("/v1/billing/subscriptions/" + id + "?fields=plan")
	if c.status(id) != "active" || at(o, "billing_info", "last_payment", "amount", "value") != "6.00" || at(o, "plan", "billing_cycles", 0, "tenure_type") != "REGULAR" {
		t.Error(o)
	}
	if at(c.get("/v1/billing/subscriptions/"+id), "plan") != nil {
		t.Error("the plan is told unasked")
	}
	// Cancellation is at once and final, and forgets the next billing time.
	if status, _ := c.do("POST", "/v1/billing/subscriptions/"+id+"/cancel", "", `{"reason":"no more"}`); status != 204 {
		t.Error("cancel:", status)
	}
	if o := c.get("/v1/billing/subscriptions/" + id); at(o, "billing_info", "next_billing_time") != nil || c.status(id) != "active" {
		t.Error(c.status(id), o)
	}
	status, o = c.do("POST", "/v1/billing/subscriptions/"+id+"/activate", "", `{}`)
	if status != 422 || at(o, "details", 0, "issue") != "SUBSCRIPTION_STATUS_INVALID" {
		t.Error("back from the dead:", status, o)
	}
	if c.days(8); c.status(id) != "ended" || len(c.w.PaymentsOf(id)) != 1 {
		t.Error(c.status(id), c.w.PaymentsOf(id))
	}
}

// PayPal tries again every five days, twice a cycle; then the amount is
// outstanding, and at the threshold the subscription is suspended.
func TestFailedPayments(t *testing.T) {
	c := newClient(t, Config{Seed: 3})
	id, err := c.w.CreateSubscription(NewSubscription{Plan: "P-PROMONTH", Method: LaterFails})
	if err != nil {
		t.Fatal(err)
	}
	failed := func() any {
		return at(c.get("/v1/billing/subscriptions/"+id+"?fields=last_failed_payment"), "billing_info", "failed_payments_count")
	}
	c.days(32)
	if c.status(id) != "past_due" || failed() != 1.0 {
		t.Error(c.status(id), failed())
	}
	c.days(5)
	if failed() != 2.0 || c.status(id) != "past_due" {
		t.Error(c.status(id), failed())
	}
	c.days(5)
	o := c.get("/v1/billing/subscriptions/" + id)
	if c.status(id) != "unpaid" || o["status"] != "SUSPENDED" || at(o, "billing_info", "outstanding_balance", "value") != "29.99" {
		t.Error(c.status(id), o)
	}
	if status, o := c.do("POST", "/v1/billing/subscriptions/"+id+"/suspend", "", `{"reason":"x"}`); status != 422 {
		t.Error(status, o)
	}
}

func TestOrders(t *testing.T) {
	c := newClient(t, Config{Seed: 3})
	make := func() (string, string) {
		_, o := c.do("POST", "/v2/checkout/orders", "", `{"intent":"CAPTURE","purchase_units":[{"custom_id":"tok","amount":{"currency_code":"HUF","value":"1900"},`+
			`"items":[{"name":"Pass","sku":"pass:1900HUF","quantity":"1","unit_amount":{"currency_code":"HUF","value":"1900"}}]}],"payment_source":{"paypal":{"experience_context":{"return_url":"https://app.test/back?a=b"}}}}`)
		return o["id"].(string), at(o, "links", 1, "href").(string)
	}
	id, address := make()
	if status, o := c.do("POST", "/v2/checkout/orders/"+id+"/capture", "", `{}`); status != 422 || at(o, "details", 0, "issue") != "ORDER_NOT_APPROVED" {
		t.Error(status, o)
	}
	code, next := c.click(address, "good")
	if code != 303 || next.Query().Get("token") != id || next.Query().Get("PayerID") == "" || c.status(id) != "approved" {
		t.Error(code, next, c.status(id))
	}
	status, o := c.do("POST", "/v2/checkout/orders/"+id+"/capture", "k", `{}`)
	payment := at(o, "purchase_units", 0, "payments", "captures", 0, "id")
	if status != 201 || payment == nil || c.status(id) != "complete" {
		t.Fatal(status, o)
	}
	if _, again := c.do("POST", "/v2/checkout/orders/"+id+"/capture", "k", `{}`); at(again, "purchase_units", 0, "payments", "captures", 0, "id") != payment {
		t.Error("the key is forgotten")
	}
	c.w.Advance(monday.Add(7 * time.Hour)) // keys of orders live six hours
	if status, o := c.do("POST", "/v2/checkout/orders/"+id+"/capture", "k", `{}`); status != 422 || at(o, "details", 0, "issue") != "ORDER_ALREADY_CAPTURED" {
		t.Error(status, o)
	}
	if truth, _ := c.w.TruthOf(payment.(string)); truth.Fields["amount"] != "190000" || truth.Kind != sim.KindPayment {
		t.Error(truth) // forints have two decimals by ISO, and none at PayPal
	}
	for _, tt := range []struct{ action, status, payment string }{{"debit", "complete", "succeeded"}, {"debit_fails", "complete", "failed"}, {"later_fails", "expired", ""}, {"abandon", "expired", ""}} {
		id, address := make()
		c.click(address, tt.action)
		c.do("POST", "/v2/checkout/orders/"+id+"/capture", "", `{}`)
		c.days(4)
		got := ""
		if ids := c.w.PaymentsOf(id); len(ids) > 0 {
			got = c.status(ids[0])
		}
		if c.status(id) != tt.status || got != tt.payment {
			t.Errorf("%s: order %s, payment %q", tt.action, c.status(id), got)
		}
	}
	if status, _ := c.do("POST", "/v2/checkout/orders", "", `{"intent":"CAPTURE","purchase_units":[{"amount":{"currency_code":"JPY","value":"5.00"}}]}`); status != 422 {
		t.Error("yen with decimals:", status)
	}
}

func TestRefundsAndTheBooks(t *testing.T) {
	c := newClient(t, Config{Seed: 3})
	id, err := c.w.CreateSubscription(NewSubscription{Plan: "P-PROMONTH"})
	if err != nil {
		t.Fatal(err)
	}
	c.w.Advance(monday.Add(time.Minute))
	payment := c.w.PaymentsOf(id)[0]
	status, o := c.do("POST", "/v2/payments/captures/"+payment+"/refund", "r1", `{"amount":{"currency_code":"USD","value":"10.01"},"custom_id":"key"}`)
	_, again := c.do("POST", "/v2/payments/captures/"+payment+"/refund", "r1", `{"amount":{"currency_code":"USD","value":"10.01"}}`)
	if status != 201 || again["id"] != o["id"] || at(o, "seller_payable_breakdown", "total_refunded_amount", "value") != "10.01" {
		t.Fatal(status, o, again)
	}
	if status, o := c.do("POST", "/v2/payments/captures/"+payment+"/refund", "r2", `{"amount":{"currency_code":"USD","value":"20.00"}}`); status != 422 {
		t.Error("more than is left:", status, o)
	}
	if s := c.get("/v1/payments/sale/" + payment); s["state"] != "partially_refunded" || s["billing_agreement_id"] != id {
		t.Error(s)
	}
	books := func() int {
		o := c.get("/v1/reporting/transactions?start_date=" + monday.Add(-4*time.Hour).Format(time.RFC3339) + "&end_date=" + monday.Add(24*time.Hour).Format(time.RFC3339))
		return len(o["transaction_details"].([]any))
	}
	if books() != 0 {
		t.Error("the books are not three hours behind")
	}
	if c.w.Advance(monday.Add(3*time.Hour + time.Minute)); books() != 2 {
		t.Errorf("%d rows", books())
	}
	if status, _ := c.do("GET", "/v1/reporting/transactions?start_date=2025-11-01T00:00:00Z&end_date=2026-01-01T00:00:00Z", "", ""); status != 400 {
		t.Error("two months at once:", status)
	}
	if n := len(c.w.Effects()); n != 1 || c.w.Effects()[0] != (sim.Effect{At: monday.Add(time.Minute), Op: sim.OpRefund, Object: payment, Amount: 1001, Currency: "USD", Key: "r1"}) {
		t.Errorf("%d effects: %+v", n, c.w.Effects())
	}
}

// Deliveries are signed as PayPal documents it.
func TestSignature(t *testing.T) {
	c := newClient(t, Config{Seed: 3})
	if _, err := c.w.CreateSubscription(NewSubscription{Plan: "P-PROMONTH"}); err != nil {
		t.Fatal(err)
	}
	c.w.Advance(monday.Add(time.Minute))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(CA())
	var types []string
	c.w.Deliver(context.Background(), func(req *http.Request) (int, error) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return 0, err
		}
		types = append(types, string(body))
		rec := httptest.NewRecorder()
		c.w.Handler().ServeHTTP(rec, httptest.NewRequest("GET", req.Header.Get("Paypal-Cert-Url"), nil))
		block, _ := pem.Decode(rec.Body.Bytes())
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cert.Verify(x509.VerifyOptions{Roots: roots, DNSName: "messageverificationcerts.paypal.com", CurrentTime: monday}); err != nil {
			t.Error(err)
		}
		text := fmt.Sprintf("%s|%s|WH-SIM|%d", req.Header.Get("Paypal-Transmission-Id"), req.Header.Get("Paypal-Transmission-Time"), crc32.ChecksumIEEE(body))
		sum := sha256.Sum256([]byte(text))
		signature, err := base64.StdEncoding.DecodeString(req.Header.Get("Paypal-Transmission-Sig"))
		if err != nil || rsa.VerifyPKCS1v15(cert.PublicKey.(*rsa.PublicKey), crypto.SHA256, sum[:], signature) != nil {
			t.Error("bad signature", err)
		}
		return 200, nil
	})
	if len(types) != 3 {
		t.Fatalf("%d deliveries", len(types))
	}
}

// An endpoint that is down is tried 25 times within three days, and no more.
func TestRetries(t *testing.T) {
	c := newClient(t, Config{Seed: 3})
	c.w.Noise()
	tries, last := map[string]int{}, time.Time{}
	for range 24 * 6 * 5 {
		c.w.Advance(c.w.clock.Now().Add(10 * time.Minute))
		c.w.Deliver(context.Background(), func(req *http.Request) (int, error) {
			body, err := io.ReadAll(req.Body)
			tries[string(body)]++
			last = c.w.clock.Now()
			return 503, err
		})
	}
	for body, n := range tries {
		if n != attempts {
			t.Errorf("%d tries of %s", n, body)
		}
	}
	if took := last.Sub(monday); len(tries) != 2 || took < 48*time.Hour || took > 80*time.Hour {
		t.Errorf("%d events, tried for %v", len(tries), took)
	}
}

func TestFaultsStrike(t *testing.T) {
	chaos := sim.DefaultChaos()
	c := newClient(t, Config{Seed: 5})
	*c.w.faults = *sim.NewFaults(5, chaos)
	c.w.cfg.Rates = DefaultLife()
	c.w.Populate(60)
	for range 40 * 8 {
		c.w.Advance(c.w.clock.Now().Add(3 * time.Hour))
		c.w.Deliver(context.Background(), func(*http.Request) (int, error) { return 200, nil })
		c.w.mu.Lock()
		c.w.tokens[c.token] = c.w.clock.Now()
		c.w.mu.Unlock()
		for _, sub := range c.w.subs.all[:10] {
			req := httptest.NewRequest("GET", "/v1/billing/subscriptions/"+sub.id, nil)
			req.Header.Set("Authorization", "Bearer "+c.token)
			_, _ = sim.Transport(c.w.Handler()).RoundTrip(req)
		}
	}
	simtest.Struck(t, c.w.Stats(), sim.FaultDelay, sim.FaultStaleRead, sim.FaultTruncated, sim.FaultShiftPages)
}

func TestSameSeedSameTrace(t *testing.T) { simtest.SameSeed(t, trace) }

func TestFaultsDoNotChangeLife(t *testing.T) { simtest.FaultsApart(t, trace) }

// trace leaves out the signatures, which are made with a key of each process.
func trace(seed uint64, chaos sim.Chaos) (deliveries, truth string) {
	w := New(Config{Seed: seed, Clock: sim.NewClock(monday), Chaos: chaos, Rates: DefaultLife(), WebhookURL: "https://app.test/hook"})
	w.Populate(60)
	return simtest.Trace(context.Background(), w, monday.AddDate(0, 0, 45), "Paypal-Transmission-Id")
}

// The same seed gives the same run; everything but the signatures.
func TestDeterminism(t *testing.T) {
	run := func(seed uint64) (string, []sim.Object) {
		c := newClient(t, Config{Seed: seed, Rates: DefaultLife(), Chaos: sim.DefaultChaos()})
		c.w.Populate(40)
		var log bytes.Buffer
		for range 40 {
			c.days(1)
			c.w.Deliver(context.Background(), func(req *http.Request) (int, error) {
				body, err := io.ReadAll(req.Body)
				fmt.Fprintf(&log, "%s %s\n", req.Header.Get("Paypal-Transmission-Id"), body)
				return 200, err
			})
		}
		return log.String(), c.w.Truth()
	}
	first, truth := run(9)
	second, again := run(9)
	if first != second || !slices.EqualFunc(truth, again, func(a, b sim.Object) bool { return a.Kind == b.Kind && a.ID == b.ID && maps.Equal(a.Fields, b.Fields) }) {
		t.Error("one seed, two runs")
	}
	if other, _ := run(10); first == other {
		t.Error("two seeds, one run")
	}
	kinds := map[string]int{}
	for _, o := range truth {
		kinds[o.Kind+" "+o.Fields["status"]]++
	}
	for _, want := range []string{"subscription active", "subscription past_due", "subscription ended", "payment failed", "payment succeeded", "checkout complete", "refund succeeded", "dispute open"} {
		if kinds[want] == 0 {
			t.Errorf("forty days without a %s: %v", want, kinds)
		}
	}
}

// Following the webhooks of a perfect network, and looking only at what they name,
// is enough to know the truth; but for a refund that hangs, whose end PayPal does
// not announce, and for what time alone changes.
func TestNoSilentChanges(t *testing.T) {
	rates := DefaultLife()
	rates.RefundHangs = 0
	c := newClient(t, Config{Seed: 13, Rates: rates})
	c.w.Populate(80)
	known := map[string]sim.Object{}
	look := func(id string) {
		for _, o := range c.w.truthRows(id) {
			known[o.Kind+o.ID] = o
		}
	}
	deliver := func() {
		c.w.Deliver(context.Background(), func(req *http.Request) (int, error) {
			var e struct {
				Resource map[string]any
			}
			err := json.NewDecoder(req.Body).Decode(&e)
			for _, key := range []string{"id", "billing_agreement_id", "sale_id", "dispute_id"} {
				if id, ok := e.Resource[key].(string); ok {
					look(id)
				}
			}
			for i := range 3 {
				if id, ok := at(e.Resource, "disputed_transactions", i, "seller_transaction_id").(string); ok {
					look(id)
				}
				if id, ok := at(e.Resource, "disputed_transactions", 0, "seller_transaction_id").(string); ok && i > 0 && id != "" {
					if d, ok := e.Resource["dispute_id"].(string); ok {
						if other, ok := at(e.Resource, "disputed_transactions", i-1, "seller_transaction_id").(string); ok {
							look(d + "." + other)
						}
					}
				}
			}
			if href, ok := at(e.Resource, "links", 1, "href").(string); ok {
				look(href[strings.LastIndexByte(href, '/')+1:])
			}
			if id, ok := at(e.Resource, "supplementary_data", "related_ids", "order_id").(string); ok {
				look(id)
			}
			return 200, err
		})
	}
	for range 30 * 24 {
		c.w.Advance(c.w.clock.Now().Add(time.Hour))
		deliver()
	}
	c.w.Calm()
	c.w.Advance(c.w.clock.Now().Add(10 * time.Second))
	deliver()
	silent := 0
	for _, o := range c.w.Truth() {
		was := known[o.Kind+o.ID]
		if maps.Equal(was.Fields, o.Fields) {
			continue
		}
		same := func(field string) bool { return was.Fields[field] == o.Fields[field] }
		passing := o.Kind == sim.KindSubscription && same("provider_status") && same("price") && same("quantity") && same("amount") || o.Kind == sim.KindCheckout && o.Fields["status"] == "expired"
		if !passing {
			silent++
			t.Errorf("%s %s changed silently\n truth %v\n known %v", o.Kind, o.ID, o.Fields, was.Fields)
		}
	}
	if silent == 0 && len(known) < 200 {
		t.Errorf("only %d objects", len(known))
	}
}
