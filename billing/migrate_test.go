package billing_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/trivetdev/trivet/billing"
)

// leaving is a grant, given on day 2 until day 30, to a customer who is moved away
// from stripe_eu; staying one who is moved away from stripe.
var (
	leaving = billing.Grant{ID: "g1", Plan: "pro", From: "stripe_eu", At: day(2), Until: day(30)}
	staying = billing.Grant{ID: "g1", Plan: "pro", From: "stripe", At: day(2), Until: day(30)}
)

func endedAt(at time.Time) detail { return func(s *billing.Subscription) { s.EndedAt = at } }

// old is a subscription at the account that the customer leaves.
func old(of subscription) fact { return from("stripe_eu", "sub_old", of()) }

// TestAccessWhileMoving: access goes on until the customer has bought elsewhere, at
// the latest until the date, whatever becomes of either subscription.
func TestAccessWhileMoving(t *testing.T) {
	left := old(ended(price("price_pro_eu"), endedAt(day(5))))
	free := billing.Checkout{Mode: "payment", Status: billing.CheckoutComplete, PaymentStatus: billing.CheckoutNoPayment,
		Items: []billing.Item{{Price: "price_life", Quantity: 1}}, CreatedAt: day(4)}
	for _, test := range []accessTest{
		{name: "the old one has ended", facts: []fact{granted(leaving), left}, want: yesTill("migration", day(30))},
		{name: "and nothing else was ever there", facts: []fact{granted(leaving)}, want: yesTill("migration", day(30))},
		{name: "the date has come", facts: []fact{granted(leaving), left}, at: day(30), want: noSince("grant_expired", day(30))},
		{name: "a moment before", facts: []fact{granted(leaving), left}, at: day(30).Add(-1), want: yesTill("migration", day(30))},
		{name: "it was taken back", facts: []fact{granted(func() billing.Grant { g := leaving; g.RevokedAt = day(9); return g }()), left}, want: noSince("grant_expired", day(9))},
		{name: "the old one goes on", facts: []fact{granted(leaving), old(active(price("price_pro_eu"), period(day(0), day(31))))}, want: yes("active", day(31))},
		{name: "the old one fails", facts: []fact{granted(leaving), old(unpaid(price("price_pro_eu")))}, want: yesTill("migration", day(30))},
		{name: "another feature of the plan", feature: "export", facts: []fact{granted(leaving), left}, want: yesTill("migration", day(30))},
		{name: "a feature of no such plan", feature: "seats", facts: []fact{granted(leaving), left}, want: no("no_purchase")},
		{name: "a plan that nobody knows any more", facts: []fact{granted(func() billing.Grant { g := leaving; g.Plan = "gone"; return g }())}, want: no("no_purchase")},
		{name: "banned", facts: []fact{granted(leaving), banned}, want: no("banned")},

		{name: "the new one has begun and is not paid", facts: []fact{granted(leaving), left, sub(pending())}, want: yesTill("migration", day(30))},
		{name: "the new one is good", facts: []fact{granted(leaving), left, sub(active(period(day(3), day(34))))}, want: yes("active", day(34))},
		{name: "the new one is in a trial", facts: []fact{granted(leaving), left, sub(trialing(trialEnd(day(14))))}, want: yes("trialing", day(14))},
		{name: "the new one was good and fell behind", facts: []fact{granted(leaving), left, sub(pastDue(since(day(1))))}, want: noSince("past_due", day(8))},
		{name: "the new one was ended again", facts: []fact{granted(leaving), left, sub(ended(endedAt(day(6))))}, want: noSince("ended", day(6))},
		{name: "the new one is canceled", facts: []fact{granted(leaving), left, sub(active(cancelAt(day(12))))}, want: yesTill("canceling", day(12))},
		{name: "its cancellation has come", facts: []fact{granted(leaving), left, sub(active(cancelAt(day(9))))}, want: noSince("ended", day(9))},
		{name: "the new one is of another plan with the feature", facts: []fact{granted(leaving), left, sub(active(price("price_team")))}, want: yes("active", forever)},
		{name: "which has not this one", feature: "export", facts: []fact{granted(leaving), left, sub(active(price("price_team")))}, want: noSince("ended", day(5))},
		{name: "one that ended long ago is not the new one", facts: []fact{granted(leaving), left, sub(ended(endedAt(day(1))))}, want: yesTill("migration", day(30))},
		{name: "one whose cancellation came long ago", facts: []fact{granted(leaving), left, sub(active(cancelAt(day(1))))}, want: yesTill("migration", day(30))},
		{name: "one of a price in no plan", facts: []fact{granted(leaving), left, sub(active(price("price_other")))}, want: yesTill("migration", day(30))},
		{name: "another at the old account is not the new one", facts: []fact{granted(staying), sub(unpaid())}, want: yesTill("migration", day(30))},

		{name: "a pass since", facts: []fact{granted(leaving), left, paid("pi_1", "price_month", day(3))}, want: yesTill("pass", day(34))},
		{name: "a pass since, all refunded", facts: []fact{granted(leaving), left, paid("pi_1", "price_month", day(3), refunded(1000))}, want: no("refunded")},
		{name: "a pass before", facts: []fact{granted(leaving), left, paid("pi_1", "price_month", day(1), refunded(1000))}, want: yesTill("migration", day(30))},
		{name: "a pass that is not paid", facts: []fact{granted(leaving), left, paid("pi_1", "price_month", day(3), inStatus(billing.PaymentPending))}, want: yesTill("migration", day(30))},
		{name: "a thing that has nothing to do with it", facts: []fact{granted(leaving), left, paid("pi_1", "price_pack", day(3))}, want: yesTill("migration", day(30))},
		{name: "for ever, with a coupon for the whole price", facts: []fact{granted(leaving), left, in("cs_1", free)}, want: yes("forever", forever)},
	} {
		t.Run(test.name, test.run)
	}
}

// TestBridges: what a move of the customers of stripe_eu calls for on day 10, seven
// days after what they have paid for.
func TestBridges(t *testing.T) {
	weekAfter := billing.Migration{From: "stripe_eu", Grace: 7 * 24 * time.Hour}
	given := func(until time.Time, change func(*billing.Grant)) fact {
		g := leaving
		g.Until = until
		if change != nil {
			change(&g)
		}
		return granted(g)
	}
	eu := price("price_pro_eu")
	for name, test := range map[string]struct {
		facts []fact
		move  func(*billing.Migration)
		want  string
	}{
		"a good subscription":             {[]fact{old(active(eu, period(day(0), day(31))))}, nil, "sub_old: pro until 38"},
		"one that is to end":              {[]fact{old(active(eu, period(day(0), day(31)), cancelAt(day(31))))}, nil, "sub_old ends: pro until 38"},
		"one that is to end sooner":       {[]fact{old(active(eu, period(day(0), day(31)), cancelAt(day(12))))}, nil, "sub_old ends: pro until 19"},
		"a trial":                         {[]fact{old(trialing(eu, period(day(0), day(31)), trialEnd(day(14))))}, nil, "sub_old: pro until 21"},
		"a renewal not heard of":          {[]fact{old(active(eu, period(day(-21), day(9))))}, nil, "sub_old: pro until 17"},
		"a date for all":                  {[]fact{old(active(eu, period(day(0), day(31))))}, func(m *billing.Migration) { m.Until = day(20) }, "sub_old: pro until 20"},
		"a date that is past":             {[]fact{old(active(eu))}, func(m *billing.Migration) { m.Until = day(10) }, ""},
		"of the plan that is moved":       {[]fact{old(active(eu, period(day(0), day(31))))}, func(m *billing.Migration) { m.Plan = "pro" }, "sub_old: pro until 38"},
		"of another plan":                 {[]fact{old(active(eu))}, func(m *billing.Migration) { m.Plan = "team" }, ""},
		"of no plan":                      {[]fact{old(active(price("price_pro")))}, nil, ""},
		"at another account":              {[]fact{sub(active(period(day(0), day(31))))}, nil, ""},
		"one who owes":                    {[]fact{old(pastDue(eu, since(day(9))))}, nil, ""},
		"one who does not pay":            {[]fact{old(unpaid(eu))}, nil, ""},
		"one who has not paid yet":        {[]fact{old(pending(eu))}, nil, ""},
		"one who paused":                  {[]fact{old(paused(eu))}, nil, ""},
		"one whose pause is free":         {[]fact{old(paused(eu, mode("free"), period(day(0), day(31))))}, nil, "sub_old: pro until 38"},
		"one who has left":                {[]fact{old(ended(eu))}, nil, ""},
		"banned":                          {[]fact{old(active(eu)), banned}, nil, ""},
		"all refunded":                    {[]fact{old(active(eu)), from("stripe_eu", "in_1", billing.Invoice{Status: billing.InvoicePaid, Subscription: "sub_old", Paid: 1000, Payments: []string{"pi_1"}}), from("stripe_eu", "pi_1", billing.Payment{Status: billing.PaymentSucceeded, Amount: billing.Money{Amount: 1000}, Refunded: 1000})}, nil, ""},
		"one who has bought elsewhere":    {[]fact{old(active(eu)), sub(active())}, nil, ""},
		"one who had, long ago":           {[]fact{old(active(eu, period(day(0), day(31)))), sub(ended(endedAt(day(1))))}, nil, "sub_old: pro until 38"},
		"given already":                   {[]fact{old(active(eu, period(day(0), day(31)))), given(day(38), nil)}, nil, "sub_old: pro until 38 by g1"},
		"given for longer":                {[]fact{old(active(eu, period(day(0), day(31)))), given(day(60), nil)}, nil, "sub_old: pro until 60 by g1"},
		"given for less":                  {[]fact{old(active(eu, period(day(0), day(31)))), given(day(20), nil)}, nil, "sub_old: pro until 38"},
		"given and taken back":            {[]fact{old(active(eu, period(day(0), day(31)))), given(day(60), func(g *billing.Grant) { g.RevokedAt = day(9) })}, nil, "sub_old: pro until 38"},
		"given for another account":       {[]fact{old(active(eu, period(day(0), day(31)))), given(day(60), func(g *billing.Grant) { g.From = "stripe" })}, nil, "sub_old: pro until 38"},
		"given by hand for other reasons": {[]fact{old(active(eu, period(day(0), day(31)))), given(day(60), func(g *billing.Grant) { g.From = "" })}, nil, "sub_old: pro until 38"},
		"two of one plan":                 {[]fact{old(active(eu, period(day(0), day(31)))), from("stripe_eu", "sub_a", active(eu, period(day(0), day(20)))())}, nil, "sub_a: pro until 38, sub_old: pro until 38"},
	} {
		t.Run(name, func(t *testing.T) {
			move := weekAfter
			if test.move != nil {
				test.move(&move)
			}
			got := ""
			for i, b := range billing.Bridges(catalog(), billing.DefaultRules(), told(test.facts...), move, day(10)) {
				if i > 0 {
					got += ", "
				}
				got += b.Subscription
				if b.Canceling {
					got += " ends"
				}
				got += fmt.Sprintf(": %s until %d", b.Grant.Plan, int(b.Grant.Until.Sub(day(0)).Hours()/24))
				if b.Grant.ID != "" {
					got += " by " + b.Grant.ID
				}
			}
			if got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// give adds the grants that a move asks for, as whoever carries it out does.
func give(facts billing.Facts, bridges []billing.Bridge, at time.Time) (billing.Facts, int) {
	facts.Grants = slices.Clone(facts.Grants)
	fresh := map[string]bool{}
	for _, b := range bridges {
		if b.Grant.ID == "" && !fresh[b.Grant.Plan] {
			fresh[b.Grant.Plan] = true
			b.Grant.ID, b.Grant.At = "new "+b.Grant.Plan, at
			facts.Grants = append(facts.Grants, b.Grant)
		}
	}
	return facts, len(fresh)
}

var migrations = rapid.Custom(func(t *rapid.T) billing.Migration {
	m := billing.Migration{From: rapid.SampledFrom([]string{"stripe", "stripe_eu"}).Draw(t, "from"), Plan: rapid.SampledFrom([]string{"", "", "pro"}).Draw(t, "plan")}
	if rapid.Bool().Draw(t, "by date") {
		m.Until = near.Draw(t, "until")
	}
	m.Grace = time.Duration(rapid.IntRange(1, 40).Draw(t, "grace in half days")) * 12 * time.Hour
	return m
})

// TestAMoveIsAskedForOnce: what it asks for it does not ask for again; it takes
// nothing away; and it ends when the old one is gone and the date has come.
func TestAMoveIsAskedForOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts, rules, move, feature := history.Draw(t, "facts"), allRules.Draw(t, "rules"), migrations.Draw(t, "move"), features.Draw(t, "feature")
		before := billing.Access(catalog(), rules, facts, feature, day(10))
		bridges := billing.Bridges(catalog(), rules, facts, move, day(10))
		moved, _ := give(facts, bridges, day(10))
		again := billing.Bridges(catalog(), rules, moved, move, day(10))
		if _, fresh := give(moved, again, day(10)); fresh > 0 || len(again) != len(bridges) {
			t.Fatalf("asked again: %+v after %+v", again, bridges)
		}
		after := billing.Access(catalog(), rules, moved, feature, day(10))
		if before.Allowed && !after.Allowed {
			t.Fatalf("a move took access away: %+v became %+v", before, after)
		}
		if !before.Allowed && after.Allowed {
			t.Fatalf("a move gave access to somebody who had none: %+v became %+v", before, after)
		}
		for _, b := range bridges {
			end := b.Grant.Until // zero: one that stood already has no end
			if !b.Grant.RevokedAt.IsZero() && (end.IsZero() || b.Grant.RevokedAt.Before(end)) {
				end = b.Grant.RevokedAt
			}
			if end.IsZero() && b.Grant.ID != "" {
				end = day(1000)
			}
			if !end.After(day(10)) {
				t.Fatalf("it bridges nothing: %+v", b)
			}
			plan, _ := catalog().ByID(b.Grant.Plan)
			gone := moved
			gone.Subscriptions = slices.DeleteFunc(slices.Clone(moved.Subscriptions), func(s billing.Held[billing.Subscription]) bool { return s.Account == move.From })
			if d := billing.Access(catalog(), rules, gone, plan.ID, end.Add(-1)); !d.Allowed {
				t.Fatalf("%+v does not bridge: %+v", b, d)
			}
		}
	})
}

// TestBuyingElsewhereEndsTheMove: for good, and whatever becomes of the purchase.
func TestBuyingElsewhereEndsTheMove(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := billing.Facts{}
		granted(leaving)(&facts)
		bought := someSubscription(t)
		bought.Price = rapid.SampledFrom([]string{"price_pro", "price_team"}).Draw(t, "bought price")
		bought.CancelAt, bought.EndedAt = time.Time{}, time.Time{}
		facts.Add("stripe", "sub_new", bought)
		moved := bought.Status != billing.SubscriptionPending && bought.Status != billing.SubscriptionEnded
		if facts.Moved(catalog(), leaving) != moved && bought.Status != billing.SubscriptionEnded {
			t.Fatalf("%+v: moved %v", bought, !moved)
		}
		if !moved {
			return
		}
		if d := billing.Access(catalog(), billing.DefaultRules(), facts, "api", day(10)); d.Reason == billing.ReasonMigration {
			t.Fatalf("still %+v beside %+v", d, bought)
		}
		// It ends, at any time after the grant was given.
		bought.Status, bought.EndedAt = billing.SubscriptionEnded, leaving.At.Add(time.Duration(rapid.IntRange(1, 500).Draw(t, "hours"))*time.Hour)
		facts.Subscriptions = nil
		facts.Add("stripe", "sub_new", bought)
		for n := range 40 {
			d := billing.Access(catalog(), billing.DefaultRules(), facts, "api", day(n))
			if diff := cmp.Diff(billing.Decision{Allowed: false, Reason: d.Reason, Until: d.Until, Source: d.Source}, d); diff != "" {
				t.Fatalf("on day %d: %s", n, diff)
			}
		}
	})
}

// TestReasons: each is described once, those that allow before those that deny.
func TestReasons(t *testing.T) {
	seen := map[billing.Reason]bool{}
	denying := false
	for _, r := range billing.Reasons() {
		if seen[r.Reason] || r.Meaning == "" || r.Reason == "" {
			t.Errorf("%+v", r)
		}
		seen[r.Reason] = true
		if denying && r.Allows {
			t.Errorf("%s allows and comes after one that denies", r.Reason)
		}
		denying = !r.Allows
	}
	rapid.Check(t, func(t *rapid.T) {
		d := billing.Access(catalog(), allRules.Draw(t, "rules"), history.Draw(t, "facts"), features.Draw(t, "feature"), day(10))
		i := slices.IndexFunc(billing.Reasons(), func(r billing.ReasonMeaning) bool { return r.Reason == d.Reason })
		if i < 0 || billing.Reasons()[i].Allows != d.Allowed {
			t.Fatalf("%+v is not as described", d)
		}
	})
}
