package paypal

import (
	"context"
	"net/http"

	"github.com/trivetdev/trivet/provider"
)

// webhook is as much of PayPal's as we read.
type webhook struct {
	ID, URL    string
	EventTypes []namedEvent `json:"event_types"`
}

type namedEvent struct {
	Name string `json:"name"`
}

// RegisterEndpoint implements [provider.EndpointRegistrar]. PayPal has no signing
// secret: what has to be configured is the webhook's id (webhook_ids), which for a
// new one is told as the secret too.
func (d *Driver) RegisterEndpoint(ctx context.Context, endpointURL string) (provider.Endpoint, error) {
	const op = "register endpoint"
	var list struct{ Webhooks *[]webhook }
	if err := d.get(ctx, op, "/v1/notifications/webhooks", nil, &list); err != nil {
		return provider.Endpoint{}, err
	}
	if list.Webhooks == nil {
		return provider.Endpoint{}, d.malformed(op, errNotAList)
	}
	types := make([]namedEvent, len(eventTable))
	for i, e := range eventTable {
		types[i] = namedEvent{e.name}
	}
	for _, h := range *list.Webhooks {
		if h.URL == endpointURL && isName(h.ID) {
			return provider.Endpoint{ID: h.ID}, d.subscribe(ctx, op, h, types)
		}
	}
	var made webhook
	if err := d.send(ctx, op, "/v1/notifications/webhooks", "", obj{"url": endpointURL, "event_types": types}, &made); err != nil {
		return provider.Endpoint{}, err
	}
	if !isName(made.ID) {
		return provider.Endpoint{}, &provider.Error{Account: d.account, Op: op, Kind: provider.OutcomeUnknown, Err: errOther}
	}
	return provider.Endpoint{ID: made.ID, Secret: made.ID, Created: true}, nil
}

// subscribe makes sure that a webhook gets the events that we know.
func (d *Driver) subscribe(ctx context.Context, op string, h webhook, types []namedEvent) error {
	has := map[string]bool{}
	for _, e := range h.EventTypes {
		has[e.Name] = true
	}
	missing := false
	for _, e := range types {
		missing = missing || !has[e.Name]
	}
	if !missing || has["*"] {
		return nil
	}
	return d.call(ctx, op, request{
		method: http.MethodPatch, path: "/v1/notifications/webhooks/" + h.ID,
		body: []obj{{"op": "replace", "path": "/event_types", "value": types}},
	}, &webhook{})
}
