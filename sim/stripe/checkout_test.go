package stripe

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// types lists the event types so far, oldest first.
func types(w *Server) []string {
	defer w.enter()()
	var out []string
	for _, e := range rowsOf[*event](w, "event") {
		out = append(out, e.typ)
	}
	return out
}

func wantEvents(t *testing.T, w *Server, want ...string) {
	t.Helper()
	got := types(w)
	for _, typ := range want {
		if !slices.Contains(got, typ) {
			t.Errorf("no event %s in %v", typ, got)
		}
	}
}

func paid(t *testing.T, w *Server, id string, card Card) bool {
	t.Helper()
	done, err := w.PayCheckout(id, card)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func TestSubscriptionCheckout(t *testing.T) {
	w, c := shop(t)
	se := c.post("/v1/checkout/sessions", monthly+"&client_reference_id=user_42&metadata[a]=b&subscription_data[metadata][user]=42&locale=de")
	id := se.str("id")
	if se.str("status") != "open" || !strings.HasSuffix(se.str("url"), "/c/pay/"+id) || se.at("customer").v != nil {
		t.Errorf("new session: %v", se.v)
	}
	if paid(t, w, id, CardDeclined) {
		t.Error("complete with a declined card")
	}
	wantEvents(t, w, "charge.failed", "payment_intent.payment_failed")
	if !paid(t, w, id, CardGood) {
		t.Fatal("not complete with a good card")
	}
	got := c.get("/v1/checkout/sessions/" + id + "?expand[]=line_items&expand[]=subscription.latest_invoice")
	if got.str("payment_status") != "paid" || got.str("status") != "complete" || got.str("client_reference_id") != "user_42" {
		t.Errorf("session: %v", got.v)
	}
	if got.str("subscription.status") != "active" || got.str("subscription.metadata.user") != "42" || got.str("subscription.latest_invoice.status") != "paid" {
		t.Errorf("subscription: %v", got.at("subscription").v)
	}
	if got.str("line_items.data.0.price.id") != "price_pro_month" || got.str("customer_details.email") != "buyer@example.com" {
		t.Errorf("line items: %v", got.at("line_items").v)
	}
	if n := len(payments(w, got.str("customer"))); n != 1 {
		t.Errorf("%d payments, want the one that was first declined", n)
	}
	wantEvents(t, w, "customer.created", "payment_method.attached", "payment_intent.succeeded", "customer.subscription.created",
		"invoice.created", "invoice.finalized", "invoice.paid", "invoice_payment.paid", "customer.subscription.updated", "checkout.session.completed")
	for _, f := range []string{"subscription=" + got.str("subscription.id"), "customer=" + got.str("customer"), "status=complete"} {
		if rows := c.get("/v1/checkout/sessions?" + f).rows("data"); len(rows) != 1 || rows[0].str("id") != id {
			t.Errorf("list by %s: %v", f, rows)
		}
	}
}

func TestOneTimeCheckoutOfAGuest(t *testing.T) {
	w, c := shop(t)
	id := c.post("/v1/checkout/sessions", pass+"&payment_intent_data[metadata][order]=7").str("id")
	if paid(t, w, id, CardAuthenticate) {
		t.Error("complete before authentication")
	}
	wantEvents(t, w, "payment_intent.requires_action")
	if done, err := w.Authenticate(id, false); done || err != nil {
		t.Errorf("refused authentication: %v %v", done, err)
	}
	paid(t, w, id, CardAuthenticate)
	if done, err := w.Authenticate(id, true); !done || err != nil {
		t.Errorf("authentication: %v %v", done, err)
	}
	got := c.get("/v1/checkout/sessions/" + id + "?expand[]=payment_intent")
	if got.at("customer").v != nil || got.str("payment_status") != "paid" || got.str("payment_intent.metadata.order") != "7" || got.num("payment_intent.amount_received") != 1000 {
		t.Errorf("session: %v", got.v)
	}
	if n := len(c.get("/v1/charges?payment_intent=" + got.str("payment_intent.id")).rows("data")); n != 2 {
		t.Errorf("%d charges, want the refused and the good one", n)
	}
	if rows := c.get("/v1/checkout/sessions?payment_intent=" + got.str("payment_intent.id")).rows("data"); len(rows) != 1 {
		t.Errorf("found by payment intent: %d", len(rows))
	}
}

func TestDelayedPayments(t *testing.T) {
	for card, want := range map[Card][3]string{
		CardDebit:      {"paid", "active", "checkout.session.async_payment_succeeded"},
		CardDebitFails: {"unpaid", "past_due", "checkout.session.async_payment_failed"},
	} {
		w, c := shop(t)
		id := c.post("/v1/checkout/sessions", monthly).str("id")
		if !paid(t, w, id, card) {
			t.Fatal("a debit must complete the session")
		}
		got := c.get("/v1/checkout/sessions/" + id + "?expand[]=subscription")
		if got.str("payment_status") != "unpaid" || got.str("subscription.status") != "active" {
			t.Errorf("%s, at first: %s %s", card, got.str("payment_status"), got.str("subscription.status"))
		}
		w.Advance(start.AddDate(0, 0, 7))
		got = c.get("/v1/checkout/sessions/" + id + "?expand[]=subscription")
		if got.str("payment_status") != want[0] || got.str("subscription.status") != want[1] {
			t.Errorf("%s, at last: %s %s", card, got.str("payment_status"), got.str("subscription.status"))
		}
		wantEvents(t, w, want[2], "charge.pending", "payment_intent.processing")
	}
}

func TestNothingToPay(t *testing.T) {
	w, c := shop(t)
	coupon, _ := w.AddCoupon(Coupon{Percent: 100, Duration: "forever", Code: "FREE"})
	for name, form := range map[string]string{
		"coupon": monthly + "&discounts[0][coupon]=" + coupon,
		"trial":  monthly + "&subscription_data[trial_period_days]=7",
		"pass":   pass + "&customer_creation=always&discounts[0][coupon]=" + coupon,
	} {
		id := c.post("/v1/checkout/sessions", form).str("id")
		if !paid(t, w, id, CardGood) {
			t.Errorf("%s: not complete", name)
		}
		got := c.get("/v1/checkout/sessions/" + id + "?expand[]=subscription")
		if got.str("payment_status") != "no_payment_required" || got.num("amount_total") != 0 {
			t.Errorf("%s: %v", name, got.v)
		}
		want := map[string]string{"coupon": "active", "trial": "trialing", "pass": ""}[name]
		if got.str("subscription.status") != want {
			t.Errorf("%s: subscription %v", name, got.at("subscription").v)
		}
	}
	id := c.post("/v1/checkout/sessions", monthly+"&allow_promotion_codes=true").str("id")
	if err := w.UsePromotionCode(id, "WRONG"); err == nil {
		t.Error("a wrong code was taken")
	}
	if err := w.UsePromotionCode(id, "FREE"); err != nil {
		t.Error(err)
	}
	paid(t, w, id, CardGood)
	if got := c.get("/v1/checkout/sessions/" + id); got.num("total_details.amount_discount") != 2900 {
		t.Errorf("discount: %v", got.at("total_details").v)
	}
}

func TestSessionExpires(t *testing.T) {
	w, c := shop(t)
	a := c.post("/v1/checkout/sessions", monthly).str("id")
	b := c.post("/v1/checkout/sessions", fmt.Sprintf("%s&expires_at=%d", pass, start.Add(time.Hour).Unix())).str("id")
	paid(t, w, b, CardDeclined)
	w.Advance(start.Add(2 * time.Hour))
	if got := truthOf(t, w, b)["status"]; got != "expired" {
		t.Errorf("session with expires_at is %s", got)
	}
	wantEvents(t, w, "checkout.session.expired", "payment_intent.canceled")
	if got := truthOf(t, w, a)["status"]; got != "open" {
		t.Errorf("the other session is %s", got)
	}
	w.Advance(start.Add(25 * time.Hour))
	if got := truthOf(t, w, a)["status"]; got != "expired" {
		t.Errorf("after a day: %s", got)
	}
	if _, err := w.PayCheckout(a, CardGood); err == nil {
		t.Error("an expired checkout was paid")
	}
}

func TestHostedPages(t *testing.T) {
	w, c := shop(t)
	web := httptest.NewServer(w.Handler())
	defer web.Close()
	w.SetPublicURL(web.URL)
	browser := web.Client()
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	se := c.post("/v1/checkout/sessions", monthly+"&cancel_url=https://app.example/pricing")
	click := func(link, action string) *http.Response {
		t.Helper()
		resp, err := browser.PostForm(link, url.Values{"action": {action}, "email": {"clicker@example.com"}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	resp, err := browser.Get(se.str("url"))
	if err != nil || resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		t.Fatalf("page: %v %v", resp, err)
	}
	resp.Body.Close()
	if r := click(se.str("url"), "abandon"); r.StatusCode != 303 || r.Header.Get("Location") != "https://app.example/pricing" {
		t.Errorf("abandon: %d %s", r.StatusCode, r.Header.Get("Location"))
	}
	if r := click(se.str("url"), "declined"); r.StatusCode != 402 {
		t.Errorf("declined: %d", r.StatusCode)
	}
	want := "https://app.example/return?session_id=" + se.str("id")
	if r := click(se.str("url"), "good"); r.StatusCode != 303 || r.Header.Get("Location") != want {
		t.Errorf("good: %d %s", r.StatusCode, r.Header.Get("Location"))
	}
	sub := c.get("/v1/subscriptions").at("data.0")
	p := c.post("/v1/billing_portal/sessions", "customer="+sub.str("customer")+"&return_url=https://app.example/account&flow_data[type]=payment_method_update")
	if r := click(p.str("url"), "cancel"); r.Header.Get("Location") != "https://app.example/account" {
		t.Errorf("portal: %d %s", r.StatusCode, r.Header.Get("Location"))
	}
	if c.get("/v1/subscriptions/"+sub.str("id")).at("cancel_at_period_end").v != true {
		t.Error("the portal did not cancel")
	}
	if got := w.Effects(); len(got) != 2 || got[1].Op != sim.OpPortalLink {
		t.Errorf("clicks are no effects: %v", got)
	}
}
