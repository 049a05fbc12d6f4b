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
		"another type":            {map[string]any{"limit": "five"}, "limit"},
	} {
		err := policy.Decode(test.settings, &settings{})
		if err == nil || !strings.Contains(strings.ToLower(err.Error()), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
