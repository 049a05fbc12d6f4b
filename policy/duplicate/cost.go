package duplicate

import (
	"cmp"
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
	// parts are the payments for the current period, newest first: the one that opened
	// it, and one for each change in its middle that was billed apart.
	parts []part
	// to is the end of the period.
	to time.Time
	// before are payments for earlier periods in which both ran.
	before []charge
}

// part is one payment for the current period.
type part struct {
	charge
	// from is the start of what it paid for, which goes on until the end of the period.
	from time.Time
	// due is what is to go back: what was paid for the time of both, as far as it has
	// not gone back yet.
	due billing.Money
}

// charge is a payment that succeeded, with the invoice that it paid.
type charge struct {
	billing.Held[billing.Payment]
	invoice billing.Held[billing.Invoice]
}

// at is when the money was asked for; it may have been paid much later.
func (c charge) at() time.Time {
	if c.invoice.Object.CreatedAt.IsZero() {
		return c.Object.PaidAt
	}
	return c.invoice.Object.CreatedAt
}

const (
	// early is how long before its period a payment for it may come; of a short period,
	// no more than half of it, or the payment for the one before would count.
	early = 3 * day
	// moment is how far apart the invoice that opens a period and its start may be dated.
	moment = time.Hour
)

// costOf works out what was paid twice.
func costOf(known policy.Known, d double) cost {
	charges := chargesFor(known.Facts, d.old)
	from, to := periodOf(d.old, charges)
	c := cost{to: to}
	current := currentOf(charges, from, to)
	for i, p := range charges {
		switch {
		case i < len(current):
			due := shareOf(p.Object.Amount, current[i], to, d.since)
			due.Amount = max(0, due.Amount-p.Object.Refunded)
			if contested(known.Facts, p.Held) {
				due.Amount = 0
			}
			c.parts = append(c.parts, part{p, current[i], due})
		case p.Object.PaidAt.After(d.since) && p.Object.Refunded < p.Object.Amount.Amount:
			c.before = append(c.before, p)
		}
	}
	return c
}

// chargesFor are the payments that succeeded for a subscription; the last that was
// asked for comes first.
func chargesFor(facts billing.Facts, s subscription) (all []charge) {
	for _, p := range facts.Payments {
		if p.Account != s.Account || p.Object.Status != billing.PaymentSucceeded || p.Object.Amount.Amount <= 0 {
			continue
		}
		for _, i := range facts.Invoices {
			if i.Account == s.Account && i.Object.Subscription == s.ID && slices.Contains(i.Object.Payments, p.ID) {
				all = append(all, charge{p, i})
				break
			}
		}
	}
	slices.SortFunc(all, func(a, b charge) int {
		return cmp.Or(b.at().Compare(a.at()), strings.Compare(a.ID, b.ID))
	})
	return all
}

// periodOf is the current period of a subscription, or where it no longer tells
// (Paddle forgets it at the end), that of its last invoices.
func periodOf(s subscription, charges []charge) (from, to time.Time) {
	if o := s.Object; o.PeriodStart.Before(o.PeriodEnd) && !o.PeriodStart.IsZero() {
		return o.PeriodStart, o.PeriodEnd
	}
	if len(charges) == 0 {
		return time.Time{}, time.Time{}
	}
	to = charges[0].invoice.Object.PeriodEnd
	for _, c := range charges {
		if i := c.invoice.Object; i.PeriodEnd.Equal(to) {
			from = billing.Earliest(from, i.PeriodStart) // that of a change begins with the change
		}
	}
	return from, to
}

// currentOf tells of the first of some charges, which are those for the current period,
// from when on each of them paid until the period's end.
//
// The one that opened the period paid for all of it, however late the money came. A
// change in the middle is charged for what is left of the period when it is made.
func currentOf(charges []charge, from, to time.Time) (starts []time.Time) {
	if from.IsZero() || !from.Before(to) {
		return nil
	}
	opened, first := -1, from.Add(-min(early, to.Sub(from)/2))
	for i, c := range charges {
		if c.at().Before(first) {
			break
		}
		if opened = i; !c.at().After(from.Add(moment)) {
			break // those before it were for the period before
		}
	}
	for i, c := range charges {
		own, opens := c.invoice.Object, opened >= 0 && c.invoice.ID == charges[opened].invoice.ID
		switch {
		case i > opened && !opens:
			return starts
		case own.PeriodEnd.Equal(to) && !own.PeriodStart.Before(from) && own.PeriodStart.Before(to):
			starts = append(starts, own.PeriodStart)
		case opens:
			starts = append(starts, from)
		default:
			starts = append(starts, latest(c.at(), from))
		}
	}
	return starts
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
func (c cost) refund() (actions []policy.Action) {
	for _, p := range c.parts {
		if p.due.Amount > 0 {
			actions = append(actions, policy.On(p.Account, billing.KindPayment, p.ID, policy.Refund, "duplicate", policy.Details{
				Amount: p.due.Amount, Currency: p.due.Currency, Refunded: p.Object.Refunded, Reason: "duplicate",
			}))
		}
	}
	return actions
}

// back is what has gone back of the payments for the current period, in the currency of
// the newest; nil: nothing has.
func (c cost) back() *billing.Money {
	var sum billing.Money
	for _, p := range c.parts {
		if sum.Currency == "" {
			sum.Currency = p.Object.Amount.Currency
		}
		if p.Object.Amount.Currency == sum.Currency {
			sum.Amount += p.Object.Refunded
		}
	}
	if sum.Amount == 0 {
		return nil
	}
	return &sum
}

// words are what a person needs to decide.
func (c cost) words(d double) string {
	text := fmt.Sprintf("Kept: %s of %s, since %s.\nTo end: %s of %s, since %s.", d.kept.ID, d.kept.Account, date(d.kept.Object.StartedAt),
		d.old.ID, d.old.Account, date(d.old.Object.StartedAt))
	if len(c.parts) == 0 {
		text += "\nNothing was paid for its current period, so nothing goes back."
	}
	for _, p := range c.parts {
		if p.due.Amount == 0 {
			text += fmt.Sprintf("\nOf payment %s nothing is left to go back.", p.ID)
			continue
		}
		text += fmt.Sprintf("\nTo go back: %s of %s (payment %s), for %s to %s of the period from %s.", p.due, p.Object.Amount, p.ID,
			date(latest(d.since, p.from)), date(c.to), date(p.from))
	}
	for _, p := range c.before {
		left := billing.Money{Amount: p.Object.Amount.Amount - p.Object.Refunded, Currency: p.Object.Amount.Currency}
		text += fmt.Sprintf("\nPaid twice before: %s on %s (payment %s). Decide whether it goes back.", left, date(p.Object.PaidAt), p.ID)
	}
	return text
}

func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }
