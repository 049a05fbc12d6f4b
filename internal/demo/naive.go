package demo

import (
	"encoding/json"

	"github.com/trivetdev/trivet/sim"
)

// naive is the webhook handler that most shops begin with: it believes what it is
// sent, in the order in which it is sent. It fetches nothing and looks for
// nothing by itself. It is not made worse than it must be: it listens to the
// events that matter, a duplicate does no harm, an event about an object that it
// does not know yet creates it, and what none of its events tells is not counted
// against it.
type naive struct {
	// receive handles one delivery; each provider has its own.
	receive func(n *naive, body []byte)
	// untold reports whether the provider keeps to itself what is true of an object;
	// nil if it announces everything.
	untold func(n *naive, o sim.Object) bool
	// rows is its table: an object's kind and id to its fields, in the words of
	// the simulator's truth.
	rows map[string]map[string]string
}

// newNaive makes a handler for events of a form. One that cannot be read is answered
// with an error and forgotten.
func newNaive[E any](hear func(n *naive, event E)) *naive {
	return &naive{rows: map[string]map[string]string{}, receive: func(n *naive, body []byte) {
		var event E
		if json.Unmarshal(body, &event) == nil {
			hear(n, event)
		}
	}}
}

func (n *naive) set(key, field, value string) {
	if n.rows[key] == nil {
		n.rows[key] = map[string]string{}
	}
	n.rows[key][field] = value
}

// counts reports whether an object's truth is something that its events tell.
func (n *naive) counts(o sim.Object) bool {
	if n.untold != nil && n.untold(n, o) {
		return false
	}
	status := o.Fields["status"]
	switch o.Kind {
	case sim.KindCustomer, sim.KindSubscription, sim.KindRefund, sim.KindDispute:
		return true
	case sim.KindInvoice:
		return status != "draft" && status != "open"
	case sim.KindPayment:
		return status == "succeeded" || status == "failed" || status == "canceled"
	}
	return false
}

// wrong names the first field in which the handler's row is not what is true,
// with what it has; ok is false if it is right.
func (n *naive) wrong(kind, id string, truth map[string]string) (field, has string, ok bool) {
	row, found := n.rows[kind+"/"+id]
	if !found {
		return "", "nothing", true
	}
	for _, field := range sortedKeys(row) {
		if want, told := truth[field]; told && want != row[field] {
			return field, row[field], true
		}
	}
	return "", "", false
}
