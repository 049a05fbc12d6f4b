package provider

import (
	"net/http"

	"github.com/trivetdev/trivet/billing"
)

// The interfaces below tell what a provider is like, for those whose ways differ
// from what is usual. Like capabilities they are optional.

// Teller is implemented by drivers whose events make claims; see
// [Delivery.Claims].
type Teller interface {
	Driver
	// TellsClaims reports whether claims are to be kept for this account.
	TellsClaims() bool
}

// SharedOwners is implemented by drivers whose provider takes buyers for one
// customer because they typed the same thing, such as an e-mail address. What such
// a customer owns may belong to several people, and whoever buys as somebody else
// must not be given what the other one has: nothing is linked because of its owner.
// The first that is known to be somebody's still tells whose the owner is.
type SharedOwners interface {
	Driver
	SharesOwners() bool
}

// RecentLister is implemented by drivers whose provider gives up soon on webhooks
// and has no list of events: the newest objects are then listed again and again.
type RecentLister interface {
	Driver
	// Recent lists the kinds whose newest objects are worth that. For them
	// [Driver.List] begins with the newest.
	Recent() []billing.Kind
}

// Bundler is implemented by drivers some of whose kinds come along with others:
// beside them (see [Snapshot.Beside]), or in the same list.
type Bundler interface {
	Driver
	// Bundled lists the kinds all of whose objects come along with those of other
	// kinds, so that whoever lists these need not list them.
	Bundled() []billing.Kind
}

// Listed are the kinds that have to be listed to see every object of an account.
func Listed(d Driver) []billing.Kind {
	bundler, some := d.(Bundler)
	if !some {
		return d.Kinds()
	}
	var kinds []billing.Kind
	bundled := map[billing.Kind]bool{}
	for _, kind := range bundler.Bundled() {
		bundled[kind] = true
	}
	for _, kind := range d.Kinds() {
		if !bundled[kind] {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// Tells reports whether an account's events make claims that must be kept.
func Tells(d Driver) bool {
	t, ok := d.(Teller)
	return ok && t.TellsClaims()
}

// OwnersShared reports whether an account's customers may be several people's.
func OwnersShared(d Driver) bool {
	s, ok := d.(SharedOwners)
	return ok && s.SharesOwners()
}

// Named is implemented by drivers that say which provider they are for, in the
// configuration's word: "stripe". The others are taken for what their account is
// called.
type Named interface {
	Driver
	Provider() string
}

// Recognizer is implemented by drivers that do better at checking webhooks if they know
// what earlier ones looked like. Without that they only are slower to trust.
type Recognizer interface {
	Driver
	// Recognize tells of a webhook that was authentic, by those of its headers that
	// are kept. What it says is checked again before anything depends on it.
	Recognize(header http.Header)
}

// Forgetter is implemented by drivers whose provider forgets what came to nothing,
// such as an order that nobody approved, and then answers as if it had never been. Of
// other providers that means that an object was lost, which is a serious thing.
type Forgetter interface {
	Driver
	// Forgotten says what has become of an object that [Driver.Fetch] does not find,
	// by what it was when it was last seen. It is false of one that the provider
	// would not have forgotten.
	Forgotten(ref Ref, last billing.Object) (now billing.Object, forgotten bool)
}

// Name is the provider of an account.
func Name(d Driver) string {
	if n, ok := d.(Named); ok {
		return n.Provider()
	}
	return d.Account()
}

// MerchantOfRecord is implemented by drivers whose provider is the seller: it owes
// the tax, and mails receipts and reminders to the customers itself.
type MerchantOfRecord interface {
	Driver
	SellsItself() bool
}

// SellsItself reports whether an account's provider is the seller.
func SellsItself(d Driver) bool {
	m, ok := d.(MerchantOfRecord)
	return ok && m.SellsItself()
}
