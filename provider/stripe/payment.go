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
	return payments{reader[*sdk.PaymentIntent]{
		retrieve: func(ctx context.Context, id string) (*sdk.PaymentIntent, error) {
			return d.api.V1PaymentIntents.Retrieve(ctx, id, &sdk.PaymentIntentRetrieveParams{
				Expand: expand("latest_charge.balance_transaction"),
			})
		},
		list: func(ctx context.Context, query provider.Query) *sdk.V1List[*sdk.PaymentIntent] {
			return d.api.V1PaymentIntents.List(ctx, &sdk.PaymentIntentListParams{
				ListParams: listParams(query), Expand: expand("data.latest_charge.balance_transaction"), Customer: owned(query),
			})
		},
		id:       func(p *sdk.PaymentIntent) string { return p.ID },
		snapshot: d.payment,
	}}
}

// charges reads payments that were made without a payment intent.
func (d *Driver) charges() looker {
	return reader[*sdk.Charge]{
		retrieve: func(ctx context.Context, id string) (*sdk.Charge, error) {
			return d.api.V1Charges.Retrieve(ctx, id, &sdk.ChargeRetrieveParams{Expand: expand("balance_transaction")})
		},
		id:       func(c *sdk.Charge) string { return c.ID },
		snapshot: d.charge,
	}
}

func (d *Driver) payment(_ context.Context, p *sdk.PaymentIntent) (provider.Snapshot, error) {
	amount, err := money(p.Amount, p.Currency)
	if err != nil {
		return provider.Snapshot{}, err
	}
	object := billing.Payment{
		Status: paymentStatus(p), ProviderStatus: string(p.Status), Amount: amount,
		Items: readItems(p.Metadata[metaItems]), CreatedAt: moment(p.Created),
	}
	if err := addCharge(&object, p.LatestCharge); err != nil {
		return provider.Snapshot{}, err
	}
	if object.Status != billing.PaymentSucceeded {
		object.PaidAt = time.Time{}
	} else if object.PaidAt.IsZero() {
		object.PaidAt = object.CreatedAt
	}
	addFailure(&object, p.LastPaymentError)
	return provider.Snapshot{
		Ref: d.ref(billing.KindPayment, p.ID), Object: object, Owner: customerID(p.Customer), Claims: claims(p.Metadata),
		Attempts: attempts(p.ID, p.LatestCharge),
	}, nil
}

func paymentStatus(p *sdk.PaymentIntent) billing.PaymentStatus {
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
func (d *Driver) charge(_ context.Context, c *sdk.Charge) (provider.Snapshot, error) {
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
	if err := addCharge(&object, c); err != nil {
		return provider.Snapshot{}, err
	}
	if object.Status != billing.PaymentSucceeded {
		object.PaidAt = time.Time{}
	}
	return provider.Snapshot{
		Ref: d.ref(billing.KindPayment, c.ID), Object: object, Owner: customerID(c.Customer), Claims: claims(c.Metadata),
		Attempts: attempts(c.ID, c),
	}, nil
}

// addCharge fills in what only the latest attempt knows: how it was paid, what
// went back, and what Stripe kept.
func addCharge(into *billing.Payment, c *sdk.Charge) error {
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
		into.Method, into.Card = string(details.Type), cardOf(details.Card)
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

func cardOf(card *sdk.ChargePaymentMethodDetailsCard) *billing.Card {
	if card == nil {
		return nil
	}
	shown := &billing.Card{
		Brand: string(card.Brand), Last4: card.Last4,
		ExpMonth: int(card.ExpMonth), ExpYear: int(card.ExpYear), Country: card.Country,
	}
	if card.Wallet != nil {
		shown.Wallet = string(card.Wallet.Type)
	}
	return shown
}

func declineOf(c *sdk.Charge) *billing.Decline {
	decline := &billing.Decline{Code: c.FailureCode}
	if outcome := c.Outcome; outcome != nil {
		decline.DeclineCode = outcome.Reason
		decline.NetworkCode = outcome.NetworkDeclineCode
		decline.Advice = string(outcome.AdviceCode)
	}
	return decline
}

// addFailure completes a decline from the payment intent's own account of its
// latest error, which there is even if no charge came of the attempt.
func addFailure(into *billing.Payment, failure *sdk.Error) {
	if failure == nil {
		return
	}
	if into.Decline == nil {
		into.Decline = &billing.Decline{}
	}
	if failure.Code != "" {
		into.Decline.Code = string(failure.Code)
	}
	if failure.DeclineCode != "" {
		into.Decline.DeclineCode = string(failure.DeclineCode)
	}
	if method := failure.PaymentMethod; method != nil && into.Method == "" {
		into.Method = string(method.Type)
		if card := method.Card; card != nil {
			into.Card = &billing.Card{
				Brand: string(card.Brand), Last4: card.Last4,
				ExpMonth: int(card.ExpMonth), ExpYear: int(card.ExpYear), Country: card.Country,
			}
		}
	}
}
