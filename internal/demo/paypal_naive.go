package demo

import (
	"strings"

	"github.com/trivetdev/trivet/sim"
)

// paypalEvent is as much of an event as the handler reads.
type paypalEvent struct {
	Type     string `json:"event_type"`
	Resource struct {
		ID, Status, State string
		PlanID            string `json:"plan_id"`
		SaleID            string `json:"sale_id"`
		Agreement         string `json:"billing_agreement_id"`
		DisputeID         string `json:"dispute_id"`
		Links             []struct{ Rel, Href string }
		Total             paypalAmount `json:"total_refunded_amount"`
		Breakdown         struct {
			Total paypalAmount `json:"total_refunded_amount"`
		} `json:"seller_payable_breakdown"`
	}
}

type paypalAmount struct{ Value string }

// cents takes the point out, which is right for two decimals and for none.
func (a paypalAmount) cents() string {
	return strings.TrimLeft(strings.ReplaceAll(a.Value, ".", ""), "0")
}

// receivePayPal handles one delivery of PayPal.
func receivePayPal(n *naive, e paypalEvent) {
	r := e.Resource
	switch {
	case e.Type == "PAYMENT.SALE.REFUNDED":
		n.rows["refund/"+r.ID] = map[string]string{"status": paypalRefund(r.State)}
		n.set("payment/"+r.SaleID, "refunded", r.Total.cents())
	case e.Type == "PAYMENT.CAPTURE.REFUNDED":
		n.rows["refund/"+r.ID] = map[string]string{"status": paypalRefund(r.Status)}
		for _, l := range r.Links {
			if l.Rel == "up" {
				n.set("payment/"+l.Href[strings.LastIndexByte(l.Href, '/')+1:], "refunded", r.Breakdown.Total.cents())
			}
		}
	case e.Type == "BILLING.SUBSCRIPTION.PAYMENT.FAILED":
		n.set("subscription/"+r.ID, "status", "past_due")
	case strings.HasPrefix(e.Type, "BILLING.SUBSCRIPTION."):
		n.rows["subscription/"+r.ID] = map[string]string{"status": paypalStatus(r.Status), "price": r.PlanID}
	case strings.HasPrefix(e.Type, "PAYMENT.SALE."):
		if e.Type == "PAYMENT.SALE.COMPLETED" {
			n.set("subscription/"+r.Agreement, "status", "active")
		}
		n.set("payment/"+r.ID, "status", paypalPayment(e.Type))
		n.set("invoice/"+r.ID, "status", map[bool]string{true: "paid", false: "void"}[paypalPayment(e.Type) == "succeeded"])
	case strings.HasPrefix(e.Type, "PAYMENT.CAPTURE."):
		n.set("payment/"+r.ID, "status", paypalPayment(e.Type))
	case strings.HasPrefix(e.Type, "CUSTOMER.DISPUTE."):
		n.rows["dispute/"+r.DisputeID] = map[string]string{"provider_status": r.Status}
	}
}

// paypalUntold: nobody hears of a subscription that was not approved, nor how a
// refund ends that was pending.
func paypalUntold(n *naive, o sim.Object) bool {
	return o.Fields["provider_status"] == "APPROVAL_PENDING" || o.Kind == sim.KindRefund && n.rows["refund/"+o.ID]["status"] == "pending"
}

func paypalStatus(status string) string {
	switch status {
	case "ACTIVE":
		return "active"
	case "SUSPENDED":
		return "paused"
	case "CANCELLED", "EXPIRED":
		return "ended"
	}
	return "pending"
}

func paypalPayment(event string) string {
	switch event[strings.LastIndexByte(event, '.')+1:] {
	case "COMPLETED", "REVERSED":
		return "succeeded"
	case "DENIED", "DECLINED":
		return "failed"
	}
	return "pending"
}

func paypalRefund(state string) string {
	switch strings.ToLower(state) {
	case "completed":
		return "succeeded"
	case "pending":
		return "pending"
	}
	return "failed"
}
