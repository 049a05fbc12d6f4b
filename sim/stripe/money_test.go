package stripe

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/trivetdev/trivet/sim"
	"github.com/trivetdev/trivet/sim/simtest"
)

// The card network renews a card under its payment method; what was charged
// before was charged to the old one.
func TestAChargeShowsTheCardAsItWas(t *testing.T) {
	w, c := shop(t)
	cus, _ := subscribed(t, w, NewSubscription{Card: CardGood})
	path := "/v1/payment_intents/" + payments(w, cus)[0].ID + "?expand[]=latest_charge"
	const field = "latest_charge.payment_method_details.card.last4"
	before := c.get(path).str(field)
	customer, _ := w.all[cus].(*customer)
	w.liveCardUpdate(customer)
	if after := c.get(path).str(field); before == "" || after != before {
		t.Errorf("the charge was to card %q and is now to %q", before, after)
	}
	if customer.pays.last4 == before {
		t.Error("the card was not renewed")
	}
}

func TestRefunds(t *testing.T) {
	w, c := shop(t)
	cus, _ := subscribed(t, w, NewSubscription{Card: CardGood})
	pi := payments(w, cus)[0].ID
	first := c.post("/v1/refunds", "payment_intent="+pi+"&amount=900&metadata[trivet_effect]=refund:1&reason=fraudulent")
	if first.str("status") != "succeeded" || first.num("amount") != 900 {
		t.Errorf("refund: %v", first.v)
	}
	c.do(400, "POST", "/v1/refunds", "payment_intent="+pi+"&amount=2001")
	c.post("/v1/refunds", "payment_intent="+pi)
	if e := c.do(400, "POST", "/v1/refunds", "payment_intent="+pi); e.str("error.code") != "charge_already_refunded" {
		t.Errorf("a third refund: %v", e.v)
	}
	if got := truthOf(t, w, pi)["refunded"]; got != "2900" {
		t.Errorf("refunded %s", got)
	}
	ch := c.get("/v1/charges?payment_intent=" + pi + "&expand[]=data.refunds").at("data.0")
	if ch.at("refunded").v != true || ch.num("amount_refunded") != 2900 || len(ch.rows("refunds.data")) != 2 {
		t.Errorf("charge: %v", ch.v)
	}
	must(t, w.FailRefund(first.str("id")))
	if got := truthOf(t, w, pi)["refunded"]; got != "2000" {
		t.Errorf("after one failed: refunded %s", got)
	}
	wantStatus(t, w, first.str("id"), "failed")
	wantEvents(t, w, "refund.created", "charge.refunded", "refund.failed", "refund.updated")
	if n := len(c.get("/v1/refunds?payment_intent=" + pi).rows("data")); n != 2 {
		t.Errorf("%d refunds listed", n)
	}
	var sum int64
	for _, e := range w.Effects() {
		sum += e.Amount
	}
	if sum != 2900 || w.Effects()[0].Key != "refund:1" || w.Effects()[0].Object != pi {
		t.Errorf("effects: %v", w.Effects())
	}
}

func TestRefundOfADebitIsPending(t *testing.T) {
	w, _ := shop(t)
	cus, _ := subscribed(t, w, NewSubscription{Card: CardDebit})
	w.Advance(start.AddDate(0, 0, 8))
	id, err := w.Refund(payments(w, cus)[0].ID, 0)
	must(t, err)
	wantStatus(t, w, id, "pending")
	w.Advance(start.AddDate(0, 0, 14))
	wantStatus(t, w, id, "succeeded")
}

func TestDisputes(t *testing.T) {
	for name, tc := range map[string]struct {
		inquiry bool
		act     func(w *Server, id string) error
		status  string
		truth   string
	}{
		"lost by default": {false, func(w *Server, _ string) error { w.Advance(start.AddDate(0, 0, 30)); return nil }, "lost", "lost"},
		"won":             {false, func(w *Server, id string) error { return w.RuleDispute(id, "won") }, "won", "won"},
		"prevented":       {false, func(w *Server, id string) error { return w.RuleDispute(id, "prevented") }, "prevented", "won"},
		"contested":       {false, (*Server).ContestDispute, "under_review", "open"},
		"inquiry":         {true, (*Server).ContestDispute, "warning_under_review", "inquiry"},
		"closed inquiry":  {true, func(w *Server, id string) error { return w.RuleDispute(id, "warning_closed") }, "warning_closed", "won"},
		"escalated":       {true, (*Server).EscalateDispute, "needs_response", "open"},
	} {
		w, c := shop(t)
		cus, _ := subscribed(t, w, NewSubscription{Card: CardGood})
		pi := payments(w, cus)[0].ID
		id, err := w.OpenDispute(pi, "fraudulent", tc.inquiry)
		must(t, err)
		must(t, tc.act(w, id))
		if got := c.get("/v1/disputes/" + id).str("status"); got != tc.status {
			t.Errorf("%s: status %s", name, got)
		}
		wantStatus(t, w, id, tc.truth)
		want := 200
		if tc.truth == "open" || tc.truth == "lost" {
			want = 400
		}
		c.do(want, "POST", "/v1/refunds", "payment_intent="+pi+"&amount=1")
		if got := truthOf(t, w, pi)["disputed"]; got != tc.truth {
			t.Errorf("%s: the payment is disputed %q", name, got)
		}
	}
}

func TestCloseDispute(t *testing.T) {
	w, c := shop(t)
	cus, _ := subscribed(t, w, NewSubscription{Card: CardGood})
	id, err := w.OpenDispute(payments(w, cus)[0].ID, "general", false)
	must(t, err)
	if got := c.post("/v1/disputes/"+id+"/close", ""); got.str("status") != "lost" {
		t.Errorf("closed: %v", got.v)
	}
	c.do(400, "POST", "/v1/disputes/"+id+"/close", "")
	if e := w.Effects(); len(e) != 1 || e[0].Op != sim.OpDisputeClose || e[0].Amount != 2900 {
		t.Errorf("effects: %v", e)
	}
	c.do(400, "POST", "/v1/refunds", "payment_intent="+payments(w, cus)[0].ID)
	wantEvents(t, w, "charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.closed")
}

func TestWarningIsSpentByARefund(t *testing.T) {
	w, c := shop(t)
	cus, _ := subscribed(t, w, NewSubscription{Card: CardGood})
	pi := payments(w, cus)[0].ID
	id, err := w.Warn(pi)
	must(t, err)
	if got := truthOf(t, w, id); got["actionable"] != "true" || got["payment"] != pi {
		t.Errorf("warning: %v", got)
	}
	c.post("/v1/refunds", "payment_intent="+pi)
	if got := truthOf(t, w, id)["actionable"]; got != "false" {
		t.Errorf("still actionable: %s", got)
	}
	wantEvents(t, w, "radar.early_fraud_warning.created", "radar.early_fraud_warning.updated")
}

// TestLifeCoversEverything runs a busy quarter and wants every turn of life to
// have happened.
func TestLifeCoversEverything(t *testing.T) {
	w := newWorld(Config{Seed: 2, Rates: DefaultLife()})
	w.Populate(300)
	seen := map[string]bool{}
	run(w, 60, func(r *http.Request) (int, error) {
		var e struct{ Type string }
		err := json.NewDecoder(r.Body).Decode(&e)
		seen[e.Type] = true
		return 200, err
	})
	for _, typ := range []string{"customer.deleted", "customer.subscription.paused", "customer.subscription.trial_will_end",
		"invoice.marked_uncollectible", "invoice.voided", "invoice.payment_action_required", "refund.failed",
		"charge.dispute.closed", "charge.dispute.funds_reinstated", "radar.early_fraud_warning.updated", "product.updated",
		"billing.future_thing.happened", "payment_intent.canceled", "charge.pending"} {
		if !seen[typ] {
			t.Errorf("no event %s", typ)
		}
	}
	have := map[string]bool{}
	for _, o := range w.Truth() {
		have[o.Kind+" "+o.Fields["status"]] = true
		have[o.Kind+" "+o.Fields["provider_status"]] = true
	}
	for _, want := range []string{
		"subscription active", "subscription past_due", "subscription paused", "subscription ended", "subscription incomplete_expired",
		"invoice draft", "invoice paid", "invoice void", "invoice uncollectible", "payment failed", "payment requires_action",
		"refund failed", "refund pending", "dispute won", "dispute lost", "dispute prevented",
	} {
		if !have[want] {
			t.Errorf("no %s in the world", want)
		}
	}
}

// TestSameSecondUpdatesDisagree looks for two updates of one object with one
// timestamp.
func TestSameSecondUpdatesDisagree(t *testing.T) {
	w := newWorld(Config{Seed: 2, Rates: Life{Flip: 0.5}})
	w.Populate(5)
	run(w, 10, simtest.Accept)
	seen, twice := map[string]string{}, 0
	defer w.enter()()
	for _, e := range rowsOf[*event](w, "event") {
		if e.typ != updated {
			continue
		}
		key := fmt.Sprint(e.object, e.created)
		if prev, ok := seen[key]; ok && prev != string(e.data) && e.created > start.Add(time.Hour).Unix() {
			twice++
		}
		seen[key] = string(e.data)
	}
	if twice == 0 {
		t.Error("no two updates within one second disagree")
	}
}

func TestImpossibleActsAreErrors(t *testing.T) {
	w, _ := shop(t)
	cus, sub := subscribed(t, w, NewSubscription{Card: CardGood})
	pi := payments(w, cus)[0].ID
	id, err := w.OpenDispute(pi, "general", false)
	must(t, err)
	must(t, w.CancelNow(sub))
	_, tooMuch := w.Refund(pi, 5000)
	_, noPrice := w.CreateSubscription(NewSubscription{Customer: cus, Price: "price_no"})
	for name, err := range map[string]error{
		"cancel an ended one":    w.PortalCancel(sub),
		"pause an ended one":     w.Pause(sub, "void", time.Time{}),
		"change an ended one":    w.Change(sub, "", 2),
		"escalate no inquiry":    w.EscalateDispute(id),
		"refund too much":        tooMuch,
		"subscribe to nothing":   noPrice,
		"unknown customer":       w.SetEmail("cus_no", "x@example.com"),
		"unknown invoice":        w.PayInvoice("in_no"),
		"a customer is no price": w.NewCard("price_pro_month", CardGood),
	} {
		if err == nil {
			t.Errorf("no error: %s", name)
		}
	}
}
