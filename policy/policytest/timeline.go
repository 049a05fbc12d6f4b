package policytest

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
)

// Timeline replays what happens to one customer and tells what a policy asks for
// when. It does what the service does: every change is put to React, then to
// Review; after that Review is asked again at each moment that it named. A year
// takes milliseconds, for nothing is asked in between.
//
//	asked := policytest.Timeline{
//		Policy: dunning.New(settings), From: day(0), Until: day(365),
//		Steps: []policytest.Step{
//			policytest.Seen(day(0), "stripe", "sub_1", active),
//			policytest.Seen(day(30), "stripe", "sub_1", pastDue),
//		},
//	}.Run(t)
type Timeline struct {
	Policy policy.Policy
	// Known is what is known at From: the catalog, the rules, the accounts, and what
	// a customer already has.
	Known policy.Known
	// From is when the first review is asked, Until is when the story ends; both UTC.
	From, Until time.Time
	// Steps are what happens, in any order; of two at one moment the one that stands
	// first happens first. What lies outside of From and Until is refused.
	Steps []Step
	// Down are the times when the service does not run. What happens meanwhile is
	// seen when it is back, as far as it has left a trace: an object that went and
	// came back has not changed.
	Down []Span
	// World says what comes of an action, such as a payment that is refunded; the
	// steps must not lie before the moment of the action. Nil: nothing.
	World func(Asked) []Step
}

// Span is a stretch of time, its end excluded.
type Span struct{ From, Until time.Time }

// Step is something that happens at a moment. [Seen], [Set], [Tried], [Learned] and
// [Passed] make steps.
type Step struct {
	At time.Time
	do func(*replay) []policy.Change
}

// Asked is an action and the moment when it was first asked for. What is asked
// for again under the same key is not repeated: it is done once.
type Asked struct {
	At time.Time
	policy.Action
	// Reviewed: it was a review that asked, and no reaction to a change.
	Reviewed bool
}

// Seen is that an object of the customer looks like this from now on. The change
// is what [billing.Observe] says; an object that looks as before is no change.
func Seen(at time.Time, account, id string, object billing.Object) Step {
	return Step{at, func(r *replay) []policy.Change { return r.see(account, id, object) }}
}

// Set is that the application, or a policy, changes its customer.
func Set(at time.Time, change func(*billing.Customer)) Step {
	return Step{at, func(r *replay) []policy.Change {
		change(&r.known.Customer)
		r.known.Facts.Ban = r.known.Customer.Ban
		return []policy.Change{{Kinds: []billing.ChangeKind{billing.CustomerSet}}}
	}}
}

// Tried is that the customer tried to pay. It is known from then on, and changes no
// object by itself: follow it by the payment that is [Seen].
func Tried(attempt billing.Attempt) Step {
	return Step{attempt.At, func(r *replay) []policy.Change {
		r.known.Attempts = append(slices.Clone(r.known.Attempts), attempt)
		return nil
	}}
}

// Learned is that something else is known from now on, such as who shares a card.
// The change must put new slices and maps in the place of old ones.
func Learned(at time.Time, change func(*policy.Known)) Step {
	return Step{at, func(r *replay) []policy.Change { change(&r.known); return nil }}
}

// Passed is that nothing happened, and the reviewer is asked all the same: it must
// not matter.
func Passed(at time.Time) Step {
	return Step{at, func(*replay) []policy.Change { return nil }}
}

// Run replays the story. It fails the test where the policy breaks a promise on
// the way: a review that wants to be asked again in the past, or without end.
func (l Timeline) Run(t testing.TB) []Asked {
	t.Helper()
	r := &replay{Timeline: l, known: l.Known, steps: slices.Clone(l.Steps), done: map[string]bool{}, t: t}
	r.objects = held(l.Known)
	r.reviewer, _ = l.Policy.(policy.Reviewer)
	for _, step := range r.steps {
		if step.At.Before(l.From) || step.At.After(l.Until) {
			t.Fatalf("the step of %s lies outside of the timeline: it would not happen", step.At.Format(time.RFC3339))
		}
	}
	r.run()
	return r.asked
}

// mostReviews is more often than any policy has reason to be asked within a story
// of a few years.
const mostReviews = 10_000

type objectKey struct {
	kind        billing.Kind
	account, id string
}

// replay is a [Timeline] that is being run.
type replay struct {
	Timeline
	t        testing.TB
	reviewer policy.Reviewer
	known    policy.Known
	steps    []Step
	objects  map[objectKey]billing.Object
	// missed are the objects as they were before the service went down.
	missed map[objectKey]billing.Object
	order  []objectKey
	now    time.Time
	next   time.Time
	seq    int64
	done   map[string]bool
	asked  []Asked
}

func (r *replay) run() {
	r.next = r.From // the review after start-up
	for reviews := 0; ; reviews++ {
		if reviews > mostReviews {
			r.t.Fatalf("asked %d times by %s: the policy wants to be asked without end", reviews, r.now)
		}
		slices.SortStableFunc(r.steps, func(a, b Step) int { return a.At.Compare(b.At) })
		at := r.next
		stepped := len(r.steps) > 0 && (at.IsZero() || !r.steps[0].At.After(at))
		if stepped {
			at = r.steps[0].At
		}
		if at.IsZero() || at.After(r.Until) {
			return
		}
		if back, down := r.down(at); down {
			r.sleep(back)
			continue
		}
		r.now = at
		if stepped {
			step := r.steps[0]
			r.steps = r.steps[1:]
			r.react(step.do(r))
		}
		r.review()
	}
}

// down reports whether the service is down at a moment, and until when.
func (r *replay) down(at time.Time) (back time.Time, is bool) {
	for _, span := range r.Down {
		if !at.Before(span.From) && at.Before(span.Until) {
			return span.Until, true
		}
	}
	return time.Time{}, false
}

// sleep lets everything happen unseen until the service is back, and then has a
// look at what came of it.
func (r *replay) sleep(back time.Time) {
	r.missed, r.order = map[objectKey]billing.Object{}, nil
	var changes []policy.Change
	for len(r.steps) > 0 && r.steps[0].At.Before(back) {
		changes = append(changes, r.steps[0].do(r)...)
		r.steps = r.steps[1:]
	}
	was := r.missed
	r.missed = nil
	for _, key := range r.order {
		changes = append(changes, r.changed(key, was[key], r.objects[key])...)
	}
	if r.now = back; back.After(r.Until) {
		r.next, r.steps = time.Time{}, nil
		return
	}
	r.react(changes)
	r.review()
}

// see files an object and says what changed.
func (r *replay) see(account, id string, object billing.Object) []policy.Change {
	key := objectKey{object.Kind(), account, id}
	before := r.objects[key]
	r.objects[key] = object
	r.file(account, id, object)
	if r.missed == nil {
		return r.changed(key, before, object)
	}
	if _, again := r.missed[key]; !again {
		r.missed[key] = before
		r.order = append(r.order, key)
	}
	return nil
}

// changed is the change from one state of an object to another.
func (r *replay) changed(key objectKey, before, after billing.Object) []policy.Change {
	kinds := billing.Observe(before, after)
	if before == nil {
		kinds = append(kinds, billing.Linked)
	}
	if len(kinds) == 0 {
		return nil
	}
	return []policy.Change{{Kinds: kinds, Account: key.account, Kind: key.kind, ID: key.id, Before: before, After: after}}
}

// file puts an object among what is known, in a new list: policies may hold on to
// the old one.
func (r *replay) file(account, id string, object billing.Object) {
	facts := &r.known.Facts
	switch o := object.(type) {
	case billing.Subscription:
		facts.Subscriptions = put(facts.Subscriptions, account, id, o)
	case billing.Invoice:
		facts.Invoices = put(facts.Invoices, account, id, o)
	case billing.Payment:
		facts.Payments = put(facts.Payments, account, id, o)
	case billing.Dispute:
		facts.Disputes = put(facts.Disputes, account, id, o)
	case billing.Checkout:
		facts.Checkouts = put(facts.Checkouts, account, id, o)
	case billing.ProviderCustomer:
		r.known.Linked = put(r.known.Linked, account, id, o)
	case billing.Warning:
		r.known.Warnings = put(r.known.Warnings, account, id, o)
	}
}

func put[T billing.Object](list []billing.Held[T], account, id string, object T) []billing.Held[T] {
	list = slices.Clone(list)
	for i, h := range list {
		if h.Account == account && h.ID == id {
			list[i].Object = object
			return list
		}
	}
	return append(list, billing.Held[T]{Account: account, ID: id, Object: object})
}

// held lists the objects that a customer already has.
func held(known policy.Known) map[objectKey]billing.Object {
	all := map[objectKey]billing.Object{}
	add(all, known.Facts.Subscriptions)
	add(all, known.Facts.Invoices)
	add(all, known.Facts.Payments)
	add(all, known.Facts.Disputes)
	add(all, known.Facts.Checkouts)
	add(all, known.Linked)
	add(all, known.Warnings)
	return all
}

func add[T billing.Object](all map[objectKey]billing.Object, list []billing.Held[T]) {
	for _, h := range list {
		all[objectKey{h.Object.Kind(), h.Account, h.ID}] = h.Object
	}
}

func (r *replay) react(changes []policy.Change) {
	for _, change := range changes {
		r.seq++
		change.Seq, change.At = r.seq, r.now
		r.take(r.Policy.React(change, r.present()), false)
	}
}

func (r *replay) review() {
	r.next = time.Time{}
	if r.reviewer == nil {
		return
	}
	actions, next := r.reviewer.Review(r.present(), r.now)
	if !next.IsZero() && !next.After(r.now) {
		r.t.Fatalf("at %s the review asks to be asked again at %s, which is not later", r.now, next)
	}
	r.next = next
	r.take(actions, true)
}

// present is what is known now, without tries to pay that are no longer kept.
func (r *replay) present() policy.Known {
	known := r.known
	known.Attempts = nil
	for _, a := range r.known.Attempts {
		if r.now.Sub(a.At) < policy.AttemptsKept {
			known.Attempts = append(known.Attempts, a)
		}
	}
	known.Accounts = maps.Clone(known.Accounts)
	return known
}

// demand makes an action known as one that was carried out.
func (r *replay) demand(action policy.Action) {
	switch action.Kind {
	case policy.CancelNow, policy.CancelAtPeriodEnd, policy.Refund, policy.Alert:
	default:
		return
	}
	var details policy.Details
	if action.Kind == policy.Refund {
		if err := json.Unmarshal(action.Details, &details); err != nil {
			r.t.Fatalf("the details of %s: %v", action.Key, err)
		}
	}
	r.known.Demands = append(slices.Clone(r.known.Demands), policy.Demand{
		Policy: r.Policy.Name(), Key: action.Key, Kind: action.Kind, Object: action.Object, Tried: true, Money: details.Amount,
	})
}

// take notes what is asked for the first time, and what comes of it.
func (r *replay) take(actions []policy.Action, reviewed bool) {
	for _, action := range actions {
		if r.done[action.Key] {
			continue
		}
		r.done[action.Key] = true
		r.demand(action)
		asked := Asked{At: r.now, Action: action, Reviewed: reviewed}
		r.asked = append(r.asked, asked)
		if r.World == nil {
			continue
		}
		for _, step := range r.World(asked) {
			if step.At.Before(r.now) {
				r.t.Fatalf("the world answers %s before it was asked", action.Key)
			}
			r.steps = append(r.steps, step)
		}
	}
}
