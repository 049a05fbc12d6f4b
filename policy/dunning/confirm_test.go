package dunning_test

import (
	"slices"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/dunning"
	"github.com/trivetdev/trivet/policy/policytest"
)

func TestConfirmations(t *testing.T) {
	active := seen(begin, "sub_1", sub("active", begin))
	canceling := func(at time.Time) func(*billing.Subscription) {
		return func(s *billing.Subscription) { s.CancelAt = at }
	}
	pause := func(mode string, until time.Time) func(*billing.Subscription) {
		return func(s *billing.Subscription) { s.Pause = &billing.Pause{Until: until, Mode: mode} }
	}
	endedAt := func(at time.Time) func(*billing.Subscription) {
		return func(s *billing.Subscription) { s.EndedAt = at }
	}
	ban := policytest.Set(begin, func(c *billing.Customer) { c.Ban = &billing.Ban{} })
	for _, s := range []story{
		{name: "paused, resumed, paused again", steps: []policytest.Step{
			active, seen(day(3), "sub_1", sub("paused", begin, pause("void", day(10)))), seen(day(10), "sub_1", sub("active", begin)), seen(day(20), "sub_1", sub("paused", begin, pause("free", time.Time{}))),
		}, want: []string{
			"03-05T12:00 email paused 29.00 EUR until 03-05 next 03-12", "03-12T12:00 email resumed 29.00 EUR next 04-02", "03-22T12:00 email paused 29.00 EUR",
		}},
		{name: "resumed into a debt: that is told", steps: []policytest.Step{
			seen(begin, "sub_1", sub("paused", begin, pause("void", day(10)))), seen(day(10), "sub_1", sub("past_due", day(10))), seen(day(10).Add(time.Hour), "sub_1", sub("active", day(10))),
		}, want: []string{"03-12T13:00 email recovered 29.00 EUR"}},
		{name: "canceled for a date, another, and not at all", steps: []policytest.Step{
			active, seen(day(1), "sub_1", sub("active", begin, canceling(day(31)))), seen(day(2), "sub_1", sub("active", begin, canceling(day(20)))), seen(day(3), "sub_1", sub("active", begin)),
		}, want: []string{"03-03T12:00 email canceled 29.00 EUR until 04-02", "03-04T12:00 email canceled 29.00 EUR until 03-22", "03-05T12:00 email auto_renew_on 29.00 EUR next 04-02"}},
		{name: "canceled for a date, and over then", steps: []policytest.Step{
			active, seen(day(1), "sub_1", sub("active", begin, canceling(day(31)))), seen(day(31), "sub_1", sub("ended", begin, canceling(day(31)), endedAt(day(31)))),
		}, want: []string{"03-03T12:00 email canceled 29.00 EUR until 04-02"}},
		{name: "canceled for a date, and over before", steps: []policytest.Step{
			active, seen(day(1), "sub_1", sub("active", begin, canceling(day(31)))), seen(day(5), "sub_1", sub("ended", begin, canceling(day(31)), endedAt(day(5)))),
		}, want: []string{"03-03T12:00 email canceled 29.00 EUR until 04-02", "03-07T12:00 email canceled 29.00 EUR until 03-07"}},
		{name: "canceled at once", steps: []policytest.Step{active, seen(day(5), "sub_1", sub("ended", begin, endedAt(day(5))))}, want: []string{"03-07T12:00 email canceled 29.00 EUR until 03-07"}},
		{name: "one of two ends", steps: []policytest.Step{
			active, seen(begin, "sub_2", sub("active", begin)), seen(day(5), "sub_1", sub("ended", begin, endedAt(day(5)))), seen(day(6), "sub_2", sub("ended", begin, endedAt(day(6)))),
		}, want: []string{"03-08T12:00 email canceled 29.00 EUR until 03-08"}},
		{name: "a checkout that was never paid", steps: []policytest.Step{seen(begin, "sub_1", sub("pending", begin)), seen(day(1), "sub_1", sub("ended", begin))}},
		{name: "what was so when we first looked is no news", steps: []policytest.Step{
			seen(begin, "sub_1", sub("paused", begin, pause("void", day(10)))), seen(begin, "sub_2", sub("active", begin, canceling(day(31)))), seen(begin, "sub_3", sub("ended", begin)),
		}},
		{name: "banned", steps: []policytest.Step{active, ban, seen(day(5), "sub_1", sub("ended", begin))}},
		{name: "not wanted", settings: func(s *dunning.Settings) { s.Without = []string{"canceled"} }, steps: []policytest.Step{active, seen(day(5), "sub_1", sub("ended", begin))}},
		{name: "a merchant of record", steps: []policytest.Step{policytest.Seen(begin, "paddle", "sub_1", sub("active", begin)), policytest.Seen(day(5), "paddle", "sub_1", sub("ended", begin))}},
	} {
		t.Run(s.name, s.run)
	}
}

func back(amount int64) billing.Payment {
	p := succeeded(begin, begin)
	p.Refunded = amount
	return p
}

func TestPaymentsAndRefunds(t *testing.T) {
	receipts := func(s *dunning.Settings) { s.Receipts = []string{"stripe"} }
	pending := billing.Payment{Status: billing.PaymentPending, Amount: eur(3451), Method: "sepa_debit", CreatedAt: begin}
	bounced := pending
	bounced.Status, bounced.Decline = billing.PaymentFailed, &billing.Decline{DeclineCode: "insufficient_funds"}
	old := back(1000)
	old.CreatedAt, old.PaidAt = day(-90), day(-90)
	for _, s := range []story{
		{name: "every part that goes back is told", steps: []policytest.Step{seen(begin, "pi_1", back(0)), seen(day(1), "pi_1", back(1000)), seen(day(2), "pi_1", back(1000)), seen(day(3), "pi_1", back(3451))}, want: []string{
			"03-03T12:00 email refunded 10.00 EUR", "03-05T12:00 email refunded 24.51 EUR",
		}},
		{name: "a refund that the bank sent back is no refund", steps: []policytest.Step{seen(begin, "pi_1", back(1000)), seen(day(3), "pi_1", back(0))}, want: []string{"03-02T12:00 email refunded 10.00 EUR"}},
		{name: "refunded long ago, first seen now", steps: []policytest.Step{seen(begin, "pi_1", old)}},
		{name: "receipts, where they are ours", settings: receipts, steps: []policytest.Step{seen(begin, "pi_1", back(0)), seen(day(1), "pi_1", back(1000)), policytest.Seen(begin, "paypal", "5O1", back(0))}, want: []string{
			"03-02T12:00 email receipt 34.51 EUR", "03-03T12:00 email refunded 10.00 EUR", "03-03T12:00 email refund_receipt 10.00 EUR",
		}},
		{name: "no receipts for what others took", settings: receipts, steps: []policytest.Step{seen(begin, "pi_1", old), policytest.Seen(day(61), "late", "pi_1", func() billing.Payment { p := back(0); p.PaidAt = day(59); return p }())}},
		{name: "a delayed payment fails", steps: []policytest.Step{seen(begin, "pi_1", pending), seen(day(4), "pi_1", bounced)}, want: []string{"03-06T12:00 email payment_pending_failed 34.51 EUR funds"}},
		{name: "it is for a subscription: that has its own words", steps: []policytest.Step{seen(begin, "in_1", invoice("in_1", "sub_1", begin)), seen(begin, "pi_in_1", pending), seen(day(4), "pi_in_1", bounced)}},
		{name: "a card is declined while the customer looks on", steps: []policytest.Step{
			seen(begin, "pi_1", billing.Payment{Status: billing.PaymentPending, Method: "card"}), seen(after(time.Minute), "pi_1", failedWith("declined", begin)),
		}},
	} {
		t.Run(s.name, s.run)
	}
}

// What a bank, or PayPal, takes in a dispute we have not refunded; what goes back
// because of an inquiry, or after a dispute was won, we have.
func TestMoneyTakenInADispute(t *testing.T) {
	for status, told := range map[billing.DisputeStatus]bool{
		billing.DisputeInquiry: true, billing.DisputeOpen: false, billing.DisputeLost: false, billing.DisputeWon: true,
	} {
		s := story{
			known: func(k *policy.Known) { k.Facts.Add("stripe", "dp_1", billing.Dispute{Status: status, Payment: "pi_1"}) },
			steps: []policytest.Step{seen(begin, "pi_1", back(0)), seen(day(1), "pi_1", back(3451))},
		}
		if told {
			s.want = []string{"03-03T12:00 email refunded 34.51 EUR"}
		}
		t.Run(string(status), s.run)
	}
}

// The message that says what is charged next was not sent for want of the day.
func TestAutoRenewHasItsDay(t *testing.T) {
	asked := story{steps: []policytest.Step{
		seen(begin, "sub_1", sub("active", begin, func(s *billing.Subscription) { s.CancelAt = day(31) })), seen(day(3), "sub_1", sub("active", begin)),
	}}.tell(t)
	if n := notified(t, asked[len(asked)-1]); n.Template != "auto_renew_on" || !n.Date.Equal(n.Next) || n.Date.IsZero() {
		t.Errorf("%+v", n)
	}
}

func TestNoticeKnowsItsPlan(t *testing.T) {
	asked := story{
		settings: func(s *dunning.Settings) { s.Receipts = []string{"stripe"} },
		known: func(k *policy.Known) {
			k.Facts.Add("stripe", "sub_1", sub("active", begin))
			k.Facts.Add("stripe", "in_1", invoice("in_1", "sub_1", begin, paid(begin)))
			k.Facts.Add("stripe", "cs_1", billing.Checkout{Payment: "pi_2", Items: []billing.Item{{Price: "p_life"}}})
		},
		steps: []policytest.Step{
			seen(begin, "pi_in_1", succeeded(begin, begin)), seen(begin, "pi_2", succeeded(begin, begin)), pass("stripe", "pi_3", begin), seen(begin, "pi_4", succeeded(begin, begin)),
		},
	}.tell(t)
	for n, want := range []string{"pro IN_1", "life pi_2", "pass pi_3", " pi_4"} {
		if got := notified(t, asked[n]); got.Plan+" "+got.Reference != want {
			t.Errorf("%s %s, want %s", got.Plan, got.Reference, want)
		}
	}
}

// TestAfterTheEndThereIsNothingToPay: the way back leads to the product, not to a page
// at the provider for what is over.
func TestAfterTheEndThereIsNothingToPay(t *testing.T) {
	for name, tt := range map[string]struct {
		before billing.SubscriptionStatus
		says   string
		links  bool
	}{
		"canceled at once":      {"active", "canceled", false},
		"ended by the provider": {"past_due", "access_ended", false},
		"failing":               {"past_due", "payment_failed.1", true},
	} {
		steps := []policytest.Step{seen(begin, "sub_1", sub("active", begin)), seen(day(1), "sub_1", sub(tt.before, begin))}
		if !tt.links {
			steps = append(steps, seen(day(5), "sub_1", sub("ended", begin)))
		}
		found := false
		for _, a := range (story{steps: steps}).tell(t) {
			if n := notified(t, a); n.Template == tt.says {
				if found = true; (n.Link != "") != tt.links {
					t.Errorf("%s: %s leads to %q", name, n.Template, n.Link)
				}
				break
			}
		}
		if !found {
			t.Errorf("%s: no %s", name, tt.says)
		}
	}
}

// TestWhatPoliciesDoIsTheirsToTell: whoever is told that a duplicate was ended and paid
// back, or not told that a fraud was, is not mailed "you canceled" and "refunded" on top.
func TestWhatPoliciesDoIsTheirsToTell(t *testing.T) {
	end := seen(day(5), "sub_1", sub("ended", begin, func(s *billing.Subscription) { s.EndedAt = day(5) }))
	later := seen(day(5), "sub_1", sub("active", begin, func(s *billing.Subscription) { s.CancelAt = day(31) }))
	canceled := []string{"03-07T12:00 email canceled 29.00 EUR until 03-07"}
	did := func(policies, kind, object string, tried bool, money int64) policytest.Step {
		return policytest.Learned(day(4), func(k *policy.Known) {
			k.Demands = append(slices.Clone(k.Demands), policy.Demand{Policy: policies, Key: kind, Kind: kind, Object: object, Tried: tried, Money: money})
		})
	}
	active, paid := seen(begin, "sub_1", sub("active", begin)), seen(begin, "pi_1", back(0))
	for _, s := range []story{
		{name: "ended by another policy", steps: []policytest.Step{active, did("duplicate", policy.CancelNow, "stripe/subscription/sub_1", true, 0), end}},
		{name: "to end by another policy", steps: []policytest.Step{active, did("duplicate", policy.CancelAtPeriodEnd, "stripe/subscription/sub_1", true, 0), later}},
		{name: "another policy waited, the customer did not", steps: []policytest.Step{active, did("fraud", policy.CancelNow, "stripe/subscription/sub_1", false, 0), end}, want: canceled},
		{name: "another policy ended another", steps: []policytest.Step{active, did("fraud", policy.CancelNow, "stripe/subscription/sub_2", true, 0), end}, want: canceled},
		{name: "another policy said something", steps: []policytest.Step{active, did("fraud", policy.Alert, "stripe/subscription/sub_1", true, 0), end}, want: canceled},
		{name: "refunded by another policy, and then by a person", steps: []policytest.Step{
			paid, did("fraud", policy.Refund, "stripe/payment/pi_1", true, 100), seen(day(5), "pi_1", back(100)), seen(day(6), "pi_1", back(350)),
		}, want: []string{"03-08T12:00 email refunded 2.50 EUR"}},
		{name: "a person was quicker", steps: []policytest.Step{
			paid, did("fraud", policy.Refund, "stripe/payment/pi_1", false, 100), seen(day(5), "pi_1", back(100)),
		}, want: []string{"03-07T12:00 email refunded 1.00 EUR"}},
		{name: "a receipt is a receipt", settings: func(s *dunning.Settings) { s.Receipts = []string{"stripe"}; s.Without = []string{"receipt"} }, steps: []policytest.Step{
			paid, did("fraud", policy.Refund, "stripe/payment/pi_1", true, 100), seen(day(5), "pi_1", back(100)),
		}, want: []string{"03-07T12:00 email refund_receipt 1.00 EUR"}},
	} {
		t.Run(s.name, s.run)
	}
}
