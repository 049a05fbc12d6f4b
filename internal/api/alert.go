package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/trivetdev/trivet/internal/scope"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// Alert is what needs a person.
type Alert struct {
	ID       string     `json:"id"`
	Cause    string     `json:"cause" doc:"While an alert is open, no second one of its cause is."`
	Kind     string     `json:"kind" doc:"A word to filter by, such as dispute."`
	Title    string     `json:"title"`
	Details  string     `json:"details"`
	Customer *string    `json:"customer"`
	Object   *string    `json:"object" doc:"The id of what it is about."`
	DueBy    *time.Time `json:"due_by" doc:"When it is too late."`
	State    string     `json:"state" enum:"open,closed"`
	RaisedAt time.Time  `json:"raised_at"`
	LastAt   time.Time  `json:"last_at" doc:"When it was last raised."`
	Times    int64      `json:"times" doc:"How often it was raised."`
	ClosedAt *time.Time `json:"closed_at"`
	ClosedBy *string    `json:"closed_by" doc:"Who closed it: a person, or the policy that found it over."`
}

type alertOutput struct{ Body Alert }

func alertOf(a store.Alert) Alert {
	row := Alert{
		ID: alertIDs + numbered(a.Seq), Cause: a.Cause, Kind: a.Kind, Title: a.Title, Details: a.Details, Customer: orNull(a.Customer),
		Object: orNull(a.Object), DueBy: moment(a.DueBy), State: "open", RaisedAt: a.RaisedAt.UTC(), LastAt: a.LastAt.UTC(),
		Times: a.Times, ClosedAt: moment(a.ClosedAt), ClosedBy: orNull(a.ClosedBy),
	}
	if row.ClosedAt != nil {
		row.State = "closed"
	}
	if ref, err := provider.ParseRef(a.Object); err == nil {
		id := publicID(ref.Account, ref.ID)
		row.Object = &id
	}
	return row
}

func (s *server) alertOperations() {
	type listInput struct {
		ListInput
		Open string `query:"open" enum:"true,false" doc:"true: only those that are open; false: only those that are closed."`
		Kind string `query:"kind"`
	}
	type closeInput struct {
		Idempotent
		ID   string `path:"id" maxLength:"100"`
		Body *struct{}
	}
	add(s, get("/v1/alerts", "list-alerts", "messages", "List what needs a person, newest first"),
		func(ctx context.Context, in *listInput) (*pageOutput[Alert], error) {
			before, err := in.number()
			if err != nil {
				return nil, err
			}
			rows, err := s.DB.Alerts(ctx, store.AlertFilter{
				Kind: in.Kind, Open: in.Open == "true", Closed: in.Open == "false", Before: before, Limit: in.Limit + 1,
			})
			return page(rows, in.Limit, func(a store.Alert) string { return numbered(a.Seq) }, alertOf), err
		})
	add(s, with(post(scope.Admin, "/v1/alerts/{id}/close", "close-alert", "messages", "Say that an alert is dealt with"), http.StatusOK,
		"Should its cause come up again, a new alert is raised. One that is closed already stays as it is."),
		func(ctx context.Context, in *closeInput) (*alertOutput, error) {
			absent := notFoundf("There is no alert %q: GET /v1/alerts lists them.", in.ID)
			seq, ok := number(alertIDs, in.ID)
			if !ok {
				return nil, absent
			}
			a, err := s.Outbox.CloseAlert(ctx, seq, actor(ctx))
			if errors.Is(err, store.ErrNotFound) {
				return nil, absent
			}
			return &alertOutput{alertOf(a)}, err
		})
}
