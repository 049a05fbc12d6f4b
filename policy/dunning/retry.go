package dunning

import (
	"slices"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
)

// retry asks for another try to collect what is owed, when its time has come.
func (r *review) retry(d debt) {
	at, planned := r.planned(d)
	if !planned {
		return
	}
	kind, id, begun := billing.KindSubscription, d.ID, at
	if d.invoice != nil {
		kind, id, begun = billing.KindInvoice, d.invoice.ID, d.invoice.Object.CreatedAt
	}
	if !r.within(at, begun.Add(policy.AttemptsKept)) {
		return
	}
	// The last try is the occasion: until the next one is seen nothing new is asked.
	occasion := "after:" + at.Add(-r.RetryEvery).UTC().Format(time.RFC3339)
	r.actions = append(r.actions, policy.On(d.Account, kind, id, policy.Collect, occasion, nil))
}

// planned is when the next try of ours is due, if there is to be one. Without a
// record of the tries so far nothing can be counted, and nothing is tried.
func (r *review) planned(d debt) (at time.Time, is bool) {
	switch {
	case !r.Retry || !r.known.Accounts[d.Account].Can[policy.Collect]:
		return time.Time{}, false
	case d.class.Final || d.Object.Status != billing.SubscriptionPastDue:
		return time.Time{}, false
	case d.invoice == nil:
		return r.plannedFor(d.Object.Failure)
	case d.invoice.Object.Status != billing.InvoiceOpen || !d.invoice.Object.NextAttempt.IsZero():
		return time.Time{}, false
	case d.payment.Card != nil && d.payment.Card.Country == "IN":
		return time.Time{}, false // each debit needs a notice by the bank a day before
	}
	last, tries := r.made(d)
	if last.At.IsZero() || tries >= r.Tries || int(d.invoice.Object.Attempts) >= r.Tries || r.forbidden(d, last) {
		return time.Time{}, false
	}
	return last.At.Add(r.RetryEvery), true
}

// plannedFor is when the next try of ours is due for what only the subscription tells
// of. There is one for each time that the provider has given up: its own tries are all
// that is counted, and a try of ours that fails does not show in them.
func (r *review) plannedFor(f *billing.Failure) (at time.Time, is bool) {
	if f == nil || f.Owed.Amount <= 0 || !f.NextAttempt.IsZero() || int(f.Tries) >= r.Tries {
		return time.Time{}, false
	}
	return f.At.Add(r.RetryEvery), true
}

// forbidden reports whether a bank or a network has said within 30 days that the card
// or wallet of the last try must not be tried again. The provider's own later tries do
// not take that back; another card is another matter.
func (r *review) forbidden(d debt, last billing.Attempt) bool {
	return slices.ContainsFunc(r.known.Attempts, func(a billing.Attempt) bool {
		same := a.Payer == last.Payer && a.Payer != "" || d.tried(a) && (a.Payer == "" || last.Payer == "")
		return a.Account == d.Account && same && Classify(a.Decline).Final
	})
}

// tried reports whether a try was for the invoice.
func (d debt) tried(a billing.Attempt) bool {
	return a.Account == d.Account && slices.Contains(d.invoice.Object.Payments, a.Payment)
}

// made counts the tries for an invoice, and those with the same card or wallet for
// anything else: networks count by card. Last is the latest for the invoice.
func (r *review) made(d debt) (last billing.Attempt, tries int) {
	payers := map[string]bool{}
	for _, a := range r.known.Attempts {
		if d.tried(a) {
			payers[a.Payer] = true
			if !a.At.Before(last.At) {
				last = a
			}
		}
	}
	delete(payers, "")
	for _, a := range r.known.Attempts {
		if d.tried(a) || a.Account == d.Account && payers[a.Payer] && a.Decline != nil {
			tries++
		}
	}
	return last, tries
}
