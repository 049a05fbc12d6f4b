package paddle

import (
	"strings"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/strict"
)

// eventType is one row of the table of events.
type eventType struct {
	name string
	// unasked: understood when it comes, but not asked for when the destination is
	// registered.
	unasked bool
}

// eventTable lists the events that name an object of the ledger. What the object
// is follows from the first part of the name; of a transaction it is the payment,
// whose snapshot names the rest.
var eventTable = []eventType{
	{"adjustment.created", false},
	{"adjustment.updated", false},

	{"customer.created", false},
	{"customer.imported", false},
	{"customer.updated", false},

	{"subscription.activated", false},
	{"subscription.canceled", false},
	{"subscription.created", false},
	{"subscription.imported", false},
	{"subscription.past_due", false},
	{"subscription.paused", false},
	{"subscription.resumed", false},
	{"subscription.trialing", false},
	{"subscription.updated", false},

	{"transaction.billed", false},
	{"transaction.canceled", false},
	{"transaction.completed", false},
	{"transaction.created", false},
	{"transaction.paid", false},
	{"transaction.past_due", false},
	{"transaction.payment_failed", false},
	{"transaction.ready", false},
	{"transaction.revised", true}, // the customer's address or tax number changed
	{"transaction.updated", false},
}

// refOf names the object that an event is about. Not found: the service has no use
// for the event, or it names nothing.
func (d *Driver) refOf(name string, entity strict.Object) (ref provider.Ref, found bool) {
	for _, event := range eventTable {
		if event.name == name {
			ref = d.subjectRef(name, entity)
			return ref, ref.ID != ""
		}
	}
	return provider.Ref{}, false
}

func (d *Driver) subjectRef(name string, entity strict.Object) provider.Ref {
	switch subject, _, _ := strings.Cut(name, "."); subject {
	case "customer":
		return d.ref(billing.KindCustomer, idIn(entity, "id"))
	case "subscription":
		return d.ref(billing.KindSubscription, idIn(entity, "id"))
	case "transaction":
		return d.ref(billing.KindPayment, idIn(entity, "id"))
	case "adjustment":
		if kind := kindOfAdjustment(entity.Text("action")); kind != "" {
			return d.ref(kind, idIn(entity, "id"))
		}
		return d.ref(billing.KindPayment, idIn(entity, "transaction_id"))
	}
	return provider.Ref{}
}
