package paypal

import (
	"strings"
	"testing"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// What a look is proven by is the record. A payment of which some went back does not
// say how much: no look at it is proven.
func TestWhatProvesALook(t *testing.T) {
	const times = `,"create_time":"2026-03-01T10:00:00Z","update_time":"2026-03-01T11:00:00Z"`
	sale := func(state string) string {
		return `{"id":"S1","state":"` + state + `","amount":{"currency":"USD","total":"9.99"},"billing_agreement_id":"I-1"` + times + `}`
	}
	refund := `{"id":"R1","status":"COMPLETED","amount":{"currency_code":"USD","value":"3.00"},"links":[{"rel":"up","href":"https://x.test/v2/payments/captures/S1"}]` + times + `}`
	subscription := agreement("ACTIVE", `,"update_time":"2026-03-01T11:00:00Z"`, lastFebruary+`,"next_billing_time":"2026-03-15T10:00:00Z"`, "")
	inEvent := subscription[:strings.Index(subscription, `,"plan":`)] + "}"
	for name, tt := range map[string]struct {
		kind                            billing.Kind
		id, path, body, event, resource string
		want                            bool
	}{
		"sale":                       {billing.KindPayment, "S1", "/v1/payments/sale/S1", sale("completed"), "PAYMENT.SALE.COMPLETED", sale("completed"), true},
		"sale, older":                {billing.KindPayment, "S1", "/v1/payments/sale/S1", sale("pending"), "PAYMENT.SALE.COMPLETED", sale("completed"), false},
		"sale, some of it back":      {billing.KindPayment, "S1", "/v1/payments/sale/S1", sale("partially_refunded"), "PAYMENT.SALE.COMPLETED", sale("partially_refunded"), false},
		"refund":                     {billing.KindRefund, "R1", "/v2/payments/refunds/R1", refund, "PAYMENT.CAPTURE.REFUNDED", refund, true},
		"refund, in its older form":  {billing.KindRefund, "R1", "/v2/payments/refunds/R1", refund, "PAYMENT.SALE.REFUNDED", `{"id":"R1","state":"completed","amount":{"currency":"USD","total":"-3.00"},"sale_id":"S1"` + times + `}`, true},
		"refund, under way":          {billing.KindRefund, "R1", "/v2/payments/refunds/R1", refund, "PAYMENT.SALE.REFUNDED", `{"id":"R1","state":"pending","amount":{"currency":"USD","total":"3.00"},"sale_id":"S1"` + times + `}`, false},
		"subscription":               {billing.KindSubscription, "I-1", "/v1/billing/subscriptions/I-1", subscription, "BILLING.SUBSCRIPTION.UPDATED", inEvent, true},
		"subscription, another plan": {billing.KindSubscription, "I-1", "/v1/billing/subscriptions/I-1", subscription, "BILLING.SUBSCRIPTION.UPDATED", strings.Replace(inEvent, `"P-1"`, `"P-2"`, 1), false},
		"what nobody looks at":       {billing.KindSubscription, "I-1", "/v1/billing/subscriptions/I-1", subscription, "BILLING.PLAN.UPDATED", inEvent, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := fetched(t, tt.kind, tt.id, map[string]string{
				tt.path: tt.body, "/v1/reporting/transactions": `{"transaction_details":[],"total_pages":1}`, "/v1/notifications/webhooks-events": `{"events":[]}`,
			})
			ref, shown := (&fake{}).driver(t).Shown([]byte(`{"event_type":"` + tt.event + `","resource":` + tt.resource + `}`))
			if got := s.Version.Covers(shown); got != tt.want || shown != (provider.Version{}) && ref != s.Ref {
				t.Errorf("covers: %v, want %v\nread  %+v of %v\nshown %+v of %v", got, tt.want, s.Version, s.Ref, shown, ref)
			}
		})
	}
}
