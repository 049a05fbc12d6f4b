package client

import "context"

// Credits are how a customer stands with the credits of a plan.
type Credits struct {
	Plan string `json:"plan"`
	// Bought is what good purchases gave, Used what was used less what was given by
	// hand, Left what can be used.
	Bought int64 `json:"bought"`
	Used   int64 `json:"used"`
	Left   int64 `json:"left"`
}

// Credits lists how a customer stands with each plan of credits.
func (c *Client) Credits(ctx context.Context, ref string) (Page[Credits], error) {
	return whole[Credits](ctx, c, at("customers", ref, "credits"))
}

// ConsumeRequest says which credits to use: of all plans that give a feature, or of
// one plan.
type ConsumeRequest struct {
	Feature string `json:"feature,omitempty"`
	Plan    string `json:"plan,omitempty"`
	// Amount is how many; zero: one.
	Amount int64  `json:"amount,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Key is the idempotency key; empty: every request uses some.
	Key string `json:"-"`
}

// Consumption is what was used.
type Consumption struct {
	Customer string `json:"customer"`
	// Reason is "credits", or why the customer has the feature without.
	Reason string        `json:"reason"`
	Used   int64         `json:"used"`
	From   []CreditsUsed `json:"from"`
}

// CreditsUsed is what was used of a plan's credits.
type CreditsUsed struct {
	Plan string `json:"plan"`
	Used int64  `json:"used"`
	// Left is what is left of this plan's.
	Left int64 `json:"left"`
}

// Consume uses credits of a customer, all that is asked for or none: with too few
// left the error is a [*Problem] with the code "no_credits".
func (c *Client) Consume(ctx context.Context, ref string, q ConsumeRequest) (Consumption, error) {
	var answer Consumption
	err := c.post(ctx, at("customers", ref, "credits", "consume"), q.Key, q, &answer)
	return answer, err
}

// GiveRequest says which credits to give.
type GiveRequest struct {
	Plan string `json:"plan"`
	// Amount is how many; zero: one.
	Amount int64  `json:"amount,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Key is the idempotency key; empty: every request gives some.
	Key string `json:"-"`
}

// GiveCredits gives a customer credits by hand, or gives back what was used in vain.
func (c *Client) GiveCredits(ctx context.Context, ref string, q GiveRequest) (Credits, error) {
	var answer Credits
	err := c.post(ctx, at("customers", ref, "credits", "give"), q.Key, q, &answer)
	return answer, err
}
