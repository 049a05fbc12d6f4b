package notify

// The classes of declines, as [Notice.Reason] of the payment_failed messages
// carries them. They are what a payer may be told: that a card was reported lost
// or stolen, or is thought to be used by somebody else, is never among them.
const (
	// ReasonFunds: not enough money on the account.
	ReasonFunds = "funds"
	// ReasonExpired: the card has expired.
	ReasonExpired = "expired"
	// ReasonCardData: number, expiry date or security code are wrong.
	ReasonCardData = "card_data"
	// ReasonAuthentication: the bank wants the payer to confirm.
	ReasonAuthentication = "authentication"
	// ReasonLimit: over a limit of amount or number.
	ReasonLimit = "limit"
	// ReasonTemporary: the bank could not answer just then.
	ReasonTemporary = "temporary"
	// ReasonNotAllowed: the card is not for this kind of payment or currency.
	ReasonNotAllowed = "not_allowed"
	// ReasonMethod: card or account are closed or were replaced.
	ReasonMethod = "method"
	// ReasonAgreement: the payer withdrew the mandate or billing agreement.
	ReasonAgreement = "agreement"
	// ReasonOther is everything else, and what must not be told.
	ReasonOther = "other"
)

// Reasons of other messages.
const (
	// ReasonUnpaid is access_ended's for a payment that has not come.
	ReasonUnpaid = "unpaid"
	// ReasonChecks is banned's for payments that looked like fraud; without it a ban is
	// not explained.
	ReasonChecks = "checks"
	// ReasonDuplicate is refunded's for what was paid twice.
	ReasonDuplicate = "duplicate"
)
