// Package hygiene keeps loose ends from staying loose: what the providers know
// about customers, money that a customer agreed to pay, pauses that have run out.
package hygiene

import (
	"encoding/json"
	"fmt"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
)

// Policy sees to these things, the first three of which its zero value sees to:
//
//   - A changed e-mail address is pushed to every provider where the customer is
//     known under another, so that receipts and reminders reach them.
//   - A checkout that the customer agreed to is captured (PayPal takes no money by
//     itself).
//   - A pause that has run out is ended, where the provider does not do so itself.
//   - A subscription that begins with a trial while a pass of the customer runs is
//     first charged when the pass ends.
//   - A price that means no plan, and a way to pay that nobody knows, are told.
//
// What no policy can see, because it concerns no customer, [Watch] does.
type Policy struct{ settings Settings }

// Name implements [policy.Policy].
func (Policy) Name() string { return "hygiene" }

// React implements [policy.Policy]. It sees to the addresses; all else is found by
// Review.
func (Policy) React(change policy.Change, known policy.Known) []policy.Action {
	if change.After == nil && change.Has(billing.CustomerSet) {
		return push(change, known)
	}
	return nil
}

// push tells every provider the customer's address.
func push(change policy.Change, known policy.Known) []policy.Action {
	email := known.Customer.Email
	if email == "" {
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
