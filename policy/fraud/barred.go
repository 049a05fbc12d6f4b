package fraud

import (
	"fmt"
	"slices"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
)

// patience is how long the cancellation that comes with a ban of ours may take before
// somebody is told that it has not been done.
const patience = time.Hour

// barred tells the team of what a customer is charged for who is banned: who pays for
// what they may not use goes to their bank. A person's ban ends nothing; ours may have
// been let through where the cancellation is held back by a mode, waits for somebody
// or failed. It is over when the subscription is to end, or the ban has.
func (c *cases) barred() {
	ban, lifted := c.known.Customer.Ban, c.known.Customer.Ban == nil
	if cleared := c.known.Customer.Cleared; lifted && cleared != nil {
		ban = &cleared.Ban
	}
	if ban == nil {
		return
	}
	for _, s := range c.known.Facts.Subscriptions {
		switch charged := s.Object.Live() && s.Object.CancelAt.IsZero(); {
		case !charged && (s.Object.Live() || s.Object.EndedAt.After(ban.At)), charged && lifted && s.Object.StartedAt.Before(ban.At):
			c.bars(s, *ban, true)
		case charged && !lifted:
			c.bars(s, *ban, false)
		}
	}
}

// bars tells that a subscription is paid for in vain, or no longer is.
func (c *cases) bars(s billing.Held[billing.Subscription], ban billing.Ban, over bool) {
	w := policy.Warning{
		Cause: fmt.Sprintf("fraud:barred:%s/%s:%s", s.Account, s.ID, stamp(ban.At)), Kind: "fraud", Over: over,
		Title:   fmt.Sprintf("%s is banned and still pays for subscription %s of %s", c.known.Customer.Ref, s.ID, s.Account),
		Details: "The ban bars the customer and ends nothing. Cancel the subscription, and refund what is to go back, or lift the ban.",
	}
	if !ours(ban.By) {
		occasion := "barred." + stamp(ban.At)
		if over {
			occasion += ".over"
		}
		c.add(policy.On(s.Account, billing.KindSubscription, s.ID, policy.Alert, occasion, w))
		return
	}
	w.Details = "The ban stands and the subscription has not been canceled: the mode of the provider or of the policy holds that back, it waits for " +
		"somebody to accept it, it failed, or the customer took it back. Cancel the subscription, and refund what is to go back, or lift the ban."
	// It is about our ban: the provider's mode, which holds the rest back, is not asked.
	raise := alert(c.known.Customer.Ref, "barred."+s.Account+"."+s.ID+"."+stamp(ban.At), w)
	raised := slices.ContainsFunc(c.known.Demands, func(d policy.Demand) bool { return d.Key == raise.Key })
	late := latest(ban.At, s.Object.StartedAt).Add(patience)
	switch {
	case over && raised:
		c.add(alert(c.known.Customer.Ref, "barred."+s.Account+"."+s.ID+"."+stamp(ban.At)+".over", w))
	case over, !c.after(ban.Reason).cancel: // it was not meant to end
	case c.now.Before(late):
		c.next = billing.Earliest(c.next, late)
	default:
		c.add(raise)
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
