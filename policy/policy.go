// Package policy is the seam for reactions: a change and what we know about its
// customer go in, actions come out.
//
// A policy is pure. It does no I/O and reads no clock; equal input, equal
// actions. What it asks for is recorded in the same transaction as the change
// and carried out later, once, by package outbox: an action's Key is its
// business key, and asking twice with one key does it once. Asked again about a
// change that was replayed, a policy says the same, and so nothing new happens.
//
// Package policytest checks what is promised here.
package policy

import (
	"encoding/json"
	"time"

	"github.com/trivetdev/trivet/billing"
)

// Policy reacts to changes.
type Policy interface {
	// Name is the policy's name in the configuration, [policy.NAME].
	Name() string
	// React says what a change calls for; nothing is the usual answer.
	React(change Change, known Known) []Action
}

// Change is something that happened to one object or customer.
type Change struct {
	// Seq is the number of the change in the audit trail.
	Seq int64
	// At is the business time, UTC.
	At    time.Time
	Kinds []billing.ChangeKind
	// Account, Kind and ID name the provider object; all empty for a change of
	// what the application set for its customer.
	Account string
	Kind    billing.Kind
	ID      string
	// Before and After are the object; Before is nil when first seen.
	Before, After billing.Object
}

// Has reports whether the change is of a kind.
func (c Change) Has(kind billing.ChangeKind) bool {
	for _, k := range c.Kinds {
		if k == kind {
			return true
		}
	}
	return false
}

// Known is what we know about the customer of a change.
type Known struct {
	Customer billing.Customer
	Facts    billing.Facts
	// Linked are the customer's objects of kind customer at the providers.
	Linked []billing.Held[billing.ProviderCustomer]
}

// Action is something to be done in the outside world.
type Action struct {
	// Key is the business key, such as "refund:stripe/payment/pi_1:fraud".
	Key string
	// Kind is one of the Kind constants of package outbox, such as "refund".
	Kind string
	// Account and Object name what it acts on; Object is a reference
	// "account/kind/id".
	Account string
	Object  string
	// Details are the kind's own, as JSON.
	Details json.RawMessage
}
