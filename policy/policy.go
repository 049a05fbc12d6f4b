// Package policy is the seam for reactions: a change and what we know about its
// customer go in, actions come out.
//
// A policy is pure. It does no I/O and reads no clock; equal input, equal
// actions. What it asks for is recorded in the same transaction as the change
// and carried out later, once, by package outbox: an action's Key is its
// business key, and asking twice with one key does it once. Asked again about a
// change that was replayed, a policy says the same, and so nothing new happens.
//
// # Two ways to be asked
//
// [Policy.React] hears of changes: something happened, once. [Reviewer.Review] is
// asked how things stand: after every change of a customer's objects, and again
// when the time has come that it named. Whatever depends on time belongs there: a
// review says what is called for now, as if it had never been asked before, and
// what it no longer says when its turn comes is not done.
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

// Reviewer is a policy that time alone can move: what it asks for depends on how
// things stand, not on what has just happened.
type Reviewer interface {
	Policy
	// Review says what is called for at a moment, and when to ask again if nothing
	// changes before; zero: never. It goes on naming what is still called for,
	// although it may be done by then: one key is done once. Right before an action
	// is carried out, perhaps much later, the review is asked once more with the
	// provider's truth of then; an action that it no longer names is dropped.
	Review(known Known, now time.Time) (actions []Action, next time.Time)
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
	// Warnings are the card networks' early words about the customer's payments.
	Warnings []billing.Held[billing.Warning]
	// Attempts are the customer's tries to pay of the last [AttemptsKept], as far as
	// the providers tell of them, oldest first.
	Attempts []billing.Attempt
	// Shared are other customers who paid with the same card or as the same payer.
	Shared []Shared
	// Demands are what policies have asked for so far about the customer: cancellations,
	// refunds and alerts, except those that a person rejected. What one policy ends
	// another does not take for the customer's own doing.
	Demands []Demand

	// Catalog is what is sold, Rules are the switches of access.
	Catalog billing.Catalog
	Rules   billing.Rules
	// Accounts are the configured provider accounts by name.
	Accounts map[string]Account
}

// AttemptsKept is how far back [Known.Attempts] goes.
const AttemptsKept = 30 * 24 * time.Hour

// Shared is another customer with the same means of payment.
type Shared struct {
	Customer string
	// By is "card" or "payer".
	By string
	// Banned: the other one is.
	Banned bool
}

// Demand is an action that a policy asked for.
type Demand struct {
	Policy string
	// Key, Kind and Object are those of the [Action].
	Key, Kind, Object string
	// Tried: it was carried out, or may have been; not one that waits, was dropped or
	// was refused.
	Tried bool
	// Money is what it moved, in minor units of the payment's currency.
	Money int64
}

// Account is what policies may know of a provider account.
type Account struct {
	// Kind is the provider: "stripe", "paypal", "paddle", "lemonsqueezy".
	Kind string
	// MerchantOfRecord: the provider is the seller, and mails its customers itself.
	MerchantOfRecord bool
	// Since is when the service began to keep this account's objects, UTC. What was
	// due before was somebody else's to do.
	Since time.Time
	// Can lists the kinds of actions that the provider can be asked for.
	Can map[string]bool
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
	// Asked: the application or the customer asked for it, and the policy only finds the
	// moment. No mode holds it back.
	Asked bool
}

// Own is the account of what is not at any provider: a ban of user_42 acts on
// "trivet/customer/user_42".
const Own = "trivet"
