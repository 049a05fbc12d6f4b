package billing

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// ChangeKind names something that happened, in the past participle.
type ChangeKind string

// The changes of provider objects.
const (
	// Started: a subscription that is not over was seen for the first time. What
	// it had already come to by then is named beside it, so that nobody who fell
	// behind between two looks goes unnoticed.
	Started ChangeKind = "started"
	// Activated: it became active: from pending, from a trial, or at once.
	Activated ChangeKind = "activated"
	// Renewed: a new period began after an earlier one.
	Renewed ChangeKind = "renewed"
	// Replanned: it has other prices or quantities.
	Replanned ChangeKind = "replanned"
	// FellBehind: a charge failed and the subscription is past due.
	FellBehind ChangeKind = "fell_behind"
	// WentUnpaid: the provider has given up collecting but keeps the subscription.
	WentUnpaid ChangeKind = "went_unpaid"
	// Recovered: it was past due or unpaid and is good again.
	Recovered ChangeKind = "recovered"
	// Paused and Resumed: charging was suspended, or goes on.
	Paused  ChangeKind = "paused"
	Resumed ChangeKind = "resumed"
	// CancelScheduled and CancelWithdrawn: it will end at a date, or no longer will.
	CancelScheduled ChangeKind = "cancel_scheduled"
	CancelWithdrawn ChangeKind = "cancel_withdrawn"
	// Ended: it is over.
	Ended ChangeKind = "ended"

	// Paid: a payment succeeded.
	Paid ChangeKind = "paid"
	// ActionRequired: the payer must confirm with their bank.
	ActionRequired ChangeKind = "action_required"
	// PaymentDeclined and PaymentWithdrawn: an attempt to pay failed, be it the
	// first or another one, or the payment was canceled.
	PaymentDeclined  ChangeKind = "payment_declined"
	PaymentWithdrawn ChangeKind = "payment_withdrawn"
	// Refunded: more of a payment went back. RefundReversed: a refund failed, so
	// less did than was thought. RefundFailedChange: the refund itself says so.
	Refunded           ChangeKind = "refunded"
	RefundReversed     ChangeKind = "refund_reversed"
	RefundFailedChange ChangeKind = "refund_failed"

	// InvoiceSettled, InvoiceVoided, InvoiceWrittenOff: an invoice was paid,
	// annulled, or marked uncollectible. CollectionFailed: another try failed.
	InvoiceSettled    ChangeKind = "invoice_settled"
	InvoiceVoided     ChangeKind = "invoice_voided"
	InvoiceWrittenOff ChangeKind = "invoice_written_off"
	CollectionFailed  ChangeKind = "collection_failed"

	// Inquired: a bank asks about a payment. Disputed: it takes the money back
	// unless we object. DisputeWasWon, DisputeWasLost: how it ended.
	Inquired       ChangeKind = "inquired"
	Disputed       ChangeKind = "disputed"
	DisputeWasWon  ChangeKind = "dispute_won"
	DisputeWasLost ChangeKind = "dispute_lost"
	// Warned: an early fraud warning came in.
	Warned ChangeKind = "warned"

	// CheckoutAgreed: the customer agreed to pay, and the money has to be taken.
	// CheckoutCompleted and CheckoutLapsed: the customer went through a checkout,
	// or let it expire.
	CheckoutAgreed    ChangeKind = "checkout_agreed"
	CheckoutCompleted ChangeKind = "checkout_completed"
	CheckoutLapsed    ChangeKind = "checkout_lapsed"
)

// Changes that any object can undergo.
const (
	// Recorded: an object was seen for the first time and nothing more telling
	// can be said about it. Updated: the same of a later difference.
	Recorded ChangeKind = "recorded"
	Updated  ChangeKind = "updated"
	// Linked: the object was bound to a customer of the application.
	Linked ChangeKind = "linked"
	// Vanished: the provider no longer has it; the row stays as a tombstone.
	Vanished ChangeKind = "vanished"
	// Returned: a vanished object is there again.
	Returned ChangeKind = "returned"
	// Surprised: the move, or the state itself, is not in the kind's [Machine].
	// It was recorded all the same.
	Surprised ChangeKind = "surprised"
)

// Changes of what is ours rather than the provider's.
const (
	// AccessChanged: the answer to "may they?" is another for some feature.
	AccessChanged ChangeKind = "access_changed"
	// CustomerSet: the application told us about its customer.
	CustomerSet ChangeKind = "customer_set"
	// Granted and Revoked: a person gave access by hand, or took it back.
	Granted ChangeKind = "granted"
	Revoked ChangeKind = "revoked"
	// CreditsUsed and CreditsGiven: the application used credits of its customer, or
	// gave them some by hand.
	CreditsUsed  ChangeKind = "credits_used"
	CreditsGiven ChangeKind = "credits_given"
	// Banned and Unbanned: a customer was barred from everything, or let in again.
	Banned   ChangeKind = "banned"
	Unbanned ChangeKind = "unbanned"
	// Switched: a person switched a mode or the brake.
	Switched ChangeKind = "switched"
	// Accepted and Rejected: a person decided about a proposal.
	Accepted ChangeKind = "accepted"
	Rejected ChangeKind = "rejected"
)

// Observe names what is different between what was held (nil if nothing was)
// and what was just seen; nothing if they are equal in the form in which they
// are stored, where an empty list is no list. Both must be of one kind.
func Observe(held, seen Object) []ChangeKind {
	if held != nil && same(held, seen) {
		return nil
	}
	named := seen.changesFrom(held)
	if surprising(held, seen) {
		named = append(named, Surprised)
	}
	return named
}

// same compares what would be stored. Comparing memory alone would find a
// difference, on every look and for ever, between a list that a driver left
// empty and the same list read back.
func same(held, seen Object) bool {
	if reflect.DeepEqual(held, seen) {
		return true
	}
	was, err := json.Marshal(held)
	if err != nil {
		return false
	}
	is, err := json.Marshal(seen)
	return err == nil && bytes.Equal(was, is)
}

func surprising(held, seen Object) bool {
	machine, found := MachineOf(seen.Kind())
	switch {
	case !found:
		return false
	case held == nil:
		return !machine.Knows(seen.State())
	}
	return !machine.Expects(held.State(), seen.State())
}

// changesOf adds the catch-all change where nothing more telling was named.
func changesOf(before Object, named []ChangeKind) []ChangeKind {
	switch {
	case len(named) > 0:
		return named
	case before == nil:
		return []ChangeKind{Recorded}
	}
	return []ChangeKind{Updated}
}

// FieldDiff is one field that differs between two values. Before and After are
// JSON; absent is nil.
type FieldDiff struct {
	// Field is the path in the JSON form, such as "amount.currency".
	Field  string          `json:"field"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// Diff lists the fields in which two values differ in their JSON form, sorted
// by name. Objects are compared field by field, lists as a whole. A nil value
// counts as one without fields, null as absent. It returns an error for what
// JSON cannot express.
func Diff(before, after any) ([]FieldDiff, error) {
	was, err := json.Marshal(before)
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	is, err := json.Marshal(after)
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	return DiffJSON(was, is)
}

// DiffJSON is [Diff] of two values that are in their JSON form already, without
// white space. Equal parts are not looked into, so that it costs little where
// little is different.
func DiffJSON(before, after json.RawMessage) ([]FieldDiff, error) {
	diffs, err := diffAt("", before, after, nil)
	slices.SortFunc(diffs, func(a, b FieldDiff) int { return strings.Compare(a.Field, b.Field) })
	return diffs, err
}

func diffAt(path string, before, after json.RawMessage, diffs []FieldDiff) ([]FieldDiff, error) {
	if bytes.Equal(before, after) {
		return diffs, nil
	}
	if len(before) < 3 || len(after) < 3 || before[0] != '{' || after[0] != '{' {
		return diffLeaves(path, before, after, diffs)
	}
	var was, is map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(before, &was), json.Unmarshal(after, &is)); err != nil {
		return nil, err
	}
	for name, value := range is {
		if _, both := was[name]; !both && value != nil {
			was[name] = nil
		}
	}
	var err error
	for name, value := range was {
		below := name
		if path != "" {
			below = path + "." + name
		}
		if diffs, err = diffAt(below, value, is[name], diffs); err != nil {
			return nil, err
		}
	}
	return diffs, nil
}

// diffLeaves compares two values of which at most one has fields.
func diffLeaves(path string, before, after json.RawMessage, diffs []FieldDiff) ([]FieldDiff, error) {
	was, is := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if err := errors.Join(flatten(path, before, was), flatten(path, after, is)); err != nil {
		return nil, err
	}
	for name, value := range was {
		if string(is[name]) != string(value) {
			diffs = append(diffs, FieldDiff{Field: name, Before: value, After: is[name]})
		}
	}
	for name, value := range is {
		if _, both := was[name]; !both {
			diffs = append(diffs, FieldDiff{Field: name, After: value})
		}
	}
	return diffs, nil
}

// flatten files the leaves of a value under their paths.
func flatten(path string, doc json.RawMessage, into map[string]json.RawMessage) error {
	if len(doc) == 0 || string(doc) == "null" {
		return nil
	}
	if doc[0] != '{' || path != "" && string(doc) == "{}" {
		into[path] = doc
		return nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(doc, &object); err != nil {
		return err
	}
	for name, value := range object {
		if path != "" {
			name = path + "." + name
		}
		if err := flatten(name, value, into); err != nil {
			return err
		}
	}
	return nil
}
