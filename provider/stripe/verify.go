package stripe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/trivetdev/trivet/provider"
)

// Verify implements [provider.Driver]. It does no I/O.
//
// The signature is checked before anything of the body is looked at. Events of
// connected accounts (Stripe Connect) are refused: their objects cannot be
// fetched with this account's key alone.
func (d *Driver) Verify(_ context.Context, header http.Header, body []byte, now time.Time) (provider.Delivery, error) {
	if err := d.authenticate(header, body, now); err != nil {
		return provider.Delivery{}, err
	}
	return d.readEvent(body)
}

var typePattern = regexp.MustCompile(`^[a-zA-Z0-9_.]{1,128}$`)

// readEvent reads the names in an authentic event.
func (d *Driver) readEvent(body []byte) (provider.Delivery, error) {
	event, err := parseObject(body)
	if err != nil {
		return provider.Delivery{}, reject(provider.BadBody, "the body is not an event: "+err.Error())
	}
	if err := d.accepts(event); err != nil {
		return provider.Delivery{}, err
	}
	delivery := provider.Delivery{ID: event.text("id"), Type: event.text("type")}
	if !namePattern.MatchString(delivery.ID) || !typePattern.MatchString(delivery.Type) {
		return provider.Delivery{}, reject(provider.BadBody, "the event has no id or no type that can be read")
	}
	var created int64
	if json.Unmarshal(event["created"], &created) == nil {
		delivery.CreatedAt = moment(created)
	}
	object, err := subjectOf(event)
	if err != nil {
		return provider.Delivery{}, reject(provider.BadBody, "the event's object cannot be read: "+err.Error())
	}
	if ref, found := d.refOf(delivery.Type, object); found {
		delivery.Refs = []provider.Ref{ref}
	}
	return delivery, nil
}

// accepts turns away events that are not for this account.
func (d *Driver) accepts(event fields) error {
	switch kind := event.text("object"); kind {
	case "event":
	case "v2.core.event":
		return reject(provider.WrongFormat, "this is a thin event (v2.core.event): in the Stripe dashboard add a webhook endpoint of payload style \"snapshot\"")
	default:
		return reject(provider.BadBody, "the body is not an event: it has the wrong \"object\"")
	}
	if connected := event.text("account"); connected != "" {
		return reject(provider.WrongFormat, "this event is of a connected account: point the endpoint at events on your account, not at connected accounts")
	}
	switch mode := string(event["livemode"]); {
	case mode != "true" && mode != "false":
		return reject(provider.BadBody, "the event does not say whether it is in live mode")
	case mode == "false" && d.live:
		return reject(provider.WrongMode, "this is a test-mode event and the account has a live key: use the endpoint of live mode, or configure an account for test mode")
	case mode == "true" && !d.live:
		return reject(provider.WrongMode, "this is a live-mode event and the account has a test key: configure an account with the live key")
	}
	return nil
}

// subjectOf finds data.object, strictly.
func subjectOf(event fields) (fields, error) {
	data, err := parseObject(event["data"])
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	object, err := parseObject(data["object"])
	if err != nil {
		return nil, fmt.Errorf("data.object: %w", err)
	}
	return object, nil
}

// fields is a JSON object read by exact names.
type fields map[string]json.RawMessage

// parseObject reads one JSON object. Unlike [json.Unmarshal] it knows no other
// case of a name, and refuses objects that name anything twice, be it in
// another case: which of the two would count is what an attacker plays with.
func parseObject(raw []byte) (fields, error) {
	if !utf8.Valid(raw) {
		return nil, errors.New("it is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, errors.New("it is not a JSON object")
	}
	read, seen := fields{}, map[string]bool{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, errors.New("it is not JSON")
		}
		name, _ := key.(string)
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, errors.New("it is not JSON")
		}
		if lower := strings.ToLower(name); seen[lower] {
			return nil, errors.New("it names a field twice")
		} else {
			seen[lower] = true
		}
		read[name] = value
	}
	if _, err := dec.Token(); err != nil {
		return nil, errors.New("it is cut off")
	}
	if dec.More() {
		return nil, errors.New("something follows it")
	}
	return read, nil
}

// text reads a string; empty for anything else.
func (f fields) text(name string) string {
	var text string
	if json.Unmarshal(f[name], &text) != nil {
		return ""
	}
	return text
}

// name reads the id of a related object, which Stripe writes either as a string
// or, expanded, as an object with an id. Empty if it is neither or not an id.
func (f fields) name(field string) string {
	id := f.text(field)
	if id == "" {
		if object, err := parseObject(f[field]); err == nil {
			id = object.text("id")
		}
	}
	if !namePattern.MatchString(id) {
		return ""
	}
	return id
}

// moment converts Unix seconds; zero means no time.
func moment(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
