package lemonsqueezy

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// orderItem is one thing that an order bought. Our price is the variant: its
// number stays when what it costs is changed, and its name decides nothing.
type orderItem struct {
	OrderID   number `json:"order_id"`
	VariantID number `json:"variant_id"`
	PriceID   number `json:"price_id"`
	Quantity  int64  `json:"quantity"`
}

type order struct {
	common
	CustomerID number     `json:"customer_id"`
	Identifier string     `json:"identifier"`
	Currency   string     `json:"currency"`
	Total      int64      `json:"total"`
	Refunded   int64      `json:"refunded_amount"`
	Status     string     `json:"status"`
	FirstItem  *orderItem `json:"first_order_item"`
	CreatedAt  *time.Time `json:"created_at"`
}

// back is how much went back. An order from before refunded_amount says only that
// all of it did.
func back(refunded, total int64, status string) int64 {
	if status == "refunded" && refunded == 0 {
		return total
	}
	return refunded
}

// order reads an order: a checkout that somebody went through, and beside it the
// payment for a one-time purchase, and fraud.
//
// If subscriptions came of the order, the money is their invoices', and the order
// is no payment. It may have looked like one before the subscription was there; to
// say that it is gone mends that.
func (d *Driver) order(ctx context.Context, op string, r resource, with document) (provider.Snapshot, error) {
	var a order
	if err := d.read(op, r, &a, &a.common); err != nil {
		return provider.Snapshot{}, err
	}
	id := number(r.ID)
	items := itemsOf(id, a, with)
	subscriptions, err := d.subscriptionsOf(ctx, op, id, with)
	if err != nil {
		return provider.Snapshot{}, err
	}
	object := billing.Checkout{
		Status: billing.CheckoutComplete, PaymentStatus: orderPaid(a), Mode: "payment", Items: items,
		Total: money(a.Total, a.Currency), CreatedAt: utc(a.CreatedAt),
	}
	main := provider.Snapshot{Ref: d.orderRef(billing.KindCheckout, id), Owner: string(a.CustomerID)}
	if a.CustomerID != "" {
		main.Related = append(main.Related, d.ref(billing.KindCustomer, string(a.CustomerID)))
	}
	payment := d.purchase(id, a, items)
	if len(subscriptions) > 0 {
		object.Mode, object.Subscription = "subscription", subscriptions[0]
		for _, s := range subscriptions {
			main.Related = append(main.Related, d.ref(billing.KindSubscription, s))
		}
		payment = provider.Snapshot{Ref: payment.Ref, Gone: true}
	} else {
		object.Payment = payment.Ref.ID
	}
	main.Object, main.Beside = object, []provider.Snapshot{payment}
	if a.Status == "fraudulent" {
		dispute, err := d.fraud(ctx, op, id, a, subscriptions)
		if err != nil {
			return provider.Snapshot{}, err
		}
		main.Beside = append(main.Beside, dispute)
	}
	return main, nil
}

func orderPaid(a order) string {
	switch a.Status {
	case "paid", "refunded", "partial_refund", "partial_refunded", "fraudulent":
		if a.Total == 0 {
			return billing.CheckoutNoPayment
		}
		return billing.CheckoutPaid
	}
	return billing.CheckoutUnpaid
}

// itemsOf lists what an order bought; without the list of its items, the first.
func itemsOf(id number, a order, with document) (items []billing.Item) {
	var all []orderItem
	if with.kin != nil {
		all = with.kin.items[id]
	}
	if len(all) == 0 && a.FirstItem != nil {
		all = []orderItem{*a.FirstItem}
	}
	for _, i := range all {
		if i.VariantID != "" {
			items = append(items, billing.Item{Price: string(i.VariantID), Quantity: max(1, i.Quantity)})
		}
	}
	return items
}

// subscriptionsOf names the subscriptions that came of an order. Whether there are
// any decides whether the order is money of its own, so it is asked for where it
// did not come with the order.
func (d *Driver) subscriptionsOf(ctx context.Context, op string, id number, with document) (ids []string, err error) {
	if with.kin != nil {
		return with.kin.subscriptions[id], nil
	}
	rows, err := d.all(ctx, op, typeSubscription, url.Values{"filter[order_id]": {string(id)}})
	if err != nil {
		return nil, err
	}
	return kinOf(append([]resource{}, rows...)).subscriptions[id], nil
}

// purchase is the payment for a one-time purchase.
func (d *Driver) purchase(id number, a order, items []billing.Item) provider.Snapshot {
	object := billing.Payment{
		Status: billing.PaymentPending, ProviderStatus: a.Status, Amount: money(a.Total, a.Currency),
		Refunded: back(a.Refunded, a.Total, a.Status), Items: items, CreatedAt: utc(a.CreatedAt),
	}
	switch a.Status {
	case "paid", "refunded", "partial_refund", "partial_refunded", "fraudulent":
		object.Status, object.PaidAt = billing.PaymentSucceeded, object.CreatedAt
	case "failed":
		object.Status = billing.PaymentFailed
	}
	return provider.Snapshot{
		Ref: d.orderRef(billing.KindPayment, id), Owner: string(a.CustomerID), Object: object,
		Parent: d.orderRef(billing.KindCheckout, id),
	}
}

// fraud is a fraudulent order as what it comes to: the provider has called the
// purchase off and the money is gone, as after a dispute that was lost. Access ends
// whatever the rules for refunds are. Of a subscription it is the first invoice's
// money.
func (d *Driver) fraud(ctx context.Context, op string, id number, a order, subscriptions []string) (provider.Snapshot, error) {
	payment := orderPrefix + string(id)
	if len(subscriptions) > 0 {
		first, err := d.firstInvoice(ctx, op, subscriptions[0])
		if err != nil {
			return provider.Snapshot{}, err
		}
		payment = invoicePrefix + first
	}
	return provider.Snapshot{
		Ref: d.orderRef(billing.KindDispute, id), Owner: string(a.CustomerID),
		Object: billing.Dispute{
			Status: billing.DisputeLost, ProviderStatus: a.Status, Amount: money(a.Total, a.Currency), Payment: payment,
			Reason: "fraudulent", CreatedAt: utc(a.CreatedAt),
		},
	}, nil
}

// firstInvoice names the invoice that a subscription began with.
func (d *Driver) firstInvoice(ctx context.Context, op, subscription string) (string, error) {
	rows, err := d.all(ctx, op, typeInvoice, url.Values{"filter[subscription_id]": {subscription}})
	if err != nil {
		return "", err
	}
	first := ""
	for _, r := range rows { // newest first
		var a struct {
			Reason string `json:"billing_reason"`
		}
		if !isNumber(r.ID) || json.Unmarshal(r.Attributes, &a) != nil {
			continue
		}
		first = r.ID
		if a.Reason == "initial" {
			break
		}
	}
	if first == "" {
		return "", d.malformed(op, errors.New("the subscription of a fraudulent order has no invoice"))
	}
	return first, nil
}
