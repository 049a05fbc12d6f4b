package paddle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	sdk "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// adjustments reads refunds, or disputes. Paddle has no call for one adjustment:
// one is a list of one.
type adjustments struct {
	kind     billing.Kind
	actions  []sdk.AdjustmentAction // listed one after the other
	snapshot func(sdk.Adjustment) (provider.Snapshot, error)
}

func (d *Driver) refunds() looker {
	return adjustments{kind: billing.KindRefund, actions: []sdk.AdjustmentAction{sdk.AdjustmentActionRefund}, snapshot: d.refund}
}

// disputes are chargebacks and the warnings of them. What reverses one is an
// adjustment of its own, which shows in the status of the first.
func (d *Driver) disputes() looker {
	return adjustments{
		kind:     billing.KindDispute,
		actions:  []sdk.AdjustmentAction{sdk.AdjustmentActionChargeback, sdk.AdjustmentActionChargebackWarning},
		snapshot: d.dispute,
	}
}

// kindOfAdjustment says what an adjustment is to us; empty: nothing by itself.
func kindOfAdjustment(action string) billing.Kind {
	switch sdk.AdjustmentAction(action) {
	case sdk.AdjustmentActionRefund:
		return billing.KindRefund
	case sdk.AdjustmentActionChargeback, sdk.AdjustmentActionChargebackWarning:
		return billing.KindDispute
	case sdk.AdjustmentActionCredit, sdk.AdjustmentActionCreditReverse, sdk.AdjustmentActionChargebackReverse, sdk.AdjustmentActionChargebackWarningReverse:
	}
	return ""
}

func (a adjustments) fetch(ctx context.Context, d *Driver, ref provider.Ref) (provider.Snapshot, error) {
	op := fmt.Sprintf("fetch %s %s", ref.Kind, ref.ID)
	rows, _, err := list(ctx, d, op, func(ctx context.Context) error {
		_, err := d.api.ListAdjustments(ctx, &sdk.ListAdjustmentsRequest{ID: []string{ref.ID}})
		return err
	})
	if err != nil {
		return provider.Snapshot{}, err
	}
	if len(rows) == 0 {
		return provider.Snapshot{}, d.none(op, "Paddle has no such adjustment")
	}
	var object sdk.Adjustment
	if err := json.Unmarshal(rows[0], &object); err != nil || len(rows) > 1 || object.ID != ref.ID {
		return provider.Snapshot{}, d.malformed(op, errors.New("the answer is about something else: check base_url"))
	}
	if kindOfAdjustment(string(object.Action)) != a.kind {
		return provider.Snapshot{}, d.none(op, "the adjustment is something else")
	}
	snapshot, err := a.snapshot(object)
	if err != nil {
		return provider.Snapshot{}, d.malformed(op, err)
	}
	snapshot.Version = versionOf(snapshot, updatedAdjustment(object))
	return snapshot, nil
}

// page lists by one action after the other; the cursor is "action:id".
func (a adjustments) page(ctx context.Context, d *Driver, query provider.Query) (provider.Page, error) {
	at := 0
	cursor := ""
	if query.After != "" {
		action, id, _ := strings.Cut(query.After, ":")
		for at < len(a.actions) && string(a.actions[at]) != action {
			at++
		}
		if cursor = id; at == len(a.actions) || !isName(id) {
			return provider.Page{}, d.refused("list "+string(a.kind), "the cursor is not one of ours")
		}
	}
	var page provider.Page
	for ; at < len(a.actions); at, cursor = at+1, "" {
		rows, more, err := a.rows(ctx, d, query, a.actions[at], cursor)
		if err != nil {
			return provider.Page{}, err
		}
		last, err := a.read(d, &page, rows)
		if err != nil {
			return provider.Page{}, err
		}
		if more {
			page.Next = string(a.actions[at]) + ":" + last
			return page, nil
		}
	}
	return page, nil
}

func (a adjustments) rows(ctx context.Context, d *Driver, query provider.Query, action sdk.AdjustmentAction, cursor string) ([]json.RawMessage, bool, error) {
	request := &sdk.ListAdjustmentsRequest{
		Action: sdk.PtrTo(string(action)), PerPage: sdk.PtrTo(50), OrderBy: byAge(), CustomerID: owned(query),
	}
	if cursor != "" {
		request.After = &cursor
	}
	return list(ctx, d, "list "+string(a.kind), func(ctx context.Context) error {
		_, err := d.api.ListAdjustments(ctx, request)
		return err
	})
}

// read translates rows and returns the id of the last.
func (a adjustments) read(d *Driver, page *provider.Page, rows []json.RawMessage) (last string, err error) {
	for _, row := range rows {
		id, err := rowID(row)
		if err != nil {
			return "", d.malformed("list "+string(a.kind), err)
		}
		last = id
		var object sdk.Adjustment
		if json.Unmarshal(row, &object) == nil && kindOfAdjustment(string(object.Action)) == a.kind {
			if snapshot, err := a.snapshot(object); err == nil {
				page.Snapshots = append(page.Snapshots, snapshot)
				continue
			}
		}
		page.Unread = append(page.Unread, d.ref(a.kind, id))
	}
	return last, nil
}

// refund translates an adjustment that gives money back. Paddle approves most of
// them within a few days, and rejects some.
func (d *Driver) refund(a sdk.Adjustment) (provider.Snapshot, error) {
	amount, err := money(a.Totals.Total, a.CurrencyCode)
	if err != nil {
		return provider.Snapshot{}, err
	}
	object := billing.Refund{
		Status: billing.RefundPending, Amount: amount, Payment: a.TransactionID, Reason: a.Reason, CreatedAt: moment(a.CreatedAt),
	}
	switch a.Status {
	case sdk.AdjustmentStatusApproved:
		object.Status = billing.RefundSucceeded
	case sdk.AdjustmentStatusRejected, sdk.AdjustmentStatusReversed:
		object.Status, object.Failure = billing.RefundFailed, string(a.Status)
	case sdk.AdjustmentStatusPendingApproval:
	}
	return d.adjusted(billing.KindRefund, a, object), nil
}

// dispute translates a chargeback, or the warning of one, which is an inquiry. With
// the adjustment of a chargeback the money is back with the customer: it is lost
// unless Paddle contests it with success, which reverses it and so wins it. Source:
// API reference, adjustments.
func (d *Driver) dispute(a sdk.Adjustment) (provider.Snapshot, error) {
	amount, err := money(a.Totals.Total, a.CurrencyCode)
	if err != nil {
		return provider.Snapshot{}, err
	}
	object := billing.Dispute{
		Status: billing.DisputeOpen, ProviderStatus: string(a.Status), Amount: amount, Payment: a.TransactionID, Reason: a.Reason,
		CreatedAt: moment(a.CreatedAt),
	}
	switch {
	case a.Status == sdk.AdjustmentStatusReversed:
		object.Status = billing.DisputeWon
	case a.Action == sdk.AdjustmentActionChargebackWarning:
		object.Status = billing.DisputeInquiry
	case a.Status == sdk.AdjustmentStatusApproved:
		object.Status = billing.DisputeLost
	}
	return d.adjusted(billing.KindDispute, a, object), nil
}

func (d *Driver) adjusted(kind billing.Kind, a sdk.Adjustment, object billing.Object) provider.Snapshot {
	s := provider.Snapshot{Ref: d.ref(kind, a.ID), Object: object, Owner: a.CustomerID}
	if isName(a.TransactionID) {
		s.Related = []provider.Ref{d.ref(billing.KindPayment, a.TransactionID)}
	}
	return s
}
