// Package work carries out rows of work: objects to look at, effects, periodic
// tasks.
//
// It owns claiming, leases, retries and waking up; it does not own what a row
// means, which is its queue's.
//
// # The life of a row
//
//	ready    waits for its due time. A worker claims it: running.
//	running  held by one worker until its lease ends. The worker completes it in
//	         the transaction that writes what came of it: idle, or ready again
//	         if it was wanted meanwhile or has a next time. It fails: ready with
//	         a later due time, or dead. The lease ends: ready.
//	idle     nothing is wanted. Raised: ready.
//	dead     failed too often. Raised, or replayed by a person: ready.
//
// Rows of one lane never run at the same time, on any number of processes: the
// database has a unique index that says so.
//
// A claim carries a token that fences: a worker that stood still past its lease
// and wakes up finds that whatever it writes is refused.
//
// Due times are on the business clock, so that a simulated year takes seconds:
// see [Engine.Step].
package work
