package config

import (
	"slices"
	"strconv"
	"strings"
)

const envPrefix = "TRIVET_"

// reserved are the variables that are ours and no keys.
func reserved(name string) bool {
	return name == "TRIVET_CONFIG" || strings.HasPrefix(name, "TRIVET_TEST_")
}

// verdict is what a variable's name turned out to be.
type verdict struct {
	path    string // of the key; empty if it is none
	problem string // why it is none although it was meant as one
}

// envKey finds the key that a variable's name stands for. Neither path nor
// problem means that the variable is somebody else's.
func envKey(variable string) verdict {
	name := strings.ToLower(strings.TrimPrefix(variable, envPrefix))
	if slices.Contains(names(""), name) {
		return verdict{path: name}
	}
	if name == "api_key_file" { // what looks like an [[api_key]] and is half of api_keys
		return verdict{problem: "is not a key: did you mean " + envPrefix + "API_KEYS_FILE?"}
	}
	for table, t := range tables {
		rest, ok := strings.CutPrefix(name, table+"_")
		switch {
		case !ok:
		case table == "policy":
			return policyKey(rest)
		case t.named:
			return sectionKey(table, rest)
		case t.numbered:
			return itemKey(table, rest)
		default:
			return tableKey(table, rest)
		}
	}
	if c := closest(name, names("")); c != "" {
		return verdict{problem: "is not a key: did you mean " + envPrefix + strings.ToUpper(c) + "?"}
	}
	for table := range tables {
		// The section itself misspelled, as in TRIVET_PROVIDER_STRIPE_SECRET_KEY.
		first, _, more := strings.Cut(name, "_")
		if d := distance(first, table); more && d > 0 && d <= 1 {
			return verdict{problem: "is not a key: did you mean " + envPrefix + strings.ToUpper(table) + "_…?"}
		}
	}
	return verdict{}
}

// written is a path that a variable stands for with the account as the file writes it.
func (l *loader) written(path string) string {
	parts := strings.Split(path, ".")
	at := map[string]int{"providers": 1, "plan": 3}[parts[0]]
	if at == 0 || at >= len(parts) {
		return path
	}
	if name, ok := l.accounts[parts[at]]; ok {
		parts[at] = name
	}
	return strings.Join(parts, ".")
}

func tableKey(table, rest string) verdict {
	if known := names(table); !slices.Contains(known, rest) {
		return verdict{problem: "is not a key: " + didYouMean(rest, known)}
	}
	return verdict{path: table + "." + rest}
}

// sectionKey splits NAME_KEY at the longest known key that ends it.
func sectionKey(table, rest string) verdict {
	known := names(table + ".*")
	if slices.Contains(known, rest) {
		return verdict{problem: "names no account: write " + variable(table+".stripe."+rest)}
	}
	best := ""
	for _, key := range known {
		if name, ok := strings.CutSuffix(rest, "_"+key); ok && name != "" && len(key) > len(best) {
			best = key
		}
	}
	if best != "" {
		return verdict{path: table + "." + strings.TrimSuffix(rest, "_"+best) + "." + best}
	}
	// What follows the first part is the best guess at what was meant as the key.
	_, key, _ := strings.Cut(rest, "_")
	return verdict{problem: "ends with no known key: " + didYouMean(key, known)}
}

// itemKey reads N_KEY of an array of tables, N counting from 0.
func itemKey(table, rest string) verdict {
	digits, key, _ := strings.Cut(rest, "_")
	if n, err := strconv.Atoi(digits); err != nil || n < 0 || strconv.Itoa(n) != digits {
		return verdict{problem: "needs a number from 0, as in " + envPrefix + strings.ToUpper(table) + "_0_" +
			strings.ToUpper(schema[table+".*"][0].name)}
	}
	if account, ok := strings.CutPrefix(key, "prices_"); ok && table == "plan" && account != "" {
		return verdict{path: table + "." + digits + ".prices." + account}
	}
	if known := names(table + ".*"); !slices.Contains(known, key) {
		return verdict{problem: "ends with no known key: " + didYouMean(key, known)}
	}
	return verdict{path: table + "." + digits + "." + key}
}

func policyKey(rest string) verdict {
	name, key, _ := strings.Cut(rest, "_")
	if !slices.Contains(policyNames, name) {
		return verdict{problem: "names no policy: " + didYouMean(name, policyNames)}
	}
	if key == "" {
		return verdict{problem: "names no key: write " + variable("policy."+name+".mode")}
	}
	return verdict{path: "policy." + name + "." + key}
}
