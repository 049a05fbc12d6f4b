package stripe

import (
	"slices"
	"strings"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// Stripe lists events for 30 days.
const eventLife = 30 * 24 * time.Hour

// event is one row of /v1/events. Its object is rendered when it happens and
// never again.
type event struct {
	head
	typ    string
	object string
	data   []byte
	prev   []byte
	// legacy is data in the shapes before 2025-03-31, where an endpoint wants
	// them.
	legacy []byte
	// thin is the whole body of an event of the second API generation.
	thin    []byte
	request string
	key     string
	// pending counts endpoints that have not yet answered 2xx.
	pending int
}

func (e *event) render(*Server) doc { return e.in(APIVersion) }

// in is the event as an endpoint of a version gets it.
func (e *event) in(version string) doc {
	data := doc{{"object", raw(e.data)}}
	if version == "" {
		version = APIVersion
	}
	if isLegacy(version) && e.legacy != nil {
		data[0].Val = raw(e.legacy)
	}
	if e.prev != nil {
		data = append(data, field{"previous_attributes", raw(e.prev)})
	}
	return doc{
		{"id", e.id}, {"object", "event"}, {"api_version", version}, {"created", e.created},
		{"data", data}, {"livemode", strings.HasPrefix(e.id, "evt_L")}, {"pending_webhooks", e.pending},
		{"request", doc{{"id", orNull(e.request)}, {"idempotency_key", orNull(e.key)}}},
		{"type", e.typ},
	}
}

// emit records an event about r as it is now, and queues its deliveries.
func (s *Server) emit(typ string, r resource, diff doc) {
	if s.muted {
		return
	}
	s.emitDoc(typ, r.about().id, r.render(s), diff)
}

// emitDoc is emit for objects that are not, or no longer, in the world.
func (s *Server) emitDoc(typ, id string, d doc, diff doc) {
	if s.muted {
		return
	}
	e := &event{
		head: head{id: s.eventID(), kind: "event", created: s.now.Unix()},
		typ:  typ, object: id, data: sim.AppendJSON(nil, d), request: s.req.id, key: s.req.key,
	}
	if diff != nil {
		e.prev = sim.AppendJSON(nil, diff)
	}
	for _, to := range s.endpoints() {
		if isLegacy(to.version) {
			e.legacy = sim.AppendJSON(nil, legacy(d))
		}
	}
	e.pos = s.table("event").Add(e)
	s.all[e.id] = e
	s.queue(e)
}

// eventID tells the modes apart, so that a test can see a mix-up.
func (s *Server) eventID() string {
	id := s.newID("evt", 24)
	if s.cfg.Live {
		return "evt_L" + id[5:]
	}
	return "evt_1" + id[5:]
}

// SendThin posts a thin event (v2.core.event), which names an object and shows
// nothing of it. Stripe sends such only to destinations set up for them; a
// receiver that gets one by mistake must not fall over it. It returns the id.
func (s *Server) SendThin(typ, relatedID string) string {
	defer s.enter()()
	e := &event{head: head{id: s.eventID(), kind: "event", created: s.now.Unix()}, typ: typ}
	e.thin = sim.AppendJSON(nil, doc{
		{"id", e.id}, {"object", "v2.core.event"}, {"type", typ}, {"livemode", s.cfg.Live},
		{"created", s.now.Format("2006-01-02T15:04:05.000Z")},
		{"related_object", doc{{"id", relatedID}, {"type", "subscription"}, {"url", "/v1/subscriptions/" + relatedID}}},
	})
	s.queue(e)
	return e.id
}

// forgetEvents drops what is older than Stripe lists.
func (s *Server) forgetEvents() {
	oldest := s.now.Add(-eventLife).Unix()
	for _, e := range s.table("event").Forget(func(e resource) bool { return e.about().created < oldest }) {
		delete(s.all, e.about().id)
	}
}

// listEvents takes up to twenty types, as Stripe does.
func listEvents(c *call) (doc, error) {
	f := c.form
	types := f.strs("types")
	if len(types) > 20 {
		return nil, badRequest("types", "You may only specify up to 20 event types.")
	}
	if f.given("type") {
		if len(types) > 0 {
			return nil, badRequest("type", "You may only specify one of these parameters: type, types.")
		}
		types = []string{f.str("type")}
	}
	success := f.str("delivery_success")
	return c.list(query{kind: "event", url: "/v1/events", keep: func(r resource) bool {
		e := r.(*event)
		if success != "" && (e.pending == 0) != (success == "true") {
			return false
		}
		return len(types) == 0 || slices.ContainsFunc(types, func(want string) bool { return covers(want, e.typ) })
	}})
}

// covers is whether an event type is named by a filter or endpoint, where *
// stands for any ending.
func covers(want, typ string) bool {
	group, wild := strings.CutSuffix(want, "*")
	return want == typ || wild && strings.HasPrefix(typ, group)
}
