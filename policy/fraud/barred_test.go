package fraud_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/fraud"
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

// A ban of ours was let through where the cancellation was held back by the mode of the
// provider: the customer was locked out and charged on, and nobody was told.
func TestBarredByUsAndCharged(t *testing.T) {
	const raise = "alert:trivet/customer/user_1:barred.stripe.sub_1.20260320T110000Z"
	reason := "fraud: " + fraud.Shipped()[0].Text
	base := func(change ...func(*policy.Known, *billing.Subscription)) policy.Known {
		k := policy.Known{Customer: billing.Customer{Ref: "user_1", Ban: &billing.Ban{At: noon.Add(-time.Hour), By: "policy:fraud", Reason: reason}}}
		s := subscription("stripe", "sub_1", billing.SubscriptionActive)
		for _, c := range change {
			c(&k, &s.Object)
		}
		k.Facts.Subscriptions = []billing.Held[billing.Subscription]{s}
		return k
	}
	raised := func(k *policy.Known, _ *billing.Subscription) {
		k.Demands = []policy.Demand{{Policy: "fraud", Kind: policy.Alert, Key: raise, Object: "trivet/customer/user_1"}}
	}
	toEnd := func(_ *policy.Known, s *billing.Subscription) { s.CancelAt = noon.AddDate(0, 0, 3) }
	lift := func(k *policy.Known, _ *billing.Subscription) {
		k.Customer.Cleared, k.Customer.Ban = &billing.Cleared{At: noon, Ban: *k.Customer.Ban}, nil
	}
	for name, test := range map[string]struct {
		known policy.Known
		want  []string
	}{
		"charged an hour after":       {base(), []string{raise}},
		"to end, and nobody was told": {base(toEnd), nil},
		"to end":                      {base(raised, toEnd), []string{raise + ".over"}},
		"lifted":                      {base(raised, lift), []string{raise + ".over"}},
		"lifted, and nobody was told": {base(lift), nil},
		"begun since":                 {base(func(_ *policy.Known, s *billing.Subscription) { s.StartedAt = noon.Add(-time.Minute) }), nil},
		"the rule's ban ends nothing": {base(func(k *policy.Known, _ *billing.Subscription) { k.Customer.Ban.Reason = "fraud: by another rule" }), nil},
		"exempt by now, and banned":   {base(func(k *policy.Known, _ *billing.Subscription) { k.Customer.Attributes = map[string]any{"kyc": true} }), []string{raise}},
		"a moment after the ban":      {base(func(k *policy.Known, _ *billing.Subscription) { k.Customer.Ban.At = noon }), nil},
	} {
		p := build(t, func(s *fraud.Settings) {
			s.Rules = []fraud.Rule{{Name: "only", When: "false", Do: []string{"ban"}, Text: "by another rule"}}
		})
		got := slices.DeleteFunc(policytest.Keys(review(p, test.known)), func(key string) bool { return !strings.HasPrefix(key, "alert:") })
		if len(got) == 0 {
			got = nil
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +asked)\n%s", name, diff)
		}
	}
	late := base(func(k *policy.Known, _ *billing.Subscription) { k.Customer.Ban.At = noon })
	if _, next := build(t, nil).Review(late, noon); !next.Equal(noon.Add(time.Hour)) {
		t.Errorf("asked again at %s", next)
	}
}

// What happened at an account holds back, by its mode, all that is done for it, wherever;
// a ban for what the application says is from no account. To tell somebody is not held
// back.
func TestBecause(t *testing.T) {
	p := build(t, func(s *fraud.Settings) {
		s.Shipped, s.Warning = false, []string{"ban"}
		s.Rules = []fraud.Rule{
			{Name: "declines", When: "declines_30d >= 5 && (attributes.domains ?? 0) == 0", Do: []string{"ban", "cancel", "alert"}},
			{Name: "cards", When: "cards_30d >= 5", Do: []string{"ban"}},
			{Name: "paid", When: "payments > 0 and disputes > 0", Do: []string{"ban"}},
			{Name: "abuse", When: "attributes.abuser == true", Do: []string{"ban"}},
			{Name: "shared", When: "shared_banned > 0", Do: []string{"ban"}},
			{Name: "plan", When: `plan != ""`, Do: []string{"ban"}},
		}
	})
	known := with(warned(), func(k *policy.Known) {
		k.Attempts = declines(5)
		worked := try("fp0", 0, false)
		worked.Account = "paypal"
		k.Attempts = append(k.Attempts, worked)
		k.Customer.Attributes = map[string]any{"abuser": true}
		k.Shared = []policy.Shared{{Customer: "v", By: "card", Banned: true}}
		k.Catalog = policytest.Catalog(billing.Plan{ID: "pro", Prices: map[string][]string{"lemonsqueezy": {"p"}}})
	})
	want := map[string]string{
		"ban declines": "stripe", "cancel stripe": "stripe", "cancel paypal": "stripe", "cancel_at_period_end lemonsqueezy": "stripe", "alert declines": "",
		"ban cards": "paypal stripe", "ban paid": "paypal stripe", "ban abuse": "", "ban shared": "paypal stripe", "ban plan": "lemonsqueezy paypal stripe", "ban warning": "stripe",
	}
	got := map[string]string{}
	for _, a := range review(p, known) {
		name := a.Kind + " " + a.Account
		if a.Account == policy.Own {
			_, occasion, _ := strings.Cut(a.Key, "/customer/user_1:")
			name, _, _ = strings.Cut(a.Kind+" "+occasion, ".")
		}
		got[name] = strings.Join(a.Because, " ")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
