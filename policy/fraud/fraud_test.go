package fraud_test

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
	"github.com/trivetdev/trivet/policy/fraud"
	"github.com/trivetdev/trivet/policy/policytest"
)

var noon = time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)

func build(t testing.TB, change func(*fraud.Settings)) *fraud.Policy {
	t.Helper()
	return policytest.Build(t, fraud.Defaults, fraud.New, change)
}

// try is a try by card, so many hours ago.
func try(card string, hours int, declined bool) billing.Attempt {
	a := billing.Attempt{
		Account: "stripe", ID: fmt.Sprintf("ch_%s_%d", card, hours), Payment: "pi_x", At: noon.Add(-time.Duration(hours) * time.Hour),
		Card: &billing.Card{Brand: "visa", Last4: "4242"}, Payer: card, Method: "card",
	}
	if declined {
		a.Decline = &billing.Decline{Code: "card_declined"}
	}
	return a
}

// declines are tries that failed, an hour apart, the newest an hour ago.
func declines(n int) (all []billing.Attempt) {
	for i := range n {
		all = append(all, try(fmt.Sprint("fp", i), n-i, true))
	}
	return all
}

func payment(account, id string, daysAgo int, amount, refunded int64) billing.Held[billing.Payment] {
	return billing.Held[billing.Payment]{Account: account, ID: id, Object: billing.Payment{
		Status: billing.PaymentSucceeded, Amount: billing.Money{Amount: amount, Currency: "EUR"}, Refunded: refunded, PaidAt: noon.AddDate(0, 0, -daysAgo),
	}}
}

func subscription(account, id string, status billing.SubscriptionStatus) billing.Held[billing.Subscription] {
	return billing.Held[billing.Subscription]{Account: account, ID: id, Object: billing.Subscription{Status: status, Price: "p", StartedAt: noon.AddDate(0, -2, 0)}}
}

// crook is a customer with many declines, and something to lose at three providers.
func crook() policy.Known {
	return policy.Known{
		Customer: billing.Customer{Ref: "user_1"},
		Attempts: declines(5),
		Facts: billing.Facts{
			Subscriptions: []billing.Held[billing.Subscription]{
				subscription("stripe", "sub_1", billing.SubscriptionActive), subscription("stripe", "sub_old", billing.SubscriptionEnded),
				subscription("paypal", "I-1", billing.SubscriptionPastDue), subscription("lemonsqueezy", "7", billing.SubscriptionTrialing),
				subscription("paddle", "sub_p", billing.SubscriptionPending),
			},
			Payments: []billing.Held[billing.Payment]{
				payment("stripe", "pi_1", 3, 900, 100), payment("paypal", "C1", 29, 500, 0), payment("stripe", "pi_old", 200, 900, 0),
				payment("stripe", "pi_back", 2, 900, 900), payment("stripe", "pi_contested", 2, 900, 0),
			},
			Disputes: []billing.Held[billing.Dispute]{{Account: "stripe", ID: "dp_1", Object: billing.Dispute{Status: billing.DisputeOpen, Payment: "pi_contested"}}},
		},
		Accounts: map[string]policy.Account{
			"stripe": {Can: map[string]bool{"refund": true, "cancel": true}}, "paypal": {Can: map[string]bool{"refund": true, "cancel": true}},
			"lemonsqueezy": {Can: map[string]bool{"refund": true, "cancel_at_period_end": true}},
		},
	}
}

func kinds(actions []policy.Action) (all []string) {
	for _, a := range actions {
		all = append(all, a.Kind)
	}
	return all
}

func review(p *fraud.Policy, known policy.Known) []policy.Action {
	actions, _ := p.Review(known, noon)
	return actions
}

func with(known policy.Known, change func(*policy.Known)) policy.Known {
	change(&known)
	return known
}

func TestPolicy(t *testing.T) {
	asked := []string{"ban", "refund", "refund", "cancel", "cancel", "cancel_at_period_end", "alert", "alert"}
	trusted := func(attributes map[string]any) policy.Known {
		return with(crook(), func(k *policy.Known) { k.Customer.Attributes = attributes })
	}
	banned := func(by string) policy.Known {
		return with(crook(), func(k *policy.Known) {
			k.Attempts, k.Customer.Ban = nil, &billing.Ban{At: noon.AddDate(0, 0, -1), Reason: "fraud", By: by}
		})
	}
	unbanned := policy.Change{Seq: 9, At: noon, Kinds: []billing.ChangeKind{"unbanned"}}
	lifted := with(crook(), func(k *policy.Known) {
		k.Customer.Cleared = &billing.Cleared{At: noon, By: "anna", Ban: billing.Ban{At: noon.AddDate(0, 0, -1), By: "policy:fraud"}}
		k.Facts.Subscriptions[1].Object.EndedAt = noon
	})
	policytest.Run(t, build(t, func(s *fraud.Settings) { s.Tell = true }),
		policytest.Case{Name: "five declines", Now: noon, Known: crook(), Kinds: asked},
		policytest.Case{Name: "no domain verified", Now: noon, Known: trusted(map[string]any{"verified_domains": 0.0}), Kinds: asked},
		policytest.Case{Name: "a domain verified", Now: noon, Known: trusted(map[string]any{"verified_domains": 2.0}), Kinds: []string{"alert", "alert"}},
		policytest.Case{Name: "known to us", Now: noon, Known: trusted(map[string]any{"kyc": true}), Kinds: []string{"alert", "alert"}},
		policytest.Case{Name: "four declines", Now: noon, Known: with(crook(), func(k *policy.Known) { k.Attempts = declines(4) }), Kinds: []string{"alert"}},
		policytest.Case{Name: "two cards", Now: noon, Known: with(crook(), func(k *policy.Known) { k.Attempts = declines(2) })},
		policytest.Case{Name: "banned by us, who pays on", Now: noon, Known: banned("policy:fraud"), Kinds: []string{"refund", "refund", "cancel", "cancel", "cancel_at_period_end", "alert", "alert", "alert"}},
		policytest.Case{Name: "banned by a person", Now: noon, Known: banned("anna"), Kinds: []string{"alert", "alert", "alert"}},
		policytest.Case{Name: "told of the ban", Change: policy.Change{Seq: 8, At: noon, Kinds: []billing.ChangeKind{"banned"}}, Known: banned("policy:fraud"), Kinds: []string{"message"}},
		policytest.Case{Name: "told that it is over", Change: unbanned, Known: lifted, Kinds: []string{"message", "alert"}},
		policytest.Case{Name: "shares with who is banned", Now: noon, Known: policy.Known{
			Customer: billing.Customer{Ref: "u"}, Shared: []policy.Shared{{Customer: "v", By: "card", Banned: true}},
		}, Kinds: []string{"alert"}},
		policytest.Case{Name: "shares with one", Now: noon, Known: policy.Known{Customer: billing.Customer{Ref: "u"}, Shared: []policy.Shared{{Customer: "v", By: "card"}}}},
		policytest.Case{Name: "shares with four", Now: noon, Known: policy.Known{Customer: billing.Customer{Ref: "u"}, Shared: []policy.Shared{
			{Customer: "a"}, {Customer: "b"}, {Customer: "c"}, {Customer: "d"}, {Customer: "d", By: "card"},
		}}, Kinds: []string{"alert"}},
	)
}

// What Forward Email did after a ban ended no subscription: the loop passed over
// all that were not canceled already. Here every live one ends, at every provider.
func TestEveryLiveSubscriptionIsCanceled(t *testing.T) {
	got := policytest.Keys(review(build(t, nil), crook()))
	for _, want := range []string{
		"cancel:stripe/subscription/sub_1:fraud", "cancel:paypal/subscription/I-1:fraud", "cancel_at_period_end:lemonsqueezy/subscription/7:fraud",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not asked for: %q", want, got)
		}
	}
	if slices.ContainsFunc(got, func(key string) bool { return strings.Contains(key, "sub_old") || strings.Contains(key, "sub_p") }) {
		t.Errorf("what has ended or never began is canceled: %q", got)
	}
}

// Payments of years ago were refunded with the stolen ones.
func TestOldPaymentsAreNotRefunded(t *testing.T) {
	var refunded []string
	for _, a := range review(build(t, nil), crook()) {
		if a.Kind == policy.Refund {
			refunded = append(refunded, a.Object)
		}
	}
	if diff := cmp.Diff([]string{"stripe/payment/pi_1", "paypal/payment/C1"}, refunded); diff != "" {
		t.Error(diff)
	}
}

// Whoever was known to the merchant was banned all the same: KYC was not asked for.
func TestTheExemptAreSpared(t *testing.T) {
	known := with(crook(), func(k *policy.Known) { k.Customer.Attributes = map[string]any{"trusted": true} })
	if got := kinds(review(build(t, nil), known)); slices.ContainsFunc(got, func(kind string) bool { return kind != policy.Alert }) {
		t.Errorf("a trusted customer sees %q", got)
	}
}

// Only declines with one code counted.
func TestEveryDeclineByCardCounts(t *testing.T) {
	known := crook()
	for i, code := range []string{"card_declined", "expired_card", "incorrect_cvc", "processing_error", "never_seen"} {
		known.Attempts[i].Decline = &billing.Decline{Code: code}
	}
	if got := kinds(review(build(t, nil), known)); !slices.Contains(got, policy.Ban) {
		t.Errorf("%q", got)
	}
	for i := range known.Attempts {
		known.Attempts[i].Card = nil // a bank debit that bounces is no card that is tried
	}
	if got := review(build(t, nil), known); got != nil {
		t.Errorf("without cards: %q", policytest.Keys(got))
	}
}

// A card without money is tried again and again by the provider itself. That is no
// card testing, and bans nobody.
func TestRenewalRetriesAreNoCardTesting(t *testing.T) {
	known := crook()
	known.Facts.Invoices = []billing.Held[billing.Invoice]{{Account: "stripe", ID: "in_1", Object: billing.Invoice{
		Subscription: "sub_1", Payments: []string{"pi_x"}, CreatedAt: noon.AddDate(0, 0, -7),
	}}}
	known.Attempts = nil
	for i := range 8 {
		known.Attempts = append(known.Attempts, try("fp", 9-i, true))
	}
	if got := review(build(t, nil), known); got != nil {
		t.Errorf("eight retries call for %q", policytest.Keys(got))
	}
	// Other cards for the same renewal are another matter.
	known.Attempts = declines(5)
	if got := kinds(review(build(t, nil), known)); !slices.Contains(got, policy.Ban) {
		t.Errorf("five cards call for %q", got)
	}
	// So are tries at the first payment.
	known.Facts.Invoices[0].Object.CreatedAt = known.Facts.Subscriptions[0].Object.StartedAt
	known.Attempts = nil
	for i := range 5 {
		known.Attempts = append(known.Attempts, try("fp", 9-i, true))
	}
	if got := kinds(review(build(t, nil), known)); !slices.Contains(got, policy.Ban) {
		t.Errorf("five tries at the first payment call for %q", got)
	}
}

// An alert came at every run, and a ban for every further decline. One cause is one
// case, until a person has settled it.
func TestOneCasePerCause(t *testing.T) {
	p, known := build(t, nil), crook()
	first := policytest.Keys(review(p, known))
	known.Attempts = append(known.Attempts, try("fp9", 0, true))
	if diff := cmp.Diff(first, policytest.Keys(review(p, known))); diff != "" {
		t.Errorf("a sixth decline calls for something else:\n%s", diff)
	}
	later, _ := p.Review(known, noon.AddDate(0, 0, 20))
	if diff := cmp.Diff(first, policytest.Keys(later)); diff != "" {
		t.Errorf("weeks later:\n%s", diff)
	}
}

// A person's word stands: what had led to the ban does not lead to it again.
func TestALiftedBanIsNotOverruled(t *testing.T) {
	p, known := build(t, nil), crook()
	first := review(p, known)
	known.Customer.Cleared = &billing.Cleared{At: noon, By: "anna", Ban: billing.Ban{At: noon, By: "policy:fraud"}}
	if got := review(p, known); got != nil {
		t.Errorf("right after: %q", policytest.Keys(got))
	}
	for i := range 5 {
		again := try(fmt.Sprint("fp", i), -i-1, true)
		known.Attempts = append(known.Attempts, again)
		got, _ := p.Review(known, again.At)
		banned := slices.Contains(kinds(got), policy.Ban)
		if banned != (i == 4) {
			t.Errorf("after %d declines since: %q", i+1, policytest.Keys(got))
		}
		if banned && got[0].Key == first[0].Key {
			t.Errorf("the second ban has the key of the first, %s: it would not happen", got[0].Key)
		}
	}
}

// A guest who tries cards caused a mail for each: nobody is known, nobody is told.
func TestGuestsCauseNoFlood(t *testing.T) {
	if got := review(build(t, nil), policy.Known{Attempts: declines(50)}); got != nil {
		t.Errorf("%q", policytest.Keys(got))
	}
}

// warned is a customer one of whose payments the card network warns of.
func warned() policy.Known {
	known := crook()
	known.Attempts = nil
	known.Warnings = []billing.Held[billing.Warning]{{Account: "stripe", ID: "issfr_1", Object: billing.Warning{
		Actionable: true, Payment: "pi_1", FraudType: "made_with_stolen_card", CreatedAt: noon.Add(-time.Hour),
	}}}
	known.Facts.Invoices = []billing.Held[billing.Invoice]{{Account: "stripe", ID: "in_1", Object: billing.Invoice{Subscription: "sub_1", Payments: []string{"pi_1"}}}}
	return known
}

// Early fraud warnings were not handled at all.
func TestEarlyFraudWarnings(t *testing.T) {
	p := build(t, nil)
	want := []string{"refund:stripe/payment/pi_1:fraud", "cancel:stripe/subscription/sub_1:fraud", "alert:stripe/warning/issfr_1"}
	if diff := cmp.Diff(want, policytest.Keys(review(p, warned()))); diff != "" {
		t.Error(diff)
	}
	// The refund settles the warning; the subscription ends all the same.
	settled := warned()
	settled.Warnings[0].Object.Actionable, settled.Facts.Payments[0].Object.Refunded = false, 900
	if diff := cmp.Diff(want[1:], policytest.Keys(review(p, settled))); diff != "" {
		t.Error(diff)
	}
	for name, change := range map[string]func(*policy.Known){
		"old": func(k *policy.Known) { k.Warnings[0].Object.CreatedAt = noon.AddDate(0, 0, -31) },
		"somebody else's to do": func(k *policy.Known) {
			k.Accounts = map[string]policy.Account{"stripe": {Since: noon}}
		},
	} {
		if got := review(p, with(warned(), change)); got != nil {
			t.Errorf("%s: %q", name, policytest.Keys(got))
		}
	}
	exempt := with(warned(), func(k *policy.Known) { k.Customer.Attributes = map[string]any{"kyc": true} })
	if diff := cmp.Diff(want[2:], policytest.Keys(review(p, exempt))); diff != "" {
		t.Error(diff)
	}
	ban := build(t, func(s *fraud.Settings) { s.Warning = []string{"ban"} })
	if diff := cmp.Diff([]string{"ban:trivet/customer/user_1:warning.stripe.issfr_1"}, policytest.Keys(review(ban, warned()))); diff != "" {
		t.Error(diff)
	}
	cleared := with(warned(), func(k *policy.Known) { k.Customer.Cleared = &billing.Cleared{At: noon} })
	if got := review(ban, cleared); got != nil {
		t.Errorf("after the ban was lifted: %q", policytest.Keys(got))
	}
	if got := review(build(t, func(s *fraud.Settings) { s.Warning = nil }), warned()); got != nil {
		t.Errorf("switched off: %q", policytest.Keys(got))
	}
}

// What a provider cannot be asked for is left to a person, and not forgotten.
func TestWhatCannotBeDone(t *testing.T) {
	known := with(crook(), func(k *policy.Known) {
		k.Accounts = map[string]policy.Account{"stripe": {Can: map[string]bool{}}}
	})
	got := policytest.Keys(review(build(t, nil), known))
	for _, want := range []string{"alert:stripe/payment/pi_1:fraud.refunded", "alert:stripe/subscription/sub_1:fraud.canceled"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is missing: %q", want, got)
		}
	}
}

func TestFacts(t *testing.T) {
	known := crook()
	known.Shared = []policy.Shared{{Customer: "v", Banned: true}, {Customer: "w"}}
	known.Catalog, _ = billing.NewCatalog([]billing.Plan{{ID: "pro", Prices: map[string][]string{"stripe": {"p"}}}})
	for expression, want := range map[string]bool{
		"declines_30d == 5 && cards_30d == 5":                             true,
		"shared_payers == 2 && shared_banned == 1 && shared_score == 70":  true,
		"warnings == 0 && disputes == 1 && payments == 5":                 true,
		`plan == "pro" && plans == ["pro"]`:                               true,
		`paid["EUR"] == 800 + 500 + 900 + 900 && (paid["USD"] ?? 0) == 0`: true,
		"banned": false,
		`attributes.country in ["XX"] || attributes.missing != nil`:               false,
		`"legacy" in (attributes.tags ?? []) or any(plans, # startsWith "enter")`: false,
		"cards_30d > 2 and not (plan in ['enterprise'])":                          true,
	} {
		p := build(t, func(s *fraud.Settings) {
			s.Shipped, s.Rules = false, []fraud.Rule{{Name: "mine", When: expression, Do: []string{"alert"}}}
		})
		if got := len(review(p, known)) == 1; got != want {
			t.Errorf("%s: %v", expression, got)
		}
	}
}

func TestSettings(t *testing.T) {
	s, err := fraud.Decode(map[string]any{
		"refund": "7d", "warning": []any{"alert"}, "tell": true,
		"rules": []any{map[string]any{"name": "cards", "when": "cards_30d >= 4", "do": []any{"ban"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := fraud.New(s)
	if err != nil {
		t.Fatal(err)
	}
	known := crook()
	known.Attempts = declines(4)
	if diff := cmp.Diff([]string{"ban:trivet/customer/user_1:cards.2026-03"}, policytest.Keys(review(p, known))); diff != "" {
		t.Errorf("the section's rule does not take the place of the shipped one:\n%s", diff)
	}
}

func TestSettingsRefused(t *testing.T) {
	rule := func(r fraud.Rule) func(*fraud.Settings) { return func(s *fraud.Settings) { s.Rules = []fraud.Rule{r} } }
	for name, test := range map[string]struct {
		change func(*fraud.Settings)
		says   string
	}{
		"no such fact":     {rule(fraud.Rule{Name: "x", When: "declined_30d > 5", Do: []string{"ban"}}), "the facts are declines_30d, cards_30d"},
		"no truth":         {rule(fraud.Rule{Name: "x", When: "declines_30d", Do: []string{"ban"}}), "rule x"},
		"no expression":    {rule(fraud.Rule{Name: "x", When: "declines_30d >=", Do: []string{"ban"}}), "no expression over the facts"},
		"empty":            {rule(fraud.Rule{Name: "x", When: " ", Do: []string{"ban"}}), "is empty"},
		"nothing to do":    {rule(fraud.Rule{Name: "x", When: "true"}), "does nothing"},
		"something else":   {rule(fraud.Rule{Name: "x", When: "true", Do: []string{"shout"}}), "use alert, ban, refund, cancel"},
		"no name":          {rule(fraud.Rule{When: "true", Do: []string{"ban"}}), "needs a name"},
		"the time of day":  {rule(fraud.Rule{Name: "x", When: "now().Hour() > 5", Do: []string{"ban"}}), "unknown name now"},
		"a bad exemption":  {func(s *fraud.Settings) { s.Exempt = "kyc" }, "exempt: "},
		"a warning to do":  {func(s *fraud.Settings) { s.Warning = []string{"x"} }, "warning: there is no"},
		"refunds for ever": {func(s *fraud.Settings) { s.Refund = 9999 * time.Hour }, "up to 180d"},
		"two with one name": {func(s *fraud.Settings) {
			s.Rules = []fraud.Rule{{Name: "x", When: "true", Do: []string{"ban"}}, {Name: "x", When: "true", Do: []string{"ban"}}}
		}, "two rules"},
	} {
		s := fraud.Defaults()
		test.change(&s)
		if _, err := fraud.New(s); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := fraud.Decode(map[string]any{"rule": 1}); err == nil {
		t.Error("an unknown key is taken")
	}
}

// An attribute of the wrong type harms nobody: it is told once, and whoever cannot be
// judged is spared.
func TestExpressionsThatFail(t *testing.T) {
	p := build(t, func(s *fraud.Settings) { s.Exempt = "attributes.since < 2020" })
	known := with(crook(), func(k *policy.Known) { k.Customer.Attributes = map[string]any{"since": "2019"} })
	got := review(p, known)
	if slices.ContainsFunc(got, func(a policy.Action) bool { return a.Kind != policy.Alert }) || len(got) == 0 {
		t.Fatalf("%q", policytest.Keys(got))
	}
	var w policy.Warning
	if err := json.Unmarshal(got[0].Details, &w); err != nil || w.Cause != "fraud:broken:exempt" || !strings.Contains(w.Details, "attributes.since < 2020") {
		t.Errorf("%+v, %v", w, err)
	}
}

// Whatever is known of a customer: equal input gives equal actions under keys that
// are told apart, no more goes back than was paid, and who is exempt is not touched.
func TestProperties(t *testing.T) {
	p := build(t, nil)
	rapid.Check(t, func(rt *rapid.T) {
		known := drawn(rt)
		first, second := review(p, known), review(p, known)
		if diff := cmp.Diff(first, second); diff != "" {
			rt.Fatal(diff)
		}
		seen := map[string]bool{}
		for _, a := range first {
			if seen[a.Key] {
				rt.Fatalf("twice: %s", a.Key)
			}
			seen[a.Key] = true
			if known.Customer.Attributes["kyc"] == true && a.Kind != policy.Alert {
				rt.Fatalf("the customer is exempt: %s", a.Key)
			}
			if a.Kind != policy.Refund {
				continue
			}
			d := policytest.Details[policy.Details](rt, a)
			for _, held := range known.Facts.Payments {
				if o := held.Object; a.Object == held.Account+"/payment/"+held.ID && (d.Amount+o.Refunded > o.Amount.Amount || o.Refunded == o.Amount.Amount || d.Refunded != o.Refunded) {
					rt.Fatalf("%+v is refunded by %+v", o, d)
				}
			}
		}
	})
}

func drawn(rt *rapid.T) policy.Known {
	known := crook()
	known.Attempts = nil
	for i := range rapid.IntRange(0, 9).Draw(rt, "attempts") {
		known.Attempts = append(known.Attempts, try(fmt.Sprint("fp", rapid.IntRange(0, 4).Draw(rt, "card")), 1000*i/9, rapid.Bool().Draw(rt, "declined")))
	}
	known.Facts.Payments = nil
	for i := range rapid.IntRange(0, 4).Draw(rt, "payments") {
		amount := rapid.Int64Range(1, 1000).Draw(rt, "amount")
		known.Facts.Payments = append(known.Facts.Payments,
			payment("stripe", fmt.Sprint("pi_", i), rapid.IntRange(0, 60).Draw(rt, "days"), amount, rapid.Int64Range(0, amount).Draw(rt, "refunded")))
	}
	if rapid.Bool().Draw(rt, "kyc") {
		known.Customer.Attributes = map[string]any{"kyc": true}
	}
	if rapid.Bool().Draw(rt, "banned") {
		known.Customer.Ban = &billing.Ban{At: noon, By: rapid.SampledFrom([]string{"policy:fraud", "anna"}).Draw(rt, "by")}
	}
	if rapid.Bool().Draw(rt, "warned") {
		known.Warnings = []billing.Held[billing.Warning]{{Account: "stripe", ID: "w", Object: billing.Warning{Actionable: true, Payment: "pi_0", CreatedAt: noon}}}
	}
	return known
}
