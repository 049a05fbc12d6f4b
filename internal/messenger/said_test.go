package messenger_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/dunning"
	"github.com/trivetdev/trivet/policy/fraud"
	"github.com/trivetdev/trivet/policy/renewal"
)

// mailed puts the mails among what a policy asks for into words, by template.
func mailed(t *testing.T, known policy.Known, actions []policy.Action) map[string]notify.Message {
	t.Helper()
	known.Customer.Email = "dana@kern.test"
	all := map[string]notify.Message{}
	for _, a := range actions {
		var n notify.Notice
		if a.Kind != policy.Say || json.Unmarshal(a.Details, &n) != nil || n.Channel != notify.Email {
			continue
		}
		m, err := of(t).Compose(t.Context(), store.Effect{Key: a.Key, Object: a.Object}, n, known)
		if err != nil {
			t.Fatalf("%s: %v", n.Template, err)
		}
		all[n.Template] = m
	}
	return all
}

// TestYearlyReminderNamesTheNextCharge: it comes on the day of the year on which the
// subscription began, and after a trial the charges come on another.
func TestYearlyReminderNamesTheNextCharge(t *testing.T) {
	p, err := renewal.New(renewal.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	year := noon.AddDate(1, 0, 0)
	s := billing.Subscription{
		Status: billing.SubscriptionActive, Price: "p", Quantity: 1, Amount: billing.Money{Amount: 2900, Currency: "EUR"}, Interval: billing.Interval{Unit: "month", Count: 1},
		StartedAt: noon, PeriodStart: year.AddDate(0, 0, -14), PeriodEnd: year.AddDate(0, 0, 14),
	}
	for name, test := range map[string]struct {
		ends       time.Time
		want, lack string
	}{
		"after a trial":            {s.PeriodEnd, "The next charge is on March 16, 2027.", "March 2"},
		"a renewal not seen yet":   {year.Add(-time.Hour), "yearly reminder", "The next charge"},
		"charged on the very day":  {year, "The next charge is on March 2, 2027.", "March 16"},
		"charged later that month": {year.AddDate(0, 0, 29), "The next charge is on March 31, 2027.", "March 2,"},
	} {
		s.PeriodEnd = test.ends
		known := policy.Known{
			Customer: billing.Customer{Ref: "user_1"}, Catalog: of(t).Catalog, Rules: billing.DefaultRules(),
			Accounts: map[string]policy.Account{"stripe": {Kind: "stripe"}},
			Facts:    billing.Facts{Subscriptions: []billing.Held[billing.Subscription]{{Account: "stripe", ID: "sub_1", Object: s}}},
		}
		actions, _ := p.Review(known, year)
		text := mailed(t, known, actions)["yearly_reminder"].Subject + "\n" + mailed(t, known, actions)["yearly_reminder"].Text
		if !strings.Contains(text, test.want) || strings.Contains(text, test.lack) {
			t.Errorf("%s: want %q and not %q in\n%s", name, test.want, test.lack, text)
		}
	}
}

// TestAccessEndedPromisesNoMoreThanIsSo: at the end of grace the provider goes on
// trying, and what is paid late is charged; once the subscription has ended nothing is.
func TestAccessEndedPromisesNoMoreThanIsSo(t *testing.T) {
	p, err := dunning.New(dunning.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	eur := billing.Money{Amount: 2900, Currency: "EUR"}
	s := billing.Subscription{
		Status: billing.SubscriptionPastDue, Price: "p", Quantity: 1, Amount: eur, Interval: billing.Interval{Unit: "month", Count: 1},
		StartedAt: noon.AddDate(0, -2, 0), PeriodStart: noon, PeriodEnd: noon.AddDate(0, 1, 0), PastDueSince: noon,
	}
	owed := billing.Invoice{
		Status: billing.InvoiceOpen, Number: "A-1", Subscription: "sub_1", Due: eur, Attempts: 1, CreatedAt: noon, NextAttempt: noon.AddDate(0, 0, 8),
	}
	known := func(s billing.Subscription, i billing.Invoice) policy.Known {
		return policy.Known{
			Customer: billing.Customer{Ref: "user_1"}, Catalog: of(t).Catalog, Rules: billing.DefaultRules(),
			Accounts: map[string]policy.Account{"stripe": {Kind: "stripe"}},
			Facts: billing.Facts{
				Subscriptions: []billing.Held[billing.Subscription]{{Account: "stripe", ID: "sub_1", Object: s}},
				Invoices:      []billing.Held[billing.Invoice]{{Account: "stripe", ID: "in_1", Object: i}},
			},
		}
	}
	says := func(name string, m notify.Message, want string, lack ...string) {
		t.Helper()
		if !strings.Contains(m.Text, want) {
			t.Errorf("%s: no %q in\n%s", name, want, m.Text)
		}
		for _, l := range lack {
			if strings.Contains(m.Text, l) {
				t.Errorf("%s: %q in\n%s", name, l, m.Text)
			}
		}
	}
	const nothing = "Nothing more will be charged"
	why := "We could not collect the payment of €29.00, so "
	actions, _ := p.Review(known(s, owed), noon.AddDate(0, 0, 7))
	says("tried tomorrow", mailed(t, known(s, owed), actions)["access_ended"], why+"your access to Acme Pro ended on March 9, 2026.", nothing)
	says("tried tomorrow", mailed(t, known(s, owed), actions)["access_ended"], "may be tried again, next on March 10, 2026", nothing)

	ended, was := s, s
	ended.Status, ended.EndedAt = billing.SubscriptionEnded, noon.AddDate(0, 0, 5)
	change := policy.Change{Account: "stripe", Kind: billing.KindSubscription, ID: "sub_1", At: ended.EndedAt, Kinds: []billing.ChangeKind{billing.Ended}, Before: was, After: ended}
	says("ended", mailed(t, known(ended, owed), p.React(change, known(ended, owed)))["access_ended"], why+"Acme Pro ended on March 7, 2026. "+nothing, "tried again")

	good, paid := s, owed
	good.Status, good.PastDueSince = billing.SubscriptionActive, time.Time{}
	paid.Status, paid.Paid, paid.NextAttempt = billing.InvoicePaid, 2900, time.Time{}
	for day, want := range map[int][2]string{3: {"goes on without a break", "access to Acme Pro again"}, 8: {"you have access to Acme Pro again", "without a break"}} {
		paid.PaidAt = noon.AddDate(0, 0, day)
		change.At, change.Kinds, change.Before, change.After = paid.PaidAt, []billing.ChangeKind{billing.Recovered}, was, good
		says("paid", mailed(t, known(good, paid), p.React(change, known(good, paid)))["recovered"], want[0], want[1])
	}
}

// TestBannedSaysWhatIsCharged: who was banned by a person went on being charged for a
// year, with a mail that said the contrary and gave a reason that nobody had.
func TestBannedSaysWhatIsCharged(t *testing.T) {
	settings := fraud.Defaults()
	settings.Tell = true
	p, err := fraud.New(settings)
	if err != nil {
		t.Fatal(err)
	}
	active := billing.Subscription{Status: billing.SubscriptionActive, Price: "p", PeriodEnd: noon.AddDate(0, 1, 0)}
	ending, owing, ended := active, active, active
	ending.CancelAt, owing.CancelAt = active.PeriodEnd, active.PeriodEnd
	owing.Status, ended.Status = billing.SubscriptionPastDue, billing.SubscriptionEnded
	const nothing, charged, why = "nothing more will be charged", "charged until it is canceled", "did not pass our checks"
	for name, test := range map[string]struct {
		by         string
		has        []billing.Subscription
		want, lack []string
	}{
		"by a person, who cancels nothing": {"anna", []billing.Subscription{ended, active}, []string{charged}, []string{nothing, why}},
		"by a person, with nothing left":   {"anna", []billing.Subscription{ended, ending}, []string{nothing}, []string{charged, why}},
		"a rule that only bans":            {"policy:fraud", []billing.Subscription{active}, []string{charged, why}, []string{nothing}},
		"a rule that cancels too":          {"policy:fraud", []billing.Subscription{ended, ending}, []string{nothing, why}, []string{charged}},
		"what is past due is tried again":  {"policy:fraud", []billing.Subscription{owing}, []string{charged}, []string{nothing}},
		"nothing was ever bought":          {"policy:fraud", nil, []string{nothing, why}, []string{charged}},
	} {
		known := policy.Known{Customer: billing.Customer{Ref: "user_1", Ban: &billing.Ban{At: noon, By: test.by}}, Catalog: of(t).Catalog}
		for n, s := range test.has {
			known.Facts.Subscriptions = append(known.Facts.Subscriptions, billing.Held[billing.Subscription]{Account: "stripe", ID: string(rune('a' + n)), Object: s})
		}
		text := mailed(t, known, p.React(policy.Change{At: noon, Kinds: []billing.ChangeKind{billing.Banned}}, known))["banned"].Text
		for _, want := range test.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", name, want, text)
			}
		}
		for _, lack := range test.lack {
			if strings.Contains(text, lack) {
				t.Errorf("%s: %q in\n%s", name, lack, text)
			}
		}
	}
}
