package paypal

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/sim"
)

// A stale read is word for word what was answered before the change, in whichever
// shape: also the time of the latest change is the older one.
func TestStaleReadIsTheOlderAnswer(t *testing.T) {
	c := newClient(t, Config{Chaos: sim.Chaos{StaleRead: 1}})
	sub, err := c.w.CreateSubscription(NewSubscription{Plan: "P-PROMONTH"})
	if err != nil {
		t.Fatal(err)
	}
	c.days(1)
	sale := c.w.PaymentsOf(sub)[0]
	refund, err := c.w.Refund(sale, 700, true, false)
	if err != nil {
		t.Fatal(err)
	}
	c.w.Advance(c.w.clock.Now().Add(time.Hour))
	give := func() error { _, err := c.w.Refund(sale, 100, false, false); return err }
	end := func() error {
		defer c.w.enter()()
		c.w.endRefund(c.w.refunds.byID[refund], false)
		return nil
	}
	for name, change := range map[string]struct {
		path string
		do   func() error
	}{
		"sale":           {"/v1/payments/sale/" + sale, give},
		"its newer form": {"/v2/payments/captures/" + sale, give},
		"subscription":   {"/v1/billing/subscriptions/" + sub + "?fields=plan,last_failed_payment", func() error { return c.w.Change(sub, "P-BASICMONTH", 2) }},
		"refund":         {"/v2/payments/refunds/" + refund, end},
	} {
		t.Run(name, func(t *testing.T) {
			before := c.get(change.path)
			if err := change.do(); err != nil {
				t.Fatal(err)
			}
			answers := map[string]int{}
			for range 40 {
				after := c.get(change.path)
				answers[fmt.Sprint(after["update_time"])]++
				if after["update_time"] == before["update_time"] {
					if diff := cmp.Diff(before, after); diff != "" {
						t.Fatalf("a stale read is not what was there before: %s", diff)
					}
				}
			}
			if len(answers) != 2 || answers[fmt.Sprint(before["update_time"])] == 0 {
				t.Errorf("answers by the time of the change: %v", answers)
			}
			c.w.Advance(c.w.clock.Now().Add(time.Hour))
		})
	}
}
