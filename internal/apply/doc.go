// Package apply is the one path by which a provider's truth enters the ledger.
//
// The triggers name objects to look at. apply asks the provider for the present
// truth, folds it into the ledger, works out what changed, lets the policies
// react, and commits the rows, the audit trail, the changes of access and the
// work that follows from them in one transaction. Whatever the order, the number
// and the origin of the triggers, the result is the same.
//
// It owns every write of billing state; it does not own when to look (the
// triggers and package work do) nor acting on the outside world (package
// outbox does).
//
// # The ordering rule
//
// Clocks differ, provider times tie within a second, and slow reads overtake
// fast ones, so no clock is involved. A number is drawn from one monotonic
// counter before a look begins; another when its result is written. A result may
// be written only if the row was not written by a number greater than the one at
// which the look began. Otherwise something newer landed while we were reading,
// and we look again. The same rule covers the pages of a sweep.
//
// # Absence
//
// Only a positive, complete answer removes anything, and what it leaves is a
// tombstone. Failures, empty lists and partial pages say nothing.
package apply
