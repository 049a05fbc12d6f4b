package stripe

import (
	"context"
	"fmt"
	"time"

	sdk "github.com/stripe/stripe-go/v85"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

func (d *Driver) payments() looker {
	return payments{reader[paymentIntent]{
		retrieve: func(ctx context.Context, id string) error {
			_, err := d.api.V1PaymentIntents.Retrieve(ctx, id, &sdk.PaymentIntentRetrieveParams{
				Expand: expand("latest_charge.balance_transaction"),
			})
			return err
		},
		list: func(ctx context.Context, query provider.Query) error {
			return d.api.V1PaymentIntents.List(ctx, &sdk.PaymentIntentListParams{
				ListParams: listParams(query), Expand: expand("data.latest_charge.balance_transaction"), Customer: owned(query),
			}).Err()
		},
		id:       func(p paymentIntent) string { return p.ID },
		snapshot: d.payment,
	}}
}

// charges reads payments that were made without a payment intent.
func (d *Driver) charges() looker {
	return reader[charge]{
		retrieve: func(ctx context.Context, id string) error {
			_, err := d.api.V1Charges.Retrieve(ctx, id, &sdk.ChargeRetrieveParams{Expand: expand("balance_transaction")})
			return err
		},
		id:       func(c charge) string { return c.ID },
		snapshot: d.charge,
	}
}

func (d *Driver) payment(_ context.Context, p paymentIntent) (provider.Snapshot, error) {
	amount, err := money(p.Amount, p.Currency)
	if err != nil {
		return provider.Snapshot{}, err
	}
	object := billing.Payment{
		Status: paymentStatus(&p), ProviderStatus: string(p.Status), Amount: amount,
		Items: readItems(p.Metadata[metaItems]), CreatedAt: moment(p.Created),
	}
	if err := addCharge(&object, (*charge)(p.LatestCharge)); err != nil {
		return provider.Snapshot{}, err
	}
	if object.Status != billing.PaymentSucceeded {
		object.PaidAt = time.Time{}
	} else if object.PaidAt.IsZero() {
		object.PaidAt = object.CreatedAt
	}
	addFailure(&object, p.LastPaymentError)
	return provider.Snapshot{
		Ref: d.ref(billing.KindPayment, p.ID), Object: object, Owner: p.Customer.idOf(), Claims: claims(p.Metadata),
		Attempts: attempts(p.ID, (*charge)(p.LatestCharge)),
	}, nil
}

func paymentStatus(p *paymentIntent) billing.PaymentStatus {
	switch p.Status {
	case sdk.PaymentIntentStatusSucceeded:
		return billing.PaymentSucceeded
	case sdk.PaymentIntentStatusCanceled:
		return billing.PaymentCanceled
	case sdk.PaymentIntentStatusRequiresAction:
		return billing.PaymentRequiresAction
	case sdk.PaymentIntentStatusRequiresPaymentMethod:
		if p.LastPaymentError != nil {
			return billing.PaymentFailed // it had a method, and the method was declined
		}
	}
	return billing.PaymentPending
}

// charge reads a payment that has no payment intent.
func (d *Driver) charge(_ context.Context, c charge) (provider.Snapshot, error) {
	if c.PaymentIntent != nil {
		return provider.Snapshot{}, fmt.Errorf("the charge belongs to payment %s: ask for that", c.PaymentIntent.ID)
	}
	amount, err := money(c.Amount, c.Currency)
	if err != nil {
		return provider.Snapshot{}, err
	}
	object := billing.Payment{
		Status: billing.PaymentPending, ProviderStatus: string(c.Status), Amount: amount,
		Items: readItems(c.Metadata[metaItems]), CreatedAt: moment(c.Created),
	}
	switch {
	case c.Status == sdk.ChargeStatusSucceeded && c.Captured:
		object.Status = billing.PaymentSucceeded
	case c.Status == sdk.ChargeStatusFailed:
		object.Status = billing.PaymentFailed
	}
	if err := addCharge(&object, &c); err != nil {
		return provider.Snapshot{}, err
	}
	if object.Status != billing.PaymentSucceeded {
		object.PaidAt = time.Time{}
	}
	return provider.Snapshot{
		Ref: d.ref(billing.KindPayment, c.ID), Object: object, Owner: c.Customer.idOf(), Claims: claims(c.Metadata),
		Attempts: attempts(c.ID, &c),
	}, nil
}

// addCharge fills in what only the latest attempt knows: how it was paid, what
// went back, and what Stripe kept.
func addCharge(into *billing.Payment, c *charge) error {
	if c == nil {
		return nil
	}
	into.Charge = c.ID
	if c.Currency == "" { // named only, not expanded
		return nil
	}
	refunded, err := money(c.AmountRefunded, c.Currency)
	if err != nil {
		return err
	}
	into.Refunded, into.PaidAt = refunded.Amount, moment(c.Created)
	if details := c.PaymentMethodDetails; details != nil {
		into.Method, into.Card = details.Type, cardOf(details.Card)
	}
	if entry := c.BalanceTransaction; entry != nil && entry.Currency != "" {
		// Booked when the money really came, which for a delayed method is days
		// after the attempt.
		into.PaidAt = moment(entry.Created)
		if fee, err := money(entry.Fee, entry.Currency); err == nil {
			into.Fee = &fee
		}
	}
	if c.Status == sdk.ChargeStatusFailed {
		into.Decline = declineOf(c)
	}
	return nil
}

func cardOf(card *card) *billing.Card {
	if card == nil {
		return nil
	}
	shown := &billing.Card{
		Brand: card.Brand, Last4: card.Last4,
		ExpMonth: int(card.ExpMonth), ExpYear: int(card.ExpYear), Country: card.Country,
	}
	if card.Wallet != nil {
		shown.Wallet = card.Wallet.Type
	}
	return shown
}

func declineOf(c *charge) *billing.Decline {
	decline := &billing.Decline{Code: c.FailureCode}
	if outcome := c.Outcome; outcome != nil {
		decline.DeclineCode = outcome.Reason
		decline.NetworkCode = outcome.NetworkDeclineCode
		decline.Advice = outcome.AdviceCode
	}
	return decline
}

// addFailure completes a decline from the payment intent's own account of its
// latest error, which there is even if no charge came of the attempt.
func addFailure(into *billing.Payment, failure *paymentError) {
	if failure == nil {
		return
	}
	if into.Decline == nil {
		into.Decline = &billing.Decline{}
	}
	if failure.Code != "" {
		into.Decline.Code = failure.Code
	}
	if failure.DeclineCode != "" {
		into.Decline.DeclineCode = failure.DeclineCode
	}
	if method := failure.PaymentMethod; method != nil && into.Method == "" {
		into.Method = method.Type
		if card := method.Card; card != nil {
			into.Card = &billing.Card{
				Brand: card.Brand, Last4: card.Last4,
				ExpMonth: int(card.ExpMonth), ExpYear: int(card.ExpYear), Country: card.Country,
			}
		}
	}
}
