package paddle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	sdk "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// codePendingRefund is Paddle's answer while an earlier refund of a payment waits
// for approval.
const codePendingRefund = "adjustment_pending_refund_request"

// Waits before another try.
const (
	// A refund whose outcome is unknown is looked for once it must be visible.
	untilVisible = 2 * time.Minute
	// Approval of a refund takes hours or days; an effect is tried some forty times.
	untilApproved = 6 * time.Hour
	// Paddle books a payment within moments.
	untilCompleted = time.Minute
)

var errOther = errors.New("the answer is about something else: check base_url")

// codeOf is Paddle's own code of a failed call.
func codeOf(err error) string {
	if e, ok := errors.AsType[*provider.Error](err); ok {
		return e.Code
	}
	return ""
}

// marked is the reason of a refund, with the key that it is found by.
func marked(reason, key string) string {
	if reason == "" {
		reason = "requested_by_customer"
	}
	return reason + " [trivet:" + named(key) + "]"
}

// Refund implements [provider.Refunder]. The key is part of the refund's reason,
// where [Driver.FoundRefund] finds it; Paddle keeps nobody from refunding twice, so
// it is looked for before anything is done. Most refunds wait for Paddle's
// approval, and another of the same payment cannot be asked for meanwhile: that is
// a reason to come back later.
func (d *Driver) Refund(ctx context.Context, request provider.RefundRequest) (provider.Ref, error) {
	op := "refund payment " + clip(request.Payment.ID, 64)
	if made, found, err := d.FoundRefund(ctx, request); err != nil || found {
		return made, err
	}
	switch request.Reason {
	case "", "duplicate", "fraudulent", "requested_by_customer":
	default:
		return provider.Ref{}, d.refused(op, "the reason is not duplicate, fraudulent or requested_by_customer")
	}
	t, err := d.transaction(ctx, op, request.Payment.ID)
	if err != nil {
		return provider.Ref{}, err
	}
	create, err := d.refundOf(op, t, request)
	if err != nil {
		return provider.Ref{}, err
	}
	made, err := call[sdk.Adjustment](keyed(ctx, request.Key), d, op, func(ctx context.Context) error {
		_, err := d.api.CreateAdjustment(ctx, create)
		return err
	})
	if err == nil && !isName(made.ID) {
		err = &provider.Error{Account: d.account, Op: op, Kind: provider.OutcomeUnknown, Err: errors.New("the answer is not an adjustment")}
	}
	if err != nil {
		return provider.Ref{}, later(err)
	}
	return d.ref(billing.KindRefund, made.ID), nil
}

// later says when a failed refund is worth another look.
func later(err error) error {
	e, ok := errors.AsType[*provider.Error](err)
	switch {
	case !ok || e.RetryAfter > 0:
	case e.Kind == provider.OutcomeUnknown:
		e.RetryAfter = untilVisible
	case e.Code == codePendingRefund:
		e.RetryAfter = untilApproved
	}
	return err
}

// refundOf makes the call for a refund out of what is left of a transaction's
// items.
func (d *Driver) refundOf(op string, t sdk.Transaction, request provider.RefundRequest) (*sdk.CreateAdjustmentRequest, error) {
	switch {
	case t.Status == sdk.TransactionStatusPaid:
		return nil, &provider.Error{
			Account: d.account, Op: op, Kind: provider.Unavailable, RetryAfter: untilCompleted, Err: errors.New("Paddle is still booking the payment"), //nolint:staticcheck // a name
		}
	case t.Status != sdk.TransactionStatusCompleted:
		return nil, d.refused(op, "nothing has been paid")
	case request.Amount.Amount < 0:
		return nil, d.refused(op, "the amount is negative")
	}
	items, left, whole, err := remaining(t)
	if err != nil {
		return nil, d.malformed(op, err)
	}
	amount := request.Amount.Amount
	if amount == 0 {
		amount = left
	}
	create := &sdk.CreateAdjustmentRequest{
		Action: sdk.AdjustmentActionRefund, TransactionID: t.ID, Reason: marked(request.Reason, request.Key),
	}
	switch {
	case left == 0:
		return nil, d.refused(op, "nothing is left to give back")
	case amount > left:
		return nil, d.refused(op, fmt.Sprintf("only %d of it can be given back", left))
	case amount == left && whole:
		create.Type = sdk.PtrTo(sdk.AdjustmentTypeFull)
		return create, nil
	}
	create.Type, create.Items = sdk.PtrTo(sdk.AdjustmentTypePartial), spread(items, amount)
	return create, nil
}

// rest is what of an item has not gone back.
type rest struct {
	id   string
	left int64
}

// remaining works out what is left of a transaction, item by item. Whole: nothing
// has gone back yet.
func remaining(t sdk.Transaction) (items []rest, left int64, whole bool, err error) {
	gone := map[string]int64{}
	for _, a := range t.Adjustments {
		if !takes(a) {
			continue
		}
		for _, item := range a.Items {
			amount, err := money(item.Totals.Total, t.CurrencyCode)
			if err != nil {
				return nil, 0, false, err
			}
			gone[item.ItemID] += amount.Amount
		}
	}
	for _, line := range t.Details.LineItems {
		total, err := money(line.Totals.Total, t.CurrencyCode)
		if err != nil {
			return nil, 0, false, err
		}
		if n := total.Amount - gone[line.ID]; n > 0 {
			items = append(items, rest{line.ID, n})
			left += n
		}
	}
	return items, left, len(gone) == 0, nil
}

// takes reports whether an adjustment leaves less to give back.
func takes(a sdk.Adjustment) bool {
	switch a.Action {
	case sdk.AdjustmentActionRefund:
		return a.Status != sdk.AdjustmentStatusRejected && a.Status != sdk.AdjustmentStatusReversed
	case sdk.AdjustmentActionChargeback:
		return a.Status != sdk.AdjustmentStatusReversed
	case sdk.AdjustmentActionCredit, sdk.AdjustmentActionCreditReverse, sdk.AdjustmentActionChargebackReverse,
		sdk.AdjustmentActionChargebackWarning, sdk.AdjustmentActionChargebackWarningReverse:
	}
	return false
}

// spread takes an amount from items, one after the other.
func spread(items []rest, amount int64) (parts []sdk.AdjustmentItemCreate) {
	for _, item := range items {
		n := min(item.left, amount)
		if n <= 0 {
			break
		}
		amount -= n
		parts = append(parts, sdk.AdjustmentItemCreate{
			ItemID: item.id, Type: sdk.AdjustmentItemCreateTypePartial, Amount: sdk.PtrTo(strconv.FormatInt(n, 10)),
		})
	}
	return parts
}

// FoundRefund implements [provider.Refunder]. All refunds of the payment are read,
// whatever became of them: one that was rejected was made.
func (d *Driver) FoundRefund(ctx context.Context, request provider.RefundRequest) (refund provider.Ref, found bool, err error) {
	op := "look for a refund of payment " + clip(request.Payment.ID, 64)
	if err := d.mayWrite(op, request.Payment, billing.KindPayment, request.Key); err != nil {
		return provider.Ref{}, false, err
	}
	mark := marked("x", request.Key)[1:]
	query := sdk.ListAdjustmentsRequest{TransactionID: []string{request.Payment.ID}, Action: sdk.PtrTo(string(sdk.AdjustmentActionRefund))}
	err = d.eachAdjustment(ctx, op, query, func(a sdk.Adjustment) bool {
		if strings.HasSuffix(a.Reason, mark) {
			refund = d.ref(billing.KindRefund, a.ID)
		}
		return refund.IsZero()
	})
	return refund, !refund.IsZero() && err == nil, err
}

// eachAdjustment visits the adjustments of a transaction until visit has seen
// enough. One that cannot be read ends it: money is at stake.
func (d *Driver) eachAdjustment(ctx context.Context, op string, query sdk.ListAdjustmentsRequest, visit func(sdk.Adjustment) bool) error {
	query.PerPage, query.OrderBy = sdk.PtrTo(50), byAge()
	for {
		rows, more, err := list(ctx, d, op, func(ctx context.Context) error {
			_, err := d.api.ListAdjustments(ctx, &query)
			return err
		})
		if err != nil {
			return err
		}
		for _, row := range rows {
			var a sdk.Adjustment
			if err := json.Unmarshal(row, &a); err != nil || !isName(a.ID) {
				return d.malformed(op, errors.New("an adjustment cannot be read"))
			}
			if !visit(a) {
				return nil
			}
			query.After = sdk.PtrTo(a.ID)
		}
		if !more {
			return nil
		}
	}
}
