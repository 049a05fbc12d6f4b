package sim

import "time"

// Object kinds in a world's truth.
const (
	KindCustomer     = "customer"
	KindSubscription = "subscription"
	KindInvoice      = "invoice"
	KindPayment      = "payment"
	KindRefund       = "refund"
	KindDispute      = "dispute"
	KindCheckout     = "checkout"
	KindWarning      = "warning"
)

// Object is one row of a simulated provider's truth: what a service in step
// with the provider must believe about one object.
//
// Fields holds plain text: times as RFC 3339 in UTC ("" when there is none),
// money in minor units, statuses in the provider-neutral vocabulary. A field
// that the provider no longer tells (the e-mail of a deleted customer) is left
// out rather than empty.
type Object struct {
	Kind string
	// ID is the provider's own id.
	ID string
	// Customer is the provider's customer id, "" for a guest.
	Customer string
	Fields   map[string]string
}

// Operations in the effect ledger.
const (
	OpCheckoutCreate    = "checkout_create"
	OpCancel            = "cancel"
	OpCancelAtPeriodEnd = "cancel_at_period_end"
	OpUncancel          = "uncancel"
	OpPause             = "pause"
	OpResume            = "resume"
	OpRefund            = "refund"
	OpDisputeClose      = "dispute_close"
	OpEmail             = "email"
	OpPayInvoice        = "pay_invoice"
	OpTrialEnd          = "trial_end"
	OpPortalLink        = "portal_link"
	OpCapture           = "capture"
)

// Effect is one API call that really changed something. A replayed call, and
// a call that sets what is already set, leave no row.
type Effect struct {
	At time.Time
	// Op is one of the Op constants.
	Op string
	// Object is the provider id of what was changed or made; for a refund, the
	// payment it was taken from.
	Object string
	// Amount is in minor units of Currency; zero where no money moves.
	Amount   int64
	Currency string
	// Key is the caller's business key (metadata trivet_effect) or, without
	// one, its idempotency key.
	Key string
}
