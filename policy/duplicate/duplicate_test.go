package duplicate_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/duplicate"
	"github.com/trivetdev/trivet/policy/policytest"
)

var noon = time.Date(2026, 3, 21, 12, 0, 0, 0, time.UTC)

func build(t testing.TB, change func(*duplicate.Settings)) *duplicate.Policy {
	t.Helper()
	return policytest.Build(t, duplicate.Defaults, duplicate.New, change)
}

func catalog() billing.Catalog {
	return policytest.Catalog(
		billing.Plan{ID: "pro", Features: []string{"api"}, Prices: map[string][]string{"stripe": {"pro"}, "paypal": {"P-PRO"}, "lemonsqueezy": {"7"}}},
		billing.Plan{ID: "team", Features: []string{"api", "seats"}, Prices: map[string][]string{"stripe": {"team"}}},
		billing.Plan{ID: "storage", Features: []string{"disk"}, Prices: map[string][]string{"stripe": {"storage"}}},
	)
}

// sub is a monthly subscription that began days before noon; its current period is
// thirty days, of which the days since its start are gone.
func sub(account, id, price string, days int, change ...func(*billing.Subscription)) billing.Held[billing.Subscription] {
	s := billing.Subscription{
		Status: billing.SubscriptionActive, Price: price, StartedAt: noon.AddDate(0, 0, -days),
		PeriodStart: noon.AddDate(0, 0, -days), PeriodEnd: noon.AddDate(0, 0, 30-days),
	}
	for _, c := range change {
		c(&s)
	}
	return billing.Held[billing.Subscription]{Account: account, ID: id, Object: s}
}

func status(status billing.SubscriptionStatus) func(*billing.Subscription) {
	return func(s *billing.Subscription) { s.Status = status }
}

func knows(subs ...billing.Held[billing.Subscription]) policy.Known {
	return policy.Known{Customer: billing.Customer{Ref: "user_1"}, Catalog: catalog(), Facts: billing.Facts{Subscriptions: subs}}
}

// paid adds a payment of 30.00 for a subscription, at its start.
func paid(k policy.Known, account, subscription string, days int, refunded int64) policy.Known {
	id := "pay_" + subscription
	k.Facts.Payments = append(slices.Clone(k.Facts.Payments), billing.Held[billing.Payment]{Account: account, ID: id, Object: billing.Payment{
		Status: billing.PaymentSucceeded, Amount: billing.Money{Amount: 3000, Currency: "EUR"}, Refunded: refunded, PaidAt: noon.AddDate(0, 0, -days),
	}})
	k.Facts.Invoices = append(slices.Clone(k.Facts.Invoices), billing.Held[billing.Invoice]{Account: account, ID: "in_" + subscription, Object: billing.Invoice{
		Subscription: subscription, Payments: []string{id},
	}})
	return k
}

// twice pays for pro at Stripe since 20 days, and at PayPal since 5.
func twice() policy.Known {
	return paid(paid(knows(sub("stripe", "old", "pro", 20), sub("paypal", "I-NEW", "P-PRO", 5)), "stripe", "old", 20, 0), "paypal", "I-NEW", 5, 0)
}

// after is twice when the old one has ended, with so much of it refunded.
func after(refunded int64) policy.Known {
	k := knows(sub("stripe", "old", "pro", 20, status(billing.SubscriptionEnded), func(s *billing.Subscription) { s.EndedAt = noon.AddDate(0, 0, -1) }), sub("paypal", "I-NEW", "P-PRO", 5))
	k.Demands = []policy.Demand{{Policy: "duplicate", Kind: policy.CancelNow, Object: "stripe/subscription/old", Tried: true}}
	return paid(k, "stripe", "old", 20, refunded)
}

func review(p *duplicate.Policy, known policy.Known) []string {
	actions, _ := p.Review(known, noon)
	return policytest.Keys(actions)
}

func ended(keys []string) (all []string) {
	for _, key := range keys {
		if object, is := strings.CutPrefix(key, "cancel:"); is {
			all = append(all, strings.TrimSuffix(object, ":duplicate"))
		}
	}
	return all
}

func TestPolicy(t *testing.T) {
	without := func(k policy.Known, account string, can ...string) policy.Known {
		a := policy.Account{Can: map[string]bool{}}
		for _, kind := range can {
			a.Can[kind] = true
		}
		k.Accounts = map[string]policy.Account{account: a}
		return k
	}
	banned := twice()
	banned.Customer.Ban = &billing.Ban{}
	policytest.Run(t, build(t, nil),
		policytest.Case{Name: "at two providers", Now: noon, Known: twice(), Kinds: []string{"cancel", "refund", "alert"}},
		policytest.Case{Name: "within one", Now: noon, Known: knows(sub("stripe", "a", "pro", 9), sub("stripe", "b", "team", 2)), Kinds: []string{"cancel", "alert"}},
		policytest.Case{Name: "nothing in common", Now: noon, Known: knows(sub("stripe", "a", "pro", 9), sub("stripe", "b", "storage", 2))},
		policytest.Case{Name: "a price that means nothing", Now: noon, Known: knows(sub("stripe", "a", "x", 9), sub("stripe", "b", "x", 2))},
		policytest.Case{Name: "one", Now: noon, Known: knows(sub("stripe", "a", "pro", 9))},
		policytest.Case{Name: "since a moment", Now: noon.Add(30 * time.Minute), Known: knows(sub("stripe", "a", "pro", 9), sub("stripe", "b", "pro", 0))},
		policytest.Case{Name: "done, the money to come", Now: noon, Known: after(0), Kinds: []string{"refund", "alert"}},
		policytest.Case{Name: "all done", Now: noon, Known: after(2500), Kinds: []string{"alert", "message"}},
		policytest.Case{Name: "banned", Now: noon, Known: banned},
		policytest.Case{Name: "cannot end at once", Now: noon, Known: without(twice(), "stripe", "cancel_at_period_end", "refund"), Kinds: []string{"cancel_at_period_end", "alert"}},
		policytest.Case{Name: "cannot end at all", Now: noon, Known: without(twice(), "stripe"), Kinds: []string{"alert"}},
	)
}

// A checkout that was abandoned, or a subscription on its way out, counted as a second
// one, and an innocent customer was banned (Forward Email).
func TestOnlyWhatIsChargedForCounts(t *testing.T) {
	for name, change := range map[string]func(*billing.Subscription){
		"incomplete": status(billing.SubscriptionPending),
		"ended":      status(billing.SubscriptionEnded),
		"paused":     func(s *billing.Subscription) { s.Status, s.Pause = billing.SubscriptionPaused, &billing.Pause{} },
		"canceling":  func(s *billing.Subscription) { s.CancelAt = s.PeriodEnd },
	} {
		for _, newer := range []bool{true, false} {
			odd := sub("stripe", "odd", "pro", 10, change)
			if newer {
				odd = sub("stripe", "odd", "pro", 2, change)
			}
			if got := review(build(t, nil), knows(odd, sub("stripe", "good", "pro", 5))); got != nil {
				t.Errorf("%s (newer: %v): %q", name, newer, got)
			}
		}
	}
}

// Whoever is past due and subscribes anew has two; the good one stays, and nothing
// that was not paid goes back.
func TestPastDueAndSubscribedAnew(t *testing.T) {
	late := func(days int) billing.Held[billing.Subscription] {
		return sub("stripe", "late", "pro", days, status(billing.SubscriptionPastDue))
	}
	for _, days := range []int{40, 2} { // the good one is kept even if it is the older
		got := review(build(t, nil), knows(late(days), sub("stripe", "good", "pro", 5)))
		if diff := cmp.Diff([]string{"cancel:stripe/subscription/late:duplicate", "alert:stripe/subscription/late:duplicate"}, got); diff != "" {
			t.Error(diff)
		}
	}
}

// Duplicates were canceled without the money back, and "the newest" that was kept
// was one that had just been canceled (Forward Email).
func TestTheNewestIsKeptAndTheOlderRefunded(t *testing.T) {
	actions, _ := build(t, nil).Review(twice(), noon)
	d := policytest.Details[policy.Details](t, actions[1])
	// Both ran from 5 days ago; the old period began 20 days ago and lasts 30.
	want := policy.Details{Amount: 1500, Currency: "EUR", Reason: "duplicate"}
	if diff := cmp.Diff(want, d); diff != "" || actions[1].Object != "stripe/payment/pay_old" || actions[0].Object != "stripe/subscription/old" {
		t.Errorf("%s %s\n%s", actions[0].Object, actions[1].Object, diff)
	}
	var w policy.Warning
	if err := json.Unmarshal(actions[2].Details, &w); err != nil || !strings.Contains(w.Details, "To go back: 15.00 EUR of 30.00 EUR") {
		t.Errorf("%+v, %v", w, err)
	}
	three := knows(sub("stripe", "a", "pro", 9), sub("paypal", "c", "P-PRO", 1), sub("stripe", "b", "team", 5))
	if diff := cmp.Diff([]string{"stripe/subscription/b", "stripe/subscription/a"}, ended(review(build(t, nil), three))); diff != "" {
		t.Errorf("of three:\n%s", diff)
	}
}

// The mail about a duplicate came at every run (Forward Email): it is said once, when
// the subscription has ended and the money has gone back.
func TestToldOnceWhenDone(t *testing.T) {
	p := build(t, nil)
	asked := policytest.Timeline{
		Policy: p, Known: policy.Known{Customer: billing.Customer{Ref: "user_1"}, Catalog: catalog()}, From: noon.AddDate(0, 0, -21), Until: noon.AddDate(0, 2, 0),
		Steps: []policytest.Step{
			policytest.Seen(noon.AddDate(0, 0, -20), "stripe", "old", sub("stripe", "old", "pro", 20).Object),
			policytest.Seen(noon.AddDate(0, 0, -20), "stripe", "pay_old", twice().Facts.Payments[0].Object),
			policytest.Seen(noon.AddDate(0, 0, -20), "stripe", "in_old", twice().Facts.Invoices[0].Object),
			policytest.Seen(noon.AddDate(0, 0, -5), "paypal", "I-NEW", sub("paypal", "I-NEW", "P-PRO", 5).Object),
		},
		World: func(a policytest.Asked) []policytest.Step {
			switch a.Kind {
			case policy.CancelNow:
				gone := sub("stripe", "old", "pro", 20, status(billing.SubscriptionEnded)).Object
				gone.EndedAt = a.At
				return []policytest.Step{policytest.Seen(a.At.Add(time.Minute), "stripe", "old", gone)}
			case policy.Refund:
				back := twice().Facts.Payments[0].Object
				back.Refunded = 1500
				return []policytest.Step{policytest.Seen(a.At.Add(2*time.Minute), "stripe", "pay_old", back)}
			}
			return nil
		},
	}.Run(t)
	var got []string
	for _, a := range asked {
		got = append(got, a.At.Sub(noon).String()+" "+a.Key)
	}
	want := []string{
		"-119h0m0s cancel:stripe/subscription/old:duplicate", "-119h0m0s refund:stripe/payment/pay_old:duplicate", "-119h0m0s alert:stripe/subscription/old:duplicate",
		"-118h59m0s alert:stripe/subscription/old:duplicate.over", "-118h58m0s message:stripe/subscription/old:duplicate_found",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Whoever changes plans has both for a moment, which is nobody's mistake.
func TestAChangeOfPlansIsNoDuplicate(t *testing.T) {
	k := knows(sub("stripe", "old", "pro", 20, status(billing.SubscriptionEnded), func(s *billing.Subscription) { s.EndedAt = noon.AddDate(0, 0, -5).Add(time.Minute) }), sub("stripe", "new", "team", 5))
	if got := review(build(t, nil), paid(k, "stripe", "old", 20, 0)); got != nil {
		t.Errorf("%q", got)
	}
	_, next := build(t, nil).Review(knows(sub("stripe", "a", "pro", 9), sub("stripe", "b", "pro", 0)), noon.Add(time.Minute))
	if !next.Equal(noon.Add(time.Hour)) {
		t.Errorf("asked again at %v", next)
	}
}

func TestSettings(t *testing.T) {
	pair := knows(sub("stripe", "a", "pro", 9), sub("stripe", "b", "team", 2))
	same := knows(sub("stripe", "a", "pro", 9), sub("stripe", "b", "pro", 2))
	for name, test := range map[string]struct {
		change func(*duplicate.Settings)
		known  policy.Known
		found  bool
	}{
		"together":             {func(s *duplicate.Settings) { s.Together = [][]string{{"team", "pro"}} }, pair, false},
		"others together":      {func(s *duplicate.Settings) { s.Together = [][]string{{"team", "storage"}} }, pair, true},
		"one of each":          {func(s *duplicate.Settings) { s.Together = [][]string{{"team", "pro"}} }, same, true},
		"two of one":           {func(s *duplicate.Settings) { s.Together = [][]string{{"pro", "pro"}} }, same, false},
		"not across":           {func(s *duplicate.Settings) { s.Across = false }, twice(), false},
		"not across, but here": {func(s *duplicate.Settings) { s.Across = false }, pair, true},
	} {
		if got := review(build(t, test.change), test.known); (got != nil) != test.found {
			t.Errorf("%s: %q", name, got)
		}
	}
	quiet := build(t, func(s *duplicate.Settings) { s.Refund, s.Tell = false, false })
	if diff := cmp.Diff([]string{"alert:stripe/subscription/old:duplicate.over"}, review(quiet, after(0))); diff != "" {
		t.Error(diff)
	}
	for says, change := range map[string]func(*duplicate.Settings){
		"names one plan": func(s *duplicate.Settings) { s.Together = [][]string{{"pro"}} },
		"up to 7d":       func(s *duplicate.Settings) { s.Wait = 1000 * time.Hour },
	} {
		s := duplicate.Defaults()
		change(&s)
		if _, err := duplicate.New(s); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	s, err := duplicate.Decode(map[string]any{"together": []any{[]any{"pro", "storage"}}, "wait": "2h"})
	if err != nil || s.Wait != 2*time.Hour || len(s.Together) != 1 || !s.Across {
		t.Errorf("%+v, %v", s, err)
	}
}

// A payment that a bank has, or that has gone back already, does not go back again;
// where the provider no longer tells the period, the invoice does.
func TestCosts(t *testing.T) {
	amount := func(k policy.Known) int64 {
		actions, _ := build(t, nil).Review(k, noon)
		for _, a := range actions {
			var d policy.Details
			if err := json.Unmarshal(a.Details, &d); a.Kind == policy.Refund && err == nil {
				return d.Amount
			}
		}
		return 0
	}
	if got := amount(paid(knows(sub("stripe", "old", "pro", 20), sub("paypal", "I-NEW", "P-PRO", 5)), "stripe", "old", 20, 700)); got != 800 {
		t.Errorf("7.00 went back before, %d more", got)
	}
	disputed := twice()
	disputed.Facts.Disputes = []billing.Held[billing.Dispute]{{Account: "stripe", ID: "dp", Object: billing.Dispute{Status: billing.DisputeOpen, Payment: "pay_old"}}}
	if got := amount(disputed); got != 0 {
		t.Errorf("%d of a payment that a bank has", got)
	}
	forgotten := after(0)
	forgotten.Facts.Subscriptions[0].Object.PeriodStart, forgotten.Facts.Subscriptions[0].Object.PeriodEnd = time.Time{}, time.Time{}
	if got := amount(forgotten); got != 0 {
		t.Errorf("%d of a period that nobody knows", got)
	}
	forgotten.Facts.Invoices[0].Object.PeriodStart, forgotten.Facts.Invoices[0].Object.PeriodEnd = noon.AddDate(0, 0, -20), noon.AddDate(0, 0, 10)
	if got := amount(forgotten); got != 1500 {
		t.Errorf("%d by the invoice's period", got)
	}
	// A month of 31 days, 26 of them twice: 25.1612… is 25.17.
	odd := twice()
	odd.Facts.Subscriptions[0].Object.PeriodStart, odd.Facts.Subscriptions[0].Object.PeriodEnd = noon.AddDate(0, 0, -10), noon.AddDate(0, 0, 21)
	odd.Facts.Payments[0].Object.PaidAt = noon.AddDate(0, 0, -10)
	if got := amount(odd); got != 2517 {
		t.Errorf("%d for 26 of 31 days", got)
	}
}

// Whatever a customer has: at least one good subscription of each feature is left, no
// more goes back than is left of what was paid, and the answer is always the same.
func TestProperties(t *testing.T) {
	p := build(t, nil)
	rapid.Check(t, func(rt *rapid.T) {
		known := drawn(rt)
		first, _ := p.Review(known, noon)
		second, _ := p.Review(known, noon)
		if diff := cmp.Diff(first, second); diff != "" {
			rt.Fatal(diff)
		}
		canceled := map[string]bool{}
		for _, a := range first {
			canceled[a.Object] = canceled[a.Object] || a.Kind == policy.CancelNow
			var d policy.Details
			for _, held := range known.Facts.Payments {
				if o := held.Object; a.Kind == policy.Refund && a.Object == held.Account+"/payment/"+held.ID {
					if err := json.Unmarshal(a.Details, &d); err != nil || d.Amount <= 0 || d.Amount > o.Amount.Amount-o.Refunded {
						rt.Fatalf("%+v of %+v, %v", d, o, err)
					}
				}
			}
		}
		for _, feature := range []string{"api", "disk", "seats"} {
			had, left := 0, 0
			for _, s := range known.Facts.Subscriptions {
				plan, _ := known.Catalog.ByPrice(s.Account, s.Object.Price)
				good := s.Object.Status == billing.SubscriptionActive && s.Object.CancelAt.IsZero()
				if !plan.Gives(feature) || !good {
					continue
				}
				had++
				if !canceled[s.Account+"/subscription/"+s.ID] {
					left++
				}
			}
			if feature != "seats" && had > 0 && left != 1 { // a team of seats may give way to a newer pro
				rt.Fatalf("of %d subscriptions that give %s, %d are left", had, feature, left)
			}
		}
	})
}

func drawn(rt *rapid.T) policy.Known {
	var subs []billing.Held[billing.Subscription]
	known := knows()
	for i := range rapid.IntRange(0, 5).Draw(rt, "subscriptions") {
		where := rapid.SampledFrom([][2]string{{"stripe", "pro"}, {"stripe", "team"}, {"stripe", "storage"}, {"paypal", "P-PRO"}}).Draw(rt, "what")
		days := rapid.IntRange(1, 29).Draw(rt, "days")
		s := sub(where[0], fmt.Sprint("s", i), where[1], days, status(rapid.SampledFrom([]billing.SubscriptionStatus{
			billing.SubscriptionActive, billing.SubscriptionPending, billing.SubscriptionPastDue, billing.SubscriptionEnded,
		}).Draw(rt, "status")))
		if rapid.IntRange(0, 3).Draw(rt, "canceling") == 0 {
			s.Object.CancelAt = s.Object.PeriodEnd
		}
		if s.Object.Status == billing.SubscriptionEnded {
			s.Object.EndedAt = noon
		}
		subs = append(subs, s)
		known = paid(known, s.Account, s.ID, days, rapid.Int64Range(0, 3000).Draw(rt, "refunded"))
	}
	known.Facts.Subscriptions = subs
	return known
}

// A free plan beside the one that is paid for costs nothing twice: neither is
// canceled, whichever is the newer.
func TestAFreePlanIsNoDuplicate(t *testing.T) {
	free := func(s *billing.Subscription) { s.Amount = billing.Money{Currency: "EUR"} }
	paying := func(s *billing.Subscription) { s.Amount = billing.Money{Amount: 3000, Currency: "EUR"} }
	for name, pair := range map[string]policy.Known{
		"newer": knows(sub("stripe", "paid", "pro", 20, paying), sub("stripe", "free", "pro", 5, free)),
		"older": knows(sub("stripe", "paid", "pro", 5, paying), sub("stripe", "free", "pro", 20, free)),
	} {
		if got := review(build(t, nil), pair); got != nil {
			t.Errorf("a free plan that is the %s: %q", name, got)
		}
	}
	soon := func(s *billing.Subscription) {
		free(s)
		s.Ahead = &billing.Ahead{Kind: billing.PromotionEnd, At: noon.AddDate(0, 0, 25), Amount: billing.Money{Amount: 3000, Currency: "EUR"}}
	}
	if got := review(build(t, nil), knows(sub("stripe", "paid", "pro", 20, paying), sub("stripe", "soon", "pro", 5, soon))); got == nil {
		t.Error("one that is free for now is charged for later, and is a duplicate")
	}
}

// The payment of yesterday did not pay for the day that is owed: of what was not paid
// nothing goes back, however short the period is.
func TestNothingGoesBackForAPeriodThatIsOwed(t *testing.T) {
	daily := func(s *billing.Subscription) {
		s.Status, s.PeriodStart, s.PeriodEnd = billing.SubscriptionPastDue, noon.Add(-4*time.Hour), noon.Add(20*time.Hour)
	}
	known := paid(knows(sub("stripe", "old", "pro", 20, daily), sub("paypal", "I-NEW", "P-PRO", 5)), "stripe", "old", 1, 0)
	if got := review(build(t, nil), known); slices.ContainsFunc(got, func(key string) bool { return strings.HasPrefix(key, "refund:") }) {
		t.Errorf("%q", got)
	}
}

// Whoever buys the yearly plan and lets the monthly one run out, or whose abandoned
// checkout expires beside a good subscription, never had a duplicate: when the old one
// is over nothing goes back, and nobody is told of a mistake that they did not make.
func TestWhatEndsByItselfWasNoDuplicate(t *testing.T) {
	ranOut := after(0)
	old := &ranOut.Facts.Subscriptions[0].Object
	old.CancelAt, old.EndedAt = noon.AddDate(0, 0, -1), noon.AddDate(0, 0, -1)
	expired := knows(sub("stripe", "never", "pro", 3, status(billing.SubscriptionEnded), func(s *billing.Subscription) { s.EndedAt = noon.AddDate(0, 0, -2) }), sub("stripe", "good", "pro", 5))
	for name, known := range map[string]policy.Known{"canceled by the customer": ranOut, "expired": expired} {
		known.Demands = nil
		if got := review(build(t, nil), known); got != nil {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// What could only be set to end at the end of its period was used until then: nothing
// goes back by itself, as the alert said.
func TestUsedToTheEnd(t *testing.T) {
	known := after(0)
	known.Accounts = map[string]policy.Account{"stripe": {Can: map[string]bool{policy.CancelAtPeriodEnd: true, policy.Refund: true}}}
	want := []string{"alert:stripe/subscription/old:duplicate.over", "message:stripe/subscription/old:duplicate_found"}
	if diff := cmp.Diff(want, review(build(t, nil), known)); diff != "" {
		t.Error(diff)
	}
}
