// Package scope has the words for what an API key may do.
//
// The scopes stand beside each other: a key that is to read and to write has both.
// Two take in others: Read takes in Check, and All takes in everything.
package scope

import (
	"slices"
	"time"
)

// ExpiryNotice is how long before its end an API key is warned about.
const ExpiryNotice = 14 * 24 * time.Hour

// Scope is one of the words by which a key is told what it may do, and a route what
// it needs.
type Scope string

// The scopes.
const (
	// Check asks whether a customer may do something, and nothing else.
	Check Scope = "check"
	// Read shows everything there is, and changes nothing.
	Read Scope = "read"
	// Write is what an application does day by day, for its customers and at their
	// wish.
	Write Scope = "write"
	// Money is what moves money by itself, or cannot be undone.
	Money Scope = "money"
	// Admin is what those do who run the service: how far it may go, and what becomes
	// of what it could not settle.
	Admin Scope = "admin"
	// All is every scope, those that come later too.
	All Scope = "all"
)

// Scopes lists them, from the least.
func Scopes() []Scope { return []Scope{Check, Read, Write, Money, Admin, All} }

// Names lists the scopes as texts.
func Names() []string { return Texts(Scopes()) }

// Texts are scopes as texts.
func Texts(scopes []Scope) []string {
	all := make([]string, len(scopes))
	for i, s := range scopes {
		all[i] = string(s)
	}
	return all
}

// Allow says whether a key that has scopes may do what needs one.
func Allow(has []Scope, needed Scope) bool {
	return slices.Contains(has, All) || slices.Contains(has, needed) || needed == Check && slices.Contains(has, Read)
}
