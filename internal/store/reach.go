package store

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// unreached is that PostgreSQL did not take the connection, in words that say what to
// do: the driver tells each address and way it tried, mostly the same.
type unreached struct{ err error }

// Error implements error.
func (e *unreached) Error() string {
	var tried []string
	for line := range strings.Lines(e.err.Error()) {
		line = strings.TrimSpace(line)
		if strings.Contains(strings.Join(tried, "\n")+"\n", line+"\n") {
			continue
		}
		tried = append(tried, line)
	}
	return strings.Join(tried, " ") + ": " + e.next()
}

// Unwrap implements the convention of package errors.
func (e *unreached) Unwrap() error { return e.err }

// next is what to do, by what the server says, if it says anything.
func (e *unreached) next() string {
	told, ok := errors.AsType[*pgconn.PgError](e.err)
	switch {
	case !ok:
		return "see that PostgreSQL runs there and can be reached from here, or set database (TRIVET_DATABASE) to where it does"
	case told.Code == "3D000":
		return "make the database (createdb), or name another in database (TRIVET_DATABASE)"
	case strings.HasPrefix(told.Code, "28"):
		return "look at the user and the password in database (TRIVET_DATABASE)"
	default:
		return "look at PostgreSQL's log"
	}
}

// reached words an error of connecting to PostgreSQL; every other stays as it is.
func reached(err error) error {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); !ok {
		return err
	}
	return &unreached{err}
}
