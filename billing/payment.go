package billing

import "time"

// PaymentStatus is the state of a payment in our words.
type PaymentStatus string

// The states of a payment. [PaymentMachine] says how each is left. Refunds and
// disputes are facts beside the status: a refunded payment has succeeded.
const (
	PaymentPending        PaymentStatus = "pending"
	PaymentRequiresAction PaymentStatus = "requires_action"
	PaymentSucceeded      PaymentStatus = "succeeded"
	PaymentFailed         PaymentStatus = "failed"
	PaymentCanceled       PaymentStatus = "canceled"
)

// Payment is one attempt to collect money, with all its retries.
type Payment struct {
	Status         PaymentStatus `json:"status"`
	ProviderStatus string        `json:"provider_status"`
	// Amount is the gross amount that was asked for.
	Amount Money `json:"amount"`
	// Refunded counts minor units of the same currency that went back or are on
	// their way; it can fall again when a refund fails.
	Refunded int64 `json:"refunded,omitempty"`
	// Fee is what the provider kept, where it says so; its currency may differ.
	Fee *Money `json:"fee,omitempty"`

	// Method is the provider's word for how it was paid ("card", "sepa_debit",
	// …): an open vocabulary, stored as it came.
	Method string `json:"method,omitempty"`
	Card   *Card  `json:"card,omitempty"`
	// Decline is nil unless an attempt failed.
	Decline *Decline `json:"decline,omitempty"`

	// Items are the prices that a one-time payment bought, where the payment
	// itself carries them (our checkouts write them into its metadata).
	Items []Item `json:"items,omitempty"`
	// Charge is the provider's id of the latest attempt, if it has ids for them.
	Charge string `json:"charge,omitempty"`

	CreatedAt time.Time `json:"created_at,omitzero"`
	// PaidAt is when the money was taken; zero if it was not.
	PaidAt time.Time `json:"paid_at,omitzero"`
}

// Card is what may be shown of a payment card.
type Card struct {
	Brand string `json:"brand,omitempty"`
	Last4 string `json:"last4,omitempty"`
	// ExpMonth counts from 1; ExpYear has four digits. Zero: unknown.
	ExpMonth int `json:"exp_month,omitempty"`
	ExpYear  int `json:"exp_year,omitempty"`
	// Country of the issuing bank, ISO 3166-1 alpha-2.
	Country string `json:"country,omitempty"`
	// Wallet is "apple_pay", "google_pay", …; empty for the bare card.
	Wallet string `json:"wallet,omitempty"`
}

// Decline says why the latest attempt failed, in the provider's and the card
// network's codes. They are never shown to the payer as they are.
type Decline struct {
	// Code is the provider's error code, DeclineCode the issuing bank's answer in
	// the provider's words, NetworkCode the same as the card network has it.
	Code        string `json:"code,omitempty"`
	DeclineCode string `json:"decline_code,omitempty"`
	NetworkCode string `json:"network_code,omitempty"`
	// Advice is the network's advice: "do_not_try_again", "try_again_later",
	// "confirm_card_data"; empty if none came.
	Advice string `json:"advice,omitempty"`
}

// FullyRefunded reports whether everything that was paid has gone back.
func (p Payment) FullyRefunded() bool {
	return p.Status == PaymentSucceeded && p.Amount.Amount > 0 && p.Refunded >= p.Amount.Amount
}

// Kind implements [Object].
func (Payment) Kind() Kind { return KindPayment }

// State implements [Object].
func (p Payment) State() string { return string(p.Status) }

// Revisit implements [Object]: a payment under way is worth a look a day later.
func (p Payment) Revisit() time.Time {
	if (p.Status == PaymentPending || p.Status == PaymentRequiresAction) && !p.CreatedAt.IsZero() {
		return p.CreatedAt.Add(24 * time.Hour)
	}
	return time.Time{}
}

func (p Payment) changesFrom(before Object) []ChangeKind {
	was, _ := before.(Payment)
	var named []ChangeKind
	declinedAgain := p.Status == PaymentFailed && p.Charge != was.Charge
	if change, told := paymentChange[p.Status]; told && (p.Status != was.Status || declinedAgain) {
		named = append(named, change)
	}
	switch {
	case p.Refunded > was.Refunded:
		named = append(named, Refunded)
	case p.Refunded < was.Refunded:
		named = append(named, RefundReversed)
	}
	return changesOf(before, named)
}

var paymentChange = map[PaymentStatus]ChangeKind{
	PaymentRequiresAction: ActionRequired,
	PaymentSucceeded:      Paid,
	PaymentFailed:         PaymentDeclined,
	PaymentCanceled:       PaymentWithdrawn,
}

// RefundStatus is the state of a refund.
type RefundStatus string

// The states of a refund. A succeeded refund can still fail later, when the
// customer's bank sends it back.
const (
	RefundPending        RefundStatus = "pending"
	RefundRequiresAction RefundStatus = "requires_action"
	RefundSucceeded      RefundStatus = "succeeded"
	RefundFailed         RefundStatus = "failed"
	RefundCanceled       RefundStatus = "canceled"
)

// Refund is money on its way back to the customer.
type Refund struct {
	Status RefundStatus `json:"status"`
	Amount Money        `json:"amount"`
	// Payment is the provider's id of the payment that is refunded.
	Payment string `json:"payment"`
	// Reason is why it was made, Failure why it failed, in the provider's words.
	Reason    string    `json:"reason,omitempty"`
	Failure   string    `json:"failure,omitempty"`
	CreatedAt time.Time `json:"created_at,omitzero"`
}

// Kind implements [Object].
func (Refund) Kind() Kind { return KindRefund }

// State implements [Object].
func (r Refund) State() string { return string(r.Status) }

// Revisit implements [Object]: a refund that is not through after a week.
func (r Refund) Revisit() time.Time {
	if (r.Status == RefundPending || r.Status == RefundRequiresAction) && !r.CreatedAt.IsZero() {
		return r.CreatedAt.Add(7 * 24 * time.Hour)
	}
	return time.Time{}
}

func (r Refund) changesFrom(before Object) []ChangeKind {
	was, _ := before.(Refund)
	var named []ChangeKind
	if r.Status == RefundFailed && was.Status != RefundFailed {
		named = append(named, RefundFailedChange)
	}
	return changesOf(before, named)
}
