package dunning

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/policy"
)

// cards gives notice of cards that will have expired when they are charged next.
func (r *review) cards() {
	told := map[string]bool{}
	for _, s := range r.renewing() {
		card := lastCard(r.known, s)
		if card == nil || card.ExpYear == 0 || card.ExpMonth < 1 || card.ExpMonth > 12 || card.Wallet != "" {
			continue // a wallet gets a new number by itself
		}
		expires := time.Date(card.ExpYear, time.Month(card.ExpMonth)+1, 1, 0, 0, 0, 0, time.UTC)
		name := fmt.Sprintf("%s:%s:%s", s.Account, card.Last4, expires.Format("2006-01"))
		charge := chargeFrom(s.Object, expires)
		if told[name] || charge.IsZero() {
			continue
		}
		told[name] = true
		plan, _ := r.known.Catalog.Of(s.Account, s.Object)
		r.countdown(expires, time.Time{}, r.Card, func(step string, due time.Time) []policy.Action {
			return r.say(s.Account, billing.KindSubscription, s.ID, expires.Format("2006-01")+":"+card.Last4+":"+step, notify.Notice{
				Template: cardExpiring, DueAt: due, Plan: plan.ID, Amount: amount(s.Object.Amount), Estimated: true,
				Interval: s.Object.Interval, Date: charge, Card: card, Link: notify.LinkPayment,
			})
		})
	}
}

// countdown says something at times before an end, each until the next has come;
// not what was due before something began.
func (r *review) countdown(end, begun time.Time, before []time.Duration, say func(step string, due time.Time) []policy.Action) {
	for i, d := range before {
		from, until := end.Add(-d), end
		if i+1 < len(before) {
			until = end.Add(-before[i+1])
		}
		if from.After(begun) && r.within(from, until) {
			r.actions = append(r.actions, say(fmt.Sprintf("%dh", d/time.Hour), from)...)
		}
	}
}

// renewing lists the subscriptions that will be charged by themselves, the oldest
// first.
func (r *review) renewing() []billing.Held[billing.Subscription] {
	var all []billing.Held[billing.Subscription]
	for _, s := range r.known.Facts.Subscriptions {
		o := s.Object
		good := o.Status == billing.SubscriptionActive || o.Status == billing.SubscriptionTrialing
		if good && o.CancelAt.IsZero() && o.Pause == nil && o.Amount.Amount > 0 && r.Providers.On(r.known, s.Account) {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b billing.Held[billing.Subscription]) int {
		return cmp.Or(a.Object.StartedAt.Compare(b.Object.StartedAt), strings.Compare(a.Account, b.Account), strings.Compare(a.ID, b.ID))
	})
	return all
}

// lastCard is the card with which a subscription was paid last; nil if it was none.
func lastCard(known policy.Known, s billing.Held[billing.Subscription]) *billing.Card {
	var newest billing.Held[billing.Payment]
	for _, p := range known.Facts.Payments {
		if p.Account != s.Account || p.Object.Status != billing.PaymentSucceeded {
			continue
		}
		if i, found := invoiceOf(known, p.Account, p.ID); !found || i.Object.Subscription != s.ID {
			continue
		}
		if age := p.Object.PaidAt.Compare(newest.Object.PaidAt); newest.ID == "" || age > 0 || age == 0 && p.ID > newest.ID {
			newest = p
		}
	}
	return newest.Object.Card
}

// chargeFrom is the first charge at or after a moment; zero if none can be told.
func chargeFrom(s billing.Subscription, from time.Time) time.Time {
	charge := nextCharge(s)
	count := int(min(s.Interval.Count, 1000))
	every, known := map[string]billing.CalendarPeriod{"day": {Days: count}, "week": {Days: 7 * count}, "month": {Months: count}, "year": {Years: count}}[s.Interval.Unit]
	if charge.IsZero() || !known || count < 1 {
		return time.Time{}
	}
	const most = 1000 // daily charges of more than two years
	for n := range most {
		if at := every.After(charge, n); !at.Before(from) {
			return at
		}
	}
	return time.Time{}
}

// passes gives notice of passes that run out, and says so when they have.
func (r *review) passes() {
	for _, plan := range r.known.Catalog.Plans() {
		if plan.Kind != billing.GrantPass {
			continue
		}
		d := billing.Access(r.known.Catalog, r.known.Rules, r.known.Facts, plan.ID, r.now)
		runs, over := d.Reason == billing.ReasonPass, d.Reason == billing.ReasonPassOver
		if !runs && !over || !r.Providers.On(r.known, d.Source.Account) || !loses(r.known, plan, d.Until) || over && !loses(r.known, plan, r.now) {
			continue
		}
		say := func(template, step string, due time.Time) []policy.Action {
			return r.say(d.Source.Account, d.Source.Kind, d.Source.ID, d.Until.UTC().Format(time.DateOnly)+":"+plan.ID+step, notify.Notice{
				Template: template, DueAt: due, Plan: plan.ID, Date: d.Until, Until: d.Until, Thread: "pass:" + plan.ID + ":" + d.Until.UTC().Format(time.DateOnly),
			})
		}
		r.countdown(d.Until, boughtAt(r.known, d.Source), r.Pass, func(step string, due time.Time) []policy.Action { return say(passExpiring, ":"+step, due) })
		if !d.Until.Before(r.known.Accounts[d.Source.Account].Since) && r.within(d.Until, d.Until.Add(r.Late)) {
			r.actions = append(r.actions, say(passEnded, "", d.Until)...)
		}
	}
}

// boughtAt is when a pass was bought.
func boughtAt(known policy.Known, source billing.Source) time.Time {
	if p, found := billing.Find(known.Facts.Payments, source.Account, source.ID); found && source.Kind == billing.KindPayment {
		return cmp.Or(p.PaidAt, p.CreatedAt)
	}
	c, _ := billing.Find(known.Facts.Checkouts, source.Account, source.ID)
	return c.CreatedAt
}

// invoiceOf finds the invoice that a payment was made for.
func invoiceOf(known policy.Known, account, payment string) (billing.Held[billing.Invoice], bool) {
	for _, i := range known.Facts.Invoices {
		if i.Account == account && slices.Contains(i.Object.Payments, payment) {
			return i, true
		}
	}
	return billing.Held[billing.Invoice]{}, false
}
