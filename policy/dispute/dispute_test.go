package dispute_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/dispute"
	"github.com/trivetdev/trivet/policy/policytest"
)

var noon = time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)

func build(t testing.TB, change func(*dispute.Settings)) *dispute.Policy {
	t.Helper()
	return policytest.Build(t, dispute.Defaults, dispute.New, change)
}

func accepting(s *dispute.Settings) { s.Do = dispute.Accept }

// contested is a customer whose renewal is charged back, with ten days to answer.
func contested(status billing.DisputeStatus, word string) policy.Known {
	catalog := policytest.Catalog(billing.Plan{ID: "pro", Name: "Pro", Prices: map[string][]string{"stripe": {"price_pro"}}})
	card := &billing.Card{Brand: "visa", Last4: "4242"}
	pay := func(id string, day int, card *billing.Card) billing.Held[billing.Payment] {
		return billing.Held[billing.Payment]{Account: "stripe", ID: id, Object: billing.Payment{
			Status: billing.PaymentSucceeded, Amount: billing.Money{Amount: 900, Currency: "EUR"}, Method: "card", Card: card, PaidAt: noon.AddDate(0, 0, -day),
		}}
	}
	k := policy.Known{Customer: billing.Customer{Ref: "user_1", Email: "secret@x.test", Name: "Sam"}, Catalog: catalog, Facts: billing.Facts{
		Subscriptions: []billing.Held[billing.Subscription]{
			{Account: "stripe", ID: "sub_1", Object: billing.Subscription{Status: billing.SubscriptionActive, Price: "price_pro", StartedAt: noon.AddDate(-1, 0, 0)}},
			{Account: "stripe", ID: "sub_2", Object: billing.Subscription{Status: billing.SubscriptionActive, Price: "price_pro"}},
		},
		Invoices: []billing.Held[billing.Invoice]{{Account: "stripe", ID: "in_1", Object: billing.Invoice{
			Subscription: "sub_1", Payments: []string{"pi_1"}, PeriodStart: noon.AddDate(0, 0, -20), PeriodEnd: noon.AddDate(0, 0, 10),
		}}},
		Payments: []billing.Held[billing.Payment]{pay("pi_0", 50, card), pay("pi_1", 20, card), pay("pi_00", 80, &billing.Card{Brand: "visa", Last4: "1111"}), pay("pi_2", 1, card)},
		Disputes: []billing.Held[billing.Dispute]{{Account: "stripe", ID: "dp_1", Object: billing.Dispute{
			Status: status, ProviderStatus: word, Payment: "pi_1", Amount: billing.Money{Amount: 900, Currency: "EUR"}, Reason: "product_not_received",
			DueBy: noon.AddDate(0, 0, 10), CreatedAt: noon.AddDate(0, 0, -1),
		}}},
	}, Attempts: []billing.Attempt{{Account: "stripe", ID: "ch_0", Payment: "pi_1", At: noon.AddDate(0, 0, -20), Decline: &billing.Decline{}}, {Account: "stripe", ID: "ch_1", Payment: "pi_1", At: noon.AddDate(0, 0, -20)}}}
	if status == billing.DisputeWon || status == billing.DisputeLost {
		k.Facts.Disputes[0].Object.DueBy = time.Time{}
	}
	return k
}

func charged() policy.Known { return contested(billing.DisputeOpen, "needs_response") }

func review(p *dispute.Policy, known policy.Known, now time.Time) []string {
	actions, _ := p.Review(known, now)
	return policytest.Keys(actions)
}

func change(before, after billing.DisputeStatus) policy.Change {
	is := contested(after, "").Facts.Disputes[0].Object
	c := policy.Change{Seq: 3, At: noon, Account: "stripe", Kind: billing.KindDispute, ID: "dp_1", After: is}
	if before == "" {
		c.Kinds = billing.Observe(nil, is)
		return c
	}
	was := contested(before, "").Facts.Disputes[0].Object
	c.Before, c.Kinds = was, billing.Observe(was, is)
	return c
}

func TestPolicy(t *testing.T) {
	over := []string{"alert", "alert", "alert"}
	banned := charged()
	banned.Customer.Ban = &billing.Ban{}
	p := build(t, func(s *dispute.Settings) { s.Tell = []string{"dispute_opened", "dispute_won", "dispute_lost"} })
	policytest.Run(t, p,
		policytest.Case{Name: "a chargeback", Now: noon, Known: charged(), Kinds: []string{"alert", "alert"}},
		policytest.Case{Name: "an inquiry", Now: noon, Known: contested(billing.DisputeInquiry, "warning_needs_response"), Kinds: []string{"alert"}},
		policytest.Case{Name: "soon too late", Now: noon.AddDate(0, 0, 8), Known: charged(), Kinds: []string{"alert", "alert", "alert"}},
		policytest.Case{Name: "answered", Now: noon, Known: contested(billing.DisputeOpen, "under_review"), Kinds: over},
		policytest.Case{Name: "an answered inquiry", Now: noon, Known: contested(billing.DisputeInquiry, "warning_under_review"), Kinds: over},
		policytest.Case{Name: "won", Now: noon, Known: contested(billing.DisputeWon, "won"), Kinds: over},
		policytest.Case{Name: "lost", Now: noon, Known: contested(billing.DisputeLost, "lost"), Kinds: append(slices.Clone(over), "cancel")},
		policytest.Case{Name: "told of it", Change: change("", billing.DisputeOpen), Known: charged(), Kinds: []string{"message"}},
		policytest.Case{Name: "told that it was won", Change: change(billing.DisputeOpen, billing.DisputeWon), Known: charged(), Kinds: []string{"message"}},
		policytest.Case{Name: "told that it was lost", Change: change(billing.DisputeOpen, billing.DisputeLost), Known: charged(), Kinds: []string{"message"}},
		policytest.Case{Name: "an inquiry is nobody's business", Change: change("", billing.DisputeInquiry), Known: charged()},
		policytest.Case{Name: "nor that it was closed", Change: change(billing.DisputeInquiry, billing.DisputeWon), Known: charged()},
		policytest.Case{Name: "banned", Change: change("", billing.DisputeOpen), Known: banned},
	)
	policytest.Run(t, build(t, accepting),
		policytest.Case{Name: "accepted", Now: noon, Known: charged(), Kinds: []string{"alert", "accept_dispute", "cancel"}},
		policytest.Case{Name: "told of nothing", Change: change("", billing.DisputeOpen), Known: charged()},
	)
}

// Inquiries were conceded like chargebacks (Forward Email).
func TestAnInquiryIsNoChargeback(t *testing.T) {
	p := build(t, func(s *dispute.Settings) {
		s.Do, s.Rules = dispute.Accept, []dispute.Rule{{When: "true", Do: dispute.Accept}}
	})
	got := review(p, contested(billing.DisputeInquiry, "warning_needs_response"), noon)
	if diff := cmp.Diff([]string{"alert:stripe/dispute/dp_1:inquiry.20260330"}, got); diff != "" {
		t.Error(diff)
	}
}

// Every dispute was conceded without evidence (Forward Email).
func TestNothingIsConcededUnasked(t *testing.T) {
	actions, next := build(t, nil).Review(charged(), noon)
	if want := noon.AddDate(0, 0, 7); !next.Equal(want) {
		t.Errorf("it wants to be asked again at %v, not at %v", next, want)
	}
	w := policytest.Details[policy.Warning](t, actions[1])
	if !w.DueBy.Equal(noon.AddDate(0, 0, 10)) || !strings.Contains(w.Title, "9.00 EUR") || strings.Contains(w.Details+w.Title, "secret") || strings.Contains(w.Details+w.Title, "Sam") {
		t.Errorf("%+v", w)
	}
	b := policytest.Details[dispute.Bundle](t, policy.Action{Details: []byte(w.Details)})
	if b.Payment == nil || b.Payment.ID != "pi_1" || len(b.Tries) != 2 || len(b.Bought) != 1 || b.Bought[0].Name != "Pro" || !b.Bought[0].PeriodEnd.Equal(noon.AddDate(0, 0, 10)) {
		t.Errorf("%+v", b)
	}
	if len(b.Earlier) != 2 || b.Earlier[0].ID != "pi_0" || !b.Earlier[0].SameCard || b.Earlier[1].SameCard {
		t.Errorf("%+v", b.Earlier)
	}
}

// A dispute ended every subscription; the one that it is about is enough. What was
// paid for otherwise goes on.
func TestOnlyTheContestedSubscriptionIsCanceled(t *testing.T) {
	got := review(build(t, accepting), charged(), noon)
	want := []string{"alert:stripe/dispute/dp_1:over.inquiry.open", "accept_dispute:stripe/dispute/dp_1", "cancel:stripe/subscription/sub_1:dispute.dp_1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	kept := build(t, func(s *dispute.Settings) { s.Do, s.Cancel = dispute.Accept, false })
	if diff := cmp.Diff(want[:2], review(kept, charged(), noon)); diff != "" {
		t.Error(diff)
	}
}

// A dispute that is won was impossible, for it was never heard of again: it closes
// what it opened, and access is as before.
func TestAWonDisputeLeavesNoTrace(t *testing.T) {
	known := contested(billing.DisputeWon, "won")
	for _, key := range review(build(t, accepting), known, noon) {
		if !strings.Contains(key, ":over.") {
			t.Errorf("%s", key)
		}
	}
	if d := billing.Access(known.Catalog, billing.DefaultRules(), known.Facts, "pro", noon); !d.Allowed {
		t.Errorf("%+v", d)
	}
}

// A provider that takes the money at once lets the dispute be lost before it is won.
// What the subscription was ended for is then no more, and its customer has paid: a
// person is told, and nobody is told that all is as it was.
func TestALostDisputeThatIsWonAfterAll(t *testing.T) {
	p := build(t, func(s *dispute.Settings) { s.Tell = []string{"dispute_won"} })
	told := func(k policy.Known) int { return len(p.React(change(billing.DisputeLost, billing.DisputeWon), k)) }
	known := contested(billing.DisputeWon, "reversed")
	if told(known) != 1 {
		t.Error("the customer whose purchase goes on is not told")
	}
	known.Facts.Subscriptions[0].Object.Status, known.Facts.Subscriptions[0].Object.EndedAt = billing.SubscriptionEnded, noon.Add(-time.Hour)
	if told(known) != 0 {
		t.Error("the customer is told that everything is as it was")
	}
	actions, next := p.Review(known, noon)
	if keys := policytest.Keys(actions); !slices.Contains(keys, "alert:stripe/dispute/dp_1:won") || !next.Equal(noon.AddDate(0, 0, 10)) {
		t.Fatalf("%q, again at %v", keys, next)
	}
	w := policytest.Details[policy.Warning](t, actions[len(actions)-1])
	if w.Over || !strings.Contains(w.Title, "sub_1") || !strings.Contains(w.Title, "until 2026-03-30") {
		t.Errorf("%+v", w)
	}
	if keys := review(p, known, noon.AddDate(0, 0, 10)); !slices.Contains(keys, "alert:stripe/dispute/dp_1:over.won.won") {
		t.Errorf("when the month is over: %q", keys)
	}
	for name, end := range map[string]time.Time{"before the dispute": noon.AddDate(0, 0, -2), "after the month": noon.AddDate(0, 0, 11)} {
		known.Facts.Subscriptions[0].Object.EndedAt = end
		if keys := review(p, known, noon.AddDate(0, 0, 5)); len(keys) != 3 || told(known) != 1 {
			t.Errorf("ended %s: %q", name, keys)
		}
	}
}

// What was over before the service came is history: no subscription is canceled for
// it, nobody is written to.
func TestOldDisputesAreHistory(t *testing.T) {
	p := build(t, func(s *dispute.Settings) { s.Tell = []string{"dispute_lost"} })
	for name, change := range map[string]func(*policy.Known){
		"before the account": func(k *policy.Known) { k.Accounts = map[string]policy.Account{"stripe": {Since: noon}} },
		"a year ago":         func(k *policy.Known) { k.Facts.Disputes[0].Object.CreatedAt = noon.AddDate(-1, 0, 0) },
	} {
		known := contested(billing.DisputeLost, "lost")
		change(&known)
		if got := review(p, known, noon); got != nil {
			t.Errorf("%s: %q", name, got)
		}
		is := known.Facts.Disputes[0].Object
		seen := policy.Change{Seq: 3, At: noon, Account: "stripe", Kind: billing.KindDispute, ID: "dp_1", After: is, Kinds: billing.Observe(nil, is)}
		if got := p.React(seen, known); got != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	// One that is still open needs an answer, whenever it began.
	known := charged()
	known.Accounts = map[string]policy.Account{"stripe": {Since: noon}}
	if got := review(p, known, noon); len(got) != 2 {
		t.Errorf("%q", got)
	}
}

func TestRules(t *testing.T) {
	p := build(t, func(s *dispute.Settings) {
		s.Rules = []dispute.Rule{
			{When: `reason == "fraudulent" and payments < 2`, Do: dispute.Accept},
			{When: `amount < 1000 && currency == "EUR" && plan == "pro" && account == "stripe" && disputes == 1 && !refunded && !(attributes.vip ?? false)`, Do: dispute.Accept},
		}
	})
	accepts := func(k policy.Known) bool {
		return slices.Contains(review(p, k, noon), "accept_dispute:stripe/dispute/dp_1")
	}
	if !accepts(charged()) {
		t.Error("the second rule does not apply")
	}
	for name, change := range map[string]func(*policy.Known){
		"larger":     func(k *policy.Known) { k.Facts.Disputes[0].Object.Amount.Amount = 1000 },
		"vip":        func(k *policy.Known) { k.Customer.Attributes = map[string]any{"vip": true} },
		"a bad type": func(k *policy.Known) { k.Customer.Attributes = map[string]any{"vip": "yes"} },
		"refunded":   func(k *policy.Known) { k.Facts.Payments[1].Object.Refunded = 900 },
		"cannot be": func(k *policy.Known) {
			k.Accounts = map[string]policy.Account{"stripe": {Can: map[string]bool{"cancel": true}}}
		},
	} {
		known := charged()
		change(&known)
		if got := review(p, known, noon); accepts(known) || len(got) < 2 {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestSettingsRefused(t *testing.T) {
	for says, change := range map[string]func(*dispute.Settings){
		`do: there is no "fight"`:        func(s *dispute.Settings) { s.Do = "fight" },
		"rule number 1: there is no":     func(s *dispute.Settings) { s.Rules = []dispute.Rule{{When: "true"}} },
		"the facts are amount, currency": func(s *dispute.Settings) { s.Rules = []dispute.Rule{{When: "sum > 1", Do: "alert"}} },
		"tell: there is no":              func(s *dispute.Settings) { s.Tell = []string{"x"} },
		"up to 30d":                      func(s *dispute.Settings) { s.Remind = 1000 * time.Hour },
	} {
		s := dispute.Defaults()
		change(&s)
		if _, err := dispute.New(s); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	s, err := dispute.Decode(map[string]any{"do": "accept", "remind": "2d", "rules": []any{map[string]any{"when": "amount > 5", "do": "alert"}}})
	if err != nil || s.Do != "accept" || len(s.Rules) != 1 || !s.Cancel {
		t.Errorf("%+v, %v", s, err)
	}
}

// A bundle is pure, and of a dispute that is not known there is none.
func TestBuild(t *testing.T) {
	records := dispute.Records{Messages: []dispute.Sent{{Template: "receipt"}}, Used: []dispute.Use{{Feature: "api", Times: 7}}}
	first, found := dispute.Build(charged(), "stripe", "dp_1", records)
	second, _ := dispute.Build(charged(), "stripe", "dp_1", records)
	if diff := cmp.Diff(first, second); diff != "" || !found || first.Used[0].Times != 7 {
		t.Error(diff, found)
	}
	if _, found := dispute.Build(charged(), "paypal", "dp_1", records); found {
		t.Error("a dispute of another account is found")
	}
}

// Whatever states disputes are in: an inquiry, an answered or an ended one is never
// conceded, and no key is asked for twice.
func TestProperties(t *testing.T) {
	p := build(t, accepting)
	rapid.Check(t, func(rt *rapid.T) {
		status := rapid.SampledFrom([]billing.DisputeStatus{billing.DisputeInquiry, billing.DisputeOpen, billing.DisputeWon, billing.DisputeLost}).Draw(rt, "status")
		known := contested(status, rapid.SampledFrom([]string{"needs_response", "under_review", "UNDER_REVIEW", "WAITING_FOR_BUYER_RESPONSE", ""}).Draw(rt, "word"))
		known.Facts.Disputes[0].Object.CreatedAt = noon.AddDate(0, 0, -rapid.IntRange(0, 400).Draw(rt, "days"))
		word := known.Facts.Disputes[0].Object.ProviderStatus
		waits := status == billing.DisputeOpen && (word == "" || word == "needs_response")
		seen := map[string]bool{}
		for _, key := range review(p, known, noon) {
			if seen[key] || strings.HasPrefix(key, "accept") != (waits && strings.HasPrefix(key, "accept")) {
				rt.Fatalf("%s of a dispute that is %s, %q", key, status, word)
			}
			seen[key] = true
		}
		if waits != seen["accept_dispute:stripe/dispute/dp_1"] {
			rt.Fatalf("%v of a dispute that is %s, %q", seen, status, word)
		}
	})
}
