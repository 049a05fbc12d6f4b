package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/trivetdev/trivet/internal/scope"
	"github.com/trivetdev/trivet/internal/store"
)

func (s *server) proposalOperations() {
	type listInput struct {
		ListInput
		Customer string `query:"customer"`
		Kind     string `query:"kind"`
	}
	type decideInput struct {
		Idempotent
		ID   string `path:"id" maxLength:"1200" doc:"The proposal's id, or its key with slashes written %2F."`
		Body *struct{}
	}
	add(s, with(get("/v1/proposals", "list-proposals", "modes", "List what waits for a person to accept or reject it, newest first"), http.StatusOK,
		"A proposal is an effect in the state proposed: in mode assist nothing is done before somebody accepts it. One that is no "+
			"longer called for is withdrawn by itself."),
		func(ctx context.Context, in *listInput) (*pageOutput[Effect], error) {
			before, err := in.number()
			if err != nil {
				return nil, err
			}
			rows, err := s.DB.Effects(ctx, store.EffectFilter{
				Customer: in.Customer, State: store.EffectProposed, Kind: in.Kind, Before: before, Limit: in.Limit + 1,
			})
			return page(rows, in.Limit, func(e store.Effect) string { return numbered(e.Seq) }, effectOf), err
		})
	add(s, with(post(scope.Money, "/v1/proposals/{id}/accept", "accept-proposal", "modes", "Have it done"), http.StatusAccepted, recorded),
		func(ctx context.Context, in *decideInput) (*effectOutput, error) { return s.decide(ctx, in.ID, true) })
	add(s, with(post(scope.Money, "/v1/proposals/{id}/reject", "reject-proposal", "modes", "Have it left undone"), http.StatusOK,
		"It is not proposed again."),
		func(ctx context.Context, in *decideInput) (*effectOutput, error) { return s.decide(ctx, in.ID, false) })
}

// decide accepts or rejects a proposal, or says what has become of it meanwhile.
func (s *server) decide(ctx context.Context, id string, accept bool) (*effectOutput, error) {
	e, err := s.effect(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, notFoundf("There is no proposal %q: GET /v1/proposals lists them.", id)
	}
	if err != nil {
		return nil, err
	}
	decided, err := s.Apply.Decide(ctx, e.Key, accept, requested(ctx, ""))
	if errors.Is(err, store.ErrNotFound) {
		if e, err = s.DB.Effect(ctx, e.Key); err != nil {
			return nil, err
		}
		return nil, settled(e)
	}
	return shown(decided), err
}

// settled tells whoever comes too late what became of a proposal.
func settled(e store.Effect) *Problem {
	const code = "decided"
	id := effectIDs + numbered(e.Seq)
	switch {
	case e.State == store.EffectRejected:
		return problemf(http.StatusConflict, code, "%s rejected it at %s; it is not done.", e.DecidedBy, e.DoneAt.UTC().Format(time.RFC3339))
	case e.DecidedBy != "":
		return problemf(http.StatusConflict, code, "%s was quicker and accepted it; its state is %s: see GET /v1/effects/%s.", e.DecidedBy, e.State, id)
	case e.State == store.EffectDropped:
		return problemf(http.StatusConflict, code, "It was withdrawn, since it is no longer called for; there is nothing to decide.")
	}
	return problemf(http.StatusConflict, code, "It waits for nobody's word; its state is %s: see GET /v1/effects/%s.", e.State, id)
}
