package paypal

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// sale is a payment for a subscription, in the older API, which alone says for
// which.
type sale struct {
	ID         string
	State      string
	Amount     *oldAmount
	Fee        *oldAmount `json:"transaction_fee"`
	Custom     string
	Agreement  string    `json:"billing_agreement_id"`
	CreateTime time.Time `json:"create_time"`
	UpdateTime time.Time `json:"update_time"`
}

// capture is a payment for an order.
type capture struct {
	ID            string
	Status        string
	StatusDetails struct{ Reason string } `json:"status_details"`
	Amount        *amount
	CustomID      string    `json:"custom_id"`
	CreateTime    time.Time `json:"create_time"`
	UpdateTime    time.Time `json:"update_time"`
	Breakdown     struct {
		Fee *amount `json:"paypal_fee"`
	} `json:"seller_receivable_breakdown"`
	Related struct {
		IDs struct {
			Order string `json:"order_id"`
		} `json:"related_ids"`
	} `json:"supplementary_data"`
	Links []link
}

// partlyRefunded is the state of a payment of which some went back.
const partlyRefunded = "PARTIALLY_REFUNDED"

// took reports whether money came in, whatever became of it since.
func (c capture) took() bool {
	return c.Status == "COMPLETED" || c.Status == partlyRefunded || c.Status == "REFUNDED"
}

// fetchPayment reads a payment by the id of its transaction: as the sale of a
// subscription, or if there is none, as the capture of an order.
func (d *Driver) fetchPayment(ctx context.Context, ref provider.Ref) (provider.Snapshot, error) {
	snapshot, err := d.fetchSold(ctx, ref)
	if err == nil || provider.KindOf(err) != provider.NotFound {
		return snapshot, err
	}
	return d.fetchCaptured(ctx, ref)
}

// fetchSold reads the payment for a subscription, and beside it the invoice that it
// is.
func (d *Driver) fetchSold(ctx context.Context, ref provider.Ref) (provider.Snapshot, error) {
	op := "fetch payment " + ref.ID
	s, err := d.getSale(ctx, op, ref.ID)
	if err != nil {
		return provider.Snapshot{}, err
	}
	snapshot, err := d.sale(ctx, op, s)
	return d.versioned(op, snapshot, s.version(), err)
}

// fetchCaptured reads the payment for an order.
func (d *Driver) fetchCaptured(ctx context.Context, ref provider.Ref) (provider.Snapshot, error) {
	op := "fetch payment " + ref.ID
	c, err := d.getCapture(ctx, op, ref.ID)
	if err != nil {
		return provider.Snapshot{}, err
	}
	snapshot, err := d.capture(ctx, op, c)
	return d.versioned(op, snapshot, c.version(), err)
}

func (d *Driver) getSale(ctx context.Context, op, id string) (*sale, error) {
	var s sale
	if err := d.get(ctx, op, "/v1/payments/sale/"+id, nil, &s); err != nil {
		return nil, err
	}
	if s.ID != id {
		return nil, d.malformed(op, errOther)
	}
	return &s, nil
}

func (d *Driver) getCapture(ctx context.Context, op, id string) (*capture, error) {
	var c capture
	if err := d.get(ctx, op, "/v2/payments/captures/"+id, nil, &c); err != nil {
		return nil, err
	}
	if c.ID != id {
		return nil, d.malformed(op, errOther)
	}
	return &c, nil
}

// paid is a payment as all of PayPal's accounts of it agree on.
func paid(status string, total billing.Money, fee *billing.Money, created time.Time) billing.Payment {
	p := billing.Payment{
		Status: paymentStatus(status), ProviderStatus: status, Amount: total, Fee: fee, Method: "paypal", CreatedAt: created.UTC(),
	}
	if p.Status == billing.PaymentSucceeded {
		p.PaidAt = p.CreatedAt
	}
	switch status {
	case "REFUNDED", "REVERSED":
		p.Refunded = total.Amount
	case "DECLINED", "DENIED", "FAILED":
		p.Decline = &billing.Decline{Code: status}
	}
	return p
}

// paymentStatus translates the state of a transaction. What was refunded has
// succeeded.
func paymentStatus(status string) billing.PaymentStatus {
	switch status {
	case "COMPLETED", partlyRefunded, "REFUNDED", "REVERSED":
		return billing.PaymentSucceeded
	case "DECLINED", "DENIED", "FAILED":
		return billing.PaymentFailed
	}
	return billing.PaymentPending
}

// sale translates a payment for a subscription.
func (d *Driver) sale(ctx context.Context, op string, s *sale) (provider.Snapshot, error) {
	total, err := s.Amount.money()
	if err != nil {
		return provider.Snapshot{}, fmt.Errorf("sale %s: %w", s.ID, err)
	}
	p := paid(strings.ToUpper(s.State), total, asFee(s.Fee.money()), s.CreateTime)
	if p.ProviderStatus == partlyRefunded {
		refunds, err := d.refundsOfSale(ctx, op, s.ID, s.CreateTime)
		if err != nil {
			return provider.Snapshot{}, err
		}
		if p.Refunded, err = sumOf(refunds, total); err != nil {
			return provider.Snapshot{}, fmt.Errorf("sale %s: %w", s.ID, err)
		}
	}
	snapshot := provider.Snapshot{Ref: d.ref(billing.KindPayment, s.ID), Object: p, Claims: claims(s.Custom, ""), Attempts: attempt(s.ID, p, "")}
	if s.Agreement != "" {
		snapshot.Beside = []provider.Snapshot{d.invoice(s.ID, s.Agreement, p.ProviderStatus, total, s.CreateTime)}
	}
	return snapshot, nil
}

// capture translates a payment for an order. What was bought, and how much went
// back, only the order tells.
func (d *Driver) capture(ctx context.Context, op string, c *capture) (provider.Snapshot, error) {
	total, err := c.Amount.money()
	if err != nil {
		return provider.Snapshot{}, fmt.Errorf("capture %s: %w", c.ID, err)
	}
	p := paid(c.Status, total, asFee(c.Breakdown.Fee.money()), c.CreateTime)
	snapshot := provider.Snapshot{Ref: d.ref(billing.KindPayment, c.ID), Claims: claims(c.CustomID, "")}
	id, payer := cmp.Or(c.Related.IDs.Order, upward(c.Links)), ""
	if isName(id) {
		b, err := d.boughtWith(ctx, op, c, id)
		if err != nil {
			return provider.Snapshot{}, err
		}
		payer = b.payer
		p.Items = itemsOf(b.lines, total)
		if p.ProviderStatus == partlyRefunded {
			if p.Refunded, err = sumOf(b.refunds, total); err != nil {
				return provider.Snapshot{}, fmt.Errorf("capture %s: %w", c.ID, err)
			}
		}
	} else if p.ProviderStatus == partlyRefunded {
		return provider.Snapshot{}, fmt.Errorf("capture %s does not say of which order it is", c.ID)
	}
	snapshot.Object, snapshot.Attempts = p, attempt(c.ID, p, payer)
	return snapshot, nil
}

// bought is what the order of a capture tells of it.
type bought struct {
	payer   string
	lines   []line
	refunds []refund
}

// boughtWith reads the order of a capture. If PayPal does not show it, the books know
// the same: it is then not the payment that is missing, and what was bought must not be
// taken for nothing.
func (d *Driver) boughtWith(ctx context.Context, op string, c *capture, id string) (b bought, err error) {
	o, err := d.getOrder(ctx, op, id)
	if err == nil {
		unit := unitOf(o, c.ID)
		if len(o.Units) == 1 {
			b.lines = unit.lines()
		}
		b.payer, b.refunds = o.Payer.PayerID, ofPayment(unit.Payments.Refunds, c.ID)
		return b, nil
	}
	if provider.KindOf(err) != provider.NotFound {
		return b, err
	}
	row, err := d.rowOf(ctx, op, c.ID, c.CreateTime)
	if err != nil {
		return b, err
	}
	if row == nil || len(row.lines()) == 0 && strings.HasPrefix(c.CustomID, tokenPrefix) {
		return b, d.malformed(op, fmt.Errorf("what was bought is not to be had: PayPal does not show order %s of this payment, and its books, which are three hours behind, do not tell", id))
	}
	b.payer, b.lines = row.Info.Payer, row.lines()
	if c.Status == partlyRefunded {
		b.refunds, err = d.refundsOfSale(ctx, op, c.ID, c.CreateTime)
	}
	return b, err
}

// attempt is a payment as the one try that it was: PayPal makes a transaction of
// each, and of a charge that failed usually none at all. Of a sale the payer is not
// told here, but in the books, from which a sweep fills it in.
func attempt(id string, p billing.Payment, payer string) []billing.Attempt {
	if p.Status != billing.PaymentSucceeded && p.Status != billing.PaymentFailed {
		return nil
	}
	if !isName(payer) {
		payer = ""
	}
	return []billing.Attempt{{ID: id, Payment: id, At: p.CreatedAt, Decline: p.Decline, Method: p.Method, Payer: payer}}
}

// unitOf is the purchase unit that a capture belongs to.
func unitOf(o *order, id string) purchaseUnit {
	for _, u := range o.Units {
		for _, c := range u.Payments.Captures {
			if c.ID == id {
				return u
			}
		}
	}
	return purchaseUnit{}
}

// fetchInvoice reads the sale of a subscription as the invoice that it paid.
func (d *Driver) fetchInvoice(ctx context.Context, ref provider.Ref) (provider.Snapshot, error) {
	op := "fetch invoice " + ref.ID
	s, err := d.getSale(ctx, op, ref.ID)
	if err != nil {
		return provider.Snapshot{}, err
	}
	total, err := s.Amount.money()
	if err != nil {
		return provider.Snapshot{}, d.malformed(op, err)
	}
	return d.invoice(s.ID, s.Agreement, strings.ToUpper(s.State), total, s.CreateTime), nil
}

// invoice derives the invoice of a sale. A charge that failed has no sale, and so
// no invoice: that it is owed, the subscription says.
func (d *Driver) invoice(id, subscription, status string, total billing.Money, created time.Time) provider.Snapshot {
	i := billing.Invoice{
		Status: billing.InvoiceOpen, Reason: "sale", Subscription: subscription, Payments: []string{id}, Due: total, CreatedAt: created.UTC(),
	}
	switch paymentStatus(status) {
	case billing.PaymentSucceeded:
		i.Status, i.Paid, i.PaidAt = billing.InvoicePaid, total.Amount, i.CreatedAt
	case billing.PaymentFailed:
		i.Status = billing.InvoiceVoid
	default: // an eCheck on its way
	}
	return provider.Snapshot{Ref: d.ref(billing.KindInvoice, id), Object: i}
}
