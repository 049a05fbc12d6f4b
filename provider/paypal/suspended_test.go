package paypal

import (
	"slices"
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

// An eCheck that was sent near the end of a month clears in the next one. Where no more
// is charged for since, it does not pay for that: it was for the month before. Nobody
// left a note of until when was paid.
func TestMoneyBeyondTheLastCycle(t *testing.T) {
	const (
		before = `"last_payment":{"time":"2026-03-13T10:20:00Z"}`
		beyond = `"last_payment":{"time":"2026-03-16T10:20:00Z"}`
		later  = `"last_payment":{"time":"2026-03-18T10:20:00Z"}`
		broke  = `,"status_change_note":"Customer asked for a break"`
	)
	for name, tt := range map[string]struct {
		json, moved string
		end         time.Time
	}{
		"canceled in the month":        {agreement("CANCELLED", "", beyond, ""), "2026-03-13T15:10:03Z", day(3, 15)},
		"canceled on its last day":     {agreement("CANCELLED", "", beyond, ""), "2026-03-15T09:00:00Z", day(3, 15)},
		"canceled in the next":         {agreement("CANCELLED", "", later, ""), "2026-03-16T00:00:00Z", day(4, 15)},
		"it came before":               {agreement("CANCELLED", "", before, ""), "2026-03-14T00:00:00Z", day(3, 15)},
		"charged before, then so":      {agreement("CANCELLED", "", beyond, ""), "2026-03-17T00:00:00Z", day(4, 15)},
		"suspended in its last month":  {agreement("SUSPENDED", broke, beyond, ""), "2026-03-13T15:10:03Z", day(3, 15)},
		"suspended after it":           {agreement("SUSPENDED", broke, later, ""), "2026-03-16T00:00:00Z", day(4, 15)},
		"expired at the end":           {agreement("EXPIRED", "", beyond, ""), "2026-03-15T10:00:00Z", day(3, 15)},
		"expired, and it came before":  {agreement("EXPIRED", "", before, ""), "2026-03-15T10:00:00Z", day(3, 15)},
		"nobody says when it was over": {agreement("CANCELLED", "", beyond, ""), "", day(4, 15)},
	} {
		json := strings.Replace(tt.json, `"2026-03-01T00:00:00Z"`, `"`+tt.moved+`"`, 1)
		if tt.moved == "" {
			json = strings.Replace(tt.json, `"status_update_time":"2026-03-01T00:00:00Z",`, "", 1)
		}
		s := fetched(t, billing.KindSubscription, "I-1", map[string]string{"/v1/billing/subscriptions/I-1": json})
		if got, ok := s.Object.(billing.Subscription); !ok || !got.PeriodEnd.Equal(tt.end) {
			t.Errorf("%s: it is paid for until %s, want %s", name, got.PeriodEnd, tt.end)
		}
	}
}

// We cancel one that was suspended when such an eCheck was on its way: the note that
// stays says until when was really paid.
func TestCancelOneSuspendedBeforeItsMoney(t *testing.T) {
	paused := agreement("SUSPENDED", `,"status_change_note":"Paused by Trivet."`, `"last_payment":{"time":"2026-02-16T10:20:00Z"},"next_billing_time":"2026-02-15T10:00:00Z"`, "")
	f := &fake{answers: map[string]reply{
		"GET /v1/billing/subscriptions/I-1":         {body: strings.Replace(paused, "2026-03-01T00:00:00Z", "2026-02-14T12:00:00Z", 1)},
		"POST /v1/billing/subscriptions/I-1/cancel": {status: 204},
	}}
	if err := f.driver(t).CancelAtPeriodEnd(t.Context(), refTo(billing.KindSubscription, "I-1"), "k"); err != nil {
		t.Fatal(err)
	}
	if note, _ := f.last().body["reason"].(string); note != dated(noteUntil, day(2, 15)) {
		t.Errorf("canceled with the note %q", note)
	}
}

// TestActivatedAgainAndCanceled: whoever activates one anew that was suspended for
// failures sets their count to 0, as money does. What was paid on time before is not
// taken for late money of the month before that.
func TestActivatedAgainAndCanceled(t *testing.T) {
	for paid, end := range map[string]time.Time{
		"2026-02-15T10:34:27Z": day(3, 15), // on time
		"2026-02-20T10:34:27Z": day(3, 15), // a second try
		"2026-02-16T10:36:00Z": day(2, 15), // an eCheck of the month before
	} {
		json := owing(agreement("CANCELLED", "", `"last_payment":{"time":"`+paid+`"},"failed_payments_count":0`, ""))
		json = strings.Replace(json, `"payment_failure_threshold"`, `"auto_bill_outstanding":true,"payment_failure_threshold"`, 1)
		s := fetched(t, billing.KindSubscription, "I-1", map[string]string{"/v1/billing/subscriptions/I-1": json})
		if got, ok := s.Object.(billing.Subscription); !ok || !got.PeriodEnd.Equal(end) {
			t.Errorf("paid %s: it is paid for until %s, want %s", paid, got.PeriodEnd, end)
		}
	}
}

// How a subscription was bought is looked at along with it until it is paid, however
// late that is: one that was suspended over its first payment may be activated again.
func TestPaidLate(t *testing.T) {
	cycles := func(n string) string {
		return `,"cycle_executions":[{"tenure_type":"REGULAR","sequence":1,"cycles_completed":` + n + `}]`
	}
	const yesterday = `"last_payment":{"time":"2026-03-09T10:20:00Z"}`
	for name, tt := range map[string]struct {
		json string
		want bool
	}{
		"never paid":          {agreement("SUSPENDED", "", `"failed_payments_count":3`, ""), true},
		"without a bill":      {agreement("CANCELLED", "", "", ""), true},
		"paid at last":        {agreement("ACTIVE", "", yesterday+cycles("1"), ""), true},
		"one of many cycles":  {agreement("ACTIVE", "", yesterday+cycles("4"), ""), false},
		"paid some time ago":  {agreement("ACTIVE", "", lastFebruary+cycles("1"), ""), false},
		"young, and not paid": {strings.Replace(agreement("ACTIVE", "", yesterday+cycles("9"), ""), `"create_time":"2026-01-15`, `"create_time":"2026-03-01`, 1), true},
	} {
		s := fetched(t, billing.KindSubscription, "I-1", map[string]string{"/v1/billing/subscriptions/I-1": tt.json})
		if got := slices.Contains(s.Related, refTo(billing.KindCheckout, "I-1")); got != tt.want {
			t.Errorf("%s: its approval is looked at: %v", name, got)
		}
	}
}
