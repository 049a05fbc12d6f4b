package renewal_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy/policytest"
)

// Each test is named after a flaw of a system that people use today.

// TestFlawNoticeAfterVisasDeadline: a job that looks for trials with less than a
// week left is always too late for a rule that asks for at least a week.
func TestFlawNoticeAfterVisasDeadline(t *testing.T) {
	asked := policytest.Timeline{Policy: rules(t, nil), Known: known(), From: begin, Until: day(30), Steps: []policytest.Step{stripe(begin, trialing(30))}}.Run(t)
	if len(asked) == 0 || asked[0].At.After(day(30).Add(-7*24*time.Hour)) {
		t.Errorf("%v", told(asked))
	}
}

// TestFlawOneNoticePerSlot: a mark on the customer, cleared only when no
// subscription is left, hides the notice of the subscription that replaces another.
func TestFlawOneNoticePerSlot(t *testing.T) {
	asked := policytest.Timeline{Policy: rules(t, nil), Known: known(), From: begin, Until: day(60), Steps: []policytest.Step{
		stripe(begin, trialing(14)), stripe(day(12), but(trialing(14), func(s *billing.Subscription) { s.Status = billing.SubscriptionEnded })),
		policytest.Seen(day(12), "stripe", "sub_2", but(trialing(30), func(s *billing.Subscription) { s.StartedAt = day(12) })),
	}}.Run(t)
	var objects []string
	for _, a := range asked {
		objects = append(objects, a.Object)
	}
	if diff := cmp.Diff([]string{"stripe/subscription/sub_1", "stripe/subscription/sub_1", "stripe/subscription/sub_2", "stripe/subscription/sub_2"}, objects); diff != "" {
		t.Error(diff)
	}
}

// TestFlawEndedSubscriptionHidesTheOther: a customer whose first subscription is
// over was skipped before the other processor was looked at.
func TestFlawEndedSubscriptionHidesTheOther(t *testing.T) {
	asked := policytest.Timeline{Policy: rules(t, nil), Known: known(), From: begin, Until: begin.AddDate(1, 0, 0), Steps: []policytest.Step{
		stripe(begin, but(paying("year", 1), func(s *billing.Subscription) { s.Status = billing.SubscriptionEnded })), policytest.Seen(begin, "paypal", "I-1", paying("year", 1)),
	}}.Run(t)
	if len(asked) != 1 || asked[0].Object != "paypal/subscription/I-1" {
		t.Errorf("%v", told(asked))
	}
}

// TestFlawCanceledSubscriptionRenews: one that is canceled for the end of its
// period keeps the status active, and was told that it renews; one of no price too.
func TestFlawCanceledSubscriptionRenews(t *testing.T) {
	t.Run("canceled", story{steps: []policytest.Step{stripe(begin, but(paying("year", 1), func(s *billing.Subscription) { s.CancelAt = s.PeriodEnd }))}}.run)
	t.Run("free", story{steps: []policytest.Step{stripe(begin, but(paying("year", 1), func(s *billing.Subscription) { s.Amount = eur(0) }))}}.run)
}

// TestFlawListPriceAsIfExact: a list price that ignores discounts and tax is not
// what will be charged, and the notice says so until a preview is put in its place.
func TestFlawListPriceAsIfExact(t *testing.T) {
	asked := policytest.Timeline{Policy: rules(t, nil), Known: known(), From: begin, Until: day(30), Steps: []policytest.Step{stripe(begin, trialing(30))}}.Run(t)
	if len(asked) == 0 || !strings.Contains(string(asked[0].Details), `"estimated":true`) {
		t.Errorf("%v", asked)
	}
}
