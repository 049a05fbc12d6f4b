package paddle

import (
	"testing"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// TestDiscountEnds: a discount counts for its periods and no longer, and the next
// transaction is previewed as it is charged then.
func TestDiscountEnds(t *testing.T) {
	w, c := shop(t, Config{Seed: 5})
	off := w.AddDiscount(Discount{Code: "INTRO", Percent: 25, Recurs: true, Intervals: 2})
	sub, err := w.CreateSubscription(NewSubscription{Customer: w.CreateCustomer("a@example.com"), Price: PriceProMonth, Discount: off})
	if err != nil {
		t.Fatal(err)
	}
	began := w.clock.Now()
	if got, want := truth(t, w, sim.KindSubscription, sub)["ahead"], "promotion_end "+began.AddDate(0, 2, 0).Format(time.RFC3339)+" 2900"; got != want {
		t.Errorf("ahead is %q, want %q", got, want)
	}
	for month, want := range []string{"2175", "2900", "2900"} {
		next := c.get("/subscriptions/" + sub + "?include=next_transaction").in("next_transaction")
		if got := next.in("details", "totals").str("grand_total"); got != want {
			t.Errorf("month %d: %s is previewed, want %s", month, got, want)
		}
		w.Advance(began.AddDate(0, month+1, 1))
		newest := c.ok("GET", "/transactions?order_by=id[DESC]&subscription_id="+sub, "").list("data")[0]
		if got := newest.in("details", "totals").str("grand_total"); got != want || newest.str("status") != "completed" {
			t.Errorf("month %d: %s was charged, want %s", month, got, want)
		}
	}
	if got := truth(t, w, sim.KindSubscription, sub)["ahead"]; got != "" {
		t.Errorf("afterwards there is %q ahead", got)
	}
	c.post("/subscriptions/"+sub+"/cancel", `{"effective_from":"next_billing_period"}`)
	if next, there := c.get("/subscriptions/" + sub + "?include=next_transaction")["next_transaction"]; !there || next != nil {
		t.Errorf("of one that is to end: %v", next)
	}
}
