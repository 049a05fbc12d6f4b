// Package demo runs a shop on simulated providers and shows whether the service
// keeps up with it.
//
// It owns a small world on virtual time: customers who buy, pay, come back or do
// not; an application that now and then cancels, pauses and refunds; simulated
// providers with all their faults; and, fed the very same deliveries, a naive
// webhook handler to compare with. The service in it is the real one, with the
// real REST and webhook routes, on a SQLite file in a temporary folder.
//
// It also owns the verdict. What the simulators say is true is held against the
// ledger, what the application asked for against the effects that the simulators
// saw. Nothing of the service helps with that: there is no call to heal, only
// time in which it may settle by its own means.
//
// Everything follows from the seed: the same options give the same report.
package demo
