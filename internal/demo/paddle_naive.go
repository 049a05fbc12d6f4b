package demo

import (
	"strings"
	"time"
)

// paddleEvent is as much of an event as the handler reads.
type paddleEvent struct {
	Type string `json:"event_type"`
	Data struct {
		ID, Status, Action string
		Email              string
		Transaction        string `json:"transaction_id"`
		Period             *struct {
			Starts time.Time `json:"starts_at"`
			Ends   time.Time `json:"ends_at"`
		} `json:"current_billing_period"`
		Change *struct {
			Action    string
			Effective time.Time `json:"effective_at"`
		} `json:"scheduled_change"`
		Items []struct{ Price struct{ ID string } }
	}
}

// receivePaddle handles one delivery of Paddle. A renewal that fails is told as active
// first, and stays so if that comes last.
func receivePaddle(n *naive, e paddleEvent) {
	switch subject, _, _ := strings.Cut(e.Type, "."); subject {
	case "customer":
		n.rows["customer/"+e.Data.ID] = map[string]string{"deleted": "false", "email": e.Data.Email}
	case "subscription":
		n.rows["subscription/"+e.Data.ID] = e.subscription()
	case "transaction":
		e.transaction(n)
	case "adjustment":
		switch e.Data.Action {
		case "refund":
			status := map[string]string{"approved": "succeeded", "pending_approval": "pending", "rejected": "failed"}[e.Data.Status]
			n.rows["refund/"+e.Data.ID] = map[string]string{"status": status}
		case "chargeback", "chargeback_warning":
			n.rows["dispute/"+e.Data.ID] = map[string]string{"provider_status": e.Data.Status}
		}
	}
}

func (e paddleEvent) subscription() map[string]string {
	status := e.Data.Status
	if status == "canceled" {
		status = "ended"
	}
	row := map[string]string{"status": status, "cancel_at": "", "current_period_end": ""}
	if len(e.Data.Items) > 0 {
		row["price"] = e.Data.Items[0].Price.ID
	}
	if p := e.Data.Period; p != nil {
		row["current_period_end"] = p.Ends.UTC().Format(time.RFC3339)
	}
	if c := e.Data.Change; c != nil && c.Action == "cancel" {
		row["cancel_at"] = c.Effective.UTC().Format(time.RFC3339)
	}
	return row
}

// transaction takes the event's name for what happened.
func (e paddleEvent) transaction(n *naive) {
	switch e.Type {
	case "transaction.paid", "transaction.completed":
		n.set("payment/"+e.Data.ID, "status", "succeeded")
		n.set("invoice/"+e.Data.ID, "status", "paid")
	case "transaction.payment_failed":
		n.set("payment/"+e.Data.ID, "status", "failed")
	case "transaction.canceled":
		n.set("payment/"+e.Data.ID, "status", "canceled")
		n.set("invoice/"+e.Data.ID, "status", "void")
	}
}
