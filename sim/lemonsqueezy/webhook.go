package lemonsqueezy

import (
	"slices"
	"strings"
)

// allEvents are the names that a webhook can listen to.
var allEvents = []string{
	"order_created", "order_refunded",
	"subscription_created", "subscription_updated", "subscription_cancelled", "subscription_resumed", "subscription_expired",
	"subscription_paused", "subscription_unpaused",
	"subscription_payment_success", "subscription_payment_failed", "subscription_payment_recovered", "subscription_payment_refunded",
	"license_key_created", "license_key_updated", "affiliate_activated", "customer_updated",
}

// webhook receives events. Its secret is never shown.
type webhook struct {
	head
	url    string
	secret string
	events []string
}

func (w *webhook) attributes(s *Server) doc {
	events := make([]any, len(w.events))
	for i, e := range w.events {
		events[i] = e
	}
	return doc{
		{"store_id", w.store}, {"url", w.url}, {"events", events}, {"last_sent_at", nil},
		{"created_at", stamp(w.created)}, {"updated_at", stamp(w.updated)}, {"test_mode", !s.cfg.Live},
	}
}

// listeners are the configured receiver, which hears everything of both stores,
// and the webhooks made by API.
func (s *Server) listeners(name string, store int) []*webhook {
	var out []*webhook
	if s.cfg.WebhookURL != "" {
		out = append(out, &webhook{url: s.cfg.WebhookURL, secret: s.cfg.WebhookSecret})
	}
	for _, w := range rowsOf[*webhook](s, typeWebhook) {
		if w.store == store && slices.Contains(w.events, name) {
			out = append(out, w)
		}
	}
	return out
}

func webhookRoutes() map[string]operation {
	return map[string]operation{
		"POST /v1/webhooks":        createWebhook,
		"GET /v1/webhooks":         listOf(typeWebhook, "store_id"),
		"GET /v1/webhooks/{id}":    show[*webhook](typeWebhook),
		"PATCH /v1/webhooks/{id}":  updateWebhook,
		"DELETE /v1/webhooks/{id}": deleteWebhook,
	}
}

// read takes over what a request sets, and says what is wrong with it.
func (w *webhook) read(c *call, fresh bool) error {
	a := c.attributes()
	if a.has("url") {
		w.url = a.text("url")
	}
	if a.has("secret") {
		w.secret = a.text("secret")
	}
	if a.has("events") {
		w.events = a.texts("events")
	}
	switch {
	case !strings.HasPrefix(w.url, "http"):
		return invalid("/data/attributes/url", "The url must be a valid URL.")
	case len(w.events) == 0:
		return invalid("/data/attributes/events", "The events field is required.")
	case slices.ContainsFunc(w.events, func(e string) bool { return !slices.Contains(allEvents, e) }):
		return invalid("/data/attributes/events", "The selected events is invalid.")
	case (fresh || a.has("secret")) && (len(w.secret) < 6 || len(w.secret) > 40):
		return invalid("/data/attributes/secret", "The secret must be between 6 and 40 characters.")
	}
	return nil
}

func createWebhook(c *call) (doc, error) {
	s := c.s
	w := &webhook{}
	if err := w.read(c, true); err != nil {
		return nil, err
	}
	st, err := find[*store](s, typeStore, c.relation("store"))
	if err != nil {
		return nil, invalid("/data/relationships/store", "The store field is required.")
	}
	w.head = s.newHead(typeWebhook, 0)
	w.store = st.number()
	s.add(w)
	return c.single(w)
}

func updateWebhook(c *call) (doc, error) {
	w, err := find[*webhook](c.s, typeWebhook, c.id())
	if err != nil {
		return nil, err
	}
	changed := *w
	if err := changed.read(c, false); err != nil {
		return nil, err
	}
	c.s.edit(w, func() { w.url, w.secret, w.events = changed.url, changed.secret, changed.events })
	return c.single(w)
}

func deleteWebhook(c *call) (doc, error) {
	w, err := find[*webhook](c.s, typeWebhook, c.id())
	if err != nil {
		return nil, err
	}
	t := c.s.table(typeWebhook)
	delete(t.byID, w.id)
	t.rows = slices.DeleteFunc(t.rows, func(r resource) bool { return r == resource(w) })
	return nil, nil
}
