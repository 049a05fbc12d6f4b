package provider

import (
	"context"
	"time"
)

// KeyChecker tells whether the provider takes the configured key, so that a
// wrong one is found at start and not by the first customer.
type KeyChecker interface {
	// CheckKey returns the provider's own id of the account that the key opens;
	// empty if the key may not ask for it, or the provider does not say. The error
	// is an [*Error] of kind [Denied] if the key is wrong or expired; any other says
	// nothing about the key.
	CheckKey(ctx context.Context) (account string, err error)
}

// EnvironmentTeller is implemented by drivers whose provider tells by a key only
// which environment it opens, and not whose account: what [KeyChecker] returns is the
// same for all accounts of the environment, and proves no more than that.
type EnvironmentTeller interface {
	KeyChecker
	TellsEnvironmentOnly() bool
}

// KeyExpirer tells when the configured key stops working, where keys do.
type KeyExpirer interface {
	// KeyExpires is zero if the key does not say.
	KeyExpires() time.Time
}
