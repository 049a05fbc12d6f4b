package store

import (
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// dialect is what differs between the databases. Everything else is one text.
type dialect struct {
	name string
	// begin opens a writing transaction.
	begin string
	// lock ends a select whose rows are about to be changed.
	lock string
	// skip ends a select that passes over rows somebody else has locked.
	skip string
	// numbers draws $1 numbers from the counter and returns the last.
	numbers string
	// token is the number for rows that are claimed: on PostgreSQL drawn after
	// they are seen, so that it is greater than whatever they were wanted at; on
	// SQLite, where nobody writes meanwhile, drawn before and passed as $5.
	token string
}

var sqliteDialect = dialect{
	name:    "sqlite",
	begin:   "begin immediate",
	numbers: "update counter set n = n + $1 where id = 1 returning n",
	token:   "$5",
}

var postgresDialect = dialect{
	name:  "postgres",
	begin: "begin",
	lock:  " for update",
	skip:  " for update skip locked",
	// A block of consecutive numbers is not needed, only that all are new and
	// that the order of drawing is the order of the numbers.
	numbers: "select nextval('counter') from generate_series(1, $1::bigint)",
	token:   "nextval('counter')",
}

// rolledBack reports whether err says that the database rolled a transaction
// back because of others.
func rolledBack(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		// Serialization failure, deadlock, lock not available, stood still too long.
		return pg.Code == "40001" || pg.Code == "40P01" || pg.Code == "55P03" || pg.Code == "25P03"
	}
	if lite, ok := errors.AsType[*sqlite.Error](err); ok {
		code := lite.Code() & 0xff
		return code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_LOCKED
	}
	return false
}

// away reports whether err says that the database cannot be reached at the
// moment.
func away(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pg.Code {
		case "57P01", "57P02", "57P03", // shutting down, crashing, starting up
			"53300": // too many connections
			return true
		}
		return strings.HasPrefix(pg.Code, "08")
	}
	var dial *pgconn.ConnectError
	return pgconn.SafeToRetry(err) || errors.As(err, &dial)
}

// severed reports whether err says that a connection broke.
func severed(err error) bool {
	var network *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network)
}

// unreadable reports whether err says that a file is no SQLite database, or that
// it cannot be opened: waiting does not help.
func unreadable(err error) bool {
	lite, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return false
	}
	switch lite.Code() & 0xff {
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL:
		return true
	}
	return false
}

// duplicate reports whether err is a violated unique constraint.
func duplicate(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == "23505"
	}
	if lite, ok := errors.AsType[*sqlite.Error](err); ok {
		return lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || lite.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	return false
}
