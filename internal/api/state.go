package api

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/hook"
	"github.com/trivetdev/trivet/internal/store"
)

// State is all that an application needs to know of a customer: what it asks for
// here is what its endpoints are sent.
type State struct {
	// Sequence is not that of the customer: it also grows when a subscription changes
	// and access does not.
	Sequence      int64          `json:"sequence" doc:"Grows with every change of what is shown here: of two states keep the one with the higher sequence."`
	Customer      Customer       `json:"customer"`
	Subscriptions []Subscription `json:"subscriptions" nullable:"false"`
	Entitlements  []Check        `json:"entitlements" nullable:"false" doc:"The answer for each feature that the plans have, or that was ever granted."`
	Credits       []Credits      `json:"credits" nullable:"false" doc:"How they stand with each plan of credits that they ever had any of."`
}

// StateOf reads the state of a customer as its JSON, for package hook.
func StateOf(db *store.DB, applier *apply.Applier) func(ctx context.Context, ref string) (hook.State, error) {
	s := &server{Config: Config{DB: db, Apply: applier}}
	return func(ctx context.Context, ref string) (hook.State, error) {
		state, err := s.state(ctx, ref)
		if err != nil {
			return hook.State{}, err
		}
		doc, err := json.Marshal(state)
		return hook.State{Sequence: state.Sequence, Doc: doc}, err
	}
}

// errMoving says that a state changed each time while it was read.
var errMoving = errors.New("the customer's state changes too fast to be read")

// state reads how things stand with a customer. It is read again if anything changed
// meanwhile, so that it was so at one time; see [store.Tx.MarkChanged].
func (s *server) state(ctx context.Context, ref string) (state State, err error) {
	const tries = 5
	for range tries {
		row, err := s.DB.Customer(ctx, ref)
		if err != nil {
			return state, err
		}
		if state, err = s.stateIn(ctx, row); err != nil {
			return state, err
		}
		now, err := s.DB.Customer(ctx, ref)
		if err != nil || now.Changed == row.Changed {
			return state, err
		}
	}
	return state, errMoving
}

func (s *server) stateIn(ctx context.Context, row store.Customer) (state State, err error) {
	state = State{Sequence: row.Changed, Subscriptions: []Subscription{}, Entitlements: []Check{}, Credits: []Credits{}}
	if state.Customer, err = customerOf(row); err != nil {
		return state, err
	}
	const most = 200
	for after, more := "", true; more; {
		rows, err := s.DB.Objects(ctx, store.ObjectFilter{Customer: row.Ref, Kind: string(billing.KindSubscription), After: after, Limit: most})
		if err != nil {
			return state, err
		}
		for _, o := range rows {
			subscription, err := s.subscription(o)
			if err != nil {
				return state, err
			}
			state.Subscriptions, after = append(state.Subscriptions, subscription), o.Key
		}
		more = len(rows) == most
	}
	answers, err := s.Apply.Entitlements(ctx, row.Ref)
	for _, e := range answers {
		state.Entitlements = append(state.Entitlements, checked(row.Ref, e.Feature, e.Answer))
	}
	if err != nil || !s.Apply.Catalog.HasCredits() {
		return state, err
	}
	balances, err := s.Apply.Credits(ctx, row.Ref)
	for _, b := range balances {
		state.Credits = append(state.Credits, creditsOf(b))
	}
	return state, err
}

type stateOutput struct{ Body State }

func (s *server) getState(ctx context.Context, in *CustomerInput) (*stateOutput, error) {
	if _, err := s.knownCustomer(ctx, in.Ref); err != nil {
		return nil, err
	}
	state, err := s.state(ctx, in.Ref)
	return &stateOutput{state}, err
}

// AlertDoc renders an alert as its JSON, for package hook.
func AlertDoc(a store.Alert) (json.RawMessage, error) { return json.Marshal(alertOf(a)) }
