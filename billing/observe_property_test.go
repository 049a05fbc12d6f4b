package billing_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/trivetdev/trivet/billing"
)

func stored(t *rapid.T, object billing.Object) billing.Object {
	doc, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	back, err := billing.ParseObject(object.Kind(), doc)
	if err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	return back
}

func TestObjectsSurviveTheLedger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		object := objects.Draw(t, "object")
		if diff := cmp.Diff(object, stored(t, object)); diff != "" {
			t.Fatalf("(-object +read back):\n%s", diff)
		}
	})
}

func TestObserveIsSilentAboutTheSameObject(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		object := objects.Draw(t, "object")
		if named := billing.Observe(object, object); len(named) > 0 {
			t.Fatalf("seen twice: named %q", named)
		}
		if named := billing.Observe(stored(t, object), object); len(named) > 0 {
			t.Fatalf("held and seen again: named %q", named)
		}
	})
}

// Whatever differs in the ledger has a name, and nothing else has: Observe and
// Diff agree.
func TestObserveNamesWhatDiffers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := kinds.Draw(t, "kind")
		held, seen := objectOf(t, kind), objectOf(t, kind)
		named := billing.Observe(held, seen)
		diffs, err := billing.Diff(held, seen)
		if err != nil {
			t.Fatal(err)
		}
		if (len(named) > 0) != (len(diffs) > 0) {
			t.Fatalf("named %q of the differences %v", named, diffs)
		}
		if first := billing.Observe(nil, seen); len(first) == 0 {
			t.Fatal("nothing was named at first sight")
		}
		sorted := slices.Sorted(slices.Values(named))
		if slices.Contains(named, "") || len(slices.Compact(sorted)) != len(named) {
			t.Fatalf("named %q", named)
		}
	})
}

// Whatever the looks in between showed, one of them names the payment if and
// only if any of them saw it paid.
func TestObserveMissesNoPayment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		states := rapid.SliceOfN(rapid.SampledFrom(billing.PaymentMachine().States), 1, 5).Draw(t, "states")
		var held billing.Object
		var named []billing.ChangeKind
		for _, state := range states {
			seen := billing.Payment{Status: billing.PaymentStatus(state.Name)}
			named = append(named, billing.Observe(held, seen)...)
			held = seen
		}
		paid := slices.ContainsFunc(states, func(s billing.State) bool { return s.Name == "succeeded" })
		if paid != slices.Contains(named, billing.Paid) {
			t.Fatalf("paid: %v, named %q", paid, named)
		}
	})
}
