package policytest

import (
	"encoding/json"
	"testing"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
)

// Build makes a policy out of its defaults, with a change to them; nil: none.
func Build[S, P any](t testing.TB, defaults func() S, build func(S) (P, error), change func(*S)) P {
	t.Helper()
	settings := defaults()
	if change != nil {
		change(&settings)
	}
	p, err := build(settings)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Catalog is a catalog of plans. It panics at plans that contradict each other.
func Catalog(plans ...billing.Plan) billing.Catalog {
	c, err := billing.NewCatalog(plans)
	if err != nil {
		panic(err)
	}
	return c
}

// Keys are the business keys of actions.
func Keys(actions []policy.Action) (all []string) {
	for _, a := range actions {
		all = append(all, a.Key)
	}
	return all
}

// failing is the part of a test, or of a property, that reports.
type failing interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Details reads what an action is about.
func Details[T any](t failing, a policy.Action) (details T) {
	t.Helper()
	if err := json.Unmarshal(a.Details, &details); err != nil {
		t.Fatalf("%s: %v", a.Key, err)
	}
	return details
}
