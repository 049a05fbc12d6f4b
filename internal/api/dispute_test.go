package api_test

import (
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/sim"
	"github.com/trivetdev/trivet/sim/stripe"
)

// dispute lets a customer contest their payment, and names {dispute}.
func (w *world) dispute(customer string) {
	w.t.Helper()
	id, err := w.stripe.OpenDispute(w.names["pay_id"], "product_not_received", false)
	if err != nil {
		w.t.Fatal(err)
	}
	w.name("dispute", id+"@stripe")
	w.pass(10 * time.Minute)
	w.learn(customer)
}

// TestEvidence: what our records say about a contested payment, as data and in words;
// of a dispute that there is not, or that is nobody's, there is none.
func TestEvidence(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		w := newWorld(t, database, greeting)
		w.must("PUT /v1/customers/user_1", `{"email":"a@b.test"}`)
		w.subscribe("user_1")
		w.dispute("user_1")
		id, _, _ := strings.Cut(w.names["dispute"], "@")
		r := w.must("GET /v1/disputes/"+id+"/evidence", "")
		for _, want := range []string{
			`"id":"` + w.names["dispute"], `"customer":"user_1"`, `"status":"open"`, `"reason":"product_not_received"`, `"amount":2900,"currency":"EUR"`,
			`"payment":{"id":"` + w.names["pay"], `"tries":[{"at":"2026-03-01T12:`, `"plan":"pro"`, `"subscription":"` + w.names["sub"], `"canceled_at":null`, `"earlier":[]`,
			`"messages":[{"at":"2026-03-01T12:`, `Dispute ` + id + ` of stripe, over 29.00 EUR`, `Messages that were sent to the customer`,
		} {
			if !strings.Contains(r.body, want) {
				t.Errorf("%s is missing in %s", want, r.body)
			}
		}
		if strings.Contains(r.field("text").(string), "a@b.test") {
			t.Error("the words tell the address")
		}
		if r := w.do("GET /v1/disputes/dp_none/evidence", ""); r.status != 404 || !strings.Contains(r.body, "POST /v1/reconcile finds it") {
			t.Errorf("one that there is not: %d %s", r.status, r.body)
		}
		stranger, err := w.stripe.CreateSubscription(stripe.NewSubscription{Customer: w.stripe.CreateCustomer("z@y.test"), Price: w.names["pro_price"], Card: stripe.CardGood})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range w.stripe.Truth() {
			if o.Kind == sim.KindPayment && o.ID != w.names["pay_id"] {
				if id, err = w.stripe.OpenDispute(o.ID, "fraudulent", false); err != nil {
					t.Fatal(err)
				}
			}
		}
		w.pass(10 * time.Minute)
		if r := w.do("GET /v1/disputes/"+id+"/evidence", ""); r.status != 409 || !strings.Contains(r.body, "GET /v1/unlinked") {
			t.Errorf("that of nobody's %s: %d %s", stranger, r.status, r.body)
		}
	})
}
