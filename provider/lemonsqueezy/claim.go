package lemonsqueezy

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/trivetdev/trivet/provider"
)

// What our checkouts write into the custom data.
const (
	customToken  = "trivet_token"
	customEffect = "trivet_effect"
	customMode   = "trivet_mode"
)

// Limits on what is taken from custom data, which a buyer can write into the
// address of a storefront's page.
const (
	mostClaims   = 20
	longestName  = 64
	longestValue = 500
)

// customData reads custom data, whose values may be of any sort. An empty one comes
// as a list.
func customData(text json.RawMessage) map[string]string {
	var values map[string]json.RawMessage
	if json.Unmarshal(text, &values) != nil {
		return nil
	}
	custom := map[string]string{}
	for name, value := range values {
		var shown string
		if json.Unmarshal(value, &shown) != nil {
			var n json.Number
			if json.Unmarshal(value, &n) != nil {
				continue
			}
			shown = n.String()
		}
		custom[name] = shown
	}
	return custom
}

// claims are what custom data say of whose something is: our token, and everything
// else under "custom_data.NAME", which counts only where it is configured.
func claims(custom map[string]string) map[string]string {
	found := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(custom)) {
		value := custom[name]
		switch {
		case name == customEffect || name == customMode:
		case value == "" || len(value) > longestValue || len(name) > longestName || strings.ContainsFunc(name+value, unprintable):
		case name == customToken:
			found[provider.ClaimToken] = value
		case len(found) < mostClaims:
			found["custom_data."+name] = value
		}
	}
	return found
}

func unprintable(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }

func claimsFor(refs []provider.Ref, custom map[string]string) map[provider.Ref]map[string]string {
	found := claims(custom)
	if len(found) == 0 || len(refs) == 0 {
		return nil
	}
	all := map[provider.Ref]map[string]string{}
	for _, ref := range refs {
		all[ref] = maps.Clone(found)
	}
	return all
}

// ClaimNames implements [provider.Claimer].
func (d *Driver) ClaimNames() []string { return []string{"custom_data."} }
