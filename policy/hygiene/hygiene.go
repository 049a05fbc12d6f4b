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
//     known under another, so that receipts and reminders reach them. Where others
//     are the same customer of the provider, a person is told instead.
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
func (Policy) React(change policy.Change, known policy.Known) (actions []policy.Action) {
	if change.After == nil && change.Has(billing.CustomerSet) {
		for _, linked := range known.Linked {
			actions = append(actions, push(change, known, linked)...)
		}
	}
	if theirs, is := change.After.(billing.ProviderCustomer); is {
		linked := billing.Held[billing.ProviderCustomer]{Account: change.Account, ID: change.ID, Object: theirs}
		if crowded(known, linked) && theirs.Email == known.Customer.Email {
			actions = append(actions, shared(change, known, linked, true))
		}
	}
	return actions
}

// push tells a provider the customer's address. One that others use as well is not
// changed: their receipts would go to a stranger.
func push(change policy.Change, known policy.Known, linked billing.Held[billing.ProviderCustomer]) []policy.Action {
	email := known.Customer.Email
	switch same := linked.Object.Email == email; {
	case email == "" || same && !crowded(known, linked):
		return nil
	case crowded(known, linked):
		return []policy.Action{shared(change, known, linked, same)}
	}
	object := linked.Account + "/" + string(billing.KindCustomer) + "/" + linked.ID
	details, err := json.Marshal(map[string]string{"email": email})
	if err != nil { // a string always encodes
		return nil
	}
	return []policy.Action{{
		// The change's number is part of the key: an address that comes back
		// after another is pushed again.
		Key:  fmt.Sprintf("email:%s:%d", object, change.Seq),
		Kind: policy.PushEmail, Account: linked.Account, Object: object, Details: details,
	}}
}

func crowded(known policy.Known, linked billing.Held[billing.ProviderCustomer]) bool {
	return known.Crowd[linked.Account+"/"+linked.ID]
}

// shared tells that an address has to be changed by a person, or no longer has to.
func shared(change policy.Change, known policy.Known, linked billing.Held[billing.ProviderCustomer], over bool) policy.Action {
	return policy.On(linked.Account, billing.KindCustomer, linked.ID, policy.Alert, fmt.Sprintf("email.%d", change.Seq), policy.Warning{
		Cause: "hygiene:email:" + linked.Account + "/" + linked.ID, Kind: "hygiene", Over: over,
		Title: fmt.Sprintf("the new e-mail address of %s was not passed on to %s", known.Customer.Ref, linked.Account),
		Details: fmt.Sprintf("Others bought as the provider's customer %s, too, or somebody whom nobody knows yet: the receipts and links of all of them would "+
			"go to the new address. Change it in the provider's dashboard only if everything of that customer's belongs to %s.", linked.ID, known.Customer.Ref),
	})
}
