package demo

import (
	"strconv"

	"github.com/trivetdev/trivet/sim"
)

// lemonEvent is as much of an event as the handler reads.
type lemonEvent struct {
	Meta struct {
		EventName string `json:"event_name"`
	}
	Data struct {
		Type       string
		ID         string
		Attributes struct {
			Status    string
			Refunded  int64   `json:"refunded_amount"`
			VariantID int     `json:"variant_id"`
			RenewsAt  *string `json:"renews_at"`
			EndsAt    *string `json:"ends_at"`
			Email     string
		}
	}
}

// receiveLemonSqueezy handles one delivery of Lemon Squeezy. It knows that a
// canceled subscription is good until its end.
func receiveLemonSqueezy(n *naive, e lemonEvent) {
	a := e.Data.Attributes
	switch e.Data.Type {
	case "customers":
		n.rows["customer/"+e.Data.ID] = map[string]string{"email": a.Email}
	case "orders":
		n.rows["payment/order-"+e.Data.ID] = map[string]string{
			"status": lemonPaid(a.Status), "refunded": strconv.FormatInt(a.Refunded, 10),
		}
	case "subscription-invoices":
		n.rows["payment/invoice-"+e.Data.ID] = map[string]string{
			"status": lemonPaid(a.Status), "refunded": strconv.FormatInt(a.Refunded, 10),
		}
	case "subscriptions":
		row := map[string]string{"status": a.Status, "price": strconv.Itoa(a.VariantID), "cancel_at": ""}
		switch a.Status {
		case "on_trial":
			row["status"] = "trialing"
		case "cancelled":
			row["status"], row["cancel_at"] = "active", lemonTime(a.EndsAt)
		case "expired":
			row["status"] = "ended"
		}
		n.rows["subscription/"+e.Data.ID] = row
	}
}

func lemonPaid(status string) string {
	switch status {
	case "paid", "refunded", "partial_refund":
		return "succeeded"
	case "void":
		return "canceled"
	}
	return status
}

// lemonTime cuts the fractions of a second off.
func lemonTime(text *string) string {
	if text == nil || len(*text) < len("2006-01-02T15:04:05") {
		return ""
	}
	return (*text)[:len("2006-01-02T15:04:05")] + "Z"
}

// lemonUntold: no event is about fraud, and an e-mail address is told only when it
// changes. Invoices are counted as payments.
func lemonUntold(_ *naive, o sim.Object) bool {
	return o.Kind != sim.KindSubscription && o.Kind != sim.KindPayment
}
