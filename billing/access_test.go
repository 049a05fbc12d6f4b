package billing_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
)

// accessTest asks, on day 10 and for "api" unless it says otherwise, what a
// customer may do. Sources are tested elsewhere.
type accessTest struct {
	name    string
	facts   []fact
	rules   func(*billing.Rules)
	feature string
	at      time.Time
	want    billing.Decision
}

// yes allows for now: until is when we expect to hear more. yesTill allows up to
// a moment, whatever is heard.
func yes(reason billing.Reason, until time.Time) billing.Decision {
	return billing.Decision{Allowed: true, Reason: reason, Until: until}
}

func yesTill(reason billing.Reason, end time.Time) billing.Decision {
	return billing.Decision{Allowed: true, Reason: reason, Until: end, Turns: end}
}

func no(reason billing.Reason) billing.Decision { return billing.Decision{Reason: reason} }

func noSince(reason billing.Reason, end time.Time) billing.Decision {
	return billing.Decision{Reason: reason, Until: end}
}

// noTill denies for another reason from a moment on.
func noTill(reason billing.Reason, turns time.Time) billing.Decision {
	return billing.Decision{Reason: reason, Turns: turns}
}

func (test accessTest) run(t *testing.T) {
	rules := billing.DefaultRules()
	if test.rules != nil {
		test.rules(&rules)
	}
	if test.feature == "" {
		test.feature = "api"
	}
	if test.at.IsZero() {
		test.at = day(10)
	}
	got := billing.Access(catalog(), rules, told(test.facts...), test.feature, test.at)
	got.Source = billing.Source{}
	if diff := cmp.Diff(test.want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func runAll(t *testing.T, tests []accessTest) {
	for _, test := range tests {
		t.Run(test.name, test.run)
	}
}

var forever time.Time

func TestAccessBySubscription(t *testing.T) {
	month := period(day(0), day(30))
	runAll(t, []accessTest{
		{name: "nobody who bought nothing gets anything", want: no("no_purchase")},
		{name: "an active subscription gives its features", facts: []fact{sub(active(month))}, want: yes("active", day(30))},
		{name: "an active subscription gives its plan by name", feature: "pro", facts: []fact{sub(active(month))}, want: yes("active", day(30))},
		{name: "an active subscription gives nothing of other plans", feature: "seats", facts: []fact{sub(active(month))}, want: no("no_purchase")},
		{name: "nothing gives a feature without a name", facts: []fact{sub(active(month))}, feature: " ", want: no("no_purchase")},
		{name: "a renewal we have not heard of locks nobody out", facts: []fact{sub(active(month))}, at: day(45), want: yes("active", day(30))},
		{name: "an old price of the plan is as good as the new", facts: []fact{sub(active(price("price_pro_old")))}, want: yes("active", forever)},
		{name: "a price of no plan gives nothing", facts: []fact{sub(active(price("price_other")))}, want: no("no_purchase")},
		{name: "a price of another account gives nothing", facts: []fact{sub(active(price("price_pro_eu")))}, want: no("no_purchase")},
		{name: "a subscription at the second account counts alike", facts: []fact{from("stripe_eu", "sub_1", active(price("price_pro_eu"))())}, want: yes("active", forever)},
		{name: "any item of a subscription gives its plan", feature: "seats", facts: []fact{sub(active(items("price_pro", "price_team")))}, want: yes("active", forever)},
		{name: "several seats give no more than one", facts: []fact{sub(active(month, seats(50)))}, want: yes("active", day(30))},

		{name: "a trial gives access before the first charge", facts: []fact{sub(trialing(trialEnd(day(14))))}, want: yes("trialing", day(14))},
		{name: "a trial that is over locks nobody out before we hear of it", facts: []fact{sub(trialing(trialEnd(day(5))))}, want: yes("trialing", day(5))},
		{name: "a trial canceled for its end ends there", facts: []fact{sub(trialing(trialEnd(day(14)), cancelAt(day(14))))}, want: yesTill("trialing", day(14))},
		{name: "a trial canceled for earlier ends there", facts: []fact{sub(trialing(trialEnd(day(14)), cancelAt(day(12))))}, want: yesTill("trialing", day(12))},
		{name: "a trial canceled for now is over", facts: []fact{sub(trialing(trialEnd(day(14)), cancelAt(day(10))))}, want: noSince("ended", day(10))},

		{name: "a cancellation in the future leaves access till then", facts: []fact{sub(active(month, cancelAt(day(30))))}, want: yesTill("canceling", day(30))},
		{name: "a cancellation leaves access to the last nanosecond", facts: []fact{sub(active(cancelAt(day(10).Add(1))))}, want: yesTill("canceling", day(10).Add(1))},
		{name: "a cancellation takes access at its moment", facts: []fact{sub(active(cancelAt(day(10))))}, want: noSince("ended", day(10))},
		{name: "a cancellation in the past took access, even unheard of", facts: []fact{sub(active(month, cancelAt(day(9))))}, want: noSince("ended", day(9))},
		{name: "an ended subscription gives nothing", facts: []fact{sub(ended(month))}, want: no("ended")},
		{name: "an ended subscription gives nothing, though its date lies ahead", facts: []fact{sub(ended(month, cancelAt(day(30))))}, want: no("ended")},

		{name: "a subscription without its first payment gives nothing", facts: []fact{sub(pending(month))}, want: no("pending")},
		{name: "a pending subscription turns into an ended one at its date", facts: []fact{sub(pending(cancelAt(day(11))))}, want: noTill("pending", day(11))},
		{name: "an unpaid subscription gives nothing", facts: []fact{sub(unpaid(month))}, want: no("unpaid")},
		{name: "an unpaid subscription turns into an ended one at its date", facts: []fact{sub(unpaid(cancelAt(day(11))))}, want: noTill("unpaid", day(11))},
		{name: "a status nobody knows gives nothing", facts: []fact{sub(subscribed("teleported", nil))}, want: no("no_purchase")},
	})
}

func TestAccessInGrace(t *testing.T) {
	noGrace := func(r *billing.Rules) { r.Grace = 0 }
	long := func(r *billing.Rules) { r.Grace = 30 * 24 * time.Hour }
	runAll(t, []accessTest{
		{name: "who is past due keeps access for seven days", facts: []fact{sub(pastDue(since(day(9))))}, want: yesTill("grace", day(16))},
		{name: "grace begins at once", facts: []fact{sub(pastDue(since(day(10))))}, want: yesTill("grace", day(17))},
		{name: "grace lasts to the last nanosecond", facts: []fact{sub(pastDue(since(day(3).Add(1))))}, want: yesTill("grace", day(10).Add(1))},
		{name: "grace is over on the nanosecond", facts: []fact{sub(pastDue(since(day(3))))}, want: noSince("past_due", day(10))},
		{name: "grace is over afterwards", facts: []fact{sub(pastDue(since(day(1))))}, want: noSince("past_due", day(8))},
		{name: "no grace is no access", rules: noGrace, facts: []fact{sub(pastDue(since(day(10))))}, want: noSince("past_due", day(10))},
		{name: "longer grace is longer access", rules: long, facts: []fact{sub(pastDue(since(day(1))))}, want: yesTill("grace", day(31))},
		{name: "who does not say since when is past due since the period began", facts: []fact{sub(pastDue(period(day(8), day(38))))}, want: yesTill("grace", day(15))},
		{name: "a cancellation within grace ends it", facts: []fact{sub(pastDue(since(day(9)), cancelAt(day(12))))}, want: yesTill("grace", day(12))},
		{name: "a cancellation after grace does not prolong it", facts: []fact{sub(pastDue(since(day(9)), cancelAt(day(20))))}, want: yesTill("grace", day(16))},
		{
			name: "a second charge that fails does not begin grace anew", facts: []fact{sub(pastDue(since(day(8)))), owed("in_1", day(1), 2), owed("in_2", day(8), 1)},
			want: noSince("past_due", day(8)),
		},
		{
			name: "an invoice that nobody has tried to collect is not overdue", facts: []fact{sub(pastDue(since(day(8)))), owed("in_1", day(1), 0)},
			want: yesTill("grace", day(15)),
		},
		{
			name: "an older invoice that was paid does not count", facts: []fact{sub(pastDue(since(day(8)))), invoiced("in_1", day(1), "pi_1")},
			want: yesTill("grace", day(15)),
		},
		{
			name:  "what is owed for another subscription does not count",
			facts: []fact{sub(pastDue(since(day(8)))), in("in_1", billing.Invoice{Status: billing.InvoiceOpen, Subscription: "sub_2", Attempts: 1, CreatedAt: day(1)})},
			want:  yesTill("grace", day(15)),
		},
		{
			name:  "a charge that was given up does not begin grace anew either",
			facts: []fact{sub(pastDue(since(day(8)))), in("in_1", billing.Invoice{Status: billing.InvoiceUncollectible, Subscription: "sub_1", Attempts: 4, CreatedAt: day(1)})},
			want:  noSince("past_due", day(8)),
		},
		{
			name:  "a charge owed from before the newest that was paid costs no grace",
			facts: []fact{sub(pastDue(since(day(8)))), owed("in_0", day(-60), 4), invoiced("in_1", day(-20), "pi_1"), owed("in_2", day(8), 1)},
			want:  yesTill("grace", day(15)),
		},
		{
			name: "after grace the reason changes once more, when the subscription ends", facts: []fact{sub(pastDue(since(day(1)), cancelAt(day(20))))},
			want: billing.Decision{Reason: "past_due", Until: day(8), Turns: day(20)},
		},
	})
}

func TestAccessDuringPause(t *testing.T) {
	keep := func(r *billing.Rules) { r.Paused = true }
	runAll(t, []accessTest{
		{name: "a pause takes access", facts: []fact{sub(paused())}, want: no("paused")},
		{name: "a pause of mode void takes access", facts: []fact{sub(paused(mode("void")))}, want: no("paused")},
		{name: "a pause of mode free leaves access", facts: []fact{sub(paused(mode("free")))}, want: yes("paused_free", forever)},
		{name: "a free pause of a canceled subscription ends with it", facts: []fact{sub(paused(mode("free"), cancelAt(day(20))))}, want: yesTill("paused_free", day(20))},
		{name: "a pause leaves access where the rules say so", rules: keep, facts: []fact{sub(paused(mode("void")))}, want: yes("paused_free", forever)},
		{name: "a pause takes access though its period was paid", facts: []fact{sub(paused(period(day(0), day(30))))}, want: no("paused")},
		{name: "a paused subscription turns into an ended one at its date", facts: []fact{sub(paused(cancelAt(day(20))))}, want: noTill("paused", day(20))},
	})
}

func TestAccessAfterRefundsAndDisputes(t *testing.T) {
	keepRefunded := func(r *billing.Rules) { r.Refunded = true }
	denyDisputed := func(r *billing.Rules) { r.Disputed = false }
	good := sub(active(period(day(0), day(30))))
	bill := invoiced("in_1", day(0), "pi_1")
	none, all := paid("pi_1", "", day(0)), paid("pi_1", "", day(0), refunded(1000))
	still := yes("active", day(30))
	runAll(t, []accessTest{
		{name: "a paid period counts", facts: []fact{good, bill, none}, want: still},
		{name: "a full refund takes access", facts: []fact{good, bill, all}, want: no("refunded")},
		{name: "a full refund leaves access where the rules say so", rules: keepRefunded, facts: []fact{good, bill, all}, want: still},
		{name: "a partial refund leaves access", facts: []fact{good, bill, paid("pi_1", "", day(0), refunded(999))}, want: still},
		{name: "a later renewal that was paid heals a refund", facts: []fact{good, bill, all, invoiced("in_2", day(5), "pi_2"), paid("pi_2", "", day(5))}, want: still},
		{name: "a refund of the latest renewal takes access", facts: []fact{good, invoiced("in_0", day(-30), "pi_0"), paid("pi_0", "", day(-30)), bill, all}, want: no("refunded")},
		{name: "of two invoices of one second the greater id is the later", facts: []fact{good, invoiced("in_2", day(0), "pi_2"), paid("pi_2", "", day(0)), bill, all}, want: still},
		{name: "of two invoices of one second the greater id is the later, in either order", facts: []fact{good, bill, all, invoiced("in_2", day(0), "pi_2"), paid("pi_2", "", day(0))}, want: still},
		{name: "a refund of another subscription's invoice is none of ours", facts: []fact{good, in("in_9", billing.Invoice{Status: "paid", Subscription: "sub_9", Payments: []string{"pi_1"}, Paid: 1}), all}, want: still},
		{name: "a refund at another account is none of ours", facts: []fact{good, bill, none, from("stripe_eu", "pi_1", billing.Payment{Status: "succeeded", Amount: billing.Money{Amount: 1}, Refunded: 1})}, want: still},
		{name: "an invoice that is still open spoils nothing", facts: []fact{good, in("in_1", billing.Invoice{Status: "open", Subscription: "sub_1", Payments: []string{"pi_1"}, CreatedAt: day(0)}), all}, want: still},
		{name: "an invoice over nothing does not heal a refund", facts: []fact{good, bill, all, in("in_2", billing.Invoice{Status: "paid", Subscription: "sub_1", CreatedAt: day(5)})}, want: no("refunded")},
		{name: "a refund of one payment of two leaves access", facts: []fact{good, invoiced("in_1", day(0), "pi_1", "pi_2"), all, paid("pi_2", "", day(0))}, want: still},
		{name: "a refund of a change in mid-period leaves access", facts: []fact{good, bill, none, invoiced("in_2", day(5), "pi_2"), paid("pi_2", "", day(5), refunded(1000))}, want: still},
		{name: "a refund of all of a period takes access", facts: []fact{good, bill, all, invoiced("in_2", day(5), "pi_2"), paid("pi_2", "", day(5), refunded(1000))}, want: no("refunded")},
		{name: "a lost dispute over the renewal counts after a change", facts: []fact{good, bill, none, disputed("pi_1", "lost"), invoiced("in_2", day(5), "pi_2"), paid("pi_2", "", day(5))}, want: no("dispute_lost")},
		{name: "a refund of both takes access", facts: []fact{good, invoiced("in_1", day(0), "pi_1", "pi_2"), all, paid("pi_2", "", day(0), refunded(1000))}, want: no("refunded")},
		{name: "a try that failed is no payment to keep", facts: []fact{good, invoiced("in_1", day(0), "pi_1", "pi_2"), all, paid("pi_2", "", day(0), inStatus("failed"))}, want: no("refunded")},
		{name: "a payment we have not seen may be good", facts: []fact{good, invoiced("in_1", day(0), "pi_1", "pi_2"), all}, want: still},
		{name: "a refund in a canceled subscription turns into its end", facts: []fact{sub(active(cancelAt(day(20)))), bill, all}, want: noTill("refunded", day(20))},

		{name: "an open dispute leaves access", facts: []fact{good, bill, none, disputed("pi_1", "open")}, want: still},
		{name: "an open dispute takes access where the rules say so", rules: denyDisputed, facts: []fact{good, bill, none, disputed("pi_1", "open")}, want: no("disputed")},
		{name: "an inquiry is no dispute", rules: denyDisputed, facts: []fact{good, bill, none, disputed("pi_1", "inquiry")}, want: still},
		{name: "a dispute that was lost takes access", facts: []fact{good, bill, none, disputed("pi_1", "lost")}, want: no("dispute_lost")},
		{name: "a dispute that was won leaves all as before", rules: denyDisputed, facts: []fact{good, bill, none, disputed("pi_1", "won")}, want: still},
		{name: "a lost dispute outweighs a won one", facts: []fact{good, bill, none, disputed("pi_1", "won"), disputed("pi_1", "lost")}, want: no("dispute_lost")},
		{name: "a lost dispute outweighs an open one", rules: denyDisputed, facts: []fact{good, bill, none, disputed("pi_1", "lost"), disputed("pi_1", "open")}, want: no("dispute_lost")},
		{name: "a dispute over an earlier period is past", facts: []fact{good, invoiced("in_0", day(-30), "pi_0"), paid("pi_0", "", day(-30)), disputed("pi_0", "lost"), bill, none}, want: still},
		{name: "a lost dispute counts before its payment was seen", facts: []fact{good, bill, disputed("pi_1", "lost")}, want: no("dispute_lost")},
		{name: "a lost dispute over the second payment counts, too", facts: []fact{good, invoiced("in_1", day(0), "pi_1", "pi_2"), none, paid("pi_2", "", day(0)), disputed("pi_2", "lost")}, want: no("dispute_lost")},
		{name: "a lost dispute over the second outweighs an open one over the first", rules: denyDisputed, facts: []fact{good, invoiced("in_1", day(0), "pi_1", "pi_2"), none, disputed("pi_1", "open"), disputed("pi_2", "lost")}, want: no("dispute_lost")},
		{name: "a dispute at another account is none of ours", facts: []fact{good, bill, none, from("stripe_eu", "dp", billing.Dispute{Status: "lost", Payment: "pi_1"})}, want: still},
	})
}

func TestAccessByGrantAndBan(t *testing.T) {
	forAPI, forPro := billing.Grant{ID: "g1", Feature: "api"}, billing.Grant{ID: "g1", Plan: "pro"}
	till := func(g billing.Grant, at time.Time) fact { g.Until = at; return granted(g) }
	revoked := func(g billing.Grant, at time.Time) fact { g.RevokedAt = at; return granted(g) }
	runAll(t, []accessTest{
		{name: "a grant gives its feature", facts: []fact{granted(forAPI)}, want: yes("granted", forever)},
		{name: "a grant gives no other feature", feature: "export", facts: []fact{granted(forAPI)}, want: no("no_purchase")},
		{name: "a grant of a plan gives the plan's features", feature: "export", facts: []fact{granted(forPro)}, want: yes("granted", forever)},
		{name: "a grant of a plan gives no other plan's features", feature: "seats", facts: []fact{granted(forPro)}, want: no("no_purchase")},
		{name: "a grant of a plan nobody knows gives nothing", facts: []fact{granted(billing.Grant{Plan: "gone"})}, want: no("no_purchase")},
		{name: "a grant of a feature of no plan gives that", feature: "beta", facts: []fact{granted(billing.Grant{Feature: "beta"})}, want: yes("granted", forever)},
		{name: "a grant lasts until its date", facts: []fact{till(forAPI, day(10).Add(1))}, want: yesTill("granted", day(10).Add(1))},
		{name: "a grant lapses at its date", facts: []fact{till(forAPI, day(10))}, want: noSince("grant_expired", day(10))},
		{name: "a grant taken back gives nothing", facts: []fact{revoked(forAPI, day(9))}, want: noSince("grant_expired", day(9))},
		{name: "a grant is taken back at its moment", facts: []fact{revoked(forAPI, day(10))}, want: noSince("grant_expired", day(10))},
		{name: "a grant to be taken back stands till then", facts: []fact{revoked(forAPI, day(11))}, want: yesTill("granted", day(11))},
		{name: "the longest of several grants counts", facts: []fact{till(forAPI, day(20)), till(forPro, day(40)), till(forAPI, day(30))}, want: yesTill("granted", day(40))},
		{name: "a grant helps whose subscription is unpaid", facts: []fact{sub(unpaid()), till(forAPI, day(20))}, want: yesTill("granted", day(20))},

		{name: "a ban takes what was paid for", facts: []fact{sub(active()), banned}, want: no("banned")},
		{name: "a ban takes what was granted", facts: []fact{granted(forAPI), banned}, want: no("banned")},
		{name: "a ban is the reason even where nothing was bought", facts: []fact{banned}, want: no("banned")},
	})
	if got := billing.Access(catalog(), billing.DefaultRules(), told(granted(forPro)), "", day(0)); got.Allowed {
		t.Errorf("a grant of a plan gives the feature without a name: %+v", got)
	}
}
