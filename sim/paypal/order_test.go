package paypal

import (
	"testing"
	"time"
)

// An order that nobody pays is unknown after three hours, and so is one that was
// approved and not captured, from its approval on. What was captured is kept.
func TestOrdersAreForgotten(t *testing.T) {
	c := newClient(t, Config{Seed: 3, WebhookURL: "https://app.test/hook"})
	create := func() string {
		id, err := c.w.NewOrder("pass:5.00USD", "5.00", "USD", "")
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	abandoned, approved, captured := create(), create(), create()
	must(c.w.ApproveOrder(captured, Good))
	must(c.w.CaptureOrder(captured))
	known := func(ids ...string) (n int) {
		t.Helper()
		for _, id := range ids {
			switch status, o := c.do("GET", "/v2/checkout/orders/"+id, "", ""); {
			case status == 200:
				n++
			case status != 404 || o["name"] != "RESOURCE_NOT_FOUND":
				t.Error(status, o)
			}
		}
		return n
	}
	c.w.Advance(monday.Add(2 * time.Hour))
	must(c.w.ApproveOrder(approved, Good))
	c.w.Advance(monday.Add(3*time.Hour - time.Second))
	if known(abandoned, approved, captured) != 3 {
		t.Error("forgotten too early")
	}
	c.w.Advance(monday.Add(3 * time.Hour))
	if known(abandoned) != 0 || known(approved, captured) != 2 || c.status(abandoned) != "expired" {
		t.Error("an order that nobody approved is known after three hours")
	}
	if status, _ := c.do("POST", "/v2/checkout/orders/"+abandoned+"/capture", "", `{}`); status != 404 {
		t.Error("it can be captured:", status)
	}
	c.w.Advance(monday.Add(30 * 24 * time.Hour))
	if known(abandoned, approved) != 0 || known(captured) != 1 || c.status(approved) != "expired" || c.status(captured) != "complete" {
		t.Error(c.status(approved), c.status(captured))
	}
	told, _ := c.get("/v1/notifications/webhooks-events?event_type=CHECKOUT.PAYMENT-APPROVAL.REVERSED")["events"].([]any)
	if len(told) != 1 || at(told[0], "resource", "id") != approved {
		t.Errorf("the approvals that are said to have lapsed: %v", told)
	}
}
