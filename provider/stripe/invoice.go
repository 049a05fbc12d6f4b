package stripe

import (
	"context"
	"time"

	sdk "github.com/stripe/stripe-go/v85"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

func (d *Driver) invoices() looker {
	return reader[invoice]{
		retrieve: func(ctx context.Context, id string) error {
			_, err := d.api.V1Invoices.Retrieve(ctx, id, &sdk.InvoiceRetrieveParams{Expand: expand("payments")})
			return err
		},
		list: func(ctx context.Context, query provider.Query) error {
			return d.api.V1Invoices.List(ctx, &sdk.InvoiceListParams{
				ListParams: listParams(query), Expand: expand("data.payments"), Customer: owned(query),
			}).Err()
		},
		id:       func(i invoice) string { return i.ID },
		snapshot: d.invoice,
	}
}

func (d *Driver) invoice(ctx context.Context, i invoice) (provider.Snapshot, error) {
	ref := d.ref(billing.KindInvoice, i.ID)
	if i.Deleted {
		return provider.Snapshot{Ref: ref, Gone: true}, nil
	}
	due, err := money(i.AmountDue, i.Currency)
	if err != nil {
		return provider.Snapshot{}, err
	}
	paid, err := money(i.AmountPaid, i.Currency)
	if err != nil {
		return provider.Snapshot{}, err
	}
	payments, err := d.invoicePayments(ctx, &i)
	if err != nil {
		return provider.Snapshot{}, err
	}
	object := billing.Invoice{
		Status: invoiceStatus(i.Status), Number: i.Number, Reason: i.BillingReason,
		Payments: payments, Due: due, Paid: paid.Amount,
		Attempts: i.AttemptCount, NextAttempt: moment(i.NextPaymentAttempt),
		PeriodStart: moment(i.PeriodStart), PeriodEnd: moment(i.PeriodEnd), CreatedAt: moment(i.Created),
	}
	if i.StatusTransitions != nil {
		object.PaidAt = moment(i.StatusTransitions.PaidAt)
	}
	snapshot := provider.Snapshot{Ref: ref, Owner: i.Customer.idOf(), Claims: claims(i.Metadata)}
	if parent := i.Parent; parent != nil && parent.SubscriptionDetails != nil {
		snapshot.Claims = claims(i.Metadata, parent.SubscriptionDetails.Metadata)
		if s := parent.SubscriptionDetails.Subscription; s != nil {
			object.Subscription = s.ID
			snapshot.Related = append(snapshot.Related, d.ref(billing.KindSubscription, s.ID))
		}
	}
	for _, payment := range payments {
		snapshot.Related = append(snapshot.Related, d.ref(billing.KindPayment, payment))
	}
	snapshot.Object = object
	return snapshot, nil
}

func invoiceStatus(status sdk.InvoiceStatus) billing.InvoiceStatus {
	switch status {
	case sdk.InvoiceStatusOpen:
		return billing.InvoiceOpen
	case sdk.InvoiceStatusPaid:
		return billing.InvoicePaid
	case sdk.InvoiceStatusVoid:
		return billing.InvoiceVoid
	case sdk.InvoiceStatusUncollectible:
		return billing.InvoiceUncollectible
	}
	return billing.InvoiceDraft
}

// invoicePayments lists the payments made or tried for an invoice. Money that
// was received outside Stripe has no id there and is left out.
func (d *Driver) invoicePayments(ctx context.Context, i *invoice) ([]string, error) {
	if i.Payments == nil {
		return nil, nil
	}
	payments := i.Payments.Data
	if i.Payments.HasMore {
		var err error
		payments, err = whole(ctx, d, "list the payments of invoice "+i.ID, func(p invoicePayment) string { return p.ID }, func(ctx context.Context, after *string) error {
			return d.api.V1InvoicePayments.List(ctx, &sdk.InvoicePaymentListParams{ListParams: wholeParams(after), Invoice: sdk.String(i.ID)}).Err()
		})
		if err != nil {
			return nil, err
		}
	}
	var ids []string
	for _, payment := range payments {
		switch p := payment.Payment; {
		case p == nil:
		case p.PaymentIntent != nil:
			ids = append(ids, p.PaymentIntent.ID)
		case p.Charge != nil:
			ids = append(ids, p.Charge.ID)
		}
	}
	return ids, nil
}

// dueSince is when the charge of an invoice was first due: its due date, if it
// was sent to be paid, else when it was made.
func dueSince(invoice *invoice) time.Time {
	if invoice.DueDate != 0 {
		return moment(invoice.DueDate)
	}
	return moment(invoice.Created)
}
