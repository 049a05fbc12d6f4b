package policy

import (
	"fmt"
	"maps"
	"slices"
)

// Providers switches a policy on or off by account: by the name of its section or
// by its kind of provider; the name counts first. What is not named is on, except
// at a merchant of record, which writes to its customers itself.
type Providers map[string]bool

// On reports whether the policy is on for an account.
func (p Providers) On(known Known, account string) bool {
	a := known.Accounts[account]
	if on, named := p[account]; named {
		return on
	}
	if on, named := p[a.Kind]; named {
		return on
	}
	return !a.MerchantOfRecord
}

// AccountNamer is for policies whose settings name accounts or kinds of providers.
type AccountNamer interface {
	// NamedAccounts lists the names, by the setting that has them.
	NamedAccounts() map[string][]string
}

// Names lists what is switched, sorted.
func (p Providers) Names() []string { return slices.Sorted(maps.Keys(p)) }

// Banned reports whether the customer is barred from everything: nobody writes to
// them, and nothing is charged.
func (k Known) Banned() bool { return k.Customer.Ban != nil || k.Facts.Ban != nil }

// OneOf reports what is wrong with a word in a setting that knows only some.
func OneOf(setting, word string, known []string) error {
	if slices.Contains(known, word) {
		return nil
	}
	known = slices.Sorted(slices.Values(known))
	return fmt.Errorf("%s: there is no %q: use one of %q", setting, word, known)
}
