package dunning_test

import (
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/dunning"
	"github.com/trivetdev/trivet/policy/policytest"
)

func TestFailedCharge(t *testing.T) {
	for _, s := range []story{
		{name: "failed to ended", steps: fails(begin, "insufficient_funds"), want: []string{
			"03-02T14:00 email payment_failed.1 34.51 EUR funds until 03-09 next 03-05",
			"03-05T12:00 email payment_failed.2 34.51 EUR funds until 03-09",
			"03-07T12:00 email payment_failed.final 34.51 EUR funds until 03-09",
			"03-09T12:00 email access_ended 34.51 EUR unpaid until 03-09",
		}},
		{name: "an hour passed before it was tried: two hours after that", steps: append(fails(begin, "declined"), tried("ch_1", after(time.Hour)), tried("ch_2", after(20*time.Hour)), seen(day(1), "sub_1", sub("active", begin))), want: []string{
			"03-02T15:00 email payment_failed.1 34.51 EUR other until 03-09 next 03-05",
			"03-03T12:00 email recovered 29.00 EUR",
		}},
		{name: "recovered at the second step", steps: steps(fails(begin, "expired_card"), settles(begin, day(4))), want: []string{
			"03-02T14:00 email payment_failed.1 34.51 EUR expired until 03-09 next 03-05",
			"03-05T12:00 email payment_failed.2 34.51 EUR expired until 03-09",
			"03-06T12:00 email recovered 34.51 EUR",
		}},
		{name: "paid before anybody was told: nobody is", steps: steps(fails(begin, "try_again_later"), settles(begin, after(time.Hour)))},
		{name: "paid in the very second of a step", steps: steps(fails(begin, "try_again_later"), settles(begin, after(2*time.Hour))), want: []string{
			"03-02T14:00 email recovered 34.51 EUR", // the bank was slower than our clock
		}},
		{name: "recovered after the end", steps: steps(fails(begin, "fraudulent"), settles(begin, day(20))), want: []string{
			"03-02T14:00 email payment_failed.1 34.51 EUR other until 03-09 next 03-05",
			"03-05T12:00 email payment_failed.2 34.51 EUR other until 03-09",
			"03-07T12:00 email payment_failed.final 34.51 EUR other until 03-09",
			"03-09T12:00 email access_ended 34.51 EUR unpaid until 03-09",
			"03-22T12:00 email recovered 34.51 EUR until 03-09",
		}},
		{name: "two failures in a year are two stories", steps: steps(fails(begin, "stolen_card"), settles(begin, after(4*time.Hour)), fails(day(92), "lost_card"), settles(day(92), day(93))), want: []string{
			"03-02T14:00 email payment_failed.1 34.51 EUR method until 03-09 next 03-05",
			"03-02T16:00 email recovered 34.51 EUR",
			"06-02T14:00 email payment_failed.1 34.51 EUR method until 06-09 next 06-05",
			"06-03T12:00 email recovered 34.51 EUR",
		}},
		{name: "confirmation is asked for at once, and in the place of the first step", steps: steps(fails(begin, "authentication_required"), settles(begin, day(1))), want: []string{
			"03-02T12:00 email action_required 34.51 EUR authentication until 03-09 next 03-05",
			"03-03T12:00 email recovered 34.51 EUR",
		}},
		{name: "a payment that waits for confirmation", steps: []policytest.Step{
			seen(begin, "pi_in_1", billing.Payment{Status: billing.PaymentRequiresAction, Amount: eur(3451), CreatedAt: begin}),
			seen(begin, "in_1", invoice("in_1", "sub_1", begin)), seen(begin, "sub_1", sub("past_due", begin)), seen(day(1), "sub_1", sub("ended", begin)),
		}, want: []string{
			"03-02T12:00 email action_required 34.51 EUR authentication until 03-09 next 03-05",
			"03-03T12:00 email access_ended 34.51 EUR unpaid until 03-03 no more",
		}},
		{name: "the provider gives up before grace is over", steps: steps(fails(begin, "do_not_honor"), []policytest.Step{seen(day(4), "sub_1", sub("unpaid", begin))}), want: []string{
			"03-02T14:00 email payment_failed.1 34.51 EUR other until 03-09 next 03-05",
			"03-05T12:00 email payment_failed.2 34.51 EUR other until 03-09",
			"03-06T12:00 email access_ended 34.51 EUR unpaid until 03-06",
		}},
		{name: "paid after the provider gave up: it was off", steps: steps(fails(begin, "do_not_honor"), []policytest.Step{seen(day(4), "sub_1", sub("unpaid", begin))}, settles(begin, day(5))), want: []string{
			"03-02T14:00 email payment_failed.1 34.51 EUR other until 03-09 next 03-05",
			"03-05T12:00 email payment_failed.2 34.51 EUR other until 03-09",
			"03-06T12:00 email access_ended 34.51 EUR unpaid until 03-06",
			"03-07T12:00 email recovered 34.51 EUR until 03-07",
		}},
		{name: "paid late, while another purchase kept the door open", steps: steps([]policytest.Step{
			seen(begin, "pi_life", billing.Payment{Status: billing.PaymentSucceeded, Amount: eur(9900), CreatedAt: begin, PaidAt: begin, Items: []billing.Item{{Price: "p_life"}}}),
		}, fails(begin, "declined"), settles(begin, day(20))), want: []string{
			"03-02T14:00 email payment_failed.1 34.51 EUR other next 03-05",
			"03-05T12:00 email payment_failed.2 34.51 EUR other",
			"03-22T12:00 email recovered 34.51 EUR",
		}},
		{name: "the provider ends it long after: told once", steps: steps(fails(begin, "do_not_honor"), []policytest.Step{seen(day(21), "sub_1", sub("unpaid", begin)), seen(day(30), "sub_1", sub("ended", begin))}), want: []string{
			"03-02T14:00 email payment_failed.1 34.51 EUR other until 03-09 next 03-05",
			"03-05T12:00 email payment_failed.2 34.51 EUR other until 03-09",
			"03-07T12:00 email payment_failed.final 34.51 EUR other until 03-09",
			"03-09T12:00 email access_ended 34.51 EUR unpaid until 03-09",
		}},
		{name: "the last warning as a text message", settings: func(s *dunning.Settings) { s.SMS, s.Steps = true, []time.Duration{4 * time.Hour} }, steps: fails(begin, ""), want: []string{
			"03-02T16:00 email payment_failed.1 34.51 EUR other until 03-09 next 03-05",
			"03-07T12:00 email payment_failed.final 34.51 EUR other until 03-09",
			"03-07T12:00 sms payment_failed.final 34.51 EUR other until 03-09",
			"03-09T12:00 email access_ended 34.51 EUR unpaid until 03-09",
		}},
		{name: "a day of grace leaves room for one step", known: func(k *policy.Known) { k.Rules.Grace = 24 * time.Hour }, steps: fails(begin, "declined"), want: []string{
			"03-02T14:00 email payment_failed.1 34.51 EUR other until 03-03 next 03-05",
			"03-03T12:00 email access_ended 34.51 EUR unpaid until 03-03 next 03-05",
		}},
		{name: "no grace at all", known: func(k *policy.Known) { k.Rules.Grace = 0 }, steps: fails(begin, "declined"), want: []string{"03-02T12:00 email access_ended 34.51 EUR unpaid until 03-02 next 03-05"}},
		{name: "a month of grace and a longer list", known: func(k *policy.Known) { k.Rules.Grace = 30 * 24 * time.Hour }, settings: func(s *dunning.Settings) { s.Steps = append(s.Steps, 7*24*time.Hour) }, steps: fails(begin, "declined"), want: []string{
			"03-02T14:00 email payment_failed.1 34.51 EUR other until 04-01 next 03-05",
			"03-05T12:00 email payment_failed.2 34.51 EUR other until 04-01",
			"03-09T12:00 email payment_failed.2 34.51 EUR other until 04-01",
			"03-30T12:00 email payment_failed.final 34.51 EUR other until 04-01",
			"04-01T12:00 email access_ended 34.51 EUR unpaid until 04-01",
		}},
		{name: "an invoice that we do not know", steps: []policytest.Step{policytest.Seen(begin, "paypal", "I-1", sub("past_due", begin, func(s *billing.Subscription) { s.PeriodEnd = day(5) }))}, want: []string{
			"03-02T14:00 email payment_failed.1 29.00 EUR until 03-09 next 03-07",
			"03-05T12:00 email payment_failed.2 29.00 EUR until 03-09 next 03-07",
			"03-07T12:00 email payment_failed.final 29.00 EUR until 03-09",
			"03-09T12:00 email access_ended 29.00 EUR unpaid until 03-09",
		}},
		{name: "only the subscription tells why, and when it is tried again", steps: []policytest.Step{paypalFails("PAYER_ACCOUNT_RESTRICTED", day(5))}, want: []string{
			"03-02T14:00 email payment_failed.1 29.00 EUR method until 03-09 next 03-07",
			"03-05T12:00 email payment_failed.2 29.00 EUR method until 03-09 next 03-07",
			"03-07T12:00 email payment_failed.final 29.00 EUR method until 03-09",
			"03-09T12:00 email access_ended 29.00 EUR unpaid until 03-09",
		}},
		{name: "only the subscription tells that our own account is at fault", steps: []policytest.Step{paypalFails("TRANSACTION_RECEIVING_LIMIT_EXCEEDED", day(5))}, want: []string{
			"03-02T12:00 alert dunning:paypal/subscription/I-1:seller",
			"03-09T12:00 email access_ended 29.00 EUR unpaid until 03-09",
		}},
		{name: "a merchant of record that is switched on", settings: func(s *dunning.Settings) { s.Providers = policy.Providers{"paddle": true} }, steps: []policytest.Step{
			policytest.Seen(begin, "paddle", "sub_1", sub("past_due", begin)), policytest.Seen(day(1), "paddle", "sub_1", sub("active", begin)),
		}, want: []string{"03-02T14:00 email payment_failed.1 29.00 EUR until 03-09", "03-03T12:00 email recovered 29.00 EUR"}},
	} {
		t.Run(s.name, s.run)
	}
}

// weekly is a subscription of the plan "week".
func weekly(s *billing.Subscription) {
	s.Price, s.Interval, s.PeriodEnd = "p_week", billing.Interval{Unit: "week", Count: 1}, s.PeriodStart.AddDate(0, 0, 7)
}

// TestSecondFailureDoesNotBeginGraceAnew: the provider goes on billing every week,
// and speaks of the newest charge; the customer loses access a week after the
// first, and is told nothing twice.
func TestSecondFailureDoesNotBeginGraceAnew(t *testing.T) {
	var all []policytest.Step
	for n, id := range []string{"in_1", "in_2", "in_3"} {
		at := day(7 * n)
		all = append(all, seen(at, "pi_"+id, failedWith("insufficient_funds", at)), seen(at, id, invoice(id, "sub_1", at)), seen(at, "sub_1", sub("past_due", at, weekly)))
	}
	all = append(all, seen(day(16), "in_3", invoice("in_3", "sub_1", day(14), paid(day(16)))), seen(day(16), "sub_1", sub("active", day(14), weekly)))
	story{steps: all, known: func(k *policy.Known) { k.Rules.Grace = 8 * 24 * time.Hour }, want: []string{
		"03-02T14:00 email payment_failed.1 34.51 EUR funds until 03-10 next 03-05",
		"03-05T12:00 email payment_failed.2 34.51 EUR funds until 03-10",
		"03-08T12:00 email payment_failed.final 34.51 EUR funds until 03-10",
		"03-10T12:00 email access_ended 34.51 EUR unpaid until 03-10 next 03-12",
		"03-18T12:00 email recovered 34.51 EUR until 03-10",
	}}.run(t)
}

// TestOneStoryIsOneThread: whatever is said about a debt belongs together, the
// thanks too, although by then the subscription no longer says since when it owed.
func TestOneStoryIsOneThread(t *testing.T) {
	second := []policytest.Step{
		seen(day(7), "in_2", invoice("in_2", "sub_1", day(7))), seen(day(7), "sub_1", sub("past_due", day(7), weekly)),
		seen(day(8), "in_2", invoice("in_2", "sub_1", day(7), paid(day(8)))), seen(day(8), "in_1", invoice("in_1", "sub_1", begin, paid(day(8)))), seen(day(8), "sub_1", sub("active", day(7), weekly)),
	}
	asked := story{known: func(k *policy.Known) { k.Rules.Grace = 10 * 24 * time.Hour }, steps: append([]policytest.Step{
		seen(begin, "in_1", invoice("in_1", "sub_1", begin)), seen(begin, "sub_1", sub("past_due", begin, weekly)),
	}, second...)}.tell(t)
	threads := map[string]int{}
	for _, a := range asked {
		threads[notified(t, a).Thread]++
	}
	if len(threads) != 1 || threads["dunning:stripe/subscription/sub_1:2026-03-02T12:00:00Z"] != 6 {
		t.Errorf("%v of\n%v", threads, told(asked))
	}
}

// TestLateStart: after a time without the service only where matters stand now is
// said, and how late.
func TestLateStart(t *testing.T) {
	late := func(status billing.SubscriptionStatus, from time.Time) []policytest.Step {
		return []policytest.Step{policytest.Seen(day(60), "late", "sub_1", sub(status, from))}
	}
	for _, s := range []story{
		{name: "down for four days", steps: fails(begin, "declined"), down: []policytest.Span{{From: day(1), Until: day(6)}}, want: []string{
			"03-02T14:00 email payment_failed.1 34.51 EUR other until 03-09 next 03-05",
			"03-08T12:00 email payment_failed.final 34.51 EUR other until 03-09 late by 24h0m0s",
			"03-09T12:00 email access_ended 34.51 EUR unpaid until 03-09",
		}},
		{name: "down until it was over", steps: fails(begin, "declined"), down: []policytest.Span{{From: begin, Until: day(10)}}, want: []string{
			"03-12T12:00 email access_ended 34.51 EUR unpaid until 03-09 late by 72h0m0s",
		}},
		{name: "down for a month: that is no news", steps: fails(begin, "declined"), down: []policytest.Span{{From: begin, Until: day(31)}}},
		{name: "down from failure to recovery: the thanks, for others may have written", steps: steps(fails(begin, "declined")[:0], []policytest.Step{seen(begin, "sub_1", sub("past_due", begin))}, []policytest.Step{seen(day(3), "sub_1", sub("active", begin))}), down: []policytest.Span{{From: after(time.Hour), Until: day(9)}}, want: []string{
			"03-11T12:00 email recovered 29.00 EUR until 03-09",
		}},
		{name: "first start in the middle of it", from: day(60), steps: late("past_due", day(56)), want: []string{
			"05-01T12:00 email payment_failed.2 29.00 EUR until 05-04 late by 24h0m0s",
			"05-02T12:00 email payment_failed.final 29.00 EUR until 05-04",
			"05-04T12:00 email access_ended 29.00 EUR unpaid until 05-04",
		}},
		{name: "first start a day after the end", from: day(60), steps: late("past_due", day(52))},
		{name: "first start, unpaid for a year", from: day(60), steps: late("unpaid", day(-300))},
		{name: "first start, ended last week", from: day(60), steps: late("ended", day(20))},
	} {
		t.Run(s.name, s.run)
	}
}

// TestOneDebtAtATime: a customer who owes for two subscriptions is told of the
// older; of the other when that is settled or lost.
func TestOneDebtAtATime(t *testing.T) {
	other := func(at, since time.Time, status billing.SubscriptionStatus) policytest.Step {
		return policytest.Seen(at, "paypal", "I-1", sub(status, since, weekly, func(s *billing.Subscription) { s.PeriodEnd = day(200) }))
	}
	for _, s := range []story{
		{name: "the first is settled", steps: steps(fails(begin, "declined"), settles(begin, day(4)), []policytest.Step{other(day(1), day(1), "past_due"), other(day(5), day(1), "active")}), want: []string{
			"03-02T14:00 email payment_failed.1 34.51 EUR other until 03-09 next 03-05",
			"03-05T12:00 email payment_failed.2 34.51 EUR other until 03-09",
			"03-06T12:00 email payment_failed.2 29.00 EUR until 03-10 next 09-18",
			"03-06T12:00 email recovered 34.51 EUR",
			"03-07T12:00 email recovered 29.00 EUR",
		}},
		{name: "in the same second", steps: append(fails(begin, "declined"), other(begin, begin, "past_due")), want: []string{
			"03-02T14:00 email payment_failed.1 29.00 EUR until 03-09 next 09-18", // paypal comes before stripe
			"03-05T12:00 email payment_failed.2 29.00 EUR until 03-09 next 09-18",
			"03-07T12:00 email payment_failed.final 29.00 EUR until 03-09 next 09-18",
			"03-09T12:00 email access_ended 29.00 EUR unpaid until 03-09 next 09-18",
			"03-09T12:00 email access_ended 34.51 EUR unpaid until 03-09",
		}},
		{name: "the provider gives up on the other", steps: append(fails(begin, "declined"), other(day(1), day(1), "past_due"), other(day(2), day(1), "unpaid"), seen(day(3), "sub_1", sub("active", begin))), want: []string{
			"03-02T14:00 email payment_failed.1 34.51 EUR other until 03-09 next 03-05",
			"03-04T12:00 email access_ended 29.00 EUR unpaid until 03-04",
			"03-05T12:00 email recovered 29.00 EUR",
		}},
		{name: "for the same plan: it ends once, with the later", steps: append(fails(begin, "declined"), seen(day(1), "sub_2", sub("past_due", day(1)))), want: []string{
			"03-02T14:00 email payment_failed.1 34.51 EUR other until 03-09 next 03-05",
			"03-05T12:00 email payment_failed.2 34.51 EUR other until 03-10",
			"03-08T12:00 email payment_failed.final 34.51 EUR other until 03-10",
			"03-10T12:00 email access_ended 34.51 EUR unpaid until 03-10",
		}},
	} {
		t.Run(s.name, s.run)
	}
}

// TestAccessThatGoesOn: no end is threatened that does not come.
func TestAccessThatGoesOn(t *testing.T) {
	life := func(k *policy.Known) {
		k.Facts.Add("stripe", "pi_life", billing.Payment{Status: billing.PaymentSucceeded, Items: []billing.Item{{Price: "p_life", Quantity: 1}}, Amount: eur(9900), CreatedAt: day(-90), PaidAt: day(-90)})
	}
	pass := func(days int) func(k *policy.Known) {
		return func(k *policy.Known) {
			k.Facts.Grants = []billing.Grant{{ID: "g", Feature: "export", Until: day(days)}}
		}
	}
	ended := []string{
		"03-02T14:00 email payment_failed.1 34.51 EUR other until 03-09 next 03-05",
		"03-05T12:00 email payment_failed.2 34.51 EUR other until 03-09",
		"03-07T12:00 email payment_failed.final 34.51 EUR other until 03-09",
		"03-09T12:00 email access_ended 34.51 EUR unpaid until 03-09",
	}
	goes := []string{"03-02T14:00 email payment_failed.1 34.51 EUR other next 03-05", "03-05T12:00 email payment_failed.2 34.51 EUR other"}
	t.Run("bought for ever", story{known: life, steps: fails(begin, "declined"), want: goes}.run)
	t.Run("granted for a month", story{known: pass(30), steps: fails(begin, "declined"), want: []string{
		"03-02T14:00 email payment_failed.1 34.51 EUR other until 04-01 next 03-05",
		"03-05T12:00 email payment_failed.2 34.51 EUR other until 04-01",
		"03-30T12:00 email payment_failed.final 34.51 EUR other until 04-01",
		"04-01T12:00 email access_ended 34.51 EUR unpaid until 04-01",
	}}.run)
	t.Run("granted for a day", story{known: pass(1), steps: fails(begin, "declined"), want: ended}.run)
}

// TestNobodyIsChased: who is banned, canceled, paused, in dispute, refunded, or
// belongs to somebody else's care.
func TestNobodyIsChased(t *testing.T) {
	one := func(s billing.Subscription) []policytest.Step { return []policytest.Step{seen(begin, "sub_1", s)} }
	lastMonth := func(payment billing.Payment) func(*policy.Known) {
		return func(k *policy.Known) {
			k.Facts.Add("stripe", "in_0", invoice("in_0", "sub_1", day(-28), paid(day(-28))))
			k.Facts.Add("stripe", "pi_in_0", payment)
		}
	}
	back := succeeded(day(-28), day(-28))
	back.Refunded = back.Amount.Amount
	dispute := func(status billing.DisputeStatus, known func(*policy.Known)) func(*policy.Known) {
		return func(k *policy.Known) {
			known(k)
			k.Facts.Add("stripe", "dp_1", billing.Dispute{Status: status, Payment: "pi_in_0"})
		}
	}
	good := lastMonth(succeeded(day(-28), day(-28)))
	for _, s := range []story{
		{name: "banned", steps: append(fails(begin, "declined"), policytest.Set(begin, func(c *billing.Customer) { c.Ban = &billing.Ban{} }))},
		{name: "canceling", steps: one(sub("past_due", begin, func(s *billing.Subscription) { s.CancelAt = s.PeriodEnd }))},
		{name: "paused", steps: one(sub("past_due", begin, func(s *billing.Subscription) { s.Pause = &billing.Pause{} }))},
		{name: "never begun", steps: one(sub("pending", begin))},
		{name: "fine", steps: one(sub("active", begin))},
		{name: "a merchant of record", steps: []policytest.Step{policytest.Seen(begin, "paddle", "sub_1", sub("past_due", begin))}},
		{name: "switched off", settings: func(s *dunning.Settings) { s.Providers = policy.Providers{"stripe": false} }, steps: fails(begin, "declined")},
		{name: "refunded", known: lastMonth(back), steps: fails(begin, "declined")},
		{name: "dispute lost", known: dispute(billing.DisputeLost, good), steps: fails(begin, "declined")},
		{name: "dispute open", known: dispute(billing.DisputeOpen, good), steps: fails(begin, "declined")},
		{name: "inquiry", known: dispute(billing.DisputeInquiry, good), steps: fails(begin, "declined")},
		{name: "without these messages", settings: func(s *dunning.Settings) {
			s.Without = []string{"payment_failed.1", "payment_failed.2", "payment_failed.final", "access_ended"}
		}, steps: fails(begin, "declined")},
	} {
		t.Run(s.name, s.run)
	}
	t.Run("dispute won", func(t *testing.T) {
		if asked := (story{known: dispute(billing.DisputeWon, good), steps: fails(begin, "declined")}).tell(t); len(asked) != 8 {
			t.Errorf("%v", told(asked))
		}
	})
	t.Run("the bank was told to pay no more", story{steps: fails(begin, "revocation_of_authorization"), want: []string{
		"03-02T12:00 alert dunning:stripe/subscription/sub_1:revoked",
		"03-09T12:00 email access_ended 34.51 EUR unpaid until 03-09",
	}}.run)
	t.Run("our own account is at fault", story{steps: fails(begin, "PAYEE_ACCOUNT_RESTRICTED"), want: []string{
		"03-02T12:00 alert dunning:stripe/subscription/sub_1:seller",
		"03-09T12:00 email access_ended 34.51 EUR unpaid until 03-09",
	}}.run)
}
