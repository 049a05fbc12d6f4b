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
)

// Grant is access given by hand.
type Grant struct {
	ID        string     `json:"id"`
	Customer  string     `json:"customer"`
	Feature   *string    `json:"feature"`
	Plan      *string    `json:"plan"`
	From      *string    `json:"from" doc:"The account that the customer is being moved away from; null for a grant of another kind."`
	Until     *time.Time `json:"until" doc:"Null: without end."`
	Reason    string     `json:"reason"`
	By        string     `json:"by"`
	At        time.Time  `json:"at"`
	RevokedAt *time.Time `json:"revoked_at"`
}

// GrantRequest says what to give.
type GrantRequest struct {
	Feature string     `json:"feature,omitempty" maxLength:"100" doc:"The feature to give, which need not be in a plan; this or plan."`
	Plan    string     `json:"plan,omitempty" maxLength:"100" doc:"The plan whose features to give; this or feature."`
	From    string     `json:"from,omitempty" maxLength:"100" doc:"The account that the customer is being moved away from: the grant ends when they have bought elsewhere, too. It needs plan and until."`
	Until   *time.Time `json:"until,omitempty" doc:"When it lapses; left out: never."`
	Reason  string     `json:"reason,omitempty" maxLength:"500" doc:"Why, for whoever reads the audit trail."`
}

type grantOutput struct{ Body Grant }

func grantOf(customer string, g billing.Grant) Grant {
	return Grant{
		ID: g.ID, Customer: customer, Feature: orNull(g.Feature), Plan: orNull(g.Plan), From: orNull(g.From), Until: moment(g.Until),
		Reason: g.Reason, By: g.By, At: g.At.UTC(), RevokedAt: moment(g.RevokedAt),
	}
}

func (s *server) grantOperations() {
	type grantInput struct {
		Idempotent
		CustomerInput
		Body GrantRequest
	}
	type revokeInput struct {
		CustomerInput
		ID string `path:"id" maxLength:"100"`
	}
	add(s, get("/v1/customers/{ref}/grants", "list-customer-grants", "access", "List the access that was given to a customer by hand"),
		func(ctx context.Context, in *rowsInput) (*pageOutput[Grant], error) {
			return s.listGrants(ctx, in.Ref, in.ListInput)
		})
	add(s, with(post(scope.Write, "/v1/customers/{ref}/grants", "grant", "access", "Give a customer access by hand"), http.StatusCreated,
		"Every request gives one grant: send an Idempotency-Key if it may come twice. A customer whom nobody has heard of is made."),
		func(ctx context.Context, in *grantInput) (*grantOutput, error) { return s.grant(ctx, in.Ref, in.Body) })
	add(s, operation(scope.Write, http.MethodDelete, "/v1/customers/{ref}/grants/{id}", "revoke-grant", "access", "Take a grant back"),
		func(ctx context.Context, in *revokeInput) (*grantOutput, error) {
			g, err := s.Apply.Revoke(ctx, in.Ref, in.ID, requested(ctx, ""))
			if errors.Is(err, store.ErrNotFound) {
				return nil, notFoundf("Customer %q has no grant %q: GET /v1/customers/{ref}/grants lists them.", in.Ref, in.ID)
			}
			return &grantOutput{grantOf(in.Ref, g)}, err
		})
}

func (s *server) listGrants(ctx context.Context, ref string, list ListInput) (*pageOutput[Grant], error) {
	if _, err := s.knownCustomer(ctx, ref); err != nil {
		return nil, err
	}
	rows, err := s.DB.GrantsOf(ctx, ref)
	if err != nil {
		return nil, err
	}
	var broken error
	out, err := pageOf(rows, list, func(row store.Grant) string { return row.ID }, func(row store.Grant) Grant {
		var g billing.Grant
		broken = errors.Join(broken, json.Unmarshal([]byte(row.Doc), &g))
		return grantOf(ref, g)
	})
	return out, errors.Join(err, broken)
}

func (s *server) grant(ctx context.Context, ref string, q GrantRequest) (*grantOutput, error) {
	grant := billing.Grant{Feature: q.Feature, Plan: q.Plan, From: q.From, Reason: q.Reason, By: actor(ctx)}
	if q.Until != nil {
		grant.Until = q.Until.UTC()
	}
	given, err := s.Apply.Grant(ctx, ref, grant, requested(ctx, ""))
	if err == nil && grant.Feature != "" {
		s.unheard(grant.Feature, "grant")
	}
	return &grantOutput{grantOf(ref, given)}, err
}
