package stripe

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/sim"
)

const monthly = "mode=subscription&line_items[0][price]=price_pro_month&line_items[0][quantity]=1" +
	"&success_url=https://app.example/return?session_id={CHECKOUT_SESSION_ID}"

const pass = "mode=payment&line_items[0][price]=price_pass&line_items[0][quantity]=2&success_url=https://app.example/ok"

// shop is a quiet world with the small catalog.
func shop(t *testing.T) (*Server, client) {
	t.Helper()
	w := newWorld(Config{Seed: 5})
	w.AddCatalog()
	return w, client{t: t, w: w}
}

func TestIdempotencyKeys(t *testing.T) {
	w, c := shop(t)
	call := func(form string) (int, string, http.Header) {
		h := http.Header{"Idempotency-Key": {"k1"}}
		status, body, err := c.send("POST", "/v1/checkout/sessions", form, h)
		if err != nil {
			t.Fatal(err)
		}
		return status, string(body), h
	}
	_, first, h := call(pass)
	if h.Get("Idempotent-Replayed") != "" {
		t.Error("the first call says it is a replay")
	}
	if !strings.HasPrefix(h.Get("Request-Id"), "req_") {
		t.Errorf("Request-Id is %q", h.Get("Request-Id"))
	}
	_, second, h := call("success_url=https://app.example/ok&line_items[0][quantity]=2&mode=payment&line_items[0][price]=price_pass")
	if second != first || h.Get("Idempotent-Replayed") != "true" {
		t.Error("the same call in another order was not replayed")
	}
	if status, body, _ := call(monthly); status != 400 || !strings.Contains(body, "idempotency_error") {
		t.Errorf("other parameters under the same key: %d %s", status, body)
	}
	if n := len(w.Effects()); n != 1 {
		t.Errorf("%d effects, want 1", n)
	}
	w.Advance(w.clock.Now().Add(25 * time.Hour))
	if _, third, _ := call(pass); third == first {
		t.Error("the key was still known after 25 hours")
	}
	if n := len(w.Effects()); n != 2 {
		t.Errorf("%d effects, want 2", n)
	}
}

func TestErrors(t *testing.T) {
	_, c := shop(t)
	for _, tc := range []struct {
		method, path, form string
		status             int
		typ, code, param   string
	}{
		{"GET", "/v1/subscriptions/sub_no", "", 404, "invalid_request_error", "resource_missing", "id"},
		{"GET", "/v1/subscriptions?limit=101", "", 400, "invalid_request_error", "parameter_invalid_integer", "limit"},
		{"GET", "/v1/subscriptions?state=all", "", 400, "invalid_request_error", "parameter_unknown", "state"},
		{"GET", "/v1/customers?expand[]=data.shoe", "", 200, "", "", ""},
		{"POST", "/v1/checkout/sessions", "mode=payment", 400, "invalid_request_error", "parameter_missing", "success_url"},
		{"POST", "/v1/checkout/sessions", strings.Replace(pass, "price_pass", "price_no", 1), 400, "invalid_request_error", "resource_missing", "line_items[0][price]"},
		{"POST", "/v1/checkout/sessions", strings.Replace(pass, "price_pass", "price_pro_month", 1), 400, "invalid_request_error", "", "line_items"},
		{"POST", "/v1/refunds", "", 400, "invalid_request_error", "parameter_missing", ""},
		{"POST", "/v1/refunds", "payment_intent=pi_no", 400, "invalid_request_error", "resource_missing", "payment_intent"},
		{"GET", "/v1/quotes", "", 404, "invalid_request_error", "", ""},
	} {
		got := c.do(tc.status, tc.method, tc.path, tc.form)
		if got.str("error.type") != tc.typ || got.str("error.code") != tc.code || got.str("error.param") != tc.param {
			t.Errorf("%s %s: %v", tc.method, tc.path, got.at("error").v)
		}
		if tc.status != 200 && got.str("error.message") == "" {
			t.Errorf("%s %s: no message", tc.method, tc.path)
		}
	}
}

func TestKeys(t *testing.T) {
	w, c := shop(t)
	id := w.CreateCustomer("a@example.com")
	stranger := client{t: t, w: w, key: "sk_test_other"}
	stranger.do(401, "GET", "/v1/customers/"+id, "")
	other := client{t: t, w: w, key: "sk_live_sim"}
	if msg := other.do(404, "GET", "/v1/customers/"+id, "").str("error.message"); !strings.Contains(msg, "exists in test mode") {
		t.Errorf("wrong mode: %q", msg)
	}
	if n := len(other.get("/v1/customers").rows("data")); n != 0 {
		t.Errorf("the other mode sees %d customers", n)
	}
	w.RollKey("sk_test_new")
	client{t: t, w: w, key: "sk_test_sim"}.do(401, "GET", "/v1/account", "")
	c.get("/v1/account")
}

func TestPaging(t *testing.T) {
	w, c := shop(t)
	var want []string
	for i := range 25 {
		want = append(want, w.CreateCustomer(fmt.Sprintf("c%d@example.com", i)))
		w.Advance(w.clock.Now().Add(time.Minute))
	}
	var got []string
	for after := ""; ; {
		page := c.get("/v1/customers?limit=10" + after)
		for _, r := range page.rows("data") {
			got = append(got, r.str("id"))
		}
		if page.at("has_more").v != true {
			break
		}
		after = "&starting_after=" + got[len(got)-1]
	}
	for i, id := range got {
		if len(got) != 25 || id != want[24-i] {
			t.Fatalf("newest first: got %v", got)
		}
	}
	back := c.get("/v1/customers?limit=3&ending_before=" + want[10])
	if back.at("has_more").v != true || back.str("data.0.id") != want[13] || back.str("data.2.id") != want[11] {
		t.Errorf("ending_before: %v", back.v)
	}
	from, to := start.Add(5*time.Minute).Unix(), start.Add(8*time.Minute).Unix()
	rows := c.get(fmt.Sprintf("/v1/customers?created[gte]=%d&created[lt]=%d", from, to)).rows("data")
	if len(rows) != 3 || rows[0].str("id") != want[7] || rows[2].str("id") != want[5] {
		t.Errorf("created: %v", rows)
	}
	if n := len(c.get("/v1/customers?email=c7@example.com").rows("data")); n != 1 {
		t.Errorf("email filter found %d", n)
	}
}

func TestExpand(t *testing.T) {
	w, c := shop(t)
	cus := w.CreateCustomer("a@example.com")
	sub, err := w.CreateSubscription(NewSubscription{Customer: cus, Price: "price_pro_month", Card: CardGood})
	if err != nil {
		t.Fatal(err)
	}
	got := c.get("/v1/subscriptions/" + sub + "?expand[]=customer&expand[]=latest_invoice.payments&expand[]=items.data.price.product")
	if got.str("customer.email") != "a@example.com" {
		t.Errorf("customer: %v", got.at("customer").v)
	}
	if got.str("items.data.0.price.product.name") != "Pro" {
		t.Errorf("product: %v", got.at("items.data.0.price").v)
	}
	c.do(400, "GET", "/v1/subscriptions/"+sub+"?expand[]=latest_invoice.payments.data.payment.payment_intent", "")
	pi := c.get("/v1/invoices/" + got.str("latest_invoice.id") + "?expand[]=payments.data.payment.payment_intent").at("payments.data.0.payment.payment_intent")
	if pi.str("status") != "succeeded" {
		t.Errorf("payment intent: %v", pi.v)
	}
	whole := c.get("/v1/payment_intents/" + pi.str("id") + "?expand[]=latest_charge.balance_transaction")
	if whole.num("latest_charge.balance_transaction.fee") != 2900*29/1000+30 {
		t.Errorf("fee: %v", whole.at("latest_charge.balance_transaction").v)
	}
	list := c.get("/v1/subscriptions?status=all&expand[]=data.customer")
	if list.str("data.0.customer.id") != cus {
		t.Errorf("list: %v", list.v)
	}
	c.do(400, "GET", "/v1/subscriptions/"+sub+"?expand[]=status", "")
	if again := c.get("/v1/subscriptions/" + sub); again.str("customer") != cus {
		t.Error("expanding one read changed the next")
	}
}

func TestFilters(t *testing.T) {
	w, c := shop(t)
	cus := w.CreateCustomer("a@example.com")
	w.CreateCustomer("b@example.com")
	a, _ := w.CreateSubscription(NewSubscription{Customer: cus, Price: "price_pro_month", Card: CardGood})
	b, _ := w.CreateSubscription(NewSubscription{Customer: cus, Price: "price_basic_month"})
	if err := w.CancelNow(a); err != nil {
		t.Fatal(err)
	}
	pi := payments(w, cus)[0].ID
	for path, want := range map[string]int{
		"/v1/subscriptions":                                                               1,
		"/v1/subscriptions?status=all":                                                    2,
		"/v1/subscriptions?status=canceled":                                               1,
		"/v1/subscriptions?status=all&price=price_pro_month":                              1,
		"/v1/subscriptions?customer=" + cus + "&price=price_no":                           0,
		"/v1/invoices?subscription=" + b:                                                  1,
		"/v1/invoices?status=paid":                                                        2,
		"/v1/charges?payment_intent=" + pi:                                                1,
		"/v1/invoice_payments?payment[type]=payment_intent&payment[payment_intent]=" + pi: 1,
		"/v1/events?types[]=customer.created&types[]=invoice.paid&limit=100":              4,
		"/v1/events?type=customer.subscription.*&limit=100":                               5,
		"/v1/events?delivery_success=true":                                                0,
	} {
		if n := len(c.get(path).rows("data")); n != want {
			t.Errorf("%s: %d rows, want %d", path, n, want)
		}
	}
	q := url.Values{}
	for i := range 21 {
		q.Add("types[]", fmt.Sprintf("t%d", i))
	}
	c.do(400, "GET", "/v1/events?"+q.Encode(), "")
}

func TestEventsAreForgottenAfterThirtyDays(t *testing.T) {
	w, c := shop(t)
	w.CreateCustomer("a@example.com")
	id := c.get("/v1/events?type=customer.created").str("data.0.id")
	w.Advance(start.AddDate(0, 0, 29))
	c.get("/v1/events/" + id)
	w.Advance(start.AddDate(0, 0, 31))
	c.do(404, "GET", "/v1/events/"+id, "")
}

// payments are a customer's payments as the truth has them.
func payments(w *Server, customer string) []sim.Object {
	var out []sim.Object
	for _, o := range w.Truth() {
		if o.Kind == sim.KindPayment && o.Customer == customer {
			out = append(out, o)
		}
	}
	return out
}

// truth finds one row.
func truthOf(t *testing.T, w *Server, id string) map[string]string {
	t.Helper()
	o, ok := w.TruthOf(id)
	if !ok {
		t.Fatalf("the truth has no %s", id)
	}
	return o.Fields
}
