package client

import (
	"context"
	"encoding/json"
	"time"
)

// CustomerSettings are what the application says about its user.
type CustomerSettings struct {
	Email string `json:"email,omitempty"`
	// ReceiptEmail is where receipts go, with a copy to Email; empty: to Email alone.
	ReceiptEmail string `json:"receipt_email,omitempty"`
	Name         string `json:"name,omitempty"`
	// Locale is a BCP 47 tag, TimeZone an IANA name.
	Locale     string         `json:"locale,omitempty"`
	TimeZone   string         `json:"time_zone,omitempty"`
	Attributes map[string]any `json:"attributes,omitempty"`
	// Covered are the things that notices show as covered by the plan.
	Covered []string `json:"covered,omitempty"`
}

// Customer is one of the application's users.
type Customer struct {
	Ref string `json:"ref"`
	CustomerSettings
	// Banned is nil for a customer in good standing.
	Banned *Ban `json:"banned"`
	// Sequence grows with every change of what the customer may do.
	Sequence  int64     `json:"sequence"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Ban is why a customer may do nothing.
type Ban struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
	By     string    `json:"by"`
}

// Ban bars a customer from everything, whatever they have paid; the reason is for
// whoever asks later. A ban that stands stays as it is.
func (c *Client) Ban(ctx context.Context, ref, reason string) (Customer, error) {
	var answer Customer
	err := c.post(ctx, at("customers", ref, "ban"), "", map[string]string{"reason": reason}, &answer)
	return answer, err
}

// Unban lets a banned customer back in.
func (c *Client) Unban(ctx context.Context, ref string) (Customer, error) {
	var answer Customer
	err := c.remove(ctx, at("customers", ref, "ban"), &answer)
	return answer, err
}

// Customers lists customers in the order of their references.
func (c *Client) Customers(ctx context.Context, l List) (Page[Customer], error) {
	var answer Page[Customer]
	err := c.get(ctx, "/v1/customers", l.query(), &answer)
	return answer, err
}

// Customer reads a customer; one whom nobody has heard of is a [*Problem] with
// status 404.
func (c *Client) Customer(ctx context.Context, ref string) (Customer, error) {
	var answer Customer
	err := c.get(ctx, at("customers", ref), nil, &answer)
	return answer, err
}

// PutCustomer makes a customer, or replaces all that was said about them before.
func (c *Client) PutCustomer(ctx context.Context, ref string, settings CustomerSettings) (Customer, error) {
	var answer Customer
	err := c.put(ctx, at("customers", ref), settings, &answer)
	return answer, err
}

// Entitlements answers for all features at once.
func (c *Client) Entitlements(ctx context.Context, ref string) (Page[Check], error) {
	return whole[Check](ctx, c, at("customers", ref, "entitlements"))
}

// Change is a row of the audit trail.
type Change struct {
	Seq int64     `json:"seq"`
	At  time.Time `json:"at"`
	// Subject is the kind of object, or "access", "settings", "grant", "proposal"; ID
	// names it.
	Subject string `json:"subject"`
	ID      string `json:"id"`
	// Provider is the account; nil for what is ours.
	Provider *string      `json:"provider"`
	Kinds    []string     `json:"kinds"`
	Diff     []Difference `json:"diff"`
	Cause    Cause        `json:"cause"`
}

// Difference is one field that differs, its values as JSON; absent is nil.
type Difference struct {
	Field  string          `json:"field"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// Cause is what led to a change.
type Cause struct {
	Trigger string `json:"trigger"`
	Event   string `json:"event"`
	Actor   string `json:"actor"`
}

// Timeline lists what happened to a customer, newest first.
func (c *Client) Timeline(ctx context.Context, ref string, l List) (Page[Change], error) {
	var answer Page[Change]
	err := c.get(ctx, at("customers", ref, "timeline"), l.query(), &answer)
	return answer, err
}

// Grant is access given by hand.
type Grant struct {
	ID       string  `json:"id"`
	Customer string  `json:"customer"`
	Feature  *string `json:"feature"`
	Plan     *string `json:"plan"`
	// From is the account that the customer is being moved away from; nil for a grant
	// of another kind.
	From *string `json:"from"`
	// Until is when it lapses; nil: never.
	Until     *time.Time `json:"until"`
	Reason    string     `json:"reason"`
	By        string     `json:"by"`
	At        time.Time  `json:"at"`
	RevokedAt *time.Time `json:"revoked_at"`
}

// GrantRequest says what to give: a feature, or all features of a plan.
type GrantRequest struct {
	Feature string `json:"feature,omitempty"`
	Plan    string `json:"plan,omitempty"`
	// From is the account that the customer is being moved away from, if that is why:
	// the grant then ends when they have bought elsewhere, too.
	From   string     `json:"from,omitempty"`
	Until  *time.Time `json:"until,omitempty"`
	Reason string     `json:"reason,omitempty"`
	// Key is the idempotency key; empty: every request gives another grant.
	Key string `json:"-"`
}

// Grant gives a customer access by hand.
func (c *Client) Grant(ctx context.Context, ref string, q GrantRequest) (Grant, error) {
	var answer Grant
	err := c.post(ctx, at("customers", ref, "grants"), q.Key, q, &answer)
	return answer, err
}

// Grants lists the access that was given to a customer by hand.
func (c *Client) Grants(ctx context.Context, ref string) (Page[Grant], error) {
	return whole[Grant](ctx, c, at("customers", ref, "grants"))
}

// Revoke takes a grant back.
func (c *Client) Revoke(ctx context.Context, ref, grant string) (Grant, error) {
	var answer Grant
	err := c.remove(ctx, at("customers", ref, "grants", grant), &answer)
	return answer, err
}
