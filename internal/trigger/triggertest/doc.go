// Package triggertest builds, for tests of the triggers and the outbox, all that
// stands between a simulated provider and a ledger: driver, path, inbox, engine,
// triggers and outbox, wired as the facade wires them, on one virtual clock.
//
// It owns no expectations; tests own those.
package triggertest
