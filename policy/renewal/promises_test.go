package renewal_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/policytest"
	"github.com/trivetdev/trivet/policy/renewal"
)

func having(s billing.Subscription) policy.Known {
	k := known()
	k.Facts.Add("stripe", "sub_1", s)
	return k
}

func TestPolicy(t *testing.T) {
	repriced := policy.Change{
		Seq: 7, At: day(3), Kinds: []billing.ChangeKind{billing.Updated}, Account: "stripe", Kind: billing.KindSubscription, ID: "sub_1",
		Before: paying("month", 1), After: but(paying("month", 1), func(s *billing.Subscription) { s.Amount = eur(3500) }),
	}
	banned := known()
	banned.Customer.Ban = &billing.Ban{}
	two := []string{policy.Say, policy.Say}
	policytest.Run(t, rules(t, nil),
		policytest.Case{Name: "repriced", Change: repriced, Known: known(), Kinds: []string{policy.Say}},
		policytest.Case{Name: "repriced, banned", Change: repriced, Known: banned},
		policytest.Case{Name: "a month before", Known: having(trialing(30)), Now: begin},
		policytest.Case{Name: "a moment before", Known: having(trialing(30)), Now: day(23).Add(-time.Nanosecond)},
		policytest.Case{Name: "at the moment", Known: having(trialing(30)), Now: day(23), Kinds: two},
		policytest.Case{Name: "late", Known: having(trialing(30)), Now: day(29), Kinds: two},
		policytest.Case{Name: "charged", Known: having(trialing(30)), Now: day(30)},
		policytest.Case{Name: "yearly", Known: having(paying("year", 1)), Now: begin.AddDate(1, 0, -21), Kinds: []string{policy.Say}},
		policytest.Case{Name: "a year", Known: having(paying("month", 1)), Now: begin.AddDate(1, 0, 3), Kinds: []string{policy.Say}},
	)
}

func TestSettingsAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		section map[string]any
		says    string
	}{
		"a stub":                       {map[string]any{"packs": []any{"visa", "uk-dmcc"}}, `"uk-dmcc" has no rules yet`},
		"another stub":                 {map[string]any{"packs": []any{"in-rbi"}}, "use mastercard, us-ca, visa"},
		"a third":                      {map[string]any{"packs": []any{"fr-chatel"}}, "not been verified"},
		"a fourth":                     {map[string]any{"packs": []any{"de"}}, "not been verified"},
		"no such pack":                 {map[string]any{"packs": []any{"visum"}}, `no pack of rules "visum": use mastercard, us-ca, visa`},
		"twice":                        {map[string]any{"packs": []any{"visa", "visa"}}, "named twice"},
		"too late for Visa":            {map[string]any{"trial": "5d"}, "exactly 7d before"},
		"too early for Mastercard":     {map[string]any{"packs": []any{"mastercard"}, "trial": "8d"}, "between 7d and 3d before"},
		"too late for California":      {map[string]any{"renewal": "10d"}, "between 30d and 15d before"},
		"too late for a new price":     {map[string]any{"packs": []any{"visa"}, "price_change": "2d"}, "at least 7d before"},
		"never":                        {map[string]any{"trial": "0s"}, "out of range"},
		"leaves out what must be said": {map[string]any{"longer_than": "365d"}, `pack "mastercard" wants announced`},
		"no reminder":                  {map[string]any{"yearly": "off"}, "asks for a yearly reminder"},
		"no such word":                 {map[string]any{"yearly": "sometimes"}, `there is no "sometimes"`},
		"no such key":                  {map[string]any{"pack": []any{}}, "pack"},
		"no unit":                      {map[string]any{"trial": int64(7)}, "write it in quotes"},
	} {
		settings, err := renewal.Decode(test.section)
		if err == nil {
			_, err = renewal.New(settings)
		}
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
	for name, section := range map[string]map[string]any{
		"nothing":            nil,
		"no packs":           {"packs": []any{}, "trial": "3d", "renewal": "2d", "longer_than": "0s", "yearly": "on"},
		"only Mastercard":    {"packs": []any{"mastercard"}, "trial": "3d", "renewal": "30d"},
		"without its yearly": {"packs": []any{"visa", "mastercard"}, "yearly": "off", "providers": map[string]any{"paddle": true}},
	} {
		settings, err := renewal.Decode(section)
		if err == nil {
			_, err = renewal.New(settings)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPacksAreDated: nobody can judge a rule without its source.
func TestPacksAreDated(t *testing.T) {
	for _, pack := range renewal.Packs() {
		if pack.Missing != "" {
			if len(pack.Rules) > 0 {
				t.Errorf("%s has rules, but says that they are missing", pack.Name)
			}
			continue
		}
		if _, err := time.Parse(time.DateOnly, pack.Since); err != nil || pack.Source == "" || len(pack.Rules) == 0 {
			t.Errorf("%s: in force since %q by %q, %d rules", pack.Name, pack.Since, pack.Source, len(pack.Rules))
		}
		for _, rule := range pack.Rules {
			if rule.Earliest != 0 && rule.Earliest < rule.Latest || len(rule.Contents) == 0 {
				t.Errorf("%s: %+v", pack.Name, rule)
			}
		}
	}
}

var anySubscription = rapid.Custom(func(t *rapid.T) billing.Subscription {
	start := day(rapid.IntRange(-800, 10).Draw(t, "started"))
	period := rapid.IntRange(1, 400).Draw(t, "period")
	s := billing.Subscription{
		Status:    rapid.SampledFrom([]billing.SubscriptionStatus{"pending", "trialing", "trialing", "active", "active", "active", "past_due", "unpaid", "paused", "ended"}).Draw(t, "status"),
		Price:     "p_pro",
		Amount:    eur(rapid.SampledFrom([]int64{0, 2900}).Draw(t, "amount")),
		Interval:  billing.Interval{Unit: rapid.SampledFrom([]string{"day", "week", "month", "year", ""}).Draw(t, "unit"), Count: rapid.Int64Range(0, 24).Draw(t, "count")},
		StartedAt: start, PeriodStart: start, PeriodEnd: start.AddDate(0, 0, period),
	}
	if s.Status == billing.SubscriptionTrialing || rapid.Bool().Draw(t, "had a trial") {
		s.TrialEnd = start.AddDate(0, 0, rapid.IntRange(0, 100).Draw(t, "trial"))
	}
	if rapid.IntRange(0, 4).Draw(t, "canceling") == 0 {
		s.CancelAt = s.PeriodEnd
	}
	if rapid.Bool().Draw(t, "ahead") {
		s.Ahead = &billing.Ahead{
			Kind: rapid.SampledFrom([]billing.AheadKind{billing.PromotionEnd, billing.PriceChange}).Draw(t, "kind"),
			At:   start.AddDate(0, 0, rapid.IntRange(0, 400).Draw(t, "at")), Amount: eur(rapid.SampledFrom([]int64{0, 4900}).Draw(t, "then")),
		}
	}
	return s
})

// TestNoNoticeOutsideOfItsWindow: whatever happens, a notice goes out before the
// charge that it announces; unless it is late or there was not enough time, in the
// window of every rule that applies; and never about what will not be charged.
func TestNoNoticeOutsideOfItsWindow(t *testing.T) {
	p := rules(t, nil)
	rapid.Check(t, func(t *rapid.T) {
		s := anySubscription.Draw(t, "subscription")
		var next time.Time
		for now := day(rapid.IntRange(0, 300).Draw(t, "now")); !now.IsZero() && now.Before(begin.AddDate(2, 0, 0)); now = next {
			var actions []policy.Action
			actions, next = p.Review(having(s), now)
			if !next.IsZero() && !next.After(now) {
				t.Fatalf("asked at %s, wants to be asked at %s", now, next)
			}
			if len(actions) > 0 && (s.Status != "active" && s.Status != "trialing" || !s.CancelAt.IsZero()) {
				t.Fatalf("%s of %+v", actions[0].Key, s)
			}
			for _, a := range actions {
				judge(t, s, a, now)
			}
		}
	})
}

func judge(t *rapid.T, s billing.Subscription, a policy.Action, now time.Time) {
	n := policytest.Details[notify.Notice](t, a)
	event := renewal.Event(strings.Split(strings.TrimPrefix(a.Key, policy.Say+":"+a.Object+":"), ":")[1])
	if now.Before(n.DueAt) {
		t.Fatalf("%s at %s, before it is due at %s", a.Key, now, n.DueAt)
	}
	if event == renewal.Yearly {
		return
	}
	if !now.Before(n.Date) {
		t.Fatalf("%s at %s, after the charge", a.Key, now)
	}
	long := map[renewal.Event]time.Duration{
		renewal.TrialEnd: s.TrialEnd.Sub(s.StartedAt), renewal.PromotionEnd: n.Date.Sub(s.StartedAt), renewal.PriceChange: n.Date.Sub(s.StartedAt),
		renewal.Renewal: time.Duration(s.Interval.Count*map[string]int64{"day": 1, "week": 7, "month": 30, "year": 365}[s.Interval.Unit]) * 24 * time.Hour,
	}[event]
	ahead := n.Date.Sub(n.DueAt)
	for _, pack := range renewal.Packs() {
		for _, rule := range pack.Rules {
			if rule.Event != event || long <= rule.LongerThan {
				continue
			}
			if rule.Earliest != 0 && ahead > rule.Earliest {
				t.Fatalf("%s: %s is due %s before the charge, %s wants at most %s", event, a.Key, ahead, pack.Name, rule.Earliest)
			}
			if ahead < rule.Latest && n.DueAt.After(s.StartedAt) {
				t.Fatalf("%s: %s is due %s before the charge, %s wants at least %s", event, a.Key, ahead, pack.Name, rule.Latest)
			}
		}
	}
}

// TestAnUnchangedDateIsAnnouncedOnce, however often it is asked and whatever else
// changes.
func TestAnUnchangedDateIsAnnouncedOnce(t *testing.T) {
	p := rules(t, nil)
	rapid.Check(t, func(t *rapid.T) {
		s := trialing(rapid.IntRange(1, 60).Draw(t, "days"))
		keys := map[string]bool{}
		for range 20 {
			now := begin.Add(time.Duration(rapid.Int64Range(0, int64(60*24*time.Hour)).Draw(t, "now")))
			s.Amount = eur(rapid.Int64Range(1, 9000).Draw(t, "amount"))
			actions, _ := p.Review(having(s), now)
			for _, a := range actions {
				keys[a.Key] = true
			}
		}
		if len(keys) > 2 { // mail and in the application
			t.Fatalf("%v", keys)
		}
	})
}
