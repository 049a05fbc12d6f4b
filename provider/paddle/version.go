package paddle

import (
	"encoding/json"
	"strings"

	sdk "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// Shown implements [provider.Shower]: an event carries the whole entity, in the form
// in which it is read. Of a transaction it leaves the adjustments out; one that has
// any cannot be taken as it came.
func (d *Driver) Shown(body []byte) (provider.Ref, provider.Version) {
	var event struct {
		Type string          `json:"event_type"`
		Data json.RawMessage `json:"data"`
	}
	if json.Unmarshal(body, &event) != nil {
		return provider.Ref{}, provider.Version{}
	}
	switch subject, _, _ := strings.Cut(event.Type, "."); subject {
	case "customer":
		return shown(event.Data, d.customer, updatedCustomer)
	case "subscription":
		return shown(event.Data, d.subscription, updatedSubscription)
	case "transaction":
		return shown(event.Data, func(t sdk.Transaction) (provider.Snapshot, error) { return d.nouns(billing.KindPayment, t) }, updatedTransaction)
	case "adjustment":
		return shown(event.Data, d.adjustment, updatedAdjustment)
	}
	return provider.Ref{}, provider.Version{}
}

// shown translates an entity, by the same code that translates what is fetched.
func shown[T any](data json.RawMessage, snapshot func(T) (provider.Snapshot, error), updated func(T) string) (provider.Ref, provider.Version) {
	var object T
	if json.Unmarshal(data, &object) != nil {
		return provider.Ref{}, provider.Version{}
	}
	s, err := snapshot(object)
	if err != nil {
		return provider.Ref{}, provider.Version{}
	}
	return s.Ref, versionOf(s, updated(object))
}

// versionOf is the version of a record that says all that its snapshot does. A
// transaction does not say what became of its adjustments: where some money went
// back there is none.
func versionOf(s provider.Snapshot, updated string) provider.Version {
	if p, is := s.Object.(billing.Payment); is && p.Refunded > 0 {
		return provider.Version{}
	}
	return provider.Version{UpdatedAt: moment(updated), Facts: provider.FactsOf(s)}
}

// adjustment translates an adjustment as what it is to us.
func (d *Driver) adjustment(a sdk.Adjustment) (provider.Snapshot, error) {
	switch kindOfAdjustment(string(a.Action)) {
	case billing.KindRefund:
		return d.refund(a)
	case billing.KindDispute:
		return d.dispute(a)
	default:
		return provider.Snapshot{}, d.none("read an event", "the adjustment is nothing by itself")
	}
}

func updatedCustomer(c sdk.Customer) string         { return c.UpdatedAt }
func updatedSubscription(s sdk.Subscription) string { return s.UpdatedAt }
func updatedTransaction(t sdk.Transaction) string   { return t.UpdatedAt }
func updatedAdjustment(a sdk.Adjustment) string     { return a.UpdatedAt }
