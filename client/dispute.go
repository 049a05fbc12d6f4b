package client

import (
	"context"
	"time"
)

// DisputeEvidence is what the service's records say for you about a contested payment.
// Amounts are minor units of Currency.
type DisputeEvidence struct {
	ID         string `json:"id"`
	Provider   string `json:"provider"`
	ProviderID string `json:"provider_id"`
	Customer   string `json:"customer"`
	// Status is inquiry, open, won or lost.
	Status   string `json:"status"`
	Reason   string `json:"reason"`
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
	// DueBy is when evidence must have been sent; nil when it no longer counts.
	DueBy *time.Time `json:"due_by"`

	Payment *EvidencePayment  `json:"payment"`
	Tries   []EvidenceTry     `json:"tries"`
	Bought  []EvidenceBought  `json:"bought"`
	Earlier []EvidencePayment `json:"earlier"`
	// Later are the payments after the contested one that nobody contested.
	Later    []EvidencePayment `json:"later"`
	Messages []EvidenceMessage `json:"messages"`
	// Visits are when the customer came back from a checkout of yours.
	Visits []EvidenceVisit `json:"visits"`
	// Used is when credits were used, by plan.
	Used []EvidenceUse `json:"used"`
	// LastUsed is what your application set as the customer's attribute last_used_at.
	LastUsed *time.Time `json:"last_used"`
	// Text is all of it in plain words, for the provider's form.
	Text string `json:"text"`
}

// EvidencePayment is a payment as evidence. Amounts are minor units of Currency.
type EvidencePayment struct {
	ID       string     `json:"id"`
	PaidAt   *time.Time `json:"paid_at"`
	Amount   int64      `json:"amount"`
	Refunded int64      `json:"refunded"`
	Currency string     `json:"currency"`
	Method   string     `json:"method"`
	Card     *Card      `json:"card"`
	// SameCard: it was paid by the card of the contested payment.
	SameCard bool `json:"same_card"`
}

// EvidenceTry is one try to pay.
type EvidenceTry struct {
	At       time.Time `json:"at"`
	Declined bool      `json:"declined"`
}

// EvidenceBought is what a payment paid for.
type EvidenceBought struct {
	Plan *string `json:"plan"`
	Name string  `json:"name"`
	// Subscription is nil for a one-time purchase.
	Subscription *string    `json:"subscription"`
	StartedAt    *time.Time `json:"started_at"`
	PeriodStart  *time.Time `json:"period_start"`
	PeriodEnd    *time.Time `json:"period_end"`
	// CanceledAt is when it was set to end, or has ended; nil: it goes on, and nobody
	// ever canceled.
	CanceledAt *time.Time `json:"canceled_at"`
}

// EvidenceMessage is a message that was sent to the customer.
type EvidenceMessage struct {
	At       time.Time `json:"at"`
	Template string    `json:"template"`
	Channel  string    `json:"channel"`
}

// EvidenceVisit is that the customer came back from a checkout.
type EvidenceVisit struct {
	At       time.Time `json:"at"`
	Provider string    `json:"provider"`
	Plan     string    `json:"plan"`
}

// EvidenceUse is that credits were used.
type EvidenceUse struct {
	Plan  string    `json:"plan"`
	Times int64     `json:"times"`
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}

// DisputeEvidence reads what speaks for you about a dispute, by the dispute's id.
func (c *Client) DisputeEvidence(ctx context.Context, dispute string) (DisputeEvidence, error) {
	var answer DisputeEvidence
	err := c.get(ctx, at("disputes", dispute, "evidence"), nil, &answer)
	return answer, err
}
