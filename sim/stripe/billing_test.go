package stripe

import (
	"slices"
	"testing"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// subscribed makes a customer with a monthly subscription.
func subscribed(t *testing.T, w *Server, n NewSubscription) (customer, sub string) {
	t.Helper()
	n.Customer = w.CreateCustomer("a@example.com")
	if n.Price == "" {
		n.Price = "price_pro_month"
	}
	sub, err := w.CreateSubscription(n)
	if err != nil {
		t.Fatal(err)
	}
	return n.Customer, sub
}

func wantStatus(t *testing.T, w *Server, id, want string) {
	t.Helper()
	if got := truthOf(t, w, id)["status"]; got != want {
		t.Errorf("%s: %s is %s, want %s", w.clock.Now().Format(time.DateTime), id, got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestRenewal(t *testing.T) {
	w, c := shop(t)
	cus, sub := subscribed(t, w, NewSubscription{Card: CardGood, Quantity: 3})
	w.Advance(start.AddDate(0, 3, 1))
	if n := len(payments(w, cus)); n != 4 {
		t.Errorf("%d payments in three months, want 4", n)
	}
	got := truthOf(t, w, sub)
	if got["current_period_end"] != start.AddDate(0, 4, 0).Format(time.RFC3339) || got["amount"] != "8700" || got["status"] != "active" {
		t.Errorf("truth: %v", got)
	}
	inv := c.get("/v1/invoices?limit=1&expand[]=data.payments").at("data.0")
	if inv.str("billing_reason") != "subscription_cycle" || inv.str("parent.subscription_details.subscription") != sub ||
		inv.num("amount_paid") != 8700 || inv.str("payments.data.0.status") != "paid" {
		t.Errorf("invoice: %v", inv.v)
	}
}

func TestMonthsKeepTheirDay(t *testing.T) {
	w := New(Config{Clock: sim.NewClock(time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC))})
	w.AddCatalog()
	_, sub := subscribed(t, w, NewSubscription{Card: CardGood})
	for _, want := range []string{"2026-02-28T08:00:00Z", "2026-03-31T08:00:00Z", "2026-04-30T08:00:00Z"} {
		if got := truthOf(t, w, sub)["current_period_end"]; got != want {
			t.Errorf("period ends %s, want %s", got, want)
		}
		at, _ := time.Parse(time.RFC3339, want)
		w.Advance(at.Add(time.Hour))
	}
}

func TestFailedRenewal(t *testing.T) {
	for after, want := range map[string]string{"": "ended", "unpaid": "unpaid", "past_due": "past_due"} {
		w := newWorld(Config{AfterRetries: after})
		w.AddCatalog()
		cus, sub := subscribed(t, w, NewSubscription{Card: CardLaterFails})
		due := start.AddDate(0, 1, 0)
		w.Advance(due.Add(30 * time.Minute))
		wantStatus(t, w, sub, "active") // the invoice is still a draft
		w.Advance(due.Add(2 * time.Hour))
		wantStatus(t, w, sub, "past_due")
		w.Advance(due.AddDate(0, 0, 9))
		wantStatus(t, w, sub, want)
		failed := 0
		for _, typ := range types(w) {
			if typ == "charge.failed" {
				failed++
			}
		}
		if failed != 5 {
			t.Errorf("after %q: %d attempts, want the first and four retries", after, failed)
		}
		if got := payments(w, cus)[1].Fields["status"]; got != "failed" {
			t.Errorf("the payment is %s", got)
		}
	}
}

func TestNoRetryOfALostCard(t *testing.T) {
	w, c := shop(t)
	cus, _ := subscribed(t, w, NewSubscription{Card: CardGood})
	must(t, w.FailNextCharge(cus, "lost_card"))
	w.Advance(start.AddDate(0, 1, 1))
	inv := c.get("/v1/invoices?limit=1&expand[]=data.payments").at("data.0")
	if inv.at("next_payment_attempt").v != nil || inv.num("attempt_count") != 1 {
		t.Errorf("invoice: next %v, attempts %d", inv.at("next_payment_attempt").v, inv.num("attempt_count"))
	}
	pi := c.get("/v1/payment_intents/" + inv.str("payments.data.0.payment.payment_intent") + "?expand[]=latest_charge")
	if pi.str("last_payment_error.decline_code") != "lost_card" || pi.str("last_payment_error.advice_code") != "do_not_try_again" ||
		pi.str("latest_charge.outcome.network_decline_code") != "41" {
		t.Errorf("payment intent: %v", pi.v)
	}
}

func TestRecovery(t *testing.T) {
	w, c := shop(t)
	cus, sub := subscribed(t, w, NewSubscription{Card: CardLaterFails})
	w.Advance(start.AddDate(0, 1, 1))
	wantStatus(t, w, sub, "past_due")
	inv := c.get("/v1/invoices?status=open").str("data.0.id")
	if e := c.do(402, "POST", "/v1/invoices/"+inv+"/pay", ""); e.str("error.type") != "card_error" || e.str("error.decline_code") != "insufficient_funds" {
		t.Errorf("pay with the bad card: %v", e.v)
	}
	must(t, w.NewCard(cus, CardGood))
	if got := c.post("/v1/invoices/"+inv+"/pay", ""); got.str("status") != "paid" {
		t.Errorf("pay with the new card: %v", got.v)
	}
	wantStatus(t, w, sub, "active")
	c.do(400, "POST", "/v1/invoices/"+inv+"/pay", "")
	var ops []string
	for _, e := range w.Effects() {
		ops = append(ops, e.Op)
	}
	if !slices.Equal(ops, []string{sim.OpPayInvoice, sim.OpPayInvoice}) {
		t.Errorf("effects: %v", ops)
	}
}

func TestIncompleteExpires(t *testing.T) {
	w, _ := shop(t)
	_, sub := subscribed(t, w, NewSubscription{Card: CardDeclined})
	wantStatus(t, w, sub, "pending")
	w.Advance(start.Add(24 * time.Hour))
	wantStatus(t, w, sub, "ended")
	if got := truthOf(t, w, sub)["provider_status"]; got != "incomplete_expired" {
		t.Errorf("provider status %s", got)
	}
	wantEvents(t, w, "invoice.voided")
}

func TestTrialsEnd(t *testing.T) {
	for missing, want := range map[string]string{"cancel": "ended", "pause": "paused", "create_invoice": "past_due", "card": "active"} {
		w, c := shop(t)
		n := NewSubscription{TrialEnd: start.AddDate(0, 0, 10), Missing: missing}
		if missing == "card" {
			n.Missing, n.Card = "", CardGood
		}
		_, sub := subscribed(t, w, n)
		wantStatus(t, w, sub, "trialing")
		w.Advance(start.AddDate(0, 0, 6))
		if slices.Contains(types(w), "customer.subscription.trial_will_end") {
			t.Error("trial_will_end came more than three days before")
		}
		w.Advance(start.AddDate(0, 0, 8))
		wantEvents(t, w, "customer.subscription.trial_will_end")
		w.Advance(start.AddDate(0, 0, 10).Add(2 * time.Hour))
		wantStatus(t, w, sub, want)
		if want == "paused" {
			c.post("/v1/subscriptions/"+sub+"/resume", "")
			wantEvents(t, w, "customer.subscription.paused", "customer.subscription.resumed")
		}
	}
}

func TestCancel(t *testing.T) {
	w, c := shop(t)
	_, sub := subscribed(t, w, NewSubscription{Card: CardGood})
	path := "/v1/subscriptions/" + sub
	c.post(path, "cancel_at_period_end=true&metadata[trivet_effect]=cancel:1")
	c.post(path, "cancel_at_period_end=true")
	if got := truthOf(t, w, sub); got["status"] != "active" || got["cancel_at"] != got["current_period_end"] {
		t.Errorf("truth: %v", got)
	}
	c.post(path, "cancel_at_period_end=false")
	if got := truthOf(t, w, sub)["cancel_at"]; got != "" {
		t.Errorf("cancel_at is still %s", got)
	}
	c.post(path, "cancel_at_period_end=true")
	w.Advance(start.AddDate(0, 1, 1))
	wantStatus(t, w, sub, "ended")
	c.do(404, "DELETE", path, "")
	_, two := subscribed(t, w, NewSubscription{Card: CardGood})
	if got := c.do(200, "DELETE", "/v1/subscriptions/"+two, ""); got.str("status") != "canceled" {
		t.Errorf("canceled: %v", got.v)
	}
	var got []string
	for _, e := range w.Effects() {
		got = append(got, e.Op)
	}
	want := []string{sim.OpCancelAtPeriodEnd, sim.OpUncancel, sim.OpCancelAtPeriodEnd, sim.OpCancel}
	if !slices.Equal(got, want) || w.Effects()[0].Key != "cancel:1" {
		t.Errorf("effects %v, want %v", w.Effects(), want)
	}
}

func TestPause(t *testing.T) {
	for behavior, want := range map[string]string{"void": "void", "keep_as_draft": "draft", "mark_uncollectible": "uncollectible"} {
		w, c := shop(t)
		cus, sub := subscribed(t, w, NewSubscription{Card: CardGood})
		until := start.AddDate(0, 1, 15)
		c.post("/v1/subscriptions/"+sub, "pause_collection[behavior]="+behavior+"&pause_collection[resumes_at]="+amount(until.Unix()))
		if got := truthOf(t, w, sub); got["status"] != "paused" || got["provider_status"] != "active" {
			t.Errorf("truth: %v", got)
		}
		w.Advance(start.AddDate(0, 1, 1))
		if got := c.get("/v1/invoices?limit=1").str("data.0.status"); got != want {
			t.Errorf("%s: the invoice is %s", behavior, got)
		}
		w.Advance(until.Add(time.Minute))
		wantStatus(t, w, sub, "active")
		w.Advance(start.AddDate(0, 2, 1))
		if n := len(payments(w, cus)); n != 2 {
			t.Errorf("%s: %d payments, want the first and the one after the pause", behavior, n)
		}
		c.post("/v1/subscriptions/"+sub, "pause_collection=")
		if n := len(w.Effects()); n != 1 {
			t.Errorf("%d effects, want the pause alone", n)
		}
	}
}

func TestChangesAndPreview(t *testing.T) {
	w, c := shop(t)
	_, sub := subscribed(t, w, NewSubscription{Card: CardGood, Price: "price_basic_month"})
	w.Advance(start.AddDate(0, 0, 15))
	item := c.get("/v1/subscriptions/" + sub).str("items.data.0.id")
	c.post("/v1/subscriptions/"+sub, "items[0][id]="+item+"&items[0][price]=price_pro_month&items[0][quantity]=2")
	if got := truthOf(t, w, sub); got["amount"] != "5800" || got["price"] != "price_pro_month" || got["quantity"] != "2" {
		t.Errorf("truth: %v", got)
	}
	preview := c.post("/v1/invoices/create_preview", "subscription="+sub).num("amount_due")
	w.Advance(start.AddDate(0, 1, 1))
	paid := c.get("/v1/invoices?limit=1").num("data.0.amount_paid")
	if preview != paid || paid <= 5800 {
		t.Errorf("previewed %d, paid %d; want the same and more than 5800", preview, paid)
	}
	c.post("/v1/subscriptions/"+sub, "trial_end="+amount(start.AddDate(0, 3, 0).Unix())+"&proration_behavior=none")
	if got := truthOf(t, w, sub); got["status"] != "trialing" || got["trial_end"] != start.AddDate(0, 3, 0).Format(time.RFC3339) {
		t.Errorf("truth: %v", got)
	}
}

func TestAuthenticationAtRenewal(t *testing.T) {
	w, c := shop(t)
	cus, sub := subscribed(t, w, NewSubscription{Card: CardGood})
	must(t, w.NewCard(cus, CardAlwaysAuthenticate))
	w.Advance(start.AddDate(0, 1, 1))
	wantEvents(t, w, "invoice.payment_action_required")
	wantStatus(t, w, sub, "past_due")
	must(t, w.PayInvoice(c.get("/v1/invoices?status=open").str("data.0.id")))
	wantStatus(t, w, sub, "active")
}

func TestDeletedCustomer(t *testing.T) {
	w, c := shop(t)
	cus, sub := subscribed(t, w, NewSubscription{Card: CardGood})
	must(t, w.DeleteCustomer(cus))
	wantStatus(t, w, sub, "ended")
	if got := c.get("/v1/customers/" + cus); got.at("deleted").v != true || got.at("email").v != nil {
		t.Errorf("deleted customer: %v", got.v)
	}
	if n := len(c.get("/v1/customers").rows("data")); n != 0 {
		t.Errorf("the list still has %d", n)
	}
	c.do(404, "POST", "/v1/customers/"+cus, "email=x@example.com")
	wantEvents(t, w, "customer.deleted", "customer.subscription.deleted")
}

func TestEmailPush(t *testing.T) {
	w, c := shop(t)
	cus := w.CreateCustomer("a@example.com")
	c.post("/v1/customers/"+cus, "email=b@example.com&metadata[trivet_effect]=email:1")
	c.post("/v1/customers/"+cus, "email=b@example.com")
	if got := w.Effects(); len(got) != 1 || got[0].Op != sim.OpEmail || got[0].Key != "email:1" {
		t.Errorf("effects: %v", got)
	}
	if truthOf(t, w, cus)["email"] != "b@example.com" {
		t.Error("the address did not change")
	}
}

func TestPreloadIsSilent(t *testing.T) {
	w, c := shop(t)
	before := len(types(w))
	if n := len(w.Preload(30)); n != 30 {
		t.Errorf("%d customers", n)
	}
	if after := len(types(w)); after != before {
		t.Errorf("%d events of the past", after-before)
	}
	if n := len(c.get("/v1/subscriptions?limit=100").rows("data")); n != 30 {
		t.Errorf("%d subscriptions", n)
	}
	w.Advance(start.AddDate(0, 1, 1))
	if len(types(w)) == before {
		t.Error("their later life is silent too")
	}
}
