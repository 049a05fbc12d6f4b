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

// statusCanceled is the word for a subscription that runs to its end and no longer.
const statusCanceled = "cancelled"

// statusPastDue is that of a subscription that owes a renewal, statusPending that of
// the invoice for it.
const (
	statusPastDue = "past_due"
	statusPending = "pending"
)

type subscription struct {
	common
	CustomerID  number     `json:"customer_id"`
	OrderID     number     `json:"order_id"`
	VariantID   number     `json:"variant_id"`
	Status      string     `json:"status"`
	TrialEndsAt *time.Time `json:"trial_ends_at"`
	Anchor      int        `json:"billing_anchor"`
	RenewsAt    *time.Time `json:"renews_at"`
	EndsAt      *time.Time `json:"ends_at"`
	CreatedAt   *time.Time `json:"created_at"`
	Pause       *struct {
		Mode      string     `json:"mode"`
		ResumesAt *time.Time `json:"resumes_at"`
	} `json:"pause"`
	FirstItem *struct {
		PriceID  number `json:"price_id"`
		Quantity int64  `json:"quantity"`
	} `json:"first_subscription_item"`
	URLs struct {
		UpdatePaymentMethod string `json:"update_payment_method"`
		CustomerPortal      string `json:"customer_portal"`
	} `json:"urls"`
}

// subscription reads a subscription. What it costs is in its price, the currency in
// its store.
func (d *Driver) subscription(ctx context.Context, op string, r resource, with document) (provider.Snapshot, error) {
	var a subscription
	if err := d.read(op, r, &a, &a.common); err != nil {
		return provider.Snapshot{}, err
	}
	object := d.termsOf(a)
	if err := d.addPrice(ctx, op, a, with, &object); err != nil {
		return provider.Snapshot{}, err
	}
	if err := d.addPeriod(ctx, op, r.ID, a, with, &object); err != nil {
		return provider.Snapshot{}, err
	}
	snapshot := provider.Snapshot{Ref: d.ref(billing.KindSubscription, r.ID), Owner: string(a.CustomerID), Object: object}
	if a.OrderID != "" {
		snapshot.Parent = d.orderRef(billing.KindCheckout, a.OrderID)
	}
	return snapshot, nil
}

// termsOf translates status and dates. What was canceled is as good as any other
// until its end, and over afterwards, though the provider's word changes later.
func (d *Driver) termsOf(a subscription) billing.Subscription {
	object := billing.Subscription{
		Status: billing.SubscriptionPending, ProviderStatus: a.Status, StartedAt: utc(a.CreatedAt), PeriodEnd: utc(a.RenewsAt),
	}
	switch a.Status {
	case "on_trial":
		object.Status, object.TrialEnd = billing.SubscriptionTrialing, utc(a.TrialEndsAt)
	case "active":
		object.Status = billing.SubscriptionActive
	case "paused", "pause":
		object.Status, object.Pause = billing.SubscriptionPaused, &billing.Pause{}
		if a.Pause != nil {
			object.Pause.Mode, object.Pause.Until = a.Pause.Mode, utc(a.Pause.ResumesAt)
		}
	case statusPastDue:
		object.Status = billing.SubscriptionPastDue
	case "unpaid":
		object.Status = billing.SubscriptionUnpaid
	case statusCanceled:
		end := utc(a.EndsAt)
		if end.IsZero() {
			end = object.PeriodEnd
		}
		object.Status, object.CancelAt, object.PeriodEnd = billing.SubscriptionActive, end, end
		if !d.now().Before(end) {
			object.Status, object.EndedAt = billing.SubscriptionEnded, end
		}
	case "expired":
		object.Status, object.EndedAt, object.PeriodEnd = billing.SubscriptionEnded, utc(a.EndsAt), utc(a.EndsAt)
	}
	return object
}

// addPrice fills in what one interval costs. During a trial there is no item yet;
// the order knows what was agreed.
func (d *Driver) addPrice(ctx context.Context, op string, a subscription, with document, into *billing.Subscription) error {
	price, quantity := number(""), int64(1)
	if a.FirstItem != nil {
		price, quantity = a.FirstItem.PriceID, a.FirstItem.Quantity
	} else if with.kin != nil {
		agreed := with.kin.first[a.OrderID]
		price, quantity = agreed.PriceID, agreed.Quantity
	}
	into.Price, into.Quantity = string(a.VariantID), max(1, quantity)
	into.Items = []billing.Item{{Price: into.Price, Quantity: into.Quantity}}
	if price == "" || a.StoreID == "" {
		return nil // the plan is told by the variant; only the amount is not known
	}
	currency, err := d.currencyOf(ctx, op, string(a.StoreID))
	if untold(err) {
		return nil
	}
	if err != nil {
		return err
	}
	p, err := d.priceOf(ctx, op, string(price))
	if untold(err) {
		return nil
	}
	if err != nil {
		return err
	}
	into.Amount = money(0, currency)
	into.Amount.Amount, into.Interval = p.amount*into.Quantity, p.interval
	return nil
}

// addPeriod fills in when the period began, which the provider does not tell. While
// a renewal is owed, renews_at is the next attempt to collect it, and the period
// began with the invoice that is not paid.
func (d *Driver) addPeriod(ctx context.Context, op, id string, a subscription, with document, into *billing.Subscription) error {
	switch into.Status {
	case billing.SubscriptionTrialing:
		into.PeriodStart = into.StartedAt
	case billing.SubscriptionActive, billing.SubscriptionPaused:
		into.PeriodStart = startOf(into.PeriodEnd, into.Interval, a.Anchor, into.StartedAt)
	case billing.SubscriptionPastDue:
		invoices := with.owed[number(id)]
		if with.owed == nil {
			rows, err := d.all(ctx, op, typeInvoice, url.Values{"filter[subscription_id]": {id}, "filter[status]": {statusPending}})
			if err != nil {
				return err
			}
			if invoices, err = d.pending(op, rows); err != nil {
				return err
			}
		}
		for _, i := range invoices {
			if at := utc(i.CreatedAt); into.PastDueSince.IsZero() || at.Before(into.PastDueSince) {
				into.PastDueSince = at
			}
		}
		into.PeriodStart = into.PastDueSince
	case billing.SubscriptionPending, billing.SubscriptionUnpaid, billing.SubscriptionEnded:
	}
	return nil
}

// owedBy reads the invoices that wait to be paid for a page of subscriptions: all
// there are, if that takes fewer calls than one for each subscription that owes
// something. Nil: it does not.
func (d *Driver) owedBy(ctx context.Context, op string, subscriptions []resource) (map[number][]invoice, error) {
	owing := 0
	for _, r := range subscriptions {
		var a struct {
			Status string `json:"status"`
		}
		if json.Unmarshal(r.Attributes, &a) == nil && a.Status == statusPastDue {
			owing++
		}
	}
	owed := map[number][]invoice{}
	for page, more := 1, true; more; page++ {
		if page >= owing {
			return nil, nil
		}
		var rows []resource
		var err error
		rows, _, more, err = d.rows(ctx, op, typeInvoice, page, d.inStore(url.Values{"filter[status]": {statusPending}}))
		if err != nil {
			return nil, err
		}
		invoices, err := d.pending(op, rows)
		if err != nil {
			return nil, nil //nolint:nilerr // whose it is, the call for its own subscription tells
		}
		for _, i := range invoices {
			owed[i.SubscriptionID] = append(owed[i.SubscriptionID], i)
		}
	}
	return owed, nil
}

// pending reads invoices that are to be paid.
func (d *Driver) pending(op string, rows []resource) ([]invoice, error) {
	invoices := make([]invoice, len(rows))
	for n, r := range rows {
		if json.Unmarshal(r.Attributes, &invoices[n]) != nil || invoices[n].CreatedAt == nil {
			return nil, d.malformed(op, errors.New("an invoice of the subscription cannot be read"))
		}
	}
	return invoices, nil
}
