package renewal_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/policytest"
	"github.com/trivetdev/trivet/policy/renewal"
)

// begin is when every story begins.
var begin = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// day is n days later; date is a day at the hour at which the stories begin.
func day(n int) time.Time { return begin.AddDate(0, 0, n) }

func date(month time.Month, d int) time.Time { return time.Date(2026, month, d, 12, 0, 0, 0, time.UTC) }

func eur(amount int64) billing.Money { return billing.Money{Amount: amount, Currency: "EUR"} }

var catalog = func() billing.Catalog {
	return policytest.Catalog(billing.Plan{ID: "pro", Prices: map[string][]string{"stripe": {"p_pro"}, "paddle": {"p_pro"}, "paypal": {"p_pro"}}})
}()

func known() policy.Known {
	return policy.Known{
		Customer: billing.Customer{Ref: "user_1"}, Catalog: catalog, Rules: billing.DefaultRules(),
		Accounts: map[string]policy.Account{
			"stripe": {Kind: "stripe"}, "paypal": {Kind: "paypal"}, "paddle": {Kind: "paddle", MerchantOfRecord: true},
			"late": {Kind: "stripe", Since: day(400)},
		},
	}
}

// trialing is a trial of some days.
func trialing(days int) billing.Subscription {
	return billing.Subscription{
		Status: billing.SubscriptionTrialing, Price: "p_pro", Quantity: 1, Amount: eur(2900), Interval: billing.Interval{Unit: "month", Count: 1},
		StartedAt: begin, PeriodStart: begin, PeriodEnd: day(days), TrialEnd: day(days),
	}
}

// paying is an active subscription in its first period.
func paying(unit string, count int64) billing.Subscription {
	period := map[string]billing.CalendarPeriod{"day": {Days: 1}, "week": {Days: 7}, "month": {Months: 1}, "year": {Years: 1}}[unit]
	return billing.Subscription{
		Status: billing.SubscriptionActive, Price: "p_pro", Quantity: 1, Amount: eur(2900), Interval: billing.Interval{Unit: unit, Count: count},
		StartedAt: begin, PeriodStart: begin, PeriodEnd: period.After(begin, int(count)),
	}
}

// but is a subscription that differs in something.
func but(s billing.Subscription, change func(*billing.Subscription)) billing.Subscription {
	change(&s)
	return s
}

func rules(t testing.TB, change func(*renewal.Settings)) *renewal.Policy {
	t.Helper()
	return policytest.Build(t, renewal.Defaults, renewal.New, change)
}

// told shows what was asked for: when, by which channel, what about, and how late.
func told(asked []policytest.Asked) (lines []string) {
	for _, a := range asked {
		var n notify.Notice
		if err := json.Unmarshal(a.Details, &n); err != nil || a.Kind != policy.Say {
			panic(fmt.Sprint(a.Kind, err))
		}
		line := fmt.Sprintf("%s %s %s of %s", a.At.Format("2006-01-02T15:04"), n.Channel, n.Template, n.Date.Format(time.DateOnly))
		if n.Amount != nil {
			line += " " + n.Amount.String()
		}
		if n.Was != nil {
			line += " was " + n.Was.String()
		}
		if late := a.At.Sub(n.DueAt); !n.DueAt.IsZero() && late != 0 {
			line += " late by " + late.String()
		}
		lines = append(lines, line)
	}
	return lines
}

type story struct {
	name  string
	rules func(*renewal.Settings)
	steps []policytest.Step
	down  []policytest.Span
	from  time.Time // zero: begin
	years int       // 0: one
	want  []string
}

func (s story) run(t *testing.T) {
	t.Helper()
	line := policytest.Timeline{Policy: rules(t, s.rules), Known: known(), From: begin, Until: begin.AddDate(max(s.years, 1), 0, 0).Add(time.Hour), Steps: s.steps, Down: s.down}
	if !s.from.IsZero() {
		line.From = s.from
	}
	if diff := cmp.Diff(s.want, told(line.Run(t))); diff != "" {
		t.Errorf("(-want +asked)\n%s", diff)
	}
}

func stripe(at time.Time, s billing.Subscription) policytest.Step {
	return policytest.Seen(at, "stripe", "sub_1", s)
}

// monthly is what follows a trial: a month at a time until the year is over.
func monthly(from time.Time, s billing.Subscription) (steps []policytest.Step) {
	for n := range 12 {
		month := billing.CalendarPeriod{Months: 1}
		s.Status, s.PeriodStart, s.PeriodEnd = billing.SubscriptionActive, month.After(from, n), month.After(from, n+1)
		if s.PeriodStart.Before(begin.AddDate(1, 0, 0)) {
			steps = append(steps, stripe(s.PeriodStart, s))
		}
	}
	return steps
}

func TestStories(t *testing.T) {
	offPacks := func(s *renewal.Settings) { s.Packs = nil }
	for _, s := range []story{
		{name: "trial to paid: exactly seven days before, then quiet until the year is over", steps: append([]policytest.Step{stripe(begin, trialing(30))}, monthly(day(30), trialing(30))...), want: []string{
			"2026-03-25T12:00 email trial_ending of 2026-04-01 29.00 EUR",
			"2026-03-25T12:00 inapp trial_ending of 2026-04-01 29.00 EUR",
			"2027-03-02T12:00 email yearly_reminder of 2027-03-02 29.00 EUR",
		}},
		{name: "a trial of eight days", steps: []policytest.Step{stripe(begin, trialing(8))}, want: []string{
			"2026-03-03T12:00 email trial_ending of 2026-03-10 29.00 EUR", "2026-03-03T12:00 inapp trial_ending of 2026-03-10 29.00 EUR",
		}},
		{name: "a trial of seven days: at once, and in time", steps: []policytest.Step{stripe(begin, trialing(7))}, want: []string{
			"2026-03-02T12:00 email trial_ending of 2026-03-09 29.00 EUR", "2026-03-02T12:00 inapp trial_ending of 2026-03-09 29.00 EUR",
		}},
		{name: "a trial of three days: at once", steps: []policytest.Step{stripe(begin, trialing(3))}, want: []string{
			"2026-03-02T12:00 email trial_ending of 2026-03-05 29.00 EUR", "2026-03-02T12:00 inapp trial_ending of 2026-03-05 29.00 EUR",
		}},
		{
			name:  "down at the moment: at once when back, and says how late",
			steps: []policytest.Step{stripe(begin, trialing(14))}, down: []policytest.Span{{From: day(5), Until: day(11)}},
			want: []string{"2026-03-13T12:00 email trial_ending of 2026-03-16 29.00 EUR late by 96h0m0s", "2026-03-13T12:00 inapp trial_ending of 2026-03-16 29.00 EUR late by 96h0m0s"},
		},
		{name: "down until the charge: it is no longer announced", steps: []policytest.Step{stripe(begin, trialing(14))}, down: []policytest.Span{{From: day(5), Until: day(14)}}},
		{name: "a trial that is extended is announced for each date", steps: []policytest.Step{stripe(begin, trialing(14)), stripe(day(10), trialing(60)), stripe(day(10).Add(time.Hour), trialing(60))}, want: []string{
			"2026-03-09T12:00 email trial_ending of 2026-03-16 29.00 EUR", "2026-03-09T12:00 inapp trial_ending of 2026-03-16 29.00 EUR",
			"2026-04-24T12:00 email trial_ending of 2026-05-01 29.00 EUR", "2026-04-24T12:00 inapp trial_ending of 2026-05-01 29.00 EUR",
		}},
		{name: "a trial that is cut short is announced at once", steps: []policytest.Step{stripe(begin, trialing(30)), stripe(day(10), trialing(12))}, want: []string{
			"2026-03-12T12:00 email trial_ending of 2026-03-14 29.00 EUR late by 120h0m0s", "2026-03-12T12:00 inapp trial_ending of 2026-03-14 29.00 EUR late by 120h0m0s",
		}},
		{name: "a date that moves by seconds is the same", steps: []policytest.Step{
			stripe(begin, trialing(14)), stripe(day(9), but(trialing(14), func(s *billing.Subscription) { s.TrialEnd = s.TrialEnd.Add(7 * time.Second) })),
		}, want: []string{"2026-03-09T12:00 email trial_ending of 2026-03-16 29.00 EUR", "2026-03-09T12:00 inapp trial_ending of 2026-03-16 29.00 EUR"}},
		{
			name:  "yearly: 21 days before each renewal, no reminder besides",
			steps: []policytest.Step{stripe(begin, paying("year", 1)), stripe(begin.AddDate(1, 0, 0), but(paying("year", 1), func(s *billing.Subscription) { s.PeriodStart, s.PeriodEnd = s.PeriodEnd, begin.AddDate(2, 0, 0) }))},
			years: 2, want: []string{"2027-02-09T12:00 email renewal_ahead of 2027-03-02 29.00 EUR", "2028-02-10T12:00 email renewal_ahead of 2028-03-02 29.00 EUR"},
		},
		{name: "every seven months", steps: []policytest.Step{stripe(begin, paying("month", 7))}, want: []string{
			"2026-09-11T12:00 email renewal_ahead of 2026-10-02 29.00 EUR", "2027-03-02T12:00 email yearly_reminder of 2027-03-02 29.00 EUR",
		}},
		{name: "every six months is not more than half a year", rules: offPacks, steps: []policytest.Step{stripe(begin, paying("month", 6))}},
		{name: "wanted for every month", rules: func(s *renewal.Settings) { s.Packs, s.LongerThan, s.Renewal = nil, 0, 3*24*time.Hour }, steps: []policytest.Step{stripe(begin, paying("month", 1))}, want: []string{
			"2026-03-30T12:00 email renewal_ahead of 2026-04-02 29.00 EUR",
		}},
		{name: "no packs: no yearly reminder", rules: offPacks, years: 3, steps: []policytest.Step{stripe(begin, paying("month", 1))}},
		{name: "a yearly reminder each year", years: 3, steps: []policytest.Step{stripe(begin, paying("month", 1))}, want: []string{
			"2027-03-02T12:00 email yearly_reminder of 2027-03-02 29.00 EUR",
			"2028-03-02T12:00 email yearly_reminder of 2028-03-02 29.00 EUR",
			"2029-03-02T12:00 email yearly_reminder of 2029-03-02 29.00 EUR",
		}},
		{
			name: "a promotion ends", steps: []policytest.Step{stripe(begin, but(paying("month", 1), func(s *billing.Subscription) {
				s.Ahead = &billing.Ahead{Kind: billing.PromotionEnd, At: date(6, 2), Amount: eur(4900)}
			}))},
			want: []string{"2026-05-26T12:00 email promotion_ending of 2026-06-02 49.00 EUR was 29.00 EUR", "2027-03-02T12:00 email yearly_reminder of 2027-03-02 29.00 EUR"},
		},
		{
			name: "a promotion ends, of a price that is told before discounts", rules: offPacks, steps: []policytest.Step{stripe(begin, but(paying("month", 1), func(s *billing.Subscription) {
				s.Ahead = &billing.Ahead{Kind: billing.PromotionEnd, At: date(6, 2), Amount: eur(2900)}
			}))},
			want: []string{"2026-05-26T12:00 email promotion_ending of 2026-06-02 29.00 EUR"},
		},
		{
			name: "a promotion ends, and what stays is not known", rules: offPacks, steps: []policytest.Step{stripe(begin, but(paying("month", 1), func(s *billing.Subscription) {
				s.Ahead = &billing.Ahead{Kind: billing.PromotionEnd, At: date(6, 2)}
			}))},
			want: []string{"2026-05-26T12:00 email promotion_ending of 2026-06-02 29.00 EUR"},
		},
		{
			name: "a price changes, to what is not known", rules: offPacks, steps: []policytest.Step{stripe(begin, but(paying("month", 1), func(s *billing.Subscription) {
				s.Ahead = &billing.Ahead{Kind: billing.PriceChange, At: date(6, 2)}
			}))},
			want: []string{"2026-05-03T12:00 email price_change of 2026-06-02 was 29.00 EUR"},
		},
		{
			name: "a price changes", steps: []policytest.Step{stripe(begin, but(paying("month", 1), func(s *billing.Subscription) {
				s.Ahead = &billing.Ahead{Kind: billing.PriceChange, At: date(6, 2), Amount: eur(3500)}
			})), stripe(date(6, 2), but(paying("month", 1), func(s *billing.Subscription) {
				s.Amount, s.PeriodStart, s.PeriodEnd = eur(3500), date(6, 2), date(7, 2)
			}))},
			want: []string{"2026-05-03T12:00 email price_change of 2026-06-02 35.00 EUR was 29.00 EUR", "2027-03-02T12:00 email yearly_reminder of 2027-03-02 35.00 EUR"},
		},
		{
			name:  "a price was changed without a word",
			steps: []policytest.Step{stripe(begin, paying("month", 1)), stripe(day(3), but(paying("month", 1), func(s *billing.Subscription) { s.Amount = eur(3500) }))},
			want:  []string{"2026-03-05T12:00 email price_change of 2026-04-02 35.00 EUR was 29.00 EUR", "2027-03-02T12:00 email yearly_reminder of 2027-03-02 35.00 EUR"},
		},
		{
			name: "the customer bought more: they know", rules: offPacks,
			steps: []policytest.Step{stripe(begin, paying("month", 1)), stripe(day(3), but(paying("month", 1), func(s *billing.Subscription) { s.Amount, s.Quantity = eur(5800), 2 }))},
		},
		{name: "a trial with a price after it that is another", steps: []policytest.Step{stripe(begin, but(trialing(14), func(s *billing.Subscription) {
			s.Amount, s.Ahead = eur(0), &billing.Ahead{Kind: billing.PromotionEnd, At: s.TrialEnd, Amount: eur(2900)}
		}))}, want: []string{"2026-03-09T12:00 email trial_ending of 2026-03-16 29.00 EUR", "2026-03-09T12:00 inapp trial_ending of 2026-03-16 29.00 EUR"}},
		{name: "a price that nobody knows", steps: []policytest.Step{stripe(begin, but(trialing(14), func(s *billing.Subscription) { s.Amount = billing.Money{} }))}, want: []string{
			"2026-03-09T12:00 email trial_ending of 2026-03-16", "2026-03-09T12:00 inapp trial_ending of 2026-03-16",
		}},
		{
			name: "two at once", steps: []policytest.Step{stripe(begin, trialing(14)), policytest.Seen(begin, "paypal", "I-1", trialing(10))},
			want: []string{
				"2026-03-05T12:00 email trial_ending of 2026-03-12 29.00 EUR", "2026-03-05T12:00 inapp trial_ending of 2026-03-12 29.00 EUR",
				"2026-03-09T12:00 email trial_ending of 2026-03-16 29.00 EUR", "2026-03-09T12:00 inapp trial_ending of 2026-03-16 29.00 EUR",
			},
		},
		{
			name: "a merchant of record that is switched on", rules: func(s *renewal.Settings) { s.Providers = policy.Providers{"paddle": true, "stripe": false} },
			steps: []policytest.Step{stripe(begin, trialing(14)), policytest.Seen(begin, "paddle", "sub_2", trialing(10))},
			want:  []string{"2026-03-05T12:00 email trial_ending of 2026-03-12 29.00 EUR", "2026-03-05T12:00 inapp trial_ending of 2026-03-12 29.00 EUR"},
		},
	} {
		t.Run(s.name, s.run)
	}
}

// TestFirstStart: what was due before the service kept the account is said late
// where the charge lies ahead, and not at all where it does not.
func TestFirstStart(t *testing.T) {
	late := func(s billing.Subscription) []policytest.Step {
		return []policytest.Step{policytest.Seen(day(400), "late", "sub_1", s)}
	}
	for _, s := range []story{
		{
			name: "a renewal in a week", from: day(400), years: 2, steps: late(but(paying("year", 1), func(s *billing.Subscription) { s.PeriodStart, s.PeriodEnd = day(42), day(407) })),
			want: []string{"2027-04-06T12:00 email renewal_ahead of 2027-04-13 29.00 EUR late by 336h0m0s"},
		},
		{name: "one of last week", from: day(400), years: 2, steps: late(but(paying("year", 1), func(s *billing.Subscription) { s.PeriodStart, s.PeriodEnd = day(28), day(393) }))},
		{name: "a reminder of three weeks ago; the next comes in its time", from: day(400), years: 3, steps: late(but(paying("month", 1), func(s *billing.Subscription) { s.StartedAt = day(15) })), want: []string{
			"2028-03-17T12:00 email yearly_reminder of 2028-03-17 29.00 EUR",
		}},
	} {
		t.Run(s.name, s.run)
	}
}

// TestSilence: nothing is announced of what will not be charged.
func TestSilence(t *testing.T) {
	for name, s := range map[string]billing.Subscription{
		"canceling":                 but(trialing(14), func(s *billing.Subscription) { s.CancelAt = s.TrialEnd }),
		"canceling, yearly":         but(paying("year", 1), func(s *billing.Subscription) { s.CancelAt = s.PeriodEnd }),
		"paused":                    but(paying("year", 1), func(s *billing.Subscription) { s.Status, s.Pause = billing.SubscriptionPaused, &billing.Pause{} }),
		"pause ahead":               but(trialing(14), func(s *billing.Subscription) { s.Pause = &billing.Pause{} }),
		"ended":                     but(paying("year", 1), func(s *billing.Subscription) { s.Status = billing.SubscriptionEnded }),
		"pending":                   but(paying("year", 1), func(s *billing.Subscription) { s.Status = billing.SubscriptionPending }),
		"past due":                  but(paying("year", 1), func(s *billing.Subscription) { s.Status = billing.SubscriptionPastDue }),
		"unpaid":                    but(paying("year", 1), func(s *billing.Subscription) { s.Status = billing.SubscriptionUnpaid }),
		"free":                      but(paying("year", 1), func(s *billing.Subscription) { s.Amount = eur(0) }),
		"free trial of a free plan": but(trialing(14), func(s *billing.Subscription) { s.Amount = eur(0) }),
		"free after the trial": but(trialing(14), func(s *billing.Subscription) {
			s.Ahead = &billing.Ahead{Kind: billing.PriceChange, At: s.TrialEnd, Amount: eur(0)}
		}),
		"free from the renewal on": but(paying("year", 1), func(s *billing.Subscription) {
			s.Ahead = &billing.Ahead{Kind: billing.PriceChange, At: s.PeriodEnd, Amount: eur(0)}
		}),
	} {
		t.Run(name, story{steps: []policytest.Step{stripe(begin, s)}}.run)
	}
	t.Run("merchant of record", story{steps: []policytest.Step{policytest.Seen(begin, "paddle", "sub_1", trialing(14))}}.run)
	ban := policytest.Set(day(1), func(c *billing.Customer) { c.Ban = &billing.Ban{} })
	t.Run("banned", story{steps: []policytest.Step{stripe(begin, trialing(14)), ban}}.run)
	canceled := but(trialing(14), func(s *billing.Subscription) { s.CancelAt = s.TrialEnd })
	t.Run("canceled a minute before", story{steps: []policytest.Step{stripe(begin, trialing(14)), stripe(day(7).Add(-time.Minute), canceled)}}.run)
}

// TestNoticeTellsWhatTheRulesAskFor: each notice carries what any pack wants told.
func TestNoticeTellsWhatTheRulesAskFor(t *testing.T) {
	has := map[renewal.Content]func(notify.Notice) bool{
		renewal.Product:    func(n notify.Notice) bool { return n.Plan == "pro" },
		renewal.Amount:     func(n notify.Notice) bool { return n.Amount != nil },
		renewal.OldAmount:  func(n notify.Notice) bool { return n.Was != nil },
		renewal.Date:       func(n notify.Notice) bool { return !n.Date.IsZero() },
		renewal.Frequency:  func(n notify.Notice) bool { return n.Interval.Count > 0 },
		renewal.CancelLink: func(n notify.Notice) bool { return n.Link == notify.LinkPortal },
	}
	ahead := func(kind billing.AheadKind) billing.Subscription {
		return but(paying("month", 1), func(s *billing.Subscription) {
			s.Ahead = &billing.Ahead{Kind: kind, At: date(7, 2), Amount: eur(4900)}
		})
	}
	examples := map[renewal.Event]billing.Subscription{
		renewal.TrialEnd: trialing(40), renewal.PromotionEnd: ahead(billing.PromotionEnd), renewal.PriceChange: ahead(billing.PriceChange),
		renewal.Renewal: paying("year", 1), renewal.Yearly: paying("month", 1),
	}
	for _, pack := range renewal.Packs() {
		for _, rule := range pack.Rules {
			asked := policytest.Timeline{Policy: rules(t, nil), Known: known(), From: begin, Until: begin.AddDate(1, 0, 0), Steps: []policytest.Step{stripe(begin, examples[rule.Event])}}.Run(t)
			found := false
			for _, a := range asked {
				if !strings.Contains(a.Key, ":"+string(rule.Event)+":") {
					continue
				}
				found = true
				n := policytest.Details[notify.Notice](t, a.Action)
				for _, content := range rule.Contents {
					if !has[content](n) {
						t.Errorf("%s asks notices of a %s to tell the %s: %+v", pack.Name, rule.Event, content, n)
					}
				}
			}
			if !found {
				t.Errorf("%s: no notice of a %s", pack.Name, rule.Event)
			}
		}
	}
}
