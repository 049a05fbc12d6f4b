package stripe

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/trivetdev/trivet/sim"
	"github.com/trivetdev/trivet/sim/simtest"
)

// TestTruthMatchesTheAPI reads a lived-in world over its API alone and derives
// every row of the truth from the JSON, as a perfect service would.
func TestTruthMatchesTheAPI(t *testing.T) {
	w := newWorld(Config{Seed: 12, Rates: DefaultLife(), AfterRetries: "unpaid"})
	w.Populate(150)
	c := client{t: t, w: w}
	for i := range 12 {
		id := c.post("/v1/checkout/sessions", []string{monthly, pass}[i%2]).str("id")
		paid(t, w, id, []Card{CardGood, CardDebit, CardDeclined, CardAuthenticate}[i%4])
	}
	run(w, 40, simtest.Accept)
	want := map[string]sim.Object{}
	for _, o := range w.Truth() {
		want[o.ID] = o
	}
	got := map[string]map[string]string{}
	for path, derive := range derivations(c) {
		for row := range c.all(path) {
			got[row.str("id")] = derive(row)
		}
	}
	for id, o := range want {
		if o.Kind == sim.KindCustomer && o.Fields["deleted"] == "true" {
			got[id] = map[string]string{"deleted": strconv.FormatBool(c.get("/v1/customers/"+id).at("deleted").v == true)}
		}
		if !maps.Equal(got[id], o.Fields) {
			t.Errorf("%s %s\n truth %v\n   api %v", o.Kind, id, o.Fields, got[id])
		}
	}
	if len(want) < 800 || len(got) != len(want) {
		t.Errorf("%d rows of truth, %d objects over the API", len(want), len(got))
	}
}

// TestNoSilentChanges follows the webhooks of a perfect network: looking only at
// the objects that events name must be enough to know the whole truth.
func TestNoSilentChanges(t *testing.T) {
	w := newWorld(Config{Seed: 13, Rates: DefaultLife()})
	w.Populate(150)
	c := client{t: t, w: w}
	known := map[string]sim.Object{}
	look := func(id string) {
		if o, ok := w.TruthOf(id); ok {
			known[id] = o
		}
	}
	for i := range 12 {
		id := c.post("/v1/checkout/sessions", []string{monthly, pass}[i%2]).str("id")
		look(id)
		if i < 8 {
			paid(t, w, id, []Card{CardGood, CardDebit, CardDeclined, CardAuthenticate}[i%4])
		}
	}
	post := func(r *http.Request) (int, error) {
		var e struct {
			Data struct {
				Object struct {
					ID            string
					PaymentIntent string `json:"payment_intent"`
				}
			}
		}
		err := json.NewDecoder(r.Body).Decode(&e)
		look(e.Data.Object.ID)
		look(e.Data.Object.PaymentIntent)
		return 200, err
	}
	run(w, 40, post)
	// The last news are still on their way.
	w.Advance(w.clock.Now().Add(10 * time.Second))
	w.Deliver(context.Background(), post)
	for _, o := range w.Truth() {
		if !maps.Equal(known[o.ID].Fields, o.Fields) {
			t.Errorf("%s %s changed silently\n truth %v\n known %v", o.Kind, o.ID, o.Fields, known[o.ID].Fields)
		}
	}
}

// all yields every row of a list, page by page.
func (c client) all(path string) func(func(tree) bool) {
	return func(yield func(tree) bool) {
		for after := ""; ; {
			page := c.get(path + "&limit=100" + after)
			for _, r := range page.rows("data") {
				if !yield(r) {
					return
				}
				after = "&starting_after=" + r.str("id")
			}
			if page.at("has_more").v != true {
				return
			}
		}
	}
}

func num(r tree, path string) string { return amount(r.num(path)) }

func when(r tree, path string) string {
	if r.at(path).v == nil {
		return ""
	}
	return time.Unix(r.num(path), 0).UTC().Format(time.RFC3339)
}

func disputeOf(status string) string {
	return map[string]string{
		"warning_needs_response": "inquiry", "warning_under_review": "inquiry", "warning_closed": "won", "prevented": "won",
		"needs_response": "open", "under_review": "open", "won": "won", "lost": "lost",
	}[status]
}

// derivations say how a row of the truth follows from an object of each list.
func derivations(c client) map[string]func(tree) map[string]string {
	return map[string]func(tree) map[string]string{
		"/v1/customers?": func(r tree) map[string]string {
			return map[string]string{"email": r.str("email"), "deleted": "false"}
		},
		"/v1/subscriptions?status=all": func(r tree) map[string]string {
			status := map[string]string{"canceled": "ended", "incomplete_expired": "ended", "incomplete": "pending"}[r.str("status")]
			if status == "" {
				status = r.str("status")
			}
			ahead := ""
			if len(r.rows("discounts")) > 0 || r.at("schedule").v != nil {
				ahead = "something, which TestAhead is about"
			}
			if r.at("pause_collection").v != nil && status != "ended" {
				status = "paused"
			}
			it := r.at("items.data.0")
			return map[string]string{
				"status": status, "provider_status": r.str("status"), "current_period_start": when(it, "current_period_start"),
				"current_period_end": when(it, "current_period_end"), "trial_end": when(r, "trial_end"), "cancel_at": when(r, "cancel_at"),
				"price": it.str("price.id"), "quantity": num(it, "quantity"), "currency": r.str("currency"),
				"amount": amount(it.num("price.unit_amount") * it.num("quantity")), "ahead": ahead,
			}
		},
		"/v1/invoices?": func(r tree) map[string]string {
			return map[string]string{
				"status": r.str("status"), "amount_due": num(r, "amount_due"), "amount_paid": num(r, "amount_paid"),
				"currency": r.str("currency"), "subscription": r.str("parent.subscription_details.subscription"),
			}
		},
		"/v1/payment_intents?expand[]=data.latest_charge": func(r tree) map[string]string {
			status := r.str("status")
			switch {
			case status == "requires_payment_method" && r.at("last_payment_error").v != nil:
				status = "failed"
			case status == "requires_payment_method", status == "processing":
				status = "pending"
			}
			d := c.get("/v1/disputes?payment_intent=" + r.str("id"))
			return map[string]string{
				"status": status, "amount": num(r, "amount"), "refunded": num(r, "latest_charge.amount_refunded"),
				"currency": r.str("currency"), "disputed": disputeOf(d.str("data.0.status")),
			}
		},
		"/v1/refunds?": func(r tree) map[string]string {
			return map[string]string{
				"status": r.str("status"), "amount": num(r, "amount"), "currency": r.str("currency"), "payment": r.str("payment_intent"),
			}
		},
		"/v1/disputes?": func(r tree) map[string]string {
			return map[string]string{
				"status": disputeOf(r.str("status")), "provider_status": r.str("status"), "amount": num(r, "amount"),
				"currency": r.str("currency"), "payment": r.str("payment_intent"),
			}
		},
		"/v1/checkout/sessions?": func(r tree) map[string]string {
			return map[string]string{"status": r.str("status"), "payment_status": r.str("payment_status")}
		},
		"/v1/radar/early_fraud_warnings?": func(r tree) map[string]string {
			return map[string]string{"actionable": strconv.FormatBool(r.at("actionable").v == true), "payment": r.str("payment_intent")}
		},
	}
}
