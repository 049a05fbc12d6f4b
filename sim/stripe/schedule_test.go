package stripe

import (
	"fmt"
	"testing"
	"time"
)

// TestAhead: promotions end and prices change when the API says so, the truth says the
// same before, and what is previewed is what is charged.
func TestAhead(t *testing.T) {
	w, c := shop(t)
	w.SetTax(20)
	coupon, _ := w.AddCoupon(Coupon{Percent: 50, Duration: "repeating", Months: 2})
	_, promoted := subscribed(t, w, NewSubscription{Card: CardGood, Coupon: coupon})
	_, moved := subscribed(t, w, NewSubscription{Card: CardGood, Price: "price_basic_month"})
	schedule, err := w.SchedulePrice(moved, "price_pro_month")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.SchedulePrice(moved, "price_basic_month"); err == nil {
		t.Error("it is scheduled twice")
	}
	ends := start.AddDate(0, 2, 0)
	wantAhead := func(sub, want string) {
		t.Helper()
		if got := truthOf(t, w, sub)["ahead"]; got != want {
			t.Errorf("ahead of %s is %q, want %q", sub, got, want)
		}
	}
	wantAhead(promoted, fmt.Sprintf("promotion_end %s 2900", ends.Format(time.RFC3339)))
	wantAhead(moved, fmt.Sprintf("price_change %s 2900", start.AddDate(0, 1, 0).Format(time.RFC3339)))
	if got := c.get("/v1/subscriptions/" + promoted + "?expand[]=discounts").num("discounts.0.end"); got != ends.Unix() {
		t.Errorf("the discount ends at %d", got)
	}
	said := c.get("/v1/subscriptions/" + moved + "?expand[]=schedule").at("schedule")
	if said.str("id") != schedule || said.str("phases.1.items.0.price") != "price_pro_month" || said.num("phases.1.start_date") != said.num("current_phase.end_date") {
		t.Errorf("the schedule is %v", said)
	}
	for month, want := range []map[string]int64{{promoted: 1740, moved: 3480}, {promoted: 3480, moved: 3480}, {promoted: 3480, moved: 3480}} {
		for sub, amount := range want {
			preview := c.post("/v1/invoices/create_preview", "subscription="+sub)
			if got := preview.num("amount_due"); got != amount || preview.num("total_taxes.0.amount")*6 != amount {
				t.Errorf("month %d: %d is previewed for %s, want %d", month, got, sub, amount)
			}
		}
		w.Advance(start.AddDate(0, month+1, 1))
		for sub, amount := range want {
			if got := c.get("/v1/invoices?limit=1&subscription=" + sub).num("data.0.amount_paid"); got != amount {
				t.Errorf("month %d: %d was charged for %s, want %d", month, got, sub, amount)
			}
		}
	}
	wantAhead(promoted, "")
	wantAhead(moved, "")
	if got := c.get("/v1/subscription_schedules/" + schedule); got.str("status") != "released" || got.str("released_subscription") != moved || c.get("/v1/subscriptions/"+moved).at("schedule").v != nil {
		t.Errorf("afterwards the schedule is %v", got)
	}
}

// TestCanceledAhead: of what is over before, nothing lies ahead, and a schedule ends
// with its subscription.
func TestCanceledAhead(t *testing.T) {
	w, c := shop(t)
	_, sub := subscribed(t, w, NewSubscription{Card: CardGood, Price: "price_basic_month"})
	schedule, err := w.SchedulePrice(sub, "price_pro_month")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.PortalCancel(sub); err != nil {
		t.Fatal(err)
	}
	if got := truthOf(t, w, sub)["ahead"]; got != "" {
		t.Errorf("ahead of what is canceled: %q", got)
	}
	c.do(400, "POST", "/v1/billing_portal/sessions", "customer="+c.get("/v1/subscriptions/"+sub).str("customer")+
		"&flow_data[type]=subscription_cancel&flow_data[subscription_cancel][subscription]="+sub)
	w.Advance(start.AddDate(0, 1, 1))
	if got := c.get("/v1/subscription_schedules/" + schedule).str("status"); got != "canceled" {
		t.Errorf("the schedule is %s", got)
	}
}
