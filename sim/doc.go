// Package sim holds what all simulated payment providers share: a virtual
// clock, seeded randomness, the faults of networks and providers, and the
// vocabulary in which a simulated world states its own truth.
//
// A simulated provider (a sub-package such as sim/stripe) speaks the real
// provider's wire format over HTTP and keeps two records that no real provider
// offers: the truth about every object, and a ledger of every effect it was
// asked for. A test compares both with what the service under test believes.
//
// The packages below sim share no code with the drivers they test: shared code
// would share the bug.
package sim
