package client

import (
	"context"
	"net/url"
	"time"
)

// Effect is something to be done at a provider, once.
type Effect struct {
	ID string `json:"id"`
	// Key is the business key: what is asked for twice has it twice, and is done
	// once.
	Key      string  `json:"key"`
	Kind     string  `json:"kind"`
	Provider string  `json:"provider"`
	Object   string  `json:"object"`
	Customer *string `json:"customer"`
	// State is due, unknown, done, dropped, failed, withheld, proposed or rejected.
	State   string         `json:"state"`
	Details map[string]any `json:"details"`
	Result  string         `json:"result"`
	Error   string         `json:"error"`
	Actor   string         `json:"actor"`
	// DecidedBy is who accepted or rejected the proposal; nil for what was never
	// proposed or waits still.
	DecidedBy *string    `json:"decided_by"`
	CreatedAt time.Time  `json:"created_at"`
	DoneAt    *time.Time `json:"done_at"`
}

// EffectFilter selects effects; empty fields do not.
type EffectFilter struct {
	Customer, State, Kind string
}

// Effects lists effects, newest first.
func (c *Client) Effects(ctx context.Context, f EffectFilter, l List) (Page[Effect], error) {
	q := l.query()
	set(q, "customer", f.Customer)
	set(q, "state", f.State)
	set(q, "kind", f.Kind)
	var answer Page[Effect]
	err := c.get(ctx, "/v1/effects", q, &answer)
	return answer, err
}

// Effect reads an effect by id or key.
func (c *Client) Effect(ctx context.Context, id string) (Effect, error) {
	var answer Effect
	err := c.get(ctx, at("effects", id), url.Values{}, &answer)
	return answer, err
}

// Cancel ends a subscription at once, or when what was paid for is used up. The
// key is the idempotency key; it may be empty.
func (c *Client) Cancel(ctx context.Context, subscription string, now bool, key string) (Effect, error) {
	when := map[bool]string{true: "now", false: "period_end"}[now]
	return c.act(ctx, at("subscriptions", subscription, "cancel"), key, map[string]string{"at": when})
}

// Uncancel takes a scheduled cancellation back.
func (c *Client) Uncancel(ctx context.Context, subscription, key string) (Effect, error) {
	return c.act(ctx, at("subscriptions", subscription, "cancel"), key, map[string]bool{"undo": true})
}

// Pause pauses a subscription until a time; zero: until it is resumed.
func (c *Client) Pause(ctx context.Context, subscription string, until time.Time, key string) (Effect, error) {
	body := map[string]time.Time{}
	if !until.IsZero() {
		body["until"] = until
	}
	return c.act(ctx, at("subscriptions", subscription, "pause"), key, body)
}

// Resume resumes a paused subscription.
func (c *Client) Resume(ctx context.Context, subscription, key string) (Effect, error) {
	return c.act(ctx, at("subscriptions", subscription, "resume"), key, struct{}{})
}

// Refund sends back part of a payment, in minor units of its currency, or with
// amount 0 all that is left. Without a key an amount is refunded once for a
// payment, however often it is asked for. The reason is free text; the
// provider is told "duplicate", "fraudulent" and "requested_by_customer".
func (c *Client) Refund(ctx context.Context, payment string, amount int64, reason, key string) (Effect, error) {
	body := map[string]any{}
	if amount != 0 {
		body["amount"] = amount
	}
	if reason != "" {
		body["reason"] = reason
	}
	return c.act(ctx, at("payments", payment, "refund"), key, body)
}

func (c *Client) act(ctx context.Context, path, key string, body any) (Effect, error) {
	var answer Effect
	err := c.post(ctx, path, key, body, &answer)
	return answer, err
}
