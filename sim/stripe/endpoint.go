package stripe

import "time"

// endpoint receives webhooks.
type endpoint struct {
	head
	url      string
	secrets  []string
	enabled  []string
	version  string
	disabled bool
	// repaired is set when somebody switched the endpoint on again in the
	// middle of a Disabled fault.
	repaired time.Time
	metadata map[string]string
	note     string
}

func (e *endpoint) render(s *Server) doc {
	status := "enabled"
	if s.switchedOff(e) {
		status = "disabled"
	}
	return doc{
		{"id", e.id}, {"object", "webhook_endpoint"}, {"api_version", orNull(e.version)}, {"application", nil},
		{"created", e.created}, {"description", orNull(e.note)}, {"enabled_events", e.enabled},
		{"livemode", s.cfg.Live}, {"metadata", e.metadata}, {"status", status}, {"url", e.url},
	}
}

// wants is whether the endpoint asked for a type; * is any.
func (e *endpoint) wants(typ string) bool {
	for _, want := range e.enabled {
		if covers(want, typ) {
			return true
		}
	}
	return false
}

// switchedOff is whether the endpoint gets nothing at this moment, by its own
// setting or by a fault.
func (s *Server) switchedOff(e *endpoint) bool {
	if e.disabled {
		return true
	}
	until, off := s.faults.Disabled(s.now)
	return off && e.repaired.Before(until.Add(-6*time.Hour))
}

// endpoints are the configured receiver and those made by API.
func (s *Server) endpoints() []*endpoint {
	var out []*endpoint
	if s.cfg.WebhookURL != "" {
		out = append(out, &endpoint{
			url: s.cfg.WebhookURL, secrets: s.cfg.WebhookSecrets, enabled: []string{"*"}, version: s.cfg.WebhookVersion,
		})
	}
	for _, r := range s.table("webhook_endpoint").Rows {
		if e := r.(*endpoint); !e.gone {
			out = append(out, e)
		}
	}
	return out
}

// createEndpoint makes an endpoint with a secret of its own.
func createEndpoint(c *call) (doc, error) {
	f := c.form
	if f.str("url") == "" {
		return nil, missing("url")
	}
	if len(f.strs("enabled_events")) == 0 {
		return nil, missing("enabled_events")
	}
	s := c.s
	e := &endpoint{
		head: s.newHead("webhook_endpoint", "we", 24, ""), url: f.str("url"),
		secrets: []string{s.newID("whsec", 32)}, enabled: f.strs("enabled_events"),
		version: f.str("api_version"), metadata: f.strmap("metadata"), note: f.str("description"),
	}
	s.add(e)
	d, err := c.show(e)
	// The secret is shown here and never again.
	return append(d, field{"secret", e.secrets[0]}), err
}

// updateEndpoint with disabled=false also ends a Disabled fault: somebody has
// noticed.
func updateEndpoint(c *call) (doc, error) {
	e, err := find[*endpoint](c.s, "webhook endpoint", c.id())
	if err != nil {
		return nil, err
	}
	f := c.form
	c.s.edit(e, func() {
		if f.given("url") {
			e.url = f.str("url")
		}
		if f.given("enabled_events") {
			e.enabled = f.strs("enabled_events")
		}
		if f.given("disabled") {
			e.disabled = f.flag("disabled")
			e.repaired = c.s.now
		}
		e.metadata = f.merge(e.metadata, "metadata")
	})
	return c.show(e)
}

func deleteEndpoint(c *call) (doc, error) {
	e, err := find[*endpoint](c.s, "webhook endpoint", c.id())
	if err != nil {
		return nil, err
	}
	e.gone = true
	delete(c.s.all, e.id)
	return doc{{"id", e.id}, {"object", "webhook_endpoint"}, {"deleted", true}}, nil
}
