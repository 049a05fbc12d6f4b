package paypal

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// mostWebhooks is how many an app may have.
const mostWebhooks = 10

type named struct{ Name string }

func names(list []named) []string {
	out := make([]string, len(list))
	for i, n := range list {
		out[i] = n.Name
	}
	return out
}

func listWebhooks(c *call) (any, error) {
	out := []obj{}
	for _, h := range c.s.hooks.all {
		out = append(out, h.render(c.s))
	}
	return obj{"webhooks": out}, nil
}

func createWebhook(c *call) (any, error) {
	var q struct {
		URL        string
		EventTypes []named `json:"event_types"`
	}
	if err := c.read(&q); err != nil {
		return nil, err
	}
	u, err := url.Parse(q.URL)
	switch {
	case err != nil || u.Scheme != "https":
		return nil, invalid("WEBHOOK_URL_INVALID", "Not a valid webhook URL")
	case slices.ContainsFunc(c.s.hooks.all, func(h *webhook) bool { return h.url == q.URL }):
		return nil, invalid("WEBHOOK_URL_ALREADY_EXISTS", "Webhook URL already exists")
	case len(c.s.hooks.all) >= mostWebhooks:
		return nil, invalid("WEBHOOK_NUMBER_LIMIT_EXCEEDED", "Webhook maximum limit exceeded")
	case len(q.EventTypes) == 0:
		return nil, invalid("EMPTY_EVENT_TYPES", "Event types are missing")
	}
	h := &webhook{head: c.s.newHead("", 17), url: q.URL, types: names(q.EventTypes)}
	c.s.hooks.add(h)
	return h.render(c.s), nil
}

func getWebhook(c *call) (any, error) { return show(c, &c.s.hooks) }

func patchWebhook(c *call) (any, error) {
	h, err := find(&c.s.hooks, c.id())
	if err != nil {
		return nil, err
	}
	var patches []struct {
		Op, Path string
		Value    json.RawMessage
	}
	if err := c.read(&patches); err != nil {
		return nil, err
	}
	for _, p := range patches {
		var types []named
		switch {
		case p.Op != "replace":
			return nil, invalid("VALIDATION_ERROR", "op")
		case p.Path == "/url" && json.Unmarshal(p.Value, &h.url) == nil:
		case p.Path == "/event_types" && json.Unmarshal(p.Value, &types) == nil:
			h.types = names(types)
		default:
			return nil, invalid("VALIDATION_ERROR", "path")
		}
	}
	return h.render(c.s), nil
}

func deleteWebhook(c *call) (any, error) {
	h, err := find(&c.s.hooks, c.id())
	if err != nil {
		return nil, err
	}
	delete(c.s.hooks.byID, h.id)
	c.s.hooks.all = slices.DeleteFunc(c.s.hooks.all, func(x *webhook) bool { return x == h })
	return nil, nil
}

// listEvents lists newest first, only what a webhook wanted when it happened:
// here that is everything.
func listEvents(c *call) (any, error) {
	size, page, err := c.paging(10, 1000)
	if err != nil {
		return nil, err
	}
	from, err := c.time("start_time")
	if err != nil {
		return nil, err
	}
	to, err := c.time("end_time")
	if err != nil {
		return nil, err
	}
	typ, txn := c.query.Get("event_type"), c.query.Get("transaction_id")
	var all []obj
	for _, e := range slices.Backward(c.s.events.all) {
		if e.created.Before(from) || !to.IsZero() && e.created.After(to) || typ != "" && e.typ != typ || txn != "" && e.resource != txn {
			continue
		}
		all = append(all, obj{"": json.RawMessage(e.body)})
	}
	cut, more := c.cut(all, size, page)
	events := []json.RawMessage{}
	for _, o := range cut {
		events = append(events, o[""].(json.RawMessage))
	}
	links := []obj{c.s.link("self", c.r.URL.RequestURI(), "GET")}
	if more {
		links = append(links, c.next(page))
	}
	return obj{"events": events, "count": len(events), "links": links}, nil
}

func getEvent(c *call) (any, error) {
	e, err := find(&c.s.events, c.id())
	if err != nil {
		return nil, err
	}
	return json.RawMessage(e.body), nil
}

func resendEvent(c *call) (any, error) {
	e, err := find(&c.s.events, c.id())
	if err != nil {
		return nil, err
	}
	for _, h := range c.s.hooks.all {
		c.s.world.Post(c.s.now, &delivery{from: c.s, event: e, to: h})
	}
	return json.RawMessage(e.body), nil
}

// simulateEvent posts an event about nothing, signed for the literal webhook id
// WEBHOOK_ID: PayPal's own simulator does that.
func simulateEvent(c *call) (any, error) {
	var q struct {
		URL       string
		EventType string `json:"event_type"`
	}
	if err := c.read(&q); err != nil {
		return nil, err
	}
	e := c.s.mock(q.EventType)
	c.s.world.Post(c.s.now, &delivery{from: c.s, event: e, to: &webhook{head: head{id: "WEBHOOK_ID"}, url: q.URL}})
	return json.RawMessage(e.body), nil
}

func (s *Server) mock(typ string) *event {
	id := "WH-MOCK" + strconv.Itoa(len(s.events.all))
	body := encoded(obj{
		"id": id, "create_time": s.now.Format(time.RFC3339), "resource_type": "sale", "event_type": typ, "event_version": "1.0",
		"resource": obj{"id": "80021663DE681814L", "billing_agreement_id": "I-PE7JWXKGVN0R", "state": "completed"}, "summary": "Mock",
	})
	return &event{head: head{id: id, created: s.now}, typ: typ, body: body}
}
