package api

import (
	"encoding/json"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// ExportedObject is what exported objects of providers have in common.
type ExportedObject struct {
	ID         string  `json:"id"` // provider_id@provider
	Provider   string  `json:"provider"`
	ProviderID string  `json:"provider_id"`
	Customer   *string `json:"customer"` // null: nobody knows whose it is
	// Owner is the provider's id of its customer.
	Owner     *string   `json:"owner"`
	Gone      bool      `json:"gone"`
	CheckedAt time.Time `json:"checked_at"`
	ChangedAt time.Time `json:"changed_at"`
}

func exportedObject(o store.Object) ExportedObject {
	return ExportedObject{
		ID: publicID(o.Account, o.ID), Provider: o.Account, ProviderID: o.ID, Customer: orNull(o.Customer), Owner: orNull(o.Owner),
		Gone: o.Gone, CheckedAt: o.CheckedAt.UTC(), ChangedAt: o.ChangedAt.UTC(),
	}
}

// ExportedProviderCustomer is a provider's record of a person.
type ExportedProviderCustomer struct {
	ExportedObject
	Email     string     `json:"email"`
	Name      string     `json:"name"`
	Locale    string     `json:"locale"`
	CreatedAt *time.Time `json:"created_at"`
}

func providerCustomerOf(o store.Object) (ExportedProviderCustomer, error) {
	b, err := parsed[billing.ProviderCustomer](o)
	return ExportedProviderCustomer{ExportedObject: exportedObject(o), Email: b.Email, Name: b.Name, Locale: b.Locale, CreatedAt: moment(b.CreatedAt)}, err
}

// ExportedInvoice is an invoice; amounts are in minor units of the currency.
type ExportedInvoice struct {
	ExportedObject
	Status       string     `json:"status"`
	Number       string     `json:"number"`
	Reason       string     `json:"reason"`
	Subscription *string    `json:"subscription"` // provider_id@provider
	Payments     []string   `json:"payments"`
	Amount       int64      `json:"amount"` // what is or was due
	Paid         int64      `json:"paid"`
	Currency     string     `json:"currency"`
	Attempts     int64      `json:"attempts"`
	NextAttempt  *time.Time `json:"next_attempt"`
	PeriodStart  *time.Time `json:"period_start"`
	PeriodEnd    *time.Time `json:"period_end"`
	CreatedAt    *time.Time `json:"created_at"`
	PaidAt       *time.Time `json:"paid_at"`
}

func invoiceOf(o store.Object) (ExportedInvoice, error) {
	b, err := parsed[billing.Invoice](o)
	row := ExportedInvoice{
		ExportedObject: exportedObject(o), Status: string(b.Status), Number: b.Number, Reason: b.Reason, Subscription: pointed(o.Account, b.Subscription),
		Payments: []string{}, Amount: b.Due.Amount, Paid: b.Paid, Currency: b.Due.Currency, Attempts: b.Attempts, NextAttempt: moment(b.NextAttempt),
		PeriodStart: moment(b.PeriodStart), PeriodEnd: moment(b.PeriodEnd), CreatedAt: moment(b.CreatedAt), PaidAt: moment(b.PaidAt),
	}
	for _, id := range b.Payments {
		row.Payments = append(row.Payments, publicID(o.Account, id))
	}
	return row, err
}

// pointed names another object of the account; none as null.
func pointed(account, id string) *string {
	if id == "" {
		return nil
	}
	name := publicID(account, id)
	return &name
}

// ExportedRefund is a refund; the amount is in minor units of the currency.
type ExportedRefund struct {
	ExportedObject
	Status    string     `json:"status"`
	Payment   *string    `json:"payment"` // provider_id@provider
	Amount    int64      `json:"amount"`
	Currency  string     `json:"currency"`
	Reason    string     `json:"reason"`
	Failure   string     `json:"failure"`
	CreatedAt *time.Time `json:"created_at"`
}

func refundOf(o store.Object) (ExportedRefund, error) {
	b, err := parsed[billing.Refund](o)
	return ExportedRefund{
		ExportedObject: exportedObject(o), Status: string(b.Status), Payment: pointed(o.Account, b.Payment), Amount: b.Amount.Amount,
		Currency: b.Amount.Currency, Reason: b.Reason, Failure: b.Failure, CreatedAt: moment(b.CreatedAt),
	}, err
}

// ExportedDispute is a contested payment; the amount is in minor units of the currency.
type ExportedDispute struct {
	ExportedObject
	Status         string     `json:"status"`
	ProviderStatus string     `json:"provider_status"`
	Payment        *string    `json:"payment"` // provider_id@provider
	Amount         int64      `json:"amount"`
	Currency       string     `json:"currency"`
	Reason         string     `json:"reason"`
	DueBy          *time.Time `json:"due_by"`
	CreatedAt      *time.Time `json:"created_at"`
}

func disputeOf(o store.Object) (ExportedDispute, error) {
	b, err := parsed[billing.Dispute](o)
	return ExportedDispute{
		ExportedObject: exportedObject(o), Status: string(b.Status), ProviderStatus: b.ProviderStatus, Payment: pointed(o.Account, b.Payment),
		Amount: b.Amount.Amount, Currency: b.Amount.Currency, Reason: b.Reason, DueBy: moment(b.DueBy), CreatedAt: moment(b.CreatedAt),
	}, err
}

// ExportedWarning is a card network's warning of fraud.
type ExportedWarning struct {
	ExportedObject
	Payment    *string    `json:"payment"` // provider_id@provider
	Actionable bool       `json:"actionable"`
	FraudType  string     `json:"fraud_type"`
	CreatedAt  *time.Time `json:"created_at"`
}

func warningOf(o store.Object) (ExportedWarning, error) {
	b, err := parsed[billing.Warning](o)
	return ExportedWarning{
		ExportedObject: exportedObject(o), Payment: pointed(o.Account, b.Payment), Actionable: b.Actionable, FraudType: b.FraudType, CreatedAt: moment(b.CreatedAt),
	}, err
}

// ExportedProviderCheckout is a payment page at a provider, whoever made it.
type ExportedProviderCheckout struct {
	ExportedObject
	Status       string     `json:"status"`
	Payment      *string    `json:"payment"`      // provider_id@provider
	Subscription *string    `json:"subscription"` // provider_id@provider
	Amount       int64      `json:"amount"`       // in minor units of the currency
	Currency     string     `json:"currency"`
	CreatedAt    *time.Time `json:"created_at"`
}

func providerCheckoutOf(o store.Object) (ExportedProviderCheckout, error) {
	b, err := parsed[billing.Checkout](o)
	return ExportedProviderCheckout{
		ExportedObject: exportedObject(o), Status: string(b.Status), Payment: pointed(o.Account, b.Payment), Subscription: pointed(o.Account, b.Subscription),
		Amount: b.Total.Amount, Currency: b.Total.Currency, CreatedAt: moment(b.CreatedAt),
	}, err
}

// ExportedCheckout is a payment page that was made here.
type ExportedCheckout struct {
	ID         string     `json:"id"`
	Provider   string     `json:"provider"`
	ProviderID *string    `json:"provider_id"`
	Customer   string     `json:"customer"`
	Plan       string     `json:"plan"`
	State      string     `json:"state"`
	CreatedAt  time.Time  `json:"created_at"`
	ReturnedAt *time.Time `json:"returned_at"`
}

func checkoutOf(c store.Checkout) ExportedCheckout {
	return ExportedCheckout{
		ID: c.ID, Provider: c.Account, ProviderID: orNull(c.Object), Customer: c.Customer, Plan: c.Plan, State: c.State,
		CreatedAt: c.CreatedAt.UTC(), ReturnedAt: moment(c.ReturnedAt),
	}
}

// ExportedAttempt is one try to pay.
type ExportedAttempt struct {
	Provider string    `json:"provider"`
	ID       string    `json:"id"`
	Customer *string   `json:"customer"`
	Payment  string    `json:"payment"` // provider_id@provider
	At       time.Time `json:"at"`
	Method   string    `json:"method"`
	Card     *Card     `json:"card"`
	Decline  *Decline  `json:"decline"` // null: it was not declined
}

func attemptOf(a store.Attempt) (ExportedAttempt, error) {
	var b billing.Attempt
	err := json.Unmarshal([]byte(a.Doc), &b)
	row := ExportedAttempt{Provider: a.Account, ID: a.ID, Customer: orNull(a.Customer), Payment: a.Payment, At: a.At.UTC(), Method: b.Method}
	if ref, err := provider.ParseRef(a.Payment); err == nil {
		row.Payment = publicID(ref.Account, ref.ID)
	}
	if c := b.Card; c != nil {
		row.Card = &Card{Brand: c.Brand, Last4: c.Last4, ExpMonth: c.ExpMonth, ExpYear: c.ExpYear, Wallet: c.Wallet}
	}
	if d := b.Decline; d != nil {
		row.Decline = &Decline{Code: d.Code, DeclineCode: d.DeclineCode, Advice: d.Advice}
	}
	return row, err
}

// ExportedEntitlement is the latest answer to whether a customer may use a feature.
type ExportedEntitlement struct {
	Customer string     `json:"customer"`
	Feature  string     `json:"feature"`
	Allowed  bool       `json:"allowed"`
	Reason   string     `json:"reason"`
	Until    *time.Time `json:"until"`
}

func entitlementOf(a store.Access) (ExportedEntitlement, error) {
	var d billing.Decision
	err := json.Unmarshal([]byte(a.Doc), &d)
	return ExportedEntitlement{Customer: a.Customer, Feature: a.Feature, Allowed: d.Allowed, Reason: string(d.Reason), Until: moment(d.Until)}, err
}

// ExportedBan is a ban, or the latest one that was lifted.
type ExportedBan struct {
	Customer  string     `json:"customer"`
	At        time.Time  `json:"at"`
	Reason    string     `json:"reason"`
	By        string     `json:"by"`
	ClearedAt *time.Time `json:"cleared_at"` // null: it stands
	ClearedBy *string    `json:"cleared_by"`
}

// ExportedCredits is what a customer has used of the credits of a plan; each use is
// among the changes.
type ExportedCredits struct {
	Customer string `json:"customer"`
	Plan     string `json:"plan"`
	Used     int64  `json:"used"` // what was used less what was given by hand
	Last     int64  `json:"last"` // what the latest use took
	Reason   string `json:"reason"`
}

func exportedCredits(row store.Credit) (ExportedCredits, error) {
	var use billing.CreditUse
	err := json.Unmarshal([]byte(row.Doc), &use)
	return ExportedCredits{Customer: row.Customer, Plan: row.Plan, Used: use.Used, Last: use.Last, Reason: use.Reason}, err
}
