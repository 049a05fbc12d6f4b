package paddle

import (
	"slices"
	"time"
)

// setting is a notification destination.
type setting struct {
	head
	url      string
	secrets  []string
	events   []string // nil: all
	note     string
	inactive bool
	// repaired is set when somebody switched the destination on again in the
	// middle of a Disabled fault.
	repaired time.Time
	deleted  bool
}

func (e *setting) render(s *Server) doc {
	events := []any{}
	for _, name := range e.events {
		events = append(events, typeDoc(name))
	}
	return doc{
		{"id", e.id}, {"description", e.note}, {"type", "url"}, {"destination", e.url}, {"active", !s.switchedOff(e)}, {"api_version", 1},
		{"include_sensitive_fields", false}, {"subscribed_events", events}, {"endpoint_secret_key", e.secrets[0]}, {"traffic_source", "platform"},
	}
}

// wants is whether the destination asked for a type.
func (e *setting) wants(typ string) bool { return e.events == nil || slices.Contains(e.events, typ) }

// switchedOff is whether the destination gets nothing at this moment, by its own
// setting or by a fault.
func (s *Server) switchedOff(e *setting) bool {
	if e.inactive {
		return true
	}
	until, off := s.faults.Disabled(s.now)
	return off && e.repaired.Before(until.Add(-6*time.Hour))
}

// destinations are the configured receiver and those made by API.
func (s *Server) destinations() []*setting {
	var out []*setting
	if s.cfg.WebhookURL != "" {
		out = append(out, &setting{head: head{id: "ntfset_01configured00000000000000"}, url: s.cfg.WebhookURL, secrets: s.cfg.WebhookSecrets})
	}
	for _, e := range rowsOf[*setting](s, "notification_setting") {
		if !e.deleted {
			out = append(out, e)
		}
	}
	return out
}

func settingRoutes() map[string]endpointOf {
	const fields = "description destination subscribed_events type active api_version include_sensitive_fields traffic_source"
	return map[string]endpointOf{
		"GET /notification-settings":         {run: listSettings, query: "after per_page order_by active traffic_source"},
		"POST /notification-settings":        {run: createSetting, fields: fields},
		"GET /notification-settings/{id}":    {run: showByID[*setting]},
		"PATCH /notification-settings/{id}":  {run: updateSetting, fields: fields},
		"DELETE /notification-settings/{id}": {run: deleteSetting},
	}
}

func listSettings(c *call) (answered, error) {
	active := c.r.URL.Query().Get("active")
	return c.list(query{kind: "notification_setting", most: 200, few: 200, keep: func(r resource) bool {
		e := r.(*setting)
		return !e.deleted && (active == "" || (active == "true") != c.s.switchedOff(e))
	}})
}

func createSetting(c *call) (answered, error) {
	switch {
	case c.body.str("destination") == "":
		return answered{}, badField("destination", "destination is required")
	case c.body.str("type") != "url":
		return answered{}, badField("type", "The simulator has destinations of type url only")
	case len(c.body.texts("subscribed_events")) == 0:
		return answered{}, badField("subscribed_events", "subscribed_events is required")
	}
	s := c.s
	if n := len(s.destinations()); n >= 10 {
		return answered{}, refuse("notification_maximum_active_settings_reached", "At most 10 active destinations")
	}
	e := &setting{
		head: s.newHead("notification_setting", "ntfset", ""), url: c.body.str("destination"), note: c.body.str("description"),
		events: c.body.texts("subscribed_events"), secrets: []string{s.newSecret()},
	}
	s.add(e)
	return answered{data: e.render(s), status: 201}, nil
}

// newSecret makes a secret key of a destination's form.
func (s *Server) newSecret() string {
	more := s.newID("secret")[len("secret_"):]
	return "pdl_" + s.newID("ntfset") + "_" + more + more[:6]
}

// updateSetting with active also ends a Disabled fault: somebody has noticed.
func updateSetting(c *call) (answered, error) {
	e, err := find[*setting](c.s, c.id())
	if err != nil || e.deleted {
		return answered{}, notFound(c.id())
	}
	c.s.edit(e, func() {
		if url := c.body.str("destination"); url != "" {
			e.url = url
		}
		if c.body.given("subscribed_events") {
			e.events = c.body.texts("subscribed_events")
		}
		if active, given := c.body["active"].(bool); given {
			e.inactive, e.repaired = !active, c.s.now
		}
	})
	return answered{data: e.render(c.s)}, nil
}

func deleteSetting(c *call) (answered, error) {
	e, err := find[*setting](c.s, c.id())
	if err != nil {
		return answered{}, err
	}
	e.deleted = true
	delete(c.s.all, e.id)
	return answered{status: 200}, nil
}
