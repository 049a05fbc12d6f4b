// Package renewal tells customers before they are charged: before a trial or a
// promotion ends, before a renewal that comes so seldom that it is forgotten, when
// the price changes, and once a year what they pay for.
//
// Card networks and laws say when such a notice must go out: not too late, and some
// of them not too early. What they say is data, in [Packs]; the policy picks one
// moment that suits all packs that are switched on. A trial of more than seven days
// is announced exactly seven days before its end, which is the only moment that
// suits both Visa (seven days or more) and Mastercard (three to seven).
//
// # What holds of every notice
//
// It is said once per subscription, date of the charge and [Event]: if the date is
// moved, it is said anew; if not, never again. If its moment was missed, because
// the trial was shorter than that, the service stood still or has only now begun to
// keep the account, it is said at once, and [notify.Notice.DueAt] tells that it is
// late. A charge that lies in the past is never announced.
//
// Nothing is said about a subscription that will not charge by itself: one that is
// canceled, paused, over, free, or owes money already (package dunning speaks then).
// Merchants of record write to their customers themselves, so the policy is off for
// them unless switched on.
package renewal

import (
	"slices"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/policy"
)

// The templates of this policy.
const (
	trialEnding     = "trial_ending"
	promotionEnding = "promotion_ending"
	renewalAhead    = "renewal_ahead"
	priceChange     = "price_change"
	yearlyReminder  = "yearly_reminder"
)

// Policy announces charges. Make it with [New].
type Policy struct {
	settings Settings
	packs    []Pack
}

// New makes the policy, or says what is wrong with its settings.
func New(settings Settings) (*Policy, error) {
	packs, err := settings.check()
	if err != nil {
		return nil, err
	}
	return &Policy{settings, packs}, nil
}

// Name implements [policy.Policy].
func (*Policy) Name() string { return "renewal" }

// React implements [policy.Policy]. One thing cannot be seen from how matters
// stand: that the same subscription costs something else than before.
func (p *Policy) React(change policy.Change, known policy.Known) []policy.Action {
	before, was := change.Before.(billing.Subscription)
	after, is := change.After.(billing.Subscription)
	if !was || !is || !p.settings.Providers.On(known, change.Account) || !charges(known, after) || !repriced(before, after) {
		return nil
	}
	if announced := before.Ahead; announced != nil && announced.Amount == after.Amount {
		return nil // said when it was scheduled
	}
	s := billing.Held[billing.Subscription]{Account: change.Account, ID: change.ID, Object: after}
	notice := p.notice(known, s, priceChange, nextCharge(after), after.Amount)
	notice.Was = amount(before.Amount)
	return say(s, PriceChange, notice)
}

// repriced reports whether the same things cost something else: the merchant has
// changed the price. A customer who buys more or less knows.
func repriced(before, after billing.Subscription) bool {
	return before.Amount != after.Amount && before.Amount.Currency == after.Amount.Currency &&
		before.Interval == after.Interval && sameItems(before, after) && charges(policy.Known{}, before)
}

func sameItems(a, b billing.Subscription) bool {
	return a.Price == b.Price && a.Quantity == b.Quantity && slices.Equal(a.Items, b.Items)
}

// Review implements [policy.Reviewer].
func (p *Policy) Review(known policy.Known, now time.Time) (actions []policy.Action, next time.Time) {
	for _, s := range known.Facts.Subscriptions {
		if !p.settings.Providers.On(known, s.Account) || !charges(known, s.Object) {
			continue
		}
		for _, a := range p.ahead(known, s, now) {
			switch {
			case a.from.After(now):
				next = billing.Earliest(next, a.from)
			case now.Before(a.until):
				actions = append(actions, say(s, a.event, a.notice)...)
			}
		}
	}
	return actions, next
}

// charges reports whether a subscription will be charged by itself, as far as can
// be told.
func charges(known policy.Known, s billing.Subscription) bool {
	free := s.Amount.Currency != "" && s.Amount.Amount <= 0 && s.Ahead == nil
	good := s.Status == billing.SubscriptionActive || s.Status == billing.SubscriptionTrialing
	return good && !free && s.CancelAt.IsZero() && s.Pause == nil && !known.Banned()
}

// announcement is a notice and when it is called for.
type announcement struct {
	event Event
	// from is when it is due, until when it no longer makes sense.
	from, until time.Time
	notice      notify.Notice
}

// ahead lists what there is to announce of a subscription.
func (p *Policy) ahead(known policy.Known, s billing.Held[billing.Subscription], now time.Time) []announcement {
	var all []announcement
	all = append(all, p.trial(known, s)...)
	all = append(all, p.change(known, s)...)
	all = append(all, p.renewal(known, s)...)
	return append(all, p.yearly(known, s, now)...)
}

// trial announces the first charge.
func (p *Policy) trial(known policy.Known, s billing.Held[billing.Subscription]) []announcement {
	o := s.Object
	if o.Status != billing.SubscriptionTrialing || o.TrialEnd.IsZero() {
		return nil
	}
	begun := o.StartedAt
	if begun.IsZero() {
		begun = o.PeriodStart
	}
	price := o.Amount
	if o.Ahead != nil && !o.Ahead.At.After(o.TrialEnd) {
		price = o.Ahead.Amount
	}
	if price.Currency != "" && price.Amount <= 0 {
		return nil
	}
	return p.before(TrialEnd, begun, o.TrialEnd, o.TrialEnd.Sub(begun), p.settings.Trial, p.notice(known, s, trialEnding, o.TrialEnd, price))
}

// change announces the first charge at another price.
func (p *Policy) change(known policy.Known, s billing.Held[billing.Subscription]) []announcement {
	o := s.Object
	if o.Ahead == nil || o.Ahead.At.IsZero() || o.Status == billing.SubscriptionTrialing && !o.Ahead.At.After(o.TrialEnd) {
		return nil // the announcement of the first charge tells its price
	}
	if known := o.Ahead.Amount; known.Currency != "" && known.Amount <= 0 {
		return nil
	}
	event, template, wish := PriceChange, priceChange, p.settings.PriceChange
	if o.Ahead.Kind == billing.PromotionEnd {
		event, template, wish = PromotionEnd, promotionEnding, p.settings.Trial
	}
	price := o.Ahead.Amount
	if price.Currency == "" && event == PromotionEnd {
		price = o.Amount // which is before discounts, as the words for an estimate say
	}
	notice := p.notice(known, s, template, o.Ahead.At, price)
	if o.Amount != price {
		notice.Was = amount(o.Amount)
	}
	return p.before(event, o.StartedAt, o.Ahead.At, o.Ahead.At.Sub(o.StartedAt), wish, notice)
}

// renewal announces a renewal that comes seldom.
func (p *Policy) renewal(known policy.Known, s billing.Held[billing.Subscription]) []announcement {
	o := s.Object
	every := length(o.Interval)
	if o.Status != billing.SubscriptionActive || o.PeriodEnd.IsZero() || every <= p.settings.LongerThan {
		return nil
	}
	price := o.Amount
	if o.Ahead != nil && !o.Ahead.At.After(o.PeriodEnd) {
		price = o.Ahead.Amount
	}
	if price.Currency != "" && price.Amount <= 0 {
		return nil
	}
	return p.before(Renewal, o.PeriodStart, o.PeriodEnd, every, p.settings.Renewal, p.notice(known, s, renewalAhead, o.PeriodEnd, price))
}

// before is an announcement that is due some time before a charge, or at the begin
// of what leads to it, if there is less time than that.
func (p *Policy) before(event Event, begun, charge time.Time, length, wish time.Duration, notice notify.Notice) []announcement {
	due := charge.Add(-inWindow(p.packs, event, length, wish))
	if due.Before(begun) {
		due = begun
	}
	notice.DueAt = due
	return []announcement{{event: event, from: due, until: charge, notice: notice}}
}

// yearly reminds of a subscription that renews more often than once a year, on the
// day of the year on which it began.
func (p *Policy) yearly(known policy.Known, s billing.Held[billing.Subscription], now time.Time) []announcement {
	o := s.Object
	every := length(o.Interval)
	if !p.settings.remind(p.packs) || o.Status != billing.SubscriptionActive || o.StartedAt.IsZero() || every == 0 || every > 364*day || o.Amount.Amount <= 0 {
		return nil
	}
	years := 0
	anniversary := func(n int) time.Time { return billing.CalendarPeriod{Years: 1}.After(o.StartedAt, n) }
	for !anniversary(years + 1).After(now) {
		years++
	}
	var all []announcement
	for _, n := range []int{years, years + 1} {
		due := anniversary(n)
		if n == 0 || due.Before(known.Accounts[s.Account].Since) {
			continue // what was due before we kept the account was somebody else's
		}
		notice := p.notice(known, s, yearlyReminder, due, o.Amount)
		notice.DueAt = due
		if !o.PeriodEnd.Before(now) { // else its renewal has not been seen yet
			notice.Next = o.PeriodEnd
		}
		all = append(all, announcement{event: Yearly, from: due, until: due.Add(lateReminder), notice: notice})
	}
	return all
}

// lateReminder is how late a yearly reminder still makes sense.
const lateReminder = 30 * day

// nextCharge is when a subscription is charged next, as far as is known.
func nextCharge(s billing.Subscription) time.Time {
	if s.Status == billing.SubscriptionTrialing && !s.TrialEnd.IsZero() {
		return s.TrialEnd
	}
	return s.PeriodEnd
}

// notice has what every announcement tells.
func (p *Policy) notice(known policy.Known, s billing.Held[billing.Subscription], template string, date time.Time, price billing.Money) notify.Notice {
	plan, _ := known.Catalog.Of(s.Account, s.Object)
	return notify.Notice{
		Template: template, Plan: plan.ID, Amount: amount(price), Estimated: true,
		Interval: s.Object.Interval, Date: date, Link: notify.LinkPortal,
	}
}

// amount is an amount to be told; nil if it is not known.
func amount(m billing.Money) *billing.Money {
	if m.Currency == "" {
		return nil
	}
	return &m
}

// say asks for a notice on every channel that it goes out on: by mail, and in the
// application if a trial ends.
func say(s billing.Held[billing.Subscription], event Event, notice notify.Notice) []policy.Action {
	channels := []string{notify.Email}
	if event == TrialEnd {
		channels = append(channels, notify.InApp)
	}
	var actions []policy.Action
	for _, channel := range channels {
		notice.Channel = channel
		// The day, not the moment: providers move that by seconds.
		occasion := notice.Date.UTC().Format(time.DateOnly) + ":" + string(event) + ":" + channel
		actions = append(actions, policy.On(s.Account, billing.KindSubscription, s.ID, policy.Say, occasion, notice))
	}
	return actions
}
