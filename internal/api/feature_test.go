package api_test

import (
	"strings"
	"testing"
)

// TestFeaturesOfNoPlan: a name that no plan has is answered as ever, and told to the log
// once with those that there are; one that was given by hand is no news when asked for.
func TestFeaturesOfNoPlan(t *testing.T) {
	w := newWorld(t, sqlite(t))
	for range 3 {
		if r := w.must("GET /v1/check?customer=user_1&feature=exprot", ""); r.field("reason") != "no_purchase" || r.field("allowed") != false {
			t.Errorf("%s", r.body)
		}
	}
	w.must("GET /v1/check?customer=user_1&feature=export", "")
	w.must("POST /v1/customers/user_1/grants", `{"feature":"beta"}`)
	w.must("POST /v1/customers/user_1/grants", `{"feature":"export"}`)
	if r := w.must("GET /v1/check?customer=user_1&feature=beta", ""); r.field("allowed") != true {
		t.Errorf("%s", r.body)
	}
	told := map[string]int{}
	for line := range strings.Lines(w.log.String()) {
		if strings.Contains(line, "that no plan has") {
			for _, feature := range []string{"feature=exprot", "feature=beta", "feature=export "} {
				if strings.Contains(line, feature) {
					told[feature]++
				}
			}
			if !strings.Contains(line, "export") || strings.Count(line, "feature=") != 1 {
				t.Errorf("%s", line)
			}
		}
	}
	if told["feature=exprot"] != 1 || told["feature=beta"] != 1 || told["feature=export "] != 0 {
		t.Errorf("%v\n%s", told, w.log)
	}
}
