package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/outbox"
	"github.com/trivetdev/trivet/internal/scope"
	"github.com/trivetdev/trivet/internal/store"
)

// Payment is a payment at a provider.
type Payment struct {
	ID         string  `json:"id" doc:"provider_id@provider."`
	Provider   string  `json:"provider" doc:"The account."`
	ProviderID string  `json:"provider_id"`
	Customer   *string `json:"customer" doc:"Null while nobody knows whose it is."`

	Status         string `json:"status" enum:"pending,requires_action,succeeded,failed,canceled"`
	ProviderStatus string `json:"provider_status" doc:"The provider's own word."`
	Amount         int64  `json:"amount" doc:"In minor units of the currency."`
	Refunded       int64  `json:"refunded" doc:"What went back or is on its way, in minor units."`
	Currency       string `json:"currency" doc:"ISO 4217."`

	Method  string   `json:"method" doc:"The provider's word for how it was paid."`
	Card    *Card    `json:"card"`
	Decline *Decline `json:"decline"`

	CreatedAt *time.Time `json:"created_at"`
	PaidAt    *time.Time `json:"paid_at"`
	Gone      bool       `json:"gone" doc:"The provider no longer has it."`
	CheckedAt time.Time  `json:"checked_at" doc:"When it was last compared with the provider."`
}

// Card is what may be shown of a card.
type Card struct {
	_        struct{} `nullable:"true"`
	Brand    string   `json:"brand"`
	Last4    string   `json:"last4"`
	ExpMonth int      `json:"exp_month"`
	ExpYear  int      `json:"exp_year"`
	Wallet   string   `json:"wallet"`
}

// Decline is why the latest attempt failed.
type Decline struct {
	_           struct{} `nullable:"true"`
	Code        string   `json:"code"`
	DeclineCode string   `json:"decline_code"`
	Advice      string   `json:"advice"`
}

// payment renders a row of the ledger.
func payment(o store.Object) (Payment, error) {
	b, err := parsed[billing.Payment](o)
	if err != nil {
		return Payment{}, err
	}
	row := Payment{
		ID: publicID(o.Account, o.ID), Provider: o.Account, ProviderID: o.ID, Customer: orNull(o.Customer),
		Status: string(b.Status), ProviderStatus: b.ProviderStatus, Amount: b.Amount.Amount, Refunded: b.Refunded, Currency: b.Amount.Currency,
		Method: b.Method, CreatedAt: moment(b.CreatedAt), PaidAt: moment(b.PaidAt), Gone: o.Gone, CheckedAt: o.CheckedAt.UTC(),
	}
	if c := b.Card; c != nil {
		row.Card = &Card{Brand: c.Brand, Last4: c.Last4, ExpMonth: c.ExpMonth, ExpYear: c.ExpYear, Wallet: c.Wallet}
	}
	if d := b.Decline; d != nil {
		row.Decline = &Decline{Code: d.Code, DeclineCode: d.DeclineCode, Advice: d.Advice}
	}
	return row, nil
}

// RefundRequest says what is to go back.
type RefundRequest struct {
	Amount *int64 `json:"amount,omitempty" minimum:"1" doc:"In minor units of the payment's currency; left out: all that is left."`
	Reason string `json:"reason,omitempty" maxLength:"500" doc:"Why, for whoever asks later. duplicate, fraudulent and requested_by_customer are told to the provider, too; other words stay here."`
}

type paymentOutput struct{ Body Payment }

func (s *server) paymentOperations() {
	type refundInput struct {
		Idempotent
		ObjectInput
		Body *RefundRequest
	}
	add(s, get("/v1/payments/{id}", "get-payment", "customers", "Show a payment"),
		func(ctx context.Context, in *ObjectInput) (*paymentOutput, error) {
			o, err := s.object(ctx, in.ID, billing.KindPayment)
			if err != nil {
				return nil, err
			}
			row, err := payment(o)
			return &paymentOutput{row}, err
		})
	add(s, with(post(scope.Money, "/v1/payments/{id}/refund", "refund-payment", "actions", "Refund a payment, in full or in part"), http.StatusAccepted,
		recorded+" Without an Idempotency-Key an amount is refunded once for a payment, however often it is asked for: "+
			"for a second refund of the same amount send a key of your own. One that the provider refused is tried again when it is asked for again."),
		func(ctx context.Context, in *refundInput) (*effectOutput, error) {
			if in.Body == nil {
				in.Body = &RefundRequest{}
			}
			return s.refund(ctx, in.ID, in.Key, *in.Body)
		})
}

// refund records a refund. Its business key does not depend on the state of the
// payment, unlike that of what is done to subscriptions: money must not go back
// twice because somebody sent a form again an hour later.
func (s *server) refund(ctx context.Context, id, key string, q RefundRequest) (*effectOutput, error) {
	o, err := s.object(ctx, id, billing.KindPayment)
	if err != nil {
		return nil, err
	}
	occasion, details := "rest", outbox.Details{Reason: q.Reason}
	if q.Amount != nil {
		occasion, details.Amount = numbered(*q.Amount), *q.Amount
	}
	wanted := effectKey(outbox.Refund, o, chosen(key, occasion))
	// What was asked for before gets the same answer, whatever has become of the
	// payment since. What has not happened is tried again, with the details that
	// were recorded.
	known, err := s.DB.Effect(ctx, wanted)
	switch {
	case errors.Is(err, store.ErrNotFound):
		if details.Refunded, err = refundable(o, details.Amount); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	case known.State == store.EffectDone || known.State == store.EffectDropped || known.State == store.EffectWithheld:
		return shown(known), nil
	}
	return s.request(ctx, o, outbox.Refund, chosen(key, occasion), details)
}

// refundable reports why a refund cannot be, so far as the ledger knows, and how
// much went back before it.
func refundable(o store.Object, amount int64) (before int64, err error) {
	b, err := parsed[billing.Payment](o)
	left := b.Amount.Amount - b.Refunded
	switch {
	case err != nil:
		return 0, err
	case b.Status != billing.PaymentSucceeded:
		return 0, problemf(http.StatusConflict, "not_paid", "The payment is %s: there is nothing to refund.", b.Status)
	case left <= 0:
		return 0, problemf(http.StatusConflict, "refunded", "All of the payment was refunded already.")
	case amount > left:
		return 0, invalidf("body.amount: %d is more than the %d that are left of the payment, in minor units of %s.", amount, left, b.Amount.Currency)
	}
	return b.Refunded, nil
}
