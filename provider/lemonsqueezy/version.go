package lemonsqueezy

import (
	"encoding/json"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// Shown implements [provider.Shower]: a webhook carries the record that it is about,
// in the form in which the API gives it.
func (d *Driver) Shown(body []byte) (provider.Ref, provider.Version) {
	var e struct {
		Data struct {
			Type       string          `json:"type"`
			ID         number          `json:"id"`
			Attributes json.RawMessage `json:"attributes"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &e) != nil || e.Data.ID == "" {
		return provider.Ref{}, provider.Version{}
	}
	ref := provider.Ref{}
	switch id := string(e.Data.ID); e.Data.Type {
	case typeCustomer:
		ref = d.ref(billing.KindCustomer, id)
	case typeOrder:
		ref = d.orderRef(billing.KindCheckout, e.Data.ID)
	case typeSubscription:
		ref = d.ref(billing.KindSubscription, id)
	case typeInvoice:
		ref = d.ref(billing.KindInvoice, id)
	}
	return ref, recordVersion(e.Data.Type, e.Data.Attributes)
}

// versionOf is the version of a record as far as it tells all that the snapshot
// says. An order does not tell whether a subscription has come of it, nor one that is
// fraudulent of which invoice it was, nor a subscription since when it is owed for:
// these are read from other records, which change at the same moment.
func versionOf(r resource, main provider.Snapshot) provider.Version {
	switch o := main.Object.(type) {
	case billing.Checkout:
		if o.Subscription == "" || len(main.Beside) > 1 {
			return provider.Version{}
		}
	case billing.Subscription:
		if o.Status == billing.SubscriptionPastDue {
			return provider.Version{}
		}
	}
	return recordVersion(r.Type, r.Attributes)
}

// recordVersion reads the version of a record of one of the types that events show.
func recordVersion(typ string, attributes json.RawMessage) provider.Version {
	var read any
	switch typ {
	case typeCustomer:
		read = &customer{}
	case typeOrder:
		read = &order{}
	case typeSubscription:
		read = &subscription{}
	case typeInvoice:
		read = &invoice{}
	default:
		return provider.Version{}
	}
	var at struct {
		UpdatedAt time.Time `json:"updated_at"`
	}
	if json.Unmarshal(attributes, read) != nil || json.Unmarshal(attributes, &at) != nil {
		return provider.Version{}
	}
	if s, signs := read.(*subscription); signs {
		s.URLs.UpdatePaymentMethod = "" // is signed anew each time
	}
	return provider.Version{UpdatedAt: at.UpdatedAt.UTC(), Facts: provider.FactsOf(typ, read)}
}
