package client

import (
	"context"
	"time"
)

// Modes say how far the service may go by itself: observe, assist or enforce.
type Modes struct {
	// Scopes are what is configured and switched: "global", "provider/NAME",
	// "policy/NAME".
	Scopes []ModeScope `json:"scopes"`
	// Effective is what comes of it, for each provider account and policy.
	Effective []EffectiveMode `json:"effective"`
	Brake     Brake           `json:"brake"`
}

// ModeScope is what is said of one scope.
type ModeScope struct {
	Scope string `json:"scope"`
	// Configured is nil if the configuration says nothing of this scope.
	Configured *string `json:"configured"`
	// Switched is what a person said, which counts instead; nil: nobody did.
	Switched *Switch `json:"switched"`
	// Rollout is for how many percent of the customers a policy's own mode does not
	// hold it back; nil: for none.
	Rollout *int `json:"rollout"`
}

// Switch is what a person switched.
type Switch struct {
	Mode string    `json:"mode"`
	By   string    `json:"by"`
	At   time.Time `json:"at"`
}

// EffectiveMode is how far a policy may go at an account.
type EffectiveMode struct {
	// Provider is the account; "trivet" for what is at no provider, such as a ban.
	Provider string `json:"provider"`
	Policy   string `json:"policy"`
	Mode     string `json:"mode"`
	// RolloutMode is the mode for the customers of the rollout; nil: the same.
	RolloutMode *string `json:"rollout_mode"`
}

// Brake stops all money.
type Brake struct {
	On bool       `json:"on"`
	By *string    `json:"by"`
	At *time.Time `json:"at"`
}

// Modes shows how far the service may go.
func (c *Client) Modes(ctx context.Context) (Modes, error) {
	var answer Modes
	err := c.get(ctx, "/v1/mode", nil, &answer)
	return answer, err
}

// SetMode switches the mode of a scope to "observe", "assist" or "enforce".
func (c *Client) SetMode(ctx context.Context, scope, mode string) (Modes, error) {
	var answer Modes
	err := c.put(ctx, "/v1/mode", map[string]string{"scope": scope, "mode": mode}, &answer)
	return answer, err
}

// ClearMode gives the mode of a scope back to the configuration.
func (c *Client) ClearMode(ctx context.Context, scope string) (Modes, error) {
	var answer Modes
	err := c.remove(ctx, at("mode", scope), &answer)
	return answer, err
}

// SetBrake stops all money, or lets it go on.
func (c *Client) SetBrake(ctx context.Context, on bool) (Modes, error) {
	var answer Modes
	err := c.put(ctx, "/v1/brake", map[string]bool{"on": on}, &answer)
	return answer, err
}

// Proposals lists the effects that wait for a person to accept or reject them,
// newest first. The State of the filter does not count.
func (c *Client) Proposals(ctx context.Context, f EffectFilter, l List) (Page[Effect], error) {
	q := l.query()
	set(q, "customer", f.Customer)
	set(q, "kind", f.Kind)
	var answer Page[Effect]
	err := c.get(ctx, "/v1/proposals", q, &answer)
	return answer, err
}

// Accept has a proposal carried out. If somebody was quicker the error is a
// [*Problem] with status 409 and code "decided".
func (c *Client) Accept(ctx context.Context, id string) (Effect, error) {
	return c.act(ctx, at("proposals", id, "accept"), "", struct{}{})
}

// Reject has a proposal left undone for good; see [Client.Accept].
func (c *Client) Reject(ctx context.Context, id string) (Effect, error) {
	return c.act(ctx, at("proposals", id, "reject"), "", struct{}{})
}
