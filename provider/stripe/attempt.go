package stripe

import (
	"context"
	"time"

	sdk "github.com/stripe/stripe-go/v85"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// payments reads payment intents, and the charges that were tried for them.
type payments struct{ reader[paymentIntent] }

// fetch reads one payment. The intent itself names its latest charge only, so the
// others are asked for where there may be any: one call more for a payment that
// did not succeed at the first try, for each hundred charges.
func (p payments) fetch(ctx context.Context, d *Driver, ref provider.Ref) (provider.Snapshot, error) {
	snapshot, err := p.reader.fetch(ctx, d, ref)
	if err != nil || !triedBefore(snapshot) {
		return snapshot, err
	}
	op := "list the charges of " + ref.ID
	charges, err := whole(ctx, d, op, func(c charge) string { return c.ID }, func(ctx context.Context, after *string) error {
		return d.api.V1Charges.List(ctx, &sdk.ChargeListParams{ListParams: wholeParams(after), PaymentIntent: sdk.String(ref.ID)}).Err()
	})
	if err != nil {
		if provider.KindOf(err) == provider.NotFound { // it was there a moment ago, and must not be taken for gone
			err = &provider.Error{Account: d.account, Op: op, Kind: provider.Unavailable, Err: err}
		}
		return provider.Snapshot{}, err
	}
	snapshot.Attempts = nil
	for _, c := range charges {
		snapshot.Attempts = append(snapshot.Attempts, attempts(ref.ID, &c)...)
	}
	return snapshot, nil
}

// atOnce is how soon after the payment its only charge was made, if it is the only
// one: nobody types another card in that time.
const atOnce = 5 * time.Second

// triedBefore reports whether a payment may have more charges than its latest: that
// one failed, or was made so late that there was time for others.
func triedBefore(s provider.Snapshot) bool {
	p, _ := s.Object.(billing.Payment)
	return len(s.Attempts) > 0 && (s.Attempts[0].Decline != nil || s.Attempts[0].At.Sub(p.CreatedAt) > atOnce)
}

// attempts is what a charge says of one try. Of a charge that is still under way,
// or that is named and not shown, nothing can be said.
func attempts(payment string, c *charge) []billing.Attempt {
	if c == nil || c.Currency == "" || c.Status != sdk.ChargeStatusSucceeded && c.Status != sdk.ChargeStatusFailed {
		return nil
	}
	a := billing.Attempt{ID: c.ID, Payment: payment, At: moment(c.Created)}
	if c.Status == sdk.ChargeStatusFailed {
		a.Decline = declineOf(c)
	}
	if details := c.PaymentMethodDetails; details != nil {
		a.Method, a.Card, a.Payer = details.Type, cardOf(details.Card), payerOf(details)
	}
	return []billing.Attempt{a}
}

// payerOf is the fingerprint of a card or of a bank account, or the payer's id of
// a wallet.
func payerOf(details *methodDetails) string {
	if details.Card != nil {
		return details.Card.Fingerprint
	}
	for _, bank := range []*account{details.SEPADebit, details.USBankAccount, details.BACSDebit, details.AUBECSDebit, details.ACSSDebit} {
		if bank != nil {
			return bank.Fingerprint
		}
	}
	if details.Paypal != nil {
		return details.Paypal.PayerID
	}
	return ""
}
