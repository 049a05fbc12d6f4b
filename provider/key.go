package provider

import "context"

// KeyChecker tells whether the provider takes the configured key, so that a
// wrong one is found at start and not by the first customer.
type KeyChecker interface {
	// CheckKey returns an [*Error] of kind [Denied] if the key is wrong or
	// expired. One that works but may not ask for the account is good. Any other
	// error says nothing about the key.
	CheckKey(ctx context.Context) error
}
