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
	if !planned || !r.within(at, d.invoice.Object.CreatedAt.Add(policy.AttemptsKept)) {
		return
	}
	// The last try is the occasion: until the next one is seen nothing new is asked.
	occasion := "after:" + at.Add(-r.RetryEvery).UTC().Format(time.RFC3339)
	r.actions = append(r.actions, policy.On(d.Account, billing.KindInvoice, d.invoice.ID, policy.Collect, occasion, nil))
}

// planned is when the next try of ours is due, if there is to be one. Without a
// record of the tries so far nothing can be counted, and nothing is tried.
func (r *review) planned(d debt) (at time.Time, is bool) {
	switch {
	case !r.Retry || !r.known.Accounts[d.Account].Can[policy.Collect]:
		return time.Time{}, false
	case d.invoice == nil || d.invoice.Object.Status != billing.InvoiceOpen || !d.invoice.Object.NextAttempt.IsZero():
		return time.Time{}, false
	case d.class.Final || d.Object.Status != billing.SubscriptionPastDue:
		return time.Time{}, false
	case d.payment.Card != nil && d.payment.Card.Country == "IN":
		return time.Time{}, false // each debit needs a notice by the bank a day before
	}
	last, tries := r.made(d)
	if last.IsZero() || tries >= r.Tries || int(d.invoice.Object.Attempts) >= r.Tries {
		return time.Time{}, false
	}
	return last.Add(r.RetryEvery), true
}

// made counts the tries for an invoice, and those with the same card or wallet for
// anything else: networks count by card. Last is the latest for the invoice.
func (r *review) made(d debt) (last time.Time, tries int) {
	ours := func(a billing.Attempt) bool {
		return a.Account == d.Account && slices.Contains(d.invoice.Object.Payments, a.Payment)
	}
	payers := map[string]bool{}
	for _, a := range r.known.Attempts {
		if ours(a) {
			payers[a.Payer] = true
			last = later(last, a.At)
		}
	}
	delete(payers, "")
	for _, a := range r.known.Attempts {
		if ours(a) || a.Account == d.Account && payers[a.Payer] && a.Decline != nil {
			tries++
		}
	}
	return last, tries
}
