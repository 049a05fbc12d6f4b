package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/policy"
)

type settings struct {
	Grace time.Duration   `setting:"grace"`
	Steps []time.Duration `setting:"steps"`
	Rules []string        `setting:"rules"`
	Limit int             `setting:"limit"`
	On    bool            `setting:"on"`

	Providers policy.Providers `setting:"providers"`
	Cases     []rule           `setting:"cases"`
	Together  [][]string       `setting:"together"`
}

type rule struct {
	When string   `setting:"when"`
	Do   []string `setting:"do"`
}

func TestDecode(t *testing.T) {
	got := settings{Limit: 5, Grace: time.Hour}
	err := policy.Decode(map[string]any{"grace": "7d", "steps": []any{"2h", "3d"}, "rules": []any{"visa"}, "on": true}, &got)
	want := settings{Limit: 5, Grace: 168 * time.Hour, Steps: []time.Duration{2 * time.Hour, 72 * time.Hour}, Rules: []string{"visa"}, On: true}
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		settings map[string]any
		says     string
	}{
		"a key that there is not": {map[string]any{"grase": "7d"}, "grase"},
		"a number without a unit": {map[string]any{"grace": int64(7)}, "write it in quotes"},
		"no duration":             {map[string]any{"grace": "a week"}, "write it as 7d"},
		"another type":            {map[string]any{"limit": "five"}, "limit: must be a number, and is \"five\""},
		"no switch":               {map[string]any{"on": "maybe"}, "on: must be true or false"},
		"no list of durations":    {map[string]any{"steps": "1h, soon"}, "steps.1: "},
		"a key of a rule":         {map[string]any{"cases": []any{map[string]any{"when": "x"}, map[string]any{"wen": "x"}}}, "cases.1.wen: is not a key: known are do, when"},
		"a variable of no rule":   {map[string]any{"cases_x_when": "x"}, "cases_x_when: is not a key"},
		"a rule without its key":  {map[string]any{"cases_0": "x"}, "cases_0: is not a key"},
		"an item of a plain list": {map[string]any{"steps_0": "1h"}, "steps_0: is not a key"},
	} {
		err := policy.Decode(test.settings, &settings{})
		if err == nil || !strings.Contains(strings.ToLower(err.Error()), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDecodeFromTheEnvironment: texts alone say all that a file can, and win over it.
func TestDecodeFromTheEnvironment(t *testing.T) {
	file := map[string]any{"providers": map[string]any{"paddle": false, "stripe": false}, "cases": []any{map[string]any{"when": "a", "do": []any{"alert"}}}}
	vars := map[string]any{
		"steps": "2h, 3d", "rules": "visa,us-ca", "limit": "7", "on": "true", "providers_paddle_eu": "true", "providers_paddle": "true",
		"cases_0_when": "b", "cases_10_when": "d", "cases_2_do": "ban,refund", "together_0": "pro,seats", "together_1": "a,b",
	}
	for key, value := range file {
		vars[key] = value
	}
	var got settings
	err := policy.Decode(vars, &got)
	want := settings{
		Steps: []time.Duration{2 * time.Hour, 72 * time.Hour}, Rules: []string{"visa", "us-ca"}, Limit: 7, On: true,
		Providers: policy.Providers{"paddle": true, "stripe": false, "paddle_eu": true},
		Cases:     []rule{{When: "b", Do: []string{"alert"}}, {Do: []string{"ban", "refund"}}, {When: "d"}},
		Together:  [][]string{{"pro", "seats"}, {"a", "b"}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if diff := cmp.Diff(map[string]any{"paddle": false, "stripe": false}, file["providers"]); diff != "" {
		t.Errorf("what was given has changed: %s", diff)
	}
}
