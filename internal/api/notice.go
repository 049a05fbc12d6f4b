package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/trivetdev/trivet/internal/scope"
	"github.com/trivetdev/trivet/internal/store"
)

// Notice is what the application is to show its customer.
type Notice struct {
	ID       string `json:"id"`
	Customer string `json:"customer"`
	Template string `json:"template" doc:"What is said, such as payment_failed.1."`
	Thread   string `json:"thread" doc:"Equal for notices that belong together; of each thread one is shown."`
	Title    string `json:"title"`
	Body     string `json:"body"`
	// Action and URL are both null where there is no button.
	Action *string    `json:"action" doc:"What the button says; null: no button."`
	URL    *string    `json:"url" doc:"Where the button leads."`
	SaidAt time.Time  `json:"said_at"`
	OverAt *time.Time `json:"over_at" doc:"When it was no longer to be shown; null: it still is."`
}

type noticeOutput struct{ Body Notice }

func noticeOf(n store.Notice) Notice {
	return Notice{
		ID: noticeIDs + numbered(n.Seq), Customer: n.Customer, Template: n.Template, Thread: n.Thread, Title: n.Title, Body: n.Body,
		Action: orNull(n.Action), URL: orNull(n.URL), SaidAt: n.SaidAt.UTC(), OverAt: moment(n.OverAt),
	}
}

func (s *server) noticeOperations() {
	type listInput struct {
		CustomerInput
		ListInput
		All bool `query:"all" doc:"Also those that are over."`
	}
	type dismissInput struct {
		Idempotent
		CustomerInput
		ID   string `path:"id" maxLength:"100"`
		Body *struct{}
	}
	add(s, with(get("/v1/customers/{ref}/notices", "list-customer-notices", "messages", "List what your application is to show a customer, newest first"), http.StatusOK,
		"A notice is shown until what it is about is settled, another of its thread is said, or the customer puts it away."),
		func(ctx context.Context, in *listInput) (*pageOutput[Notice], error) {
			if _, err := s.knownCustomer(ctx, in.Ref); err != nil {
				return nil, err
			}
			before, err := in.number()
			if err != nil {
				return nil, err
			}
			rows, err := s.DB.Notices(ctx, in.Ref, in.All, before, in.Limit+1)
			return page(rows, in.Limit, func(n store.Notice) string { return numbered(n.Seq) }, noticeOf), err
		})
	add(s, with(post(scope.Write, "/v1/customers/{ref}/notices/{id}/dismiss", "dismiss-notice", "messages", "Put a notice away"), http.StatusOK,
		"It does not come back. One that is over already stays as it is."),
		func(ctx context.Context, in *dismissInput) (*noticeOutput, error) {
			absent := notFoundf("Customer %q has no notice %q: GET /v1/customers/{ref}/notices lists them.", in.Ref, in.ID)
			seq, ok := number(noticeIDs, in.ID)
			if !ok {
				return nil, absent
			}
			n, err := s.Outbox.Dismiss(ctx, in.Ref, seq)
			if errors.Is(err, store.ErrNotFound) {
				return nil, absent
			}
			return &noticeOutput{noticeOf(n)}, err
		})
}
