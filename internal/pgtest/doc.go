// Package pgtest gives tests a private PostgreSQL.
//
// It owns finding the binaries, starting a server that nobody else uses, one
// empty database per test, and leaving nothing behind, also when the test
// process is killed. It does not own the schema: the database is empty.
//
// Most tests want [URL]: a fresh database on a server that all tests share.
// Tests that stop or crash the server want [Start], which gives them one of
// their own.
//
// Nothing here skips. A machine without PostgreSQL fails the test with a
// message that says what to install, because a suite that passes without
// having run on PostgreSQL says nothing about PostgreSQL.
package pgtest
