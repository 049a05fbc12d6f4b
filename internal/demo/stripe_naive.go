package demo

import (
	"encoding/json"
	"strings"
	"time"
)

// stripeEvent is as much of an event as the handler reads.
type stripeEvent struct {
	Type string
	Data struct{ Object stripeObject }
}

type stripeObject struct {
	ID, Object, Email, Status string
	CancelAtPeriodEnd         bool  `json:"cancel_at_period_end"`
	CancelAt                  int64 `json:"cancel_at"`
	PauseCollection           any   `json:"pause_collection"`
	Items                     struct {
		Data []struct {
			Price            struct{ ID string }
			CurrentPeriodEnd int64 `json:"current_period_end"`
		}
	}
	LastPaymentError any             `json:"last_payment_error"`
	PaymentIntent    json.RawMessage `json:"payment_intent"`
	AmountRefunded   json.Number     `json:"amount_refunded"`
}

// receiveStripe handles one delivery of Stripe.
func receiveStripe(n *naive, e stripeEvent) {
	o := e.Data.Object
	if !heard(e.Type) {
		return
	}
	switch o.Object {
	case "customer":
		if e.Type == "customer.deleted" {
			n.rows["customer/"+o.ID] = map[string]string{"deleted": "true"}
			return
		}
		n.rows["customer/"+o.ID] = map[string]string{"deleted": "false", "email": o.Email}
	case "subscription":
		n.rows["subscription/"+o.ID] = o.subscription()
	case "invoice":
		n.rows["invoice/"+o.ID] = map[string]string{"status": o.Status}
	case "payment_intent":
		n.set("payment/"+o.ID, "status", o.payment())
	case "charge":
		n.set("payment/"+strings.Trim(string(o.PaymentIntent), `"`), "refunded", o.AmountRefunded.String())
	case "refund":
		n.rows["refund/"+o.ID] = map[string]string{"status": o.Status}
	case "dispute":
		n.rows["dispute/"+o.ID] = map[string]string{"provider_status": o.Status}
	}
}

func (o stripeObject) subscription() map[string]string {
	status := o.Status
	switch {
	case status == "canceled" || status == "incomplete_expired":
		status = "ended"
	case o.PauseCollection != nil:
		status = "paused"
	case status == "incomplete":
		status = "pending"
	}
	row := map[string]string{"status": status, "cancel_at": ""}
	if len(o.Items.Data) > 0 {
		row["price"] = o.Items.Data[0].Price.ID
		row["current_period_end"] = rfc3339(o.Items.Data[0].CurrentPeriodEnd)
	}
	if o.CancelAt > 0 {
		row["cancel_at"] = rfc3339(o.CancelAt)
	} else if o.CancelAtPeriodEnd {
		row["cancel_at"] = row["current_period_end"]
	}
	return row
}

func (o stripeObject) payment() string {
	switch o.Status {
	case "requires_payment_method":
		if o.LastPaymentError != nil {
			return "failed"
		}
		return "pending"
	case "processing", "requires_confirmation", "requires_capture":
		return "pending"
	}
	return o.Status
}

// heard lists the events that such a handler subscribes to: those that say that
// something came to pass, not that an object was made or drafted.
func heard(event string) bool {
	switch event {
	case "invoice.paid", "invoice.payment_failed", "invoice.voided", "invoice.marked_uncollectible",
		"payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.canceled", "charge.refunded":
		return true
	}
	for _, prefix := range []string{"customer.", "refund.", "charge.dispute."} {
		if strings.HasPrefix(event, prefix) {
			return true
		}
	}
	return false
}

func rfc3339(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) }
