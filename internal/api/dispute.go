package api

import (
	"context"
	"net/http"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/policy/dispute"
)

// DisputeEvidence is what our records say for us about a contested payment.
type DisputeEvidence struct {
	ID         string     `json:"id" doc:"The dispute: provider_id@provider."`
	Provider   string     `json:"provider" doc:"The account."`
	ProviderID string     `json:"provider_id"`
	Customer   string     `json:"customer"`
	Status     string     `json:"status" enum:"inquiry,open,won,lost"`
	Reason     string     `json:"reason" doc:"The provider's word."`
	Amount     int64      `json:"amount" doc:"What is contested, in minor units of the currency."`
	Currency   string     `json:"currency" doc:"ISO 4217."`
	DueBy      *time.Time `json:"due_by" doc:"When evidence must have been sent; null when it no longer counts."`

	Payment  *EvidencePayment  `json:"payment"`
	Tries    []EvidenceTry     `json:"tries" doc:"The tries to pay it, as far as they are kept: 30 days."`
	Bought   []EvidenceBought  `json:"bought" doc:"What it paid for."`
	Earlier  []EvidencePayment `json:"earlier" doc:"The customer's earlier payments that nobody contested, newest first."`
	Later    []EvidencePayment `json:"later" doc:"Those after it."`
	Messages []EvidenceMessage `json:"messages" doc:"What was sent to the customer, newest first, up to 100."`
	Visits   []EvidenceVisit   `json:"visits" doc:"When the customer came back from a checkout of yours, newest first, up to 100."`
	Used     []EvidenceUse     `json:"used" doc:"When credits were used, by plan."`
	LastUsed *time.Time        `json:"last_used" doc:"What your application set as the attribute last_used_at; null: nothing, or what is no time."`
	Text     string            `json:"text" doc:"All of it in plain words, for the provider's form."`
}

// EvidencePayment is a payment as evidence.
type EvidencePayment struct {
	_        struct{}   `nullable:"true"`
	ID       string     `json:"id" doc:"provider_id@provider."`
	PaidAt   *time.Time `json:"paid_at"`
	Amount   int64      `json:"amount" doc:"In minor units of the currency."`
	Refunded int64      `json:"refunded" doc:"In minor units of the currency."`
	Currency string     `json:"currency"`
	Method   string     `json:"method"`
	Card     *Card      `json:"card"`
	SameCard bool       `json:"same_card" doc:"It was paid by the card of the contested payment."`
}

// EvidenceTry is one try to pay.
type EvidenceTry struct {
	At       time.Time `json:"at"`
	Declined bool      `json:"declined"`
}

// EvidenceBought is what a payment paid for.
type EvidenceBought struct {
	Plan         *string    `json:"plan" doc:"Null: no plan has the price."`
	Name         string     `json:"name"`
	Subscription *string    `json:"subscription" doc:"Null for a one-time purchase."`
	StartedAt    *time.Time `json:"started_at"`
	PeriodStart  *time.Time `json:"period_start"`
	PeriodEnd    *time.Time `json:"period_end"`
	CanceledAt   *time.Time `json:"canceled_at" doc:"When it was set to end, or has ended; null: it goes on, and nobody ever canceled."`
}

// EvidenceMessage is a message that was sent.
type EvidenceMessage struct {
	At       time.Time `json:"at"`
	Template string    `json:"template"`
	Channel  string    `json:"channel"`
}

// EvidenceVisit is that the customer came back from a checkout.
type EvidenceVisit struct {
	At       time.Time `json:"at"`
	Provider string    `json:"provider" doc:"The account."`
	Plan     string    `json:"plan"`
}

// EvidenceUse is that credits were used.
type EvidenceUse struct {
	Plan  string    `json:"plan"`
	Times int64     `json:"times"`
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}

func (s *server) disputeOperations() {
	type evidenceOutput struct{ Body DisputeEvidence }
	add(s, with(get("/v1/disputes/{id}/evidence", "get-dispute-evidence", "customers", "Show what our records say for us about a dispute"), http.StatusOK,
		"The contested payment, its tries, what it bought, payments before and after, the messages that were sent and what is known of "+
			"its use, as data and in plain words."),
		func(ctx context.Context, in *ObjectInput) (*evidenceOutput, error) {
			o, err := s.object(ctx, in.ID, billing.KindDispute)
			if err != nil {
				return nil, err
			}
			evidence, err := s.evidence(ctx, o)
			return &evidenceOutput{evidence}, err
		})
}

func (s *server) evidence(ctx context.Context, o store.Object) (e DisputeEvidence, err error) {
	if o.Customer == "" {
		return e, problemf(http.StatusConflict, "unlinked", "Nobody knows whose dispute this is, so that there are no records of them: link the payment to its customer, see GET /v1/unlinked.")
	}
	d, err := parsed[billing.Dispute](o)
	if err != nil {
		return e, err
	}
	known, err := s.Apply.Known(ctx, o.Customer)
	if err != nil {
		return e, err
	}
	b, found := dispute.Build(known, o.Account, o.ID)
	if !found {
		return e, problemf(http.StatusConflict, "gone", "The provider no longer has this dispute.")
	}
	e = DisputeEvidence{
		ID: publicID(o.Account, o.ID), Provider: o.Account, ProviderID: o.ID, Customer: o.Customer, Status: string(d.Status), Reason: d.Reason,
		Amount: d.Amount.Amount, Currency: d.Amount.Currency, DueBy: moment(d.DueBy), Text: b.Text(),
		Tries: []EvidenceTry{}, Bought: []EvidenceBought{}, Earlier: []EvidencePayment{}, Later: []EvidencePayment{}, Messages: []EvidenceMessage{},
		Visits: []EvidenceVisit{}, Used: []EvidenceUse{}, LastUsed: moment(b.LastUsed),
	}
	e.fill(b)
	return e, nil
}

// fill renders the lists of a bundle.
func (e *DisputeEvidence) fill(b dispute.Bundle) {
	if b.Payment != nil {
		p := evidencePayment(*b.Payment)
		e.Payment = &p
	}
	for _, p := range b.Earlier {
		e.Earlier = append(e.Earlier, evidencePayment(p))
	}
	for _, p := range b.Later {
		e.Later = append(e.Later, evidencePayment(p))
	}
	for _, t := range b.Tries {
		e.Tries = append(e.Tries, EvidenceTry{At: t.At.UTC(), Declined: t.Declined})
	}
	for _, m := range b.Messages {
		e.Messages = append(e.Messages, EvidenceMessage{At: m.At, Template: m.Template, Channel: m.Channel})
	}
	for _, v := range b.Visits {
		e.Visits = append(e.Visits, EvidenceVisit{At: v.At, Provider: v.Account, Plan: v.Plan})
	}
	for _, u := range b.Used {
		e.Used = append(e.Used, EvidenceUse{Plan: u.Plan, Times: u.Times, First: u.First, Last: u.Last})
	}
	for _, x := range b.Bought {
		bought := EvidenceBought{
			Plan: orNull(x.Plan), Name: x.Name, StartedAt: moment(x.StartedAt), PeriodStart: moment(x.PeriodStart), PeriodEnd: moment(x.PeriodEnd),
			CanceledAt: moment(x.CanceledAt),
		}
		if x.Subscription != "" {
			id := publicID(b.Account, x.Subscription)
			bought.Subscription = &id
		}
		e.Bought = append(e.Bought, bought)
	}
}

func evidencePayment(p dispute.Paid) EvidencePayment {
	row := EvidencePayment{
		ID: publicID(p.Account, p.ID), PaidAt: moment(p.At), Amount: p.Amount.Amount, Refunded: p.Refunded, Currency: p.Amount.Currency,
		Method: p.Method, SameCard: p.SameCard,
	}
	if c := p.Card; c != nil {
		row.Card = &Card{Brand: c.Brand, Last4: c.Last4, ExpMonth: c.ExpMonth, ExpYear: c.ExpYear, Wallet: c.Wallet}
	}
	return row
}
