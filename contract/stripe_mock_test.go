package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/stripe"
)

// routes are all calls that the Stripe driver can make.
var routes = []string{
	"DELETE /v1/subscriptions/{id}",
	"GET /v1/account",
	"GET /v1/charges/{id}",
	"GET /v1/checkout/sessions",
	"GET /v1/checkout/sessions/{id}",
	"GET /v1/checkout/sessions/{id}/line_items",
	"GET /v1/customers",
	"GET /v1/customers/{id}",
	"GET /v1/disputes",
	"GET /v1/disputes/{id}",
	"GET /v1/events",
	"GET /v1/invoice_payments",
	"GET /v1/invoices",
	"GET /v1/invoices/{id}",
	"GET /v1/payment_intents",
	"GET /v1/payment_intents/{id}",
	"GET /v1/prices/{id}",
	"GET /v1/radar/early_fraud_warnings",
	"GET /v1/radar/early_fraud_warnings/{id}",
	"GET /v1/refunds",
	"GET /v1/refunds/{id}",
	"GET /v1/subscription_items",
	"GET /v1/subscriptions",
	"GET /v1/subscriptions/{id}",
	"GET /v1/webhook_endpoints",
	"POST /v1/billing_portal/sessions",
	"POST /v1/checkout/sessions",
	"POST /v1/customers/{id}",
	"POST /v1/disputes/{id}/close",
	"POST /v1/invoices/create_preview",
	"POST /v1/invoices/{id}/pay",
	"POST /v1/refunds",
	"POST /v1/subscriptions/{id}",
	"POST /v1/subscriptions/{id}/resume",
	"POST /v1/webhook_endpoints",
	"POST /v1/webhook_endpoints/{id}",
}

const hook = "https://app.test/webhooks/stripe"

// TestStripeMockTakesEveryRequest lets the driver make every call that it can
// make to stripe-mock, which checks the parameters of each against the
// published schema.
func TestStripeMockTakesEveryRequest(t *testing.T) {
	recorder := &recorder{seen: map[string]int{}}
	now, mock := time.Now(), startMock(t)
	mustRefuse(t, mock)
	driver, err := stripe.New(stripe.Config{
		Account: "stripe", SecretKey: "sk_test_contract", BaseURL: mock, Transport: recorder, Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("read", func(t *testing.T) { readAll(t, driver, now) })
	t.Run("checkout", func(t *testing.T) { checkOut(t, driver, now) })
	t.Run("write", func(t *testing.T) { writeAll(t, driver, now) })

	for _, refusal := range recorder.refused {
		t.Error(refusal)
	}
	var seen []string
	for route := range recorder.seen {
		seen = append(seen, route)
	}
	slices.Sort(seen)
	if !slices.Equal(seen, routes) {
		t.Errorf("the calls made are\n%s\nwant\n%s", strings.Join(seen, "\n"), strings.Join(routes, "\n"))
	}
	t.Logf("%d routes, %d calls", len(seen), recorder.calls)
}

// mustRefuse makes sure that stripe-mock checks at all.
func mustRefuse(t *testing.T, mock string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, mock+"/v1/refunds", strings.NewReader("payment_intent=pi_1&color=blue"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer sk_test_contract")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Fatalf("stripe-mock answers a wrong parameter with status %d", resp.StatusCode)
	}
}

func ref(kind billing.Kind, id string) provider.Ref {
	return provider.Ref{Account: "stripe", Kind: kind, ID: id}
}

var ids = map[billing.Kind]string{
	billing.KindCustomer: "cus_1", billing.KindCheckout: "cs_1", billing.KindSubscription: "sub_1", billing.KindInvoice: "in_1",
	billing.KindPayment: "pi_1", billing.KindRefund: "re_1", billing.KindDispute: "du_1", billing.KindWarning: "issfr_1",
}

func readAll(t *testing.T, driver *stripe.Driver, now time.Time) {
	for kind, id := range ids {
		if _, err := driver.Fetch(t.Context(), ref(kind, id)); err != nil {
			t.Error(err)
		}
		for _, query := range []provider.Query{{Kind: kind}, {Kind: kind, After: id}, {Kind: kind, Owner: "cus_1"}, {Kind: kind, Owner: "cus_1", After: "pi_1"}} {
			if _, err := driver.List(t.Context(), query); err != nil {
				t.Errorf("%+v: %v", query, err)
			}
		}
	}
	if _, err := driver.Fetch(t.Context(), ref(billing.KindPayment, "ch_1")); err != nil {
		// The schema's example charge belongs to no payment intent, or to one: both
		// are answers that were understood.
		if !strings.Contains(err.Error(), "belongs to payment") {
			t.Error(err)
		}
	}
	if _, err := driver.CheckKey(t.Context()); err != nil {
		t.Error(err)
	}
	for _, after := range []string{"", fmt.Sprintf("%d:60", now.Add(-time.Hour).Unix())} {
		if _, err := driver.Events(t.Context(), now.Add(-24*time.Hour), after); err != nil {
			t.Error(err)
		}
	}
}

func checkOut(t *testing.T, driver *stripe.Driver, now time.Time) {
	request := provider.CheckoutRequest{
		Token: "tok", Customer: "user_1", Email: "a@example.com", Mode: "subscription", PromotionCodes: true,
		Items:     []billing.Item{{Price: "price_1", Quantity: 2}, {Price: "price_2", Quantity: 1}},
		ReturnURL: "https://app.test/return/stripe?x=1", CancelURL: "https://app.test/pricing", ExpiresAt: now.Add(time.Hour),
	}
	for i, change := range []func(*provider.CheckoutRequest){
		func(*provider.CheckoutRequest) {},
		func(r *provider.CheckoutRequest) { r.Owner = "cus_1" },
		func(r *provider.CheckoutRequest) { r.Mode = "payment" },
		func(r *provider.CheckoutRequest) { r.Mode, r.Owner = "payment", "cus_1" },
		func(r *provider.CheckoutRequest) { r.TrialEnd = now.Add(24 * time.Hour) },
		func(r *provider.CheckoutRequest) { r.TrialEnd = now.Add(700 * 24 * time.Hour) },
	} {
		asked := request
		change(&asked)
		asked.Key = fmt.Sprintf("checkout %d", i)
		if _, err := driver.CreateCheckout(t.Context(), asked); err != nil {
			t.Error(err)
		}
	}
	for _, tag := range strings.Fields("bg cs da de el en en-GB es es-MX et fi fil fr fr-CA hr hu id it ja ko lt lv ms mt nb nl pl pt pt-BR ro ru sk sl sv th tr vi zh zh-HK zh-TW tlh") {
		asked := request
		asked.Key, asked.Locale = "checkout "+tag, tag
		if _, err := driver.CreateCheckout(t.Context(), asked); err != nil {
			t.Errorf("%s: %v", tag, err)
		}
	}
}

func writeAll(t *testing.T, driver *stripe.Driver, now time.Time) {
	ctx := context.Background()
	sub, pay := ref(billing.KindSubscription, "sub_1"), ref(billing.KindPayment, "pi_1")
	refund := func(payment provider.Ref, amount int64, reason string) error {
		_, err := driver.Refund(ctx, provider.RefundRequest{
			Payment: payment, Amount: billing.Money{Amount: amount, Currency: "USD"}, Reason: reason, Key: fmt.Sprint("refund ", payment.ID, amount, reason),
		})
		return err
	}
	for name, err := range map[string]error{
		"cancel":               driver.CancelNow(ctx, sub, "k1"),
		"cancel at period end": driver.CancelAtPeriodEnd(ctx, sub, "k2"),
		"uncancel":             driver.Uncancel(ctx, sub, "k3"),
		"uncancel a date":      driver.Uncancel(ctx, ref(billing.KindSubscription, "sub_dated"), "k4"),
		"pause":                driver.Pause(ctx, sub, time.Time{}, "k5"),
		"pause until":          driver.Pause(ctx, sub, now.Add(time.Hour), "k6"),
		"resume":               driver.Resume(ctx, sub, "k7"),
		"extend trial":         driver.ExtendTrial(ctx, sub, now.Add(time.Hour), "k8"),
		"refund all":           refund(pay, 0, ""),
		"refund a part":        refund(pay, 5, "duplicate"),
		"refund a fraud":       refund(pay, 5, "fraudulent"),
		"refund a charge":      refund(ref(billing.KindPayment, "ch_1"), 5, "requested_by_customer"),
		"accept dispute":       driver.AcceptDispute(ctx, ref(billing.KindDispute, "du_1"), "k9"),
		"push e-mail":          driver.PushEmail(ctx, ref(billing.KindCustomer, "cus_1"), "b@example.com", "k10"),
		"collect":              driver.Collect(ctx, ref(billing.KindInvoice, "in_1"), "k11"),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, payment := range []provider.Ref{pay, ref(billing.KindPayment, "ch_1")} {
		if _, _, err := driver.FoundRefund(ctx, provider.RefundRequest{Payment: payment, Key: "k"}); err != nil {
			t.Error(err)
		}
	}
	if _, err := driver.PaymentUpdateURL(ctx, ref(billing.KindCustomer, "cus_1"), "https://app.test/account"); err != nil {
		t.Error(err)
	}
	for _, cancel := range []bool{false, true} {
		request := provider.PortalRequest{Owner: ref(billing.KindCustomer, "cus_1"), Subscription: ref(billing.KindSubscription, "sub_1"), Cancel: cancel, ReturnURL: "https://app.test/account"}
		if _, err := driver.PortalURL(ctx, request); err != nil {
			t.Error(err)
		}
	}
	if charge, found, err := driver.PreviewCharge(ctx, ref(billing.KindSubscription, "sub_1")); err != nil || !found {
		t.Error(charge, found, err)
	}
	// The first URL is known (see recorder.rewrite) and updated, the second made.
	for _, endpointURL := range []string{hook, "https://app.test/webhooks/new"} {
		if _, err := driver.RegisterEndpoint(ctx, endpointURL); err != nil {
			t.Error(err)
		}
	}
}

// recorder passes calls on, notes their routes and what was refused, and changes
// those answers that would keep the driver from its rarer calls.
type recorder struct {
	mu      sync.Mutex
	calls   int
	seen    map[string]int
	refused []string
}

var idInPath = regexp.MustCompile(`/(cus|cs|sub|in|pi|ch|re|du|issfr|we|price)_[A-Za-z0-9_]+`)

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	r.seen[req.Method+" "+idInPath.ReplaceAllString(req.URL.Path, "/{id}")]++
	if resp.StatusCode >= 400 {
		r.refused = append(r.refused, fmt.Sprintf("%s %s: status %d: %s", req.Method, req.URL, resp.StatusCode, body))
	}
	switch route := req.Method + " " + req.URL.Path; {
	case resp.StatusCode != http.StatusOK:
	case req.Method == http.MethodGet, req.Method == http.MethodPost && strings.HasPrefix(req.URL.Path, "/v1/subscriptions/"):
		if body, err = rewrite(req.URL.Path, body); err != nil {
			return nil, err
		}
	case route == "POST /v1/webhook_endpoints":
		body = []byte(`{"id":"we_new","object":"webhook_endpoint","secret":"whsec_contract"}`)
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Del("Content-Length")
	return resp, nil
}

// rewrite lets lists inside objects be longer than they are, the subscription be
// canceled and paused, with another price scheduled, payments be refunded and disputed, and the endpoint be
// known twice.
func rewrite(path string, body []byte) ([]byte, error) {
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	for _, list := range []string{"items", "payments", "line_items"} {
		if inner, ok := answer[list].(map[string]any); ok && answer["object"] != "list" {
			inner["has_more"] = true
		}
	}
	data, _ := answer["data"].([]any)
	switch {
	case strings.HasPrefix(path, "/v1/subscriptions/"):
		answer["status"], answer["pause_collection"] = "paused", map[string]any{"behavior": "void"}
		answer["schedule"] = map[string]any{
			"id": "sub_sched_1", "status": "active", "current_phase": map[string]any{"start_date": 1, "end_date": 2},
			"phases": []any{map[string]any{"start_date": 2, "end_date": 3, "items": []any{map[string]any{"price": "price_other", "quantity": 1}}}},
		}
		answer["cancel_at_period_end"], answer["cancel_at"] = !strings.HasSuffix(path, "sub_dated"), 4102444800
	case path == "/v1/payment_intents":
		for _, payment := range data {
			payment.(map[string]any)["latest_charge"] = map[string]any{"id": "ch_1", "amount_refunded": 5, "disputed": true}
		}
	case path == "/v1/webhook_endpoints":
		first, second := map[string]any{}, map[string]any{}
		for i, endpoint := range []map[string]any{first, second} {
			endpoint["id"], endpoint["object"], endpoint["url"], endpoint["status"] = fmt.Sprintf("we_%d", i), "webhook_endpoint", hook, "enabled"
		}
		answer["data"] = []any{first, second}
	}
	return json.Marshal(answer)
}

// startMock builds stripe-mock, starts it on two free ports of the loopback
// interface and returns its address. Without an address for HTTPS it would
// listen on all interfaces.
func startMock(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "stripe-mock")
	if out, err := exec.Command("go", "build", "-o", binary, "github.com/stripe/stripe-mock").CombinedOutput(); err != nil {
		t.Fatalf("build stripe-mock: %v\n%s", err, out)
	}
	plain, secure := freeAddress(t), freeAddress(t)
	mock := exec.Command(binary, "-http-addr", plain, "-https-addr", secure)
	var log bytes.Buffer
	mock.Stdout, mock.Stderr = &log, &log
	if err := mock.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = mock.Process.Kill() // it may be gone already
		_ = mock.Wait()
		if t.Failed() {
			t.Logf("stripe-mock said:\n%s", log.String())
		}
	})
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		connection, err := net.Dial("tcp", plain)
		if err == nil {
			connection.Close()
			return "http://" + plain
		}
	}
	t.Fatal("stripe-mock does not listen")
	return ""
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
