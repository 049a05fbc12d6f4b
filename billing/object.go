package billing

import (
	"encoding/json"
	"fmt"
	"time"
)

// Kind says what sort of thing a provider object is.
type Kind string

// The kinds of provider objects that the ledger holds.
const (
	KindCustomer     Kind = "customer"
	KindSubscription Kind = "subscription"
	KindInvoice      Kind = "invoice"
	KindPayment      Kind = "payment"
	KindRefund       Kind = "refund"
	KindDispute      Kind = "dispute"
	KindCheckout     Kind = "checkout"
	KindWarning      Kind = "warning"
)

// Kinds lists every kind, owners before what they own: the order in which a
// sweep visits them.
func Kinds() []Kind {
	return []Kind{
		KindCustomer, KindCheckout, KindSubscription, KindInvoice,
		KindPayment, KindRefund, KindDispute, KindWarning,
	}
}

// Object is a provider's account of one thing, in our words: one of
// [ProviderCustomer], [Subscription], [Invoice], [Payment], [Refund],
// [Dispute], [Checkout] and [Warning]. Pass objects by value: a pointer to one
// is taken for something else.
type Object interface {
	// Kind says which of them it is.
	Kind() Kind
	// State is the object's place in its kind's [Machine]; empty for a kind
	// without one.
	State() string
	// Revisit is the moment at which the provider is expected to change the
	// object by itself, such as the end of a period or of a trial. Zero if none.
	// Reconciliation looks again soon after it.
	Revisit() time.Time
	// changesFrom names what is different from before, which is nil or of the
	// same kind, and not the same.
	changesFrom(before Object) []ChangeKind
}

// ProviderCustomer is a customer as the provider knows them. The application's
// own customer is [Customer].
type ProviderCustomer struct {
	Email     string    `json:"email,omitempty"`
	Name      string    `json:"name,omitempty"`
	Locale    string    `json:"locale,omitempty"`
	CreatedAt time.Time `json:"created_at,omitzero"`
}

// Kind implements [Object].
func (ProviderCustomer) Kind() Kind { return KindCustomer }

// State implements [Object]; a provider's customer has no states.
func (ProviderCustomer) State() string { return "" }

// Revisit implements [Object].
func (ProviderCustomer) Revisit() time.Time { return time.Time{} }

func (c ProviderCustomer) changesFrom(before Object) []ChangeKind {
	return changesOf(before, nil)
}

// ParseObject reads an object that [json.Marshal] wrote.
func ParseObject(kind Kind, doc []byte) (Object, error) {
	switch kind {
	case KindCustomer:
		return parse[ProviderCustomer](doc)
	case KindSubscription:
		return parse[Subscription](doc)
	case KindInvoice:
		return parse[Invoice](doc)
	case KindPayment:
		return parse[Payment](doc)
	case KindRefund:
		return parse[Refund](doc)
	case KindDispute:
		return parse[Dispute](doc)
	case KindCheckout:
		return parse[Checkout](doc)
	case KindWarning:
		return parse[Warning](doc)
	}
	return nil, fmt.Errorf("unknown kind of object %q", kind)
}

func parse[T Object](doc []byte) (Object, error) {
	var object T
	if err := json.Unmarshal(doc, &object); err != nil {
		return nil, fmt.Errorf("parse %s: %w", object.Kind(), err)
	}
	return object, nil
}
