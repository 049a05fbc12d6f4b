package stripe

import (
	"encoding/json"

	sdk "github.com/stripe/stripe-go/v85"
)

// The types below are as much of Stripe's objects as is read, with stripe-go's words
// for states. Where an object stands for another, it is named by its id or, expanded,
// shown whole.

// named is another object of which only the id counts.
type named struct {
	ID string `json:"id"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *named) UnmarshalJSON(text []byte) error {
	type whole named
	return expandable(text, &n.ID, (*whole)(n))
}

// expandable reads an id, or the object itself.
func expandable(text []byte, id *string, whole any) error {
	if len(text) > 0 && text[0] == '"' {
		return json.Unmarshal(text, id)
	}
	return json.Unmarshal(text, whole)
}

// idOf is the id of what is named, or expanded; empty for nothing.
func (n *named) idOf() string {
	if n == nil {
		return ""
	}
	return n.ID
}

// inner is a list inside an object.
type inner[T any] struct {
	HasMore bool `json:"has_more"`
	Data    []T  `json:"data"`
}

type customer struct {
	ID       string            `json:"id"`
	Deleted  bool              `json:"deleted"`
	Email    string            `json:"email"`
	Name     string            `json:"name"`
	Created  int64             `json:"created"`
	Locales  []string          `json:"preferred_locales"`
	Metadata map[string]string `json:"metadata"`
}

type price struct {
	ID                string  `json:"id"`
	UnitAmount        int64   `json:"unit_amount"`
	UnitAmountDecimal float64 `json:"unit_amount_decimal,string"`
	Recurring         *struct {
		Interval      string `json:"interval"`
		IntervalCount int64  `json:"interval_count"`
	} `json:"recurring"`
}

type subscription struct {
	ID                string                 `json:"id"`
	Status            sdk.SubscriptionStatus `json:"status"`
	StartDate         int64                  `json:"start_date"`
	TrialEnd          int64                  `json:"trial_end"`
	EndedAt           int64                  `json:"ended_at"`
	CancelAt          int64                  `json:"cancel_at"`
	CancelAtPeriodEnd bool                   `json:"cancel_at_period_end"`
	Currency          sdk.Currency           `json:"currency"`
	PauseCollection   *struct {
		Behavior  string `json:"behavior"`
		ResumesAt int64  `json:"resumes_at"`
	} `json:"pause_collection"`
	Items         *inner[subscriptionItem] `json:"items"`
	LatestInvoice *namedInvoice            `json:"latest_invoice"`
	// BillingCycleAnchor fixes the day of the month on which periods begin.
	BillingCycleAnchor int64             `json:"billing_cycle_anchor"`
	Discounts          []*discount       `json:"discounts"`
	Schedule           *schedule         `json:"schedule"`
	Customer           *named            `json:"customer"`
	Metadata           map[string]string `json:"metadata"`
}

type subscriptionItem struct {
	ID                 string `json:"id"`
	Price              *price `json:"price"`
	Quantity           int64  `json:"quantity"`
	CurrentPeriodStart int64  `json:"current_period_start"`
	CurrentPeriodEnd   int64  `json:"current_period_end"`

	Discounts []*discount `json:"discounts"`
}

// discount is a coupon as somebody has it.
type discount struct {
	ID      string `json:"id"`
	Deleted bool   `json:"deleted"`
	// End is zero for one that does not end by itself.
	End int64 `json:"end"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *discount) UnmarshalJSON(text []byte) error {
	type whole discount
	return expandable(text, &d.ID, (*whole)(d))
}

// schedule is what is planned for a subscription.
type schedule struct {
	ID           string                         `json:"id"`
	Status       sdk.SubscriptionScheduleStatus `json:"status"`
	CurrentPhase *struct {
		StartDate int64 `json:"start_date"`
		EndDate   int64 `json:"end_date"`
	} `json:"current_phase"`
	Phases []phase `json:"phases"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *schedule) UnmarshalJSON(text []byte) error {
	type whole schedule
	return expandable(text, &s.ID, (*whole)(s))
}

// phase is what a subscription is to be for a while.
type phase struct {
	StartDate          int64                                           `json:"start_date"`
	TrialEnd           int64                                           `json:"trial_end"`
	BillingCycleAnchor sdk.SubscriptionSchedulePhaseBillingCycleAnchor `json:"billing_cycle_anchor"`
	Discounts          []phaseDiscount                                 `json:"discounts"`
	Items              []struct {
		Price     *named          `json:"price"`
		Quantity  int64           `json:"quantity"`
		Discounts []phaseDiscount `json:"discounts"`
	} `json:"items"`
}

// phaseDiscount is one of the three.
type phaseDiscount struct {
	Coupon        *named `json:"coupon"`
	Discount      *named `json:"discount"`
	PromotionCode *named `json:"promotion_code"`
}

type invoice struct {
	ID                 string            `json:"id"`
	Deleted            bool              `json:"deleted"`
	Status             sdk.InvoiceStatus `json:"status"`
	Number             string            `json:"number"`
	BillingReason      string            `json:"billing_reason"`
	AmountDue          int64             `json:"amount_due"`
	AmountPaid         int64             `json:"amount_paid"`
	Currency           sdk.Currency      `json:"currency"`
	AttemptCount       int64             `json:"attempt_count"`
	NextPaymentAttempt int64             `json:"next_payment_attempt"`
	PeriodStart        int64             `json:"period_start"`
	PeriodEnd          int64             `json:"period_end"`
	Created            int64             `json:"created"`
	DueDate            int64             `json:"due_date"`
	StatusTransitions  *struct {
		PaidAt int64 `json:"paid_at"`
	} `json:"status_transitions"`
	Customer *named            `json:"customer"`
	Metadata map[string]string `json:"metadata"`
	Parent   *struct {
		SubscriptionDetails *struct {
			Metadata     map[string]string `json:"metadata"`
			Subscription *named            `json:"subscription"`
		} `json:"subscription_details"`
	} `json:"parent"`
	Payments *inner[invoicePayment] `json:"payments"`
}

// namedInvoice is an invoice of which another object tells.
type namedInvoice invoice

// UnmarshalJSON implements json.Unmarshaler.
func (i *namedInvoice) UnmarshalJSON(text []byte) error {
	return expandable(text, &i.ID, (*invoice)(i))
}

type invoicePayment struct {
	ID      string `json:"id"`
	Payment *struct {
		PaymentIntent *named `json:"payment_intent"`
		Charge        *named `json:"charge"`
	} `json:"payment"`
}

type paymentIntent struct {
	ID               string                  `json:"id"`
	Status           sdk.PaymentIntentStatus `json:"status"`
	Amount           int64                   `json:"amount"`
	Currency         sdk.Currency            `json:"currency"`
	Created          int64                   `json:"created"`
	Metadata         map[string]string       `json:"metadata"`
	Customer         *named                  `json:"customer"`
	LatestCharge     *namedCharge            `json:"latest_charge"`
	LastPaymentError *paymentError           `json:"last_payment_error"`
}

type paymentError struct {
	Code          string `json:"code"`
	DeclineCode   string `json:"decline_code"`
	PaymentMethod *struct {
		Type string `json:"type"`
		Card *card  `json:"card"`
	} `json:"payment_method"`
}

type card struct {
	Brand    string `json:"brand"`
	Last4    string `json:"last4"`
	ExpMonth int64  `json:"exp_month"`
	ExpYear  int64  `json:"exp_year"`
	Country  string `json:"country"`
	// Fingerprint is the same wherever the card is used within one Stripe account.
	Fingerprint string `json:"fingerprint"`
	Wallet      *struct {
		Type string `json:"type"`
	} `json:"wallet"`
}

type charge struct {
	ID                   string            `json:"id"`
	Status               sdk.ChargeStatus  `json:"status"`
	Amount               int64             `json:"amount"`
	AmountRefunded       int64             `json:"amount_refunded"`
	Currency             sdk.Currency      `json:"currency"`
	Captured             bool              `json:"captured"`
	Disputed             bool              `json:"disputed"`
	Created              int64             `json:"created"`
	Metadata             map[string]string `json:"metadata"`
	Customer             *named            `json:"customer"`
	PaymentIntent        *named            `json:"payment_intent"`
	FailureCode          string            `json:"failure_code"`
	PaymentMethodDetails *methodDetails    `json:"payment_method_details"`
	BalanceTransaction   *entry            `json:"balance_transaction"`
	Outcome              *struct {
		Reason             string `json:"reason"`
		NetworkDeclineCode string `json:"network_decline_code"`
		AdviceCode         string `json:"advice_code"`
	} `json:"outcome"`
}

// methodDetails is what a charge tells of how it was paid.
type methodDetails struct {
	Type          string   `json:"type"`
	Card          *card    `json:"card"`
	SEPADebit     *account `json:"sepa_debit"`
	USBankAccount *account `json:"us_bank_account"`
	BACSDebit     *account `json:"bacs_debit"`
	AUBECSDebit   *account `json:"au_becs_debit"`
	ACSSDebit     *account `json:"acss_debit"`
	Paypal        *struct {
		PayerID string `json:"payer_id"`
	} `json:"paypal"`
}

// account is the bank account behind a charge.
type account struct {
	Fingerprint string `json:"fingerprint"`
}

// namedCharge is a charge of which another object tells.
type namedCharge charge

// UnmarshalJSON implements json.Unmarshaler.
func (c *namedCharge) UnmarshalJSON(text []byte) error {
	return expandable(text, &c.ID, (*charge)(c))
}

// entry is one of the account's books: a balance transaction.
type entry struct {
	ID       string       `json:"id"`
	Currency sdk.Currency `json:"currency"`
	Created  int64        `json:"created"`
	Fee      int64        `json:"fee"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (e *entry) UnmarshalJSON(text []byte) error {
	type whole entry
	return expandable(text, &e.ID, (*whole)(e))
}

type refund struct {
	ID            string            `json:"id"`
	Status        sdk.RefundStatus  `json:"status"`
	Amount        int64             `json:"amount"`
	Currency      sdk.Currency      `json:"currency"`
	Reason        string            `json:"reason"`
	FailureReason string            `json:"failure_reason"`
	Created       int64             `json:"created"`
	PaymentIntent *named            `json:"payment_intent"`
	Charge        *namedCharge      `json:"charge"`
	Metadata      map[string]string `json:"metadata"`
}

type dispute struct {
	ID              string            `json:"id"`
	Status          sdk.DisputeStatus `json:"status"`
	Amount          int64             `json:"amount"`
	Currency        sdk.Currency      `json:"currency"`
	Reason          string            `json:"reason"`
	Created         int64             `json:"created"`
	PaymentIntent   *named            `json:"payment_intent"`
	Charge          *namedCharge      `json:"charge"`
	Metadata        map[string]string `json:"metadata"`
	EvidenceDetails *struct {
		DueBy int64 `json:"due_by"`
	} `json:"evidence_details"`
}

type warning struct {
	ID            string       `json:"id"`
	Actionable    bool         `json:"actionable"`
	FraudType     string       `json:"fraud_type"`
	Created       int64        `json:"created"`
	PaymentIntent *named       `json:"payment_intent"`
	Charge        *namedCharge `json:"charge"`
}

type session struct {
	ID                string                    `json:"id"`
	Status            sdk.CheckoutSessionStatus `json:"status"`
	PaymentStatus     string                    `json:"payment_status"`
	Mode              string                    `json:"mode"`
	Currency          sdk.Currency              `json:"currency"`
	AmountTotal       int64                     `json:"amount_total"`
	Created           int64                     `json:"created"`
	ExpiresAt         int64                     `json:"expires_at"`
	ClientReferenceID string                    `json:"client_reference_id"`
	Metadata          map[string]string         `json:"metadata"`
	Customer          *named                    `json:"customer"`
	Subscription      *named                    `json:"subscription"`
	PaymentIntent     *named                    `json:"payment_intent"`
	LineItems         *inner[lineItem]          `json:"line_items"`
}

type lineItem struct {
	ID       string `json:"id"`
	Price    *price `json:"price"`
	Quantity int64  `json:"quantity"`
}
