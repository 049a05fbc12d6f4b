package policytest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
)

// Case is a change that a policy under test reacts to, or a moment at which it
// reviews how things stand.
type Case struct {
	Name   string
	Change policy.Change
	Known  policy.Known
	// Now makes it a review, which has no Change; zero: a reaction.
	Now time.Time
	// Kinds are the kinds of the actions that are expected, in order; empty: the
	// policy is to stay silent.
	Kinds []string
}

// Run checks a policy with its own cases, at least one of which must call for
// something: a policy that never does anything passes every other check.
func Run(t *testing.T, p policy.Policy, cases ...Case) {
	t.Helper()
	for _, flaw := range Flaws(p, cases...) {
		t.Error(flaw)
	}
}

// Flaws lists what is wrong with a policy.
func Flaws(p policy.Policy, cases ...Case) []string {
	s := &suite{policy: p}
	if !regexp.MustCompile(`^[a-z][a-z0-9_]*$`).MatchString(p.Name()) {
		s.flaw("name", "%q cannot be a section of the configuration: use small letters, digits and _", p.Name())
	}
	acts := false
	for _, c := range cases {
		acts = acts || len(c.Kinds) > 0
		s.expected(c)
		s.pure(c)
		s.keys(c)
		if c.Now.IsZero() {
			s.replayed(c)
		} else {
			s.reviewed(c)
		}
	}
	if !acts {
		s.flaw("cases", "none of them calls for anything")
	}
	for _, c := range silence() {
		s.pure(c)
		s.expected(c)
	}
	if _, reviews := p.(policy.Reviewer); reviews {
		for _, c := range still() {
			s.pure(c)
			s.expected(c)
		}
	}
	return s.flaws
}

type suite struct {
	policy policy.Policy
	flaws  []string
}

func (s *suite) flaw(where, format string, args ...any) {
	s.flaws = append(s.flaws, where+": "+fmt.Sprintf(format, args...))
}

// react asks the policy; a panic is a flaw, for it would undo the writing that
// the policy was asked about.
func (s *suite) react(c Case) (actions []policy.Action) {
	defer func() {
		if p := recover(); p != nil {
			s.flaw(c.Name, "panics: %v", p)
		}
	}()
	actions, _ = s.ask(c)
	return actions
}

// ask puts a case to the policy: the change, or the moment.
func (s *suite) ask(c Case) (actions []policy.Action, next time.Time) {
	if c.Now.IsZero() {
		return s.policy.React(c.Change, c.Known), time.Time{}
	}
	reviewer, is := s.policy.(policy.Reviewer)
	if !is {
		s.flaw(c.Name, "is a review, but the policy reviews nothing")
		return nil, time.Time{}
	}
	return reviewer.Review(c.Known, c.Now)
}

func (s *suite) expected(c Case) {
	var kinds []string
	for _, action := range s.react(c) {
		kinds = append(kinds, action.Kind)
	}
	if len(kinds)+len(c.Kinds) > 0 && !reflect.DeepEqual(kinds, c.Kinds) {
		s.flaw(c.Name, "asks for %q, want %q", kinds, c.Kinds)
	}
}

// pure checks that equal input gives equal actions, at once and at the same time
// from many sides, and that the input stays as it was.
func (s *suite) pure(c Case) {
	before := shown(c)
	first := s.react(c)
	const sides = 8
	others := make([][]policy.Action, sides)
	var all sync.WaitGroup
	for i := range sides {
		all.Go(func() {
			defer func() { _ = recover() }() // told already
			others[i], _ = s.ask(c)
		})
	}
	all.Wait()
	for _, other := range others {
		if diff := cmp.Diff(first, other); diff != "" {
			s.flaw(c.Name, "is not pure: equal input, other actions:\n%s", diff)
			break
		}
	}
	if after := shown(c); after != before {
		s.flaw(c.Name, "is not pure: it changes its input from\n%s\nto\n%s", before, after)
	}
}

func shown(c Case) string { return fmt.Sprintf("%#v %+v %+v", c.Name, c.Change, c.Known) }

// keys checks that every action can be carried out once.
func (s *suite) keys(c Case) {
	seen := map[string]bool{}
	for _, a := range s.react(c) {
		switch {
		case a.Key == "" || strings.TrimSpace(a.Key) != a.Key:
			s.flaw(c.Name, "the key %q is empty or has spaces around it", a.Key)
		case strings.ContainsAny(a.Key, " \t\r\n\x00"):
			s.flaw(c.Name, "the key %q has spaces in it", a.Key)
		case seen[a.Key]:
			s.flaw(c.Name, "two actions have the key %q: one of them would never happen", a.Key)
		case !strings.Contains(a.Key, a.Object):
			s.flaw(c.Name, "the key %q does not name its object %q: it would be done for one object only", a.Key, a.Object)
		}
		seen[a.Key] = true
		account, rest, found := strings.Cut(a.Object, "/")
		if kind, id, whole := strings.Cut(rest, "/"); !found || !whole || kind == "" || id == "" || account != a.Account || account == "" {
			s.flaw(c.Name, "the object %q is no reference of account %q: write it like account/kind/id", a.Object, a.Account)
		}
		if len(a.Details) > 0 && !json.Valid(a.Details) {
			s.flaw(c.Name, "the details are not JSON: %s", a.Details)
		}
		if a.Kind == "" {
			s.flaw(c.Name, "an action has no kind")
		}
	}
}

// replayed checks that the same change, replayed at a later time, asks for what
// is recorded already: under the same keys.
func (s *suite) replayed(c Case) {
	keys := func(actions []policy.Action) (all []string) {
		for _, a := range actions {
			all = append(all, a.Key)
		}
		return all
	}
	first := keys(s.react(c))
	for _, later := range []time.Duration{time.Second, 24 * time.Hour, 400 * 24 * time.Hour} {
		again := c
		again.Change.At = c.Change.At.Add(later)
		known := map[string]bool{}
		for _, key := range first {
			known[key] = true
		}
		for _, key := range keys(s.react(again)) {
			if !known[key] {
				s.flaw(c.Name, "is not silent on replay: after %s it asks for %q, at first for %q", later, key, first)
			}
		}
	}
}

// silence are changes without a customer, without objects, or of nothing: no
// policy may panic at them or ask for anything.
func silence() []Case {
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	cases := []Case{{Name: "nothing happened"}, {Name: "nothing is known", Change: policy.Change{Seq: 1, At: at, Kinds: []billing.ChangeKind{billing.CustomerSet}}}}
	for _, object := range []billing.Object{
		billing.ProviderCustomer{}, billing.Subscription{}, billing.Invoice{}, billing.Payment{},
		billing.Refund{}, billing.Dispute{}, billing.Checkout{}, billing.Warning{},
	} {
		change := policy.Change{
			Seq: 1, At: at, Kinds: []billing.ChangeKind{billing.Updated}, Account: "stripe", Kind: object.Kind(), ID: "x", Before: object, After: object,
		}
		known := policy.Known{Customer: billing.Customer{Ref: "user_1"}}
		cases = append(cases, Case{Name: "empty " + string(object.Kind()), Change: change, Known: known})
		change.Kinds, change.Before = []billing.ChangeKind{billing.Recorded}, nil
		cases = append(cases, Case{Name: "first " + string(object.Kind()), Change: change, Known: known})
	}
	return cases
}
