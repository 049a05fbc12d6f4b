package paypal

import (
	"testing"

	"github.com/trivetdev/trivet/billing"
)

// Money for a month before came after the suspension for a later one. Canceled then,
// nothing is paid for any more, and the note says so: afterwards PayPal tells only when
// money last came.
func TestCancelOneSuspendedForFailures(t *testing.T) {
	const late = `"last_payment":{"time":"2026-03-02T10:20:00Z"},"failed_payments_count":0`
	f := &fake{answers: map[string]reply{
		"GET /v1/billing/subscriptions/I-1":         {body: owing(agreement("SUSPENDED", "", late+`,"next_billing_time":"2026-03-15T10:00:00Z"`, ""))},
		"POST /v1/billing/subscriptions/I-1/cancel": {status: 204},
	}}
	if err := f.driver(t).CancelAtPeriodEnd(t.Context(), refTo(billing.KindSubscription, "I-1"), "k"); err != nil {
		t.Fatal(err)
	}
	note, _ := f.last().body["reason"].(string)
	if note != dated(noteUntil, day(2, 15)) {
		t.Fatalf("canceled with the note %q", note)
	}
	s := fetched(t, billing.KindSubscription, "I-1", map[string]string{
		"/v1/billing/subscriptions/I-1": owing(agreement("CANCELLED", `,"status_change_note":"`+note+`"`, late, "")),
	})
	if s.Object.State() != string(billing.SubscriptionEnded) {
		t.Errorf("it is %+v", s.Object)
	}
}
