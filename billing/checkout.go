package billing

import "time"

// CheckoutStatus is the state of a provider's checkout page.
type CheckoutStatus string

// The states of a checkout. Approved means that the customer agreed and that the
// money has still to be taken, by us (PayPal's orders). Complete means that the
// customer went through it, not that money has arrived: see
// [Checkout.PaymentStatus].
const (
	CheckoutOpen     CheckoutStatus = "open"
	CheckoutApproved CheckoutStatus = "approved"
	CheckoutComplete CheckoutStatus = "complete"
	CheckoutExpired  CheckoutStatus = "expired"
)

// What [Checkout.PaymentStatus] can say.
const (
	CheckoutPaid      = "paid"
	CheckoutUnpaid    = "unpaid"
	CheckoutNoPayment = "no_payment_required"
)

// Checkout is one visit to the provider's hosted payment page.
type Checkout struct {
	Status CheckoutStatus `json:"status"`
	// PaymentStatus is [CheckoutPaid], [CheckoutUnpaid] (a delayed method has
	// not settled) or [CheckoutNoPayment]. It informs; access counts on the
	// payment itself.
	PaymentStatus string `json:"payment_status,omitempty"`
	// Mode is "payment" or "subscription".
	Mode  string `json:"mode,omitempty"`
	Items []Item `json:"items,omitempty"`
	// Total is what the customer is asked for, after discounts and with tax.
	Total Money `json:"total,omitzero"`
	// Payment and Subscription are the provider's ids of what came of it.
	Payment      string    `json:"payment,omitempty"`
	Subscription string    `json:"subscription,omitempty"`
	CreatedAt    time.Time `json:"created_at,omitzero"`
	// ExpiresAt is when an open page closes.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// Kind implements [Object].
func (Checkout) Kind() Kind { return KindCheckout }

// State implements [Object].
func (c Checkout) State() string { return string(c.Status) }

// Revisit implements [Object]: an unfinished checkout when it expires; one whose
// payment is still under way, a day after it was made.
func (c Checkout) Revisit() time.Time {
	switch {
	case c.Status == CheckoutOpen || c.Status == CheckoutApproved:
		return c.ExpiresAt
	case c.Status == CheckoutComplete && c.PaymentStatus == CheckoutUnpaid && !c.CreatedAt.IsZero():
		return c.CreatedAt.Add(24 * time.Hour)
	}
	return time.Time{}
}

func (c Checkout) changesFrom(before Object) []ChangeKind {
	was, _ := before.(Checkout)
	var named []ChangeKind
	if change, told := checkoutChange[c.Status]; told && c.Status != was.Status {
		named = append(named, change)
	}
	return changesOf(before, named)
}

var checkoutChange = map[CheckoutStatus]ChangeKind{
	CheckoutApproved: CheckoutAgreed,
	CheckoutComplete: CheckoutCompleted,
	CheckoutExpired:  CheckoutLapsed,
}
