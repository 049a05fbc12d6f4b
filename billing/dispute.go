package billing

import "time"

// DisputeStatus is the state of a dispute.
type DisputeStatus string

// The states of a dispute. An inquiry is a question by the customer's bank, not
// yet a chargeback; most end there. Won means that the merchant kept the money
// or never lost it to this dispute: a closed inquiry and a dispute that was
// prevented count as won.
const (
	DisputeInquiry DisputeStatus = "inquiry"
	DisputeOpen    DisputeStatus = "open"
	DisputeWon     DisputeStatus = "won"
	DisputeLost    DisputeStatus = "lost"
)

// Dispute is a payment that the customer contests through their bank.
type Dispute struct {
	Status         DisputeStatus `json:"status"`
	ProviderStatus string        `json:"provider_status"`
	// Amount is what is contested, which may be a part of the payment.
	Amount Money `json:"amount"`
	// Payment is the provider's id of the contested payment.
	Payment string `json:"payment"`
	// Reason is the provider's word, such as "fraudulent".
	Reason string `json:"reason,omitempty"`
	// DueBy is when evidence must have been sent; zero when it no longer counts.
	DueBy     time.Time `json:"due_by,omitzero"`
	CreatedAt time.Time `json:"created_at,omitzero"`
}

// Kind implements [Object].
func (Dispute) Kind() Kind { return KindDispute }

// State implements [Object].
func (d Dispute) State() string { return string(d.Status) }

// Revisit implements [Object].
func (d Dispute) Revisit() time.Time {
	if d.Status == DisputeInquiry || d.Status == DisputeOpen {
		return d.DueBy
	}
	return time.Time{}
}

func (d Dispute) changesFrom(before Object) []ChangeKind {
	was, _ := before.(Dispute)
	var named []ChangeKind
	if change, told := disputeChange[d.Status]; told && d.Status != was.Status {
		named = append(named, change)
	}
	return changesOf(before, named)
}

var disputeChange = map[DisputeStatus]ChangeKind{
	DisputeInquiry: Inquired,
	DisputeOpen:    Disputed,
	DisputeWon:     DisputeWasWon,
	DisputeLost:    DisputeWasLost,
}

// Warning is a card network's early word that a payment looks fraudulent,
// before the cardholder disputes it.
type Warning struct {
	// Actionable is false once the payment was refunded or disputed.
	Actionable bool `json:"actionable"`
	// Payment is the provider's id of the suspicious payment.
	Payment string `json:"payment"`
	// FraudType is the network's word, such as "made_with_stolen_card".
	FraudType string    `json:"fraud_type,omitempty"`
	CreatedAt time.Time `json:"created_at,omitzero"`
}

// Kind implements [Object].
func (Warning) Kind() Kind { return KindWarning }

// State implements [Object]; a warning has no states.
func (Warning) State() string { return "" }

// Revisit implements [Object].
func (Warning) Revisit() time.Time { return time.Time{} }

func (w Warning) changesFrom(before Object) []ChangeKind {
	var named []ChangeKind
	if before == nil {
		named = append(named, Warned)
	}
	return changesOf(before, named)
}
