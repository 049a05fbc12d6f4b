package fraud_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/policytest"
)

// A customer whom a person had banned went on being charged for a year, and nobody was
// told: the ban alone ends nothing.
func TestBarredAndCharged(t *testing.T) {
	const key = "alert:stripe/subscription/sub_1:barred.20260318T120000Z"
	ban := billing.Ban{At: noon.AddDate(0, 0, -2), By: "anna"}
	barred := policy.Known{Customer: billing.Customer{Ref: "user_1", Ban: &ban}}
	barred.Facts.Subscriptions = []billing.Held[billing.Subscription]{subscription("stripe", "sub_1", billing.SubscriptionActive)}
	change := func(f func(*policy.Known, *billing.Subscription)) policy.Known {
		k := barred
		s := barred.Facts.Subscriptions[0]
		f(&k, &s.Object)
		k.Facts.Subscriptions = []billing.Held[billing.Subscription]{s}
		return k
	}
	for name, c := range map[string]struct {
		known policy.Known
		want  []string
	}{
		"charged":   {barred, []string{key}},
		"to end":    {change(func(_ *policy.Known, s *billing.Subscription) { s.CancelAt = noon }), []string{key + ".over"}},
		"has ended": {change(func(_ *policy.Known, s *billing.Subscription) { s.Status, s.EndedAt = billing.SubscriptionEnded, noon }), []string{key + ".over"}},
		"had ended before": {change(func(_ *policy.Known, s *billing.Subscription) {
			s.Status, s.EndedAt = billing.SubscriptionEnded, ban.At.AddDate(0, 0, -1)
		}), nil},
		"lifted": {change(func(k *policy.Known, _ *billing.Subscription) {
			k.Customer.Ban, k.Customer.Cleared = nil, &billing.Cleared{At: noon, By: "anna", Ban: ban}
		}), []string{key + ".over"}},
		"bought after the ban was lifted": {change(func(k *policy.Known, s *billing.Subscription) {
			k.Customer.Ban, k.Customer.Cleared = nil, &billing.Cleared{At: noon, By: "anna", Ban: ban}
			s.StartedAt = noon
		}), nil},
	} {
		if diff := cmp.Diff(c.want, policytest.Keys(review(build(t, nil), c.known))); diff != "" {
			t.Errorf("%s (-want +asked)\n%s", name, diff)
		}
	}
}
