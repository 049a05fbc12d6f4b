package dunning_test

import (
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/policytest"
)

// Each test is named after a flaw of a system that people use today.

// TestFlawRemindersResumeAtTheOldStage: marks that are not always cleared when
// somebody pays make the next lapse begin with the termination.
func TestFlawRemindersResumeAtTheOldStage(t *testing.T) {
	story{steps: steps(fails(begin, "declined"), settles(begin, day(31)), fails(day(31).Add(time.Second), "declined")), want: []string{
		"03-02T14:00 email payment_failed.1 34.51 EUR other until 03-09 next 03-05",
		"03-05T12:00 email payment_failed.2 34.51 EUR other until 03-09",
		"03-07T12:00 email payment_failed.final 34.51 EUR other until 03-09",
		"03-09T12:00 email access_ended 34.51 EUR unpaid until 03-09",
		"04-02T12:00 email recovered 34.51 EUR until 03-09",
		"04-02T14:00 email payment_failed.1 34.51 EUR other until 04-09 next 04-05",
		"04-05T12:00 email payment_failed.2 34.51 EUR other until 04-09",
		"04-07T12:00 email payment_failed.final 34.51 EUR other until 04-09",
		"04-09T12:00 email access_ended 34.51 EUR unpaid until 04-09",
	}}.run(t)
}

// TestFlawMailedTwiceAfterACrash: mails that are sent first and marked later go out
// twice. Whenever a step is asked for, it is under one key.
func TestFlawMailedTwiceAfterACrash(t *testing.T) {
	p := chasing(t, nil)
	k := having(map[string]billing.Object{"sub_1": sub("past_due", begin), "in_1": invoice("in_1", "sub_1", begin), "pi_in_1": failedWith("declined", begin)})
	keys := map[string]bool{}
	for hour := range 24 * 20 {
		for _, a := range first(p.Review(k, after(time.Duration(hour)*time.Hour))) {
			keys[a.Key] = true
		}
	}
	if len(keys) != 8 { // four steps, each by mail and in the application
		t.Errorf("%v", keys)
	}
}

// TestFlawSubscribersAreNotReminded: who pays by subscription got no reminders, who
// pays once did. Both do.
func TestFlawSubscribersAreNotReminded(t *testing.T) {
	for name, steps := range map[string][]policytest.Step{"subscription": fails(begin, "declined"), "pass": {pass("stripe", "pi_1", begin)}} {
		if asked := (story{steps: steps}).tell(t); len(asked) < 3 {
			t.Errorf("%s: %v", name, told(asked))
		}
	}
}

// TestFlawPastDueIsCanceled: a job deleted every subscription that was not active,
// which ended the provider's own tries after an hour and a half. Here a debt leads
// to words, and to nothing else.
func TestFlawPastDueIsCanceled(t *testing.T) {
	for _, a := range (story{steps: fails(begin, "declined")}).tell(t) {
		if a.Kind != policy.Say {
			t.Errorf("asks for %s", a.Key)
		}
	}
}

// TestFlawSecondPartialRefundIsNotTold: only the first refund of a payment was.
func TestFlawSecondPartialRefundIsNotTold(t *testing.T) {
	story{steps: []policytest.Step{seen(begin, "pi_1", back(0)), seen(day(1), "pi_1", back(100)), seen(day(2), "pi_1", back(200))}, want: []string{
		"03-03T12:00 email refunded 1.00 EUR", "03-04T12:00 email refunded 1.00 EUR",
	}}.run(t)
}

// TestFlawMailSaysNothing: "your payment failed, check your settings", without an
// amount, a day, a card, a reason, an end, or a link.
func TestFlawMailSaysNothing(t *testing.T) {
	n := notified(t, (story{steps: fails(begin, "insufficient_funds")}).tell(t)[0])
	if n.Amount == nil || n.Estimated || n.Date.IsZero() || n.Card == nil || n.Card.Last4 == "" || n.Reason == "" || n.Until.IsZero() || n.Next.IsZero() || n.Link == "" || n.Plan == "" || n.Reference == "" || n.Thread == "" {
		t.Errorf("%+v", n)
	}
}

// TestFlawOldSubscriptionEndsTheNew: that an old subscription fails or ends takes
// nothing from one who has another, and threatens nothing.
func TestFlawOldSubscriptionEndsTheNew(t *testing.T) {
	asked := mails(told((story{steps: append(fails(begin, "declined"), policytest.Seen(begin, "paypal", "I-1", sub("active", begin)), seen(day(21), "sub_1", sub("ended", begin)))}).tell(t)))
	for _, line := range asked {
		if strings.Contains(line, "until") || strings.Contains(line, "access_ended") || strings.Contains(line, "final") {
			t.Error(line)
		}
	}
	if len(asked) != 2 {
		t.Errorf("%v", asked)
	}
}
