package billing_test

import (
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
)

// session is cs_1, a finished visit to a checkout page that sold one price.
func session(price, payment, status string, at time.Time) fact {
	return in("cs_1", billing.Checkout{
		Status: billing.CheckoutComplete, PaymentStatus: status, Mode: "payment", Payment: payment,
		Items: []billing.Item{{Price: price, Quantity: 1}}, CreatedAt: at,
	})
}

func TestAccessByPass(t *testing.T) {
	pass := func(id string, at time.Time, changes ...func(*billing.Payment)) fact {
		return paid(id, "price_month", at, changes...)
	}
	at := func(text string) time.Time { return date(text) }
	runAll(t, []accessTest{
		{name: "a pass lasts a month", facts: []fact{pass("pi_1", at("2026-01-15"))}, at: at("2026-02-01"), want: yesTill("pass", at("2026-02-15"))},
		{name: "a pass lasts to the last nanosecond", facts: []fact{pass("pi_1", at("2026-01-15"))}, at: at("2026-02-15").Add(-1), want: yesTill("pass", at("2026-02-15"))},
		{name: "a pass is over on the nanosecond", facts: []fact{pass("pi_1", at("2026-01-15"))}, at: at("2026-02-15"), want: noSince("pass_over", at("2026-02-15"))},
		{name: "a pass of January 31 ends with February", facts: []fact{pass("pi_1", at("2026-01-31"))}, at: at("2026-02-01"), want: yesTill("pass", at("2026-02-28"))},
		{name: "a pass of January 31 has a day more in a leap year", facts: []fact{pass("pi_1", at("2028-01-31"))}, at: at("2028-02-01"), want: yesTill("pass", at("2028-02-29"))},
		{name: "a pass of a year from February 29 ends on the 28th", facts: []fact{paid("pi_1", "price_year", at("2028-02-29"))}, at: at("2028-03-01"), want: yesTill("pass", at("2029-02-28"))},
		{name: "a pass bought early is added to the end", facts: []fact{pass("pi_1", at("2026-01-15")), pass("pi_2", at("2026-01-20"))}, at: at("2026-02-01"), want: yesTill("pass", at("2026-03-15"))},
		{name: "a pass bought as the last one ends follows it", facts: []fact{pass("pi_1", at("2026-01-15")), pass("pi_2", at("2026-02-15"))}, at: at("2026-02-20"), want: yesTill("pass", at("2026-03-15"))},
		{name: "a pass bought after a gap begins when it was bought", facts: []fact{pass("pi_1", at("2026-01-15")), pass("pi_2", at("2026-05-03"))}, at: at("2026-05-20"), want: yesTill("pass", at("2026-06-03"))},
		{name: "passes stack on both sides of a gap", facts: []fact{pass("pi_1", at("2026-01-01")), pass("pi_2", at("2026-01-02")), pass("pi_3", at("2026-06-01")), pass("pi_4", at("2026-06-02"))}, at: at("2026-06-20"), want: yesTill("pass", at("2026-08-01"))},
		{name: "stacked passes keep the day of the first", facts: []fact{pass("pi_1", at("2026-01-31")), pass("pi_2", at("2026-02-01"))}, at: at("2026-02-02"), want: yesTill("pass", at("2026-03-31"))},
		{name: "two passes at one moment make two months", facts: []fact{pass("pi_1", at("2026-01-15")), pass("pi_2", at("2026-01-15"))}, at: at("2026-02-01"), want: yesTill("pass", at("2026-03-15"))},
		{name: "twelve passes make a year", facts: []fact{pass("pi_1", at("2026-01-31"), times(12))}, at: at("2026-02-01"), want: yesTill("pass", at("2027-01-31"))},
		{name: "an unthinkable number of passes ends with the calendar", facts: []fact{pass("pi_1", at("2026-01-31"), times(1<<62)), pass("pi_2", at("2026-01-31"), times(1<<62))}, at: at("2026-02-01"), want: yesTill("pass", time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC))},
		{name: "a quantity of none is one", facts: []fact{pass("pi_1", at("2026-01-15"), times(0))}, at: at("2026-02-01"), want: yesTill("pass", at("2026-02-15"))},
		{name: "a pass of unknown payment date counts from when it was begun", facts: []fact{pass("pi_1", forever, func(p *billing.Payment) { p.CreatedAt = at("2026-01-15") })}, at: at("2026-02-01"), want: yesTill("pass", at("2026-02-15"))},
		{name: "half a day", facts: []fact{paid("pi_1", "price_half", at("2026-01-15"))}, at: at("2026-01-15").Add(12*time.Hour - time.Second), want: yesTill("pass", at("2026-01-15").Add(12*time.Hour))},
		{name: "half a day is over", facts: []fact{paid("pi_1", "price_half", at("2026-01-15"))}, at: at("2026-01-15").Add(12 * time.Hour), want: noSince("pass_over", at("2026-01-15").Add(12*time.Hour))},
		{name: "two half days make one", facts: []fact{paid("pi_1", "price_half", at("2026-01-15")), paid("pi_2", "price_half", at("2026-01-15").Add(time.Hour))}, at: at("2026-01-15").Add(20 * time.Hour), want: yesTill("pass", at("2026-01-16"))},
		{name: "passes of different plans do not stack, the longer counts", facts: []fact{pass("pi_1", at("2026-01-15")), paid("pi_2", "price_year", at("2026-01-20"))}, at: at("2026-02-01"), want: yesTill("pass", at("2027-01-20"))},
		{name: "a refunded pass does not count among the stack", facts: []fact{pass("pi_1", at("2026-01-15")), pass("pi_2", at("2026-01-16"), refunded(1000))}, at: at("2026-02-01"), want: yesTill("pass", at("2026-02-15"))},
		{name: "a pass over and another refunded: the refund is the reason", facts: []fact{pass("pi_1", at("2025-01-15")), pass("pi_2", at("2026-01-16"), refunded(1000))}, at: at("2026-02-01"), want: no("refunded")},
	})
}

func TestAccessByOneTimePayment(t *testing.T) {
	keepRefunded := func(r *billing.Rules) { r.Refunded = true }
	denyDisputed := func(r *billing.Rules) { r.Disputed = false }
	life := func(changes ...func(*billing.Payment)) fact { return paid("pi_1", "price_life", day(0), changes...) }
	runAll(t, []accessTest{
		{name: "bought once, for ever", facts: []fact{life()}, at: day(9999), want: yes("forever", forever)},
		{name: "a payment under way at a slow bank is pending", facts: []fact{life(inStatus("pending"))}, want: no("pending")},
		{name: "a payment to be confirmed is pending", facts: []fact{life(inStatus("requires_action"))}, want: no("pending")},
		{name: "a payment in a status nobody knows is pending", facts: []fact{life(inStatus("teleported"))}, want: no("pending")},
		{name: "a payment that failed is no purchase", facts: []fact{life(inStatus("failed"))}, want: no("no_purchase")},
		{name: "a payment that was canceled is no purchase", facts: []fact{life(inStatus("canceled"))}, want: no("no_purchase")},
		{name: "a payment for a subscription's price is no purchase by itself", facts: []fact{paid("pi_1", "price_pro", day(0))}, want: no("no_purchase")},
		{name: "a payment that does not say for what buys nothing", facts: []fact{paid("pi_1", "", day(0))}, want: no("no_purchase")},
		{name: "a full refund takes what was bought", facts: []fact{life(refunded(1000))}, want: no("refunded")},
		{name: "a full refund leaves it where the rules say so", rules: keepRefunded, facts: []fact{life(refunded(1000))}, want: yes("forever", forever)},
		{name: "a partial refund leaves it", facts: []fact{life(refunded(999))}, want: yes("forever", forever)},
		{name: "bought again after the refund", facts: []fact{life(refunded(1000)), paid("pi_2", "price_life", day(1))}, want: yes("forever", forever)},
		{name: "an open dispute leaves it", facts: []fact{life(), disputed("pi_1", "open")}, want: yes("forever", forever)},
		{name: "an open dispute takes it where the rules say so", rules: denyDisputed, facts: []fact{life(), disputed("pi_1", "open")}, want: no("disputed")},
		{name: "an inquiry leaves it", rules: denyDisputed, facts: []fact{life(), disputed("pi_1", "inquiry")}, want: yes("forever", forever)},
		{name: "a lost dispute takes it", facts: []fact{life(), disputed("pi_1", "lost")}, want: no("dispute_lost")},
		{name: "a dispute that was won leaves it", facts: []fact{life(), disputed("pi_1", "won")}, want: yes("forever", forever)},
	})
}

func TestAccessByCheckout(t *testing.T) {
	runAll(t, []accessTest{
		{name: "a free checkout, by a coupon for all of the price, buys", facts: []fact{session("price_life", "", "no_payment_required", day(0))}, want: yes("forever", forever)},
		{name: "a free pass begins with the checkout", facts: []fact{session("price_month", "", "no_payment_required", date("2026-03-01"))}, want: yesTill("pass", date("2026-04-01"))},
		{name: "a free pass stacks with a paid one", facts: []fact{session("price_month", "", "no_payment_required", date("2026-03-01")), paid("pi_1", "price_month", date("2026-03-05"))}, want: yesTill("pass", date("2026-05-01"))},
		{name: "a session said to be paid buys nothing without its payment", facts: []fact{session("price_life", "pi_1", "paid", day(0))}, want: no("no_purchase")},
		{name: "an unpaid session buys nothing", facts: []fact{session("price_life", "pi_1", "unpaid", day(0))}, want: no("no_purchase")},
		{name: "an unpaid session whose payment is under way is pending", facts: []fact{session("price_life", "pi_1", "unpaid", day(0)), paid("pi_1", "", day(0), inStatus("pending"))}, want: no("pending")},
		{name: "a session tells what its payment bought", facts: []fact{session("price_life", "pi_1", "paid", day(0)), paid("pi_1", "", day(0))}, want: yes("forever", forever)},
		{name: "a session still called unpaid does not outweigh its payment", facts: []fact{session("price_life", "pi_1", "unpaid", day(0)), paid("pi_1", "", day(0))}, want: yes("forever", forever)},
		{name: "what a payment says of itself outweighs the session", feature: "render", facts: []fact{session("price_life", "pi_1", "paid", day(0)), paid("pi_1", "price_pack", day(0))}, want: yes("credits", forever)},
		{name: "a session and its payment make one pass, not two", facts: []fact{session("price_month", "pi_1", "paid", date("2026-03-01")), paid("pi_1", "price_month", date("2026-03-01"))}, want: yesTill("pass", date("2026-04-01"))},
		{name: "a free session for a subscription waits for the subscription", facts: []fact{in("cs_1", billing.Checkout{Status: "complete", PaymentStatus: "no_payment_required", Mode: "subscription", Items: []billing.Item{{Price: "price_pro"}}})}, want: no("no_purchase")},
		{name: "a free session for a subscription's price buys nothing", facts: []fact{session("price_pro", "", "no_payment_required", day(0))}, want: no("no_purchase")},
		{name: "a session that is still open buys nothing", facts: []fact{in("cs_1", billing.Checkout{Status: "open", PaymentStatus: "no_payment_required", Mode: "payment", Items: []billing.Item{{Price: "price_life"}}})}, want: no("no_purchase")},
		{name: "a session that expired buys nothing", facts: []fact{in("cs_1", billing.Checkout{Status: "expired", PaymentStatus: "no_payment_required", Mode: "payment", Items: []billing.Item{{Price: "price_life"}}})}, want: no("no_purchase")},
		{name: "a session at another account tells nothing of ours", facts: []fact{from("stripe_eu", "cs_1", billing.Checkout{Status: "complete", Payment: "pi_1", Items: []billing.Item{{Price: "price_life"}}}), paid("pi_1", "", day(0))}, want: no("no_purchase")},
	})
}

func TestAccessByCredits(t *testing.T) {
	pack := func(id string, changes ...func(*billing.Payment)) fact {
		return paid(id, "price_pack", day(0), changes...)
	}
	tests := []accessTest{
		{name: "credits give access while there are some", facts: []fact{pack("pi_1")}, want: yes("credits", forever)},
		{name: "the last credit still counts", facts: []fact{pack("pi_1"), consumed("pack", 99)}, want: yes("credits", forever)},
		{name: "no credits are left", facts: []fact{pack("pi_1"), consumed("pack", 100)}, want: no("no_credits")},
		{name: "more were used than there are", facts: []fact{pack("pi_1"), consumed("pack", 150)}, want: no("no_credits")},
		{name: "another purchase adds to the balance", facts: []fact{pack("pi_1"), pack("pi_2"), consumed("pack", 150)}, want: yes("credits", forever)},
		{name: "a quantity multiplies them", facts: []fact{pack("pi_1", times(3)), consumed("pack", 299)}, want: yes("credits", forever)},
		{name: "refunded credits are gone", facts: []fact{pack("pi_1"), pack("pi_2", refunded(1000)), consumed("pack", 100)}, want: no("refunded")},
		{name: "used credits of another plan do not count", facts: []fact{pack("pi_1"), consumed("other", 150)}, want: yes("credits", forever)},
		{name: "credits under way are pending", facts: []fact{pack("pi_1", inStatus("pending"))}, want: no("pending")},
		{name: "nobody bought credits", facts: []fact{consumed("pack", 5)}, want: no("no_purchase")},
	}
	for i := range tests {
		tests[i].feature = "render"
	}
	runAll(t, tests)
}

// The best of several purchases counts, and the decision names it.
func TestAccessTellsItsSource(t *testing.T) {
	source := func(account string, kind billing.Kind, id string) billing.Source {
		return billing.Source{Account: account, Kind: kind, ID: id}
	}
	month := period(day(0), day(30))
	tests := map[string]struct {
		facts  []fact
		reason billing.Reason
		want   billing.Source
	}{
		"nothing has no source":           {nil, "no_purchase", billing.Source{}},
		"a ban has no source":             {[]fact{sub(active()), banned}, "banned", billing.Source{}},
		"a subscription":                  {[]fact{sub(active())}, "active", source("stripe", "subscription", "sub_1")},
		"a denial names it, too":          {[]fact{sub(unpaid())}, "unpaid", source("stripe", "subscription", "sub_1")},
		"a refund names the subscription": {[]fact{sub(active()), invoiced("in_1", day(0), "pi_1"), paid("pi_1", "", day(0), refunded(1000))}, "refunded", source("stripe", "subscription", "sub_1")},
		"the newest pass":                 {[]fact{paid("pi_2", "price_month", day(5)), paid("pi_1", "price_month", day(0))}, "pass", source("stripe", "payment", "pi_2")},
		"the first of several for ever":   {[]fact{paid("pi_2", "price_life", day(5)), paid("pi_1", "price_life", day(0))}, "forever", source("stripe", "payment", "pi_1")},
		"a free checkout":                 {[]fact{session("price_life", "", "no_payment_required", day(0))}, "forever", source("stripe", "checkout", "cs_1")},
		"a grant":                         {[]fact{granted(billing.Grant{ID: "g1", Feature: "api"})}, "granted", source("", "grant", "g1")},
		"of two plans that give it, the one that lasts": {
			[]fact{in("sub_1", active(month, cancelAt(day(30)))()), in("sub_2", active(price("price_team"))())}, "active", source("stripe", "subscription", "sub_2"),
		},
		"of two that are to end, the later": {
			[]fact{in("sub_1", active(cancelAt(day(20)))()), in("sub_2", active(cancelAt(day(30)))())}, "canceling", source("stripe", "subscription", "sub_2"),
		},
		"of two that go on, the one paid for longer": {
			[]fact{in("sub_1", active(month)()), in("sub_2", active(period(day(0), day(365)))())}, "active", source("stripe", "subscription", "sub_2"),
		},
		"of two accounts, the first by name, all else being equal": {
			[]fact{from("stripe_eu", "sub_1", active(price("price_pro_eu"))()), in("sub_2", active()())}, "active", source("stripe", "subscription", "sub_2"),
		},
		"of equal ends, a subscription rather than a pass of the same id": {
			[]fact{in("1", active(cancelAt(date("2026-04-01")))()), paid("1", "price_month", date("2026-03-01"))}, "canceling", source("stripe", "subscription", "1"),
		},
		"a purchase for ever outlasts a subscription": {[]fact{sub(active(month)), paid("pi_1", "price_life", day(0))}, "forever", source("stripe", "payment", "pi_1")},
		"what allows outweighs what denies":           {[]fact{sub(unpaid()), paid("pi_1", "price_month", day(0))}, "pass", source("stripe", "payment", "pi_1")},
		"of two denials, the stronger":                {[]fact{in("sub_1", ended()()), in("sub_2", unpaid()()), in("sub_3", paused()())}, "unpaid", source("stripe", "subscription", "sub_2")},
		"of equal denials, the first by name":         {[]fact{in("sub_2", paused()()), in("sub_1", paused()())}, "paused", source("stripe", "subscription", "sub_1")},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := billing.Access(catalog(), billing.DefaultRules(), told(test.facts...), "api", day(10))
			if got.Reason != test.reason || got.Source != test.want {
				t.Errorf("got %s of %+v, want %s of %+v", got.Reason, got.Source, test.reason, test.want)
			}
		})
	}
}

func TestEveryReasonHasItsRank(t *testing.T) {
	// A denial that nobody ranked would be told in the place of a ranked one, or
	// not at all: of each pair the later in this list must win.
	ranked := []struct {
		reason billing.Reason
		facts  fact
	}{
		{"pending", in("a", pending()())},
		{"ended", in("b", ended()())},
		{"grant_expired", granted(billing.Grant{ID: "c", Feature: "api", Until: day(0)})},
		{"pass_over", paid("d", "price_month", day(-90))},
		{"paused", in("e", paused()())},
		{"past_due", in("f", pastDue(since(day(0)))())},
		{"unpaid", in("g", unpaid()())},
		{"refunded", paid("h", "price_life", day(0), refunded(1000))},
		{"dispute_lost", func(f *billing.Facts) { paid("i", "price_life", day(0))(f); disputed("i", "lost")(f) }},
		{"banned", banned},
	}
	for i, weaker := range ranked {
		for _, stronger := range ranked[i+1:] {
			got := billing.Access(catalog(), billing.DefaultRules(), told(stronger.facts, weaker.facts), "api", day(10))
			if got.Allowed || got.Reason != stronger.reason {
				t.Errorf("%s and %s: told %q", weaker.reason, stronger.reason, got.Reason)
			}
		}
	}
}

func TestFullyRefunded(t *testing.T) {
	pay := func(status billing.PaymentStatus, amount, refunded int64) billing.Payment {
		return billing.Payment{Status: status, Amount: billing.Money{Amount: amount, Currency: "EUR"}, Refunded: refunded}
	}
	for _, test := range []struct {
		payment billing.Payment
		want    bool
	}{
		{pay("succeeded", 1000, 1000), true}, {pay("succeeded", 1000, 1001), true}, {pay("succeeded", 1000, 999), false},
		{pay("succeeded", 1000, 0), false}, {pay("succeeded", 0, 0), false}, {pay("failed", 1000, 1000), false},
	} {
		if got := test.payment.FullyRefunded(); got != test.want {
			t.Errorf("%+v: got %v", test.payment, got)
		}
	}
}

// One payment can buy passes of two plans, and both can be over.
func TestAccessAfterTwoPassesOfOnePayment(t *testing.T) {
	facts := told(paid("pi_1", "price_month", date("2024-01-01"), func(p *billing.Payment) {
		p.Items = append(p.Items, billing.Item{Price: "price_year", Quantity: 1})
	}))
	for range 50 { // Go orders maps at random
		if got := billing.Access(catalog(), billing.DefaultRules(), facts, "api", day(10)); !got.Until.Equal(date("2025-01-01")) {
			t.Fatalf("over since %v, want since the later end", got.Until)
		}
	}
}
