package trivet_test

import (
	"testing"
	"time"

	"github.com/trivetdev/trivet/sim"
	world "github.com/trivetdev/trivet/sim/stripe"
)

// TestTrialPaidFailedRecovered: a trial of 14 days, a month that is paid, a
// renewal that fails, a new card.
func TestTrialPaidFailedRecovered(t *testing.T) {
	everywhere(t, func(h *house) {
		h.until(time.Minute)
		h.buy("pro", world.CardGood, opening.Add(14*day))
		h.until(20 * day)
		sub, _ := h.world.TruthOf(h.only(sim.KindSubscription))
		h.Check(h.world.NewCard(sub.Customer, world.CardDeclined))
		h.until(47 * day)
		h.Check(h.world.NewCard(sub.Customer, world.CardGood))
		h.Check(h.world.PayInvoice(h.only(sim.KindInvoice)))
		h.until(60 * day)
		h.expect("story", h.story("subscription", "payment", "invoice"),
			"00d00:01 invoice: invoice_settled linked",
			"00d00:01 subscription: started linked",
			"14d00:00 invoice: recorded linked",
			"14d00:00 subscription: activated renewed",
			"14d01:00 invoice: invoice_settled",
			"14d01:00 payment: paid linked",
			"45d00:00 invoice: recorded linked",
			"45d00:00 subscription: renewed",
			"45d01:00 invoice: collection_failed",
			"45d01:00 payment: payment_declined linked",
			"45d01:00 subscription: fell_behind",
			"46d01:00 invoice: collection_failed",
			"46d01:00 payment: payment_declined",
			"47d00:00 invoice: invoice_settled",
			"47d00:00 payment: paid",
			"47d00:00 subscription: recovered")
		h.expect("access", h.access(),
			"00d00:01:01 yes trialing",
			"14d00:00:02 yes active",
			"45d01:00:00 yes grace",
			"47d00:00:00 yes active")
		h.settled()
	})
}

// TestFailedThenEnded: the card fails for good; grace ends to the second, the
// subscription when Stripe gives up.
func TestFailedThenEnded(t *testing.T) {
	everywhere(t, func(h *house) {
		h.until(time.Minute)
		h.buy("pro", world.CardLaterFails, time.Time{})
		h.until(75 * day)
		h.expect("story", h.story("subscription", "invoice"),
			"00d00:01 invoice: invoice_settled linked",
			"00d00:01 subscription: started activated linked",
			"31d00:01 invoice: recorded linked",
			"31d00:01 subscription: renewed",
			"31d01:01 invoice: collection_failed",
			"31d01:01 subscription: fell_behind",
			"32d01:01 invoice: collection_failed",
			"34d01:01 invoice: collection_failed",
			"36d01:01 invoice: collection_failed",
			"38d01:01 invoice: collection_failed",
			"38d01:02 subscription: ended")
		h.expect("access", h.access(),
			"00d00:01:01 yes active",
			"31d01:01:01 yes grace",
			"38d00:01:00 no past_due",
			"38d01:02:01 no ended")
		h.settled()
	})
}

// TestPauseAndResume: paused for a while, resumed by Stripe itself.
func TestPauseAndResume(t *testing.T) {
	everywhere(t, func(h *house) {
		h.until(time.Minute)
		h.buy("pro", world.CardGood, time.Time{})
		h.until(10 * day)
		h.Check(h.world.Pause(h.only(sim.KindSubscription), "void", opening.Add(40*day)))
		h.until(50 * day)
		h.expect("story", h.story("subscription", "invoice"),
			"00d00:01 invoice: invoice_settled linked",
			"00d00:01 subscription: started activated linked",
			"10d00:00 subscription: paused",
			"31d00:01 invoice: recorded linked",
			"31d00:01 subscription: renewed",
			"31d01:01 invoice: invoice_voided",
			"40d00:00 subscription: resumed")
		h.expect("access", h.access(),
			"00d00:01:01 yes active",
			"10d00:00:01 no paused",
			"40d00:00:01 yes active")
		h.settled()
	})
}

// TestCanceledAtPeriodEnd: until the end of what was paid.
func TestCanceledAtPeriodEnd(t *testing.T) {
	everywhere(t, func(h *house) {
		h.until(time.Minute)
		h.buy("pro", world.CardGood, time.Time{})
		h.until(10 * day)
		h.Check(h.world.PortalCancel(h.only(sim.KindSubscription)))
		h.until(45 * day)
		h.expect("story", h.story("subscription"),
			"00d00:01 subscription: started activated linked",
			"10d00:00 subscription: cancel_scheduled",
			"31d00:01 subscription: ended")
		h.expect("access", h.access(),
			"00d00:01:01 yes active",
			"10d00:00:01 yes canceling",
			"31d00:01:00 no ended")
		h.settled()
	})
}
