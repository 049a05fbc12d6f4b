package api

import (
	"context"
	"net/http"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/outbox"
	"github.com/trivetdev/trivet/internal/scope"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// MigrationRequest says which customers are moved away from an account, and for how
// long access goes on.
type MigrationRequest struct {
	From     string `json:"from" minLength:"1" maxLength:"100" doc:"The account that customers leave."`
	Plan     string `json:"plan,omitempty" maxLength:"100" doc:"Only subscriptions of this plan."`
	Customer string `json:"customer,omitempty" maxLength:"200" doc:"Only this customer."`

	Until *time.Time `json:"until,omitempty" doc:"When access ends for whoever has not bought elsewhere; this or grace."`
	Grace string     `json:"grace,omitempty" maxLength:"20" doc:"How long access goes on after the end of what was paid for, such as 14d; this or until."`

	Reason string `json:"reason,omitempty" maxLength:"500" doc:"Why, for whoever reads the audit trail."`
	Cancel bool   `json:"cancel,omitempty" doc:"Also end each subscription at the end of what was paid for."`
	Undo   bool   `json:"undo,omitempty" doc:"Take the grants back instead. Subscriptions that were canceled stay so."`
	DryRun bool   `json:"dry_run,omitempty" doc:"Only say what would be done."`

	After string `json:"after,omitempty" maxLength:"1024" doc:"The next of the answer before."`
	Limit int    `json:"limit,omitempty" minimum:"0" maximum:"200" doc:"How many subscriptions (with undo: grants) to look at; 0: 50."`
}

// Migrated is the answer to it.
type Migrated struct {
	From   string  `json:"from"`
	DryRun bool    `json:"dry_run"`
	Moves  []Move  `json:"moves" nullable:"false"`
	Next   *string `json:"next" doc:"Send the request again with it as after; null at the end."`
}

// Move is what is done for one subscription of one customer.
type Move struct {
	Customer     string    `json:"customer"`
	Subscription *string   `json:"subscription" doc:"The subscription that ends; null with undo."`
	Plan         string    `json:"plan"`
	Until        time.Time `json:"until" doc:"When access ends if nothing is bought elsewhere."`
	Grant        *string   `json:"grant" doc:"The grant; null while it is not given."`
	State        string    `json:"state" enum:"to_give,given,stands,to_revoke,revoked" doc:"stands: it was given before."`
	Canceling    bool      `json:"canceling" doc:"The subscription ends by itself."`
	Effect       *string   `json:"effect" doc:"The effect by which its end is asked for; null if it is not."`
}

type migrateOutput struct{ Body Migrated }

func (s *server) migrateOperations() {
	type migrateInput struct {
		Idempotent
		Body MigrationRequest
	}
	add(s, with(post(scope.Admin, "/v1/migrations", "migrate", "access", "Move customers away from a provider account"), http.StatusOK,
		"Whoever has a good subscription there is granted its plan until they have bought anything of it at another account, at the latest until a date; "+
			"and may do so although they have a subscription. Asked again it gives only what is missing. Some customers are seen to by each request: go on until next is null."),
		func(ctx context.Context, in *migrateInput) (*migrateOutput, error) {
			q := in.Body
			if q.Limit == 0 {
				const usual = 50
				q.Limit = usual
			}
			if err := s.knownAccount("body.from", q.From); err != nil {
				return nil, err
			}
			if q.Undo {
				return s.unmigrate(ctx, q)
			}
			return s.migrate(ctx, q)
		})
}

// migration reads what a request asks for.
func (s *server) migration(q MigrationRequest) (billing.Migration, error) {
	move := billing.Migration{From: q.From, Plan: q.Plan}
	if _, known := s.Apply.Catalog.ByID(q.Plan); q.Plan != "" && !known {
		return move, invalidf("There is no plan %q: see [[plan]] in the configuration.", q.Plan)
	}
	if (q.Until == nil) == (q.Grace == "") {
		return move, invalidf("Say either until, a date for all, or grace, how long access goes on after the end of what was paid for.")
	}
	if able, why := provider.Can(s.Apply.Drivers[q.From], provider.CancelAtPeriodEnd); q.Cancel && !able {
		return move, problemf(http.StatusUnprocessableEntity, "unsupported", "%s cannot end subscriptions at the end of what was paid for: leave out cancel. %s", q.From, why)
	}
	if q.Until != nil {
		if move.Until = q.Until.UTC(); !move.Until.After(s.DB.Now()) {
			return move, invalidf("body.until: %s is past: name a later time.", move.Until.Format(time.RFC3339))
		}
		return move, nil
	}
	grace, err := billing.ParseDuration(q.Grace)
	if err != nil || grace <= 0 {
		return move, invalidf("body.grace: %q is no length of time: write it like 14d or 36h.", q.Grace)
	}
	move.Grace = grace
	return move, nil
}

func (s *server) migrate(ctx context.Context, q MigrationRequest) (*migrateOutput, error) {
	move, err := s.migration(q)
	if err != nil {
		return nil, err
	}
	refs, next := []string{q.Customer}, ""
	if q.Customer != "" {
		if _, err := s.knownCustomer(ctx, q.Customer); err != nil {
			return nil, err
		}
	} else {
		after, err := ListInput{After: q.After}.key()
		if err != nil {
			return nil, err
		}
		if refs, next, err = s.Apply.Movers(ctx, q.From, after, q.Limit); err != nil {
			return nil, err
		}
	}
	out := &migrateOutput{Migrated{From: q.From, DryRun: q.DryRun, Moves: []Move{}, Next: cursorOf(next)}}
	for _, ref := range refs {
		moves, err := s.moveOne(ctx, ref, move, q)
		if err != nil {
			return nil, err
		}
		out.Body.Moves = append(out.Body.Moves, moves...)
	}
	return out, nil
}

// moveOne sees to one customer.
func (s *server) moveOne(ctx context.Context, ref string, move billing.Migration, q MigrationRequest) ([]Move, error) {
	standing, err := s.Apply.Bridges(ctx, ref, move)
	if err != nil || len(standing) == 0 {
		return nil, err
	}
	bridges := standing
	if !q.DryRun {
		if bridges, err = s.Apply.Migrate(ctx, ref, move, q.Reason, requested(ctx, "migration")); err != nil {
			return nil, err
		}
	}
	stood := map[string]bool{}
	for _, b := range standing {
		stood[b.Grant.ID] = true
	}
	moves := make([]Move, len(bridges))
	for i, b := range bridges {
		id := publicID(q.From, b.Subscription)
		moves[i] = Move{
			Customer: ref, Subscription: &id, Plan: b.Grant.Plan, Until: b.Grant.Until.UTC(), Grant: orNull(b.Grant.ID), State: "given", Canceling: b.Canceling,
		}
		switch {
		case b.Grant.ID == "":
			moves[i].State = "to_give"
		case stood[b.Grant.ID]:
			moves[i].State = "stands"
		}
		if q.Cancel && !q.DryRun && !b.Canceling {
			if moves[i].Effect, err = s.cancelBridged(ctx, q.From, b); err != nil {
				return nil, err
			}
		}
	}
	return moves, nil
}

// cancelBridged asks for the end of a subscription, once for each grant.
func (s *server) cancelBridged(ctx context.Context, account string, b billing.Bridge) (*string, error) {
	o, err := s.DB.Object(ctx, provider.Ref{Account: account, Kind: billing.KindSubscription, ID: b.Subscription}.String())
	if err != nil {
		return nil, err
	}
	e, err := s.Outbox.Request(ctx, store.Effect{
		Key: effectKey(outbox.CancelAtPeriodEnd, o, "migration:"+b.Grant.ID), Kind: outbox.CancelAtPeriodEnd, Object: o.Key, Customer: o.Customer, Actor: actor(ctx),
	}, outbox.Details{})
	if err != nil {
		return nil, err
	}
	return orNull(effectOf(e).ID), nil
}

// unmigrate takes back the grants that bridge a move.
func (s *server) unmigrate(ctx context.Context, q MigrationRequest) (*migrateOutput, error) {
	if q.Until != nil || q.Grace != "" || q.Cancel {
		return nil, invalidf("undo takes grants back: leave out until, grace and cancel.")
	}
	after, err := ListInput{After: q.After}.key()
	if err != nil {
		return nil, err
	}
	grants, next, err := s.Apply.Bridging(ctx, q.From, after, q.Limit)
	if err != nil {
		return nil, err
	}
	out := &migrateOutput{Migrated{From: q.From, DryRun: q.DryRun, Moves: []Move{}, Next: cursorOf(next)}}
	for _, g := range grants {
		if q.Plan != "" && q.Plan != g.Plan || q.Customer != "" && q.Customer != g.Customer {
			continue
		}
		move := Move{Customer: g.Customer, Plan: g.Plan, Until: g.Until.UTC(), Grant: orNull(g.ID), State: "to_revoke"}
		if !q.DryRun {
			if _, err := s.Apply.Revoke(ctx, g.Customer, g.ID, requested(ctx, "migration")); err != nil {
				return nil, err
			}
			move.State = "revoked"
		}
		out.Body.Moves = append(out.Body.Moves, move)
	}
	return out, nil
}
