package paddle

import (
	"time"

	"github.com/trivetdev/trivet/sim"
)

// Paddle lists events for 90 days.
const eventLife = 90 * 24 * time.Hour

// event is one row of /events. Its entity is rendered when it happens and never
// again.
type event struct {
	head
	typ  string
	data []byte
}

func (e *event) render(*Server) doc { return e.envelope() }

func (e *event) envelope() doc {
	return doc{{"event_id", e.id}, {"event_type", e.typ}, {"occurred_at", stamp(e.created)}, {"data", raw(e.data)}}
}

// notification is an event on its way to one destination.
type notification struct {
	head
	event     *event
	to        *setting
	origin    string
	status    string
	attempts  int
	last      time.Time
	retry     time.Time
	delivered time.Time
	replayed  time.Time
}

func (n *notification) render(*Server) doc {
	return doc{
		{"id", n.id}, {"type", n.event.typ}, {"status", n.status}, {"payload", append(n.event.envelope(), field{"notification_id", n.id})},
		{"occurred_at", stamp(n.event.created)}, {"delivered_at", stamp(n.delivered)}, {"replayed_at", stamp(n.replayed)}, {"origin", n.origin},
		{"last_attempt_at", stamp(n.last)}, {"retry_at", stamp(n.retry)}, {"times_attempted", n.attempts}, {"notification_setting_id", n.to.id},
	}
}

// emit records an event about r as it is now, and queues its notifications.
func (s *Server) emit(typ string, r resource) { s.emitDoc(typ, r.about().id, r.render(s)) }

// emitDoc is emit for objects that are not in the world.
func (s *Server) emitDoc(typ, _ string, d doc) {
	e := &event{head: s.newHead("event", "evt", ""), typ: typ, data: sim.AppendJSON(nil, d)}
	e.pos = s.table("event").Add(e)
	s.all[e.id] = e
	s.queue(e)
}

// forget drops what is older than Paddle lists.
func (s *Server) forget() {
	for _, kind := range []string{"event", "notification"} {
		for _, r := range s.table(kind).Forget(func(r resource) bool { return r.about().created.Before(s.now.Add(-eventLife)) }) {
			delete(s.all, r.about().id)
		}
	}
}

func eventRoutes() map[string]endpointOf {
	return map[string]endpointOf{
		"GET /events":                     {run: listEvents, query: "after order_by per_page event_type"},
		"GET /event-types":                {run: listEventTypes},
		"GET /notifications":              {run: listNotifications, query: "after order_by per_page status filter notification_setting_id"},
		"GET /notifications/{id}":         {run: showByID[*notification]},
		"POST /notifications/{id}/replay": {run: replay},
	}
}

func listEvents(c *call) (answered, error) {
	types := c.r.URL.Query().Get("event_type")
	return c.list(query{kind: "event", most: 200, keep: func(r resource) bool { return oneOf(types, r.(*event).typ) }})
}

// listEventTypes needs no right, which makes it the cheapest test of a key.
func listEventTypes(*call) (answered, error) {
	rows := []any{}
	for _, name := range eventTypes() {
		rows = append(rows, typeDoc(name))
	}
	return answered{data: rows}, nil
}

func typeDoc(name string) doc {
	return doc{{"name", name}, {"description", name}, {"group", "Any"}, {"available_versions", []any{1}}}
}

// eventTypes are those that the simulator can send.
func eventTypes() []string {
	return []string{
		"address.created", "adjustment.created", "adjustment.updated", "customer.created", "customer.updated", "discount.created",
		"payout.paid", "price.created", "product.created", "subscription.activated", "subscription.canceled", "subscription.created",
		"subscription.past_due", "subscription.paused", "subscription.resumed", "subscription.trialing", "subscription.updated",
		"transaction.billed", "transaction.canceled", "transaction.completed", "transaction.created", "transaction.paid", "transaction.past_due",
		"transaction.payment_failed", "transaction.ready", "transaction.updated",
	}
}

func listNotifications(c *call) (answered, error) {
	values := c.r.URL.Query()
	return c.list(query{kind: "notification", most: 200, keep: func(r resource) bool {
		n := r.(*notification)
		return oneOf(values.Get("status"), n.status) && oneOf(values.Get("notification_setting_id"), n.to.id)
	}})
}

// replay sends an event again: the same event, another notification.
func replay(c *call) (answered, error) {
	n, err := find[*notification](c.s, c.id())
	if err != nil {
		return answered{}, err
	}
	if n.origin != "event" {
		return answered{}, refuse("notification_replay_invalid_origin_type", "Only notifications with origin event can be replayed")
	}
	n.replayed = c.s.now
	again := c.s.notify(n.event, n.to, "replay")
	return answered{data: doc{{"notification_id", again.id}}}, nil
}

// Replay sends an event again, as a person at the dashboard does.
func (s *Server) Replay(notificationID string) error {
	return on(s, notificationID, func(n *notification) { s.notify(n.event, n.to, "replay") })
}
