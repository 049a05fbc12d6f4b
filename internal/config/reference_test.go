package config

import (
	"os"
	"regexp"
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
