package paddle

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

const day = 24 * time.Hour

func TestKeyAndUnknownCalls(t *testing.T) {
	w, c := shop(t, Config{})
	c.no(404, "invalid_url", "GET", "/business", "")
	c.no(404, "not_found", "GET", "/subscriptions/nothing", "")
	c.no(400, "bad_request", "POST", "/transactions", `{"color":"red"}`)
	c.no(400, "bad_request", "GET", "/subscriptions?shade=red", "")
	c.no(400, "invalid_json", "POST", "/transactions", `[`)
	c.no(400, "bad_request", "GET", "/subscriptions?order_by=name[ASC]", "")
	c.no(400, "bad_request", "GET", "/subscriptions?after=sub_1", "")
	c.no(400, "bad_request", "GET", "/subscriptions?per_page=0", "")
	old := w.APIKey()
	w.RollKey(old + "x")
	rr := httptest.NewRecorder()
	req := httptest.NewRequest("GET", "/customers", nil)
	req.Header.Set("Authorization", "Bearer "+old)
	w.Handler().ServeHTTP(rr, req)
	if rr.Code != 403 || !strings.Contains(rr.Body.String(), "invalid_token") {
		t.Error(rr.Code, rr.Body)
	}
	rr = httptest.NewRecorder()
	w.Handler().ServeHTTP(rr, httptest.NewRequest("GET", "/customers", nil))
	if rr.Code != 401 {
		t.Error(rr.Code, rr.Body)
	}
}

func TestLists(t *testing.T) {
	w, c := shop(t, Config{})
	w.Populate(130)
	for path, most := range map[string]int{"/customers": 200, "/subscriptions": 200, "/transactions": 30, "/events": 200} {
		var ids []string
		after := ""
		for {
			answer := c.ok("GET", path+"?per_page=1000&order_by=id[ASC]"+after, "")
			rows, meta := answer.list("data"), answer.in("meta", "pagination")
			if len(rows) > most {
				t.Fatalf("%s: %d rows on a page", path, len(rows))
			}
			for _, row := range rows {
				id := row.str("id")
				if id == "" {
					id = row.str("event_id")
				}
				ids = append(ids, id)
			}
			if meta["has_more"] != true {
				break
			}
			after = "&after=" + ids[len(ids)-1]
			if next, err := url.Parse(meta["next"].(string)); err != nil || next.Query().Get("after") != ids[len(ids)-1] {
				t.Fatalf("next is %v", meta["next"])
			}
		}
		if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
			t.Errorf("%s: ids not in order, or twice", path)
		}
		t.Log(path, len(ids))
	}
	active := c.ok("GET", "/subscriptions?status=active,past_due&per_page=200", "").list("data")
	for _, row := range active {
		if s := row.str("status"); s != "active" && s != "past_due" {
			t.Errorf("filtered, and %s", s)
		}
	}
	one := active[0]
	mine := c.ok("GET", "/transactions?customer_id="+one.str("customer_id")+"&status=completed", "").list("data")
	if len(mine) == 0 || mine[0].str("subscription_id") != one.str("id") || mine[0].str("customer_id") != one.str("customer_id") {
		t.Errorf("%v", mine)
	}
	w.Advance(start.Add(day))
	later := url.QueryEscape(start.Add(time.Hour).Format(time.RFC3339))
	if rows := c.ok("GET", "/transactions?updated_at[GT]="+later, "").list("data"); len(rows) != 0 {
		t.Errorf("%d transactions were updated since", len(rows))
	}
	if rows := c.ok("GET", "/transactions?updated_at[LTE]="+later+"&order_by=updated_at[DESC]", "").list("data"); len(rows) != 30 {
		t.Errorf("%d transactions were updated before", len(rows))
	}
	c.no(400, "invalid_time_query_parameter", "GET", "/transactions?updated_at[GT]=yesterday", "")
}

// checkoutOf makes a transaction and returns its id and page.
func checkoutOf(c client, price string, more string) (id, page string) {
	t := c.post("/transactions", fmt.Sprintf(`{"items":[{"price_id":%q,"quantity":2}],"custom_data":{"trivet_return":"https://app.test/back?token=x","user":"7"}%s}`, price, more))
	return t.str("id"), t.in("checkout").str("url")
}

// click presses a button of a page.
func click(w *Server, page string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, page, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rr := httptest.NewRecorder()
	w.Handler().ServeHTTP(rr, r)
	return rr
}

func TestCheckoutPage(t *testing.T) {
	w, c := shop(t, Config{})
	w.AddDiscount(Discount{Code: "HALF", Percent: 50})
	id, page := checkoutOf(c, PriceProMonth, "")
	if !strings.HasPrefix(page, "https://shop.test/pay?_ptxn="+id) {
		t.Fatal(page)
	}
	rr := httptest.NewRecorder()
	w.Handler().ServeHTTP(rr, httptest.NewRequest("GET", page, nil))
	if rr.Code != 200 || !strings.Contains(rr.Body.String(), "58.00 USD") || !strings.Contains(rr.Body.String(), `value="3ds"`) {
		t.Error(rr.Code, rr.Body)
	}
	if rr := click(w, page, url.Values{"action": {"declined"}, "email": {"a@example.com"}}); rr.Code != 402 || truth(t, w, sim.KindPayment, id)["status"] != "failed" {
		t.Error(rr.Code)
	}
	if rr := click(w, page, url.Values{"action": {"nonsense"}}); rr.Code != 402 {
		t.Error(rr.Code)
	}
	if rr := click(w, page, url.Values{"action": {"3ds"}}); rr.Code != 402 || truth(t, w, sim.KindPayment, id)["status"] != "requires_action" {
		t.Error(rr.Code)
	}
	if rr := click(w, page, url.Values{"action": {"refuse"}}); rr.Code != 402 || truth(t, w, sim.KindPayment, id)["status"] != "failed" {
		t.Error(rr.Code)
	}
	click(w, page, url.Values{"action": {"3ds"}})
	rr = click(w, page, url.Values{"action": {"authenticate"}})
	if back := rr.Header().Get("Location"); rr.Code != 303 || back != "https://app.test/back?_ptxn="+id+"&token=x" {
		t.Error(rr.Code, back)
	}
	done := c.get("/transactions/" + id)
	sub := c.get("/subscriptions/" + done.str("subscription_id"))
	if done.str("status") != "completed" || sub.in("custom_data").str("user") != "7" || sub.str("status") != "active" || len(done.list("payments")) != 3 {
		t.Errorf("%v\n%v", done, sub)
	}
	if checkout := truth(t, w, sim.KindCheckout, id); checkout["status"] != "complete" || checkout["payment_status"] != "paid" {
		t.Error(checkout)
	}
	if rr := click(w, page, url.Values{"action": {"good"}}); rr.Code != 303 {
		t.Error("a second click does not lead back:", rr.Code)
	}
	if n := len(c.ok("GET", "/subscriptions", "").list("data")); n != 1 {
		t.Errorf("%d subscriptions", n)
	}
	rr = httptest.NewRecorder()
	w.Handler().ServeHTTP(rr, httptest.NewRequest("GET", page, nil))
	if rr.Code != http.StatusGone {
		t.Error(rr.Code)
	}

	// A discount, a wrong one, and going away.
	id, page = checkoutOf(c, PricePass, "")
	if rr := click(w, page, url.Values{"action": {"good"}, "promotion_code": {"NONE"}}); rr.Code != 402 {
		t.Error(rr.Code)
	}
	if rr := click(w, page, url.Values{"action": {"abandon"}}); rr.Code != 303 || rr.Header().Get("Location") != "https://shop.test/pay" {
		t.Error(rr.Code, rr.Header())
	}
	click(w, page, url.Values{"action": {"good"}, "promotion_code": {"HALF"}, "email": {"a@example.com"}})
	if p := truth(t, w, sim.KindPayment, id); p["status"] != "succeeded" || p["amount"] != "500" {
		t.Error(p)
	}
	if n := len(c.ok("GET", "/customers?email=a@example.com", "").list("data")); n != 1 {
		t.Errorf("%d customers with one address", n)
	}
	if _, found := w.TruthIn(sim.KindCheckout, of(t, w, sim.KindSubscription, of(t, w, sim.KindCustomer, c.ok("GET", "/customers", "").list("data")[0].str("id")))); found {
		t.Error("a subscription is a checkout")
	}
}

// The slow way to pay is done with for the customer and not for the money.
func TestSlowPayment(t *testing.T) {
	w, c := shop(t, Config{})
	for action, want := range map[string]string{"debit": "succeeded", "debit_fails": "failed"} {
		id, page := checkoutOf(c, PriceProMonth, "")
		if rr := click(w, page, url.Values{"action": {action}, "email": {action + "@example.com"}}); rr.Code != 303 {
			t.Error(rr.Code)
		}
		if p := truth(t, w, sim.KindPayment, id); p["status"] != "pending" {
			t.Error(p)
		}
		w.Advance(w.clock.Now().Add(6 * day))
		if p := truth(t, w, sim.KindPayment, id); p["status"] != want {
			t.Errorf("%s: %v", action, p)
		}
	}
}

func TestCurrenciesAndTaxes(t *testing.T) {
	w, c := shop(t, Config{})
	for price, want := range map[string][3]string{
		PriceProMonthJPY: {"JPY", "8400", "0"}, PriceProMonthKRW: {"KRW", "78000", "0"}, PriceProMonthEUR: {"EUR", "5400", "862"},
	} {
		id, _ := checkoutOf(c, price, "")
		if paid, err := w.PayCheckoutAs(id, CardGood, price+"@example.com"); !paid || err != nil {
			t.Fatal(paid, err)
		}
		done := c.get("/transactions/" + id)
		totals := done.in("details", "totals")
		if done.str("currency_code") != want[0] || totals.str("grand_total") != want[1] || totals.str("tax") != want[2] || totals.str("fee") == "" {
			t.Errorf("%v", totals)
		}
		if sub := c.get("/subscriptions/" + done.str("subscription_id")); sub.str("currency_code") != want[0] {
			t.Error(sub)
		}
	}
	c.no(400, "bad_request", "POST", "/transactions", fmt.Sprintf(`{"items":[{"price_id":%q,"quantity":1},{"price_id":%q,"quantity":1}]}`, PriceProMonthJPY, PriceProMonth))
	c.no(400, "transaction_price_not_found", "POST", "/transactions", `{"items":[{"price_id":"pri_0","quantity":1}]}`)
	c.no(400, "transaction_item_quantity_out_of_range", "POST", "/transactions", fmt.Sprintf(`{"items":[{"price_id":%q,"quantity":0}]}`, PriceProMonth))
	c.no(400, "bad_request", "POST", "/transactions", `{}`)
	c.no(400, "bad_request", "POST", "/transactions", fmt.Sprintf(`{"customer_id":"ctm_1","items":[{"price_id":%q,"quantity":1}]}`, PriceProMonth))
}

func TestSubscriptionCalls(t *testing.T) {
	w, c := shop(t, Config{})
	_, id := buyer(t, w, "a@example.com", PriceProMonth)
	path := "/subscriptions/" + id
	if planned := c.post(path+"/cancel", "").in("scheduled_change"); planned.str("action") != "cancel" || planned.str("effective_at") != "2026-02-05T09:00:00.000000Z" {
		t.Errorf("%v", planned)
	}
	c.no(400, "subscription_locked_pending_changes", "POST", path+"/pause", `{"effective_from":"immediately"}`)
	c.no(400, "subscription_scheduled_change_invalid_update", "PATCH", path, `{"scheduled_change":{"action":"pause"}}`)
	if c.ok("PATCH", path, `{"scheduled_change":null}`).in("data", "scheduled_change") != nil {
		t.Error("the change is still there")
	}
	c.no(400, "subscription_must_be_paused", "POST", path+"/resume", `{"effective_from":"immediately"}`)
	w.Advance(w.clock.Now().Add(5 * day))
	if s := c.post(path+"/pause", `{"effective_from":"immediately"}`); s.str("status") != "paused" || s["current_billing_period"] != nil || s["next_billed_at"] != nil {
		t.Errorf("%v", s)
	}
	c.no(400, "subscription_cannot_be_paused", "POST", path+"/pause", `{"effective_from":"immediately"}`)
	bills := len(c.ok("GET", "/transactions?subscription_id="+id, "").list("data"))
	w.Advance(w.clock.Now().Add(5 * day))
	if s := c.post(path+"/resume", `{"effective_from":"immediately","on_resume":"continue_existing_billing_period"}`); s.in("current_billing_period").str("ends_at") != "2026-02-05T09:00:00.000000Z" {
		t.Errorf("%v", s)
	}
	if n := len(c.ok("GET", "/transactions?subscription_id="+id, "").list("data")); n != bills {
		t.Errorf("%d transactions after %d: going on was charged for", n, bills)
	}
	c.post(path+"/pause", `{"effective_from":"immediately"}`)
	w.Advance(w.clock.Now().Add(60 * day))
	c.no(400, "subscription_continuing_existing_billing_period_not_allowed", "POST", path+"/resume", `{"effective_from":"immediately","on_resume":"continue_existing_billing_period"}`)
	c.post(path+"/resume", `{"effective_from":"immediately"}`)
	if n := len(c.ok("GET", "/transactions?subscription_id="+id, "").list("data")); n != bills+1 {
		t.Errorf("%d transactions after %d: a new period was not charged for", n, bills)
	}
	c.no(400, "bad_request", "POST", path+"/cancel", `{"effective_from":"tomorrow"}`)
	if s := c.post(path+"/cancel", `{"effective_from":"immediately"}`); s.str("status") != "canceled" || s.str("canceled_at") == "" {
		t.Errorf("%v", s)
	}
	c.no(400, "subscription_is_canceled_action_invalid", "POST", path+"/cancel", "")
	c.no(400, "subscription_update_when_canceled", "PATCH", path, `{"scheduled_change":null}`)
	var ops []string
	for _, e := range w.Effects() {
		ops = append(ops, e.Op)
	}
	if got := strings.Join(ops, " "); got != "cancel_at_period_end uncancel pause resume pause resume cancel" {
		t.Errorf("effects: %s", got)
	}
}

// A pause that is scheduled leaves the subscription in use until then.
func TestScheduledPause(t *testing.T) {
	w, c := shop(t, Config{})
	_, id := buyer(t, w, "a@example.com", PriceProMonth)
	s := c.post("/subscriptions/"+id+"/pause", `{"resume_at":"2026-03-01T00:00:00Z"}`)
	if s.str("status") != "active" || s.in("scheduled_change").str("action") != "pause" {
		t.Errorf("%v", s)
	}
	w.Advance(start.AddDate(0, 1, 1))
	s = c.get("/subscriptions/" + id)
	if s.str("status") != "paused" || s.in("scheduled_change").str("action") != "resume" || s.in("scheduled_change").str("effective_at") != "2026-03-01T00:00:00.000000Z" {
		t.Errorf("%v", s)
	}
	w.Advance(start.AddDate(0, 2, 0))
	if f := truth(t, w, sim.KindSubscription, id); f["status"] != "active" || f["current_period_start"] != "2026-03-01T00:00:00Z" {
		t.Errorf("%v", f)
	}
	c.post("/subscriptions/"+id+"/pause", `{"effective_from":"immediately","resume_at":"2026-05-01T00:00:00Z"}`)
	s = c.post("/subscriptions/"+id+"/resume", `{"effective_from":"2026-06-01T00:00:00Z","on_resume":"start_new_billing_period"}`)
	if s.in("scheduled_change").str("effective_at") != "2026-06-01T00:00:00.000000Z" || s.str("status") != "paused" {
		t.Errorf("%v", s)
	}
}

func TestTrial(t *testing.T) {
	w, c := shop(t, Config{})
	customer, id := buyer(t, w, "a@example.com", PriceProTrial)
	path := "/subscriptions/" + id
	if p := truth(t, w, sim.KindPayment, of(t, w, sim.KindPayment, customer)); p["amount"] != "0" || p["status"] != "succeeded" {
		t.Errorf("the first transaction is %v", p)
	}
	c.no(400, "subscription_items_update_missing_proration_billing_mode", "PATCH", path, `{"next_billed_at":"2026-03-01T00:00:00Z"}`)
	c.no(400, "subscription_update_when_trialing", "PATCH", path, `{"next_billed_at":"2026-03-01T00:00:00Z","proration_billing_mode":"full_immediately"}`)
	c.no(400, "subscription_next_billed_at_too_soon", "PATCH", path, `{"next_billed_at":"2026-01-05T09:10:00Z","proration_billing_mode":"do_not_bill"}`)
	c.ok("PATCH", path, `{"next_billed_at":"2026-02-01T00:00:00Z","proration_billing_mode":"do_not_bill"}`)
	w.Advance(start.AddDate(0, 0, 20))
	if f := truth(t, w, sim.KindSubscription, id); f["status"] != "trialing" || f["trial_end"] != "2026-02-01T00:00:00Z" {
		t.Errorf("%v", f)
	}
	w.Advance(start.AddDate(0, 1, 0))
	if f := truth(t, w, sim.KindSubscription, id); f["status"] != "active" || f["current_period_end"] != "2026-03-01T00:00:00Z" {
		t.Errorf("%v", f)
	}
	if p := truth(t, w, sim.KindPayment, of(t, w, sim.KindPayment, customer)); p["amount"] != "2900" || p["status"] != "succeeded" {
		t.Errorf("the first charge is %v", p)
	}
}

func TestCustomers(t *testing.T) {
	w, c := shop(t, Config{})
	id := c.post("/customers", `{"email":"a@example.com","name":"A","custom_data":{"x":1}}`).str("id")
	c.no(409, "customer_already_exists", "POST", "/customers", `{"email":"a@example.com"}`)
	other := w.CreateCustomer("b@example.com")
	c.no(409, "customer_already_exists", "PATCH", "/customers/"+other, `{"email":"a@example.com"}`)
	c.no(400, "bad_request", "POST", "/customers", `{}`)
	if got := c.ok("PATCH", "/customers/"+id, `{"email":"c@example.com","name":null,"locale":"de"}`).in("data"); got.str("email") != "c@example.com" || got["name"] != nil || got.str("locale") != "de" {
		t.Error(got)
	}
	portal := c.post("/customers/"+id+"/portal-sessions", `{}`).in("urls", "general").str("overview")
	rr := httptest.NewRecorder()
	w.Handler().ServeHTTP(rr, httptest.NewRequest("GET", portal, nil))
	if rr.Code != 200 || !strings.Contains(rr.Body.String(), "c@example.com") {
		t.Error(rr.Code, rr.Body)
	}
	_, sub := buyer(t, w, "d@example.com", PriceProMonth)
	who := truthCustomer(w, sub)
	portal = c.post("/customers/"+who+"/portal-sessions", `{"subscription_ids":["`+sub+`"]}`).in("urls", "general").str("overview")
	for action, want := range map[string]string{"cancel": "2026-02-05T09:00:00Z", "keep": "", "card": ""} {
		if action == "keep" {
			must(t, w.PortalCancel(sub))
		}
		if rr := click(w, portal, url.Values{"action": {action}}); rr.Code != 303 || truth(t, w, sim.KindSubscription, sub)["cancel_at"] != want {
			t.Errorf("%s: %d, %v", action, rr.Code, truth(t, w, sim.KindSubscription, sub))
		}
		must(t, w.PortalUncancel(sub))
	}
	rr = httptest.NewRecorder()
	w.Handler().ServeHTTP(rr, httptest.NewRequest("GET", "/portal/none", nil))
	if rr.Code != http.StatusGone || click(w, "/portal/none", nil).Code != http.StatusGone {
		t.Error(rr.Code)
	}
}

func truthCustomer(w *Server, id string) string {
	o, _ := w.TruthOf(id)
	return o.Customer
}
