package config

import "strings"

// field is one key that a table may hold.
type field struct {
	name   string
	secret bool // has a twin with the suffix _file
	common bool // of providers: every kind has it
}

// schema lists the keys of every table by the table's path; * stands for a name
// or, in an array of tables, for a number.
var schema = map[string][]field{
	"": {
		{name: "public_url"}, {name: "listen"}, {name: "metrics"}, {name: "database", secret: true}, {name: "mode"},
		{name: "api_keys", secret: true}, {name: "checkout"},
	},
	"providers.*": {
		{name: "kind", common: true}, {name: "bind", common: true}, {name: "mode", common: true},
		{name: "ingest", common: true}, {name: "rate", common: true},
		{name: "secret_key", secret: true}, {name: "webhook_secrets", secret: true}, {name: "base_url"},
		{name: "client_id"}, {name: "client_secret", secret: true}, {name: "webhook_ids"},
		{name: "environment"}, {name: "cert_base_url"}, {name: "ca_file"}, {name: "order_life"},
		{name: "api_key", secret: true}, {name: "store"},
	},
	"api_key.*": {{name: "name"}, {name: "key_sha256"}, {name: "key", secret: true}, {name: "scopes"}, {name: "expires"}},
	"plan.*":    {{name: "id"}, {name: "name"}, {name: "features"}, {name: "grants"}},
	"access":    {{name: "grace"}, {name: "paused"}, {name: "refunded"}, {name: "disputed"}},
	"sweep":     {{name: "hot"}, {name: "full"}},
	"retention": {{name: "events"}},
	"mail": {
		{name: "smtp", secret: true}, {name: "from"}, {name: "reply_to"}, {name: "templates"}, {name: "locale"},
		{name: "brand"}, {name: "url"}, {name: "support"}, {name: "address"}, {name: "tax_id"}, {name: "keep"}, {name: "handover"},
	},
	"sms": {
		{name: "kind"}, {name: "from"}, {name: "account"}, {name: "token", secret: true}, {name: "url"}, {name: "body"},
	},
	"endpoint.*": {
		{name: "name"}, {name: "url"}, {name: "events"}, {name: "secret", secret: true}, {name: "previous_secret", secret: true},
		{name: "allow_private"},
	},
	"alert.*":  {{name: "url", secret: true}, {name: "when"}},
	"policy.*": {{name: "mode"}, {name: "rollout"}},
	"caps":     {{name: "refunds"}, {name: "refund_amounts"}},
}

// open lists the tables whose keys are not ours to know, by path: the accounts
// under a plan's prices, and each policy's own settings.
var open = map[string]bool{"plan.*.prices": true, "policy.*": true}

// tables lists the sections: how each is written, and whether it has a name or
// comes several times.
var tables = map[string]struct {
	written         string
	named, numbered bool
}{
	"providers": {written: "[providers.NAME]", named: true},
	"api_key":   {written: "[[api_key]]", numbered: true},
	"plan":      {written: "[[plan]]", numbered: true},
	"access":    {written: "[access]"},
	"sweep":     {written: "[sweep]"},
	"retention": {written: "[retention]"},
	"mail":      {written: "[mail]"},
	"sms":       {written: "[sms]"},
	"endpoint":  {written: "[[endpoint]]", numbered: true},
	"alert":     {written: "[[alert]]", numbered: true},
	"policy":    {written: "[policy.NAME]", named: true},
	"caps":      {written: "[caps]"},
}

// policyNames are the policies there are.
var policyNames = []string{"renewal", "dunning", "fraud", "dispute", "duplicate", "hygiene"}

// Careful are the policies that ban or move money. Their mode is assist unless
// their section names another: a person accepts what they propose.
var Careful = []string{"fraud", "dispute", "duplicate"}

var modeNames = []string{string(Observe), string(Assist), string(Enforce)}

// defaults are the values of keys that nobody set.
var defaults = map[string]any{
	"listen":          "127.0.0.1:8990",
	"database":        "sqlite:trivet.db",
	"mode":            string(Enforce),
	"access.grace":    "7d",
	"access.paused":   false,
	"access.refunded": false,
	"access.disputed": true,
	"caps.refunds":    "50",
	"sweep.hot":       "5m",
	"sweep.full":      "24h",
}

// names returns the keys of the table with that pattern, twins included.
func names(pattern string) []string {
	var all []string
	for _, f := range schema[pattern] {
		all = append(all, f.name)
		if f.secret {
			all = append(all, f.name+"_file")
		}
	}
	return all
}

// pattern turns the path of a table into its form in schema.
func pattern(path string) string {
	parts := strings.Split(path, ".")
	if t, ok := tables[parts[0]]; ok && len(parts) > 1 && (t.named || t.numbered) {
		parts[1] = "*"
	}
	return strings.Join(parts, ".")
}

// isSecret says whether the key at path holds a secret.
func isSecret(path string) bool {
	table, key := split(path)
	for _, f := range schema[pattern(table)] {
		if f.name == key {
			return f.secret
		}
	}
	return false
}

// split cuts a path into its table, "" for the root, and its last part.
func split(path string) (table, key string) {
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		return path[:i], path[i+1:]
	}
	return "", path
}

// variable returns the environment variable of the key at path. No shell has a - in a
// variable's name.
func variable(path string) string {
	return envPrefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(path))
}

// spoken is an account's name as a variable has it.
func spoken(account string) string { return strings.ReplaceAll(account, "-", "_") }
