package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/scope"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// Unlinked is a purchase whose customer nobody knows.
type Unlinked struct {
	ID         string            `json:"id"`
	Provider   string            `json:"provider"`
	ProviderID string            `json:"provider_id"`
	Kind       string            `json:"kind" doc:"subscription or payment."`
	Status     string            `json:"status"`
	Amount     Money             `json:"amount"`
	Owner      *string           `json:"owner" doc:"The provider's customer."`
	Email      string            `json:"email" doc:"The address the provider's customer has."`
	Claims     map[string]string `json:"claims" doc:"What it says of whose it is, and is not trusted to (see bind)."`
	FirstAt    time.Time         `json:"first_at"`
	// Suggestions are customers with the same address. A buyer can type any
	// address, so a person decides.
	Suggestions []string `json:"suggestions" nullable:"false" doc:"Customers with the same address; for a person to judge."`
}

// LinkRequest says whose a purchase is.
type LinkRequest struct {
	Customer string `json:"customer" maxLength:"200" doc:"Your own user id."`
	From     string `json:"from,omitempty" maxLength:"200" doc:"Whose it was taken for, if it is linked already and was to somebody else."`
}

// Link is a purchase that was linked.
type Link struct {
	ID       string `json:"id"`
	Customer string `json:"customer"`
}

func (s *server) unlinkedOperations() {
	type linkInput struct {
		Idempotent
		ObjectInput
		Body LinkRequest
	}
	type linkOutput struct{ Body Link }
	add(s, get("/v1/unlinked", "list-unlinked", "customers", "List purchases whose customer nobody knows"), s.listUnlinked)
	add(s, with(post(scope.Admin, "/v1/unlinked/{id}/link", "link", "customers", "Say whose a purchase is"), http.StatusOK,
		"What hangs on it goes with it. One that is somebody's already is moved only if from names them."),
		func(ctx context.Context, in *linkInput) (*linkOutput, error) {
			o, err := s.object(ctx, in.ID, billing.KindSubscription, billing.KindPayment, billing.KindCustomer, billing.KindCheckout)
			if err != nil {
				return nil, err
			}
			err = s.Apply.Move(ctx, refOf(o), in.Body.From, in.Body.Customer, requested(ctx, ""))
			return &linkOutput{Link{ID: publicID(o.Account, o.ID), Customer: in.Body.Customer}}, err
		})
}

func (s *server) listUnlinked(ctx context.Context, in *ListInput) (*pageOutput[Unlinked], error) {
	after, err := in.key()
	if err != nil {
		return nil, err
	}
	rows, err := s.DB.Unlinked(ctx, after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	var broken error
	out := page(rows, in.Limit, func(o store.Object) string { return o.Key }, func(o store.Object) Unlinked {
		row, err := s.unlinked(ctx, o)
		broken = errors.Join(broken, err)
		return row
	})
	return out, broken
}

func (s *server) unlinked(ctx context.Context, o store.Object) (Unlinked, error) {
	row := Unlinked{
		ID: publicID(o.Account, o.ID), Provider: o.Account, ProviderID: o.ID, Kind: o.Kind, Status: o.Status,
		Owner: orNull(o.Owner), Claims: map[string]string{}, FirstAt: o.FirstAt.UTC(),
	}
	object, err := billing.ParseObject(billing.Kind(o.Kind), []byte(o.Doc))
	if err != nil {
		return row, err
	}
	switch b := object.(type) {
	case billing.Subscription:
		row.Amount = Money(b.Amount)
	case billing.Payment:
		row.Amount = Money(b.Amount)
	}
	if err := json.Unmarshal([]byte(o.Claims), &row.Claims); err != nil {
		return row, err
	}
	delete(row.Claims, provider.ClaimToken) // it would let its reader bind purchases
	if row.Email, err = s.emailOf(ctx, o); err != nil {
		return row, err
	}
	const most = 5
	suggestions, err := s.DB.CustomersWithEmail(ctx, row.Email, most)
	row.Suggestions = listOf(suggestions)
	return row, err
}

// emailOf is the address of the provider's customer whom an object belongs to.
func (s *server) emailOf(ctx context.Context, o store.Object) (string, error) {
	if o.Owner == "" {
		return "", nil
	}
	owner, err := s.DB.Object(ctx, provider.Ref{Account: o.Account, Kind: billing.KindCustomer, ID: o.Owner}.String())
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	b, err := parsed[billing.ProviderCustomer](owner)
	return b.Email, err
}
