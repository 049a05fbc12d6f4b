package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/trivetdev/trivet/internal/hook"
	"github.com/trivetdev/trivet/internal/scope"
	"github.com/trivetdev/trivet/internal/store"
)

// Endpoint is an address of your own that is told of changes.
type Endpoint struct {
	Name           string     `json:"name"`
	URL            string     `json:"url" doc:"Without what follows the question mark, which may be secret."`
	Events         []string   `json:"events" nullable:"false" doc:"What it is told of."`
	AllowPrivate   bool       `json:"allow_private"`
	State          string     `json:"state" enum:"active,disabled" doc:"disabled: it answered 410 Gone and is told nothing until somebody enables it."`
	DisabledAt     *time.Time `json:"disabled_at"`
	DisabledReason *string    `json:"disabled_reason"`
	Waiting        int64      `json:"waiting" doc:"How many webhooks are to be sent, or sent again."`
	Dead           int64      `json:"dead" doc:"How many were given up: replay sends them."`
}

// Delivery is how the latest delivery went of one thing that an endpoint is told.
type Delivery struct {
	ID       string  `json:"id"`
	Endpoint string  `json:"endpoint"`
	Type     string  `json:"type" doc:"customer.state_changed or alert.raised; messages are under /v1/effects."`
	Customer *string `json:"customer"`
	State    string  `json:"state" enum:"delivered,failing,dead" doc:"failing: it is tried again by itself. dead: it is not, until something changes or somebody replays it."`
	// WebhookID and Sequence are those of what was last sent.
	WebhookID   string     `json:"webhook_id" doc:"The header webhook-id of what was last sent."`
	Sequence    int64      `json:"sequence" doc:"The sequence of what was last sent."`
	Attempts    int64      `json:"attempts" doc:"How often it failed since it last went well."`
	Error       string     `json:"error" doc:"What the latest try ran into."`
	At          time.Time  `json:"at" doc:"When it was last tried."`
	DeliveredAt *time.Time `json:"delivered_at" doc:"When the endpoint last took one."`
}

// HookReplay says what to send again; empty: what was given up.
type HookReplay struct {
	Customer string `json:"customer,omitempty" maxLength:"200" doc:"Send this customer's state, even if the endpoint has it."`
	All      bool   `json:"all,omitempty" doc:"Send every customer's state: to an endpoint that is new, or lost what it was told."`
}

// Queued is how many webhooks are to be sent.
type Queued struct {
	Queued int64 `json:"queued"`
}

// HookTest is how an endpoint took a test.
type HookTest struct {
	Delivered bool   `json:"delivered"`
	WebhookID string `json:"webhook_id"`
	Status    *int64 `json:"status" doc:"What the endpoint answered; null: nothing."`
	Error     string `json:"error" doc:"What is wrong; empty if nothing is."`
}

// EndpointInput names an endpoint.
type EndpointInput struct {
	Endpoint string `path:"endpoint" maxLength:"100" doc:"The endpoint's name."`
}

func endpointOf(e hook.Standing) Endpoint {
	row := Endpoint{
		Name: e.Name, URL: e.URL, Events: e.Events, AllowPrivate: e.AllowPrivate, State: "active",
		DisabledAt: moment(e.Disabled), DisabledReason: orNull(e.Reason), Waiting: e.Waiting, Dead: e.Dead,
	}
	if row.DisabledAt != nil {
		row.State = "disabled"
	}
	return row
}

func deliveryOf(d store.Delivery) Delivery {
	return Delivery{
		ID: deliveryIDs + numbered(d.Seq), Endpoint: d.Endpoint, Type: d.Event, Customer: orNull(d.Customer), State: d.State,
		WebhookID: d.WebhookID, Sequence: d.Sequence, Attempts: d.Attempts, Error: d.Error, At: d.At.UTC(), DeliveredAt: moment(d.DeliveredAt),
	}
}

func (s *server) hookOperations() {
	type deliveriesInput struct {
		ListInput
		Endpoint string `query:"endpoint" maxLength:"100"`
		Customer string `query:"customer" maxLength:"200"`
		State    string `query:"state" enum:"delivered,failing,dead"`
	}
	type actInput struct {
		Idempotent
		EndpointInput
		Body *struct{}
	}
	type replayInput struct {
		Idempotent
		EndpointInput
		Body *HookReplay
	}
	type queuedOutput struct{ Body Queued }
	add(s, get("/v1/hooks", "list-endpoints", "hooks", "List your endpoints and how they stand"), s.listEndpoints)
	add(s, with(get("/v1/hooks/deliveries", "list-deliveries", "hooks", "List how the latest deliveries went"), http.StatusOK,
		"One row for each endpoint and customer, and for each alert; what was told for the first time last comes first."),
		func(ctx context.Context, in *deliveriesInput) (*pageOutput[Delivery], error) {
			before, err := in.number()
			if err != nil {
				return nil, err
			}
			rows, err := s.DB.Deliveries(ctx, store.DeliveryFilter{
				Endpoint: in.Endpoint, Customer: in.Customer, State: in.State, Before: before, Limit: in.Limit + 1,
			})
			return page(rows, in.Limit, func(d store.Delivery) string { return numbered(d.Seq) }, deliveryOf), err
		})
	add(s, with(post(scope.Admin, "/v1/hooks/{endpoint}/replay", "replay-endpoint", "hooks", "Send an endpoint again what it did not take"), http.StatusAccepted,
		"What is sent is how things stand then, not as they were. Without a body: what was given up."),
		func(ctx context.Context, in *replayInput) (*queuedOutput, error) {
			n, err := s.replayHooks(ctx, in.Endpoint, in.Body)
			return &queuedOutput{Queued{int64(n)}}, err
		})
	add(s, with(post(scope.Admin, "/v1/hooks/{endpoint}/enable", "enable-endpoint", "hooks", "Tell a disabled endpoint again"), http.StatusAccepted,
		"What it missed is sent."),
		func(ctx context.Context, in *actInput) (*queuedOutput, error) {
			n, err := s.Hooks.Enable(ctx, in.Endpoint)
			return &queuedOutput{Queued{int64(n)}}, unknownEndpoint(in.Endpoint, err)
		})
	add(s, with(post(scope.Admin, "/v1/hooks/{endpoint}/test", "test-endpoint", "hooks", "Send an endpoint a webhook now, and say how it took it"), http.StatusOK,
		"Its type is endpoint.test, whatever events the endpoint takes; it is sent once, whatever comes of it."), s.testEndpoint)
}

func (s *server) listEndpoints(ctx context.Context, in *ListInput) (*pageOutput[Endpoint], error) {
	all, err := s.Hooks.Standings(ctx)
	if err != nil {
		return nil, err
	}
	return pageOf(all, *in, func(e hook.Standing) string { return e.Name }, endpointOf)
}

func (s *server) replayHooks(ctx context.Context, endpoint string, what *HookReplay) (n int, err error) {
	switch {
	case what != nil && what.All && what.Customer != "":
		return 0, invalidf("body: all and customer exclude each other: send one of them.")
	case what != nil && what.All:
		n, err = s.Hooks.ReplayAll(ctx, endpoint)
	case what != nil && what.Customer != "":
		n, err = 1, s.Hooks.ReplayCustomer(ctx, endpoint, what.Customer)
		if errors.Is(err, store.ErrNotFound) {
			err = notFoundf("There is no customer %q.", what.Customer)
		}
	default:
		n, err = s.Hooks.Replay(ctx, endpoint)
	}
	return n, unknownEndpoint(endpoint, err)
}

type testEndpointInput struct {
	Idempotent
	EndpointInput
	Body *struct{}
}

type testEndpointOutput struct{ Body HookTest }

func (s *server) testEndpoint(ctx context.Context, in *testEndpointInput) (*testEndpointOutput, error) {
	outcome, err := s.Hooks.Test(ctx, in.Endpoint)
	if err != nil {
		return nil, unknownEndpoint(in.Endpoint, err)
	}
	test := HookTest{Delivered: outcome.Failure == "", WebhookID: outcome.WebhookID, Error: outcome.Failure}
	if outcome.Status != 0 {
		status := int64(outcome.Status)
		test.Status = &status
	}
	return &testEndpointOutput{test}, nil
}

// unknownEndpoint tells whoever names no endpoint which there are.
func unknownEndpoint(name string, err error) error {
	if errors.Is(err, hook.ErrUnknown) {
		return notFoundf("No endpoint is named %q: GET /v1/hooks lists them.", name)
	}
	return err
}
