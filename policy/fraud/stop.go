package fraud

import (
	"fmt"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
)

// stop asks for the money back that was paid since a moment, and for the end of
// every live subscription, of whatever account.
func (c *cases) stop(what stop, from time.Time) {
	if what.refund {
		for _, p := range c.known.Facts.Payments {
			if !p.Object.PaidAt.Before(from) {
				c.refund(p)
			}
		}
	}
	if what.cancel {
		for _, s := range c.known.Facts.Subscriptions {
			c.cancel(s)
		}
	}
}

// refund asks for all that is left of a payment, unless a bank has it or is about
// to take it: that would pay it back twice.
func (c *cases) refund(p billing.Held[billing.Payment]) {
	o := p.Object
	if o.Status != billing.PaymentSucceeded || o.Amount.Amount <= o.Refunded || c.contested(p) {
		return
	}
	if !c.can(p.Account, policy.Refund) {
		c.byHand(p.Account, billing.KindPayment, p.ID, "refunded")
		return
	}
	c.add(policy.On(p.Account, billing.KindPayment, p.ID, policy.Refund, "fraud"+c.again(), policy.Details{
		Currency: o.Amount.Currency, Refunded: o.Refunded, Reason: "fraudulent",
	}))
}

func (c *cases) contested(p billing.Held[billing.Payment]) bool {
	for _, d := range c.known.Facts.Disputes {
		if d.Account == p.Account && d.Object.Payment == p.ID && (d.Object.Status == billing.DisputeOpen || d.Object.Status == billing.DisputeLost) {
			return true
		}
	}
	return false
}

// cancel asks for the end of a subscription: at once, or where the provider has no
// such thing, at the end of its period.
func (c *cases) cancel(s billing.Held[billing.Subscription]) {
	if !s.Object.Live() {
		return
	}
	switch {
	case c.can(s.Account, policy.CancelNow):
		c.add(policy.On(s.Account, billing.KindSubscription, s.ID, policy.CancelNow, "fraud"+c.again(), nil))
	case c.can(s.Account, policy.CancelAtPeriodEnd):
		c.add(policy.On(s.Account, billing.KindSubscription, s.ID, policy.CancelAtPeriodEnd, "fraud"+c.again(), nil))
	default:
		c.byHand(s.Account, billing.KindSubscription, s.ID, "canceled")
	}
}

func (c *cases) can(account, kind string) bool { return able(c.known, account, kind) }

// able reports whether an account's provider can be asked. Of an account that
// nothing is known of, it is assumed.
func able(known policy.Known, account, kind string) bool {
	a, found := known.Accounts[account]
	return !found || a.Can == nil || a.Can[kind]
}

// byHand tells what a person has to do.
func (c *cases) byHand(account string, kind billing.Kind, id, what string) {
	c.add(policy.On(account, kind, id, policy.Alert, "fraud."+what+c.again(), policy.Warning{
		Cause: fmt.Sprintf("fraud:%s/%s/%s", account, kind, id), Kind: "fraud",
		Title:   fmt.Sprintf("the %s %s of %s has to be %s by hand", kind, id, account, what),
		Details: fmt.Sprintf("It belongs to %s. The provider offers no way to do so from here: use its dashboard.", c.known.Customer.Ref),
	}))
}

// warned acts on an early fraud warning. The money goes back while that can still
// prevent a chargeback; that the subscription ends is called for as long as the
// warning is recent, for the refund itself settles the warning.
func (c *cases) warned(w billing.Held[billing.Warning]) {
	if len(c.settings.Warning) == 0 || c.now.Sub(w.Object.CreatedAt) > policy.AttemptsKept || c.before(w.Account, w.Object.CreatedAt) || c.settled(w) {
		return
	}
	c.because = []string{w.Account}
	defer func() { c.because = nil }()
	does := Rule{Do: c.settings.Warning}.does
	if c.exempted {
		c.warn(w, "The customer is exempt: nothing was done. A chargeback is likely.")
		return
	}
	for _, p := range c.known.Facts.Payments {
		if does(doRefund) && w.Object.Actionable && p.Account == w.Account && p.ID == w.Object.Payment {
			c.refund(p)
		}
	}
	if does(doCancel) {
		for _, s := range c.paidBy(w.Account, w.Object.Payment) {
			c.cancel(s)
		}
	}
	if does(doBan) {
		c.banFor(w)
	}
	if does(doAlert) {
		c.warn(w, "What [policy.fraud] warning lists is being done.")
	}
}

// before reports whether something was over before the service began to look after
// an account.
func (c *cases) before(account string, at time.Time) bool {
	return at.Before(c.known.Accounts[account].Since)
}

// paidBy are the subscriptions that a payment paid for.
func (c *cases) paidBy(account, payment string) (subscriptions []billing.Held[billing.Subscription]) {
	for _, s := range c.known.Facts.Subscriptions {
		for _, i := range c.known.Facts.Invoices {
			if i.Account != account || s.Account != account || i.Object.Subscription != s.ID || i.Object.Subscription == "" {
				continue
			}
			for _, paid := range i.Object.Payments {
				if paid == payment {
					subscriptions = append(subscriptions, s)
				}
			}
		}
	}
	return subscriptions
}

// settled reports whether a person has lifted a ban since a warning: what went before
// that takes nothing more from the customer.
func (c *cases) settled(w billing.Held[billing.Warning]) bool {
	cleared := c.known.Customer.Cleared
	return cleared != nil && !w.Object.CreatedAt.After(cleared.At)
}

// banFor bans for a warning.
func (c *cases) banFor(w billing.Held[billing.Warning]) {
	c.add(policy.On(policy.Own, billing.KindCustomer, c.known.Customer.Ref, policy.Ban, "warning."+w.Account+"."+w.ID, policy.Details{
		Reason: warningReason,
	}))
}

func (c *cases) warn(w billing.Held[billing.Warning], done string) {
	details := done
	if w.Object.FraudType != "" {
		details = "The network says: " + w.Object.FraudType + ". " + done
	}
	c.add(policy.On(w.Account, billing.KindWarning, w.ID, policy.Alert, "", policy.Warning{
		Cause: "warning:" + w.Account + "/" + w.ID, Kind: "fraud", Title: c.known.Customer.Ref + ": the card network warns that payment " + w.Object.Payment + " is fraud", Details: details,
	}))
}
