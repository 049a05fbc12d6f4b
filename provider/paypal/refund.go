package paypal

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// refund is PayPal's, in the newer API; the older one's is translated into it.
type refund struct {
	ID            string
	Status        string
	StatusDetails struct{ Reason string } `json:"status_details"`
	Amount        *amount
	InvoiceID     string    `json:"invoice_id"`
	CustomID      string    `json:"custom_id"`
	Note          string    `json:"note_to_payer"`
	CreateTime    time.Time `json:"create_time"`
	UpdateTime    time.Time `json:"update_time"`
	Links         []link

	// payment is the transaction that it is of.
	payment string
}

// oldRefund is the refund of a sale in the older API.
type oldRefund struct {
	ID         string
	State      string
	Amount     *oldAmount
	SaleID     string    `json:"sale_id"`
	CaptureID  string    `json:"capture_id"`
	Invoice    string    `json:"invoice_number"`
	Custom     string    `json:"custom"`
	CreateTime time.Time `json:"create_time"`
	UpdateTime time.Time `json:"update_time"`
}

// translated is the refund in the newer form. There must be an amount.
func (r oldRefund) translated() *refund {
	return &refund{
		ID: r.ID, Status: strings.ToUpper(r.State), Amount: &amount{r.Amount.Currency, cmp.Or(r.Amount.Total, r.Amount.Value)},
		InvoiceID: r.Invoice, CustomID: r.Custom, CreateTime: r.CreateTime, UpdateTime: r.UpdateTime, payment: cmp.Or(r.SaleID, r.CaptureID),
	}
}

// getRefund reads a refund, which the newer API may not know if it is of a sale.
func (d *Driver) getRefund(ctx context.Context, op, id string) (*refund, error) {
	var r refund
	err := d.get(ctx, op, "/v2/payments/refunds/"+id, nil, &r)
	if err == nil && r.ID != id {
		return nil, d.malformed(op, errOther)
	}
	if err == nil {
		r.payment = upward(r.Links)
		return &r, nil
	}
	if provider.KindOf(err) != provider.NotFound {
		return nil, err
	}
	var old oldRefund
	if err := d.get(ctx, op, "/v1/payments/refund/"+id, nil, &old); err != nil {
		return nil, err
	}
	if old.ID != id || old.Amount == nil {
		return nil, d.malformed(op, errOther)
	}
	return old.translated(), nil
}

func (d *Driver) fetchRefund(ctx context.Context, ref provider.Ref) (provider.Snapshot, error) {
	op := "fetch refund " + ref.ID
	r, err := d.getRefund(ctx, op, ref.ID)
	if err != nil {
		return provider.Snapshot{}, err
	}
	snapshot, err := d.refund(r)
	return d.versioned(op, snapshot, r.version(), err)
}

func (d *Driver) refund(r *refund) (provider.Snapshot, error) {
	m, err := r.Amount.money()
	if err != nil {
		return provider.Snapshot{}, fmt.Errorf("refund %s: %w", r.ID, err)
	}
	if !isName(r.payment) {
		return provider.Snapshot{}, fmt.Errorf("refund %s does not say of which payment it is", r.ID)
	}
	object := billing.Refund{
		Status: billing.RefundPending, Amount: positive(m), Failure: r.StatusDetails.Reason, CreatedAt: r.CreateTime.UTC(),
	}
	switch r.Status {
	case "COMPLETED":
		object.Status = billing.RefundSucceeded
	case "FAILED":
		object.Status = billing.RefundFailed
	case "CANCELLED":
		object.Status = billing.RefundCanceled
	}
	return d.refunded(d.ref(billing.KindRefund, r.ID), r.payment, object), nil
}

// refunded is the snapshot of a refund of a payment.
func (d *Driver) refunded(ref provider.Ref, payment string, object billing.Refund) provider.Snapshot {
	object.Payment = payment
	return provider.Snapshot{Ref: ref, Object: object, Related: []provider.Ref{d.ref(billing.KindPayment, payment)}}
}

// counts reports whether a refund's money is gone or going.
func (r refund) counts() bool { return r.Status == "COMPLETED" || r.Status == "PENDING" }

// sumOf adds up what went back of a payment.
func sumOf(refunds []refund, of billing.Money) (sum int64, err error) {
	for _, r := range refunds {
		m, err := r.Amount.money()
		if err != nil {
			return 0, err
		}
		if r.counts() && m.Currency == of.Currency {
			sum += positive(m).Amount
		}
	}
	return min(sum, of.Amount), nil
}

// ofPayment picks the refunds of one payment out of those of an order.
func ofPayment(all []refund, payment string) (some []refund) {
	for _, r := range all {
		if r.payment = upward(r.Links); r.payment == payment || r.payment == "" {
			some = append(some, r)
		}
	}
	return some
}

// refundsOfSale finds the refunds of a sale, which PayPal does not list: in the
// books from the sale's time on, which are up to three hours behind, and for these
// hours in the list of events. Only a sale that is refunded in part needs this, and a
// capture whose order PayPal does not show.
func (d *Driver) refundsOfSale(ctx context.Context, op, id string, since time.Time) ([]refund, error) {
	seen := map[string]bool{}
	var ids []string
	found := func(refund string) {
		if isName(refund) && !seen[refund] {
			seen[refund] = true
			ids = append(ids, refund)
		}
	}
	events := d.now().Add(-searchLag - time.Hour)
	end := min(since.Add(refundable).Unix(), d.now().Unix())
	for from := since; from.Unix() <= end; from = from.Add(searchWindow) {
		begin := from
		if begin.After(events) { // where the books may not have come to, no search may begin
			begin = events
		}
		rows, err := d.search(ctx, op, begin, from.Add(searchWindow), refundRows())
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if row.Info.Reference == id {
				found(row.Info.ID)
			}
		}
	}
	for _, name := range []string{"PAYMENT.SALE.REFUNDED", "PAYMENT.CAPTURE.REFUNDED"} {
		recent, _, err := d.listEvents(ctx, url.Values{
			"event_type": {name}, "start_time": {stampOf(events)}, "end_time": {stampOf(d.now().Add(time.Minute))},
		}, mostEventPages)
		if err != nil {
			return nil, err
		}
		for _, delivery := range recent {
			if len(delivery.Refs) == 2 && delivery.Refs[1].ID == id {
				found(delivery.Refs[0].ID)
			}
		}
	}
	return d.theRefunds(ctx, op, ids)
}

// theRefunds reads refunds one by one.
func (d *Driver) theRefunds(ctx context.Context, op string, ids []string) ([]refund, error) {
	var all []refund
	for _, id := range ids {
		r, err := d.getRefund(ctx, op, id)
		if err != nil {
			return nil, err
		}
		all = append(all, *r)
	}
	return all, nil
}
