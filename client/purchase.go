package client

import (
	"context"
	"time"
)

// Money is an amount in minor units (cents, yen, fils) of an ISO 4217 currency.
type Money struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// Subscription is a subscription at a provider.
type Subscription struct {
	// ID is ProviderID, "@" and Provider.
	ID         string `json:"id"`
	Provider   string `json:"provider"`
	ProviderID string `json:"provider_id"`
	// Customer is nil while nobody knows whose it is, Plan if no plan has the price.
	Customer *string `json:"customer"`
	Plan     *string `json:"plan"`
	// Status is pending, trialing, active, past_due, unpaid, paused or ended;
	// ProviderStatus the provider's own word.
	Status             string     `json:"status"`
	ProviderStatus     string     `json:"provider_status"`
	CurrentPeriodStart *time.Time `json:"current_period_start"`
	CurrentPeriodEnd   *time.Time `json:"current_period_end"`
	// CancelAt is when it will end, or has ended, because somebody canceled it.
	CancelAt     *time.Time `json:"cancel_at"`
	EndedAt      *time.Time `json:"ended_at"`
	TrialEnd     *time.Time `json:"trial_end"`
	PastDueSince *time.Time `json:"past_due_since"`
	Pause        *Pause     `json:"pause"`
	StartedAt    *time.Time `json:"started_at"`
	Price        string     `json:"price"`
	Quantity     int64      `json:"quantity"`
	// Amount is what one interval costs, before discounts and tax.
	Amount   Money    `json:"amount"`
	Interval Interval `json:"interval"`
	Items    []Item   `json:"items"`
	// Gone: the provider no longer has it.
	Gone      bool      `json:"gone"`
	CheckedAt time.Time `json:"checked_at"`
	ChangedAt time.Time `json:"changed_at"`
}

// Interval is how often a subscription renews: every Count units.
type Interval struct {
	Unit  string `json:"unit"`
	Count int64  `json:"count"`
}

// Item is one price of a subscription.
type Item struct {
	Price    string  `json:"price"`
	Quantity int64   `json:"quantity"`
	Plan     *string `json:"plan"`
}

// Pause is a suspension of charging, which is to begin at From while the status is not
// paused; Until nil: until told.
type Pause struct {
	From  *time.Time `json:"from"`
	Until *time.Time `json:"until"`
	Mode  string     `json:"mode"`
}

// Payment is a payment at a provider. Amounts are minor units of Currency.
type Payment struct {
	ID         string  `json:"id"`
	Provider   string  `json:"provider"`
	ProviderID string  `json:"provider_id"`
	Customer   *string `json:"customer"`
	// Status is pending, requires_action, succeeded, failed or canceled.
	Status         string     `json:"status"`
	ProviderStatus string     `json:"provider_status"`
	Amount         int64      `json:"amount"`
	Refunded       int64      `json:"refunded"`
	Currency       string     `json:"currency"`
	Method         string     `json:"method"`
	Card           *Card      `json:"card"`
	Decline        *Decline   `json:"decline"`
	CreatedAt      *time.Time `json:"created_at"`
	PaidAt         *time.Time `json:"paid_at"`
	Gone           bool       `json:"gone"`
	CheckedAt      time.Time  `json:"checked_at"`
}

// Card is what may be shown of a card.
type Card struct {
	Brand    string `json:"brand"`
	Last4    string `json:"last4"`
	ExpMonth int    `json:"exp_month"`
	ExpYear  int    `json:"exp_year"`
	Wallet   string `json:"wallet"`
}

// Decline is why the latest attempt failed, in the provider's codes.
type Decline struct {
	Code        string `json:"code"`
	DeclineCode string `json:"decline_code"`
	Advice      string `json:"advice"`
}

// Subscriptions lists a customer's subscriptions.
func (c *Client) Subscriptions(ctx context.Context, ref string, l List) (Page[Subscription], error) {
	var answer Page[Subscription]
	err := c.get(ctx, at("customers", ref, "subscriptions"), l.query(), &answer)
	return answer, err
}

// Subscription reads a subscription by its id.
func (c *Client) Subscription(ctx context.Context, id string) (Subscription, error) {
	var answer Subscription
	err := c.get(ctx, at("subscriptions", id), nil, &answer)
	return answer, err
}

// Payments lists a customer's payments.
func (c *Client) Payments(ctx context.Context, ref string, l List) (Page[Payment], error) {
	var answer Page[Payment]
	err := c.get(ctx, at("customers", ref, "payments"), l.query(), &answer)
	return answer, err
}

// Payment reads a payment by its id.
func (c *Client) Payment(ctx context.Context, id string) (Payment, error) {
	var answer Payment
	err := c.get(ctx, at("payments", id), nil, &answer)
	return answer, err
}

// CheckoutRequest asks for a payment page.
type CheckoutRequest struct {
	Customer string `json:"customer"`
	Plan     string `json:"plan"`
	// Provider is the account; it may be left out if one alone sells the plan.
	Provider   string `json:"provider,omitempty"`
	Price      string `json:"price,omitempty"`
	Quantity   int64  `json:"quantity,omitempty"`
	Email      string `json:"email,omitempty"`
	Locale     string `json:"locale,omitempty"`
	SuccessURL string `json:"success_url"`
	CancelURL  string `json:"cancel_url"`
	// PromotionCodes lets customers enter a code.
	PromotionCodes bool       `json:"promotion_codes,omitempty"`
	TrialEnd       *time.Time `json:"trial_end,omitempty"`
	// Key is the idempotency key; empty: every request makes another page.
	Key string `json:"-"`
}

// Checkout is a payment page that was made.
type Checkout struct {
	ID string `json:"id"`
	// URL is where to send the customer's browser.
	URL        string     `json:"url"`
	ExpiresAt  *time.Time `json:"expires_at"`
	Provider   string     `json:"provider"`
	ProviderID string     `json:"provider_id"`
	TrialEnd   *time.Time `json:"trial_end"`
}

// CheckoutState is what became of a payment page.
type CheckoutState struct {
	ID         string     `json:"id"`
	Customer   string     `json:"customer"`
	Plan       string     `json:"plan"`
	Provider   string     `json:"provider"`
	ProviderID *string    `json:"provider_id"`
	State      string     `json:"state"`
	CreatedAt  time.Time  `json:"created_at"`
	ReturnedAt *time.Time `json:"returned_at"`
	// Status and PaymentStatus are what the provider said last; nil: it was not
	// asked yet. Subscription and Payment are ids of what came of it.
	Status        *string `json:"status"`
	PaymentStatus *string `json:"payment_status"`
	Subscription  *string `json:"subscription"`
	Payment       *string `json:"payment"`
}

// BeginCheckout makes a payment page. A customer with a live or past-due
// subscription gets none: a [*Problem] with code "subscribed".
func (c *Client) BeginCheckout(ctx context.Context, q CheckoutRequest) (Checkout, error) {
	var answer Checkout
	err := c.post(ctx, "/v1/checkouts", q.Key, q, &answer)
	return answer, err
}

// CheckoutState reads what became of a payment page.
func (c *Client) CheckoutState(ctx context.Context, id string) (CheckoutState, error) {
	var answer CheckoutState
	err := c.get(ctx, at("checkouts", id), nil, &answer)
	return answer, err
}

// Unlinked is a purchase whose customer nobody knows.
type Unlinked struct {
	ID         string            `json:"id"`
	Provider   string            `json:"provider"`
	ProviderID string            `json:"provider_id"`
	Kind       string            `json:"kind"`
	Status     string            `json:"status"`
	Amount     Money             `json:"amount"`
	Owner      *string           `json:"owner"`
	Email      string            `json:"email"`
	Claims     map[string]string `json:"claims"`
	FirstAt    time.Time         `json:"first_at"`
	// Suggestions are customers with the same address, for a person to judge.
	Suggestions []string `json:"suggestions"`
}

// Unlinked lists purchases whose customer nobody knows.
func (c *Client) Unlinked(ctx context.Context, l List) (Page[Unlinked], error) {
	var answer Page[Unlinked]
	err := c.get(ctx, "/v1/unlinked", l.query(), &answer)
	return answer, err
}

// Link says whose a purchase is.
func (c *Client) Link(ctx context.Context, id, customer string) error {
	var answer struct{}
	return c.post(ctx, at("unlinked", id, "link"), "", map[string]string{"customer": customer}, &answer)
}

// Move says that a purchase is not whose it was taken for.
func (c *Client) Move(ctx context.Context, id, from, customer string) error {
	var answer struct{}
	return c.post(ctx, at("unlinked", id, "link"), "", map[string]string{"customer": customer, "from": from}, &answer)
}
