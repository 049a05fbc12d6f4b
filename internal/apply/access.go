package apply

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/provider"
)

// customer is a customer whose access is decided anew.
type customer struct {
	row   store.Customer
	doc   billing.Customer
	facts billing.Facts
	// linked are the customer's objects of kind customer; only read if there are
	// policies to see them.
	linked []billing.Held[billing.ProviderCustomer]
	// crowd, warnings, refunds, demands and paying likewise.
	crowd    map[string]bool
	records  policy.Records
	warnings []billing.Held[billing.Warning]
	refunds  []billing.Held[billing.Refund]
	demands  []policy.Demand
	paying
	stored map[string]store.Access
	// gained and lost tell whether any feature was allowed or denied by this
	// writing.
	gained, lost bool
	cause        Cause
}

// decide works out the access of every customer whose objects changed. Where
// there are policies, those count too that access does not depend on: a policy
// hears of a fraud warning, and needs to know all about the customer.
func (w *writing) decide(ctx context.Context) error {
	touched := map[string]Cause{}
	for _, r := range w.order {
		if len(r.kinds) == 0 || len(w.Policies) == 0 && !slices.Contains(billing.AccessKinds(), billing.Kind(r.next.Kind)) {
			continue
		}
		cause := Cause{Trigger: Follow, Event: r.next.Key}
		if r.sight != nil {
			cause = r.sight.cause
		}
		touched[r.next.Customer] = cause
		if r.before != nil {
			touched[r.before.Customer] = cause
		}
	}
	delete(touched, "")
	return w.decideFor(ctx, touched)
}

// decideFor works out the access of customers and writes what is different.
func (w *writing) decideFor(ctx context.Context, touched map[string]Cause) error {
	if len(touched) > 0 {
		if err := w.load(ctx, touched); err != nil {
			return err
		}
	}
	var answers []store.Access
	var sequels []store.Customer
	for _, ref := range sortedKeys(w.customers) {
		c := w.customers[ref]
		before := len(w.changes)
		some, err := w.judge(c)
		if err != nil {
			return fmt.Errorf("customer %s: %w", ref, err)
		}
		answers = append(answers, some...)
		if len(w.changes) > before {
			c.row.Sequence++
			sequels = append(sequels, c.row)
		}
	}
	if err := w.number(ctx); err != nil {
		return err
	}
	if len(answers) == 0 {
		return nil
	}
	if err := w.tx.PutAccess(ctx, answers); err != nil {
		return err
	}
	if err := w.alarm(ctx, answers); err != nil {
		return err
	}
	if len(sequels) == 0 {
		return nil
	}
	return w.tx.PutCustomers(ctx, sequels)
}

// alarm sees to it that access is decided anew when the first answer turns.
func (w *writing) alarm(ctx context.Context, answers []store.Access) error {
	var first time.Time
	for _, a := range answers {
		if !a.TurnsAt.IsZero() && (first.IsZero() || a.TurnsAt.Before(first)) {
			first = a.TurnsAt
		}
	}
	return w.turnAt(ctx, first)
}

// turnAt has the task that turns customers run at a time at the latest; zero: there
// is no need.
func (w *writing) turnAt(ctx context.Context, at time.Time) error {
	if at.IsZero() {
		return nil
	}
	numbers, err := w.tx.Numbers(ctx, 1)
	if err != nil {
		return err
	}
	return w.tx.Raise(ctx, numbers[0], []store.Want{{Queue: store.QueueTask, Key: store.TaskTurns, DueAt: at}})
}

// load reads all that the access of customers depends on. Their rows are locked
// first: two transactions that change objects of one customer would otherwise
// each decide without the other's.
func (w *writing) load(ctx context.Context, touched map[string]Cause) error {
	refs := sortedKeys(touched)
	rows, err := w.tx.LockCustomers(ctx, refs)
	if err != nil {
		return err
	}
	for _, row := range rows {
		c := &customer{row: row, stored: map[string]store.Access{}, cause: touched[row.Ref]}
		if err := json.Unmarshal([]byte(row.Doc), &c.doc); err != nil {
			return fmt.Errorf("customer %s: %w", row.Ref, err)
		}
		c.facts.Ban = c.doc.Ban
		w.customers[row.Ref] = c
	}
	objects, err := w.tx.FactsOf(ctx, refs)
	if err != nil {
		return err
	}
	grants, err := w.tx.GrantsOf(ctx, refs)
	if err != nil {
		return err
	}
	if err := w.distribute(objects, grants); err != nil {
		return err
	}
	if err := w.loadCredits(ctx, refs); err != nil {
		return err
	}
	if err := w.loadLinked(ctx, refs); err != nil {
		return err
	}
	if err := w.loadPaying(ctx, refs); err != nil {
		return err
	}
	if err := w.loadDemands(ctx, refs); err != nil {
		return err
	}
	if err := w.loadContested(ctx); err != nil {
		return err
	}
	stored, err := w.tx.AccessOf(ctx, refs)
	for _, a := range stored {
		if c := w.customers[a.Customer]; c != nil {
			c.stored[a.Feature] = a
		}
	}
	return err
}

// loadCredits reads what the customers have used.
func (w *writing) loadCredits(ctx context.Context, refs []string) error {
	if !w.Catalog.HasCredits() {
		return nil
	}
	rows, err := w.tx.CreditsOf(ctx, refs)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if c := w.customers[row.Customer]; c != nil {
			if err := count(&c.facts, row); err != nil {
				return err
			}
		}
	}
	return nil
}

// loadLinked reads the customers' objects that only policies look at.
func (w *writing) loadLinked(ctx context.Context, refs []string) error {
	if len(w.Policies) == 0 {
		return nil
	}
	objects, err := w.tx.LinkedOf(ctx, refs)
	if err != nil {
		return err
	}
	var shared []string
	for _, o := range objects {
		if o.Kind == string(billing.KindCustomer) && provider.OwnersShared(w.Drivers[o.Account]) {
			shared = append(shared, o.Key)
		}
	}
	crowd, err := w.tx.OwnedByMore(ctx, shared)
	if err != nil {
		return err
	}
	for _, o := range objects {
		c := w.customers[o.Customer]
		if c == nil {
			continue
		}
		object, err := billing.ParseObject(billing.Kind(o.Kind), []byte(o.Doc))
		if err != nil {
			return err
		}
		switch object := object.(type) {
		case billing.ProviderCustomer:
			c.linked = append(c.linked, billing.Held[billing.ProviderCustomer]{Account: o.Account, ID: o.ID, Object: object})
			if slices.Contains(crowd, o.Key) {
				if c.crowd == nil {
					c.crowd = map[string]bool{}
				}
				c.crowd[o.Account+"/"+o.ID] = true
			}
		case billing.Warning:
			c.warnings = append(c.warnings, billing.Held[billing.Warning]{Account: o.Account, ID: o.ID, Object: object})
		case billing.Refund:
			c.refunds = append(c.refunds, billing.Held[billing.Refund]{Account: o.Account, ID: o.ID, Object: object})
		}
	}
	return nil
}

// loadDemands reads what policies have asked for about the customers.
func (w *writing) loadDemands(ctx context.Context, refs []string) error {
	if len(w.Policies) == 0 {
		return nil
	}
	effects, err := w.tx.Demands(ctx, refs)
	if err != nil {
		return err
	}
	for _, e := range effects {
		if c := w.customers[e.Customer]; c != nil {
			tried := !e.AttemptedAt.IsZero() && (e.State == store.EffectUnknown || e.State == store.EffectDone)
			c.demands = append(c.demands, policy.Demand{Policy: e.Policy, Key: e.Key, Kind: e.Kind, Object: e.Object, Tried: tried, Money: e.Money})
		}
	}
	return nil
}

func (w *writing) distribute(objects []store.Object, grants []store.Grant) error {
	for _, o := range objects {
		c := w.customers[o.Customer]
		if c == nil {
			continue
		}
		if err := file(&c.facts, o); err != nil {
			return err
		}
	}
	for _, g := range grants {
		c := w.customers[g.Customer]
		if c == nil {
			continue
		}
		var grant billing.Grant
		if err := json.Unmarshal([]byte(g.Doc), &grant); err != nil {
			return err
		}
		c.facts.Grants = append(c.facts.Grants, grant)
	}
	return nil
}

// file adds a stored object to the facts.
func file(facts *billing.Facts, o store.Object) error {
	object, err := billing.ParseObject(billing.Kind(o.Kind), []byte(o.Doc))
	if err != nil {
		return err
	}
	facts.Add(o.Account, o.ID, object)
	if _, is := object.(billing.Checkout); is {
		facts.Checkouts[len(facts.Checkouts)-1].Ours = claimsOf(o)[provider.ClaimToken] != ""
	}
	return nil
}

// judge decides every feature for one customer and records what is different.
func (w *writing) judge(c *customer) ([]store.Access, error) {
	var answers []store.Access
	for _, feature := range w.features(c) {
		decision := billing.Access(w.Catalog, w.Rules, c.facts, feature, w.tx.Now)
		stored, known := c.stored[feature]
		doc := jsonText(decision)
		if doc == stored.Doc && stored.Digest == w.digest || !known && decision.Reason == billing.ReasonNone {
			continue
		}
		answers = append(answers, store.Access{Customer: c.row.Ref, Feature: feature, Doc: doc, Digest: w.digest, TurnsAt: decision.Turns})
		if doc == stored.Doc { // other plans and rules, the same answer
			continue
		}
		was := billing.Decision{Reason: billing.ReasonNone}
		if known {
			if err := json.Unmarshal([]byte(stored.Doc), &was); err != nil {
				return nil, err
			}
		}
		c.gained = c.gained || decision.Allowed && !was.Allowed
		c.lost = c.lost || !decision.Allowed && was.Allowed
		kind := billing.Updated
		if decision.Allowed != was.Allowed || decision.Reason != was.Reason {
			kind = billing.AccessChanged
		}
		diff, err := billing.Diff(was, decision)
		if err != nil {
			return nil, err
		}
		w.changes = append(w.changes, store.Change{
			Subject: store.SubjectAccess, ID: c.row.Ref + " " + feature, Customer: c.row.Ref,
			Kinds: kindList(kind), Diff: jsonText(diff), After: doc,
			Trigger: string(c.cause.Trigger), Event: c.cause.Event, Actor: c.cause.Actor,
		})
	}
	return answers, nil
}

// digestOf is equal for equal plans and rules.
func digestOf(catalog billing.Catalog, rules billing.Rules) string {
	sum := sha256.Sum256([]byte(jsonText([]any{catalog.Plans(), rules})))
	return hex.EncodeToString(sum[:8])
}

// Digest tells which plans and rules decide here.
func (a *Applier) Digest() string { return a.digest }

// features lists what to decide: all that the plans give, what was granted by
// hand, and what was ever decided.
func (w *writing) features(c *customer) []string {
	all := w.Catalog.Features()
	for _, grant := range c.facts.Grants {
		if grant.Feature != "" && !slices.Contains(all, grant.Feature) {
			all = append(all, grant.Feature)
		}
	}
	for _, feature := range sortedKeys(c.stored) {
		if !slices.Contains(all, feature) {
			all = append(all, feature)
		}
	}
	return all
}

// Turn decides the access of customers anew, and lets the policies review them,
// because time has passed or the rules are others. It is harmless at any time.
func (a *Applier) Turn(ctx context.Context, customers []string, cause Cause) error {
	var w *writing
	err := a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		w = &writing{Applier: a, tx: tx, customers: map[string]*customer{}}
		touched := map[string]Cause{}
		for _, ref := range customers {
			touched[ref] = cause
		}
		if err := w.decideFor(ctx, touched); err != nil {
			return err
		}
		if err := w.review(ctx); err != nil {
			return err
		}
		if len(a.reviewers) == 0 { // there were some, who wanted to see these customers now
			next := map[string]time.Time{}
			for _, ref := range customers {
				next[ref] = time.Time{}
			}
			if err := tx.SetReviews(ctx, next); err != nil {
				return err
			}
		}
		return w.audit(ctx)
	})
	if err == nil {
		w.wake()
	}
	return err
}

// Answer is what a check is answered with.
type Answer struct {
	billing.Decision
	// AsOf is when the objects that the answer rests on were last compared with
	// the provider: the oldest of them.
	AsOf time.Time
	// Stale: the provider was expected to have changed one of them by now, and
	// we have not heard.
	Stale bool
}

// slack is how long after an expected change we may well not have heard of it.
const slack = 2 * time.Hour

// answered adds to a decision how fresh the object is that it rests on.
func answered(decision billing.Decision, objects []store.Object, now time.Time) Answer {
	answer := Answer{Decision: decision, AsOf: now}
	for _, o := range objects {
		if o.ID == decision.Source.ID && o.Account == decision.Source.Account && o.Kind == string(decision.Source.Kind) {
			answer.fresh(o.CheckedAt, o.RevisitAt, now)
		}
	}
	return answer
}

// Facts reads all that a customer's access depends on, with the rows it was read
// from.
func (a *Applier) Facts(ctx context.Context, ref string) (facts billing.Facts, objects []store.Object, err error) {
	if objects, err = a.DB.FactsOf(ctx, ref); err != nil {
		return facts, nil, err
	}
	for _, o := range objects {
		if err := file(&facts, o); err != nil {
			return facts, nil, err
		}
	}
	grants, err := a.DB.GrantsOf(ctx, ref)
	if err != nil {
		return facts, nil, err
	}
	for _, g := range grants {
		var grant billing.Grant
		if err := json.Unmarshal([]byte(g.Doc), &grant); err != nil {
			return facts, nil, err
		}
		facts.Grants = append(facts.Grants, grant)
	}
	if err := a.countCredits(ctx, ref, &facts); err != nil {
		return facts, nil, err
	}
	row, err := a.DB.Customer(ctx, ref)
	if err == nil {
		var doc billing.Customer
		if err := json.Unmarshal([]byte(row.Doc), &doc); err != nil {
			return facts, nil, err
		}
		facts.Ban = doc.Ban
	} else if err != store.ErrNotFound { //nolint:errorlint // never wrapped
		return facts, nil, err
	}
	return facts, objects, nil
}
