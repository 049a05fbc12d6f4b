package api

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
)

// Why a charge failed is told where only the subscription does.
func TestFailureOfSubscription(t *testing.T) {
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for want, failure := range map[string]*billing.Failure{
		`null`: nil,
		`{"at":"2026-03-02T12:00:00Z","code":"PAYER_CANNOT_PAY","next_attempt":"2026-03-07T12:00:00Z"}`: {At: at, Decline: billing.Decline{Code: "PAYER_CANNOT_PAY"}, NextAttempt: at.AddDate(0, 0, 5)},
		`{"at":"2026-03-02T12:00:00Z","code":"","next_attempt":null}`:                                   {At: at},
	} {
		doc, err := json.Marshal(billing.Subscription{Status: billing.SubscriptionPastDue, Failure: failure})
		if err != nil {
			t.Fatal(err)
		}
		row, err := subscriptionOf(billing.Catalog{}, store.Object{Account: "paypal", Kind: string(billing.KindSubscription), ID: "I-1", Doc: string(doc)})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(row.Failure); err != nil || string(got) != want {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
	}
}
