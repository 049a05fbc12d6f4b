// Package providertest is the conformance suite that every driver passes.
//
// [Run] drives a driver against a simulated provider through a [Harness] and
// compares what it says with the simulator's own truth: signatures, the names in
// every event, every object fetched and listed, failures of every sort, paging
// while the lists change, and every capability with its idempotence. Whatever
// error comes up on the way is searched for secrets and bodies.
//
// The suite knows no provider. What differs between them is in the harness,
// which lives in the driver's own tests.
package providertest
