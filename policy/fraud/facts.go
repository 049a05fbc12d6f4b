package fraud

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
)

// Facts are what rules speak of. Where something is counted for 30 days, what
// happened before the customer's latest ban was lifted does not count.
type Facts struct {
	// Declines30d counts the declined tries to pay by card. Those of a renewal count
	// once for each card: the provider tries again by itself.
	Declines30d int `expr:"declines_30d"`
	// Cards30d counts the cards that were tried, whether they worked or not.
	Cards30d int `expr:"cards_30d"`
	// SharedPayers counts the other customers who paid with one of the same cards, or
	// as the same payer; SharedBanned those of them who are banned.
	SharedPayers int `expr:"shared_payers"`
	SharedBanned int `expr:"shared_banned"`
	// SharedScore weighs both from 0 to 100: 15 for each other customer, at most 60,
	// and 40 more if one of them is banned.
	SharedScore int `expr:"shared_score"`
	// Warnings counts the card networks' early fraud warnings that are not settled,
	// Disputes the chargebacks that are open or were lost.
	Warnings int `expr:"warnings"`
	Disputes int `expr:"disputes"`
	// Attributes are what the application says of its customer.
	Attributes map[string]any `expr:"attributes"`
	// Plan is the id of the plan of the newest live subscription, Plans are those of
	// all; empty if there is none.
	Plan  string   `expr:"plan"`
	Plans []string `expr:"plans"`
	// Paid is what was paid in all and did not go back, in minor units by currency;
	// Payments counts the payments.
	Paid     map[string]int64 `expr:"paid"`
	Payments int              `expr:"payments"`
	// Banned: the customer is, by whomever.
	Banned bool `expr:"banned"`

	// latest is when the newest of what was counted happened.
	latest time.Time
	// from lists by fact the accounts that it is from; of what is from none there is
	// nothing.
	from map[string][]string
	// ahead is when the first try that is not past by our clock will be; zero: all are.
	ahead time.Time
}

// factsOf works out the facts at a moment.
func factsOf(known policy.Known, now time.Time) Facts {
	f := Facts{
		Attributes: known.Customer.Attributes, Paid: map[string]int64{}, Banned: banned(known), from: map[string][]string{},
	}
	if f.Attributes == nil {
		f.Attributes = map[string]any{}
	}
	f.count(known, now)
	f.share(known)
	for _, w := range known.Warnings {
		if w.Object.Actionable {
			f.Warnings++
			f.tell(w.Account, "warnings")
		}
	}
	for _, d := range known.Facts.Disputes {
		if d.Object.Status == billing.DisputeOpen || d.Object.Status == billing.DisputeLost {
			f.Disputes++
			f.tell(d.Account, "disputes")
		}
	}
	for _, p := range known.Facts.Payments {
		if p.Object.Status == billing.PaymentSucceeded && p.Object.Amount.Amount > 0 {
			f.Payments++
			f.tell(p.Account, "payments", "paid")
			f.Paid[p.Object.Amount.Currency] += max(0, p.Object.Amount.Amount-p.Object.Refunded)
		}
	}
	f.plans(known)
	return f
}

// tell notes that facts are from an account.
func (f *Facts) tell(account string, names ...string) {
	for _, name := range names {
		if !slices.Contains(f.from[name], account) {
			f.from[name] = append(f.from[name], account)
		}
	}
}

// because lists the accounts that the facts of a rule are from, sorted.
func (f *Facts) because(r rule) (accounts []string) {
	for _, name := range r.reads {
		accounts = append(accounts, f.from[name]...)
	}
	slices.Sort(accounts)
	return slices.Compact(accounts)
}

// since is from when on tries count.
func since(known policy.Known, now time.Time) time.Time {
	from := now.Add(-policy.AttemptsKept)
	if c := known.Customer.Cleared; c != nil && c.At.After(from) {
		return c.At
	}
	return from
}

// count counts the tries by card.
func (f *Facts) count(known policy.Known, now time.Time) {
	from := since(known, now)
	renewals := renewalsOf(known.Facts)
	cards, renewed := map[string]bool{}, map[string]bool{}
	for _, a := range known.Attempts {
		if a.Card == nil || !a.At.After(from) {
			continue
		}
		if a.At.After(now) {
			f.ahead = billing.Earliest(f.ahead, a.At)
			continue
		}
		card := cardOf(a)
		cards[card] = true
		f.tell(a.Account, "cards_30d")
		if a.At.After(f.latest) {
			f.latest = a.At
		}
		if a.Decline == nil {
			continue
		}
		if renewals[a.Account+"/"+a.Payment] {
			if renewed[card] {
				continue
			}
			renewed[card] = true
		}
		f.Declines30d++
		f.tell(a.Account, "declines_30d")
	}
	f.Cards30d = len(cards)
}

// cardOf tells cards apart: by the provider's fingerprint, or where it tells none,
// by what is printed on them.
func cardOf(a billing.Attempt) string {
	return cmp.Or(a.Payer, strings.Join([]string{
		a.Card.Brand, a.Card.Last4, time.Date(a.Card.ExpYear, time.Month(a.Card.ExpMonth), 1, 0, 0, 0, 0, time.UTC).Format("2006-01"),
	}, " "))
}

// firstDay is how long after the start of a subscription an invoice still belongs
// to its start.
const firstDay = 24 * time.Hour

// renewalsOf names the payments, "account/id", by which a provider renews
// subscriptions without anybody at the keyboard.
func renewalsOf(facts billing.Facts) map[string]bool {
	started := map[string]time.Time{}
	for _, s := range facts.Subscriptions {
		started[s.Account+"/"+s.ID] = s.Object.StartedAt
	}
	renewals := map[string]bool{}
	for _, i := range facts.Invoices {
		start, known := started[i.Account+"/"+i.Object.Subscription]
		if !known || start.IsZero() || !i.Object.CreatedAt.After(start.Add(firstDay)) {
			continue
		}
		for _, payment := range i.Object.Payments {
			renewals[i.Account+"/"+payment] = true
		}
	}
	return renewals
}

func (f *Facts) share(known policy.Known) {
	others := map[string]bool{} // whether the other is banned
	for _, a := range known.Attempts {
		if a.Payer != "" && len(known.Shared) > 0 { // where is not told
			f.tell(a.Account, "shared_payers", "shared_banned", "shared_score")
		}
	}
	for _, s := range known.Shared {
		others[s.Customer] = others[s.Customer] || s.Banned
	}
	f.SharedPayers = len(others)
	for other := range maps.Values(others) {
		if other {
			f.SharedBanned++
		}
	}
	f.SharedScore = min(15*f.SharedPayers, 60)
	if f.SharedBanned > 0 {
		f.SharedScore += 40
	}
}

func (f *Facts) plans(known policy.Known) {
	live := slices.Clone(known.Facts.Subscriptions)
	live = slices.DeleteFunc(live, func(s billing.Held[billing.Subscription]) bool { return !s.Object.Live() })
	slices.SortStableFunc(live, func(a, b billing.Held[billing.Subscription]) int {
		return b.Object.StartedAt.Compare(a.Object.StartedAt)
	})
	for _, s := range live {
		f.tell(s.Account, "plan", "plans")
		for _, item := range itemsOf(s.Object) {
			if plan, found := known.Catalog.ByPrice(s.Account, item.Price); found && !slices.Contains(f.Plans, plan.ID) {
				f.Plans = append(f.Plans, plan.ID)
			}
		}
	}
	if len(f.Plans) > 0 {
		f.Plan = f.Plans[0]
	}
}

func itemsOf(s billing.Subscription) []billing.Item {
	if len(s.Items) == 0 {
		return []billing.Item{{Price: s.Price}}
	}
	return s.Items
}

func banned(known policy.Known) bool { return known.Customer.Ban != nil || known.Facts.Ban != nil }
