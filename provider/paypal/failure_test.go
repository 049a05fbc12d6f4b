package paypal

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
)

// Why a charge failed and when it is tried again only the subscription tells, and only
// while something is owed.
func TestFailure(t *testing.T) {
	const failed = `"last_payment":{"time":"2026-01-15T10:20:00Z"},"failed_payments_count":2,"next_billing_time":"2026-03-15T10:00:00Z",` +
		`"last_failed_payment":{"amount":{"currency_code":"USD","value":"29.98"},"time":"2026-03-05T10:00:00Z","reason_code":"PAYEE_ACCOUNT_RESTRICTED","next_payment_retry_time":"2026-03-10T10:00:00Z"}`
	for name, tt := range map[string]struct {
		status, info string
		want         *billing.Failure
	}{
		"tried again":      {"ACTIVE", failed, &billing.Failure{At: day(3, 5), Decline: billing.Decline{Code: "PAYEE_ACCOUNT_RESTRICTED"}, NextAttempt: day(3, 10), Tries: 2}},
		"tried no more":    {"ACTIVE", strings.Replace(failed, `"next_payment_retry_time":"2026-03-10T10:00:00Z"`, `"more":1`, 1), &billing.Failure{At: day(3, 5), Decline: billing.Decline{Code: "PAYEE_ACCOUNT_RESTRICTED"}, Tries: 2}},
		"no reason":        {"ACTIVE", strings.Replace(failed, `"reason_code"`, `"other"`, 1), &billing.Failure{At: day(3, 5), NextAttempt: day(3, 10), Tries: 2}},
		"suspended for it": {"SUSPENDED", strings.Replace(failed, `count":2`, `count":3`, 1), &billing.Failure{At: day(3, 5), Decline: billing.Decline{Code: "PAYEE_ACCOUNT_RESTRICTED"}, Tries: 3}},
		"paid since":       {"ACTIVE", strings.Replace(strings.Replace(failed, `count":2`, `count":0`, 1), "2026-01-15", "2026-02-15", 1), nil},
		"paused":           {"SUSPENDED", failed, nil},
		"canceled":         {"CANCELLED", failed, nil},
	} {
		s := fetched(t, billing.KindSubscription, "I-1", map[string]string{"/v1/billing/subscriptions/I-1": agreement(tt.status, "", tt.info, "")})
		if diff := cmp.Diff(tt.want, s.Object.(billing.Subscription).Failure); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}
