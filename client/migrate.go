package client

import (
	"context"
	"time"
)

// MigrationRequest says which customers are moved away from a provider account, and
// for how long access goes on.
type MigrationRequest struct {
	// From is the account that customers leave.
	From string `json:"from"`
	// Plan and Customer limit the move; empty: all.
	Plan     string `json:"plan,omitempty"`
	Customer string `json:"customer,omitempty"`
	// Until is when access ends for whoever has not bought elsewhere; or Grace, such as
	// "14d", is for how long it goes on after the end of what was paid for.
	Until *time.Time `json:"until,omitempty"`
	Grace string     `json:"grace,omitempty"`

	Reason string `json:"reason,omitempty"`
	// Cancel also ends each subscription at the end of what was paid for.
	Cancel bool `json:"cancel,omitempty"`
	// Undo takes the grants back instead.
	Undo   bool `json:"undo,omitempty"`
	DryRun bool `json:"dry_run,omitempty"`

	// After continues, Limit says how much one request sees to (0: 50).
	After string `json:"after,omitempty"`
	Limit int    `json:"limit,omitempty"`
}

// Migrated is the answer to it.
type Migrated struct {
	From   string `json:"from"`
	DryRun bool   `json:"dry_run"`
	Moves  []Move `json:"moves"`
	// Next is what to send as After to go on; nil at the end.
	Next *string `json:"next"`
}

// Move is what is done for one subscription of one customer.
type Move struct {
	Customer string `json:"customer"`
	// Subscription is the one that ends; nil when grants are taken back.
	Subscription *string `json:"subscription"`
	Plan         string  `json:"plan"`
	// Until is when access ends if nothing is bought elsewhere.
	Until time.Time `json:"until"`
	// Grant is nil while it is not given.
	Grant *string `json:"grant"`
	// State is to_give, given, stands, to_revoke or revoked.
	State string `json:"state"`
	// Canceling: the subscription ends by itself. Effect asks for that; nil: it does not.
	Canceling bool    `json:"canceling"`
	Effect    *string `json:"effect"`
}

// Migrate moves customers away from a provider account, some by each request: send it
// again with the answer's Next as After until that is nil.
func (c *Client) Migrate(ctx context.Context, q MigrationRequest) (Migrated, error) {
	var answer Migrated
	err := c.post(ctx, "/v1/migrations", "", q, &answer)
	return answer, err
}
