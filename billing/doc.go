// Package billing is the vocabulary of the service: customers, subscriptions,
// invoices, payments, refunds, disputes and the plans they buy; the states each
// may hold; the changes between those states; and the one question that all of
// it serves, "may this customer use this feature?" ([Access]).
//
// The package is pure. It does no I/O, reads no clock and keeps no state;
// whatever depends on the time takes the time as an argument.
//
// # Who owns the facts
//
// The payment provider does. An [Object] is a provider's account of one thing
// at one moment, in our words. [Observe] compares what we held with what was
// just seen and names the difference as [ChangeKind]s. Observing the same
// object twice names nothing, so that a redirect, a webhook and a scheduled job
// may report the same fact in any order and any number of times.
//
// A state that the tables do not expect is recorded and flagged [Surprised],
// never refused: the provider has already acted, and a refusal would only make
// us wrong in private.
//
// # Units
//
// Money is an integer number of minor units with its ISO 4217 currency. Times
// are UTC instants. A zero time means "there is none".
package billing
