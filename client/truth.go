package client

import (
	"context"
	"time"
)

// Drift is a difference between the ledger and a provider.
type Drift struct {
	ID       string `json:"id"`
	Provider string `json:"provider"`
	// Kind is missing, stale, wrong_plan, gone or returned, which are healed by being
	// found; or unmapped_price, unlinked, wrong_customer, duplicate, email_differs or
	// orphan, which wait for somebody.
	Kind string `json:"kind"`
	// Subject is the kind of the object, Object its id.
	Subject    string  `json:"subject"`
	Object     string  `json:"object"`
	ProviderID string  `json:"provider_id"`
	Customer   *string `json:"customer"`
	// Impact is paid_but_blocked, unpaid_but_active or empty.
	Impact string       `json:"impact"`
	Diff   []Difference `json:"diff"`
	// Since is when the ledger was last known to be right.
	Since   *time.Time `json:"since"`
	FoundAt time.Time  `json:"found_at"`
	FoundBy string     `json:"found_by"`
	// State is open or healed.
	State    string     `json:"state"`
	HealedAt *time.Time `json:"healed_at"`
	HealedBy string     `json:"healed_by"`
}

// DriftFilter selects findings; empty fields do not.
type DriftFilter struct {
	Provider, State, Kind, Impact string
}

// Drift lists what reconciliation found, newest first.
func (c *Client) Drift(ctx context.Context, f DriftFilter, l List) (Page[Drift], error) {
	q := l.query()
	set(q, "provider", f.Provider)
	set(q, "state", f.State)
	set(q, "kind", f.Kind)
	set(q, "impact", f.Impact)
	var answer Page[Drift]
	err := c.get(ctx, "/v1/drift", q, &answer)
	return answer, err
}

// Healing is what came of a look at an object that drifted.
type Healing struct {
	Drift Drift `json:"drift"`
	// Changed: the ledger was different from the provider.
	Changed bool `json:"changed"`
	// NextStep is what a person must do, where looking does not heal.
	NextStep string `json:"next_step"`
}

// Heal has the object of a finding looked at now.
func (c *Client) Heal(ctx context.Context, id string) (Healing, error) {
	var answer Healing
	err := c.post(ctx, at("drift", id, "heal"), "", struct{}{}, &answer)
	return answer, err
}

// Lost is an object that a provider seems to have lost.
type Lost struct {
	// Subject is the kind of the object, Object its id.
	Subject    string  `json:"subject"`
	Object     string  `json:"object"`
	ProviderID string  `json:"provider_id"`
	Customer   *string `json:"customer"`
	// Status is as it was when it was last seen.
	Status string `json:"status"`
	// Error is why nobody knows whether it is lost; only of [Burial.Failed].
	Error string `json:"error,omitempty"`
}

// Burial is what came of a request to bury.
type Burial struct {
	Provider string `json:"provider"`
	DryRun   bool   `json:"dry_run"`
	// Looked counts the objects that were looked at.
	Looked int `json:"looked"`
	// Absent is what a dry run did not find; Buried what was not found and is buried;
	// Present what is there after all; Failed what could not be looked at.
	Absent  []Lost `json:"absent"`
	Buried  []Lost `json:"buried"`
	Present []Lost `json:"present"`
	Failed  []Lost `json:"failed"`
	// Next continues a dry run; nil at its end.
	Next *string `json:"next"`
}

// Missing looks, some at a time, for the objects that a provider no longer seems to
// have and that are kept because they are too many to be believed lost. Nothing is
// changed.
func (c *Client) Missing(ctx context.Context, account string, l List) (Burial, error) {
	var answer Burial
	err := c.post(ctx, "/v1/drift/bury", "", map[string]any{"provider": account, "dry_run": true, "after": l.After, "limit": l.Limit}, &answer)
	return answer, err
}

// Bury confirms that objects are lost, at most 200 that [Client.Missing] listed. Each
// is looked at once more.
func (c *Client) Bury(ctx context.Context, account string, lost []Lost) (Burial, error) {
	objects := make([]map[string]string, len(lost))
	for i, l := range lost {
		objects[i] = map[string]string{"subject": l.Subject, "object": l.Object}
	}
	var answer Burial
	err := c.post(ctx, "/v1/drift/bury", "", map[string]any{"provider": account, "objects": objects}, &answer)
	return answer, err
}

// ReconcileRequest says what to compare with the providers.
type ReconcileRequest struct {
	// Provider is the account; empty: all. Customer: this one only, at once.
	Provider string `json:"provider,omitempty"`
	Customer string `json:"customer,omitempty"`
	// Full compares everything, not only what may have changed lately.
	Full bool `json:"full"`
}

// Reconciliation is the answer to it.
type Reconciliation struct {
	RequestedAt time.Time `json:"requested_at"`
	// Accounts are compared in the background; see [Client.Sweeps].
	Accounts []string `json:"accounts"`
	// Customer was compared: so many objects, of which so many were different.
	Customer *string `json:"customer"`
	Compared *int    `json:"compared"`
	Changed  *int    `json:"changed"`
}

// Reconcile compares the ledger with the providers.
func (c *Client) Reconcile(ctx context.Context, q ReconcileRequest) (Reconciliation, error) {
	var answer Reconciliation
	err := c.post(ctx, "/v1/reconcile", "", q, &answer)
	return answer, err
}

// Sweep is how far the comparison of an account has come.
type Sweep struct {
	Provider string `json:"provider"`
	Running  bool   `json:"running"`
	// Progress is that of the sweep under way, Last the last complete one; each
	// may be nil.
	Progress *SweepProgress `json:"progress"`
	Last     *SweepResult   `json:"last"`
	NextAt   *time.Time     `json:"next_at"`
	// Attempts is how often the present step was tried, Error why the latest try
	// failed.
	Attempts int64  `json:"attempts"`
	Error    string `json:"error"`
}

// SweepProgress counts.
type SweepProgress struct {
	// Kind is what is being read.
	Kind    string `json:"kind"`
	Pages   int    `json:"pages"`
	Objects int    `json:"objects"`
	Changed int    `json:"changed"`
	// Doubted counts objects that the provider's lists did not have, too many to be
	// believed.
	Doubted int `json:"doubted"`
	// Backfill: it is the first, which fills the ledger.
	Backfill  bool      `json:"backfill"`
	StartedAt time.Time `json:"started_at"`
}

// SweepResult is what a complete sweep did.
type SweepResult struct {
	Pages      int       `json:"pages"`
	Objects    int       `json:"objects"`
	Changed    int       `json:"changed"`
	Doubted    int       `json:"doubted"`
	Backfill   bool      `json:"backfill"`
	StartedAt  time.Time `json:"started_at"`
	FinishedAt time.Time `json:"finished_at"`
}

// Sweeps shows how far the comparison of each account has come.
func (c *Client) Sweeps(ctx context.Context) (Page[Sweep], error) {
	return whole[Sweep](ctx, c, "/v1/reconcile")
}

// Stats counts what there is.
type Stats struct {
	AsOf      time.Time `json:"as_of"`
	Customers int64     `json:"customers"`
	// Objects are counted by account and kind, Work by queue and state, the rest
	// by state.
	Objects map[string]map[string]int64 `json:"objects"`
	Events  map[string]int64            `json:"events"`
	Drift   map[string]int64            `json:"drift"`
	Effects map[string]int64            `json:"effects"`
	Work    map[string]map[string]int64 `json:"work"`
	Sweeps  []Sweep                     `json:"sweeps"`
}

// Stats counts what there is.
func (c *Client) Stats(ctx context.Context) (Stats, error) {
	var answer Stats
	err := c.get(ctx, "/v1/stats", nil, &answer)
	return answer, err
}
