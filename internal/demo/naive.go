package demo

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// naive is the webhook handler that most shops begin with: it believes what it is
// sent, in the order in which it is sent. It fetches nothing and looks for
// nothing by itself. It is not made worse than it must be: it listens to the
// events that matter, a duplicate does no harm, an event about an object that it
// does not know yet creates it, and what none of its events tells is not counted
// against it.
type naive struct {
	// rows is its table: an object's kind and id to its fields, in the words of
	// the simulator's truth.
	rows map[string]map[string]string
}

func newNaive() *naive { return &naive{rows: map[string]map[string]string{}} }

// naiveEvent is as much of an event as the handler reads.
type naiveEvent struct {
	Type string
	Data struct{ Object naiveObject }
}

type naiveObject struct {
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

// receive handles one delivery of Stripe.
func (n *naive) receive(body []byte) {
	var e naiveEvent
	if json.Unmarshal(body, &e) != nil {
		return // a handler that cannot read an event answers an error and forgets it
	}
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

func (n *naive) set(key, field, value string) {
	if n.rows[key] == nil {
		n.rows[key] = map[string]string{}
	}
	n.rows[key][field] = value
}

func (o naiveObject) subscription() map[string]string {
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

func (o naiveObject) payment() string {
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

// counts reports whether an object's truth is something that its events tell.
func (n *naive) counts(o sim.Object) bool {
	status := o.Fields["status"]
	switch o.Kind {
	case sim.KindCustomer, sim.KindSubscription, sim.KindRefund, sim.KindDispute:
		return true
	case sim.KindInvoice:
		return status != "draft" && status != "open"
	case sim.KindPayment:
		return status == "succeeded" || status == "failed" || status == "canceled"
	}
	return false
}

// wrong names the first field in which the handler's row is not what is true,
// with what it has; ok is false if it is right.
func (n *naive) wrong(kind, id string, truth map[string]string) (field, has string, ok bool) {
	row, found := n.rows[kind+"/"+id]
	if !found {
		return "", "nothing", true
	}
	for _, field := range sortedKeys(row) {
		if want, told := truth[field]; told && want != row[field] {
			return field, row[field], true
		}
	}
	return "", "", false
}

func rfc3339(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) }
