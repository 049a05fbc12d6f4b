package policytest_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/policytest"
)

func day(n int) time.Time { return time.Date(2026, 3, 2+n, 12, 0, 0, 0, time.UTC) }

// weekly says something every seven days from the start of a subscription, and
// names each change that it hears of.
type weekly struct{ cancels bool }

func (weekly) Name() string { return "weekly" }

func (w weekly) React(c policy.Change, k policy.Known) []policy.Action {
	if c.Account == "" {
		return nil
	}
	return []policy.Action{policy.On(c.Account, c.Kind, c.ID, fmt.Sprint(c.Kinds), fmt.Sprint(c.Seq, len(k.Attempts)), nil)}
}

func (w weekly) Review(k policy.Known, now time.Time) (actions []policy.Action, next time.Time) {
	for _, s := range k.Facts.Subscriptions {
		if s.Object.Status == billing.SubscriptionEnded || k.Customer.Ban != nil {
			continue
		}
		week := now.Sub(s.Object.StartedAt) / (7 * 24 * time.Hour)
		next = s.Object.StartedAt.Add((week + 1) * 7 * 24 * time.Hour)
		actions = append(actions, policy.On(s.Account, billing.KindSubscription, s.ID, "week", fmt.Sprint(int(week)), json.RawMessage("{}")))
		if w.cancels && week == 2 {
			actions = append(actions, policy.On(s.Account, billing.KindSubscription, s.ID, policy.CancelNow, "", nil))
		}
	}
	return actions, next
}

func subscribed(status billing.SubscriptionStatus) billing.Subscription {
	return billing.Subscription{Status: status, Price: "p", StartedAt: day(0)}
}

func log(asked []policytest.Asked) (lines []string) {
	for _, a := range asked {
		lines = append(lines, a.At.Format("01-02T15:04 ")+a.Key)
	}
	return lines
}

func TestTimeline(t *testing.T) {
	active, ended := subscribed(billing.SubscriptionActive), subscribed(billing.SubscriptionEnded)
	story := func(l policytest.Timeline, steps ...policytest.Step) policytest.Timeline {
		if l.Policy == nil {
			l.Policy = weekly{}
		}
		l.From, l.Until, l.Steps = day(0), day(20), steps
		return l
	}
	begun := policytest.Seen(day(0), "stripe", "sub_1", active)
	for name, test := range map[string]struct {
		story policytest.Timeline
		want  []string
	}{
		"asked when it wants to be": {story(policytest.Timeline{}, begun), []string{
			"03-02T12:00 [started activated linked]:stripe/subscription/sub_1:1 0",
			"03-02T12:00 week:stripe/subscription/sub_1:0",
			"03-09T12:00 week:stripe/subscription/sub_1:1",
			"03-16T12:00 week:stripe/subscription/sub_1:2",
		}},
		"no longer when it is over; what is the same is no change": {
			story(policytest.Timeline{}, policytest.Seen(day(8), "stripe", "sub_1", ended), begun, policytest.Seen(day(3), "stripe", "sub_1", active)), []string{
				"03-02T12:00 [started activated linked]:stripe/subscription/sub_1:1 0",
				"03-02T12:00 week:stripe/subscription/sub_1:0",
				"03-09T12:00 week:stripe/subscription/sub_1:1",
				"03-10T12:00 [ended]:stripe/subscription/sub_1:2 0",
			},
		},
		"what it had before": {
			story(policytest.Timeline{Known: policy.Known{Facts: billing.Facts{Subscriptions: []billing.Held[billing.Subscription]{{Account: "stripe", ID: "sub_1", Object: active}}}}},
				policytest.Seen(day(1), "stripe", "sub_1", ended)), []string{
				"03-02T12:00 week:stripe/subscription/sub_1:0",
				"03-03T12:00 [ended]:stripe/subscription/sub_1:1 0",
			},
		},
		"down: seen late, and only what is left of it": {
			story(policytest.Timeline{Down: []policytest.Span{{day(5), day(15)}}}, begun,
				policytest.Seen(day(6), "stripe", "sub_1", ended), policytest.Seen(day(8), "stripe", "sub_1", active),
				policytest.Seen(day(9), "stripe", "in_1", billing.Invoice{Status: billing.InvoiceOpen}),
				policytest.Seen(day(10), "stripe", "in_1", billing.Invoice{Status: billing.InvoicePaid})), []string{
				"03-02T12:00 [started activated linked]:stripe/subscription/sub_1:1 0",
				"03-02T12:00 week:stripe/subscription/sub_1:0",
				"03-17T12:00 [invoice_settled linked]:stripe/invoice/in_1:2 0",
				"03-17T12:00 week:stripe/subscription/sub_1:2",
			},
		},
		"the world answers": {
			story(policytest.Timeline{Policy: weekly{cancels: true}, World: func(a policytest.Asked) []policytest.Step {
				if a.Kind != policy.CancelNow {
					return nil
				}
				return []policytest.Step{policytest.Seen(a.At.Add(time.Minute), "stripe", "sub_1", ended)}
			}}, begun), []string{
				"03-02T12:00 [started activated linked]:stripe/subscription/sub_1:1 0",
				"03-02T12:00 week:stripe/subscription/sub_1:0",
				"03-09T12:00 week:stripe/subscription/sub_1:1",
				"03-16T12:00 week:stripe/subscription/sub_1:2",
				"03-16T12:00 cancel:stripe/subscription/sub_1",
				"03-16T12:01 [ended]:stripe/subscription/sub_1:2 0",
			},
		},
		"the customer, and tries that are kept for a while": {
			story(policytest.Timeline{Known: policy.Known{Attempts: []billing.Attempt{{At: day(-29)}}}}, begun,
				policytest.Tried(billing.Attempt{At: day(2)}), policytest.Seen(day(2), "stripe", "pi_1", billing.Payment{Status: billing.PaymentFailed}),
				policytest.Set(day(6), func(c *billing.Customer) { c.Ban = &billing.Ban{Reason: "fraud"} })), []string{
				"03-02T12:00 [started activated linked]:stripe/subscription/sub_1:1 1",
				"03-02T12:00 week:stripe/subscription/sub_1:0",
				"03-04T12:00 [payment_declined linked]:stripe/payment/pi_1:2 1",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, log(test.story.Run(t))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// restless asks to be asked again at a moment of its choice.
type restless struct {
	weekly
	after time.Duration
}

func (r restless) Review(_ policy.Known, now time.Time) ([]policy.Action, time.Time) {
	return nil, now.Add(r.after)
}

// failing is a test that notes its failure.
type failing struct {
	testing.TB
	failed bool
}

func (f *failing) Helper() {}

func (f *failing) Fatalf(string, ...any) { f.failed = true; panic(f) }

func TestTimelineFindsBrokenPromises(t *testing.T) {
	for name, story := range map[string]policytest.Timeline{
		"asked in the past":  {Policy: restless{after: -time.Hour}},
		"asked at once":      {Policy: restless{}},
		"asked without end":  {Policy: restless{after: time.Second}},
		"a step outside":     {Policy: weekly{}, Steps: []policytest.Step{policytest.Passed(day(30))}},
		"an answer too soon": {Policy: weekly{}, Steps: []policytest.Step{policytest.Seen(day(1), "stripe", "sub_1", subscribed(billing.SubscriptionActive))}, World: func(policytest.Asked) []policytest.Step { return []policytest.Step{policytest.Passed(day(0))} }},
	} {
		story.From, story.Until = day(0), day(20)
		watched := &failing{TB: t}
		func() {
			defer func() { _ = recover() }()
			story.Run(watched)
		}()
		if !watched.failed {
			t.Errorf("%s: not found", name)
		}
	}
}
