package paddle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	sdk "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// transactions reads transactions as one of the three things that each is, with the
// others beside it.
type transactions struct{ reader[sdk.Transaction] }

func (d *Driver) transactions(kind billing.Kind) looker {
	var origins []string
	if kind == billing.KindCheckout {
		origins = []string{string(sdk.TransactionOriginAPI) + "," + string(sdk.TransactionOriginWeb)}
	}
	return transactions{reader[sdk.Transaction]{
		list: func(ctx context.Context, query provider.Query) error {
			_, err := d.api.ListTransactions(ctx, &sdk.ListTransactionsRequest{
				After: after(query), PerPage: sdk.PtrTo(30), OrderBy: byAge(), CustomerID: owned(query), Origin: origins, IncludeAdjustments: true,
			})
			return err
		},
		snapshot: func(t sdk.Transaction) (provider.Snapshot, error) { return d.nouns(kind, t) },
	}}
}

// fetch reads one transaction. If its totals say that it was adjusted and it shows no
// adjustments, they are asked for: Paddle's page and its SDK disagree on the name
// under which they are included, and a payment must not look as if nothing had
// gone back of it. In a list such a transaction is left to be fetched.
func (r transactions) fetch(ctx context.Context, d *Driver, ref provider.Ref) (provider.Snapshot, error) {
	op := fmt.Sprintf("fetch %s %s", ref.Kind, ref.ID)
	t, err := d.transaction(ctx, op, ref.ID)
	if err != nil {
		return provider.Snapshot{}, err
	}
	return d.fetched(op, t.ID, t.UpdatedAt, func() (provider.Snapshot, error) { return r.snapshot(t) })
}

// nouns translates a transaction as a thing of some kind, and beside it as the
// others.
func (d *Driver) nouns(kind billing.Kind, t sdk.Transaction) (main provider.Snapshot, err error) {
	for _, noun := range []struct {
		kind billing.Kind
		read func(sdk.Transaction) (provider.Snapshot, error)
	}{{billing.KindPayment, d.payment}, {billing.KindInvoice, d.invoice}, {billing.KindCheckout, d.checkout}} {
		if noun.kind == billing.KindCheckout && kind != noun.kind && !sent(string(t.Origin)) {
			continue
		}
		s, err := noun.read(t)
		if err != nil {
			return provider.Snapshot{}, err
		}
		if noun.kind == kind {
			s.Beside = main.Beside
			main = s
		} else {
			main.Beside = append(main.Beside, s)
		}
	}
	return main, nil
}

// errUnshown is why a transaction cannot be taken as it came.
var errUnshown = errors.New("it was adjusted and shows no adjustments")

// unshown reports whether a transaction hides its adjustments.
func unshown(t sdk.Transaction) bool {
	return len(t.Adjustments) == 0 && paid(t.Status) && t.Details.AdjustedTotals.Total != "" && t.Details.AdjustedTotals.Total != t.Details.Totals.Total
}

// transaction fetches a transaction with all its adjustments.
func (d *Driver) transaction(ctx context.Context, op, id string) (sdk.Transaction, error) {
	t, err := call[sdk.Transaction](ctx, d, op, func(ctx context.Context) error {
		_, err := d.api.GetTransaction(ctx, &sdk.GetTransactionRequest{TransactionID: id, IncludeAdjustments: true})
		return err
	})
	if err == nil && t.ID != id {
		err = d.malformed(op, errOther)
	}
	if err != nil || !unshown(t) {
		return t, err
	}
	err = d.eachAdjustment(ctx, op, sdk.ListAdjustmentsRequest{TransactionID: []string{id}}, func(a sdk.Adjustment) bool {
		t.Adjustments = append(t.Adjustments, a)
		return true
	})
	if err == nil && unshown(t) {
		err = &provider.Error{Account: d.account, Op: op, Kind: provider.Unavailable, Err: errUnshown}
	}
	return t, err
}

// sent reports whether a customer is sent to a transaction to pay it. The others
// are Paddle's own, for a subscription.
func sent(origin string) bool {
	return origin == string(sdk.TransactionOriginAPI) || origin == string(sdk.TransactionOriginWeb)
}

// snapshotOf is what a transaction's three kinds have in common.
func (d *Driver) snapshotOf(kind billing.Kind, t sdk.Transaction, object billing.Object) provider.Snapshot {
	s := provider.Snapshot{Ref: d.ref(kind, t.ID), Object: object, Owner: maybe(t.CustomerID), Claims: claims(t.CustomData)}
	if kind == billing.KindCheckout && isName(s.Owner) {
		s.Related = append(s.Related, d.ref(billing.KindCustomer, s.Owner))
	}
	if id := maybe(t.SubscriptionID); kind != billing.KindPayment && isName(id) {
		s.Related = append(s.Related, d.ref(billing.KindSubscription, id))
	}
	return s
}

// paid reports whether the money of a transaction is there. Paddle goes from paid
// to completed within moments.
func paid(status sdk.TransactionStatus) bool {
	return status == sdk.TransactionStatusPaid || status == sdk.TransactionStatusCompleted
}

// payment translates a transaction as a payment with all its attempts.
func (d *Driver) payment(t sdk.Transaction) (provider.Snapshot, error) {
	if unshown(t) {
		return provider.Snapshot{}, errUnshown
	}
	totals := t.Details.Totals
	amount, err := money(totals.GrandTotal, t.CurrencyCode)
	if err != nil {
		return provider.Snapshot{}, err
	}
	object := billing.Payment{
		Status: paymentStatus(t), ProviderStatus: string(t.Status), Amount: amount,
		Items: boughtOnce(t.Items), CreatedAt: moment(t.CreatedAt),
	}
	if object.Refunded, err = refunded(t.Adjustments); err != nil {
		return provider.Snapshot{}, err
	}
	if totals.Fee != nil {
		fee, err := money(*totals.Fee, t.CurrencyCode)
		if err != nil {
			return provider.Snapshot{}, err
		}
		object.Fee = &fee
	}
	addAttempts(&object, t.Payments)
	if object.Status == billing.PaymentSucceeded {
		object.PaidAt = paidAt(t)
	}
	s := d.snapshotOf(billing.KindPayment, t, object)
	s.Attempts = attempts(t)
	return s, nil
}

// paymentStatus: while nothing is paid, the latest attempt says how it stands.
func paymentStatus(t sdk.Transaction) billing.PaymentStatus {
	switch {
	case paid(t.Status):
		return billing.PaymentSucceeded
	case t.Status == sdk.TransactionStatusCanceled:
		return billing.PaymentCanceled
	case len(t.Payments) == 0 || !known(t.Status):
		return billing.PaymentPending
	}
	switch t.Payments[0].Status {
	case sdk.PaymentAttemptStatusError, sdk.PaymentAttemptStatusDropped:
		return billing.PaymentFailed
	case sdk.PaymentAttemptStatusActionRequired:
		return billing.PaymentRequiresAction
	}
	return billing.PaymentPending
}

func known(status sdk.TransactionStatus) bool {
	return slices.Contains([]sdk.TransactionStatus{
		sdk.TransactionStatusDraft, sdk.TransactionStatusReady, sdk.TransactionStatusBilled, sdk.TransactionStatusPastDue,
		sdk.TransactionStatusPaid, sdk.TransactionStatusCompleted, sdk.TransactionStatusCanceled,
	}, status)
}

// boughtOnce lists the items that are not of a subscription.
func boughtOnce(items []sdk.TransactionItem) (once []billing.Item) {
	for _, item := range items {
		if item.Price.BillingCycle == nil {
			once = append(once, billing.Item{Price: item.Price.ID, Quantity: int64(item.Quantity)})
		}
	}
	return once
}

// refunded adds up what went back or is on its way. A refund that Paddle rejected
// is neither.
func refunded(adjustments []sdk.Adjustment) (sum int64, err error) {
	for _, a := range adjustments {
		if a.Action != sdk.AdjustmentActionRefund || a.Status == sdk.AdjustmentStatusRejected || a.Status == sdk.AdjustmentStatusReversed {
			continue
		}
		amount, err := money(a.Totals.Total, a.CurrencyCode)
		if err != nil {
			return 0, err
		}
		sum += amount.Amount
	}
	return sum, nil
}

// addAttempts fills in how it was paid, or why not. Paddle lists the newest attempt
// first; the one that took the money counts before all others.
func addAttempts(into *billing.Payment, attempts []sdk.TransactionPaymentAttempt) {
	if len(attempts) == 0 {
		return
	}
	shown := attempts[0]
	if i := slices.IndexFunc(attempts, captured); i >= 0 {
		shown = attempts[i]
	}
	into.Charge, into.Method, into.Decline = shown.PaymentAttemptID, string(shown.MethodDetails.Type), declineOf(shown)
	into.Card = cardOf(shown)
}

// cardOf is the card of an attempt; nil if it was none.
func cardOf(attempt sdk.TransactionPaymentAttempt) *billing.Card {
	card := attempt.MethodDetails.Card
	if card == nil {
		return nil
	}
	shown := &billing.Card{Brand: string(card.Type), Last4: card.Last4, ExpMonth: card.ExpiryMonth, ExpYear: card.ExpiryYear}
	if wallet := attempt.MethodDetails.Type; wallet == sdk.PaymentMethodTypeApplePay || wallet == sdk.PaymentMethodTypeGooglePay {
		shown.Wallet = string(wallet)
	}
	return shown
}

// attempts lists the tries whose outcome is known. Paddle tells all of them with
// the transaction, and nothing by which a card could be told to be another
// customer's too.
func attempts(t sdk.Transaction) (tried []billing.Attempt) {
	for _, a := range t.Payments {
		if !captured(a) && a.Status != sdk.PaymentAttemptStatusError || a.PaymentAttemptID == "" {
			continue
		}
		tried = append(tried, billing.Attempt{
			ID: a.PaymentAttemptID, Payment: t.ID, At: moment(a.CreatedAt), Decline: declineOf(a), Card: cardOf(a), Method: string(a.MethodDetails.Type),
		})
	}
	return tried
}

func captured(attempt sdk.TransactionPaymentAttempt) bool {
	return attempt.Status == sdk.PaymentAttemptStatusCaptured
}

// paidAt is when the money was taken; one that was over nothing, when it was
// billed.
func paidAt(t sdk.Transaction) time.Time {
	if i := slices.IndexFunc(t.Payments, captured); i >= 0 {
		if at := moment(maybe(t.Payments[i].CapturedAt)); !at.IsZero() {
			return at
		}
	}
	if at := moment(maybe(t.BilledAt)); !at.IsZero() {
		return at
	}
	return moment(t.CreatedAt)
}

// invoice translates a transaction as a demand for money.
func (d *Driver) invoice(t sdk.Transaction) (provider.Snapshot, error) {
	due, err := money(t.Details.Totals.GrandTotal, t.CurrencyCode)
	if err != nil {
		return provider.Snapshot{}, err
	}
	object := billing.Invoice{
		Status: invoiceStatus(t.Status), Number: maybe(t.InvoiceNumber), Reason: string(t.Origin), Subscription: maybe(t.SubscriptionID),
		Payments: []string{t.ID}, Due: due, CreatedAt: moment(t.CreatedAt),
	}
	if object.Status == billing.InvoicePaid {
		object.Paid, object.PaidAt = due.Amount, paidAt(t)
	}
	for _, attempt := range t.Payments {
		if captured(attempt) || attempt.Status == sdk.PaymentAttemptStatusError {
			object.Attempts++
		}
	}
	if period := t.BillingPeriod; period != nil {
		object.PeriodStart, object.PeriodEnd = moment(period.StartsAt), moment(period.EndsAt)
	}
	return d.snapshotOf(billing.KindInvoice, t, object), nil
}

func invoiceStatus(status sdk.TransactionStatus) billing.InvoiceStatus {
	switch status {
	case sdk.TransactionStatusBilled, sdk.TransactionStatusPastDue:
		return billing.InvoiceOpen
	case sdk.TransactionStatusPaid, sdk.TransactionStatusCompleted:
		return billing.InvoicePaid
	case sdk.TransactionStatusCanceled:
		return billing.InvoiceVoid
	case sdk.TransactionStatusDraft, sdk.TransactionStatusReady: // nobody has to pay these
	}
	return billing.InvoiceDraft
}

// checkout translates a transaction as the page that a customer was sent to.
func (d *Driver) checkout(t sdk.Transaction) (provider.Snapshot, error) {
	if !sent(string(t.Origin)) {
		return provider.Snapshot{}, d.none("fetch checkout "+t.ID, "nobody was sent to this transaction")
	}
	total, err := money(t.Details.Totals.GrandTotal, t.CurrencyCode)
	if err != nil {
		return provider.Snapshot{}, err
	}
	object := billing.Checkout{
		Status: billing.CheckoutOpen, PaymentStatus: billing.CheckoutUnpaid, Mode: "payment", Total: total,
		Subscription: maybe(t.SubscriptionID), CreatedAt: moment(t.CreatedAt),
	}
	for _, item := range t.Items {
		object.Items = append(object.Items, billing.Item{Price: item.Price.ID, Quantity: int64(item.Quantity)})
		if item.Price.BillingCycle != nil {
			object.Mode = "subscription"
		}
	}
	switch {
	case paid(t.Status):
		object.Status, object.PaymentStatus, object.Payment = billing.CheckoutComplete, billing.CheckoutPaid, t.ID
		if total.Amount == 0 {
			object.PaymentStatus = billing.CheckoutNoPayment
		}
	case t.Status == sdk.TransactionStatusCanceled:
		object.Status = billing.CheckoutExpired
	}
	return d.snapshotOf(billing.KindCheckout, t, object), nil
}
