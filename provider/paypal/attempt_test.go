package paypal

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
)

// Of a capture the order tells who paid; of a sale nothing here does, and nothing is
// made up. Money that is still on its way is no attempt that ended.
func TestAttempts(t *testing.T) {
	order := `{"id":"O1","status":"COMPLETED","create_time":"2026-03-01T10:00:00Z","payer":{"payer_id":"PAYER1"},"purchase_units":[{"amount":{"currency_code":"EUR","value":"10.00"}}]}`
	capture := func(status string) map[string]string {
		return map[string]string{
			"/v2/payments/captures/C1": `{"id":"C1","status":"` + status + `","amount":{"currency_code":"EUR","value":"10.00"},"create_time":"2026-03-01T10:05:00Z",` +
				`"supplementary_data":{"related_ids":{"order_id":"O1"}}}`,
			"/v2/checkout/orders/O1": order,
		}
	}
	sale := func(state string) map[string]string {
		return map[string]string{"/v1/payments/sale/C1": `{"id":"C1","state":"` + state + `","amount":{"currency":"EUR","total":"10.00"},"create_time":"2026-03-01T10:05:00Z","billing_agreement_id":"I-1"}`}
	}
	for name, test := range map[string]struct {
		answers map[string]string
		told    bool
		payer   string
		decline *billing.Decline
	}{
		"captured":         {capture("COMPLETED"), true, "PAYER1", nil},
		"declined":         {capture("DECLINED"), true, "PAYER1", &billing.Decline{Code: "DECLINED"}},
		"on its way":       {capture("PENDING"), false, "", nil},
		"renewed":          {sale("completed"), true, "", nil},
		"renewal denied":   {sale("denied"), true, "", &billing.Decline{Code: "DENIED"}},
		"an eCheck coming": {sale("pending"), false, "", nil},
	} {
		s := fetched(t, billing.KindPayment, "C1", test.answers)
		var want []billing.Attempt
		if test.told {
			want = []billing.Attempt{{
				ID: "C1", Payment: "C1", At: s.Object.(billing.Payment).CreatedAt, Method: "paypal", Payer: test.payer, Decline: test.decline,
			}}
		}
		if diff := cmp.Diff(want, s.Attempts); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}
