package client

import (
	"context"
	"net/url"
	"time"
)

// State is all that an application needs to know of a customer. Endpoints are sent
// it as the data of customer.state_changed.
type State struct {
	// Sequence grows with every change of what is shown here: of two states keep the one
	// with the higher sequence.
	Sequence      int64          `json:"sequence"`
	Customer      Customer       `json:"customer"`
	Subscriptions []Subscription `json:"subscriptions"`
	// Entitlements are the answers for each feature that the plans have, or that was ever
	// granted.
	Entitlements []Check `json:"entitlements"`
	// Credits are how they stand with each plan of credits that they ever had any of.
	Credits []Credits `json:"credits"`
}

// State reads how things stand with a customer.
func (c *Client) State(ctx context.Context, ref string) (State, error) {
	var answer State
	err := c.get(ctx, at("customers", ref, "state"), url.Values{}, &answer)
	return answer, err
}

// Endpoint is an address of the application's that is told of changes.
type Endpoint struct {
	Name string `json:"name"`
	// URL is without its query.
	URL          string   `json:"url"`
	Events       []string `json:"events"`
	AllowPrivate bool     `json:"allow_private"`
	// State is active, or disabled: it answered 410 Gone.
	State          string     `json:"state"`
	DisabledAt     *time.Time `json:"disabled_at"`
	DisabledReason *string    `json:"disabled_reason"`
	// Waiting is how many webhooks are to be sent, Dead how many were given up.
	Waiting int64 `json:"waiting"`
	Dead    int64 `json:"dead"`
}

// Delivery is how the latest delivery went of one thing that an endpoint is told.
type Delivery struct {
	ID       string  `json:"id"`
	Endpoint string  `json:"endpoint"`
	Type     string  `json:"type"`
	Customer *string `json:"customer"`
	// State is delivered, failing or dead.
	State string `json:"state"`
	// WebhookID and Sequence are those of what was last sent.
	WebhookID string `json:"webhook_id"`
	Sequence  int64  `json:"sequence"`
	// Attempts is how often it failed since it last went well.
	Attempts    int64      `json:"attempts"`
	Error       string     `json:"error"`
	At          time.Time  `json:"at"`
	DeliveredAt *time.Time `json:"delivered_at"`
}

// DeliveryFilter selects deliveries; empty fields do not.
type DeliveryFilter struct {
	Endpoint, Customer, State string
}

// HookReplay says what to send again; the zero value: what was given up.
type HookReplay struct {
	// Customer has this customer's state sent, All every customer's.
	Customer string `json:"customer,omitempty"`
	All      bool   `json:"all,omitempty"`
}

// HookTest is how an endpoint took a test.
type HookTest struct {
	Delivered bool   `json:"delivered"`
	WebhookID string `json:"webhook_id"`
	// Status is what the endpoint answered; nil: nothing.
	Status *int64 `json:"status"`
	Error  string `json:"error"`
}

// Endpoints lists the endpoints and how they stand.
func (c *Client) Endpoints(ctx context.Context) (Page[Endpoint], error) {
	return whole[Endpoint](ctx, c, "/v1/hooks")
}

// Deliveries lists how the latest deliveries went; what was told for the first time
// last comes first.
func (c *Client) Deliveries(ctx context.Context, f DeliveryFilter, l List) (Page[Delivery], error) {
	q := l.query()
	set(q, "endpoint", f.Endpoint)
	set(q, "customer", f.Customer)
	set(q, "state", f.State)
	var answer Page[Delivery]
	err := c.get(ctx, "/v1/hooks/deliveries", q, &answer)
	return answer, err
}

// ReplayEndpoint sends an endpoint again what it did not take, and returns how many
// webhooks that is.
func (c *Client) ReplayEndpoint(ctx context.Context, endpoint string, what HookReplay) (int64, error) {
	var answer struct {
		Queued int64 `json:"queued"`
	}
	err := c.post(ctx, at("hooks", endpoint, "replay"), "", what, &answer)
	return answer.Queued, err
}

// EnableEndpoint has a disabled endpoint told again, and returns how many webhooks it
// missed, which are sent.
func (c *Client) EnableEndpoint(ctx context.Context, endpoint string) (int64, error) {
	var answer struct {
		Queued int64 `json:"queued"`
	}
	err := c.post(ctx, at("hooks", endpoint, "enable"), "", struct{}{}, &answer)
	return answer.Queued, err
}

// TestEndpoint sends an endpoint a webhook now.
func (c *Client) TestEndpoint(ctx context.Context, endpoint string) (HookTest, error) {
	var answer HookTest
	err := c.post(ctx, at("hooks", endpoint, "test"), "", struct{}{}, &answer)
	return answer, err
}
