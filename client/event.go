package client

import (
	"context"
	"encoding/json"
	"time"
)

// Event is a row of the inbox.
type Event struct {
	ID       string `json:"id"`
	Provider string `json:"provider"`
	// EventID and Type are the provider's own.
	EventID string `json:"event_id"`
	Type    string `json:"type"`
	// State is received, done, dead or ignored.
	State      string     `json:"state"`
	Arrival    string     `json:"arrival"`
	CreatedAt  *time.Time `json:"created_at"`
	ReceivedAt time.Time  `json:"received_at"`
	DoneAt     *time.Time `json:"done_at"`
	Attempts   int64      `json:"attempts"`
	Error      string     `json:"error"`
	// Refs are what it names, "account/kind/id".
	Refs []string `json:"refs"`
}

// EventDetail is an event with what came.
type EventDetail struct {
	Event
	Headers map[string]string `json:"headers"`
	// Body is what came if it is JSON, Base64 if not.
	Body   json.RawMessage `json:"body"`
	Base64 *string         `json:"body_base64"`
}

// EventFilter selects events; empty fields do not.
type EventFilter struct {
	Provider string `json:"provider,omitempty"`
	Type     string `json:"type,omitempty"`
	State    string `json:"state,omitempty"`
	// Ref is what an event is about; Cause part of its error.
	Ref   string `json:"ref,omitempty"`
	Cause string `json:"cause,omitempty"`
}

// Events lists events, newest first.
func (c *Client) Events(ctx context.Context, f EventFilter, l List) (Page[Event], error) {
	q := l.query()
	set(q, "provider", f.Provider)
	set(q, "type", f.Type)
	set(q, "state", f.State)
	set(q, "ref", f.Ref)
	set(q, "cause", f.Cause)
	var answer Page[Event]
	err := c.get(ctx, "/v1/events", q, &answer)
	return answer, err
}

// Event reads an event as it came, by our id or the provider's.
func (c *Client) Event(ctx context.Context, id string) (EventDetail, error) {
	var answer EventDetail
	err := c.get(ctx, at("events", id), nil, &answer)
	return answer, err
}

// Replay is what a replay looks at.
type Replay struct {
	DryRun bool `json:"dry_run"`
	// Events match; Ignored of them name nothing to look at.
	Events  int64 `json:"events"`
	Ignored int64 `json:"ignored"`
	// Objects are named by them; Refs are the first hundred.
	Objects int      `json:"objects"`
	Refs    []string `json:"refs"`
}

// ReplayEvent has what an event names looked at again.
func (c *Client) ReplayEvent(ctx context.Context, id string) (Replay, error) {
	var answer Replay
	err := c.post(ctx, at("events", id, "replay"), "", struct{}{}, &answer)
	return answer, err
}

// ReplayEvents does so for all events of a filter; an empty one needs all. A dry
// run only tells what would be looked at.
func (c *Client) ReplayEvents(ctx context.Context, f EventFilter, all, dryRun bool) (Replay, error) {
	body := struct {
		EventFilter
		All    bool `json:"all,omitempty"`
		DryRun bool `json:"dry_run,omitempty"`
	}{f, all, dryRun}
	var answer Replay
	err := c.post(ctx, "/v1/events/replay", "", body, &answer)
	return answer, err
}

// Rejection is what is kept of a webhook that was not accepted.
type Rejection struct {
	At       time.Time `json:"at"`
	Provider string    `json:"provider"`
	Reason   string    `json:"reason"`
	// Detail says what to do.
	Detail string `json:"detail"`
	Bytes  int    `json:"bytes"`
}

// Rejections lists the latest webhooks that were not accepted, newest first.
func (c *Client) Rejections(ctx context.Context) (Page[Rejection], error) {
	return whole[Rejection](ctx, c, "/v1/rejections")
}
