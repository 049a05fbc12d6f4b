package hygiene_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/hygiene"
	"github.com/trivetdev/trivet/policy/policytest"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func build(t testing.TB, change func(*hygiene.Settings)) hygiene.Policy {
	t.Helper()
	return policytest.Build(t, hygiene.Defaults, hygiene.New, change)
}

func catalog() billing.Catalog {
	return policytest.Catalog(
		billing.Plan{ID: "pro", Features: []string{"api"}, Prices: map[string][]string{"stripe": {"price_pro"}}},
		billing.Plan{ID: "quarter", Features: []string{"api"}, Kind: billing.GrantPass, Pass: billing.CalendarPeriod{Months: 3}, Prices: map[string][]string{"stripe": {"price_quarter"}}},
		billing.Plan{ID: "decade", Features: []string{"api"}, Kind: billing.GrantPass, Pass: billing.CalendarPeriod{Years: 10}, Prices: map[string][]string{"stripe": {"price_decade"}}},
		billing.Plan{ID: "ever", Features: []string{"api"}, Kind: billing.GrantForever, Prices: map[string][]string{"stripe": {"price_ever"}}},
	)
}

func bought(price string, daysAgo int) billing.Held[billing.Payment] {
	return billing.Held[billing.Payment]{Account: "stripe", ID: "pi_" + price, Object: billing.Payment{
		Status: billing.PaymentSucceeded, Amount: billing.Money{Amount: 900, Currency: "EUR"}, Method: "card", PaidAt: noon.AddDate(0, 0, -daysAgo),
		Items: []billing.Item{{Price: price, Quantity: 1}},
	}}
}

// renewing is a customer who bought a pass and then switched auto-renew on: a
// subscription whose trial ends in some days.
func renewing(pass string, days int) policy.Known {
	return policy.Known{Customer: billing.Customer{Ref: "user_1"}, Catalog: catalog(), Rules: billing.DefaultRules(), Facts: billing.Facts{
		Payments: []billing.Held[billing.Payment]{bought(pass, 10)},
		Subscriptions: []billing.Held[billing.Subscription]{{Account: "stripe", ID: "sub_1", Object: billing.Subscription{
			Status: billing.SubscriptionTrialing, Price: "price_pro", StartedAt: noon, TrialEnd: noon.AddDate(0, 0, days), Amount: billing.Money{Amount: 900, Currency: "EUR"},
		}}},
	}}
}

// passOver is when the quarter ends that was bought ten days before noon.
var passOver = noon.AddDate(0, 0, -10).AddDate(0, 3, 0)

func TestReview(t *testing.T) {
	change := func(k policy.Known, change func(*policy.Known)) policy.Known {
		change(&k)
		return k
	}
	moved := change(renewing("price_quarter", 3), func(k *policy.Known) { k.Facts.Subscriptions[0].Object.TrialEnd = passOver })
	sub := func(do func(*billing.Subscription)) policy.Known {
		return change(renewing("price_quarter", 3), func(k *policy.Known) { do(&k.Facts.Subscriptions[0].Object) })
	}
	account := func(a policy.Account, k policy.Known) policy.Known {
		return change(k, func(k *policy.Known) { k.Accounts = map[string]policy.Account{"stripe": a} })
	}
	policytest.Run(t, build(t, nil),
		policytest.Case{Name: "auto-renew beside a pass", Now: noon, Known: renewing("price_quarter", 3), Kinds: []string{"extend_trial"}},
		policytest.Case{Name: "moved already", Now: noon, Known: moved, Kinds: []string{"message"}},
		policytest.Case{Name: "moved, and the provider writes", Now: noon, Known: account(policy.Account{MerchantOfRecord: true}, moved)},
		policytest.Case{Name: "moved before our time", Now: noon, Known: account(policy.Account{Since: noon.Add(time.Second)}, moved)},
		policytest.Case{Name: "cannot be moved", Now: noon, Known: account(policy.Account{Can: map[string]bool{}}, renewing("price_quarter", 3))},
		policytest.Case{Name: "a trial that is longer", Now: noon, Known: renewing("price_quarter", 100)},
		policytest.Case{Name: "bought for ever", Now: noon, Known: renewing("price_ever", 3)},
		policytest.Case{Name: "a pass that was over", Now: noon, Known: change(renewing("price_quarter", 3), func(k *policy.Known) { k.Facts.Payments[0] = bought("price_quarter", 200) })},
		policytest.Case{Name: "charged already", Now: noon, Known: sub(func(s *billing.Subscription) { s.Status = billing.SubscriptionActive })},
		policytest.Case{Name: "canceling", Now: noon, Known: sub(func(s *billing.Subscription) { s.CancelAt = s.TrialEnd })},
		policytest.Case{Name: "the trial is over", Now: noon.AddDate(0, 0, 4), Known: renewing("price_quarter", 3)},
		policytest.Case{Name: "a price that means nothing", Now: noon, Known: sub(func(s *billing.Subscription) { s.Price = "price_x" }), Kinds: []string{"alert"}},
		policytest.Case{Name: "of a subscription that ended", Now: noon, Known: sub(func(s *billing.Subscription) { s.Price, s.Status = "price_x", billing.SubscriptionEnded })},
		policytest.Case{Name: "bought and means nothing", Now: noon, Known: change(renewing("price_y", 3), func(k *policy.Known) { k.Facts.Subscriptions = nil }), Kinds: []string{"alert"}},
		policytest.Case{Name: "long ago", Now: noon.AddDate(0, 0, 31), Known: change(renewing("price_y", 3), func(k *policy.Known) { k.Facts.Subscriptions = nil })},
		policytest.Case{Name: "a new way to pay", Now: noon, Known: change(moved, func(k *policy.Known) {
			k.Facts.Payments = slices.Clone(k.Facts.Payments)
			k.Facts.Payments[0].Object.Method = "stones"
		}), Kinds: []string{"message", "alert"}},
	)
	p := build(t, func(s *hygiene.Settings) { s.ExtendTrial, s.Prices, s.Known = false, false, []string{"stones"} })
	odd := sub(func(s *billing.Subscription) { s.Price = "price_x" })
	odd.Facts.Payments[0].Object.Method = "stones"
	if got, _ := p.Review(odd, noon); got != nil {
		t.Errorf("switched off: %+v", got)
	}
}

// The trial ends when the pass does, and no later than providers allow; passes that
// are bought on top move it again.
func TestTheTrialEndsWithThePass(t *testing.T) {
	until := func(k policy.Known) (time.Time, string) {
		actions, _ := build(t, nil).Review(k, noon)
		var d policy.Details
		if len(actions) != 1 || json.Unmarshal(actions[0].Details, &d) != nil {
			t.Fatalf("%+v", actions)
		}
		return d.Until, actions[0].Key
	}
	first, key := until(renewing("price_quarter", 3))
	if !first.Equal(passOver) || key != "extend_trial:stripe/subscription/sub_1:2026-05-20T12:00:00Z" {
		t.Errorf("%v under %s", first, key)
	}
	if got, _ := until(renewing("price_decade", 3)); !got.Equal(noon.Add(730 * 24 * time.Hour)) {
		t.Errorf("of a decade: %v", got)
	}
	stacked := renewing("price_quarter", 3)
	second := bought("price_quarter", 5)
	second.ID = "pi_second"
	stacked.Facts.Payments = append(stacked.Facts.Payments, second)
	if got, again := until(stacked); !got.Equal(noon.AddDate(0, 0, -10).AddDate(0, 6, 0)) || again == key {
		t.Errorf("of two: %v under %s", got, again)
	}
}

// The message was not sent for want of the day on which the first charge comes.
func TestAutoRenewHasItsDay(t *testing.T) {
	moved := renewing("price_quarter", 3)
	moved.Facts.Subscriptions[0].Object.TrialEnd = passOver
	actions, _ := build(t, nil).Review(moved, noon)
	var n notify.Notice
	if len(actions) != 1 || json.Unmarshal(actions[0].Details, &n) != nil || n.Template != "auto_renew_on" || !n.Date.Equal(passOver) {
		t.Errorf("%+v", actions)
	}
}

func TestSettings(t *testing.T) {
	if _, err := hygiene.New(hygiene.Settings{Known: []string{""}}); err == nil || !strings.Contains(err.Error(), "has a name") {
		t.Error(err)
	}
	s, err := hygiene.Decode(map[string]any{"known": []any{"stones"}, "tell": false})
	if err != nil || s.Tell || !s.ExtendTrial || len(s.Known) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := hygiene.Decode(map[string]any{"metods": true}); err == nil {
		t.Error("an unknown key is taken")
	}
}

// sick is a service about which everything is wrong.
func sick() hygiene.Stats {
	return hygiene.Stats{
		Now: noon, DeadEvents: map[string]int64{"stripe": 3, "paypal": 0}, DeadEffects: map[string]int64{"paddle": 1}, DeadLooks: map[string]int64{"stripe": 1},
		Sweeps: map[string]hygiene.Sweep{
			"stripe": {Last: noon.Add(-49 * time.Hour), Every: 24 * time.Hour}, "paypal": {Last: noon.Add(-47 * time.Hour), Every: 24 * time.Hour},
			"paddle": {Since: noon.AddDate(0, 0, -3), Every: 24 * time.Hour}, "lemonsqueezy": {},
		},
		Keys:     map[string]time.Time{"lemonsqueezy": noon.AddDate(0, 0, 29), "stripe": noon.AddDate(0, 0, 31), "paddle": noon.Add(-time.Hour)},
		OwnKeys:  map[string]time.Time{"desk": noon.AddDate(0, 0, 13), "shop": noon.AddDate(0, 0, 15), "old": noon.Add(-time.Hour)},
		Disputes: map[string]int64{"stripe": 1, "paypal": 0},
		Unlinked: map[string]hygiene.Unlinked{"stripe": {Count: 2, Oldest: noon.Add(-time.Hour)}, "paypal": {Count: 1, Oldest: noon.Add(-time.Minute)}},
		Catalog:  catalog(),
	}
}

func causes(warnings []policy.Warning, over bool) (all []string) {
	for _, w := range warnings {
		if w.Over == over {
			all = append(all, w.Cause)
		}
	}
	return all
}

func TestWatch(t *testing.T) {
	want := []string{
		"api_key_expires:desk", "api_key_expires:old", "dead_effects:paddle", "dead_events:stripe", "dead_looks:stripe", "key_expires:lemonsqueezy", "key_expires:paddle",
		"late_sweep:paddle", "late_sweep:stripe", "unlinked:stripe", "unlinked_dispute:stripe",
	}
	if diff := cmp.Diff(want, causes(hygiene.Watch(sick()), false)); diff != "" {
		t.Error(diff)
	}
	// What was told is not told again.
	s := sick()
	s.Open = slices.Concat(want, want)
	if got := hygiene.Watch(s); got != nil {
		t.Errorf("%+v", got)
	}
	// A way to pay that was added to those that are known is no news any more.
	learned := hygiene.Stats{Now: noon, Known: []string{"beenz"}, Open: []string{"method:stripe/beenz", "method:stripe/flooz", "method:stripe/card"}}
	if diff := cmp.Diff([]string{"method:stripe/beenz", "method:stripe/card"}, causes(hygiene.Watch(learned), true)); diff != "" {
		t.Error(diff)
	}
	// What is over is closed; what others opened is left alone.
	well := hygiene.Stats{Now: noon, Catalog: catalog(), Open: append(want, "dispute:stripe/dp_1", "price:stripe/price_pro", "price:stripe/price_x")}
	if diff := cmp.Diff(append(slices.Clone(want[:9]), "price:stripe/price_pro", "unlinked:stripe", "unlinked_dispute:stripe"), causes(hygiene.Watch(well), true)); diff != "" {
		t.Error(diff)
	}
}

// One alert for a cause, not one a run (Forward Email mailed at every run): however
// the numbers go up and down, each cause is opened and closed in turns.
func TestWatchTellsOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		open := map[string]bool{}
		for minute := range rapid.IntRange(1, 20).Draw(rt, "minutes") {
			s := hygiene.Stats{Now: noon.Add(time.Duration(minute) * time.Minute), DeadEvents: map[string]int64{}, Unlinked: map[string]hygiene.Unlinked{}}
			for cause := range open {
				s.Open = append(s.Open, cause)
			}
			wrong := map[string]bool{}
			for _, account := range []string{"stripe", "paypal"} {
				if s.DeadEvents[account] = int64(rapid.IntRange(0, 2).Draw(rt, "dead")); s.DeadEvents[account] > 0 {
					wrong["dead_events:"+account] = true
				}
				if n := rapid.IntRange(0, 1).Draw(rt, "unlinked"); n > 0 {
					s.Unlinked[account] = hygiene.Unlinked{Count: int64(n), Oldest: noon.AddDate(0, 0, -1)}
					wrong["unlinked:"+account] = true
				}
			}
			for _, w := range hygiene.Watch(s) {
				if w.Over != open[w.Cause] {
					rt.Fatalf("%+v while open is %v", w, open[w.Cause])
				}
				if open[w.Cause] = !w.Over; w.Over {
					delete(open, w.Cause)
				}
			}
			if diff := cmp.Diff(wrong, open); diff != "" && len(wrong)+len(open) > 0 {
				rt.Fatal(diff)
			}
		}
	})
}
