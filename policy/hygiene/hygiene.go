// Package hygiene keeps what the providers know about customers in step with
// what the application says.
package hygiene

import (
	"encoding/json"
	"fmt"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
)

// Policy pushes a changed e-mail address to every provider where the customer is
// known under another, so that receipts and reminders reach them.
type Policy struct{}

// Name implements [policy.Policy].
func (Policy) Name() string { return "hygiene" }

// React implements [policy.Policy].
func (Policy) React(change policy.Change, known policy.Known) []policy.Action {
	email := known.Customer.Email
	if !change.Has(billing.CustomerSet) || email == "" {
		return nil
	}
	details, err := json.Marshal(map[string]string{"email": email})
	if err != nil { // a string always encodes
		return nil
	}
	var actions []policy.Action
	for _, linked := range known.Linked {
		if linked.Object.Email == email {
			continue
		}
		object := linked.Account + "/" + string(billing.KindCustomer) + "/" + linked.ID
		actions = append(actions, policy.Action{
			// The change's number is part of the key: an address that comes back
			// after another is pushed again.
			Key:  fmt.Sprintf("email:%s:%d", object, change.Seq),
			Kind: "push_email", Account: linked.Account, Object: object, Details: details,
		})
	}
	return actions
}
