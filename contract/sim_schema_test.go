package contract

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stripe/stripe-mock/embedded"

	"github.com/trivetdev/trivet/sim"
	"github.com/trivetdev/trivet/sim/stripe"
)

// least is how many objects of each kind a run must have checked, so that the
// test cannot pass on an empty world.
var least = map[string]int{
	"account": 1, "balance_transaction": 20, "billing_portal.session": 1, "charge": 200, "checkout.session": 10,
	"coupon": 1, "customer": 100, "discount": 1, "dispute": 5, "event": 1000, "invoice": 200, "invoice_payment": 100,
	"item": 5, "line_item": 100, "payment_intent": 200, "payment_method": 80, "price": 10, "product": 5, "promotion_code": 1,
	"radar.early_fraud_warning": 3, "refund": 10, "subscription": 100, "webhook_endpoint": 1,
}

// checker validates objects against the published component schemas.
type checker struct {
	t       *testing.T
	schemas openapi3.Schemas
	checked map[string]int
	seen    map[string]bool
}

func newChecker(t *testing.T) *checker {
	t.Helper()
	spec, err := openapi3.NewLoader().LoadFromData(embedded.OpenAPISpec)
	if err != nil {
		t.Fatalf("load the published schema: %v", err)
	}
	return &checker{t: t, schemas: spec.Components.Schemas, checked: map[string]int{}, seen: map[string]bool{}}
}

// check validates v as the schema its "object" names, and complains once about
// each kind of violation.
func (c *checker) check(v any, where string) {
	m, _ := v.(map[string]any)
	kind, _ := m["object"].(string)
	if kind == "billing.future_thing" {
		return // made up, to see what receivers do with the unknown
	}
	name := kind
	if m["deleted"] == true {
		name = "deleted_" + kind
	}
	ref := c.schemas[name]
	if ref == nil {
		c.t.Fatalf("%s: no published schema for object %q", where, name)
	}
	c.checked[kind]++
	for _, what := range violations(ref.Value, v, kind) {
		c.complain(kind, where, what)
	}
}

func violations(s *openapi3.Schema, v any, kind string) []string {
	var out []string
	if err := s.VisitJSON(v, openapi3.MultiErrors()); err != nil {
		out = append(out, firstLines(err.Error()))
	}
	for _, path := range unknown(s, v, kind, 0) {
		out = append(out, "field not in the schema: "+path)
	}
	return out
}

func (c *checker) complain(kind, where, what string) {
	if key := kind + what; !c.seen[key] {
		c.seen[key] = true
		c.t.Errorf("%s at %s: %s", kind, where, what)
	}
}

func firstLines(s string) string {
	lines := strings.Split(s, "\n")
	return strings.Join(lines[:min(3, len(lines))], " | ")
}

// unknown lists fields that the schema does not have. The schemas allow any, so
// a misspelled optional field would pass otherwise.
func unknown(s *openapi3.Schema, v any, path string, depth int) []string {
	if alternatives := s.AnyOf; len(alternatives) > 0 {
		return fewest(alternatives, v, path, depth)
	}
	switch v := v.(type) {
	case map[string]any:
		return unknownKeys(s, v, path, depth)
	case []any:
		var out []string
		for _, e := range v {
			if s.Items != nil {
				out = append(out, unknown(s.Items.Value, e, path+"[]", depth+1)...)
			}
		}
		return out
	}
	return nil
}

func unknownKeys(s *openapi3.Schema, v map[string]any, path string, depth int) []string {
	if len(s.Properties) == 0 || depth > 12 {
		return nil
	}
	var out []string
	for k, e := range v {
		p := s.Properties[k]
		if p == nil {
			out = append(out, path+"."+k)
			continue
		}
		out = append(out, unknown(p.Value, e, path+"."+k, depth+1)...)
	}
	return out
}

func fewest(alternatives openapi3.SchemaRefs, v any, path string, depth int) []string {
	var best []string
	for i, a := range alternatives {
		if m, ok := v.(map[string]any); ok && !sameObject(a.Value, m) {
			continue
		}
		if got := unknown(a.Value, v, path, depth+1); i == 0 || best == nil || len(got) < len(best) {
			best = got
		}
		if len(best) == 0 {
			return nil
		}
	}
	return best
}

func sameObject(s *openapi3.Schema, m map[string]any) bool {
	p := s.Properties["object"]
	if p == nil || len(p.Value.Enum) == 0 {
		return s.Type == nil || !s.Type.Is("string")
	}
	return slices.Contains(p.Value.Enum, m["object"])
}

// api reads the simulator as a client would.
type api struct {
	t      *testing.T
	client *http.Client
	key    string
}

func (a api) do(method, path, form string) map[string]any {
	a.t.Helper()
	req, err := http.NewRequest(method, "http://stripe.sim"+path, strings.NewReader(form))
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+a.key)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := a.client.Do(req)
	if err != nil {
		a.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		a.t.Fatalf("%s %s: %v", method, path, err)
	}
	if resp.StatusCode != 200 {
		a.t.Fatalf("%s %s: %d %v", method, path, resp.StatusCode, out)
	}
	return out
}

// all yields every row of a list.
func (a api) all(path string, each func(map[string]any)) {
	a.t.Helper()
	after := ""
	for {
		sep := "?"
		if strings.Contains(path, "?") {
			sep = "&"
		}
		page := a.do("GET", path+sep+"limit=100"+after, "")
		rows := page["data"].([]any)
		for _, r := range rows {
			each(r.(map[string]any))
		}
		if page["has_more"] != true {
			return
		}
		after = "&starting_after=" + rows[len(rows)-1].(map[string]any)["id"].(string)
	}
}

// TestSimulatedStripeMatchesTheSchema runs a busy shop for fifty days and
// validates all that it sends and answers.
func TestSimulatedStripeMatchesTheSchema(t *testing.T) {
	c := newChecker(t)
	life := stripe.DefaultLife()
	life.Dispute, life.Inquiry, life.Warning, life.DashboardRefund = 0.006, 0.004, 0.006, 0.02
	clock := sim.NewClock(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC))
	w := stripe.New(stripe.Config{Seed: 11, Clock: clock, Rates: life, WebhookURL: "http://127.0.0.1:1/hook"})
	a := api{t: t, client: &http.Client{Transport: sim.Transport(w.Handler())}, key: w.SecretKey()}
	w.Populate(120)
	buy(t, w, a, c)
	live(t, w, c, clock.Now().AddDate(0, 0, 50))
	for _, path := range []string{
		"/v1/customers", "/v1/subscriptions?status=all&expand[]=data.latest_invoice.payments&expand[]=data.customer",
		"/v1/invoices?expand[]=data.payments", "/v1/invoice_payments", "/v1/payment_intents?expand[]=data.latest_charge.balance_transaction",
		"/v1/charges?expand[]=data.refunds", "/v1/refunds?expand[]=data.charge", "/v1/disputes?expand[]=data.payment_intent",
		"/v1/radar/early_fraud_warnings", "/v1/checkout/sessions?expand[]=data.line_items&expand[]=data.subscription", "/v1/events", "/v1/prices?expand[]=data.product",
		"/v1/products", "/v1/coupons", "/v1/promotion_codes", "/v1/payment_methods", "/v1/webhook_endpoints",
	} {
		a.all(path, func(m map[string]any) {
			c.check(m, path)
			inside(c, m, path)
		})
	}
	c.check(a.do("GET", "/v1/account", ""), "/v1/account")
	report(t, c)
}

// TestCheckerFindsViolations spoils a valid object in every way that matters.
func TestCheckerFindsViolations(t *testing.T) {
	c := newChecker(t)
	w := stripe.New(stripe.Config{Seed: 1})
	a := api{t: t, client: &http.Client{Transport: sim.Transport(w.Handler())}, key: w.SecretKey()}
	w.Populate(1)
	schema := c.schemas["subscription"].Value
	for name, spoil := range map[string]func(map[string]any){
		"missing field":   func(m map[string]any) { delete(m, "status") },
		"wrong type":      func(m map[string]any) { m["created"] = "today" },
		"wrong enum":      func(m map[string]any) { m["status"] = "sleeping" },
		"misspelled":      func(m map[string]any) { m["trial_ends"] = nil },
		"deep misspelled": func(m map[string]any) { m["items"].(map[string]any)["data"].([]any)[0].(map[string]any)["pricee"] = 1 },
	} {
		sub := a.do("GET", "/v1/subscriptions", "")["data"].([]any)[0].(map[string]any)
		if got := violations(schema, sub, "subscription"); len(got) > 0 {
			t.Fatalf("before %s: %v", name, got)
		}
		spoil(sub)
		if len(violations(schema, sub, "subscription")) == 0 {
			t.Errorf("%s was not found", name)
		}
	}
}

// inside checks objects that are only seen as parts of others.
func inside(c *checker, m map[string]any, path string) {
	switch m["object"] {
	case "charge":
		if bt, ok := m["balance_transaction"].(map[string]any); ok {
			c.check(bt, path)
		}
	case "payment_intent":
		if ch, ok := m["latest_charge"].(map[string]any); ok {
			inside(c, ch, path)
		}
	case "invoice":
		for _, l := range m["lines"].(map[string]any)["data"].([]any) {
			c.check(l, path)
		}
	case "checkout.session":
		for _, l := range m["line_items"].(map[string]any)["data"].([]any) {
			c.check(l, path)
		}
	}
}

// buy makes checkouts of every kind, a portal link, a preview and an endpoint.
func buy(t *testing.T, w *stripe.Server, a api, c *checker) {
	t.Helper()
	coupon, code := w.AddCoupon(stripe.Coupon{Percent: 100, Duration: "forever", Code: "FREE"})
	_, _ = w.AddCoupon(stripe.Coupon{AmountOff: 100, Currency: "usd", Duration: "repeating", Months: 3})
	cards := []stripe.Card{stripe.CardGood, stripe.CardDebit, stripe.CardDeclined, stripe.CardAuthenticate, stripe.CardDebitFails}
	for i := range 20 {
		form := "mode=payment&line_items[0][price]=price_forever&line_items[0][quantity]=1"
		if i%2 == 0 {
			form = "mode=subscription&line_items[0][price]=price_pro_week&line_items[0][quantity]=2&subscription_data[metadata][user_id]=7"
		}
		switch i {
		case 2:
			form += "&discounts[0][coupon]=" + coupon
		case 4:
			form += "&discounts[0][promotion_code]=" + code
		case 6:
			form += fmt.Sprintf("&subscription_data[trial_period_days]=%d", 14)
		}
		form += "&success_url=https://app.example/return?session_id={CHECKOUT_SESSION_ID}&expand[]=line_items"
		se := a.do("POST", "/v1/checkout/sessions", form)
		c.check(se, "new session")
		if _, err := w.PayCheckout(se["id"].(string), cards[i%len(cards)]); err != nil {
			t.Fatal(err)
		}
	}
	a.all("/v1/subscriptions?expand[]=data.discounts", func(m map[string]any) {
		for _, d := range m["discounts"].([]any) {
			c.check(d, "discount")
		}
	})
	customer := w.CreateCustomer("scheduled@example.com")
	w.SetTax(19)
	moved, err := w.CreateSubscription(stripe.NewSubscription{Customer: customer, Card: stripe.CardGood, Price: "price_basic_month"})
	if err != nil {
		t.Fatal(err)
	}
	schedule, err := w.SchedulePrice(moved, "price_pro_month")
	if err != nil {
		t.Fatal(err)
	}
	c.check(a.do("GET", "/v1/subscription_schedules/"+schedule, ""), "schedule")
	c.check(a.do("POST", "/v1/invoices/create_preview", "subscription="+moved), "preview")
	c.check(a.do("POST", "/v1/billing_portal/sessions", "customer="+customer+"&flow_data[type]=subscription_cancel&flow_data[subscription_cancel][subscription]="+moved), "portal")
	first := a.do("GET", "/v1/subscriptions?limit=1", "")["data"].([]any)[0].(map[string]any)
	preview := a.do("POST", "/v1/invoices/create_preview", "subscription="+first["id"].(string))
	c.check(preview, "preview")
	c.check(a.do("POST", "/v1/billing_portal/sessions", "customer="+first["customer"].(string)+"&flow_data[type]=payment_method_update&return_url=https://app.example"), "portal")
	c.check(a.do("POST", "/v1/webhook_endpoints", "url=http://127.0.0.1:1/two&enabled_events[]=invoice.*&api_version=2026-03-25.dahlia"), "endpoint")
}

// live lets the world run and checks every webhook and the object in it.
func live(t *testing.T, w *stripe.Server, c *checker, end time.Time) {
	t.Helper()
	for at, ok := w.NextAt(); ok && at.Before(end); at, ok = w.NextAt() {
		w.Advance(at)
		w.Deliver(context.Background(), func(r *http.Request) (int, error) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return 0, err
			}
			var e map[string]any
			if err := json.Unmarshal(body, &e); err != nil {
				t.Fatalf("webhook body: %v", err)
			}
			c.check(e, "webhook")
			object := e["data"].(map[string]any)["object"].(map[string]any)
			if e["type"] == "invoice.upcoming" {
				object["id"] = "none" // a preview is the one object without an id
			}
			c.check(object, "webhook "+e["type"].(string))
			return 200, nil
		})
	}
}

func report(t *testing.T, c *checker) {
	t.Helper()
	for kind, n := range least {
		if c.checked[kind] < n {
			t.Errorf("only %d objects of kind %s were checked, want at least %d", c.checked[kind], kind, n)
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(c.checked)) {
		t.Logf("%-28s %6d", kind, c.checked[kind])
	}
}
