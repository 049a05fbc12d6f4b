package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/scope"
	"github.com/trivetdev/trivet/internal/store"
)

// Credits are how a customer stands with the credits of a plan.
type Credits struct {
	Plan   string `json:"plan"`
	Bought int64  `json:"bought" doc:"What good purchases gave: paid, not refunded in full, not lost to a dispute."`
	Used   int64  `json:"used" doc:"What was used less what was given by hand; negative: more was given."`
	Left   int64  `json:"left" doc:"What can be used. Credits that were used of a purchase which was then refunded are taken from the next."`
}

// ConsumeRequest says which credits to use.
type ConsumeRequest struct {
	Feature string `json:"feature,omitempty" maxLength:"100" doc:"What they are used for: those of all plans that give this feature, in the order of the configuration. Who has the feature by other means, by a subscription say, uses none."`
	Plan    string `json:"plan,omitempty" maxLength:"100" doc:"The plan whose credits are used, whatever else the customer has; this or feature."`
	Amount  int64  `json:"amount,omitempty" minimum:"1" default:"1" doc:"How many."`
	Reason  string `json:"reason,omitempty" maxLength:"500" doc:"What for, for whoever reads the audit trail."`
}

// Consumption is what was used.
type Consumption struct {
	Customer string        `json:"customer"`
	Reason   string        `json:"reason" doc:"Why they may: credits, or the reason for which they have the feature without."`
	Used     int64         `json:"used" doc:"How many were used: all that was asked for or, with another reason than credits, none."`
	From     []CreditsUsed `json:"from" nullable:"false" doc:"Where they came from."`
}

// CreditsUsed is what was used of a plan's credits.
type CreditsUsed struct {
	Plan string `json:"plan"`
	Used int64  `json:"used"`
	Left int64  `json:"left" doc:"What is left of this plan's."`
}

// GiveRequest says which credits to give.
type GiveRequest struct {
	Plan   string `json:"plan" maxLength:"100" doc:"The plan whose credits they are."`
	Amount int64  `json:"amount,omitempty" minimum:"1" default:"1" doc:"How many."`
	Reason string `json:"reason,omitempty" maxLength:"500" doc:"Why, for whoever reads the audit trail."`
}

type (
	consumptionOutput struct{ Body Consumption }
	creditsOutput     struct{ Body Credits }
)

func (s *server) creditOperations() {
	type consumeInput struct {
		Idempotent
		CustomerInput
		Body ConsumeRequest
	}
	type giveInput struct {
		Idempotent
		CustomerInput
		Body GiveRequest
	}
	add(s, get("/v1/customers/{ref}/credits", "list-customer-credits", "access", "List how a customer stands with each plan of credits"),
		func(ctx context.Context, in *rowsInput) (*pageOutput[Credits], error) {
			return s.listCredits(ctx, in.Ref, in.ListInput)
		})
	add(s, with(post(scope.Write, "/v1/customers/{ref}/credits/consume", "consume-credits", "access", "Use credits of a customer"), http.StatusOK,
		"All that is asked for, or none: with too few left the answer is 409 no_credits. Every request uses some: send an Idempotency-Key, so that one that comes twice uses them once."),
		func(ctx context.Context, in *consumeInput) (*consumptionOutput, error) {
			return s.consume(ctx, in.Ref, in.Body)
		})
	add(s, with(post(scope.Money, "/v1/customers/{ref}/credits/give", "give-credits", "access", "Give a customer credits by hand"), http.StatusOK,
		"Also gives back those that were used for what came to nothing. Every request gives some: send an Idempotency-Key. A customer whom nobody has heard of is made."),
		func(ctx context.Context, in *giveInput) (*creditsOutput, error) {
			q := apply.CreditRequest{Plan: in.Body.Plan, Amount: in.Body.Amount, Reason: in.Body.Reason}
			b, err := s.Apply.GiveCredits(ctx, in.Ref, q, requested(ctx, ""))
			return &creditsOutput{creditsOf(b)}, err
		})
}

func creditsOf(b billing.Balance) Credits {
	return Credits{Plan: b.Plan, Bought: b.Bought, Used: b.Used, Left: b.Left()}
}

func (s *server) listCredits(ctx context.Context, ref string, list ListInput) (*pageOutput[Credits], error) {
	if _, err := s.knownCustomer(ctx, ref); err != nil {
		return nil, err
	}
	balances, err := s.Apply.Credits(ctx, ref)
	if err != nil {
		return nil, err
	}
	return pageOf(balances, list, func(b billing.Balance) string { return b.Plan }, creditsOf)
}

func (s *server) consume(ctx context.Context, ref string, q ConsumeRequest) (*consumptionOutput, error) {
	spent, err := s.Apply.Consume(ctx, ref, apply.CreditRequest{Feature: q.Feature, Plan: q.Plan, Amount: q.Amount, Reason: q.Reason}, requested(ctx, ""))
	if short, ok := errors.AsType[*billing.CreditsError](err); ok {
		return nil, refusedCredits(q.Amount, short)
	}
	if errors.Is(err, store.ErrNotFound) {
		_, err = s.knownCustomer(ctx, ref)
	}
	if err != nil {
		return nil, err
	}
	out := Consumption{Customer: ref, Reason: string(spent.By), From: []CreditsUsed{}}
	for _, take := range spent.Takes {
		out.Used += take.Amount
		out.From = append(out.From, CreditsUsed{Plan: take.Plan, Used: take.Amount, Left: take.Left})
	}
	return &consumptionOutput{out}, nil
}

// refusedCredits says why credits cannot be used, by the reason that a check tells.
func refusedCredits(asked int64, e *billing.CreditsError) *Problem {
	if e.Why == billing.ReasonNoCredits {
		return problemf(http.StatusConflict, string(e.Why), "%d credits were asked for and %d are left: nothing was used. POST /v1/checkouts sells more.", asked, e.Left)
	}
	return problemf(http.StatusConflict, string(e.Why), "No credits can be used, for the reason %q: nothing was used. GET /v1/check tells the same.", e.Why)
}
