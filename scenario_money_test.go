package trivet_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/trivetdev/trivet/sim"
	world "github.com/trivetdev/trivet/sim/stripe"
)

// TestFlawAnyRefundVoidsAllTime: a part leaves access, all of it does not.
func TestFlawAnyRefundVoidsAllTime(t *testing.T) {
	everywhere(t, func(h *house) {
		h.until(time.Minute)
		h.buy("day", world.CardGood, time.Time{})
		h.until(5 * day)
		payment := h.only(sim.KindPayment)
		_, err := h.world.Refund(payment, 300)
		h.Check(err)
		h.until(10 * day)
		_, err = h.world.Refund(payment, 0)
		h.Check(err)
		h.until(45 * day)
		h.expect("story", h.story("payment", "refund", "checkout"),
			"00d00:01 checkout: checkout_completed linked",
			"00d00:01 payment: paid linked",
			"05d00:00 payment: refunded",
			"05d00:00 refund: recorded linked",
			"10d00:00 payment: refunded",
			"10d00:00 refund: recorded linked")
		h.expect("access", h.access(),
			"00d00:01:02 yes pass",
			"10d00:00:01 no refunded")
		h.settled()
	})
}

// TestRefundFails: the money comes back to the merchant, and so does access.
func TestRefundFails(t *testing.T) {
	everywhere(t, func(h *house) {
		h.until(time.Minute)
		h.buy("day", world.CardGood, time.Time{})
		h.until(5 * day)
		refund, err := h.world.Refund(h.only(sim.KindPayment), 0)
		h.Check(err)
		h.until(10 * day)
		h.Check(h.world.FailRefund(refund))
		h.until(45 * day)
		h.expect("story", h.story("payment", "refund"),
			"00d00:01 payment: paid linked",
			"05d00:00 payment: refunded",
			"05d00:00 refund: recorded linked",
			"10d00:00 payment: refund_reversed",
			"10d00:00 refund: refund_failed")
		h.expect("access", h.access(),
			"00d00:01:02 yes pass",
			"05d00:00:02 no refunded",
			"10d00:00:01 yes pass",
			"31d00:01:00 no pass_over")
		h.settled()
	})
}

// TestDisputeWon: an inquiry becomes a chargeback, and the merchant wins.
func TestDisputeWon(t *testing.T) {
	everywhere(t, func(h *house) {
		h.until(time.Minute)
		h.buy("pro", world.CardGood, time.Time{})
		h.until(5 * day)
		dispute, err := h.world.OpenDispute(h.only(sim.KindPayment), "general", true)
		h.Check(err)
		h.until(8 * day)
		h.Check(h.world.EscalateDispute(dispute))
		h.until(12 * day)
		h.Check(h.world.RuleDispute(dispute, "won"))
		h.until(41 * day)
		h.expect("story", h.story("dispute", "subscription"),
			"00d00:01 subscription: started activated linked",
			"05d00:00 dispute: inquired linked",
			"08d00:00 dispute: disputed",
			"12d00:00 dispute: dispute_won",
			"31d00:01 subscription: renewed")
		h.expect("access", h.access(),
			"00d00:01:01 yes active")
		h.settled()
	})
}

// TestDisputeLost: access goes with the money, and the next month that is paid
// brings it back.
func TestDisputeLost(t *testing.T) {
	everywhere(t, func(h *house) {
		h.until(time.Minute)
		h.buy("pro", world.CardGood, time.Time{})
		h.until(5 * day)
		dispute, err := h.world.OpenDispute(h.only(sim.KindPayment), "fraudulent", false)
		h.Check(err)
		h.until(9 * day)
		h.Check(h.world.RuleDispute(dispute, "lost"))
		h.until(41 * day)
		h.expect("story", h.story("dispute", "subscription"),
			"00d00:01 subscription: started activated linked",
			"05d00:00 dispute: disputed linked",
			"09d00:00 dispute: dispute_lost",
			"31d00:01 subscription: renewed")
		h.expect("access", h.access(),
			"00d00:01:01 yes active",
			"09d00:00:02 no dispute_lost",
			"31d01:01:00 yes active")
		h.settled()
	})
}

// TestDisputeOfNobody: a dispute about a purchase that nobody's is reaches no policy. The
// team is told all the same, whatever the mode, until it is ruled.
func TestDisputeOfNobody(t *testing.T) {
	everywhere(t, func(h *house) {
		h.until(time.Minute)
		_, err := h.world.CreateSubscription(world.NewSubscription{Customer: h.world.CreateCustomer("who@example.com"), Price: h.pro, Card: world.CardGood})
		h.Check(err)
		h.until(5 * day)
		dispute, err := h.world.OpenDispute(h.only(sim.KindPayment), "general", false)
		h.Check(err)
		told := func(open bool) (lines []string) {
			var alerts struct {
				Data []struct{ Cause, Kind string }
			}
			h.Call(http.MethodGet, fmt.Sprintf("/v1/alerts?open=%t", open), "", &alerts)
			for _, a := range alerts.Data {
				if a.Kind == "dispute" {
					lines = append(lines, a.Cause)
				}
			}
			return lines
		}
		h.until(6 * day)
		h.expect("open alerts", told(true), "unlinked_dispute:stripe")
		h.Check(h.world.RuleDispute(dispute, "lost"))
		h.until(7 * day)
		h.expect("open alerts", told(true))
		h.expect("closed alerts", told(false), "unlinked_dispute:stripe")
		h.Audited()
	})
}

// TestPassRunsOut: to the second, a calendar month after it was paid.
func TestPassRunsOut(t *testing.T) {
	everywhere(t, func(h *house) {
		h.until(time.Minute)
		h.buy("day", world.CardGood, time.Time{})
		h.until(20 * day)
		h.buy("day", world.CardGood, time.Time{})
		h.until(70 * day)
		h.expect("access", h.access(),
			"00d00:01:02 yes pass",
			"61d00:01:00 no pass_over")
		h.settled()
	})
}
