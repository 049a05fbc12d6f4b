// Package store keeps the ledger, the inbox and the work to be done in SQLite
// or PostgreSQL.
//
// It owns the schema and every SQL statement; it does not own any rule about
// billing. One SQL text serves both databases; what really differs is in
// dialect.go. There is no store interface: tests run the real thing, every case
// on both databases.
//
// # Writing
//
// [DB.Write] runs a function in one transaction and repeats it if the database
// asks for that (deadlock, serialization failure, lost connection before the
// commit), so the function must have no other effects. SQLite has one writing
// connection that everybody queues for, in turn; waiting for a second
// transaction from inside a first one would wait for ever.
//
// Statements work on sets: a transaction reads, compares and writes all its
// rows with a handful of statements, whose cost is then shared.
//
// # Numbers and times
//
// [Tx.Numbers] draws from one monotonic counter, which orders everything:
// see package apply. Times are stored in UTC with microseconds; SQL never reads
// a clock.
package store
