package lemonsqueezy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/sim"
	"github.com/trivetdev/trivet/sim/simtest"
)

func TestSameSeedSameTrace(t *testing.T) { simtest.SameSeed(t, trace(t)) }

func TestFaultsDoNotChangeLife(t *testing.T) { simtest.FaultsApart(t, trace(t)) }

func trace(t *testing.T) func(seed uint64, chaos sim.Chaos) (deliveries, truth string) {
	return func(seed uint64, chaos sim.Chaos) (deliveries, truth string) {
		w, _ := newWorld(t, func(c *Config) { c.Seed, c.Chaos, c.Rates = seed, chaos, DefaultLife() })
		w.Populate(60)
		return simtest.Trace(t.Context(), w, start.AddDate(0, 0, 45), "X-Signature")
	}
}

func TestEveryFaultFires(t *testing.T) {
	w, c := newWorld(t, func(c *Config) { c.Chaos, c.Rates = sim.DefaultChaos(), DefaultLife() })
	w.Populate(150)
	for range 60 * 4 {
		run(t, w, 6*time.Hour, 200)
		for _, path := range []string{"/v1/subscriptions?page[number]=2", "/v1/orders/3", "/v1/subscription-invoices/9", "/v1/subscriptions?page[size]=100"} {
			_, _, _, _ = c.send("GET", path, "")
			_, _, _, _ = c.send("GET", path, "")
		}
	}
	simtest.Struck(t, w.Stats())
}

// Every state of a busy life is reached, and every event sent.
func TestLifeIsRich(t *testing.T) {
	w, _ := newWorld(t, func(c *Config) { c.Rates = DefaultLife() })
	w.Populate(300)
	names, states := map[string]int{}, map[string]int{}
	for range 60 {
		for _, h := range run(t, w, 24*time.Hour, 200) {
			names[h.name]++
		}
		for _, o := range w.Truth() {
			states[o.Kind+" "+o.Fields["status"]+" "+o.Fields["provider_status"]]++
		}
	}
	for _, name := range append(slices.DeleteFunc(slices.Clone(allEvents), func(e string) bool {
		return e == "license_key_created" || e == "affiliate_activated"
	}), "future_thing_happened") {
		if names[name] == 0 {
			t.Errorf("no %s in %v", name, names)
		}
	}
	for _, state := range []string{
		"subscription trialing on_trial", "subscription active active", "subscription active cancelled", "subscription paused paused",
		"subscription past_due past_due", "subscription unpaid unpaid", "subscription ended expired", "invoice open ", "invoice void ", "invoice paid ",
		"payment pending ", "payment canceled ", "payment succeeded ", "dispute lost fraudulent", "checkout complete ",
	} {
		if states[state] == 0 {
			t.Errorf("nothing was ever %q: %v", state, states)
		}
	}
}

// Whatever is not 200 is tried three times more, within 155 seconds, and then lost.
func TestThreeRetriesOnly(t *testing.T) {
	for status, want := range map[int]int{200: 1, 201: 4, 204: 4, 302: 4, 500: 4} {
		w, _ := newWorld(t, nil)
		bought(t, w, VariantPass)
		hooks := run(t, w, 24*time.Hour, status)
		if len(hooks) != want {
			t.Errorf("answered %d, it came %d times, want %d", status, len(hooks), want)
			continue
		}
		if last := hooks[len(hooks)-1]; want > 1 && last.at.Sub(hooks[0].at) != 155*time.Second {
			t.Errorf("the last try came %s after the first", last.at.Sub(hooks[0].at))
		}
		if acked := len(w.Stats().AckedEvents); (acked == 1) != (status == 200) {
			t.Errorf("answered %d, %d are taken for received", status, acked)
		}
	}
}

func TestSignaturesAndCustomData(t *testing.T) {
	w, c := newWorld(t, func(c *Config) { c.WebhookSecret = "a secret" })
	order, err := w.Buy(Purchase{Email: "a@example.com", Variant: VariantProMonth, Custom: map[string]string{"user_id": "25"}})
	must(t, err)
	hooks := run(t, w, time.Minute, 200)
	names := map[string]bool{}
	for _, h := range hooks {
		mac := hmac.New(sha256.New, []byte("a secret"))
		mac.Write(h.body)
		if h.signature != hex.EncodeToString(mac.Sum(nil)) {
			t.Error("the signature is not that of the body")
		}
		body := h.tree(t)
		if body.str("meta.custom_data.user_id") != "25" || body.str("meta.event_name") != h.name || body.at("meta.test_mode").v != true {
			t.Errorf("meta: %v", body.at("meta").v)
		}
		if strings.Contains(string(h.body), `"webhook_id"`) {
			t.Error("there is an id of the event")
		}
		names[h.name+" "+body.str("data.type")] = true
	}
	for _, want := range []string{"order_created orders", "subscription_created subscriptions", "subscription_payment_success subscription-invoices"} {
		if !names[want] || len(names) != 3 {
			t.Errorf("no %s in %v", want, names)
		}
	}
	for _, path := range []string{"/v1/orders/" + order, "/v1/subscriptions/1", "/v1/customers/1"} {
		_, _, text, err := c.send("GET", path, "")
		if must(t, err); strings.Contains(string(text), "custom_data") || strings.Contains(string(text), "checkout_id") {
			t.Errorf("%s tells what only webhooks do: %s", path, text)
		}
	}
}

// The first payment of a subscription is one sum of money, of which two records
// speak.
func TestOneMoneyTwoRecords(t *testing.T) {
	w, c := newWorld(t, nil)
	order := bought(t, w, VariantProMonth)
	must(t, w.Refund(order, 900))
	if a, b := c.get("/v1/orders/"+order).num("data.attributes.refunded_amount"), c.get("/v1/subscription-invoices/1").num("data.attributes.refunded_amount"); a != 900 || b != 900 {
		t.Errorf("refunded %d and %d", a, b)
	}
	c.do(422, "POST", "/v1/orders/"+order+"/refund", body("orders", order, `"amount":2001`, ""))
	c.do(200, "POST", "/v1/subscription-invoices/1/refund", body("subscription-invoices", "1", "", ""))
	if status := c.get("/v1/orders/" + order).str("data.attributes.status"); status != "refunded" {
		t.Errorf("the order is %s", status)
	}
	total := int64(0)
	for _, o := range w.Truth() {
		if o.Kind == sim.KindPayment {
			total++
		}
	}
	if effects := w.Effects(); total != 1 || len(effects) != 1 || effects[0].Object != "invoice-1" || effects[0].Amount != 2000 {
		t.Errorf("%d payments, effects %+v", total, effects)
	}
}

func TestDunning(t *testing.T) {
	w, c := newWorld(t, nil)
	sub, err := w.SubscriptionOf(bought(t, w, VariantProMonth))
	must(t, err)
	must(t, w.FailNextCharge("1", 100))
	var story []string
	for day := range 70 {
		run(t, w, 24*time.Hour, 200)
		if s := c.get("/v1/subscriptions/" + sub).str("data.attributes.status"); len(story) == 0 || !strings.HasSuffix(story[len(story)-1], s) {
			story = append(story, itoa(day)+" "+s)
		}
	}
	want := []string{"0 active", "30 past_due", "44 unpaid", "58 expired"}
	if !slices.Equal(story, want) {
		t.Errorf("%v, want %v", story, want)
	}
	if got := w.status(t, sim.KindPayment, "invoice-2"); got != "canceled" {
		t.Errorf("what was owed is %s", got)
	}
}

func TestRecovery(t *testing.T) {
	w, c := newWorld(t, nil)
	sub, err := w.SubscriptionOf(bought(t, w, VariantProMonth))
	must(t, err)
	must(t, w.FailNextCharge("1", 100))
	run(t, w, 33*24*time.Hour, 200)
	if got := c.get("/v1/subscriptions/" + sub).str("data.attributes.renews_at"); !strings.HasPrefix(got, "2026-02-08") {
		t.Errorf("the next attempt is at %s", got)
	}
	must(t, w.NewCard("1", CardGood))
	names := map[string]int{}
	for _, h := range run(t, w, time.Minute, 200) {
		names[h.name]++
	}
	if names["subscription_payment_recovered"] != 1 || names["subscription_payment_success"] != 1 {
		t.Errorf("sent %v", names)
	}
	if got := c.get("/v1/subscriptions/" + sub).str("data.attributes.renews_at"); !strings.HasPrefix(got, "2026-03-05") {
		t.Errorf("it renews at %s", got)
	}
}

func TestPagesShift(t *testing.T) {
	w, c := newWorld(t, nil)
	w.Populate(25)
	first := c.get("/v1/customers?page[size]=10")
	w.Populate(3)
	second := c.get("/v1/customers?page[size]=10&page[number]=2")
	if first.str("data.7.id") != second.str("data.0.id") || first.num("meta.page.lastPage") != 3 || first.at("links.next").v == nil {
		t.Errorf("%v then %v", first.at("data.7.id").v, second.at("data.0.id").v)
	}
	if last := c.get("/v1/customers?page[size]=10&page[number]=3"); last.at("links.next").v != nil || last.len("data") != 8 {
		t.Errorf("the last page: %v", last.at("links").v)
	}
	c.do(400, "GET", "/v1/customers?page[size]=101", "")
	c.do(400, "GET", "/v1/customers?filter[customer_id]=1", "")
	if n := c.get("/v1/subscriptions?filter[status]=on_trial").len("data"); n == 0 {
		t.Error("no trial is found by its status")
	}
}

// Invoices are collected on the day that billing_anchor says, also after the end of
// a trial was moved to another day.
func TestMovedTrialMovesTheAnchor(t *testing.T) {
	w, c := newWorld(t, nil)
	bought(t, w, VariantProTrial) // to January 12
	c.do(200, "PATCH", "/v1/subscriptions/1", body("subscriptions", "1", `"trial_ends_at":"2026-01-20T09:00:00Z"`, ""))
	for _, want := range []string{"2026-01-20", "2026-02-20", "2026-03-20"} {
		sub := c.get("/v1/subscriptions/1")
		if at := sub.str("data.attributes.renews_at"); !strings.HasPrefix(at, want) || sub.num("data.attributes.billing_anchor") != 20 {
			t.Errorf("renews at %s with the anchor %v, want %s and 20", at, sub.at("data.attributes.billing_anchor").v, want)
		}
		day, err := time.Parse(time.DateOnly, want)
		must(t, err)
		w.Advance(day.Add(24 * time.Hour))
	}
}

func TestModesAndStores(t *testing.T) {
	w, c := newWorld(t, func(c *Config) { c.OtherKey = "ls_live_other" })
	bought(t, w, VariantPass)
	_, err := w.Buy(Purchase{Email: "b@example.com", Variant: VariantPass, Store: 2})
	must(t, err)
	if me := c.get("/v1/users/me"); me.at("meta.test_mode").v != true {
		t.Errorf("%v", me)
	}
	other := client{t: t, w: w, key: "ls_live_other"}
	if me := other.get("/v1/users/me"); me.at("meta.test_mode").v != false || other.get("/v1/orders").len("data") != 0 {
		t.Error("the other mode's key sees this mode")
	}
	other.do(404, "GET", "/v1/orders/1", "")
	client{t: t, w: w, key: "wrong"}.do(401, "GET", "/v1/orders/1", "")
	if a, b := c.get("/v1/orders").len("data"), c.get("/v1/orders?filter[store_id]=1").len("data"); a != 2 || b != 1 {
		t.Errorf("%d orders, %d of the first store", a, b)
	}
	for _, o := range w.Truth() {
		if o.Customer == "2" {
			t.Errorf("the truth has another store's %s", o.Kind)
		}
	}
}

func TestLinksExpire(t *testing.T) {
	w, c := newWorld(t, nil)
	bought(t, w, VariantProMonth)
	link := c.get("/v1/subscriptions/1").str("data.attributes.urls.update_payment_method")
	open := func(address string) int {
		r := httptest.NewRequest(http.MethodGet, address, nil)
		rec := httptest.NewRecorder()
		w.Handler().ServeHTTP(rec, r)
		return rec.Code
	}
	if code := open(link); code != 200 {
		t.Errorf("a fresh link answers %d", code)
	}
	if code := open(strings.Replace(link, "/1/", "/2/", 1)); code != 403 {
		t.Errorf("another's link answers %d", code)
	}
	w.Advance(start.Add(25 * time.Hour))
	if code := open(link); code != 403 {
		t.Errorf("after a day it answers %d", code)
	}
}

// click posts a button of a checkout page.
func click(t *testing.T, w *Server, address, form string) (int, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, address, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := httptest.NewRecorder()
	w.Handler().ServeHTTP(rec, r)
	return rec.Code, rec.Header().Get("Location")
}

func TestCheckoutPage(t *testing.T) {
	for _, variables := range []bool{true, false} {
		w, c := newWorld(t, func(c *Config) { c.Variables = variables })
		w.AddDiscount("ALL", 100)
		made := c.checkout(VariantForever, `"product_options":{"redirect_url":"https://app.test/back?o=[order_id]&i=[order_identifier]"},
			"checkout_data":{"custom":{"user_id":"25"}},"expires_at":"2026-01-06T09:00:00Z"`)
		address := made.str("data.attributes.url")
		for _, tt := range []struct {
			form string
			code int
		}{
			{"action=declined", 402}, {"action=nonsense", 402}, {"action=authenticate", 402}, {"action=good&promotion_code=NONE", 402},
			{"action=3ds&email=a@b.test", 402}, {"action=refuse", 402}, {"action=abandon", 303},
		} {
			if code, _ := click(t, w, address, tt.form); code != tt.code {
				t.Errorf("%s: %d, want %d", tt.form, code, tt.code)
			}
		}
		if code, _ := click(t, w, strings.Split(address, "?")[0], "action=good"); code == 303 {
			t.Error("an address that is not signed was paid")
		}
		code, back := click(t, w, address, "action=good&email=a@b.test&promotion_code=ALL")
		o := c.get("/v1/orders/1")
		want := "https://app.test/back?o=1&i=" + o.str("data.attributes.identifier")
		if !variables {
			want = "https://app.test/back?o=[order_id]&i=[order_identifier]"
		}
		if code != 303 || back != want || o.num("data.attributes.total") != 0 {
			t.Errorf("%d, back to %s, want %s; total %d", code, back, want, o.num("data.attributes.total"))
		}
		if again := c.get("/v1/checkouts/" + made.str("data.id")); again.str("data.attributes.checkout_data.custom.user_id") != "25" || again.at("data.attributes.status").v != nil {
			t.Errorf("the checkout tells more than it should: %v", again.v)
		}
		w.Advance(start.Add(24 * time.Hour))
		if code, _ := click(t, w, address, "action=good"); code == 303 {
			t.Error("an expired checkout was paid")
		}
	}
}

func TestWritesAreChecked(t *testing.T) {
	w, c := newWorld(t, nil)
	bought(t, w, VariantProMonth)
	sub := func(want int, attributes string) {
		t.Helper()
		c.do(want, "PATCH", "/v1/subscriptions/1", body("subscriptions", "1", attributes, ""))
	}
	sub(422, `"pause":{"mode":"holiday"}`)
	sub(422, `"pause":{"mode":"void","resumes_at":"2020-01-01T00:00:00Z"}`)
	sub(200, `"pause":{"mode":"void","resumes_at":"2026-01-20T00:00:00Z"}`)
	sub(200, `"pause":{"mode":"void","resumes_at":"2026-01-20T00:00:00Z"}`)
	sub(200, `"pause":null`)
	c.do(200, "DELETE", "/v1/subscriptions/1", "")
	c.do(200, "DELETE", "/v1/subscriptions/1", "")
	sub(422, `"pause":{"mode":"free"}`)
	sub(200, `"cancelled":false`)
	sub(422, `"trial_ends_at":"2020-01-01T00:00:00Z"`)
	c.do(409, "PATCH", "/v1/subscriptions/1", body("subscriptions", "2", `"cancelled":true`, ""))
	c.do(422, "POST", "/v1/checkouts", body("checkouts", "", `"checkout_data":{"custom":{"user_id":25}}`, inStore+`,"variant":{"data":{"type":"variants","id":"1"}}`))
	c.do(422, "POST", "/v1/webhooks", body("webhooks", "", `"url":"https://a.test","events":["order_created"],"secret":"short"`, inStore))
	c.do(422, "POST", "/v1/webhooks", body("webhooks", "", `"url":"https://a.test","events":["planet_discovered"],"secret":"long enough"`, inStore))
	made := c.do(201, "POST", "/v1/webhooks", body("webhooks", "", `"url":"https://a.test/hook","events":["order_created"],"secret":"long enough"`, inStore))
	if strings.Contains(made.str("data.attributes.secret"), "long") {
		t.Error("the secret is shown")
	}
	c.do(204, "DELETE", "/v1/webhooks/1", "")
	c.do(404, "GET", "/v1/webhooks/1", "")
	var ops []string
	for _, e := range w.Effects() {
		ops = append(ops, e.Op)
	}
	want := []string{sim.OpPause, sim.OpResume, sim.OpCancelAtPeriodEnd, sim.OpUncancel}
	if !slices.Equal(ops, want) {
		t.Errorf("effects %v, want %v", ops, want)
	}
}

func TestTimeouts(t *testing.T) {
	w, c := newWorld(t, func(c *Config) { c.Chaos = sim.Chaos{TimeoutAfter: 1} })
	bought(t, w, VariantProMonth)
	if _, _, _, err := c.send("DELETE", "/v1/subscriptions/1", ""); !errors.Is(err, sim.ErrConnectionLost) || len(w.Effects()) != 1 {
		t.Errorf("%v, effects %v", err, w.Effects())
	}
	w, c = newWorld(t, func(c *Config) { c.Chaos = sim.Chaos{TimeoutBefore: 1} })
	bought(t, w, VariantProMonth)
	if _, _, _, err := c.send("DELETE", "/v1/subscriptions/1", ""); !errors.Is(err, sim.ErrConnectionLost) || len(w.Effects()) != 0 {
		t.Errorf("%v, effects %v", err, w.Effects())
	}
}

// Fraud is told by no event, and ends the subscription or does not.
func TestFraudIsSilent(t *testing.T) {
	for _, ends := range []bool{true, false} {
		w, c := newWorld(t, nil)
		order := bought(t, w, VariantProMonth)
		run(t, w, time.Minute, 200)
		must(t, w.Fraud(order, ends))
		for _, h := range run(t, w, time.Hour, 200) {
			if strings.HasPrefix(h.name, "order_") {
				t.Errorf("%s was sent", h.name)
			}
		}
		if got := c.get("/v1/orders/" + order).str("data.attributes.status"); got != "fraudulent" {
			t.Errorf("the order is %s", got)
		}
		if got := w.status(t, sim.KindSubscription, "1") == "ended"; got != ends {
			t.Errorf("the subscription has ended: %v", got)
		}
		if got := w.status(t, sim.KindDispute, "order-"+order); got != "lost" {
			t.Errorf("the dispute is %s", got)
		}
	}
}
