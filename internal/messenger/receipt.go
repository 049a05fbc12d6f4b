package messenger

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/notify/words"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/provider"
)

// paid fills in what is told of a payment or a refund from the ledger of now: an
// invoice or a refund is often seen a moment after the payment that it belongs to.
func (m *Messenger) paid(about provider.Ref, d *words.Data, known policy.Known) {
	n := &d.Notice
	switch n.Template {
	case "receipt", "refunded", "refund_receipt":
	default:
		return
	}
	payment, found := billing.Find(known.Facts.Payments, about.Account, about.ID)
	if !found {
		return
	}
	invoice := invoiceOf(known.Facts.Invoices, about)
	number := cmp.Or(invoice.Number, about.ID)
	var before int64
	if n.Template == "receipt" {
		n.Reference = number
	} else {
		before = m.refund(about, n, known, payment, number)
	}
	if n.Template == "refunded" {
		return
	}
	d.Receipt = m.receipt(about, *d, known, payment, invoice)
	d.Receipt.Number = number
	if n.Template == "refund_receipt" && n.Amount != nil {
		d.Receipt.Refund = &notify.ReceiptRefund{Number: n.Reference, Date: n.Date, Amount: *n.Amount}
		if before > 0 {
			d.Receipt.Refunded = &billing.Money{Amount: before, Currency: payment.Amount.Currency}
		}
	}
}

// refund puts the number and the day of a refund into what is said about it, and
// returns how much of the payment had gone back before.
func (m *Messenger) refund(about provider.Ref, n *notify.Notice, known policy.Known, payment billing.Payment, receipt string) (before int64) {
	n.Reference = ""
	if n.Amount == nil {
		return 0
	}
	back := cmp.Or(n.Back, payment.Refunded)
	var ids []string
	for _, r := range refunds(known.Refunds, about, n.Amount.Amount, back) {
		ids = append(ids, r.ID)
		n.Date = cmp.Or(r.Object.CreatedAt, n.Date)
	}
	n.Reference = strings.Join(ids, ", ")
	if n.Reference == "" && n.Template == "refund_receipt" {
		n.Reference = fmt.Sprintf("%s-R%d", receipt, back)
	}
	return max(back-n.Amount.Amount, 0)
}

// refunds finds the refunds of a payment that make up an amount, after which so much
// of it had gone back; usually one. None: the provider has no objects for them, or they
// were not seen yet.
func refunds(all []billing.Held[billing.Refund], about provider.Ref, amount, back int64) []billing.Held[billing.Refund] {
	var of, some, equal []billing.Held[billing.Refund]
	for _, r := range all {
		o := r.Object
		if r.Account == about.Account && o.Payment == about.ID && o.Status != billing.RefundFailed && o.Status != billing.RefundCanceled {
			of = append(of, r)
		}
	}
	slices.SortFunc(of, func(a, b billing.Held[billing.Refund]) int {
		return cmp.Or(a.Object.CreatedAt.Compare(b.Object.CreatedAt), strings.Compare(a.ID, b.ID))
	})
	var sum, found int64
	for _, r := range of {
		from := sum
		sum += r.Object.Amount.Amount
		if from >= back-amount && sum <= back {
			some, found = append(some, r), found+r.Object.Amount.Amount
		}
		if r.Object.Amount.Amount == amount {
			equal = append(equal, r)
		}
	}
	switch {
	case found == amount:
		return some
	case len(equal) == 1:
		return equal
	}
	return nil
}

// invoiceOf is the invoice that a payment paid; empty if none is known.
func invoiceOf(all []billing.Held[billing.Invoice], about provider.Ref) billing.Invoice {
	for _, i := range all {
		if i.Account == about.Account && slices.Contains(i.Object.Payments, about.ID) {
			return i.Object
		}
	}
	return billing.Invoice{}
}

// receipt is what a receipt states of a payment.
func (m *Messenger) receipt(about provider.Ref, d words.Data, known policy.Known, payment billing.Payment, invoice billing.Invoice) *notify.Receipt {
	line := notify.Line{Text: cmp.Or(d.Plan, m.Brand.Name), Amount: payment.Amount}
	line.From, line.To = period(about.Account, invoice, known)
	return &notify.Receipt{
		Date: cmp.Or(d.Notice.Date, payment.PaidAt), Paid: payment.PaidAt, Total: payment.Amount, Card: payment.Card, Method: payment.Method,
		Seller: notify.Party{Name: m.Brand.Name, Email: m.Brand.Support, Address: m.Brand.Address, TaxID: m.Brand.TaxID},
		Buyer:  notify.Party{Name: d.Customer.Name, Email: d.Customer.Email},
		Lines:  []notify.Line{line},
	}
}

// period is what an invoice of a subscription is for: the period that runs, if it was
// billed at its begin. What Stripe calls the period of an invoice is the one before.
func period(account string, invoice billing.Invoice, known policy.Known) (from, to time.Time) {
	s, found := billing.Find(known.Facts.Subscriptions, account, invoice.Subscription)
	const near = 12 * time.Hour // the provider bills a little sooner or later
	if !found || s.PeriodEnd.IsZero() || invoice.CreatedAt.Sub(s.PeriodStart).Abs() > near {
		return time.Time{}, time.Time{}
	}
	return s.PeriodStart, s.PeriodEnd
}
