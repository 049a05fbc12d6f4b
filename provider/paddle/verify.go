package paddle

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/signature"
	"github.com/trivetdev/trivet/provider/strict"
)

// scheme is how Paddle signs: "ts=<unix>;h1=<hex>;h1=<hex>;…", with one h1 for each
// secret that counts, which are two while one is being replaced
// (developer.paddle.com, signature verification).
var scheme = signature.Scheme{
	Header: "Paddle-Signature", Separator: ";", Time: "ts", Signature: "h1", Joint: ":",
	Compare: "the destination's secret key in the Paddle dashboard", TooOld: ", longer than Paddle repeats a notification",
}

// Verify implements [provider.Driver]. It does no I/O. The signature is checked
// before anything of the body is looked at.
func (d *Driver) Verify(_ context.Context, header http.Header, body []byte, now time.Time) (provider.Delivery, error) {
	if classic(header, body) {
		return provider.Delivery{}, provider.Reject(provider.WrongFormat, "this is an alert of Paddle Classic, which this version does not speak: "+
			"point the notifications of a Paddle Billing account here (Developer tools, Notifications)")
	}
	window := signature.Window{Behind: d.behind, Ahead: d.ahead}
	if err := scheme.Verify(header, body, d.secrets, now, window); err != nil {
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
		return provider.Delivery{}, provider.Reject(provider.BadBody, "the body is not an event: "+err.Error())
	}
	delivery := provider.Delivery{ID: event.Text("event_id"), Type: event.Text("event_type"), CreatedAt: moment(event.Text("occurred_at"))}
	if !isName(delivery.ID) || !isType(delivery.Type) {
		return provider.Delivery{}, provider.Reject(provider.BadBody, "the event has no id or no type that can be read")
	}
	entity, err := strict.Members(event["data"])
	if err != nil {
		return provider.Delivery{}, provider.Reject(provider.BadBody, "the event's entity cannot be read: "+err.Error())
	}
	if ref, found := d.refOf(delivery.Type, entity); found {
		delivery.Refs = []provider.Ref{ref}
	}
	return delivery, nil
}

// classic recognizes an alert of Paddle Classic: a form that carries its own
// signature in the body. It is told apart before anything is verified, since
// nothing of it is used: whoever has pointed a Classic account at us is to hear so.
func classic(header http.Header, body []byte) bool {
	const enough = 64 << 10
	if header.Get(scheme.Header) != "" || len(body) > enough || len(body) == 0 || body[0] == '{' {
		return false
	}
	form := "&" + string(body)
	return strings.Contains(form, "&alert_name=") && strings.Contains(form, "&p_signature=")
}
