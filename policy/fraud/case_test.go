package fraud_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/fraud"
)

// A subscription that was canceled in one case and kept after it went on being charged
// for after the second: what is done has another key in another case, and the same as
// long as one lasts.
func TestASecondCaseStopsAnew(t *testing.T) {
	stops := func(known policy.Known, at time.Time) (keys []string) {
		actions, _ := build(t, func(s *fraud.Settings) { s.Refund = 60 * 24 * time.Hour }).Review(known, at)
		for _, a := range actions {
			if a.Kind != policy.Ban && a.Kind != policy.Alert || a.Account != policy.Own && a.Kind == policy.Alert {
				keys = append(keys, a.Key)
			}
		}
		return keys
	}
	reason := "fraud: " + fraud.Shipped()[0].Text
	known := with(crook(), func(k *policy.Known) { k.Accounts["paypal"] = policy.Account{Can: map[string]bool{}} })
	first := stops(known, noon)
	known.Customer.Ban = &billing.Ban{At: noon, By: "policy:fraud", Reason: reason}
	if diff := cmp.Diff(first, stops(known, noon.Add(time.Minute))); diff != "" || len(first) != 5 {
		t.Errorf("while the ban stands:\n%s", diff)
	}
	later := noon.AddDate(0, 0, 3)
	known.Customer.Ban, known.Customer.Cleared = nil, &billing.Cleared{At: noon.AddDate(0, 0, 1), By: "anna", Ban: *known.Customer.Ban}
	for i := range 5 {
		known.Attempts = append(known.Attempts, try(fmt.Sprint("fp", i), -49-i, true))
	}
	second := stops(known, later)
	for i, key := range second {
		if key != first[i]+".20260321T120000Z" {
			t.Errorf("the second time %s, the first time %s", key, first[i])
		}
	}
	known.Customer.Ban = &billing.Ban{At: later, By: "policy:fraud", Reason: reason}
	if diff := cmp.Diff(second, stops(known, later.Add(time.Minute))); diff != "" || len(second) != 5 {
		t.Errorf("while the second ban stands:\n%s", diff)
	}
}
