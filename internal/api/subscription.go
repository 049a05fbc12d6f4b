package api

import (
	"context"
	"net/http"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/outbox"
	"github.com/trivetdev/trivet/internal/scope"
	"github.com/trivetdev/trivet/internal/store"
)

// Subscription is a subscription at a provider.
type Subscription struct {
	ID         string  `json:"id" doc:"provider_id@provider."`
	Provider   string  `json:"provider" doc:"The account."`
	ProviderID string  `json:"provider_id"`
	Customer   *string `json:"customer" doc:"Null while nobody knows whose it is."`
	Plan       *string `json:"plan" doc:"Null if no plan has the price."`

	Status             string     `json:"status" enum:"pending,trialing,active,past_due,unpaid,paused,ended"`
	ProviderStatus     string     `json:"provider_status" doc:"The provider's own word."`
	CurrentPeriodStart *time.Time `json:"current_period_start"`
	CurrentPeriodEnd   *time.Time `json:"current_period_end"`
	CancelAt           *time.Time `json:"cancel_at" doc:"When it will end, or has ended, because somebody canceled it."`
	EndedAt            *time.Time `json:"ended_at"`
	TrialEnd           *time.Time `json:"trial_end"`
	PastDueSince       *time.Time `json:"past_due_since"`
	Pause              *Pause     `json:"pause"`
	StartedAt          *time.Time `json:"started_at"`

	Price    string `json:"price" doc:"The provider's id of the first item's price."`
	Quantity int64  `json:"quantity"`
	Amount   Money  `json:"amount" doc:"What one interval costs, before discounts and tax."`
	// Interval is empty for a subscription without one.
	Interval Interval `json:"interval"`
	Items    []Item   `json:"items" nullable:"false"`

	Gone      bool      `json:"gone" doc:"The provider no longer has it."`
	CheckedAt time.Time `json:"checked_at" doc:"When it was last compared with the provider."`
	ChangedAt time.Time `json:"changed_at"`
}

// Money is an amount in minor units.
type Money struct {
	Amount   int64  `json:"amount" doc:"In minor units: cents, yen, fils."`
	Currency string `json:"currency" doc:"ISO 4217."`
}

// Interval is how often a subscription renews.
type Interval struct {
	Unit  string `json:"unit" doc:"day, week, month, year, or empty."`
	Count int64  `json:"count"`
}

// Item is one price of a subscription.
type Item struct {
	Price    string  `json:"price"`
	Quantity int64   `json:"quantity"`
	Plan     *string `json:"plan"`
}

// Pause is a suspension of charging.
type Pause struct {
	_     struct{}   `nullable:"true"`
	From  *time.Time `json:"from" doc:"When it began; while the status is not paused, when it is to begin."`
	Until *time.Time `json:"until" doc:"When it resumes by itself; null: when told."`
	Mode  string     `json:"mode" doc:"The provider's word for what happens meanwhile."`
}

// subscription renders a row of the ledger.
func (s *server) subscription(o store.Object) (Subscription, error) {
	return subscriptionOf(s.Apply.Catalog, o)
}

func subscriptionOf(catalog billing.Catalog, o store.Object) (Subscription, error) {
	b, err := parsed[billing.Subscription](o)
	if err != nil {
		return Subscription{}, err
	}
	row := Subscription{
		ID: publicID(o.Account, o.ID), Provider: o.Account, ProviderID: o.ID, Customer: orNull(o.Customer), Plan: planOf(catalog, o.Account, b.Price),
		Status: string(b.Status), ProviderStatus: b.ProviderStatus,
		CurrentPeriodStart: moment(b.PeriodStart), CurrentPeriodEnd: moment(b.PeriodEnd), CancelAt: moment(b.CancelAt),
		EndedAt: moment(b.EndedAt), TrialEnd: moment(b.TrialEnd), PastDueSince: moment(b.PastDueSince), StartedAt: moment(b.StartedAt),
		Price: b.Price, Quantity: b.Quantity, Amount: Money(b.Amount), Interval: Interval(b.Interval), Items: []Item{},
		Gone: o.Gone, CheckedAt: o.CheckedAt.UTC(), ChangedAt: o.ChangedAt.UTC(),
	}
	if b.Pause != nil {
		row.Pause = &Pause{From: moment(b.Pause.From), Until: moment(b.Pause.Until), Mode: b.Pause.Mode}
	}
	for _, item := range b.Items {
		row.Items = append(row.Items, Item{Price: item.Price, Quantity: item.Quantity, Plan: planOf(catalog, o.Account, item.Price)})
	}
	return row, nil
}

// planOf is the plan that a price means; nil if none.
func planOf(catalog billing.Catalog, account, price string) *string {
	plan, known := catalog.ByPrice(account, price)
	if !known {
		return nil
	}
	return &plan.ID
}

// ObjectInput names an object of a provider.
type ObjectInput struct {
	ID string `path:"id" maxLength:"400" doc:"As in the rows (sub_1@stripe); the provider's id alone where only one account has it."`
}

type subscriptionOutput struct{ Body Subscription }

// CancelRequest says when a subscription is to end.
type CancelRequest struct {
	At   string `json:"at,omitempty" enum:"now,period_end" doc:"now, or when what was paid for is used up (default)."`
	Undo bool   `json:"undo,omitempty" doc:"Take a scheduled cancellation back."`
}

// PauseRequest says how long a subscription is to pause.
type PauseRequest struct {
	Until *time.Time `json:"until,omitempty" doc:"When it resumes by itself; left out: when told."`
}

func (s *server) subscriptionOperations() {
	type cancelInput struct {
		Idempotent
		ObjectInput
		Body *CancelRequest
	}
	type pauseInput struct {
		Idempotent
		ObjectInput
		Body *PauseRequest
	}
	type resumeInput struct {
		Idempotent
		ObjectInput
		Body *struct{}
	}
	add(s, get("/v1/subscriptions/{id}", "get-subscription", "customers", "Show a subscription"),
		func(ctx context.Context, in *ObjectInput) (*subscriptionOutput, error) {
			o, err := s.object(ctx, in.ID, billing.KindSubscription)
			if err != nil {
				return nil, err
			}
			row, err := s.subscription(o)
			return &subscriptionOutput{row}, err
		})
	add(s, with(post(scope.Write, "/v1/subscriptions/{id}/cancel", "cancel-subscription", "actions", "Cancel a subscription"), http.StatusAccepted, recorded),
		func(ctx context.Context, in *cancelInput) (*effectOutput, error) {
			kind, err := in.Body.kind()
			if err != nil {
				return nil, err
			}
			return s.act(ctx, in.ID, in.Key, kind, outbox.Details{})
		})
	add(s, with(post(scope.Write, "/v1/subscriptions/{id}/pause", "pause-subscription", "actions", "Pause a subscription"), http.StatusAccepted, recorded),
		func(ctx context.Context, in *pauseInput) (*effectOutput, error) {
			var details outbox.Details
			if in.Body != nil && in.Body.Until != nil {
				details.Until = in.Body.Until.UTC()
				if !details.Until.After(s.DB.Now()) {
					return nil, invalidf("body.until: %s is past: name a later time, or none to pause until told.", details.Until.Format(time.RFC3339))
				}
			}
			return s.act(ctx, in.ID, in.Key, outbox.Pause, details)
		})
	add(s, with(post(scope.Write, "/v1/subscriptions/{id}/resume", "resume-subscription", "actions", "Resume a paused subscription"), http.StatusAccepted, recorded),
		func(ctx context.Context, in *resumeInput) (*effectOutput, error) {
			return s.act(ctx, in.ID, in.Key, outbox.Resume, outbox.Details{})
		})
}

// kind is the effect that a cancellation comes to.
func (c *CancelRequest) kind() (string, error) {
	switch {
	case c == nil:
		return outbox.CancelAtPeriodEnd, nil
	case c.Undo && c.At != "":
		return "", invalidf("body: send undo or at, not both.")
	case c.Undo:
		return outbox.Uncancel, nil
	case c.At == "now":
		return outbox.CancelNow, nil
	}
	return outbox.CancelAtPeriodEnd, nil
}

// act records what is to be done to a subscription. Without an idempotency key
// of the caller's the present state of the row is part of the business key:
// asking again before anything has changed is the same request; after the
// subscription has changed it is a new one, which is harmless, since whoever
// carries it out looks first.
func (s *server) act(ctx context.Context, id, key, kind string, details outbox.Details) (*effectOutput, error) {
	o, err := s.object(ctx, id, billing.KindSubscription)
	if err != nil {
		return nil, err
	}
	occasion := numbered(o.Applied)
	if !details.Until.IsZero() {
		occasion += ":" + details.Until.Format(time.RFC3339)
	}
	return s.request(ctx, o, kind, chosen(key, occasion), details)
}
