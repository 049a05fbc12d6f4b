package stripe

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// The metadata that our checkouts write.
const (
	metaToken    = "trivet_token"
	metaCustomer = "trivet_customer"
	metaItems    = "trivet_items"
	metaEffect   = "trivet_effect"
)

// Stripe's own limits of metadata; what is longer did not come from Stripe.
const (
	maxMetadata      = 50
	maxMetadataKey   = 40
	maxMetadataValue = 500
)

// claims reads whom an object belongs to from its metadata. Of several maps the
// first that has a key counts. Nil if there are none. What is left out of a map
// that is too long is the same each time, or the object would seem to change.
func claims(metadata ...map[string]string) map[string]string {
	found := map[string]string{}
	for _, meta := range metadata {
		keys := slices.Sorted(maps.Keys(meta))
		for _, key := range keys[:min(len(keys), maxMetadata)] {
			name, value := "metadata."+key, meta[key]
			if _, taken := found[name]; taken || value == "" || len(key) > maxMetadataKey || len(value) > maxMetadataValue {
				continue
			}
			found[name] = value
		}
	}
	if token := found["metadata."+metaToken]; token != "" {
		found[provider.ClaimToken] = token
		delete(found, "metadata."+metaToken)
	}
	if len(found) == 0 {
		return nil
	}
	return found
}

// also adds a claim.
func also(claims map[string]string, name, value string) map[string]string {
	if value == "" {
		return claims
	}
	all := maps.Clone(claims)
	if all == nil {
		all = map[string]string{}
	}
	all[name] = value
	return all
}

// writeItems packs items into one metadata value: "price_1:2,price_2:1".
func writeItems(items []billing.Item) string {
	parts := make([]string, 0, len(items))
	for _, item := range items {
		parts = append(parts, item.Price+":"+strconv.FormatInt(max(1, item.Quantity), 10))
	}
	return strings.Join(parts, ",")
}

// readItems reads what [writeItems] wrote, or the same as JSON. What cannot be
// read is nothing, for anybody may have written it.
func readItems(text string) []billing.Item {
	if len(text) > maxMetadataValue {
		return nil
	}
	if strings.HasPrefix(text, "[") {
		var items []billing.Item
		if json.Unmarshal([]byte(text), &items) != nil {
			return nil
		}
		return sound(items)
	}
	var items []billing.Item
	for part := range strings.SplitSeq(text, ",") {
		price, count, _ := strings.Cut(strings.TrimSpace(part), ":")
		quantity, err := strconv.ParseInt(count, 10, 32)
		if err != nil {
			return nil
		}
		items = append(items, billing.Item{Price: price, Quantity: quantity})
	}
	return sound(items)
}

// sound returns items only if all of them make sense.
func sound(items []billing.Item) []billing.Item {
	for _, item := range items {
		if !isName(item.Price) || item.Quantity < 1 {
			return nil
		}
	}
	return items
}

// ClaimNames implements [provider.Claimer].
func (d *Driver) ClaimNames() []string { return []string{"metadata.", claimReference} }
