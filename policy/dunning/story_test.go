package dunning_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/dunning"
	"github.com/trivetdev/trivet/policy/policytest"
)

// begin is when every story begins: a charge is due.
var begin = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func day(n int) time.Time { return begin.AddDate(0, 0, n) }

func after(d time.Duration) time.Time { return begin.Add(d) }

func eur(amount int64) billing.Money { return billing.Money{Amount: amount, Currency: "EUR"} }

var catalog = func() billing.Catalog {
	prices := func(id string) map[string][]string {
		return map[string][]string{"stripe": {id}, "paypal": {id}, "paddle": {id}, "late": {id}}
	}
	return policytest.Catalog(
		billing.Plan{ID: "pro", Features: []string{"export"}, Prices: prices("p_pro")},
		billing.Plan{ID: "week", Features: []string{"more"}, Prices: prices("p_week")},
		billing.Plan{ID: "pass", Features: []string{"export"}, Kind: billing.GrantPass, Pass: billing.CalendarPeriod{Months: 1}, Prices: prices("p_pass")},
		billing.Plan{ID: "life", Features: []string{"export"}, Kind: billing.GrantForever, Prices: prices("p_life")},
	)
}()

func known() policy.Known {
	return policy.Known{
		Customer: billing.Customer{Ref: "user_1"}, Catalog: catalog, Rules: billing.DefaultRules(),
		Accounts: map[string]policy.Account{
			"stripe": {Kind: "stripe", Can: map[string]bool{policy.Collect: true}}, "paypal": {Kind: "paypal"},
			"paddle": {Kind: "paddle", MerchantOfRecord: true}, "late": {Kind: "stripe", Since: day(60)},
		},
	}
}

var visa = billing.Card{Brand: "visa", Last4: "4242", ExpMonth: 8, ExpYear: 2029}

// sub is a monthly subscription whose period began at a moment.
func sub(status billing.SubscriptionStatus, from time.Time, change ...func(*billing.Subscription)) billing.Subscription {
	s := billing.Subscription{
		Status: status, Price: "p_pro", Quantity: 1, Amount: eur(2900), Interval: billing.Interval{Unit: "month", Count: 1},
		StartedAt: begin.AddDate(0, -2, 0), PeriodStart: from, PeriodEnd: billing.CalendarPeriod{Months: 1}.After(from, 1),
	}
	if status == billing.SubscriptionPastDue || status == billing.SubscriptionUnpaid {
		s.PastDueSince = from
	}
	for _, c := range change {
		c(&s)
	}
	return s
}

// invoice is one for a subscription's period, with the payment "pi" + its id.
func invoice(id, of string, at time.Time, change ...func(*billing.Invoice)) billing.Invoice {
	i := billing.Invoice{
		Status: billing.InvoiceOpen, Number: strings.ToUpper(id), Subscription: of, Payments: []string{"pi_" + id}, Due: eur(3451), Attempts: 1, CreatedAt: at, NextAttempt: at.AddDate(0, 0, 3),
	}
	for _, c := range change {
		c(&i)
	}
	return i
}

// paypalFails is a charge that fails where begin is due and only the subscription tells.
func paypalFails(code string, next time.Time) policytest.Step {
	return policytest.Seen(begin, "paypal", "I-1", sub("past_due", begin, func(s *billing.Subscription) {
		s.Failure = &billing.Failure{At: begin, Decline: billing.Decline{Code: code}, NextAttempt: next}
	}))
}

// paypalOwes is the same when the provider has given up after some tries and the rest is
// left to whoever asks for it.
func paypalOwes(code string, tries int64) policytest.Step {
	return policytest.Seen(begin, "paypal", "I-1", sub("past_due", begin, func(s *billing.Subscription) {
		s.Failure = &billing.Failure{At: begin, Decline: billing.Decline{Code: code}, Tries: tries, Owed: s.Amount}
	}))
}

func paypalCollects(k *policy.Known) {
	k.Accounts["paypal"] = policy.Account{Kind: "paypal", Can: map[string]bool{policy.Collect: true}}
}

func paid(at time.Time) func(*billing.Invoice) {
	return func(i *billing.Invoice) {
		i.Status, i.Paid, i.PaidAt, i.NextAttempt = billing.InvoicePaid, i.Due.Amount, at, time.Time{}
		i.Attempts++
	}
}

func givenUp(i *billing.Invoice) { i.NextAttempt = time.Time{} }

func failedWith(code string, at time.Time) billing.Payment {
	return billing.Payment{Status: billing.PaymentFailed, Amount: eur(3451), Method: "card", Card: &visa, Charge: code, CreatedAt: at, Decline: &billing.Decline{Code: "card_declined", DeclineCode: code}}
}

func succeeded(created, at time.Time) billing.Payment {
	return billing.Payment{Status: billing.PaymentSucceeded, Amount: eur(3451), Method: "card", Card: &visa, CreatedAt: created, PaidAt: at}
}

func seen(at time.Time, id string, o billing.Object) policytest.Step {
	return policytest.Seen(at, "stripe", id, o)
}

// fails is a charge that fails at a moment, as a provider shows it.
func fails(at time.Time, code string) []policytest.Step {
	return []policytest.Step{
		seen(at, "pi_in_1", failedWith(code, at)), seen(at, "in_1", invoice("in_1", "sub_1", at)), seen(at, "sub_1", sub("past_due", at)),
	}
}

// settles is the same charge when it is paid at last.
func settles(due, at time.Time) []policytest.Step {
	return []policytest.Step{
		seen(at, "pi_in_1", succeeded(due, at)), seen(at, "in_1", invoice("in_1", "sub_1", due, paid(at))), seen(at, "sub_1", sub("active", due)),
	}
}

func steps(all ...[]policytest.Step) (joined []policytest.Step) {
	for _, s := range all {
		joined = append(joined, s...)
	}
	return joined
}

// told shows what was asked for: when, how, and what it tells.
func told(asked []policytest.Asked) (lines []string) {
	for _, a := range asked {
		line := a.At.Format("01-02T15:04 ")
		switch a.Kind {
		case policy.Say:
			line += notice(a)
		case policy.Alert:
			var w policy.Warning
			if err := json.Unmarshal(a.Details, &w); err != nil {
				panic(err)
			}
			line += "alert " + w.Cause
		default:
			line += a.Key
		}
		lines = append(lines, line)
	}
	return lines
}

func notice(a policytest.Asked) string {
	var n notify.Notice
	if err := json.Unmarshal(a.Details, &n); err != nil {
		panic(err)
	}
	line := n.Channel + " " + n.Template
	if n.Amount != nil {
		line += " " + n.Amount.String()
	}
	if n.Reason != "" {
		line += " " + n.Reason
	}
	for word, at := range map[string]time.Time{"until": n.Until} {
		if !at.IsZero() {
			line += at.Format(" " + word + " 01-02")
		}
	}
	if !n.Next.IsZero() {
		line += n.Next.Format(" next 01-02")
	}
	if n.NoMore {
		line += " no more"
	}
	if late := a.At.Sub(n.DueAt); !n.DueAt.IsZero() && late != 0 {
		line += " late by " + late.String()
	}
	return line
}

// mails leaves out what goes into the application beside each mail.
func mails(lines []string) (left []string) {
	for _, line := range lines {
		if !strings.Contains(line, " inapp ") {
			left = append(left, line)
		}
	}
	return left
}

type story struct {
	name     string
	settings func(*dunning.Settings)
	known    func(*policy.Known)
	steps    []policytest.Step
	down     []policytest.Span
	from     time.Time // zero: begin
	world    func(policytest.Asked) []policytest.Step
	want     []string
}

func chasing(t testing.TB, change func(*dunning.Settings)) *dunning.Policy {
	t.Helper()
	return policytest.Build(t, dunning.Defaults, dunning.New, change)
}

func (s story) tell(t *testing.T) []policytest.Asked {
	t.Helper()
	line := policytest.Timeline{Policy: chasing(t, s.settings), Known: known(), From: begin, Until: day(366), Steps: s.steps, Down: s.down, World: s.world}
	if s.known != nil {
		s.known(&line.Known)
	}
	if !s.from.IsZero() {
		line.From = s.from
	}
	return line.Run(t)
}

func (s story) run(t *testing.T) {
	t.Helper()
	if diff := cmp.Diff(s.want, mails(told(s.tell(t)))); diff != "" {
		t.Errorf("(-want +asked)\n%s", diff)
	}
}

func notified(t testing.TB, a policytest.Asked) notify.Notice {
	t.Helper()
	return policytest.Details[notify.Notice](t, a.Action)
}
