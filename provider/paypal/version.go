package paypal

import (
	"encoding/json"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// Shown implements [provider.Shower]: an event's resource is the object that the
// event is about, in the form in which it is read. A reversal's is not: that
// of an approval shows little, that of a payment shows a refund.
func (d *Driver) Shown(body []byte) (provider.Ref, provider.Version) {
	var event struct {
		EventType string          `json:"event_type"`
		Resource  json.RawMessage `json:"resource"`
	}
	if json.Unmarshal(body, &event) != nil {
		return provider.Ref{}, provider.Version{}
	}
	switch subjectOf(event.EventType) {
	case aSubscription:
		return shownAs(event.Resource, func(s *subscription) (provider.Ref, provider.Version) {
			return d.ref(billing.KindSubscription, s.ID), s.version()
		})
	case aSale:
		if r := (resource{}); json.Unmarshal(event.Resource, &r) != nil || linked(r.Links, "self", refundPath) != "" {
			return provider.Ref{}, provider.Version{}
		}
		return shownAs(event.Resource, func(s *sale) (provider.Ref, provider.Version) {
			return d.ref(billing.KindPayment, s.ID), s.version()
		})
	case aCapture:
		return shownAs(event.Resource, func(c *capture) (provider.Ref, provider.Version) {
			if linked(c.Links, "up", capturePath) != "" {
				return provider.Ref{}, provider.Version{}
			}
			return d.ref(billing.KindPayment, c.ID), c.version()
		})
	case aRefund:
		return d.shownRefund(event.Resource)
	case anOrder:
		return shownAs(event.Resource, func(o *order) (provider.Ref, provider.Version) {
			return d.ref(billing.KindCheckout, o.ID), o.version()
		})
	case aDispute:
		return shownAs(event.Resource, func(x *dispute) (provider.Ref, provider.Version) {
			return d.ref(billing.KindDispute, x.ID), x.version()
		})
	case nothing:
	}
	return provider.Ref{}, provider.Version{}
}

func shownAs[T any](resource json.RawMessage, read func(*T) (provider.Ref, provider.Version)) (provider.Ref, provider.Version) {
	var object T
	if json.Unmarshal(resource, &object) != nil {
		return provider.Ref{}, provider.Version{}
	}
	return read(&object)
}

// shownRefund reads a refund in either of its forms.
func (d *Driver) shownRefund(resource json.RawMessage) (provider.Ref, provider.Version) {
	var older oldRefund
	if json.Unmarshal(resource, &older) == nil && older.State != "" && older.Amount != nil {
		r := older.translated()
		return d.ref(billing.KindRefund, r.ID), r.version()
	}
	return shownAs(resource, func(r *refund) (provider.Ref, provider.Version) {
		r.payment = upward(r.Links)
		return d.ref(billing.KindRefund, r.ID), r.version()
	})
}

// version leaves out what events do not show: the plan, and the reason of the last
// failure, which changes along with the count of failures.
func (s *subscription) version() provider.Version {
	facts := *s
	facts.Plan, facts.Links, facts.UpdateTime = nil, nil, time.Time{}
	if s.Billing != nil {
		info := *s.Billing
		info.LastFailed = nil
		facts.Billing = &info
	}
	return versionOf(s.UpdateTime, facts)
}

func (s *sale) version() provider.Version {
	facts := *s
	facts.UpdateTime = time.Time{}
	return versionOf(s.UpdateTime, facts)
}

func (c *capture) version() provider.Version {
	facts := *c
	facts.UpdateTime = time.Time{}
	return versionOf(c.UpdateTime, facts)
}

func (o *order) version() provider.Version {
	facts := *o
	facts.Links, facts.UpdateTime = nil, time.Time{}
	return versionOf(o.UpdateTime, facts)
}

func (x *dispute) version() provider.Version {
	facts := *x
	facts.UpdateTime = time.Time{}
	return versionOf(x.UpdateTime, facts)
}

// version is of what both forms of a refund say.
func (r *refund) version() provider.Version {
	m, err := r.Amount.money()
	if err != nil {
		return provider.Version{}
	}
	return versionOf(r.UpdateTime, []any{r.ID, r.Status, r.StatusDetails.Reason, positive(m), r.payment, r.CreateTime})
}

func versionOf(updated time.Time, facts any) provider.Version {
	return provider.Version{UpdatedAt: updated.UTC(), Facts: provider.FactsOf(facts)}
}

// versioned adds the version of what was fetched, unless it is a payment of which
// some went back: how much, other records tell, which change at the same moment.
func (d *Driver) versioned(op string, snapshot provider.Snapshot, version provider.Version, err error) (provider.Snapshot, error) {
	if err != nil {
		return provider.Snapshot{}, d.explained(op, err)
	}
	if p, is := snapshot.Object.(billing.Payment); !is || p.ProviderStatus != partlyRefunded {
		snapshot.Version = version
	}
	return snapshot, nil
}
