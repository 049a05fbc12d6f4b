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

// debt is a subscription with a charge that failed and is owed.
type debt struct {
	billing.Held[billing.Subscription]
	// since is when the charge was due from which the days of grace count.
	since time.Time
	// ends is when access ends; zero: another purchase keeps it.
	ends time.Time
	plan billing.Plan
	// invoice is the newest that is owed, with its id; nil where none is known.
	invoice *billing.Held[billing.Invoice]
	// payment is the latest try to pay it.
	payment billing.Payment
	class   Class
}

// debtOf tells what is owed for a subscription.
func debtOf(known policy.Known, s billing.Held[billing.Subscription], now time.Time) debt {
	d := debt{Held: s, since: billing.OwedSince(known.Facts, s)}
	d.plan, _ = known.Catalog.Of(s.Account, s.Object)
	for _, i := range known.Facts.Invoices {
		if i.Account == s.Account && i.Object.Subscription == s.ID && i.Object.Owed() && (d.invoice == nil || newer(i, *d.invoice)) {
			d.invoice = &i
		}
	}
	if d.invoice != nil {
		for _, id := range d.invoice.Object.Payments {
			if p, found := billing.Find(known.Facts.Payments, s.Account, id); found && !p.CreatedAt.Before(d.payment.CreatedAt) {
				d.payment = p
			}
		}
	}
	d.class = Classify(d.decline())
	if d.payment.Status == billing.PaymentRequiresAction {
		d.class.Reason, d.class.Final = ConfirmNeeded, true
	}
	d.ends = d.since.Add(known.Rules.Grace)
	if s.Object.Status == billing.SubscriptionUnpaid && now.Before(d.ends) {
		d.ends = now // the provider has given up before
	}
	if d.plan.ID != "" {
		d.ends = lostAt(known, d.plan, d.ends)
	}
	return d
}

// decline says why the latest try failed; nil: nobody does.
func (d debt) decline() *billing.Decline {
	if d.payment.Decline == nil && d.Object.Failure != nil {
		return &d.Object.Failure.Decline
	}
	return d.payment.Decline
}

func newer(a, b billing.Held[billing.Invoice]) bool {
	age := a.Object.CreatedAt.Compare(b.Object.CreatedAt)
	return age > 0 || age == 0 && a.ID > b.ID
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// chased lists the debts that the customer may be spoken to about, the oldest
// first.
func (r *review) chased() []debt {
	var all []debt
	for _, s := range r.known.Facts.Subscriptions {
		o := s.Object
		owes := o.Status == billing.SubscriptionPastDue || o.Status == billing.SubscriptionUnpaid
		if !owes || !o.CancelAt.IsZero() || o.Pause != nil || !r.Providers.On(r.known, s.Account) || contested(r.known, s) {
			continue
		}
		if d := debtOf(r.known, s, r.now); !d.since.IsZero() && !d.settled(r.known) {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b debt) int {
		return cmp.Or(a.since.Compare(b.since), strings.Compare(a.Account, b.Account), strings.Compare(a.ID, b.ID))
	})
	return all
}

// settled reports whether the money has come, although the subscription does not
// show it yet: objects are looked at one after the other.
func (d debt) settled(known policy.Known) bool {
	if d.invoice != nil && d.payment.Status == billing.PaymentSucceeded && !d.payment.FullyRefunded() {
		return true
	}
	return slices.ContainsFunc(known.Facts.Invoices, func(i billing.Held[billing.Invoice]) bool {
		of := i.Account == d.Account && i.Object.Subscription == d.ID
		return of && i.Object.Status == billing.InvoicePaid && !d.Object.PastDueSince.IsZero() && !i.Object.CreatedAt.Before(d.Object.PastDueSince)
	})
}

// contested reports whether the customer is in dispute with an account: that is
// settled first. A dispute that was lost, and money that went back, count for the
// subscription that they took from.
func contested(known policy.Known, s billing.Held[billing.Subscription]) bool {
	for _, d := range known.Facts.Disputes {
		if d.Account == s.Account && (d.Object.Status == billing.DisputeOpen || d.Object.Status == billing.DisputeInquiry) {
			return true
		}
	}
	plan, found := known.Catalog.Of(s.Account, s.Object)
	if !found {
		return false
	}
	// Asked of nothing but the subscription while grace lasts, access says whether
	// its money is good.
	facts := known.Facts
	facts.Subscriptions, facts.Grants, facts.Checkouts = []billing.Held[billing.Subscription]{s}, nil, nil
	why := billing.Access(known.Catalog, known.Rules, facts, plan.ID, billing.OwedSince(facts, s)).Reason
	return why == billing.ReasonRefunded || why == billing.ReasonDisputed || why == billing.ReasonDisputeLost
}

// debts speaks about what is owed.
func (r *review) debts() {
	busy := false                   // with an older debt
	ended := map[string]time.Time{} // until when the end of a plan is told for an older debt
	for _, d := range r.chased() {
		r.revoked(d)
		r.retry(d)
		steps := r.steps(d)
		over := d.ends
		for _, s := range steps {
			if s.template == accessEnded {
				told := ended[d.plan.ID]
				r.later(told)
				if d.plan.ID != "" {
					ended[d.plan.ID] = later(told, s.until)
				}
				if r.now.Before(told) {
					continue
				}
			} else if busy || d.class.unchased() {
				continue
			}
			if r.within(s.from, s.until) {
				r.actions = append(r.actions, r.say(d.Account, billing.KindSubscription, d.ID, d.occasion(s.name), r.notice(d, s))...)
			}
		}
		if over.IsZero() && len(steps) > 0 {
			over = steps[len(steps)-1].until
			r.later(over) // the next debt has its turn
		}
		busy = busy || !d.class.unchased() && r.now.Before(over)
	}
}

// step is something to be said from one moment until another, when the next step
// takes its place.
type step struct {
	name, template string
	from, until    time.Time
}

// steps lists what is said about a debt, in order.
func (r *review) steps(d debt) []step {
	var all []step
	last := d.ends // when a numbered step must have been said to make sense
	if warn := d.ends.Add(-r.Final); !d.ends.IsZero() && (len(r.Steps) == 0 || warn.After(d.failed(r.known).Add(r.Steps[0]))) {
		last = warn
	}
	failed := d.failed(r.known)
	if d.Object.Status == billing.SubscriptionPastDue {
		for i, after := range r.Steps {
			s := step{name: fmt.Sprintf("step%d", i+1), template: failedAgain, from: failed.Add(after)}
			if i == 0 {
				s.template = failedFirst
			}
			if i == 0 && d.class.Reason == ConfirmNeeded {
				s = step{name: "confirm", template: actionRequired, from: failed}
			}
			if last.IsZero() || s.from.Before(last) {
				all = append(all, s)
			}
		}
		if last.Before(d.ends) {
			all = append(all, step{name: "final", template: failedFinal, from: last})
		}
	}
	if !d.ends.IsZero() {
		all = append(all, step{name: "ended", template: accessEnded, from: d.ends})
	}
	for i := range all {
		all[i].until = all[i].from.Add(r.Late)
		if i+1 < len(all) {
			all[i].until = all[i+1].from
		}
	}
	if n := len(all); n > 0 && all[n-1].template == accessEnded && d.ends.Before(r.known.Accounts[d.Account].Since) {
		return all[:n-1] // it was over before we kept the account
	}
	return all
}

// failed is when the charge failed first, as far as the provider tells of tries;
// otherwise when it was due.
func (d debt) failed(known policy.Known) time.Time {
	first := time.Time{}
	for _, a := range known.Attempts {
		if a.Account != d.Account || a.Decline == nil || a.At.Before(d.since) || a.At.After(d.since.Add(day)) {
			continue
		}
		for _, i := range known.Facts.Invoices {
			if i.Account == d.Account && i.Object.Subscription == d.ID && slices.Contains(i.Object.Payments, a.Payment) && (first.IsZero() || a.At.Before(first)) {
				first = a.At
			}
		}
	}
	return cmp.Or(first, d.since)
}

// occasion tells one debt of a subscription, and what is said about it, from the
// next.
func (d debt) occasion(name string) string { return d.since.UTC().Format(time.RFC3339) + ":" + name }

// thread ties together all that is said about a debt.
func (d debt) thread() string {
	return "dunning:" + d.Account + "/subscription/" + d.ID + ":" + d.since.UTC().Format(time.RFC3339)
}

// notice tells of a debt.
func (r *review) notice(d debt, s step) notify.Notice {
	n := notify.Notice{
		Template: s.template, DueAt: s.from, Thread: d.thread(), Plan: d.plan.ID, Amount: amount(d.Object.Amount), Estimated: true,
		Interval: d.Object.Interval, Date: d.since, Until: d.ends, Reason: d.class.Reason, Link: notify.LinkPayment, Card: d.payment.Card,
	}
	if s.template == accessEnded {
		n.Reason = notify.ReasonUnpaid
	}
	if d.invoice != nil {
		i := d.invoice.Object
		owed := billing.Money{Amount: i.Due.Amount - i.Paid, Currency: i.Due.Currency}
		n.Amount, n.Estimated, n.Date, n.Reference = amount(owed), false, i.CreatedAt, cmp.Or(i.Number, d.invoice.ID)
	}
	if at := r.tries(d); at.After(r.now) && d.Object.Status == billing.SubscriptionPastDue {
		n.Next = at
	}
	return n
}

// tries is when the charge is tried again by itself; zero: it is not.
func (r *review) tries(d debt) time.Time {
	switch {
	case d.invoice != nil && !d.invoice.Object.NextAttempt.IsZero():
		return d.invoice.Object.NextAttempt
	case d.invoice == nil && d.Object.Failure != nil && !d.Object.Failure.NextAttempt.IsZero():
		return d.Object.Failure.NextAttempt
	case d.invoice == nil && d.Object.Failure == nil && r.known.Accounts[d.Account].Kind == "paypal":
		return d.Object.PeriodEnd // PayPal's next billing is the next try
	}
	at, planned := r.planned(d)
	if !planned {
		return time.Time{}
	}
	return at
}

// revoked tells the team what the customer cannot settle.
func (r *review) revoked(d debt) {
	if !d.class.Revoked && !d.class.Seller || !r.now.Before(d.since.Add(policy.AttemptsKept)) {
		return
	}
	w := policy.Warning{Kind: "dunning"}
	occasion := "revoked"
	w.Title = "A customer's bank was told to pay no more for a subscription"
	w.Details = "The decline means that the customer took the authorization back, or stopped the payment. They are not reminded. Cancel the subscription, or ask them."
	if d.class.Seller {
		occasion = "seller"
		w.Title = "A charge failed because of your own account at the provider"
		w.Details = "The provider says that your account cannot receive this payment: its state, a limit or the currency. Look into its dashboard."
	}
	w.Cause = "dunning:" + d.Account + "/subscription/" + d.ID + ":" + occasion
	r.actions = append(r.actions, policy.On(d.Account, billing.KindSubscription, d.ID, policy.Alert, d.occasion(occasion), w))
}
