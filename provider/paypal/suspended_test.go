package paypal

import (
	"strings"
	"testing"
	"time"

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
	canceled := owing(agreement("CANCELLED", `,"status_change_note":"`+note+`"`, late, ""))
	s := fetched(t, billing.KindSubscription, "I-1", map[string]string{ // canceled after the money had come
		"/v1/billing/subscriptions/I-1": strings.Replace(canceled, "2026-03-01T00:00:00Z", "2026-03-02T12:00:00Z", 1),
	})
	if s.Object.State() != string(billing.SubscriptionEnded) {
		t.Errorf("it is %+v", s.Object)
	}
}

// The same, canceled by the payer at PayPal, who leaves no note: that it came late
// shows only in that something is outstanding although no charge has failed since.
func TestCanceledAfterLateMoney(t *testing.T) {
	const late = `"last_payment":{"time":"2026-03-16T10:20:00Z"},"failed_payments_count":0`
	canceled := func(json string) string {
		json = strings.Replace(json, `"payment_failure_threshold"`, `"auto_bill_outstanding":true,"payment_failure_threshold"`, 1)
		return strings.Replace(json, "2026-03-01T00:00:00Z", "2026-03-20T00:00:00Z", 1)
	}
	for name, tt := range map[string]struct {
		json string
		end  time.Time
	}{
		"for the month before": {owing(agreement("CANCELLED", "", late, "")), day(3, 15)},
		"for this month":       {agreement("CANCELLED", "", late, ""), day(4, 15)},
	} {
		s := fetched(t, billing.KindSubscription, "I-1", map[string]string{"/v1/billing/subscriptions/I-1": canceled(tt.json)})
		if got, ok := s.Object.(billing.Subscription); !ok || !got.PeriodEnd.Equal(tt.end) {
			t.Errorf("%s: it is paid for until %s, want %s", name, got.PeriodEnd, tt.end)
		}
	}
}

// An eCheck was on its way when we canceled, and our note says until when was paid
// without it. It cleared: what it paid for counts, although the note stays.
func TestMoneyAfterTheCancellation(t *testing.T) {
	note := func(until time.Time) string { return `,"status_change_note":"` + dated(noteUntil, until) + `"` }
	for name, tt := range map[string]struct {
		json string
		end  time.Time
	}{
		"for the month that ran":     {agreement("CANCELLED", note(day(2, 15)), `"last_payment":{"time":"2026-03-03T10:20:00Z"}`, ""), day(3, 15)},
		"for one before":             {owing(agreement("CANCELLED", note(day(1, 15)), `"last_payment":{"time":"2026-03-03T10:20:00Z"}`, "")), day(2, 15)},
		"it came before":             {agreement("CANCELLED", note(day(2, 15)), `"last_payment":{"time":"2026-02-20T10:20:00Z"}`, ""), day(2, 15)},
		"the month was paid already": {agreement("CANCELLED", note(day(3, 15)), `"last_payment":{"time":"2026-03-03T10:20:00Z"}`, ""), day(3, 15)},
	} {
		s := fetched(t, billing.KindSubscription, "I-1", map[string]string{"/v1/billing/subscriptions/I-1": tt.json})
		if got, ok := s.Object.(billing.Subscription); !ok || !got.PeriodEnd.Equal(tt.end) {
			t.Errorf("%s: it is paid for until %s, want %s", name, got.PeriodEnd, tt.end)
		}
	}
}
