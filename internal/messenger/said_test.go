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
