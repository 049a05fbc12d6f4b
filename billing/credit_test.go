package billing_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/trivetdev/trivet/billing"
)

// twoPacks is a catalog in which two plans of credits give "render", and a
// subscription gives it without end.
func twoPacks(t *testing.T) billing.Catalog {
	t.Helper()
	stripe := func(price string) map[string][]string { return map[string][]string{"stripe": {price}} }
	c, err := billing.NewCatalog([]billing.Plan{
		{ID: "small", Features: []string{"render"}, Kind: billing.GrantCredits, Credits: 10, Prices: stripe("price_small")},
		{ID: "pro", Features: []string{"render"}, Prices: stripe("price_pro")},
		{ID: "large", Features: []string{"render", "print"}, Kind: billing.GrantCredits, Credits: 100, Prices: stripe("price_large")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func used(of map[string]int64) fact { return func(f *billing.Facts) { f.Consumed = of } }

func TestBalances(t *testing.T) {
	got := billing.Balances(twoPacks(t), billing.DefaultRules(), told(
		paid("pi_1", "price_large", day(0), times(2)), paid("pi_2", "price_small", day(1), refunded(1000)), sub(active()),
		used(map[string]int64{"large": 30, "small": 4, "gone": 7}),
	), day(10))
	want := []billing.Balance{{Plan: "small", Used: 4}, {Plan: "large", Bought: 200, Used: 30}}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
	if got[0].Left() != 0 || got[1].Left() != 170 {
		t.Errorf("left %d and %d", got[0].Left(), got[1].Left())
	}
}

func TestSpend(t *testing.T) {
	small, large := paid("pi_1", "price_small", day(0)), paid("pi_2", "price_large", day(0))
	for name, tt := range map[string]struct {
		facts   []fact
		feature string
		amount  int64
		takes   []billing.Take
		by      billing.Reason
		why     billing.Reason
		left    int64
	}{
		"from one":            {facts: []fact{large}, amount: 3, takes: []billing.Take{{Plan: "large", Amount: 3, Left: 97}}, by: "credits"},
		"to the last":         {facts: []fact{small}, amount: 10, takes: []billing.Take{{Plan: "small", Amount: 10}}, by: "credits"},
		"from two":            {facts: []fact{large, small}, amount: 15, takes: []billing.Take{{Plan: "small", Amount: 10}, {Plan: "large", Amount: 5, Left: 95}}, by: "credits"},
		"only what gives it":  {facts: []fact{large, small}, feature: "print", amount: 1, takes: []billing.Take{{Plan: "large", Amount: 1, Left: 99}}, by: "credits"},
		"one too many":        {facts: []fact{large, small}, amount: 111, why: "no_credits", left: 110},
		"used up":             {facts: []fact{small, used(map[string]int64{"small": 10})}, amount: 1, why: "no_credits"},
		"nothing bought":      {amount: 1, why: "no_purchase"},
		"under way":           {facts: []fact{paid("pi_1", "price_small", day(0), inStatus("pending"))}, amount: 1, why: "pending"},
		"refunded":            {facts: []fact{paid("pi_1", "price_small", day(0), refunded(1000))}, amount: 1, why: "refunded"},
		"a subscription":      {facts: []fact{small, sub(active())}, amount: 5, by: "active"},
		"one that is over":    {facts: []fact{small, sub(ended())}, amount: 5, takes: []billing.Take{{Plan: "small", Amount: 5, Left: 5}}, by: "credits"},
		"a grant":             {facts: []fact{small, granted(billing.Grant{ID: "g", Feature: "render"})}, amount: 5, by: "granted"},
		"given by hand":       {facts: []fact{used(map[string]int64{"large": -4})}, amount: 3, takes: []billing.Take{{Plan: "large", Amount: 3, Left: 1}}, by: "credits"},
		"banned":              {facts: []fact{large, banned}, amount: 1, why: "banned"},
		"refunded after use":  {facts: []fact{large, used(map[string]int64{"large": 150})}, amount: 1, why: "no_credits"},
		"the debt of a plan":  {facts: []fact{small, used(map[string]int64{"large": 150})}, amount: 10, takes: []billing.Take{{Plan: "small", Amount: 10}}, by: "credits"},
		"another plan's debt": {facts: []fact{small, large, used(map[string]int64{"small": 15})}, amount: 100, takes: []billing.Take{{Plan: "large", Amount: 100}}, by: "credits"},
	} {
		feature := tt.feature
		if feature == "" {
			feature = "render"
		}
		takes, by, err := billing.Spend(twoPacks(t), billing.DefaultRules(), told(tt.facts...), feature, tt.amount, day(10))
		short, refused := errors.AsType[*billing.CreditsError](err)
		if !slices.Equal(takes, tt.takes) || by != tt.by || refused != (tt.why != "") {
			t.Errorf("%s: took %+v by %q, error %v", name, takes, by, err)
		}
		if refused && (short.Why != tt.why || short.Left != tt.left) {
			t.Errorf("%s: refused with %+v", name, short)
		}
	}
}

// What is used is all of the amount or nothing, never more than is left, and access
// by credits lasts exactly as long as there are some.
func TestSpendTakesWhatIsThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts, rules := history.Draw(t, "facts"), allRules.Draw(t, "rules")
		amount := rapid.Int64Range(1, 300).Draw(t, "amount")
		takes, by, err := billing.Spend(catalog(), rules, facts, "render", amount, day(10))
		allowed := billing.Access(catalog(), rules, facts, "render", day(10))
		var taken int64
		for _, take := range takes {
			taken += take.Amount
			facts.Consumed[take.Plan] += take.Amount
		}
		switch {
		case err != nil && taken != 0, err == nil && by == billing.ReasonCredits && taken != amount, by != billing.ReasonCredits && taken != 0:
			t.Fatalf("%d asked for, %d taken by %q: %v", amount, taken, by, err)
		case err == nil && !allowed.Allowed:
			t.Fatalf("used although %+v", allowed)
		}
		for _, b := range billing.Balances(catalog(), rules, facts, day(10)) {
			if taken > 0 && b.Used > b.Bought {
				t.Fatalf("more was used than bought: %+v", b)
			}
		}
		if after := billing.Access(catalog(), rules, facts, "render", day(10)); taken > 0 {
			left := int64(0)
			for _, b := range billing.Balances(catalog(), rules, facts, day(10)) {
				left += b.Left()
			}
			if after.Allowed != (left > 0) {
				t.Fatalf("with %d left %+v", left, after)
			}
		}
	})
}
