package billing

import "time"

// Attempt is one try to take money, as the provider tells it: a charge. What it
// says never changes, so attempts are kept as they are first seen and are no part
// of the ledger that is compared with the provider.
type Attempt struct {
	// Account is the provider account; ID the provider's id of the try; Payment the
	// id of the payment that it was a try for.
	Account string `json:"account"`
	ID      string `json:"id"`
	Payment string `json:"payment"`
	// At is when it was made, UTC.
	At time.Time `json:"at"`
	// Decline is nil if it succeeded.
	Decline *Decline `json:"decline,omitempty"`
	// Card is nil where it was no card, or the provider does not say which.
	Card *Card `json:"card,omitempty"`
	// Method is [Payment.Method].
	Method string `json:"method,omitempty"`
	// Payer is equal for equal means of payment, across customers: the provider's
	// fingerprint of a card, the id of a wallet. Empty where it tells none.
	Payer string `json:"payer,omitempty"`
}
