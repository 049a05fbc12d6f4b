package demo

import (
	"context"
	"log/slog"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/outbox"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/redirect"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/hygiene"
	"github.com/trivetdev/trivet/provider"
)

// apiKey opens the REST API of the demo's service.
const apiKey = "sk_demo_0123456789abcdef"

// desk is where the application asks the service for things.
type desk struct {
	apply *apply.Applier
	back  *redirect.Redirect
	out   *outbox.Outbox
}

func newDesk(ctx context.Context, w *world, drivers []provider.Driver, log *slog.Logger) (*desk, error) {
	catalog, err := billing.NewCatalog(plans(w.accounts))
	if err != nil {
		return nil, err
	}
	byName := map[string]provider.Driver{}
	for _, d := range drivers {
		byName[d.Account()] = d
	}
	nobody := func(string) {}
	a := apply.New(apply.Config{
		DB: w.db, Drivers: byName, Catalog: catalog, Rules: billing.DefaultRules(),
		Policies: []policy.Policy{hygiene.Policy{}}, Log: log,
	})
	back, err := redirect.New(ctx, redirect.Config{DB: w.db, Apply: a, PublicURL: publicURL, Log: log})
	if err != nil {
		a.Close()
		return nil, err
	}
	return &desk{apply: a, back: back, out: outbox.New(w.db, a, nobody, log)}, nil
}

func (d *desk) close() { d.apply.Close() }

func (d *desk) checkout(ctx context.Context, request redirect.Request) (redirect.Checkout, error) {
	return d.back.Begin(ctx, request)
}

// ask asks for an effect under a business key.
func (d *desk) ask(ctx context.Context, e store.Effect, details outbox.Details) error {
	_, err := d.out.Request(ctx, e, details)
	return err
}

// setEmail tells the service a customer's new address.
func (d *desk) setEmail(ctx context.Context, ref, email string) error {
	_, err := d.apply.SetCustomer(ctx, billing.Customer{Ref: ref, Email: email}, apply.Cause{Trigger: apply.Request, Actor: "demo"})
	return err
}

// check asks whether a customer may use a feature.
func (d *desk) check(ctx context.Context, ref, feature string) (allowed bool, reason string, err error) {
	answer, err := d.apply.Check(ctx, ref, feature)
	return answer.Allowed, string(answer.Reason), err
}
