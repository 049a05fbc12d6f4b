package dispute

import (
	"slices"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
)

// Bundle is what our records say about a contested payment: who paid, for what, when,
// and what the customer had of it. It is what a person puts into the provider's form.
type Bundle struct {
	Dispute  string        `json:"dispute"`
	Account  string        `json:"account"`
	Reason   string        `json:"reason,omitempty"`
	Amount   billing.Money `json:"amount"`
	DueBy    time.Time     `json:"due_by,omitzero"`
	Customer string        `json:"customer"`
	// Payment is the contested one; nil: it is not in the ledger.
	Payment *Paid `json:"payment,omitempty"`
	// Tries are the tries to pay it, as far as they are kept.
	Tries []Try `json:"tries,omitempty"`
	// Bought is what it paid for.
	Bought []Bought `json:"bought,omitempty"`
	// Earlier are the customer's payments before it that nobody contested, newest
	// first; those by the same card are what card networks count.
	Earlier []Paid `json:"earlier,omitempty"`
	// Later are those after it, newest first: whoever goes on paying has not been robbed.
	Later []Paid `json:"later,omitempty"`
	// Records are what was said to the customer and what they did.
	policy.Records
	// LastUsed is when the customer last used the application, as it says itself by the
	// attribute [LastUsedAt]; zero: it does not.
	LastUsed time.Time `json:"last_used,omitzero"`
}

// LastUsedAt is the attribute of a customer by which the application says when they last
// used it: a time as in RFC 3339, or a date.
const LastUsedAt = "last_used_at"

// lastUsed reads the attribute; zero: there is none, or it is no time.
func lastUsed(attributes map[string]any) time.Time {
	text, _ := attributes[LastUsedAt].(string)
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC()
		}
	}
	return time.Time{}
}

// Paid is a payment.
type Paid struct {
	ID       string        `json:"id"`
	Account  string        `json:"account"`
	At       time.Time     `json:"at"`
	Amount   billing.Money `json:"amount"`
	Refunded int64         `json:"refunded,omitempty"`
	Method   string        `json:"method,omitempty"`
	Card     *billing.Card `json:"card,omitempty"`
	// SameCard: it was paid by the card of the contested payment.
	SameCard bool `json:"same_card,omitempty"`
}

// Try is one try to pay.
type Try struct {
	At       time.Time `json:"at"`
	Declined bool      `json:"declined,omitempty"`
}

// Bought is what a payment paid for.
type Bought struct {
	Plan string `json:"plan,omitempty"`
	Name string `json:"name,omitempty"`
	// Subscription is the provider's id; empty for a one-time purchase.
	Subscription string    `json:"subscription,omitempty"`
	StartedAt    time.Time `json:"started_at,omitzero"`
	// PeriodStart and PeriodEnd are the period that the payment paid.
	PeriodStart time.Time `json:"period_start,omitzero"`
	PeriodEnd   time.Time `json:"period_end,omitzero"`
	// CanceledAt is when it was set to end, or has ended; zero: it goes on, and nobody
	// ever canceled.
	CanceledAt time.Time `json:"canceled_at,omitzero"`
}

// mostPayments bounds each list of payments of a bundle.
const mostPayments = 24

// Build makes the bundle of a dispute. It is pure; found is false if the dispute is
// not known.
func Build(known policy.Known, account, id string) (bundle Bundle, found bool) {
	d, found := billing.Find(known.Facts.Disputes, account, id)
	if !found {
		return Bundle{}, false
	}
	b := Bundle{
		Dispute: id, Account: account, Reason: d.Reason, Amount: d.Amount, DueBy: d.DueBy, Customer: known.Customer.Ref,
		Records: known.Records, LastUsed: lastUsed(known.Customer.Attributes),
	}
	b.addPayments(known, account, d.Payment)
	for _, a := range known.Attempts {
		if a.Account == account && a.Payment == d.Payment {
			b.Tries = append(b.Tries, Try{At: a.At, Declined: a.Decline != nil})
		}
	}
	b.addBought(known, account, d.Payment)
	return b, true
}

func (b *Bundle) addPayments(known policy.Known, account, id string) {
	contested := map[string]bool{}
	for _, d := range known.Facts.Disputes {
		contested[d.Account+"/"+d.Object.Payment] = true
	}
	for _, p := range known.Facts.Payments {
		if p.Account == account && p.ID == id {
			b.Payment = paid(p, nil)
		}
	}
	if b.Payment == nil {
		return
	}
	for _, p := range known.Facts.Payments {
		if p.Object.Status != billing.PaymentSucceeded || contested[p.Account+"/"+p.ID] || p.Object.Amount.Amount <= 0 {
			continue
		}
		if other := *paid(p, b.Payment.Card); other.At.Before(b.Payment.At) {
			b.Earlier = append(b.Earlier, other)
		} else {
			b.Later = append(b.Later, other)
		}
	}
	b.Earlier, b.Later = newest(b.Earlier), newest(b.Later)
}

// newest sorts payments, newest first, and keeps so many of them.
func newest(all []Paid) []Paid {
	slices.SortStableFunc(all, func(x, y Paid) int { return y.At.Compare(x.At) })
	return all[:min(len(all), mostPayments)]
}

func paid(p billing.Held[billing.Payment], card *billing.Card) *Paid {
	o := p.Object
	same := card != nil && o.Card != nil && o.Card.Last4 != "" && o.Card.Last4 == card.Last4 && o.Card.Brand == card.Brand
	return &Paid{ID: p.ID, Account: p.Account, At: o.PaidAt, Amount: o.Amount, Refunded: o.Refunded, Method: o.Method, Card: o.Card, SameCard: same}
}

func (b *Bundle) addBought(known policy.Known, account, payment string) {
	for _, in := range known.Facts.Invoices {
		if in.Account != account || !slices.Contains(in.Object.Payments, payment) {
			continue
		}
		bought := Bought{Subscription: in.Object.Subscription, PeriodStart: in.Object.PeriodStart, PeriodEnd: in.Object.PeriodEnd}
		if s, found := billing.Find(known.Facts.Subscriptions, account, in.Object.Subscription); found {
			bought.StartedAt, bought.CanceledAt = s.StartedAt, billing.Earliest(s.CancelAt, s.EndedAt)
			if plan, found := known.Catalog.ByPrice(account, s.Price); found {
				bought.Plan, bought.Name = plan.ID, plan.Name
			}
		}
		b.Bought = append(b.Bought, bought)
	}
	for _, p := range known.Facts.Payments {
		if p.Account != account || p.ID != payment {
			continue
		}
		for _, item := range p.Object.Items {
			if plan, found := known.Catalog.ByPrice(account, item.Price); found {
				b.Bought = append(b.Bought, Bought{Plan: plan.ID, Name: plan.Name})
			}
		}
	}
}
