package stripe

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/signature"
	"github.com/trivetdev/trivet/provider/strict"
)

// scheme is how Stripe signs: "t=<unix>,v1=<hex>,v1=<hex>,v0=…", with one v1 for
// each live secret of the endpoint (docs.stripe.com/webhooks, verify manually).
// What is passed over and what spoils the header is as in Stripe's libraries.
var scheme = signature.Scheme{
	Header: "Stripe-Signature", Separator: ",", Time: "t", Signature: "v1", Joint: ".",
	Compare: "the endpoint's signing secret in the Stripe dashboard",
}

// Verify implements [provider.Driver]. It does no I/O.
//
// The signature is checked before anything of the body is looked at. Events of
// connected accounts (Stripe Connect) are refused: their objects cannot be
// fetched with this account's key alone.
func (d *Driver) Verify(_ context.Context, header http.Header, body []byte, now time.Time) (provider.Delivery, error) {
	window := signature.Window{Behind: d.tolerance, Ahead: d.tolerance}
	if err := scheme.Verify(header, body, d.secrets, now, window); err != nil {
		return provider.Delivery{}, err
	}
	return d.readEvent(body)
}

// readEvent reads the names in an authentic event.
func (d *Driver) readEvent(body []byte) (provider.Delivery, error) {
	event, err := strict.Parse(body)
	if err != nil {
		return provider.Delivery{}, provider.Reject(provider.BadBody, "the body is not an event: "+err.Error())
	}
	if err := d.accepts(event); err != nil {
		return provider.Delivery{}, err
	}
	delivery := provider.Delivery{ID: event.Text("id"), Type: event.Text("type")}
	if !isName(delivery.ID) || !isType(delivery.Type) {
		return provider.Delivery{}, provider.Reject(provider.BadBody, "the event has no id or no type that can be read")
	}
	var created int64
	if json.Unmarshal(event["created"], &created) == nil {
		delivery.CreatedAt = moment(created)
	}
	object, err := subjectOf(event)
	if err != nil {
		return provider.Delivery{}, provider.Reject(provider.BadBody, "the event's object cannot be read: "+err.Error())
	}
	if ref, found := d.refOf(delivery.Type, object); found {
		delivery.Refs = []provider.Ref{ref}
	}
	return delivery, nil
}

// accepts turns away events that are not for this account.
func (d *Driver) accepts(event strict.Object) error {
	switch kind := event.Text("object"); kind {
	case "event":
	case "v2.core.event":
		return provider.Reject(provider.WrongFormat, "this is a thin event (v2.core.event): in the Stripe dashboard add a webhook endpoint of payload style \"snapshot\"")
	default:
		return provider.Reject(provider.BadBody, "the body is not an event: it has the wrong \"object\"")
	}
	if connected := event.Text("account"); connected != "" {
		return provider.Reject(provider.WrongFormat, "this event is of a connected account: point the endpoint at events on your account, not at connected accounts")
	}
	switch mode := string(event["livemode"]); {
	case mode != "true" && mode != "false":
		return provider.Reject(provider.BadBody, "the event does not say whether it is in live mode")
	case mode == "false" && d.live:
		return provider.Reject(provider.WrongMode, "this is a test-mode event and the account has a live key: use the endpoint of live mode, or configure an account for test mode")
	case mode == "true" && !d.live:
		return provider.Reject(provider.WrongMode, "this is a live-mode event and the account has a test key: configure an account with the live key")
	}
	return nil
}

// subjectOf finds data.object, strictly.
func subjectOf(event strict.Object) (strict.Object, error) {
	data, err := strict.Members(event["data"])
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	object, err := strict.Members(data["object"])
	if err != nil {
		return nil, fmt.Errorf("data.object: %w", err)
	}
	return object, nil
}

// moment converts Unix seconds; zero means no time.
func moment(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
