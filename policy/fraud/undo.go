package fraud

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
)

// undo takes back the cancellations of a ban that was lifted. It goes on asking for it
// also when no cancellation is scheduled any more: so it is done with, and one that the
// customer schedules later is theirs.
func (c *cases) undo() {
	cleared := c.known.Customer.Cleared
	if c.known.Customer.Ban != nil || cleared == nil || !ours(cleared.Ban.By) {
		return
	}
	for _, s := range c.known.Facts.Subscriptions {
		if s.Object.Live() && canceledBy(c.known, *cleared, s) && c.can(s.Account, policy.Uncancel) {
			back := policy.On(s.Account, billing.KindSubscription, s.ID, policy.Uncancel, "fraud"+after(cleared.At), nil)
			back.Asked = true // by whoever lifted the ban
			c.add(back)
		}
	}
}

// canceledBy reports whether a ban that was lifted set a subscription to end.
func canceledBy(known policy.Known, c billing.Cleared, s billing.Held[billing.Subscription]) bool {
	did := policy.On(s.Account, billing.KindSubscription, s.ID, policy.CancelAtPeriodEnd, "fraud"+after(c.Before), nil)
	return slices.ContainsFunc(known.Demands, func(d policy.Demand) bool { return d.Key == did.Key && d.Tried })
}

// leftover tells what was done during a ban and stays done.
func leftover(known policy.Known, c billing.Cleared) []policy.Action {
	if !ours(c.Ban.By) {
		return nil
	}
	var lines []string
	for _, s := range known.Facts.Subscriptions {
		if s.Object.Status == billing.SubscriptionEnded && !s.Object.EndedAt.Before(c.Ban.At) {
			lines = append(lines, fmt.Sprintf("The subscription %s of %s has ended and cannot be revived: the customer may buy again.", s.ID, s.Account))
		} else if s.Object.Live() && !s.Object.CancelAt.IsZero() && canceledBy(known, c, s) && !able(known, s.Account, policy.Uncancel) {
			lines = append(lines, fmt.Sprintf("The subscription %s of %s ends at %s, which the provider cannot take back: the customer may buy again.",
				s.ID, s.Account, s.Object.CancelAt.Format(time.DateOnly)))
		}
	}
	for _, x := range known.Facts.Payments {
		if x.Object.Refunded > 0 && !x.Object.PaidAt.IsZero() && x.Object.PaidAt.After(c.Ban.At.Add(-longestRefund)) {
			back := billing.Money{Amount: x.Object.Refunded, Currency: x.Object.Amount.Currency}
			lines = append(lines, fmt.Sprintf("Of the payment %s of %s, %s went back, be it for the ban or for another reason.", x.ID, x.Account, back))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return []policy.Action{alert(known.Customer.Ref, "unbanned."+stamp(c.At), policy.Warning{
		Cause: "fraud:unbanned:" + known.Customer.Ref + ":" + stamp(c.At), Kind: "fraud",
		Title: known.Customer.Ref + " is no longer banned; not everything could be undone", Details: strings.Join(lines, "\n"),
	})}
}
