package apply

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/policy"
)

// react lets the policies see what changed, and how things stand now with the
// customers whom that concerns, and records what they ask for.
func (w *writing) react(ctx context.Context) error {
	if len(w.Policies) == 0 {
		return nil
	}
	var effects []store.Effect
	var reached []string
	for _, r := range w.order {
		if len(r.kinds) == 0 || r.next.Customer == "" {
			continue
		}
		c := w.customers[r.next.Customer]
		if c == nil {
			continue
		}
		if billing.Kind(r.next.Kind) == billing.KindCustomer { // which may have an address
			reached = append(reached, r.next.Customer)
		}
		change := policy.Change{
			Seq: w.changes[r.change].Seq, At: w.tx.Now, Kinds: r.kinds,
			Account: r.next.Account, Kind: billing.Kind(r.next.Kind), ID: r.next.ID, Before: r.was, After: r.is,
		}
		asked, err := w.ask(change, w.known(c))
		if err != nil {
			return err
		}
		effects = append(effects, asked...)
	}
	if err := w.demand(ctx, effects); err != nil {
		return err
	}
	if err := w.tx.Unsaid(ctx, reached); err != nil {
		return err
	}
	return w.review(ctx)
}

// known is what a policy may know of a customer.
func (w *writing) known(c *customer) policy.Known {
	return policy.Known{
		Customer: c.doc, Facts: c.facts, Linked: c.linked, Warnings: c.warnings, Attempts: c.attempts, Shared: c.shared, Demands: c.demands,
		Catalog: w.Catalog, Rules: w.Rules, Accounts: w.Accounts,
	}
}

// ask collects what the policies want done about a change.
func (w *writing) ask(change policy.Change, known policy.Known) ([]store.Effect, error) {
	var effects []store.Effect
	for _, p := range w.Policies {
		actions, err := heed(p, change, known)
		if err != nil {
			return nil, err
		}
		for _, action := range actions {
			effects = append(effects, effectOf(action, p.Name(), known.Customer.Ref))
		}
	}
	return effects, nil
}

// effectOf is an action as it is recorded.
func effectOf(action policy.Action, name, customer string) store.Effect {
	details := string(action.Details)
	if details == "" {
		details = "{}"
	}
	return store.Effect{
		Key: action.Key, Kind: action.Kind, Account: action.Account, Object: action.Object,
		Customer: customer, Doc: details, Actor: "policy:" + name, Policy: name,
		Asked: action.Asked,
	}
}

// heed asks one policy. Policies may be the application's own; one that panics
// fails this change, not the process.
func heed(p policy.Policy, change policy.Change, known policy.Known) (actions []policy.Action, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("policy %s: panic: %v", p.Name(), cause)
		}
	}()
	return p.React(change, known), nil
}

// demand records effects: to be done, proposed, or only noted, as the mode says.
func (w *writing) demand(ctx context.Context, effects []store.Effect) error {
	if len(effects) == 0 {
		return nil
	}
	modes, err := w.modes(ctx)
	if err != nil {
		return err
	}
	for i, e := range effects {
		effects[i].State = store.EffectDue
		if !e.Asked {
			effects[i].State = StateIn(modes.For(e.Account, e.Policy, e.Customer), e.Kind)
		}
	}
	fresh, err := w.tx.AddEffects(ctx, effects)
	w.effects = w.effects || len(fresh) > 0
	return err
}

// StateIn is the state in which a mode lets an effect of a kind begin. Where a person
// decides, an alert is what brings them here, and does not wait for them.
func StateIn(mode policy.Mode, kind string) string {
	switch {
	case mode == policy.Enforce, mode == policy.Assist && kind == policy.Alert:
		return store.EffectDue
	case mode == policy.Assist:
		return store.EffectProposed
	}
	return store.EffectWithheld
}

// SetCustomer stores what the application says about its customer, and returns
// it as stored. A ban in it is ignored: bans are set by their own call.
func (a *Applier) SetCustomer(ctx context.Context, settings billing.Customer, cause Cause) (billing.Customer, error) {
	if err := billing.CheckRef(settings.Ref); err != nil {
		return billing.Customer{}, err
	}
	var w *writing
	err := a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		w = &writing{Applier: a, tx: tx, customers: map[string]*customer{}}
		settings, err = w.settle(ctx, settings, cause)
		return err
	})
	if err == nil {
		w.wake()
	}
	return settings, err
}

func (w *writing) settle(ctx context.Context, settings billing.Customer, cause Cause) (billing.Customer, error) {
	// Met first, so that there is a row to lock: whoever meets them at the same
	// time, such as a webhook about their first purchase, waits or is waited for.
	fresh, err := w.tx.MeetCustomers(ctx, []store.Customer{{Ref: settings.Ref, Doc: jsonText(billing.Customer{Ref: settings.Ref})}})
	if err != nil {
		return settings, err
	}
	rows, err := w.tx.LockCustomers(ctx, []string{settings.Ref})
	if err != nil {
		return settings, err
	}
	row, was := rows[0], billing.Customer{}
	if err := json.Unmarshal([]byte(row.Doc), &was); err != nil {
		return settings, err
	}
	settings.Ban, settings.Cleared = was.Ban, was.Cleared
	doc := jsonText(settings)
	if len(fresh) == 0 && doc == row.Doc {
		return settings, nil
	}
	diff, err := billing.Diff(was, settings)
	if err != nil {
		return settings, err
	}
	row.Doc, row.Email = doc, settings.Email
	if err := w.tx.PutCustomers(ctx, []store.Customer{row}); err != nil {
		return settings, err
	}
	w.changes = append(w.changes, store.Change{
		Subject: store.SubjectSettings, ID: settings.Ref, Customer: settings.Ref, Kinds: kindList(billing.CustomerSet),
		Diff: jsonText(diff), After: doc, Trigger: string(cause.Trigger), Event: cause.Event, Actor: cause.Actor,
	})
	if err := w.number(ctx); err != nil {
		return settings, err
	}
	if err := w.tx.Unsaid(ctx, []string{settings.Ref}); err != nil {
		return settings, err
	}
	if err := w.tellPolicies(ctx, settings.Ref); err != nil {
		return settings, err
	}
	return settings, w.audit(ctx)
}

// tellPolicies lets the policies react to what was just written about a customer: new
// settings, a ban or its end.
func (w *writing) tellPolicies(ctx context.Context, ref string) error {
	if len(w.Policies) == 0 {
		return nil
	}
	if err := w.load(ctx, map[string]Cause{ref: {}}); err != nil {
		return err
	}
	for _, c := range w.changes {
		if c.Subject != store.SubjectSettings || c.Customer != ref {
			continue
		}
		change := policy.Change{Seq: c.Seq, At: w.tx.Now}
		if err := json.Unmarshal([]byte(c.Kinds), &change.Kinds); err != nil {
			return err
		}
		effects, err := w.ask(change, w.known(w.customers[ref]))
		if err != nil {
			return err
		}
		if err := w.demand(ctx, effects); err != nil {
			return err
		}
	}
	return w.review(ctx)
}
