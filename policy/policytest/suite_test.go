package policytest_test

import (
	"encoding/json"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/policytest"
)

// bad is a policy that breaks one promise.
type bad struct {
	name  string
	react func(policy.Change, policy.Known) []policy.Action
}

func (b bad) Name() string { return b.name }

func (b bad) React(c policy.Change, k policy.Known) []policy.Action { return b.react(c, k) }

func refund(key string) policy.Action {
	return policy.Action{Key: key, Kind: "refund", Account: "stripe", Object: "stripe/payment/pi_1"}
}

const goodKey = "refund:stripe/payment/pi_1:fraud"

// TestSuiteFindsFlaws: for every promise there is a policy that breaks it and is
// found out, and one that keeps them all and passes.
func TestSuiteFindsFlaws(t *testing.T) {
	var calls atomic.Int64
	var lock sync.Mutex // the suite asks from many sides at once
	disputed := policytest.Case{
		Name: "disputed", Kinds: []string{"refund"},
		Change: policy.Change{Seq: 7, At: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC), Kinds: []billing.ChangeKind{billing.Disputed}},
		Known:  policy.Known{Customer: billing.Customer{Ref: "user_1", Covered: []string{"a"}}},
	}
	on := func(make func(policy.Change, policy.Known) []policy.Action) func(policy.Change, policy.Known) []policy.Action {
		return func(c policy.Change, k policy.Known) []policy.Action {
			if !c.Has(billing.Disputed) {
				return nil
			}
			return make(c, k)
		}
	}
	action := func(change func(*policy.Action)) func(policy.Change, policy.Known) []policy.Action {
		return on(func(policy.Change, policy.Known) []policy.Action {
			a := refund(goodKey)
			change(&a)
			return []policy.Action{a}
		})
	}
	for says, react := range map[string]func(policy.Change, policy.Known) []policy.Action{
		"":                    action(func(*policy.Action) {}),
		"want [\"refund\"]":   func(policy.Change, policy.Known) []policy.Action { return nil },
		"panics":              func(c policy.Change, _ policy.Known) []policy.Action { panic(c.Kinds[0]) },
		"first invoice: asks": func(policy.Change, policy.Known) []policy.Action { return []policy.Action{refund(goodKey)} },
		"equal input, other": on(func(policy.Change, policy.Known) []policy.Action {
			return []policy.Action{refund(goodKey + strings.Repeat("x", int(calls.Add(1))))}
		}),
		"changes its input": on(func(_ policy.Change, k policy.Known) []policy.Action {
			lock.Lock()
			defer lock.Unlock()
			k.Customer.Covered[0] += "!"
			return []policy.Action{refund(goodKey)}
		}),
		"not silent on replay": on(func(c policy.Change, _ policy.Known) []policy.Action {
			return []policy.Action{refund(goodKey + c.At.Format("05.02.2006"))}
		}),
		"two actions": on(func(policy.Change, policy.Known) []policy.Action {
			return []policy.Action{refund(goodKey), refund(goodKey)}
		}),
		"is empty":               action(func(a *policy.Action) { a.Key = "" }),
		"has spaces in it":       action(func(a *policy.Action) { a.Key = "refund of stripe/payment/pi_1" }),
		"does not name":          action(func(a *policy.Action) { a.Key = "refund" }),
		"is no reference":        action(func(a *policy.Action) { a.Object = "pi_1" }),
		"of account \"stripe2\"": action(func(a *policy.Action) { a.Account = "stripe2" }),
		"not JSON":               action(func(a *policy.Action) { a.Details = json.RawMessage("{") }),
	} {
		flaws := strings.Join(policytest.Flaws(bad{"good", react}, disputed), "\n")
		if says == "" && flaws != "" || !strings.Contains(flaws, says) {
			t.Errorf("want %q, flaws are:\n%s", says, flaws)
		}
	}
	for name, want := range map[string]string{"": "cannot be a section", "Fraud": "cannot be a section", "no.dots": "cannot be a section"} {
		react := action(func(*policy.Action) {})
		if flaws := strings.Join(policytest.Flaws(bad{name, react}, disputed), "\n"); !strings.Contains(flaws, want) {
			t.Errorf("name %q: %s", name, flaws)
		}
	}
	if flaws := policytest.Flaws(bad{"idle", func(policy.Change, policy.Known) []policy.Action { return nil }}); len(flaws) != 1 {
		t.Errorf("a policy that does nothing: %v", flaws)
	}
}

// reviewing is a policy that breaks a promise of reviews.
type reviewing struct {
	bad
	review func(policy.Known, time.Time) ([]policy.Action, time.Time)
}

func (r reviewing) Review(k policy.Known, now time.Time) ([]policy.Action, time.Time) {
	return r.review(k, now)
}

func TestSuiteFindsFlawsOfReviews(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	moment := policytest.Case{Name: "moment", Now: now, Kinds: []string{policy.Say}, Known: policy.Known{Customer: billing.Customer{Ref: "user_1", Name: "Dana"}}}
	say := func(occasion string) []policy.Action {
		return []policy.Action{policy.On("stripe", billing.KindSubscription, "sub_1", policy.Say, occasion, nil)}
	}
	silent := func(policy.Change, policy.Known) []policy.Action { return nil }
	var calls atomic.Int64
	for says, review := range map[string]func(policy.Known, time.Time) ([]policy.Action, time.Time){
		"": func(k policy.Known, at time.Time) ([]policy.Action, time.Time) {
			if k.Customer.Name == "" || k.Customer.Ban != nil {
				return nil, time.Time{}
			}
			return say(at.Format("2006-01")), time.Date(at.Year(), at.Month()+1, 1, 0, 0, 0, 0, time.UTC)
		},
		"which is not later": func(policy.Known, time.Time) ([]policy.Action, time.Time) { return say(""), now },
		"did not say that it": func(_ policy.Known, at time.Time) ([]policy.Action, time.Time) {
			return say(at.Format("2006-01")), time.Time{}
		},
		"banned customer alone":   func(policy.Known, time.Time) ([]policy.Action, time.Time) { return say(""), time.Time{} },
		"review of nothing: asks": func(policy.Known, time.Time) ([]policy.Action, time.Time) { return say(""), time.Time{} },
		"review of empty objects:": func(k policy.Known, _ time.Time) ([]policy.Action, time.Time) {
			return say(k.Facts.Subscriptions[0].ID), time.Time{}
		},
		"equal input, other": func(policy.Known, time.Time) ([]policy.Action, time.Time) {
			return say(strings.Repeat("x", int(calls.Add(1)))), time.Time{}
		},
	} {
		flaws := strings.Join(policytest.Flaws(reviewing{bad{"good", silent}, review}, moment), "\n")
		if says == "" && flaws != "" || !strings.Contains(flaws, says) {
			t.Errorf("want %q, flaws are:\n%s", says, flaws)
		}
	}
	if flaws := strings.Join(policytest.Flaws(bad{"good", silent}, moment), "\n"); !strings.Contains(flaws, "reviews nothing") {
		t.Errorf("a review of what reviews nothing: %s", flaws)
	}
}
