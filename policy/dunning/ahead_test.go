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

// paidBy is a good subscription and how its current period was paid.
func paidBy(id string, s billing.Subscription, card billing.Card) []policytest.Step {
	p := succeeded(s.PeriodStart, s.PeriodStart)
	p.Card = &card
	return []policytest.Step{
		seen(begin, "pi_in_"+id, p), seen(begin, "in_"+id, invoice("in_"+id, "sub_"+id, s.PeriodStart, paid(s.PeriodStart))), seen(begin, "sub_"+id, s),
	}
}

func yearly(s *billing.Subscription) {
	s.Interval, s.PeriodEnd = billing.Interval{Unit: "year", Count: 1}, s.PeriodStart.AddDate(1, 0, 0)
}

func TestCardExpires(t *testing.T) {
	may := billing.Card{Brand: "visa", Last4: "4242", ExpMonth: 5, ExpYear: 2026}
	other := billing.Card{Brand: "visa", Last4: "1111", ExpMonth: 5, ExpYear: 2026}
	wallet := may
	wallet.Wallet = "apple_pay"
	both := []string{"05-02T00:00 email card_expiring 29.00 EUR", "05-25T00:00 email card_expiring 29.00 EUR"}
	canceling := func(s *billing.Subscription) { s.CancelAt = s.PeriodEnd }
	for _, s := range []story{
		{name: "30 and 7 days before the end of its month", steps: paidBy("1", sub("active", begin), may), want: both},
		{name: "another paid meanwhile", steps: append(paidBy("1", sub("active", begin), may),
			seen(day(70), "pi_in_2", succeeded(day(70), day(70))), seen(day(70), "in_2", invoice("in_2", "sub_1", day(70), paid(day(70))))), want: both[:1]},
		{name: "canceled meanwhile", steps: append(paidBy("1", sub("active", begin), may), seen(day(70), "sub_1", sub("active", begin, canceling))), want: []string{
			both[0], "05-11T12:00 email canceled 29.00 EUR until 04-02",
		}},
		{name: "one card for two subscriptions", steps: steps(paidBy("1", sub("active", begin), may), paidBy("2", sub("active", begin), may)), want: both},
		{name: "two cards", steps: steps(paidBy("1", sub("active", begin), may), paidBy("2", sub("active", begin), other)), want: []string{both[0], both[0], both[1], both[1]}},
		{name: "a yearly plan renews after it", steps: paidBy("1", sub("active", begin, yearly), may), want: both},
		{name: "nothing follows", steps: paidBy("1", sub("active", begin, yearly, canceling), may)},
		{name: "a wallet renews its own", steps: paidBy("1", sub("active", begin), wallet)},
		{name: "the end is not known", steps: paidBy("1", sub("active", begin), billing.Card{Last4: "4242"})},
		{name: "free", steps: paidBy("1", sub("active", begin, func(s *billing.Subscription) { s.Amount = eur(0) }), may)},
		{name: "seen late", steps: paidBy("1", sub("active", begin), may), down: []policytest.Span{{From: after(time.Hour), Until: day(88)}}, want: []string{
			"05-29T12:00 email card_expiring 29.00 EUR late by 108h0m0s",
		}},
		{name: "expired already", steps: paidBy("1", sub("active", begin), billing.Card{Last4: "4242", ExpMonth: 2, ExpYear: 2026})},
	} {
		t.Run(s.name, s.run)
	}
}

// pass is a pass of a month, bought at a moment.
func pass(account, id string, at time.Time) policytest.Step {
	return policytest.Seen(at, account, id, billing.Payment{
		Status: billing.PaymentSucceeded, Amount: eur(500), Items: []billing.Item{{Price: "p_pass", Quantity: 1}}, CreatedAt: at, PaidAt: at,
	})
}

func TestPassRunsOut(t *testing.T) {
	one := []string{
		"03-26T12:00 email pass_expiring until 04-02", "04-01T12:00 email pass_expiring until 04-02", "04-02T12:00 email pass_ended until 04-02",
	}
	refunded := func(at time.Time) policytest.Step {
		return seen(at, "pi_1", billing.Payment{Status: billing.PaymentSucceeded, Amount: eur(500), Refunded: 500, Items: []billing.Item{{Price: "p_pass", Quantity: 1}}, CreatedAt: begin, PaidAt: begin})
	}
	for _, s := range []story{
		{name: "a week before, a day before, and at its end", steps: []policytest.Step{pass("stripe", "pi_1", begin)}, want: one},
		{name: "another was added to it in time", steps: []policytest.Step{pass("stripe", "pi_1", begin), pass("stripe", "pi_2", day(26))}, want: []string{
			one[0], "04-25T12:00 email pass_expiring until 05-02", "05-01T12:00 email pass_expiring until 05-02", "05-02T12:00 email pass_ended until 05-02",
		}},
		{name: "bought again after a gap", steps: []policytest.Step{pass("stripe", "pi_1", begin), pass("stripe", "pi_2", day(60))}, want: append(one[:3:3],
			"05-25T12:00 email pass_expiring until 06-01", "05-31T12:00 email pass_expiring until 06-01", "06-01T12:00 email pass_ended until 06-01",
		)},
		{name: "a subscription takes over", steps: []policytest.Step{pass("stripe", "pi_1", begin), seen(day(20), "sub_1", sub("active", day(20)))}},
		{name: "a subscription that ends first does not", steps: []policytest.Step{
			pass("stripe", "pi_1", begin), seen(begin, "sub_1", sub("active", day(-20), func(s *billing.Subscription) { s.CancelAt = s.PeriodEnd })), seen(day(11), "sub_1", sub("ended", day(-20), func(s *billing.Subscription) { s.CancelAt = s.PeriodEnd })),
		}, want: one},
		{name: "refunded meanwhile", steps: []policytest.Step{pass("stripe", "pi_1", begin), refunded(day(28))}, want: []string{one[0], "03-30T12:00 email refunded 5.00 EUR"}},
		{name: "down over its end", steps: []policytest.Step{pass("stripe", "pi_1", begin)}, down: []policytest.Span{{From: day(25), Until: day(33)}}, want: []string{
			one[0], "04-04T12:00 email pass_ended until 04-02 late by 48h0m0s",
		}},
		{name: "down long over its end", steps: []policytest.Step{pass("stripe", "pi_1", begin)}, down: []policytest.Span{{From: day(25), Until: day(60)}}, want: one[:1]},
		{name: "a merchant of record", steps: []policytest.Step{pass("paddle", "txn_1", begin)}},
		{name: "ended before we came", from: day(60), known: func(k *policy.Known) {
			k.Facts.Add("late", "pi_1", billing.Payment{Status: billing.PaymentSucceeded, Amount: eur(500), Items: []billing.Item{{Price: "p_pass", Quantity: 1}}, CreatedAt: day(27), PaidAt: day(27)})
		}},
		{name: "banned", steps: []policytest.Step{pass("stripe", "pi_1", begin), policytest.Set(begin, func(c *billing.Customer) { c.Ban = &billing.Ban{} })}},
		{name: "steps longer than the pass", settings: func(s *dunning.Settings) { s.Pass = []time.Duration{60 * 24 * time.Hour, 24 * time.Hour} }, steps: []policytest.Step{pass("stripe", "pi_1", begin)}, want: one[1:]},
	} {
		t.Run(s.name, s.run)
	}
}

// tried is a failed try for the invoice of the stories.
func tried(id string, at time.Time) policytest.Step {
	return policytest.Tried(billing.Attempt{Account: "stripe", ID: id, Payment: "pi_in_1", At: at, Decline: &billing.Decline{}, Payer: "fp_1"})
}

// left is a charge that failed and that the provider does not try again.
func left(code string, attempts int64) []policytest.Step {
	return []policytest.Step{
		tried("ch_1", begin), seen(begin, "pi_in_1", failedWith(code, begin)),
		seen(begin, "in_1", invoice("in_1", "sub_1", begin, givenUp, func(i *billing.Invoice) { i.Attempts = attempts })), seen(begin, "sub_1", sub("past_due", begin)),
	}
}

// failing answers each try with another failure, a minute later.
func failing(a policytest.Asked) []policytest.Step {
	if a.Kind != policy.Collect {
		return nil
	}
	at := a.At.Add(time.Minute)
	return []policytest.Step{tried(at.Format(time.RFC3339), at)}
}

func TestOwnTries(t *testing.T) {
	on := func(s *dunning.Settings) {
		s.Retry, s.Without = true, []string{"payment_failed.1", "payment_failed.2", "payment_failed.final", "access_ended"}
	}
	with := func(change func(*dunning.Settings)) func(*dunning.Settings) {
		return func(s *dunning.Settings) { on(s); change(s) }
	}
	for _, s := range []story{
		{name: "every three days, eight tries in all", settings: on, steps: left("insufficient_funds", 1), world: failing, want: []string{
			"03-05T12:00 collect:stripe/invoice/in_1:after:2026-03-02T12:00:00Z",
			"03-08T12:01 collect:stripe/invoice/in_1:after:2026-03-05T12:01:00Z",
			"03-11T12:02 collect:stripe/invoice/in_1:after:2026-03-08T12:02:00Z",
			"03-14T12:03 collect:stripe/invoice/in_1:after:2026-03-11T12:03:00Z",
			"03-17T12:04 collect:stripe/invoice/in_1:after:2026-03-14T12:04:00Z",
			"03-20T12:05 collect:stripe/invoice/in_1:after:2026-03-17T12:05:00Z",
			"03-23T12:06 collect:stripe/invoice/in_1:after:2026-03-20T12:06:00Z",
		}},
		{name: "the provider's own count", settings: with(func(s *dunning.Settings) { s.Tries = 2 }), steps: append(left("insufficient_funds", 1), tried("ch_2", day(1))), world: failing},
		{name: "the provider's word for it", settings: on, steps: left("insufficient_funds", 8), world: failing},
		{name: "not before the last is seen to have failed", settings: on, steps: left("insufficient_funds", 1), want: []string{"03-05T12:00 collect:stripe/invoice/in_1:after:2026-03-02T12:00:00Z"}},
		{name: "switched off", settings: with(func(s *dunning.Settings) { s.Retry = false }), steps: left("insufficient_funds", 1)},
		{name: "final", settings: on, steps: left("expired_card", 1)},
		{name: "the provider tries again itself", settings: on, steps: append([]policytest.Step{tried("ch_1", begin)}, fails(begin, "insufficient_funds")...)},
		{name: "nothing is known of the tries", settings: on, steps: left("insufficient_funds", 1)[1:]},
		{name: "the provider cannot be asked", settings: on, known: func(k *policy.Known) { k.Accounts["stripe"] = policy.Account{} }, steps: left("insufficient_funds", 1)},
		{name: "recovered", settings: on, steps: steps(left("insufficient_funds", 1), settles(begin, day(2))), want: []string{"03-04T12:00 email recovered 34.51 EUR"}},
		{name: "given up", settings: on, steps: append(left("insufficient_funds", 1), seen(day(1), "sub_1", sub("unpaid", begin)))},
		{name: "banned", settings: on, steps: append(left("insufficient_funds", 1), policytest.Set(day(1), func(c *billing.Customer) { c.Ban = &billing.Ban{} }))},
		{name: "what only the subscription tells of", settings: on, known: paypalCollects, steps: []policytest.Step{paypalOwes("PAYER_CANNOT_PAY", 3)}, want: []string{"03-05T12:00 collect:paypal/subscription/I-1:after:2026-03-02T12:00:00Z"}},
		{name: "the same, tried too often", settings: on, known: paypalCollects, steps: []policytest.Step{paypalOwes("PAYER_CANNOT_PAY", 8)}},
		{name: "the same, final", settings: on, known: paypalCollects, steps: []policytest.Step{paypalOwes("PAYER_ACCOUNT_RESTRICTED", 3)}},
		{name: "the same, PayPal tries itself", settings: on, known: paypalCollects, steps: []policytest.Step{paypalFails("PAYER_CANNOT_PAY", day(5))}},
		{name: "the same, nothing can be collected", settings: on, known: paypalCollects, steps: []policytest.Step{paypalFails("PAYER_CANNOT_PAY", time.Time{})}},
		{name: "the same, switched off", settings: with(func(s *dunning.Settings) { s.Retry = false }), known: paypalCollects, steps: []policytest.Step{paypalOwes("PAYER_CANNOT_PAY", 3)}},
		{name: "the same, it cannot be asked", settings: on, steps: []policytest.Step{paypalOwes("PAYER_CANNOT_PAY", 3)}},
		{name: "a card from India", settings: on, steps: append(left("insufficient_funds", 1), seen(begin, "pi_in_1", billing.Payment{Status: "failed", CreatedAt: begin, Card: &billing.Card{Country: "IN"}}))},
	} {
		t.Run(s.name, s.run)
	}
}

// TestOwnTriesKeepTheNetworksLimit: not more than 15 tries of one card in 30 days,
// whatever the tries were for, and a day apart.
func TestOwnTriesKeepTheNetworksLimit(t *testing.T) {
	asked := story{
		settings: func(s *dunning.Settings) { s.Retry, s.RetryEvery, s.Tries = true, 24*time.Hour, 15 },
		steps: append(left("try_again_later", 1),
			policytest.Tried(billing.Attempt{Account: "stripe", ID: "ch_x", Payment: "pi_other", At: begin, Decline: &billing.Decline{}, Payer: "fp_1"}),
			policytest.Tried(billing.Attempt{Account: "stripe", ID: "ch_y", Payment: "pi_other", At: begin, Decline: &billing.Decline{}, Payer: "fp_2"})),
		world: failing,
	}.tell(t)
	tries, last := 2, begin
	for _, a := range asked {
		if a.Kind != policy.Collect {
			continue
		}
		tries++
		if a.At.Sub(last) < 24*time.Hour || a.At.After(day(30)) {
			t.Errorf("try %d at %s, the last was at %s", tries, a.At, last)
		}
		last = a.At
	}
	if tries != 15 {
		t.Errorf("%d tries", tries)
	}
}

func TestNextTryIsOurs(t *testing.T) {
	asked := story{settings: func(s *dunning.Settings) { s.Retry = true }, steps: left("insufficient_funds", 1)}.tell(t)
	if want := "03-02T14:00 email payment_failed.1 34.51 EUR funds until 03-09 next 03-05"; told(asked)[0] != want {
		t.Errorf("%s, want %s", told(asked)[0], want)
	}
}

// TestNeverAgainHoldsForTheCard: a decline that forbids another try forbids it for the
// card, whatever the provider's own next try was answered; a new card may be tried.
func TestNeverAgainHoldsForTheCard(t *testing.T) {
	final := func(payment, payer string) policytest.Step {
		return policytest.Tried(billing.Attempt{
			Account: "stripe", ID: "ch_0", Payment: payment, At: begin.Add(-time.Hour), Payer: payer, Decline: &billing.Decline{NetworkCode: "R1"},
		})
	}
	for name, test := range map[string]struct {
		before policytest.Step
		again  bool
	}{
		"for this invoice":              {final("pi_in_1", "fp_1"), false},
		"for another":                   {final("pi_other", "fp_1"), false},
		"by nobody knows which":         {final("pi_in_1", ""), false},
		"another card for this invoice": {final("pi_in_1", "fp_old"), true},
		"another card for another":      {final("pi_other", "fp_old"), true},
		"nobody knows which, another":   {final("pi_other", ""), true},
	} {
		s := story{settings: func(s *dunning.Settings) { s.Retry = true }, steps: append(left("insufficient_funds", 1), test.before), from: begin.Add(-2 * time.Hour)}
		again := slices.ContainsFunc(s.tell(t), func(a policytest.Asked) bool { return a.Kind == policy.Collect })
		if again != test.again {
			t.Errorf("final before, %s: tried again %v", name, again)
		}
	}
}
