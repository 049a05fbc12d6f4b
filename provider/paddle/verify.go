package paddle

import (
	"context"
	"net/http"
	"time"

	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/strict"
)

// Verify implements [provider.Driver]. It does no I/O. The signature is checked
// before anything of the body is looked at.
func (d *Driver) Verify(_ context.Context, header http.Header, body []byte, now time.Time) (provider.Delivery, error) {
	if classic(header, body) {
		return provider.Delivery{}, reject(provider.WrongFormat, "this is an alert of Paddle Classic, which this version does not speak: "+
			"point the notifications of a Paddle Billing account here (Developer tools, Notifications)")
	}
	if err := d.authenticate(header, body, now); err != nil {
		return provider.Delivery{}, err
	}
	return d.readEvent(body)
}

// readEvent reads the names in an authentic event. Events that are listed have no
// notification_id; nothing else is different. The id of the event is the same in
// all notifications about it, replays included.
func (d *Driver) readEvent(body []byte) (provider.Delivery, error) {
	event, err := strict.Parse(body)
	if err != nil {
		return provider.Delivery{}, reject(provider.BadBody, "the body is not an event: "+err.Error())
	}
	delivery := provider.Delivery{ID: event.Text("event_id"), Type: event.Text("event_type"), CreatedAt: moment(event.Text("occurred_at"))}
	if !isName(delivery.ID) || !isType(delivery.Type) {
		return provider.Delivery{}, reject(provider.BadBody, "the event has no id or no type that can be read")
	}
	entity, err := strict.Members(event["data"])
	if err != nil {
		return provider.Delivery{}, reject(provider.BadBody, "the event's entity cannot be read: "+err.Error())
	}
	if ref, found := d.refOf(delivery.Type, entity); found {
		delivery.Refs = []provider.Ref{ref}
	}
	return delivery, nil
}
