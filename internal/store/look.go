package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/pressly/goose/v3"
)

// Looked is what [Look] sees of a database.
type Looked struct {
	// Absent: there is no database file yet. [Open] makes it.
	Absent bool
	// Schema is the number of the migration that the schema is at; 0: there is none yet.
	Schema int64
	// Known is the number of the last migration that this program knows.
	Known int64
	// Switches are what people switched at run time; they are not read from a schema
	// that is not the one that this program knows.
	Switches []Switch
	// Identities are whose objects the ledger holds, by account, as [IdentityOf] has
	// them; they are read where Switches are.
	Identities map[string]string
}

// Look looks at a database without changing anything of it: no file is made, and no
// schema brought up to date. A service may work on it meanwhile. No error shows the
// password of the address.
func Look(ctx context.Context, address string) (seen Looked, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("database %s: %w", redact(address), reached(err))
		}
	}()
	db := &DB{}
	if file, ok := strings.CutPrefix(address, "sqlite:"); ok {
		db.dialect = sqliteDialect
		seen.Absent, err = db.lookIntoSQLite(file)
	} else {
		db.dialect = postgresDialect
		db.readers, err = sql.Open("pgx", address)
	}
	if err != nil {
		return seen, err
	}
	if seen.Known, err = db.lastMigration(); err != nil || seen.Absent {
		return seen, err
	}
	defer func() { err = errors.Join(err, db.readers.Close()) }()
	db.readers.SetMaxOpenConns(1)
	return seen, db.look(ctx, &seen)
}

// lookIntoSQLite opens a file that is there, for reading alone. Where nobody has it
// open there is no log beside it, and to read it the usual way would make one.
func (db *DB) lookIntoSQLite(file string) (absent bool, err error) {
	if info, err := os.Stat(filepath.Dir(file)); err != nil || !info.IsDir() {
		return false, fmt.Errorf("the folder %s does not exist: make it, or name another file", filepath.Dir(file))
	}
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return true, nil
	case err != nil:
		return false, err
	case info.IsDir():
		return false, fmt.Errorf("%s is a folder: name a file in it, like %s", file, filepath.Join(file, "trivet.db"))
	}
	query := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(5000)", "query_only(1)"}}
	if _, err := os.Stat(file + "-wal"); errors.Is(err, fs.ErrNotExist) {
		query.Set("immutable", "1")
	}
	db.readers, err = sql.Open("sqlite", "file:"+plain.Replace(file)+"?"+query.Encode())
	return false, err
}

func (db *DB) look(ctx context.Context, seen *Looked) (err error) {
	tx, err := db.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it was only read
	if seen.Schema, err = db.schema(ctx, tx); err != nil {
		return err
	}
	if seen.Schema != seen.Known {
		return nil
	}
	if err := lookAtIdentities(ctx, tx, seen); err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, switchColumns)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	for rows.Next() {
		s, err := scanSwitch(rows)
		if err != nil {
			return err
		}
		seen.Switches = append(seen.Switches, s)
	}
	return rows.Err()
}

func lookAtIdentities(ctx context.Context, tx *sql.Tx, seen *Looked) error {
	rows, err := tx.QueryContext(ctx, "select name, value from cursors")
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	seen.Identities = map[string]string{}
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return err
		}
		if account, ok := strings.CutPrefix(name, identityPrefix); ok {
			seen.Identities[account] = value
		}
	}
	return rows.Err()
}

// schema is the number of the migration that the schema is at; 0: there is none yet.
func (db *DB) schema(ctx context.Context, from interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}) (number int64, err error) {
	there := "select count(*) from sqlite_master where type = 'table' and name = 'goose_db_version'"
	if db.dialect.name == "postgres" {
		there = "select count(to_regclass('goose_db_version'))"
	}
	var tables int
	if err := from.QueryRowContext(ctx, there).Scan(&tables); err != nil || tables == 0 {
		return 0, err
	}
	err = from.QueryRowContext(ctx, "select coalesce(max(version_id), 0) from goose_db_version where is_applied").Scan(&number)
	return number, err
}

// fits refuses a schema that this program must not touch. One that a newer version
// made has columns and rules that this one would not keep.
func (db *DB) fits(ctx context.Context, current bool) error {
	known, err := db.lastMigration()
	if err != nil {
		return err
	}
	is, err := db.schema(ctx, db.readers)
	switch {
	case err != nil:
		return err
	case is > known:
		return fmt.Errorf("a newer version of trivet brought the schema to %d, and this one knows it up to %d: run the newer version, "+
			"or go back with a copy of the database that the older version made", is, known)
	case current && is != 0 && is < known:
		return fmt.Errorf("the schema is at %d, older than the %d of this version, and is not changed just to read: "+
			"use the version of trivet that the service runs, or start the service with this one, which brings the schema up to date", is, known)
	}
	return nil
}

// lastMigration is the number of the newest migration there is.
func (db *DB) lastMigration() (last int64, err error) {
	files, err := db.migrations()
	if err != nil {
		return 0, err
	}
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		n, err := goose.NumericComponent(path.Base(name))
		if err != nil {
			return 0, err
		}
		last = max(last, n)
	}
	return last, nil
}
