package fraud_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/policytest"
)

// lifted is a customer whose ban of two days ago was lifted now: the ban had set the
// subscription 7 of Lemon Squeezy to end.
func lifted(change ...func(*policy.Known)) policy.Known {
	known := policy.Known{
		Customer: billing.Customer{Ref: "user_1", Cleared: &billing.Cleared{At: noon, By: "anna", Ban: billing.Ban{At: noon.AddDate(0, 0, -2), By: "policy:fraud"}}},
		Accounts: map[string]policy.Account{"lemonsqueezy": {Can: map[string]bool{policy.CancelAtPeriodEnd: true, policy.Uncancel: true}}},
	}
	s := subscription("lemonsqueezy", "7", billing.SubscriptionActive)
	s.Object.CancelAt = noon.AddDate(0, 0, 20)
	known.Facts.Subscriptions = []billing.Held[billing.Subscription]{s}
	known.Demands = []policy.Demand{{
		Policy: "fraud", Key: "cancel_at_period_end:lemonsqueezy/subscription/7:fraud", Kind: policy.CancelAtPeriodEnd, Object: "lemonsqueezy/subscription/7", Tried: true,
	}}
	for _, c := range change {
		c(&known)
	}
	return known
}

// A customer who was banned by mistake lost the subscription all the same at the end of
// its period, unless somebody thought of it: the end of a ban takes back what the ban
// set, and nothing else.
func TestTheEndOfABanTakesCancellationsBack(t *testing.T) {
	const back = "uncancel:lemonsqueezy/subscription/7:fraud.20260320T120000Z"
	sub := func(change func(*billing.Subscription)) func(*policy.Known) {
		return func(k *policy.Known) { change(&k.Facts.Subscriptions[0].Object) }
	}
	before := noon.AddDate(0, 0, -9)
	for name, test := range map[string]struct {
		change func(*policy.Known)
		want   []string
	}{
		"the ban canceled": {func(*policy.Known) {}, []string{back}},
		// Done with, so that one that the customer schedules later is theirs.
		"withdrawn already": {sub(func(s *billing.Subscription) { s.CancelAt = time.Time{} }), []string{back}},
		"it has ended":      {sub(func(s *billing.Subscription) { s.Status, s.EndedAt = billing.SubscriptionEnded, noon }), nil},
		"the customer had canceled": {func(k *policy.Known) {
			k.Demands[0].Tried = false // it was looked at, and found canceled
		}, nil},
		"another policy canceled": {func(k *policy.Known) { k.Demands[0].Key = "cancel_at_period_end:lemonsqueezy/subscription/7:dispute.1" }, nil},
		"an earlier ban canceled": {func(k *policy.Known) { k.Customer.Cleared.Before = before }, nil},
		"the second ban canceled": {func(k *policy.Known) {
			k.Customer.Cleared.Before, k.Demands[0].Key = before, k.Demands[0].Key+".20260311T120000Z"
		}, []string{back}},
		"a person banned": {func(k *policy.Known) { k.Customer.Cleared.Ban.By = "anna" }, nil},
		"banned again": {func(k *policy.Known) {
			k.Customer.Ban = &billing.Ban{At: noon, By: "anna"}
			k.Facts.Subscriptions[0].Object.PeriodEnd = noon.AddDate(0, 0, 20)
		}, nil},
		"the provider cannot": {func(k *policy.Known) { delete(k.Accounts["lemonsqueezy"].Can, policy.Uncancel) }, nil},
	} {
		got := slices.DeleteFunc(policytest.Keys(review(build(t, nil), lifted(test.change))), func(key string) bool { return strings.HasPrefix(key, "alert:") })
		if len(got) == 0 {
			got = nil
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +asked)\n%s", name, diff)
		}
	}
}

// The alert says what cannot be undone, and not what is being undone or was never done
// by the ban.
func TestTheAlertSaysWhatStaysDone(t *testing.T) {
	unbanned := policy.Change{Seq: 9, At: noon, Kinds: []billing.ChangeKind{"unbanned"}}
	cannot := func(k *policy.Known) { delete(k.Accounts["lemonsqueezy"].Can, policy.Uncancel) }
	policytest.Run(t, build(t, nil),
		policytest.Case{Name: "taken back", Change: unbanned, Known: lifted()},
		policytest.Case{Name: "cannot be taken back", Change: unbanned, Known: lifted(cannot), Kinds: []string{"alert"}},
		policytest.Case{Name: "the customer canceled", Change: unbanned, Known: lifted(cannot, func(k *policy.Known) { k.Demands = nil })},
		policytest.Case{Name: "review", Now: noon, Known: lifted(), Kinds: []string{"uncancel"}},
	)
	w := policytest.Details[policy.Warning](t, build(t, nil).React(unbanned, lifted(cannot))[0])
	if want := "The subscription 7 of lemonsqueezy ends at 2026-04-09, which the provider cannot take back: the customer may buy again."; w.Details != want {
		t.Errorf("%s\nwant %s", w.Details, want)
	}
}
