// Package fail names the places where the end of the process would hurt most, so
// that tests can end it exactly there.
//
// It owns what happens at such a place, which in a normal build is nothing: the
// calls compile to nothing at all. With the build tag failpoints, the variable
// TRIVET_FAIL says what happens where:
//
//	TRIVET_FAIL=inbox.committed=kill@3,apply.fetched=sleep:200ms@1,lease=1s,pace=25
//
// At the third pass of inbox.committed the process kills itself, as by kill -9;
// at the first of apply.fetched the goroutine sleeps. stop stops the process as
// SIGSTOP does, until somebody sends SIGCONT. lease replaces the length of all
// leases, so that a test need not wait for a minute. pace divides what lies between a
// try or a look and the next one: what was to come first still comes first.
//
// A test that has the service in its own process watches the places itself: see Watch,
// which is in builds with the tag only.
//
// It does not own the names, which are those of the places:
//
//	store.migrating   the schema is about to be brought up to date
//	store.migrated    it is, and nothing else has happened
//	inbox.gathered    events are verified and not on disk
//	inbox.committed   events are on disk and not yet acknowledged
//	work.claimed      rows of work are claimed and not yet begun
//	apply.fetched     the provider has answered and nothing is written
//	apply.committed   a look is written and nobody was told
//	outbox.marked     an effect is marked as begun and the provider not called
//	outbox.called     the provider has acted and nobody has noted it
//	hook.delivered    an endpoint has taken a webhook and nobody has noted it
//	sweep.written     a page of a sweep is written and the cursor is behind it
package fail
