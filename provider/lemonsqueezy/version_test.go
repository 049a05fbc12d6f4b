package lemonsqueezy

import (
	"testing"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// What a look is proven by is the record. Where something is read from another
// record that changes at the same moment, no look is.
func TestWhatProvesALook(t *testing.T) {
	const updated = `,"updated_at":"2026-03-01T12:00:00.000000Z"`
	const order = `"customer_id":3,"currency":"USD","total":999,"status":"paid"` + updated
	const active = `"customer_id":3,"order_id":7,"variant_id":44,"renews_at":"2026-04-01T00:00:00Z","first_subscription_item":{"price_id":9,"quantity":2}` + updated
	begun := `,"included":[` + row("subscriptions", "5", `"order_id":7`) + `]`
	for name, tt := range map[string]struct {
		ref                        provider.Ref
		typ, id, attributes, event string
		more                       string
		want                       bool
	}{
		"customer":                              {refTo(billing.KindCustomer, "3"), "customers", "3", `"email":"a@b.test"` + updated, `"email":"a@b.test"` + updated, "", true},
		"customer, older":                       {refTo(billing.KindCustomer, "3"), "customers", "3", `"email":"a@b.test"` + updated, `"email":"c@d.test"` + updated, "", false},
		"subscription":                          {refTo(billing.KindSubscription, "1"), "subscriptions", "1", `"status":"active","urls":{"update_payment_method":"x"},` + active, `"status":"active","urls":{"update_payment_method":"y"},` + active, "", true},
		"its other status":                      {refTo(billing.KindSubscription, "1"), "subscriptions", "1", `"status":"active",` + active, `"status":"paused",` + active, "", false},
		"past due: since when, an invoice says": {refTo(billing.KindSubscription, "1"), "subscriptions", "1", `"status":"past_due",` + active, `"status":"past_due",` + active, "", false},
		"order of a subscription":               {refTo(billing.KindCheckout, "order-7"), "orders", "7", order, order, begun, true},
		"order: a subscription may not have come of it yet": {refTo(billing.KindCheckout, "order-7"), "orders", "7", order, order, `,"included":[]`, false},
		"the payment that an order is":                      {refTo(billing.KindPayment, "order-7"), "orders", "7", order, order, `,"included":[]`, false},
		"invoice":                                           {refTo(billing.KindInvoice, "9"), "subscription-invoices", "9", `"status":"paid","total":7` + updated, `"status":"paid","total":7` + updated, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			s, f := fetched(t, tt.ref, terms(map[string]string{
				"GET " + tt.typ + "/" + tt.id: one(tt.typ, tt.id, tt.attributes, tt.more), "GET subscription-invoices": list(1, 1),
			}))
			ref, shown := f.driver(t).Shown([]byte(`{"meta":{"event_name":"x"},"data":` + row(tt.typ, tt.id, tt.event) + `}`))
			if got := s.Version.Covers(shown); got != tt.want || shown.Facts == "" || ref.Account != "ls" {
				t.Errorf("covers: %v, want %v\nread  %+v\nshown %+v of %v", got, tt.want, s.Version, shown, ref)
			}
		})
	}
}
