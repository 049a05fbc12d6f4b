package fraud_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/fraud"
	"github.com/trivetdev/trivet/policy/policytest"
)

// moved tells whether money or a subscription is touched.
func moved(actions []policy.Action) bool {
	return slices.ContainsFunc(kinds(actions), func(kind string) bool { return kind != policy.Alert && kind != policy.Ban })
}

// Who was banned by a rule that only bans gets no money back because another rule
// would give it.
func TestABanDoesWhatItsOwnRuleSays(t *testing.T) {
	abuse := fraud.Rule{Name: "abuse", When: "attributes.abuser == true", Do: []string{policy.Ban}, Text: "abuses the service"}
	p := build(t, func(s *fraud.Settings) { s.Rules = []fraud.Rule{abuse} })
	banned := func(reason string) policy.Known {
		return with(crook(), func(k *policy.Known) {
			k.Attempts, k.Customer.Ban = nil, &billing.Ban{At: noon.AddDate(0, 0, -1), Reason: reason, By: "policy:fraud"}
		})
	}
	if got := review(p, banned("fraud: abuses the service")); got != nil {
		t.Errorf("a ban and nothing else leads to %q", policytest.Keys(got))
	}
	if got := review(p, banned("fraud: "+fraud.Shipped()[0].Text)); !moved(got) {
		t.Errorf("the ban for declined cards leads to %q", policytest.Keys(got))
	}
	if got := review(p, banned("fraud: by a rule that was taken out")); got != nil {
		t.Errorf("only what all rules that ban do is done for one that nobody knows any more: %q", policytest.Keys(got))
	}
	warned := build(t, func(s *fraud.Settings) { s.Warning = []string{policy.Ban, policy.CancelNow} })
	got := kinds(review(warned, banned("fraud: the card network warned of a payment")))
	if slices.Contains(got, policy.Refund) || !slices.Contains(got, policy.CancelNow) {
		t.Errorf("the ban for a warning, which is not to refund, leads to %q", got)
	}
}

// What a person has settled by lifting the ban is settled: the warning that led to it
// takes nothing more from the customer.
func TestAWarningIsSettledWhenItsBanIsLifted(t *testing.T) {
	p := build(t, func(s *fraud.Settings) {
		s.Warning = []string{policy.Ban, policy.Refund, policy.CancelNow, policy.Alert}
	})
	known := with(crook(), func(k *policy.Known) {
		k.Attempts = nil
		k.Facts.Invoices = []billing.Held[billing.Invoice]{{Account: "stripe", ID: "in_1", Object: billing.Invoice{Subscription: "sub_1", Payments: []string{"pi_1"}}}}
		k.Warnings = []billing.Held[billing.Warning]{{Account: "stripe", ID: "issfr_1", Object: billing.Warning{
			Actionable: true, Payment: "pi_1", CreatedAt: noon.AddDate(0, 0, -2),
		}}}
	})
	if !moved(review(p, known)) {
		t.Fatal("a warning calls for nothing")
	}
	known.Customer.Cleared = &billing.Cleared{At: noon.AddDate(0, 0, -1), By: "anna", Ban: billing.Ban{At: noon.AddDate(0, 0, -2), By: "policy:fraud"}}
	if got := review(p, known); got != nil {
		t.Errorf("after the ban was lifted it calls for %q", policytest.Keys(got))
	}
	known.Warnings[0].Object.CreatedAt = noon
	if !moved(review(p, known)) {
		t.Error("a warning after that calls for nothing")
	}
}

// The provider's clock may be ahead of ours. A try that is not past yet counts when it
// is, even if nothing else happens.
func TestATryAheadOfOurClockIsNotForgotten(t *testing.T) {
	p := build(t, nil)
	known := with(crook(), func(k *policy.Known) { k.Attempts[4].At = noon.Add(3 * time.Second) })
	actions, next := p.Review(known, noon)
	if slices.Contains(kinds(actions), policy.Ban) {
		return // counted at once
	}
	if actions, _ = p.Review(known, next); !slices.Contains(kinds(actions), policy.Ban) {
		t.Errorf("the fifth decline is never counted; asked again at %v", next)
	}
}

// A ban with a reason that is too long is refused, and never happens.
func TestALongExpressionBans(t *testing.T) {
	long := fraud.Rule{Name: "long", When: strings.Repeat("payments >= 0 && ", 60) + "true", Do: []string{policy.Ban}}
	var d policy.Details
	actions := review(build(t, func(s *fraud.Settings) { s.Shipped, s.Rules = false, []fraud.Rule{long} }), crook())
	if err := json.Unmarshal(actions[0].Details, &d); err != nil || utf8.RuneCountInString(d.Reason) > 500 {
		t.Errorf("a reason of %d characters, %v", utf8.RuneCountInString(d.Reason), err)
	}
}
