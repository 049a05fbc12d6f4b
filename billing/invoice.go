package billing

import "time"

// InvoiceStatus is the state of an invoice.
type InvoiceStatus string

// The states of an invoice. [InvoiceMachine] says how each is left.
const (
	InvoiceDraft         InvoiceStatus = "draft"
	InvoiceOpen          InvoiceStatus = "open"
	InvoicePaid          InvoiceStatus = "paid"
	InvoiceVoid          InvoiceStatus = "void"
	InvoiceUncollectible InvoiceStatus = "uncollectible"
)

// Invoice is a demand for money, usually for one period of a subscription. It
// ties payments to subscriptions.
type Invoice struct {
	Status InvoiceStatus `json:"status"`
	Number string        `json:"number,omitempty"`
	// Reason is the provider's word for why it was made, such as
	// "subscription_cycle".
	Reason string `json:"reason,omitempty"`
	// Subscription is the provider's id; empty for an invoice of none.
	Subscription string `json:"subscription,omitempty"`
	// Payments are the provider's ids of the payments made or tried for it.
	Payments []string `json:"payments,omitempty"`
	// Due is the whole demand, whatever has been paid of it.
	Due Money `json:"due"`
	// Paid counts minor units of the same currency.
	Paid int64 `json:"paid,omitempty"`
	// Attempts counts the provider's own tries to collect.
	Attempts int64 `json:"attempts,omitempty"`
	// NextAttempt is when the provider tries again; zero: it does not.
	NextAttempt time.Time `json:"next_attempt,omitzero"`
	PeriodStart time.Time `json:"period_start,omitzero"`
	PeriodEnd   time.Time `json:"period_end,omitzero"`
	CreatedAt   time.Time `json:"created_at,omitzero"`
	PaidAt      time.Time `json:"paid_at,omitzero"`
}

// Owed reports whether the provider has tried to collect the money, failed, and
// has not let the payer off.
func (i Invoice) Owed() bool {
	return i.Attempts > 0 && (i.Status == InvoiceOpen || i.Status == InvoiceUncollectible)
}

// Kind implements [Object].
func (Invoice) Kind() Kind { return KindInvoice }

// State implements [Object].
func (i Invoice) State() string { return string(i.Status) }

// Revisit implements [Object]: the provider's next try to collect, or two hours
// after a draft was made (Stripe finalizes after about one).
func (i Invoice) Revisit() time.Time {
	switch {
	case i.Status == InvoiceDraft && !i.CreatedAt.IsZero():
		return i.CreatedAt.Add(2 * time.Hour)
	case i.Status == InvoiceOpen:
		return i.NextAttempt
	}
	return time.Time{}
}

func (i Invoice) changesFrom(before Object) []ChangeKind {
	was, _ := before.(Invoice)
	var named []ChangeKind
	if i.Status != was.Status {
		switch i.Status {
		case InvoicePaid:
			named = append(named, InvoiceSettled)
		case InvoiceVoid:
			named = append(named, InvoiceVoided)
		case InvoiceUncollectible:
			named = append(named, InvoiceWrittenOff)
		case InvoiceDraft, InvoiceOpen:
		}
	}
	if i.Status == InvoiceOpen && i.Attempts > was.Attempts {
		named = append(named, CollectionFailed)
	}
	return changesOf(before, named)
}
