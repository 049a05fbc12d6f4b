package duplicate

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
)

// cost is what a duplicate cost the customer.
type cost struct {
	// payment is the last one for the current period; without an id: there was none.
	payment billing.Held[billing.Payment]
	// share is what was paid for the time of both; due is what of it has not gone back.
	share, due billing.Money
	// from and to bound the period.
	from, to time.Time
	// before are payments for earlier periods in which both ran.
	before []billing.Held[billing.Payment]
}

// early is how long before its period a payment for it may come; of a short period,
// no more than half of it, or the payment for the one before would count.
const early = 3 * day

// costOf works out what was paid twice.
func costOf(known policy.Known, d double) cost {
	var c cost
	payments := paymentsFor(known.Facts, d.old)
	if len(payments) == 0 {
		return c
	}
	last := payments[0]
	c.from, c.to = periodOf(known.Facts, d.old, last)
	if !c.from.IsZero() && c.from.Before(c.to) && !last.Object.PaidAt.Before(c.from.Add(-min(early, c.to.Sub(c.from)/2))) {
		c.payment, payments = last, payments[1:]
		c.share = shareOf(last.Object.Amount, c.from, c.to, d.since)
		c.due = c.share
		c.due.Amount = max(0, min(c.share.Amount, last.Object.Amount.Amount)-last.Object.Refunded)
		if contested(known.Facts, last) {
			c.due.Amount = 0
		}
	}
	for _, p := range payments {
		if p.Object.PaidAt.After(d.since) && p.Object.Refunded < p.Object.Amount.Amount {
			c.before = append(c.before, p)
		}
	}
	return c
}

// paymentsFor are the payments that succeeded for a subscription, newest first.
func paymentsFor(facts billing.Facts, s subscription) (all []billing.Held[billing.Payment]) {
	for _, p := range facts.Payments {
		if p.Account != s.Account || p.Object.Status != billing.PaymentSucceeded || p.Object.Amount.Amount <= 0 {
			continue
		}
		if invoiceOf(facts, s, p.ID) != nil {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b billing.Held[billing.Payment]) int {
		if c := b.Object.PaidAt.Compare(a.Object.PaidAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all
}

// invoiceOf is the invoice of a subscription that a payment paid; nil: none.
func invoiceOf(facts billing.Facts, s subscription, payment string) *billing.Invoice {
	for _, i := range facts.Invoices {
		if i.Account == s.Account && i.Object.Subscription == s.ID && slices.Contains(i.Object.Payments, payment) {
			return &i.Object
		}
	}
	return nil
}

// periodOf is the current period of a subscription, or where it no longer tells
// (Paddle forgets it at the end), that of the invoice of its last payment.
func periodOf(facts billing.Facts, s subscription, last billing.Held[billing.Payment]) (from, to time.Time) {
	if o := s.Object; o.PeriodStart.Before(o.PeriodEnd) && !o.PeriodStart.IsZero() {
		return o.PeriodStart, o.PeriodEnd
	}
	if i := invoiceOf(facts, s, last.ID); i != nil {
		return i.PeriodStart, i.PeriodEnd
	}
	return time.Time{}, time.Time{}
}

func contested(facts billing.Facts, p billing.Held[billing.Payment]) bool {
	return slices.ContainsFunc(facts.Disputes, func(d billing.Held[billing.Dispute]) bool {
		return d.Account == p.Account && d.Object.Payment == p.ID && (d.Object.Status == billing.DisputeOpen || d.Object.Status == billing.DisputeLost)
	})
}

// shareOf is the part of an amount that was paid for the time from since to the end
// of a period, rounded up to the next minor unit.
func shareOf(amount billing.Money, from, to, since time.Time) billing.Money {
	if since.Before(from) {
		since = from
	}
	whole, rest := int64(to.Sub(from)/time.Second), int64(to.Sub(since)/time.Second)
	if whole <= 0 || rest <= 0 {
		return billing.Money{Currency: amount.Currency}
	}
	share := new(big.Int).Mul(big.NewInt(amount.Amount), big.NewInt(min(rest, whole)))
	share.Add(share, big.NewInt(whole-1)).Quo(share, big.NewInt(whole))
	return billing.Money{Amount: min(share.Int64(), amount.Amount), Currency: amount.Currency}
}

// refund asks for what is due.
func (c cost) refund() []policy.Action {
	if c.due.Amount == 0 {
		return nil
	}
	return []policy.Action{policy.On(c.payment.Account, billing.KindPayment, c.payment.ID, policy.Refund, "duplicate", policy.Details{
		Amount: c.due.Amount, Currency: c.due.Currency, Refunded: c.payment.Object.Refunded, Reason: "duplicate",
	})}
}

// words are what a person needs to decide.
func (c cost) words(d double) string {
	text := fmt.Sprintf("Kept: %s of %s, since %s.\nTo end: %s of %s, since %s.", d.kept.ID, d.kept.Account, date(d.kept.Object.StartedAt),
		d.old.ID, d.old.Account, date(d.old.Object.StartedAt))
	switch {
	case c.payment.ID == "":
		text += "\nNothing was paid for its current period, so nothing goes back."
	case c.due.Amount == 0:
		text += fmt.Sprintf("\nOf payment %s nothing is left to go back.", c.payment.ID)
	default:
		text += fmt.Sprintf("\nTo go back: %s of %s (payment %s), for %s to %s of the period from %s.", c.due, c.payment.Object.Amount, c.payment.ID,
			date(latest(d.since, c.from)), date(c.to), date(c.from))
	}
	for _, p := range c.before {
		left := billing.Money{Amount: p.Object.Amount.Amount - p.Object.Refunded, Currency: p.Object.Amount.Currency}
		text += fmt.Sprintf("\nPaid twice before: %s on %s (payment %s). Decide whether it goes back.", left, date(p.Object.PaidAt), p.ID)
	}
	return text
}

func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }
