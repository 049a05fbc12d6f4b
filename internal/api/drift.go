package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/scope"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// Drift is a difference between the ledger and a provider.
type Drift struct {
	ID         string  `json:"id"`
	Provider   string  `json:"provider"`
	Kind       string  `json:"kind" doc:"missing, stale, wrong_plan, gone, returned: only reconciliation noticed. unmapped_price, unlinked, wrong_customer, duplicate, email_differs, orphan: somebody must act."`
	Subject    string  `json:"subject" doc:"The kind of object."`
	Object     string  `json:"object" doc:"The object's id."`
	ProviderID string  `json:"provider_id"`
	Customer   *string `json:"customer"`
	Impact     string  `json:"impact" doc:"paid_but_blocked, unpaid_but_active, or empty."`

	Diff     []Difference `json:"diff" nullable:"false"`
	Since    *time.Time   `json:"since" doc:"When the ledger was last known to be right."`
	FoundAt  time.Time    `json:"found_at"`
	FoundBy  string       `json:"found_by"`
	State    string       `json:"state" enum:"open,healed"`
	HealedAt *time.Time   `json:"healed_at"`
	HealedBy string       `json:"healed_by"`
}

// Healing is what came of a look at an object that drifted.
type Healing struct {
	Drift   Drift `json:"drift"`
	Changed bool  `json:"changed" doc:"The ledger was different from the provider."`
	// NextStep is empty if nothing is left to do.
	NextStep string `json:"next_step" doc:"What a person must do, where looking does not heal."`
}

func driftOf(d store.Drift) (Drift, error) {
	diff, err := differences(d.Diff)
	return Drift{
		ID: d.ID, Provider: d.Account, Kind: d.Kind, Subject: d.Subject, Object: publicID(d.Account, d.Object), ProviderID: d.Object,
		Customer: orNull(d.Customer), Impact: d.Impact, Diff: diff, Since: moment(d.Since), FoundAt: d.FoundAt.UTC(), FoundBy: d.FoundBy,
		State: d.State, HealedAt: moment(d.HealedAt), HealedBy: d.HealedBy,
	}, err
}

func (s *server) driftOperations() {
	type listInput struct {
		ListInput
		Provider string `query:"provider"`
		State    string `query:"state" enum:"open,healed"`
		Kind     string `query:"kind"`
		Impact   string `query:"impact" enum:"paid_but_blocked,unpaid_but_active"`
	}
	type healInput struct {
		Idempotent
		ID   string `path:"id" maxLength:"100"`
		Body *struct{}
	}
	type healOutput struct{ Body Healing }
	add(s, get("/v1/drift", "list-drift", "truth", "List what reconciliation found, newest first"),
		func(ctx context.Context, in *listInput) (*pageOutput[Drift], error) {
			before, err := in.number()
			if err != nil {
				return nil, err
			}
			rows, err := s.DB.Drift(ctx, store.DriftFilter{Account: in.Provider, State: in.State, Kind: in.Kind, Impact: in.Impact, Before: before, Limit: in.Limit + 1})
			if err != nil {
				return nil, err
			}
			var broken error
			out := page(rows, in.Limit, func(d store.Drift) string { return numbered(d.Seq) }, func(d store.Drift) Drift {
				row, err := driftOf(d)
				broken = errors.Join(broken, err)
				return row
			})
			return out, broken
		})
	add(s, with(post(scope.Admin, "/v1/drift/{id}/heal", "heal-drift", "truth", "Look at the object now"), http.StatusOK,
		"Asks the provider and records what it says. Where that cannot heal, next_step says what a person must do."),
		func(ctx context.Context, in *healInput) (*healOutput, error) {
			healed, err := s.heal(ctx, in.ID)
			return &healOutput{healed}, err
		})
}

func (s *server) heal(ctx context.Context, id string) (Healing, error) {
	found, err := s.driftNamed(ctx, id)
	if err != nil {
		return Healing{}, err
	}
	if err := s.knownAccount("The finding", found.Account); err != nil {
		return Healing{}, err
	}
	ref := provider.Ref{Account: found.Account, Kind: billing.Kind(found.Subject), ID: found.Object}
	outcomes, err := s.Apply.Refs(ctx, requested(ctx, id), ref)
	if err != nil {
		return Healing{}, err
	}
	if found, err = s.driftNamed(ctx, id); err != nil {
		return Healing{}, err
	}
	row, err := driftOf(found)
	return Healing{Drift: row, Changed: outcomes[0].Changed, NextStep: nextStep(found)}, err
}

func (s *server) driftNamed(ctx context.Context, id string) (store.Drift, error) {
	d, err := s.DB.DriftNamed(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return d, notFoundf("There is no finding %q: GET /v1/drift lists them.", id)
	}
	return d, err
}

// nextStep says what is left to do about a finding.
func nextStep(d store.Drift) string {
	switch {
	case d.State != "open":
		return ""
	case d.Kind == apply.DriftUnmapped:
		return "Add the subscription's price to a [[plan]] in the configuration and restart the service."
	case d.Kind == apply.DriftUnlinked:
		return "Say whose it is: POST /v1/unlinked/" + publicID(d.Account, d.Object) + "/link."
	case d.Kind == apply.DriftDuplicate:
		return "The customer pays for a newer subscription besides: cancel this one (POST /v1/subscriptions/" + publicID(d.Account, d.Object) +
			"/cancel) and refund what was paid for it."
	case d.Kind == apply.DriftWrongCustomer:
		return "It says by now that it belongs to the customer in diff. If that is right: POST /v1/unlinked/" + publicID(d.Account, d.Object) +
			"/link {\"customer\": …, \"from\": …}; else put right at the provider what it says."
	case d.Kind == apply.DriftEmail:
		return "Change the address at the provider, or say with PUT /v1/customers/{ref} which is right."
	case d.Kind == apply.DriftOrphan:
		return "The provider does not show it, nor too many others of its kind, so it is kept. If they were deleted there: POST /v1/drift/bury with " +
			"{\"provider\": \"" + d.Account + "\", \"dry_run\": true} lists them, and then buries those that you confirm. If they were not, the key may be of another account."
	}
	return "Look at the object at the provider."
}
