package lemonsqueezy

import (
	"context"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// chargedWithin is how long after an invoice was made the first attempt to collect
// it has surely been made: one that is pending still was declined.
const chargedWithin = time.Hour

type invoice struct {
	common
	SubscriptionID number     `json:"subscription_id"`
	CustomerID     number     `json:"customer_id"`
	Reason         string     `json:"billing_reason"`
	CardBrand      string     `json:"card_brand"`
	CardLastFour   string     `json:"card_last_four"`
	Currency       string     `json:"currency"`
	Status         string     `json:"status"`
	Total          int64      `json:"total"`
	Refunded       int64      `json:"refunded_amount"`
	CreatedAt      *time.Time `json:"created_at"`
}

// paid reports whether an invoice's money came, whatever went back since.
func (a invoice) paid() bool {
	return a.Status == "paid" || a.Status == "refunded" || a.Status == "partial_refund" || a.Status == "partial_refunded"
}

// invoice reads an invoice of a subscription, and beside it the payment that it
// also is.
func (d *Driver) invoice(_ context.Context, op string, r resource, _ document) (provider.Snapshot, error) {
	var a invoice
	if err := d.read(op, r, &a, &a.common); err != nil {
		return provider.Snapshot{}, err
	}
	payment := d.invoicePayment(r.ID, a)
	object := billing.Invoice{
		Status: billing.InvoiceDraft, Reason: a.Reason, Subscription: string(a.SubscriptionID), Payments: []string{payment.Ref.ID},
		Due: money(a.Total, a.Currency), CreatedAt: utc(a.CreatedAt),
	}
	switch {
	case a.paid():
		object.Status, object.Paid, object.PaidAt = billing.InvoicePaid, a.Total, object.CreatedAt
	case a.Status == "void":
		object.Status = billing.InvoiceVoid
	case a.Status == statusPending:
		object.Status = billing.InvoiceOpen
		if tried := object.CreatedAt.Add(chargedWithin); d.now().Before(tried) {
			object.NextAttempt = tried // until then it may be under way
		} else {
			object.Attempts = 1 // at least; the count is not told
		}
	}
	main := provider.Snapshot{
		Ref: d.ref(billing.KindInvoice, r.ID), Owner: string(a.CustomerID), Object: object, Beside: []provider.Snapshot{payment},
	}
	if a.SubscriptionID != "" {
		main.Related = []provider.Ref{d.ref(billing.KindSubscription, string(a.SubscriptionID))}
	}
	return main, nil
}

// invoicePayment is an invoice as the payment of its money.
func (d *Driver) invoicePayment(id string, a invoice) provider.Snapshot {
	object := billing.Payment{
		Status: billing.PaymentPending, ProviderStatus: a.Status, Amount: money(a.Total, a.Currency),
		Refunded: back(a.Refunded, a.Total, a.Status), CreatedAt: utc(a.CreatedAt),
	}
	if a.CardLastFour != "" {
		object.Method, object.Card = "card", &billing.Card{Brand: strings.ToLower(a.CardBrand), Last4: a.CardLastFour}
	}
	switch {
	case a.paid():
		object.Status, object.PaidAt = billing.PaymentSucceeded, object.CreatedAt
	case a.Status == "void":
		object.Status = billing.PaymentCanceled
	}
	return provider.Snapshot{
		Ref: d.ref(billing.KindPayment, invoicePrefix+id), Owner: string(a.CustomerID), Object: object,
		Parent: d.ref(billing.KindInvoice, id),
	}
}
