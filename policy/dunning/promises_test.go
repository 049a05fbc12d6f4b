package dunning_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/dunning"
	"github.com/trivetdev/trivet/policy/policytest"
)

func having(objects map[string]billing.Object) policy.Known {
	k := known()
	for id, o := range objects {
		k.Facts.Add("stripe", id, o)
	}
	k.Attempts = []billing.Attempt{{Account: "stripe", ID: "ch_1", Payment: "pi_in_1", At: begin, Decline: &billing.Decline{}}}
	return k
}

func TestPolicy(t *testing.T) {
	owing := having(map[string]billing.Object{
		"sub_1": sub("past_due", begin), "in_1": invoice("in_1", "sub_1", begin, givenUp), "pi_in_1": failedWith("declined", begin),
	})
	change := func(before, after billing.Object) policy.Change {
		return policy.Change{Seq: 9, At: day(4), Kinds: billing.Observe(before, after), Account: "stripe", Kind: after.Kind(), ID: "sub_1", Before: before, After: after}
	}
	two, p := []string{policy.Say, policy.Say}, chasing(t, func(s *dunning.Settings) { s.Retry = true })
	policytest.Run(t, p,
		policytest.Case{Name: "owing", Known: owing, Now: begin},
		policytest.Case{Name: "first", Known: owing, Now: after(2 * time.Hour), Kinds: two},
		policytest.Case{Name: "second, and a try", Known: owing, Now: day(3), Kinds: []string{policy.Collect, policy.Say, policy.Say}},
		policytest.Case{Name: "final", Known: owing, Now: day(5), Kinds: []string{policy.Collect, policy.Say, policy.Say}},
		policytest.Case{Name: "ended", Known: owing, Now: day(7), Kinds: []string{policy.Collect, policy.Say, policy.Say}},
		policytest.Case{Name: "long ago", Known: owing, Now: day(31)},
		policytest.Case{Name: "good", Known: having(map[string]billing.Object{"sub_1": sub("active", begin)}), Now: day(3)},
		policytest.Case{Name: "recovered", Change: change(sub("past_due", begin), sub("active", begin)), Known: having(map[string]billing.Object{"sub_1": sub("active", begin)}), Kinds: two},
		policytest.Case{Name: "given up", Change: change(sub("past_due", begin), sub("ended", begin)), Known: having(map[string]billing.Object{"sub_1": sub("ended", begin)}), Kinds: two},
		policytest.Case{Name: "canceled", Change: change(sub("active", begin), sub("ended", begin)), Known: known(), Kinds: []string{policy.Say}},
		policytest.Case{Name: "paused", Change: change(sub("active", begin), sub("paused", begin)), Known: known(), Kinds: []string{policy.Say}},
		policytest.Case{Name: "refunded", Change: change(back(0), back(1000)), Known: known(), Kinds: []string{policy.Say}},
	)
}

func TestSettingsAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		section map[string]any
		says    string
	}{
		"steps backwards":       {map[string]any{"steps": []any{"3d", "2h"}}, "write them from the first to the last"},
		"a step twice":          {map[string]any{"steps": []any{"3d", "3d"}}, "does not come after"},
		"a step at no time":     {map[string]any{"steps": []any{"0s"}}, "does not come after"},
		"a step in a year":      {map[string]any{"steps": []any{"365d"}}, "at most 90d"},
		"card the wrong way":    {map[string]any{"card": []any{"7d", "30d"}}, "write the longest time first"},
		"pass the wrong way":    {map[string]any{"pass": []any{"1d", "7d"}}, "write the longest time first"},
		"final at the end":      {map[string]any{"final": "0s"}, "from 1h to 90d"},
		"late never":            {map[string]any{"late": "1m"}, "from 1h to 90d"},
		"no such message":       {map[string]any{"without": []any{"payment_failed"}}, `there is no "payment_failed"`},
		"tries every hour":      {map[string]any{"retry": true, "retry_every": "1h"}, "too often for the card networks"},
		"more than are allowed": {map[string]any{"retry": true, "tries": int64(16)}, "allow 15 tries"},
		"none at all":           {map[string]any{"retry": true, "tries": int64(0)}, "out of range"},
		"no such key":           {map[string]any{"step": []any{"2h"}}, "step"},
	} {
		settings, err := dunning.Decode(test.section)
		if err == nil {
			_, err = dunning.New(settings)
		}
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
	settings, err := dunning.Decode(map[string]any{"steps": []any{"1h"}, "card": []any{}, "providers": map[string]any{"paddle": true}})
	if err != nil || len(settings.Steps) != 1 || len(settings.Card) != 0 || len(settings.Pass) != 2 || !settings.Providers["paddle"] {
		t.Errorf("%+v, %v", settings, err)
	}
	if _, err := dunning.New(settings); err != nil {
		t.Error(err)
	}
}

// world is anything that a customer may have.
var world = rapid.Custom(func(t *rapid.T) policy.Known {
	k := known()
	k.Rules.Grace = time.Duration(rapid.IntRange(0, 40).Draw(t, "grace")) * 12 * time.Hour
	at := func(name string) time.Time {
		return begin.Add(time.Duration(rapid.IntRange(-60, 20).Draw(t, name)) * 6 * time.Hour)
	}
	for _, id := range []string{"sub_1", "sub_2"} {
		s := sub(rapid.SampledFrom([]billing.SubscriptionStatus{"active", "past_due", "past_due", "past_due", "unpaid", "paused", "ended", "trialing"}).Draw(t, "status"), at("since"))
		if rapid.IntRange(0, 5).Draw(t, "canceling") == 0 {
			s.CancelAt = s.PeriodEnd
		}
		k.Facts.Add("stripe", id, s)
		i := invoice("in_"+id, id, at("billed"))
		i.Attempts, i.Status = rapid.Int64Range(0, 4).Draw(t, "attempts"), rapid.SampledFrom([]billing.InvoiceStatus{"open", "open", "uncollectible", "paid", "void"}).Draw(t, "invoice")
		if rapid.Bool().Draw(t, "given up") {
			i.NextAttempt = time.Time{}
		}
		k.Facts.Add("stripe", "in_"+id, i)
		k.Facts.Add("stripe", "pi_in_"+id, failedWith(rapid.SampledFrom([]string{"declined", "fraudulent", "authentication_required", "stop_payment_order"}).Draw(t, "code"), i.CreatedAt))
		k.Attempts = append(k.Attempts, billing.Attempt{Account: "stripe", ID: "ch_" + id, Payment: "pi_in_" + id, At: i.CreatedAt, Decline: &billing.Decline{}})
	}
	if rapid.Bool().Draw(t, "pass") {
		bought := at("bought")
		k.Facts.Add("stripe", "pi_pass", billing.Payment{Status: "succeeded", Amount: eur(500), Items: []billing.Item{{Price: "p_pass"}}, CreatedAt: bought, PaidAt: bought})
	}
	if rapid.IntRange(0, 9).Draw(t, "ban") == 0 {
		k.Customer.Ban = &billing.Ban{}
	}
	return k
})

// TestReviewPromises: however matters stand, a review wants to be asked later,
// nothing new is called for before, nobody is chased who is not to be, nobody for
// two debts at once, and nothing is said before it is due.
func TestReviewPromises(t *testing.T) {
	p := chasing(t, func(s *dunning.Settings) { s.Retry = true })
	rapid.Check(t, func(t *rapid.T) {
		k := world.Draw(t, "world")
		now := begin.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "now")) * 7 * time.Hour)
		actions, next := p.Review(k, now)
		if !next.IsZero() && !next.After(now) {
			t.Fatalf("asked at %s, wants to be asked at %s", now, next)
		}
		chased := judge(t, k, actions, now)
		if chased > 1 {
			t.Fatalf("chased for %d debts at once: %v", chased, actions)
		}
		if next.IsZero() {
			next = now.AddDate(1, 0, 0)
		}
		known := map[string]bool{}
		for _, a := range actions {
			known[a.Key] = true
		}
		between := now.Add(time.Duration(rapid.Int64Range(0, int64(next.Sub(now)-1)).Draw(t, "between")))
		for _, a := range first(p.Review(k, between)) {
			if !known[a.Key] {
				t.Fatalf("%s at %s, but it wanted to be asked at %s", a.Key, between, next)
			}
		}
	})
}

func first(actions []policy.Action, _ time.Time) []policy.Action { return actions }

// judge counts the subscriptions that a customer is chased for.
func judge(t *rapid.T, k policy.Known, actions []policy.Action, now time.Time) int {
	chased := map[string]bool{}
	for _, a := range actions {
		if k.Banned() {
			t.Fatalf("%s of a banned customer", a.Key)
		}
		for _, s := range k.Facts.Subscriptions {
			if a.Object == "stripe/subscription/"+s.ID && (!s.Object.CancelAt.IsZero() || s.Object.Status == billing.SubscriptionEnded) {
				t.Fatalf("%s of %+v", a.Key, s.Object)
			}
		}
		if a.Kind != policy.Say {
			continue
		}
		n := policytest.Details[notify.Notice](t, a)
		if n.DueAt.After(now) {
			t.Fatalf("%s at %s, due at %s", a.Key, now, n.DueAt)
		}
		if strings.HasPrefix(n.Template, "payment_failed") || n.Template == "action_required" {
			chased[a.Object] = true
			if !n.Until.IsZero() && !n.Until.After(now) {
				t.Fatalf("%s at %s, but access ended at %s", a.Key, now, n.Until)
			}
		}
	}
	return len(chased)
}

// TestEndIsWhatAccessSays: the end that is told is the moment at which access
// really ends.
func TestEndIsWhatAccessSays(t *testing.T) {
	p := chasing(t, nil)
	rapid.Check(t, func(t *rapid.T) {
		k := world.Draw(t, "world")
		now := begin.Add(time.Duration(rapid.IntRange(0, 50).Draw(t, "now")) * 7 * time.Hour)
		for _, a := range first(p.Review(k, now)) {
			var n notify.Notice
			if err := json.Unmarshal(a.Details, &n); err != nil || a.Kind != policy.Say || n.Until.IsZero() {
				continue
			}
			plan, _ := k.Catalog.ByID(n.Plan)
			for _, feature := range plan.Features {
				if d := billing.Access(k.Catalog, k.Rules, k.Facts, feature, n.Until); d.Allowed {
					t.Fatalf("%s tells that access ends at %s, but then it is %+v", a.Key, n.Until, d)
				}
			}
			if n.Template == "access_ended" || n.Template == "pass_ended" || n.Template == "pass_expiring" || len(k.Facts.Subscriptions) == 0 {
				continue
			}
			if d := billing.Access(k.Catalog, k.Rules, k.Facts, "export", n.Until.Add(-time.Second)); !d.Allowed {
				t.Fatalf("%s tells that access ends at %s, but it has before: %+v", a.Key, n.Until, d)
			}
		}
	})
}
