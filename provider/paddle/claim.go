package paddle

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	sdk "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/trivetdev/trivet/provider"
)

// The custom data that our checkouts write. Paddle copies the custom data of a
// first transaction to its subscription.
const (
	dataToken    = "trivet_token"
	dataCustomer = "trivet_customer"
	dataKey      = "trivet_key"
	// dataReturn is where the page with Paddle.js is to send the browser when the
	// checkout is completed.
	dataReturn = "trivet_return"
)

// What is longer is left out. Paddle does not say how much it takes.
const (
	maxData      = 50
	maxDataKey   = 100
	maxDataValue = 500
)

// claims reads whom an object belongs to from its custom data. Nil if it does not
// say. What is left out of data that is too long is the same each time, or the
// object would seem to change.
func claims(data sdk.CustomData) map[string]string {
	found := map[string]string{}
	keys := slices.Sorted(maps.Keys(data))
	for _, key := range keys[:min(len(keys), maxData)] {
		value := plain(data[key])
		if value == "" || len(key) > maxDataKey || len(value) > maxDataValue || key == dataReturn || key == dataKey {
			continue
		}
		found["custom_data."+key] = value
	}
	if token := plain(data[dataToken]); token != "" && len(token) <= maxDataValue {
		found[provider.ClaimToken] = token
		delete(found, "custom_data."+dataToken)
	}
	if len(found) == 0 {
		return nil
	}
	return found
}

// plain writes a text or a whole number as text; empty for anything else.
func plain(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case float64:
		if v == float64(int64(v)) {
			return strconv.FormatInt(int64(v), 10)
		}
	}
	return ""
}

// ClaimNames implements [provider.Claimer].
func (d *Driver) ClaimNames() []string { return []string{"custom_data."} }
