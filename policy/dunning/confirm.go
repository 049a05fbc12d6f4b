package dunning

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/policy"
)

// React implements [policy.Policy]: it confirms what has just happened. What was
// seen for the first time may have happened long ago, and is not news.
func (p *Policy) React(change policy.Change, known policy.Known) []policy.Action {
	if known.Banned() || !p.settings.Providers.On(known, change.Account) {
		return nil
	}
	switch after := change.After.(type) {
	case billing.Subscription:
		if before, was := change.Before.(billing.Subscription); was {
			return p.subscription(change, known, before, after)
		}
	case billing.Payment:
		before, _ := change.Before.(billing.Payment)
		return p.payment(change, known, before, after)
	}
	return nil
}

// subscription confirms what became of a subscription.
func (p *Policy) subscription(change policy.Change, known policy.Known, before, after billing.Subscription) []policy.Action {
	good := after.Status == billing.SubscriptionActive || after.Status == billing.SubscriptionTrialing
	n := p.about(change, known, after)
	say := func(template, occasion string) []policy.Action {
		n.Template = template
		return p.settings.say(change.Account, change.Kind, change.ID, occasion, n)
	}
	nth := fmt.Sprint(change.Seq) // there is no date to tell one from the next
	switch {
	case change.Has(billing.Recovered):
		return p.recovered(change, known, before)
	case (change.Has(billing.Ended) || change.Has(billing.CancelScheduled)) && othersDid(known, change, func(d policy.Demand) bool {
		return d.Kind == policy.CancelNow || d.Kind == policy.CancelAtPeriodEnd
	}):
		return nil
	case change.Has(billing.Ended):
		return p.ended(change, known, before, after)
	case change.Has(billing.CancelScheduled) && after.CancelAt.After(after.StartedAt):
		n.Date, n.Until = change.At, after.CancelAt
		return say(canceled, after.CancelAt.UTC().Format(time.DateOnly))
	case change.Has(billing.CancelWithdrawn) && good:
		n.Next = nextCharge(after)
		n.Date = n.Next
		return say(autoRenewOn, nth)
	case change.Has(billing.Paused):
		n.Date = change.At
		if after.Pause != nil {
			n.Date, n.Next = cmp.Or(after.Pause.From, change.At), after.Pause.Until
		}
		if plan, found := known.Catalog.Of(change.Account, after); found && loses(known, plan, change.At) {
			n.Until = n.Date
		}
		return say(paused, nth)
	case change.Has(billing.Resumed) && good:
		n.Date, n.Next = change.At, nextCharge(after)
		return say(resumed, nth)
	}
	return nil
}

// othersDid reports whether another policy did something to the object of a change.
// Whether the customer is told, and in which words, is then for that policy to say: they
// did not cancel, nor ask for a refund.
func othersDid(known policy.Known, change policy.Change, what func(policy.Demand) bool) bool {
	object := change.Account + "/" + string(change.Kind) + "/" + change.ID
	return slices.ContainsFunc(known.Demands, func(d policy.Demand) bool {
		return d.Tried && d.Object == object && d.Policy != "" && d.Policy != name && what(d)
	})
}

// about has what every notice about a subscription tells.
func (p *Policy) about(change policy.Change, known policy.Known, s billing.Subscription) notify.Notice {
	plan, _ := known.Catalog.Of(change.Account, s)
	return notify.Notice{Plan: plan.ID, Amount: amount(s.Amount), Estimated: true, Interval: s.Interval, Link: notify.LinkPortal}
}

// before is what was owed when a subscription was last seen to owe: it owes again, and
// invoices that were paid since then are open again.
func before(change policy.Change, known policy.Known, was billing.Subscription) debt {
	facts := known.Facts
	facts.Invoices, facts.Subscriptions = slices.Clone(facts.Invoices), slices.Clone(facts.Subscriptions)
	for n, s := range facts.Subscriptions {
		if s.Account == change.Account && s.ID == change.ID {
			facts.Subscriptions[n].Object = was
		}
	}
	for n, i := range facts.Invoices {
		if i.Account == change.Account && i.Object.Subscription == change.ID && i.Object.Status == billing.InvoicePaid && i.Object.PaidAt.After(was.PastDueSince) {
			facts.Invoices[n].Object.Status, facts.Invoices[n].Object.Paid = billing.InvoiceOpen, 0
		}
	}
	known.Facts = facts
	return debtOf(known, billing.Held[billing.Subscription]{Account: change.Account, ID: change.ID, Object: was}, change.At)
}

// recovered thanks for what was owed, unless it was paid before anybody was told.
func (p *Policy) recovered(change policy.Change, known policy.Known, was billing.Subscription) []policy.Action {
	d := before(change, known, was)
	if d.since.IsZero() {
		return nil
	}
	n := p.about(change, known, was)
	n.Template, n.Thread, n.Date, n.Link = recovered, d.thread(), change.At, ""
	if !d.ends.After(change.At) {
		n.Until = d.ends // from then on it was off
	}
	for _, i := range known.Facts.Invoices {
		o := i.Object
		if i.Account != change.Account || o.Subscription != change.ID || o.Status != billing.InvoicePaid || !o.PaidAt.After(was.PastDueSince) || o.PaidAt.Before(n.DueAt) {
			continue
		}
		n.DueAt, n.Date, n.Reference = o.PaidAt, o.PaidAt, cmp.Or(o.Number, i.ID)
		n.Amount, n.Estimated = amount(billing.Money{Amount: o.Paid, Currency: o.Due.Currency}), false
		for _, id := range o.Payments {
			if paid, found := billing.Find(known.Facts.Payments, i.Account, id); found && paid.Status == billing.PaymentSucceeded {
				n.Card = paid.Card
			}
		}
	}
	if steps := p.settings.Steps; !n.DueAt.IsZero() && len(steps) > 0 && n.DueAt.Before(d.failed(known).Add(steps[0])) {
		return nil
	}
	return p.settings.say(change.Account, change.Kind, change.ID, d.occasion("over"), n)
}

// ended confirms an end that was not announced: by a cancellation with a date, or
// by a debt.
func (p *Policy) ended(change policy.Change, known policy.Known, was, is billing.Subscription) []policy.Action {
	const moment = time.Hour // what ends when it was to end does so a little sooner or later
	end := cmp.Or(is.EndedAt, change.At)
	switch {
	case was.Status == billing.SubscriptionPending:
		return nil
	case !was.CancelAt.IsZero() && end.After(was.CancelAt.Add(-moment)):
		return nil
	case was.Status == billing.SubscriptionPastDue || was.Status == billing.SubscriptionUnpaid:
		d := before(change, known, was)
		if d.since.IsZero() || d.plan.ID != "" && !loses(known, d.plan, change.At) {
			return nil
		}
		if d.ends.IsZero() || end.Before(d.ends) {
			d.ends = end
		}
		r := &review{Settings: p.settings, known: known, now: change.At}
		n := r.notice(d, step{template: accessEnded, from: d.ends})
		n.Next, n.Link, n.NoMore = time.Time{}, "", true // nothing is left to be paid; the way back is the product's
		return p.settings.say(change.Account, change.Kind, change.ID, d.occasion("ended"), n)
	}
	n := p.about(change, known, is)
	if n.Plan != "" {
		if plan, found := known.Catalog.ByID(n.Plan); found && !loses(known, plan, change.At) {
			return nil // one of two: who reads that it is canceled thinks of what they still have
		}
	}
	n.Template, n.Date, n.Until, n.Link = canceled, end, end, ""
	occasion := fmt.Sprint(change.Seq)
	if !is.EndedAt.IsZero() {
		occasion = is.EndedAt.UTC().Format(time.DateOnly)
	}
	return p.settings.say(change.Account, change.Kind, change.ID, occasion, n)
}

// payment confirms what became of a payment.
func (p *Policy) payment(change policy.Change, known policy.Known, before, after billing.Payment) (actions []policy.Action) {
	own := slices.Contains(p.settings.Receipts, change.Account) || slices.Contains(p.settings.Receipts, known.Accounts[change.Account].Kind)
	invoice, billed := invoiceOf(known, change.Account, change.ID)
	n := notify.Notice{Plan: planOf(known, change, after, invoice), Card: after.Card, Reference: change.ID}
	if billed {
		n.Reference = cmp.Or(invoice.Object.Number, change.ID)
	}
	say := func(template, occasion string) {
		n.Template = template
		actions = append(actions, p.settings.say(change.Account, change.Kind, change.ID, occasion, n)...)
	}
	switch {
	case change.Has(billing.Paid) && own && after.Amount.Amount > 0 && p.news(change, known, after.PaidAt):
		n.Amount, n.Date, n.DueAt = amount(after.Amount), after.PaidAt, after.PaidAt
		say(receipt, "")
	case change.Has(billing.PaymentDeclined) && before.Status == billing.PaymentPending && !billed && before.Method != "card" && after.Method != "card" && cmp.Or(before.Method, after.Method) != "":
		n.Amount, n.Date, n.Reason = amount(after.Amount), after.CreatedAt, Classify(after.Decline).Reason
		say(pendingFailed, "")
	}
	// Money may have gone back by the first look, but only if it came lately is it news.
	if back := after.Refunded - before.Refunded; back > 0 && !taken(known, change) && (change.Before != nil || p.news(change, known, after.PaidAt)) {
		n.Amount, n.Date, n.DueAt = &billing.Money{Amount: back, Currency: after.Amount.Currency}, change.At, time.Time{}
		n.Back = after.Refunded
		total := fmt.Sprint(after.Refunded) // a second refund of a payment is another
		if !othersDid(known, change, func(d policy.Demand) bool { return d.Kind == policy.Refund && d.Money == back }) {
			say(refunded, total)
		}
		if own {
			say(refundReceipt, total)
		}
	}
	return actions
}

// taken reports whether a payment went back, or may go, because the customer
// contests it: then we have not refunded it. What one asks for in an inquiry, we have.
func taken(known policy.Known, change policy.Change) bool {
	return slices.ContainsFunc(known.Facts.Disputes, func(d billing.Held[billing.Dispute]) bool {
		took := d.Object.Status == billing.DisputeOpen || d.Object.Status == billing.DisputeLost
		return took && d.Account == change.Account && d.Object.Payment == change.ID
	})
}

// news reports whether something happened lately, and since we keep the account.
func (p *Policy) news(change policy.Change, known policy.Known, at time.Time) bool {
	return !at.IsZero() && !at.Before(known.Accounts[change.Account].Since) && change.At.Sub(at) < p.settings.Late
}

// planOf finds the plan that a payment was for.
func planOf(known policy.Known, change policy.Change, payment billing.Payment, invoice billing.Held[billing.Invoice]) string {
	if s, found := billing.Find(known.Facts.Subscriptions, change.Account, invoice.Object.Subscription); found {
		plan, _ := known.Catalog.Of(change.Account, s)
		return plan.ID
	}
	items := payment.Items
	for _, c := range known.Facts.Checkouts {
		if c.Account == change.Account && c.Object.Payment == change.ID && len(items) == 0 {
			items = c.Object.Items
		}
	}
	for _, item := range items {
		if plan, found := known.Catalog.ByPrice(change.Account, item.Price); found {
			return plan.ID
		}
	}
	return ""
}
