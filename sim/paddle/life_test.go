package paddle

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/sim"
	"github.com/trivetdev/trivet/sim/simtest"
)

// types lists the events that happened to an object since a moment, with the
// status that each showed.
func types(t *testing.T, c client, since time.Time, id string) (all []string) {
	t.Helper()
	for _, e := range c.ok("GET", "/events?per_page=200&order_by=id[DESC]", "").list("data") {
		at, err := time.Parse(time.RFC3339, e.str("occurred_at"))
		must(t, err)
		if e.in("data").str("id") == id && !at.Before(since) {
			all = append([]string{e.str("event_type") + "(" + e.in("data").str("status") + ")"}, all...)
		}
	}
	return all
}

func TestRenewal(t *testing.T) {
	w, c := shop(t, Config{})
	customer, id := buyer(t, w, "a@example.com", PriceProMonth)
	w.Advance(start.AddDate(0, 1, 1))
	if f := truth(t, w, sim.KindSubscription, id); f["status"] != "active" || f["current_period_start"] != "2026-02-05T09:00:00Z" || f["current_period_end"] != "2026-03-05T09:00:00Z" {
		t.Errorf("%v", f)
	}
	invoice := truth(t, w, sim.KindInvoice, of(t, w, sim.KindInvoice, customer))
	if invoice["status"] != "paid" || invoice["amount_paid"] != "2900" || invoice["subscription"] != id {
		t.Errorf("%v", invoice)
	}
	got := types(t, c, start.AddDate(0, 0, 20), of(t, w, sim.KindInvoice, customer))
	if want := "transaction.created(ready) transaction.billed(billed) transaction.paid(paid) transaction.completed(completed)"; strings.Join(got, " ") != want {
		t.Errorf("events: %v", got)
	}
	if _, found := w.TruthIn(sim.KindCheckout, of(t, w, sim.KindInvoice, customer)); found {
		t.Error("a renewal is a checkout")
	}
}

// The news of a renewal that fails begin with active: which is the triple.
func TestFailedRenewalIsToldAsActiveFirst(t *testing.T) {
	w, c := shop(t, Config{})
	customer, id := buyer(t, w, "a@example.com", PriceProMonth)
	must(t, w.FailNextCharge(customer, "not_enough_balance"))
	w.Advance(start.AddDate(0, 1, 0).Add(time.Hour))
	got := types(t, c, start.AddDate(0, 0, 20), id)
	if want := "subscription.updated(active) subscription.updated(past_due) subscription.past_due(past_due)"; strings.Join(got, " ") != want {
		t.Errorf("events: %v", got)
	}
	payment := of(t, w, sim.KindPayment, customer)
	if f := truth(t, w, sim.KindPayment, payment); f["status"] != "failed" {
		t.Errorf("%v", f)
	}
	if a := c.get("/transactions/" + payment).list("payments")[0]; a.str("error_code") != "not_enough_balance" || a.str("status") != "error" {
		t.Errorf("%v", a)
	}
	// The first retry is good.
	w.Advance(start.AddDate(0, 1, 2))
	if f := truth(t, w, sim.KindSubscription, id); f["status"] != "active" || truth(t, w, sim.KindPayment, payment)["status"] != "succeeded" {
		t.Errorf("%v", f)
	}
}

func TestDunning(t *testing.T) {
	for after, want := range map[string]string{"": "ended", "cancel": "ended", "pause": "paused"} {
		w, c := shop(t, Config{AfterRetries: after})
		customer := w.CreateCustomer("a@example.com")
		id, err := w.CreateSubscription(NewSubscription{Customer: customer, Price: PriceProMonth, Card: CardLaterFails})
		must(t, err)
		due := start.AddDate(0, 1, 0)
		w.Advance(due.AddDate(0, 0, 29))
		payment := of(t, w, sim.KindPayment, customer)
		if f := truth(t, w, sim.KindSubscription, id); f["status"] != "past_due" {
			t.Errorf("%v", f)
		}
		if n := len(c.get("/transactions/" + payment).list("payments")); n != 8 {
			t.Errorf("%d attempts, want one and seven more", n)
		}
		w.Advance(due.AddDate(0, 0, 31))
		if f := truth(t, w, sim.KindSubscription, id); f["status"] != want || truth(t, w, sim.KindPayment, payment)["status"] != "canceled" {
			t.Errorf("after %q: %v", after, f)
		}
	}
}

// What no retry can help is not tried again.
func TestHopelessDecline(t *testing.T) {
	w, c := shop(t, Config{})
	customer, _ := buyer(t, w, "a@example.com", PriceProMonth)
	must(t, w.FailNextCharge(customer, "blocked_card"))
	w.Advance(start.AddDate(0, 1, 20))
	if n := len(c.get("/transactions/" + of(t, w, sim.KindPayment, customer)).list("payments")); n != 1 {
		t.Errorf("%d attempts", n)
	}
}

// A new card pays what is owed: in the portal, or by the payment-update link.
func TestRecovery(t *testing.T) {
	for _, way := range []string{"portal", "link"} {
		w, c := shop(t, Config{})
		customer := w.CreateCustomer("a@example.com")
		id, err := w.CreateSubscription(NewSubscription{Customer: customer, Price: PriceProWeek, Card: CardLaterFails})
		must(t, err)
		w.Advance(start.AddDate(0, 0, 16))
		link := c.get("/subscriptions/" + id + "/update-payment-method-transaction")
		if link.str("status") != "past_due" || link.str("id") != of(t, w, sim.KindPayment, customer) {
			t.Fatalf("%v", link)
		}
		if way == "portal" {
			must(t, w.NewCard(id, CardGood))
		} else if rr := click(w, link.in("checkout").str("url"), map[string][]string{"action": {"good"}}); rr.Code != http.StatusSeeOther {
			t.Fatal(rr.Code)
		}
		f := truth(t, w, sim.KindSubscription, id)
		// The week that was owed is long over: the next is billed at once.
		if f["status"] != "active" || f["current_period_start"] != "2026-01-21T09:00:00Z" {
			t.Errorf("by %s: %v", way, f)
		}
		w.Advance(start.AddDate(0, 2, 0))
		if f := truth(t, w, sim.KindSubscription, id); f["status"] != "active" {
			t.Errorf("by %s, later: %v", way, f)
		}
	}
}

// Without anything owed the link is a transaction over nothing, made by a GET.
func TestPaymentMethodChange(t *testing.T) {
	w, c := shop(t, Config{})
	customer := w.CreateCustomer("a@example.com")
	id, err := w.CreateSubscription(NewSubscription{Customer: customer, Price: PriceProMonth, Card: CardLaterFails})
	must(t, err)
	link := c.get("/subscriptions/" + id + "/update-payment-method-transaction")
	if link.str("origin") != "subscription_payment_method_change" || link.in("details", "totals").str("grand_total") != "0" {
		t.Fatalf("%v", link)
	}
	if rr := click(w, link.in("checkout").str("url"), map[string][]string{"action": {"good"}}); rr.Code != http.StatusSeeOther {
		t.Fatal(rr.Code)
	}
	w.Advance(start.AddDate(0, 1, 1))
	if f := truth(t, w, sim.KindSubscription, id); f["status"] != "active" {
		t.Errorf("the new card is not used: %v", f)
	}
}

func TestChangeOfPlan(t *testing.T) {
	w, c := shop(t, Config{})
	customer, id := buyer(t, w, "a@example.com", PriceProMonth)
	w.Advance(start.AddDate(0, 0, 15))
	must(t, w.Change(id, "", 2))
	more := c.get("/transactions/" + of(t, w, sim.KindInvoice, customer))
	if amount := more.in("details", "totals").str("grand_total"); more.str("origin") != "subscription_update" || amount <= "1400" || amount >= "1600" {
		t.Errorf("%v %s", more.str("origin"), amount)
	}
	must(t, w.Change(id, PriceBasicMonth, 1))
	if f := truth(t, w, sim.KindSubscription, id); f["price"] != PriceBasicMonth || f["amount"] != "900" || f["quantity"] != "1" {
		t.Errorf("%v", f)
	}
	credits := c.ok("GET", "/adjustments?action=credit", "").list("data")
	if len(credits) != 1 || credits[0].str("customer_id") != customer {
		t.Errorf("%v", credits)
	}
	// A change that cannot be paid does not happen.
	must(t, w.FailNextCharge(customer, "declined"))
	must(t, w.Change(id, "", 9))
	if f := truth(t, w, sim.KindSubscription, id); f["quantity"] != "1" {
		t.Errorf("%v", f)
	}
}

func TestRefunds(t *testing.T) {
	w, c := shop(t, Config{})
	customer, _ := buyer(t, w, "a@example.com", PriceProMonth)
	payment := of(t, w, sim.KindPayment, customer)
	item := c.get("/transactions/" + payment).in("details").list("line_items")[0].str("id")
	body := func(typ, amount string) string {
		if typ == "full" {
			return fmt.Sprintf(`{"action":"refund","reason":"r","transaction_id":%q,"type":"full"}`, payment)
		}
		return fmt.Sprintf(`{"action":"refund","reason":"r","transaction_id":%q,"type":"partial","items":[{"item_id":%q,"type":"partial","amount":%q}]}`, payment, item, amount)
	}
	c.no(400, "adjustment_invalid_credit_action", "POST", "/adjustments", strings.Replace(body("full", ""), "refund", "credit", 1))
	c.no(400, "bad_request", "POST", "/adjustments", strings.Replace(body("full", ""), `"reason":"r",`, "", 1))
	c.no(400, "adjustment_amount_cannot_be_zero", "POST", "/adjustments", body("", "0"))
	c.no(400, "adjustment_amount_above_remaining_allowed", "POST", "/adjustments", body("", "2901"))
	c.no(400, "adjustment_transaction_item_invalid", "POST", "/adjustments", strings.Replace(body("", "1"), item, "txnitm_0", 1))
	c.no(404, "not_found", "POST", "/adjustments", strings.Replace(body("full", ""), payment, "txn_0", 1))
	if a := c.post("/adjustments", body("", "900")); a.str("status") != "approved" || a.in("totals").str("total") != "900" {
		t.Errorf("%v", a)
	}
	// Nothing keeps anybody from the same again.
	c.post("/adjustments", body("", "900"))
	c.no(400, "adjustment_total_amount_above_remaining_allowed", "POST", "/adjustments", body("full", ""))
	if f := truth(t, w, sim.KindPayment, payment); f["refunded"] != "1800" {
		t.Errorf("%v", f)
	}
	if n := len(c.get("/transactions/" + payment + "?include=adjustment").list("adjustments")); n != 2 {
		t.Errorf("%d adjustments are included", n)
	}
	if rows := c.ok("GET", "/adjustments?transaction_id="+payment+"&action=refund&status=approved", "").list("data"); len(rows) != 2 {
		t.Errorf("%d adjustments are listed", len(rows))
	}
	open, _ := checkoutOf(c, PricePass, "")
	c.no(400, "adjustment_transaction_invalid_status_for_refund", "POST", "/adjustments", strings.Replace(body("full", ""), payment, open, 1))
}

// A refund may have to wait, and may be rejected: then it was none.
func TestRefundApproval(t *testing.T) {
	w, c := shop(t, Config{})
	customer, _ := buyer(t, w, "a@example.com", PriceProMonth)
	payment := of(t, w, sim.KindPayment, customer)
	for _, approve := range []bool{false, true} {
		id, err := w.RefundPending(payment)
		must(t, err)
		c.no(400, "adjustment_pending_refund_request", "POST", "/adjustments", fmt.Sprintf(`{"action":"refund","reason":"r","transaction_id":%q,"type":"full"}`, payment))
		if r, p := truth(t, w, sim.KindRefund, id), truth(t, w, sim.KindPayment, payment); r["status"] != "pending" || p["refunded"] != "2900" {
			t.Errorf("%v %v", r, p)
		}
		must(t, w.JudgeRefund(id, approve))
		want := map[bool][2]string{true: {"succeeded", "2900"}, false: {"failed", "0"}}[approve]
		if r, p := truth(t, w, sim.KindRefund, id), truth(t, w, sim.KindPayment, payment); r["status"] != want[0] || p["refunded"] != want[1] {
			t.Errorf("%v %v", r, p)
		}
	}
}

func TestSandboxApprovesInTenMinutes(t *testing.T) {
	w, c := shop(t, Config{Sandbox: true})
	customer, _ := buyer(t, w, "a@example.com", PriceProMonth)
	a := c.post("/adjustments", fmt.Sprintf(`{"action":"refund","reason":"r","transaction_id":%q,"type":"full"}`, of(t, w, sim.KindPayment, customer)))
	if a.str("status") != "pending_approval" || !strings.HasPrefix(w.APIKey(), "pdl_sdbx_apikey_") {
		t.Errorf("%v", a)
	}
	w.Advance(w.clock.Now().Add(11 * time.Minute))
	if r := truth(t, w, sim.KindRefund, a.str("id")); r["status"] != "succeeded" {
		t.Errorf("%v", r)
	}
}

func TestChargebacks(t *testing.T) {
	w, c := shop(t, Config{})
	customer, _ := buyer(t, w, "a@example.com", PriceProMonth)
	payment := of(t, w, sim.KindPayment, customer)
	warning, err := w.ChargeBack(payment, true)
	must(t, err)
	if d := truth(t, w, sim.KindDispute, warning); d["status"] != "inquiry" || d["amount"] != "2900" || d["payment"] != payment {
		t.Errorf("%v", d)
	}
	chargeback, err := w.ChargeBack(payment, false)
	must(t, err)
	if d, p := truth(t, w, sim.KindDispute, chargeback), truth(t, w, sim.KindPayment, payment); d["status"] != "lost" || p["disputed"] != "lost" || p["refunded"] != "0" {
		t.Errorf("%v %v", d, p)
	}
	c.no(400, "adjustment_total_amount_above_remaining_allowed", "POST", "/adjustments", fmt.Sprintf(`{"action":"refund","reason":"r","transaction_id":%q,"type":"full"}`, payment))
	must(t, w.ReverseChargeBack(chargeback))
	if d := truth(t, w, sim.KindDispute, chargeback); d["status"] != "won" || d["provider_status"] != "reversed" {
		t.Errorf("%v", d)
	}
	reversals := c.ok("GET", "/adjustments?action=chargeback_reverse", "").list("data")
	if len(reversals) != 1 {
		t.Fatalf("%v", reversals)
	}
	if _, found := w.TruthIn(sim.KindDispute, reversals[0].str("id")); found {
		t.Error("a reversal is a dispute of its own")
	}
	if o, found := w.TruthOf(payment); !found || o.Kind != sim.KindPayment {
		t.Errorf("the most telling noun of a transaction is %v", o)
	}
}

// TestALife wants everything that Life has to happen in a busy month, and the
// truth to be of one piece.
func TestALife(t *testing.T) {
	w := newWorld(Config{Seed: 9, Rates: DefaultLife()})
	w.Populate(300)
	run(w, 45, simtest.Accept)
	seen := map[string]int{}
	payments := map[string]sim.Object{}
	for _, o := range w.Truth() {
		seen[o.Kind+" "+o.Fields["status"]]++
		if o.Kind == sim.KindPayment {
			payments[o.ID] = o
		}
	}
	for _, want := range []string{
		"subscription active", "subscription past_due", "subscription paused", "subscription ended",
		"invoice draft", "invoice open", "invoice paid", "payment succeeded", "payment failed", "payment pending",
		"refund pending", "refund succeeded", "refund failed", "dispute lost", "dispute inquiry", "dispute won", "checkout complete", "checkout open",
	} {
		if seen[want] == 0 {
			t.Errorf("no %s in %v", want, seen)
		}
	}
	for _, o := range w.Truth() {
		switch o.Kind {
		case sim.KindInvoice:
			paid := payments[o.ID].Fields["status"] == "succeeded"
			if paid != (o.Fields["status"] == "paid") {
				t.Errorf("%s is %v as invoice, %v as payment", o.ID, o.Fields, payments[o.ID].Fields)
			}
		case sim.KindRefund, sim.KindDispute:
			if p, found := payments[o.Fields["payment"]]; !found || p.Customer != o.Customer {
				t.Errorf("%v is of %v", o, p)
			}
		}
	}
	if len(w.Effects()) != 0 {
		t.Errorf("nobody asked for %v", w.Effects())
	}
}
