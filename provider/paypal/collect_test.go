package paypal

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// debtor has not paid since February 15th, and PayPal does not try again.
const debtor = `"last_payment":{"time":"2026-01-15T10:20:00Z"},"failed_payments_count":3,"next_billing_time":"2026-03-15T10:00:00Z",` +
	`"last_failed_payment":{"amount":{"currency_code":"USD","value":"14.99"},"time":"2026-02-25T10:00:00Z","reason_code":"PAYER_CANNOT_PAY"}`

// lenient lets an agreement's plan suspend nobody and say whether what is outstanding is
// added to the next charge.
func lenient(json, auto string) string {
	return strings.Replace(json, `"payment_failure_threshold":3`, `"payment_failure_threshold":0`+auto, 1)
}

const (
	addsNothing = `,"auto_bill_outstanding":false`
	addsIt      = `,"auto_bill_outstanding":true`
)

// What is owed and can be collected, by what PayPal says of it.
func TestCollectible(t *testing.T) {
	retry := func(json string) string {
		return strings.Replace(json, `"reason_code"`, `"next_payment_retry_time":"2026-03-12T10:00:00Z","reason_code"`, 1)
	}
	for name, tt := range map[string]struct {
		json string
		want billing.Failure
		why  string
	}{
		"left to us":           {lenient(owing(agreement("ACTIVE", "", debtor, "")), addsNothing), billing.Failure{Owed: billing.Money{Amount: 1499, Currency: "USD"}}, ""},
		"added to the next":    {lenient(owing(agreement("ACTIVE", "", debtor, "")), addsIt), billing.Failure{NextAttempt: day(3, 15)}, "adds"},
		"not told":             {lenient(owing(agreement("ACTIVE", "", debtor, "")), ""), billing.Failure{}, "adds"},
		"tried again by them":  {retry(lenient(owing(agreement("ACTIVE", "", debtor, "")), addsNothing)), billing.Failure{NextAttempt: day(3, 12)}, "tries again at 2026-03-12"},
		"suspended for it":     {strings.Replace(owing(agreement("SUSPENDED", "", debtor, "")), `_threshold":3`, `_threshold":3`+addsNothing, 1), billing.Failure{}, "SUSPENDED"},
		"the next is due soon": {lenient(owing(agreement("ACTIVE", "", strings.Replace(debtor, "2026-03-15", "2026-03-11", 1), "")), addsNothing), billing.Failure{Owed: billing.Money{Amount: 1499, Currency: "USD"}}, "about to come"},
	} {
		tt.want.At, tt.want.Decline, tt.want.Tries = day(2, 25), billing.Decline{Code: "PAYER_CANNOT_PAY"}, 3
		s := fetched(t, billing.KindSubscription, "I-1", map[string]string{"/v1/billing/subscriptions/I-1": tt.json})
		if diff := cmp.Diff(&tt.want, s.Object.(billing.Subscription).Failure); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		f := &fake{answers: map[string]reply{
			"GET /v1/billing/subscriptions/I-1":          {body: tt.json},
			"POST /v1/billing/subscriptions/I-1/capture": {body: `{"id":"T1","status":"COMPLETED"}`},
		}}
		err := f.driver(t).Collect(t.Context(), refTo(billing.KindSubscription, "I-1"), "k")
		if tt.why == "" {
			want := map[string]any{"note": "What is still to be paid.", "capture_type": "OUTSTANDING_BALANCE", "amount": map[string]any{"currency_code": "USD", "value": "14.99"}}
			if diff := cmp.Diff(want, f.last().body); err != nil || diff != "" || f.last().header.Get("PayPal-Request-Id") != "k" {
				t.Errorf("%s: %v, key %q\n%s", name, err, f.last().header.Get("PayPal-Request-Id"), diff)
			}
		} else if provider.KindOf(err) != provider.Refused || !strings.Contains(err.Error(), tt.why) || f.last().method != "GET" {
			t.Errorf("%s: %v after %s", name, err, f.last().method)
		}
	}
}

// How PayPal answers, and what is said of it.
func TestCollectAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		answer reply
		kind   provider.ErrorKind
		code   string
	}{
		"an eCheck":         {reply{body: `{"id":"T1","status":"PENDING"}`}, "", ""},
		"accepted, no more": {reply{status: 202}, "", ""},
		"nothing is owed":   {reply{422, `{"name":"UNPROCESSABLE_ENTITY","details":[{"issue":"ZERO_OUTSTANDING_BALANCE"}]}`}, "", ""},
		"declined":          {reply{body: `{"id":"T1","status":"DECLINED"}`}, provider.Refused, "DECLINED"},
		"a limited payer":   {reply{422, `{"name":"UNPROCESSABLE_ENTITY","details":[{"issue":"SUBSCRIBER_ACCOUNT_RESTRICTED"}]}`}, provider.Refused, "SUBSCRIBER_ACCOUNT_RESTRICTED"},
	} {
		f := &fake{answers: map[string]reply{
			"GET /v1/billing/subscriptions/I-1":          {body: lenient(owing(agreement("ACTIVE", "", debtor, "")), addsNothing)},
			"POST /v1/billing/subscriptions/I-1/capture": tt.answer,
		}}
		err := f.driver(t).Collect(t.Context(), refTo(billing.KindSubscription, "I-1"), "k")
		if (err == nil) != (tt.kind == "") || err != nil && (provider.KindOf(err) != tt.kind || codeOf(err) != tt.code) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
