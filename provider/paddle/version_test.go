package paddle

import (
	"testing"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// What a look is proven by is the record. A transaction of which some went back does
// not say how much: no look at it is proven. What an adjustment says is not said of
// its transaction.
func TestWhatProvesALook(t *testing.T) {
	const updated = `,"updated_at":"2026-04-01T11:32:00.5Z"`
	paid := transactionJSON("completed", "api", `,"payments":[`+goodAttempt+`]`+updated)
	back := transactionJSON("completed", "api", `,"payments":[`+goodAttempt+`],"adjustments":[{"id":"adj_1","action":"refund","status":"approved","currency_code":"USD","totals":{"total":"100"}}]`+updated)
	adjustment := func(action, status string) string {
		return `{"id":"adj_1","action":"` + action + `","status":"` + status + `","transaction_id":"txn_1","customer_id":"ctm_1","currency_code":"USD","totals":{"total":"100"}` + updated + `}`
	}
	for name, tt := range map[string]struct {
		kind              billing.Kind
		id, object, event string
		data              string
		want              bool
	}{
		"transaction":             {billing.KindPayment, "txn_1", paid, "transaction.completed", paid, true},
		"transaction, older":      {billing.KindPayment, "txn_1", transactionJSON("paid", "api", updated), "transaction.completed", paid, false},
		"some went back":          {billing.KindPayment, "txn_1", back, "transaction.updated", back, false},
		"refund":                  {billing.KindRefund, "adj_1", adjustment("refund", "approved"), "adjustment.updated", adjustment("refund", "approved"), true},
		"refund, older":           {billing.KindRefund, "adj_1", adjustment("refund", "pending_approval"), "adjustment.updated", adjustment("refund", "approved"), false},
		"a chargeback's reversal": {billing.KindPayment, "txn_1", paid, "adjustment.created", adjustment("chargeback_reverse", "approved"), false},
		"customer":                {billing.KindCustomer, "ctm_1", `{"id":"ctm_1","email":"a@b.test"` + updated + `}`, "customer.updated", `{"id":"ctm_1","email":"a@b.test"` + updated + `}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := fetched(t, tt.kind, tt.id, tt.object)
			ref, shown := newDriver(t, nil).Shown([]byte(`{"event_type":"` + tt.event + `","data":` + tt.data + `}`))
			if got := s.Version.Covers(shown); got != tt.want || shown != (provider.Version{}) && ref != s.Ref {
				t.Errorf("covers: %v, want %v\nread  %+v of %v\nshown %+v of %v", got, tt.want, s.Version, s.Ref, shown, ref)
			}
		})
	}
}
