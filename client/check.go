package client

import (
	"context"
	"net/url"
	"time"
)

// Check is the answer to "may this customer use this feature?".
type Check struct {
	Allowed bool `json:"allowed"`
	// Reason says why, such as "active", "grace", "past_due".
	Reason string `json:"reason"`
	// Until is when the answer was last known to change by itself; nil: no such
	// date.
	Until *time.Time `json:"until"`
	// Source is what decided; nil if there is no purchase.
	Source *Source `json:"source"`
	// AsOf is when what decided was last compared with the provider.
	AsOf time.Time `json:"as_of"`
	// Stale: the provider was expected to have told something new by now.
	Stale    bool   `json:"stale"`
	Customer string `json:"customer"`
	Feature  string `json:"feature"`
}

// Source is the purchase or grant that a decision rests on.
type Source struct {
	// Provider is the account and ProviderID the provider's own id; nil for a grant.
	Provider   *string `json:"provider"`
	Kind       string  `json:"kind"`
	ID         string  `json:"id"`
	ProviderID *string `json:"provider_id"`
}

// Check asks whether a customer, by the application's own user id, may use a
// feature. A customer whom nobody has heard of may not; that is not an error.
func (c *Client) Check(ctx context.Context, customer, feature string) (Check, error) {
	var answer Check
	err := c.get(ctx, "/v1/check", url.Values{"customer": {customer}, "feature": {feature}}, &answer)
	return answer, err
}
