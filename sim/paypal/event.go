package paypal

import (
	"encoding/json"
	"slices"
	"time"
)

// eventLife is how long events can be listed.
const eventLife = 30 * 24 * time.Hour

// event is one message to the webhooks. Its resource is rendered when it happens
// and never again.
type event struct {
	head
	typ, resource string
	body          []byte
}

func (e *event) render(*Server) obj { return nil }

// webhook is one address that events are posted to.
type webhook struct {
	head
	url   string
	types []string
}

func (h *webhook) render(s *Server) obj {
	types := make([]obj, len(h.types))
	for i, t := range h.types {
		types[i] = obj{"name": t}
	}
	return obj{"id": h.id, "url": h.url, "event_types": types, "links": []obj{s.link("self", "/v1/notifications/webhooks/"+h.id, "GET")}}
}

func (h *webhook) wants(typ string) bool {
	return slices.Contains(h.types, "*") || slices.Contains(h.types, typ)
}

// emit records an event and queues its deliveries.
func (s *Server) emit(typ, resourceType, version string, resource obj) {
	e := &event{head: head{id: s.newID("WH-", 17) + "-" + s.newID("", 17), created: s.now, updated: s.now}, typ: typ}
	e.resource, _ = resource["id"].(string)
	body, err := json.Marshal(obj{
		"id": e.id, "event_version": "1.0", "create_time": s.now.UTC().Format("2006-01-02T15:04:05.000Z"), "resource_type": resourceType,
		"resource_version": version, "event_type": typ, "summary": "Simulated: " + typ, "resource": resource,
		"links": []obj{
			s.link("self", "/v1/notifications/webhooks-events/"+e.id, "GET"),
			s.link("resend", "/v1/notifications/webhooks-events/"+e.id+"/resend", "POST"),
		},
	})
	if err != nil {
		panic("sim/paypal: value that JSON cannot hold: " + err.Error())
	}
	e.body = body
	s.events.add(e)
	s.queue(e)
}

// noise is news that a billing service has no use for, half of it of a type that
// does not exist yet.
func (s *Server) noise() {
	if len(s.plans.all) > 0 && s.chance.Chance(0.5) {
		p := s.plans.all[0]
		s.emit("BILLING.PLAN.UPDATED", "plan", "2.0", p.render(s))
		return
	}
	s.emit("BILLING.FUTURE-THING.HAPPENED", "future-thing", "1.0", obj{"id": s.newID("FT-", 12)})
}

// forgetEvents drops what is older than PayPal lists.
func (s *Server) forgetEvents() {
	n := 0
	for n < len(s.events.all) && s.now.Sub(s.events.all[n].created) > eventLife {
		delete(s.events.byID, s.events.all[n].id)
		n++
	}
	s.events.all = slices.Clone(s.events.all[n:])
}
