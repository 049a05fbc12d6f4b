package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/webhook"
	"github.com/trivetdev/trivet/provider"
)

// Event is a row of the inbox.
type Event struct {
	ID         string     `json:"id"`
	Provider   string     `json:"provider" doc:"The account."`
	EventID    string     `json:"event_id" doc:"The provider's id."`
	Type       string     `json:"type" doc:"The provider's own name."`
	State      string     `json:"state" enum:"received,done,dead,ignored" doc:"received: what it names is still to be looked at. dead: looking failed too often. ignored: it names nothing that is kept here."`
	Arrival    string     `json:"arrival" enum:"webhook,pull"`
	CreatedAt  *time.Time `json:"created_at" doc:"The provider's time of it."`
	ReceivedAt time.Time  `json:"received_at"`
	DoneAt     *time.Time `json:"done_at"`
	Attempts   int64      `json:"attempts" doc:"How many looks failed."`
	Error      string     `json:"error" doc:"Why the latest failed."`
	Refs       []string   `json:"refs" nullable:"false" doc:"What it names: account/kind/id."`
}

// EventDetail is an event with what came.
type EventDetail struct {
	Event
	Headers map[string]string `json:"headers" doc:"Those that help to understand the delivery."`
	Body    json.RawMessage   `json:"body" doc:"What came, if it is JSON; else null."`
	Base64  *string           `json:"body_base64" doc:"What came, if it is not JSON; else null."`
}

// Rejection is what is kept of a webhook that was not accepted.
type Rejection struct {
	At       time.Time `json:"at"`
	Provider string    `json:"provider" doc:"unknown, if no account has the name in the path."`
	Reason   string    `json:"reason"`
	Detail   string    `json:"detail" doc:"What to do."`
	Bytes    int       `json:"bytes"`
}

// EventFilterInput selects events.
type EventFilterInput struct {
	Provider string `query:"provider"`
	Type     string `query:"type" doc:"The provider's own name."`
	State    string `query:"state" enum:"received,done,dead,ignored"`
	Ref      string `query:"ref" doc:"What it is about: account/kind/id."`
	Cause    string `query:"cause" doc:"Part of the error."`
}

func (f EventFilterInput) filter() store.EventFilter {
	return store.EventFilter{Account: f.Provider, Type: f.Type, State: f.State, Ref: f.Ref, Cause: f.Cause}
}

func eventOf(e store.Event) Event {
	return Event{
		ID: e.ID, Provider: e.Account, EventID: e.EventID, Type: e.Type, State: e.State, Arrival: e.Arrival,
		CreatedAt: moment(e.CreatedAt), ReceivedAt: e.ReceivedAt.UTC(), DoneAt: moment(e.DoneAt),
		Attempts: e.Attempts, Error: e.Error, Refs: listOf(e.Refs),
	}
}

func (s *server) eventOperations() {
	type listInput struct {
		ListInput
		EventFilterInput
	}
	type eventInput struct {
		ID string `path:"id" maxLength:"300" doc:"Our id, or the provider's."`
	}
	type eventOutput struct{ Body EventDetail }
	add(s, get("/v1/events", "list-events", "events", "List events, newest first"),
		func(ctx context.Context, in *listInput) (*pageOutput[Event], error) {
			filter := in.filter()
			err := knownRef("query.ref", in.Ref)
			if err != nil {
				return nil, err
			}
			if filter.Before, err = in.number(); err != nil {
				return nil, err
			}
			filter.Limit = in.Limit + 1
			rows, err := s.DB.EventHeads(ctx, filter)
			return page(rows, in.Limit, func(e store.Event) string { return numbered(e.Seq) }, eventOf), err
		})
	add(s, get("/v1/events/{id}", "get-event", "events", "Show an event as it came"),
		func(ctx context.Context, in *eventInput) (*eventOutput, error) {
			e, err := s.event(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			return &eventOutput{detailed(e)}, nil
		})
	add(s, with(get("/v1/rejections", "list-rejections", "events", "List the latest webhooks that were not accepted"), http.StatusOK,
		"The latest hundred since this process started. Nothing else is kept of them."), s.listRejections)
}

// event reads an event, or says that there is none.
func (s *server) event(ctx context.Context, id string) (store.Event, error) {
	e, err := s.DB.EventNamed(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return e, notFoundf("There is no event %q in the inbox: GET /v1/events lists them, GET /v1/rejections what was not accepted.", id)
	}
	return e, err
}

func detailed(e store.Event) EventDetail {
	d := EventDetail{Event: eventOf(e), Headers: map[string]string{}, Body: json.RawMessage("null")}
	if err := json.Unmarshal([]byte(e.Headers), &d.Headers); err != nil || d.Headers == nil {
		d.Headers = map[string]string{}
	}
	var compact bytes.Buffer
	if json.Compact(&compact, e.Body) == nil {
		d.Body = compact.Bytes()
	} else {
		d.Base64 = encoded(e.Body)
	}
	return d
}

func (s *server) listRejections(_ context.Context, in *ListInput) (*pageOutput[Rejection], error) {
	before, err := in.number()
	if err != nil {
		return nil, err
	}
	rows := s.Webhooks.Rejections()
	if before != 0 {
		rows = slices.DeleteFunc(rows, func(r webhook.Rejection) bool { return r.Seq >= before })
	}
	return page(rows, in.Limit, func(r webhook.Rejection) string { return numbered(r.Seq) }, func(r webhook.Rejection) Rejection {
		return Rejection{At: r.At.UTC(), Provider: r.Account, Reason: string(r.Reason), Detail: r.Detail, Bytes: r.Bytes}
	}), nil
}

// knownAccount refuses a filter by an account that is not configured, which
// would silently select nothing.
func (s *server) knownAccount(field, account string) error {
	if _, known := s.Apply.Drivers[account]; account == "" || known {
		return nil
	}
	return invalidf("%s: no provider account %q is configured.", field, account)
}

// knownRef refuses a reference that cannot be one.
func knownRef(field, ref string) error {
	if ref == "" {
		return nil
	}
	if _, err := provider.ParseRef(ref); err != nil {
		return invalidf("%s: %s.", field, err)
	}
	return nil
}
