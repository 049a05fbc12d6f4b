package billing_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/trivetdev/trivet/billing"
)

func TestAccessDoesNotDependOnTheOrderOfFacts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts, rules, feature := history.Draw(t, "facts"), allRules.Draw(t, "rules"), features.Draw(t, "feature")
		shuffled := facts
		shuffled.Subscriptions = rapid.Permutation(facts.Subscriptions).Draw(t, "subscriptions")
		shuffled.Invoices = rapid.Permutation(facts.Invoices).Draw(t, "invoices")
		shuffled.Payments = rapid.Permutation(facts.Payments).Draw(t, "payments")
		shuffled.Disputes = rapid.Permutation(facts.Disputes).Draw(t, "disputes")
		shuffled.Checkouts = rapid.Permutation(facts.Checkouts).Draw(t, "checkouts")
		shuffled.Grants = rapid.Permutation(facts.Grants).Draw(t, "grants")
		one := billing.Access(catalog(), rules, facts, feature, day(10))
		other := billing.Access(catalog(), rules, shuffled, feature, day(10))
		if diff := cmp.Diff(one, other); diff != "" {
			t.Fatalf("(-one order +another):\n%s", diff)
		}
	})
}

// Turns is the promise that lets an answer be kept: nothing changes before it,
// and something does at it.
func TestAccessTurnsWhenItSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts, rules, feature := history.Draw(t, "facts"), allRules.Draw(t, "rules"), features.Draw(t, "feature")
		at := func(now time.Time) billing.Decision { return billing.Access(catalog(), rules, facts, feature, now) }
		differ := func(a, b billing.Decision) bool { return a.Allowed != b.Allowed || a.Reason != b.Reason }
		now := at(day(10))
		if !now.Turns.IsZero() {
			if !now.Turns.After(day(10)) {
				t.Fatalf("%+v turned in the past", now)
			}
			if then := at(now.Turns); !differ(now, then) {
				t.Fatalf("%+v does not turn when it says but is %+v", now, then)
			}
			if before := at(now.Turns.Add(-1)); differ(now, before) {
				t.Fatalf("%+v is %+v a nanosecond before it turns", now, before)
			}
		}
		later := day(10).Add(time.Duration(rapid.IntRange(1, 900).Draw(t, "half days")) * 12 * time.Hour)
		if !now.Turns.IsZero() && !later.Before(now.Turns) {
			return
		}
		if then := at(later); differ(now, then) {
			t.Fatalf("%+v became %+v at %v", now, then, later)
		}
	})
}

func TestALivingSubscriptionNeverTakesAccessAway(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts, rules, feature := history.Draw(t, "facts"), allRules.Draw(t, "rules"), features.Draw(t, "feature")
		before := billing.Access(catalog(), rules, facts, feature, day(10))
		facts.Add("stripe", "another", someSubscription(t))
		after := billing.Access(catalog(), rules, facts, feature, day(10))
		rests := func(g billing.Grant) bool { return before.Source == billing.Source{Kind: "grant", ID: g.ID} }
		if i := slices.IndexFunc(facts.Grants, rests); i >= 0 && facts.Moved(catalog(), facts.Grants[i]) {
			return // the purchase is what the grant was given for
		}
		if before.Allowed && !after.Allowed {
			t.Fatalf("%+v became %+v", before, after)
		}
		if before.Allowed && !after.Turns.IsZero() && (before.Turns.IsZero() || after.Turns.Before(before.Turns)) {
			t.Fatalf("%+v ends earlier than %+v", after, before)
		}
		facts.Ban = &billing.Ban{}
		if banned := billing.Access(catalog(), rules, facts, feature, day(10)); banned.Allowed {
			t.Fatalf("banned, and still %+v", banned)
		}
	})
}

func TestALooserRuleNeverTakesAccessAway(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts, strict, feature := history.Draw(t, "facts"), allRules.Draw(t, "rules"), features.Draw(t, "feature")
		loose := strict
		loose.Grace += time.Duration(rapid.IntRange(0, 30).Draw(t, "more grace in half days")) * 12 * time.Hour
		loose.Paused = strict.Paused || rapid.Bool().Draw(t, "keep paused")
		loose.Refunded = strict.Refunded || rapid.Bool().Draw(t, "keep refunded")
		loose.Disputed = strict.Disputed || rapid.Bool().Draw(t, "keep disputed")
		before := billing.Access(catalog(), strict, facts, feature, day(10))
		if after := billing.Access(catalog(), loose, facts, feature, day(10)); before.Allowed && !after.Allowed {
			t.Fatalf("%+v under %+v became %+v under %+v", before, strict, after, loose)
		}
	})
}

// monthEnds are the moments at which months of different length meet, early and
// late in the day.
var monthEnds = rapid.Custom(func(t *rapid.T) time.Time {
	month, day := rapid.IntRange(12, 15).Draw(t, "month"), rapid.IntRange(28, 32).Draw(t, "day")
	return time.Date(2026, time.Month(month), day, rapid.SampledFrom([]int{1, 23}).Draw(t, "hour"), 0, 0, 0, time.UTC)
})

// One more pass never ends what there is any earlier, whenever it was bought.
func TestOneMorePassNeverShortens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shop, err := billing.NewCatalog([]billing.Plan{{
			ID: "pass", Kind: billing.GrantPass, Pass: periods.Draw(t, "period"), Prices: map[string][]string{"stripe": {"p"}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		bought := rapid.SliceOfN(rapid.OneOf(instants, monthEnds), 1, 6).Draw(t, "bought at")
		ends := func(bought []time.Time) time.Time {
			var facts billing.Facts
			for i, at := range bought {
				paid("pi_"+string(rune('a'+i)), "p", at)(&facts)
			}
			return billing.Access(shop, billing.DefaultRules(), facts, "pass", day(0)).Until
		}
		all, fewer := ends(bought), ends(bought[1:])
		if len(bought) > 1 && all.Before(fewer) {
			t.Fatalf("with the pass of %v it ends at %v, without at %v", bought[0], all, fewer)
		}
	})
}

func TestAccessLeavesTheFactsAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := history.Draw(t, "facts")
		copied := told()
		for _, held := range facts.Payments {
			p := held.Object
			p.Items = append([]billing.Item(nil), p.Items...)
			copied.Payments = append(copied.Payments, billing.Held[billing.Payment]{Account: held.Account, ID: held.ID, Object: p})
		}
		billing.Access(catalog(), billing.DefaultRules(), facts, "api", day(10))
		if diff := cmp.Diff(copied.Payments, facts.Payments); diff != "" {
			t.Fatalf("(-before +after):\n%s", diff)
		}
	})
}
