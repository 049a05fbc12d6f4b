package config

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestEveryKeyIsDescribed, and nothing else is.
func TestEveryKeyIsDescribed(t *testing.T) {
	missing, stray := described()
	if len(missing)+len(stray) > 0 {
		t.Errorf("without a meaning: %v; meanings of no key: %v", missing, stray)
	}
}

// TestVariablesOfTheReference: each variable it names is taken for its key.
func TestVariablesOfTheReference(t *testing.T) {
	for _, s := range References() {
		for _, k := range s.Keys {
			variable := strings.NewReplacer("POLICY_NAME_", "POLICY_DUNNING_", "PROVIDERS_NAME_", "PROVIDERS_STRIPE_", "ACCOUNT", "STRIPE").Replace(k.Variable)
			_, err := Load(os.DevNull, []string{variable + "=x"})
			if err != nil && strings.Contains(err.Error(), variable) && regexp.MustCompile(`no (known )?key`).MatchString(err.Error()) {
				t.Errorf("%s: %v", k.Variable, err)
			}
		}
	}
}

// described reports the keys of schema without a meaning, and meanings of no key.
func described() (missing, stray []string) {
	known := map[string]bool{}
	for table, fields := range schema {
		for _, f := range fields {
			path := f.name
			if table != "" {
				path = table + "." + f.name
			}
			known[path] = true
			if meanings[path] == "" {
				missing = append(missing, path)
			}
		}
		if !slices.ContainsFunc(sections, func(s struct{ path, heading, about string }) bool { return s.path == table }) {
			missing = append(missing, "["+table+"]")
		}
	}
	for path := range meanings {
		if !known[path] {
			stray = append(stray, path)
		}
	}
	return missing, stray
}
