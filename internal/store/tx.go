package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
)

// ErrClosed says that the database was closed meanwhile.
var ErrClosed = errors.New("the database is closed")

// ErrNotFound says that there is no such row.
var ErrNotFound = errors.New("not found")

// Tx is one writing transaction. It has one time.
type Tx struct {
	db   *DB
	conn *sql.Conn
	// Now is the business time of the whole transaction.
	Now time.Time
}

const (
	// tries is how often a transaction is run that the database keeps rolling back.
	tries = 8
	// triesAway is how often it is run while the database is away: enough to sit
	// out a restart of a few seconds, and all dead connections of the pool.
	triesAway = 20
	longest   = 300 * time.Millisecond
)

// Write runs do in one transaction and commits it. If the database rolls it
// back because of others, or the connection is lost before the commit, do runs
// again. Where the connection is lost during the commit nobody knows whether it
// happened, and the error is returned.
func (db *DB) Write(ctx context.Context, do func(ctx context.Context, tx *Tx) error) error {
	return db.persist(ctx, func() (int, error) { return db.once(ctx, do) })
}

// persist tries something until it works, or has been tried as often as its
// latest failure allows.
func (db *DB) persist(ctx context.Context, attempt func() (most int, err error)) error {
	for try := 1; ; try++ {
		most, err := attempt()
		if err == nil || try >= most || ctx.Err() != nil {
			return err
		}
		wait := min(longest, time.Duration(try*try)*5*time.Millisecond) + rand.N(20*time.Millisecond)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// once runs a transaction. If it fails, most is how often it may be run.
func (db *DB) once(ctx context.Context, do func(ctx context.Context, tx *Tx) error) (most int, err error) {
	conn, release, err := db.connection(ctx)
	if err != nil {
		return triesAfter(err, false), err
	}
	defer release()
	tx := &Tx{db: db, conn: conn, Now: db.Now()}
	done := false
	defer func() {
		if !done { // an error, or a panic on its way up
			tx.rollback(ctx)
		}
	}()
	if _, err := conn.ExecContext(ctx, db.dialect.begin); err != nil {
		// It may have begun all the same: the driver reports a context that ends
		// meanwhile as a failure.
		return triesAfter(err, tx.lost()), fmt.Errorf("begin: %w", err)
	}
	if err := do(ctx, tx); err != nil {
		return triesAfter(err, tx.lost()), err
	}
	if _, err := tx.exec(ctx, "commit"); err != nil {
		if rolledBack(err) {
			most = tries
		}
		return most, fmt.Errorf("commit: %w", err)
	}
	done = true
	return 0, nil
}

// triesAfter is how often a transaction may be run that failed before its commit.
func triesAfter(err error, lost bool) int {
	switch {
	case rolledBack(err):
		return tries
	case lost || away(err):
		return triesAway
	}
	return 1
}

// lost reports whether the connection is gone.
func (tx *Tx) lost() bool {
	if tx.db.dialect.name == "sqlite" {
		return false
	}
	closed := true // unless it can be asked
	_ = tx.conn.Raw(func(conn any) error {
		if c, ok := conn.(*stdlib.Conn); ok {
			closed = c.Conn().IsClosed()
		}
		return nil
	})
	return closed
}

// connection takes a connection for a writing transaction, in turn.
func (db *DB) connection(ctx context.Context) (*sql.Conn, func(), error) {
	if db.writer == nil {
		conn, err := db.pool.Conn(ctx)
		return conn, func() { _ = conn.Close() }, err
	}
	select {
	case conn := <-db.writer:
		return conn, func() { db.writer <- conn }, nil
	case <-db.closed:
		return nil, nil, ErrClosed
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

// rollback gives the connection back clean, or not at all.
func (tx *Tx) rollback(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if _, err := tx.conn.ExecContext(ctx, "rollback"); err != nil && tx.db.writer == nil {
		_ = tx.conn.Raw(func(any) error { return driver.ErrBadConn })
	}
}

// exec runs a statement. On SQLite, statements are prepared once; pgx does the
// same by itself.
func (tx *Tx) exec(ctx context.Context, text string, args ...any) (sql.Result, error) {
	statement, err := tx.statement(ctx, text)
	if err != nil {
		return nil, err
	}
	if statement == nil {
		return tx.conn.ExecContext(ctx, text, cleaned(args)...)
	}
	return statement.ExecContext(ctx, cleaned(args)...)
}

func (tx *Tx) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	statement, err := tx.statement(ctx, text)
	if err != nil {
		return nil, err
	}
	if statement == nil {
		return tx.conn.QueryContext(ctx, text, cleaned(args)...)
	}
	return statement.QueryContext(ctx, cleaned(args)...)
}

func (tx *Tx) statement(ctx context.Context, text string) (*sql.Stmt, error) {
	if tx.db.writer == nil {
		return nil, nil
	}
	if known, ok := tx.db.statements[text]; ok {
		return known, nil
	}
	// Not the transaction's context: its end would close the statement.
	statement, err := tx.conn.PrepareContext(context.WithoutCancel(ctx), text)
	if err == nil {
		tx.db.statements[text] = statement
	}
	return statement, err
}

// query reads outside of any transaction.
func (db *DB) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	if db.writer == nil {
		return db.readers.QueryContext(ctx, text, cleaned(args)...)
	}
	db.mu.RLock()
	statement := db.reads[text]
	db.mu.RUnlock()
	if statement == nil {
		prepared, err := db.readers.PrepareContext(context.WithoutCancel(ctx), text)
		if err != nil {
			return nil, err
		}
		db.mu.Lock()
		if statement = db.reads[text]; statement == nil {
			statement = prepared
			db.reads[text] = statement
		} else {
			defer func() { _ = prepared.Close() }()
		}
		db.mu.Unlock()
	}
	return statement.QueryContext(ctx, cleaned(args)...)
}

// queryer is a [DB] or a [Tx].
type queryer interface {
	speaks() dialect
	query(ctx context.Context, text string, args ...any) (*sql.Rows, error)
}

func (db *DB) speaks() dialect { return db.dialect }

func (tx *Tx) speaks() dialect { return tx.db.dialect }

// collect reads all rows of a query. Outside of a transaction it reads again on
// another connection if the one it was given had died unnoticed: after a restart
// of PostgreSQL all that wait in the pool have.
func collect[T any](ctx context.Context, q queryer, scan func(*sql.Rows) (T, error), text string, args ...any) ([]T, error) {
	db, outside := q.(*DB)
	for try := 0; ; try++ {
		all, err := collectOnce(ctx, q, scan, text, args...)
		if err == nil || !outside || !severed(err) || try >= db.pool.Stats().MaxOpenConnections || ctx.Err() != nil {
			return all, err
		}
	}
}

func collectOnce[T any](ctx context.Context, q queryer, scan func(*sql.Rows) (T, error), text string, args ...any) ([]T, error) {
	rows, err := q.query(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	var all []T
	for rows.Next() {
		row, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

// one reads the only row of a query, or returns [ErrNotFound].
func one[T any](ctx context.Context, q queryer, scan func(*sql.Rows) (T, error), text string, args ...any) (T, error) {
	all, err := collect(ctx, q, scan, text, args...)
	if err == nil && len(all) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		var none T
		return none, err
	}
	return all[0], nil
}

func scanString(rows *sql.Rows) (s string, err error) { return s, rows.Scan(&s) }

func scanInt(rows *sql.Rows) (n int64, err error) { return n, rows.Scan(&n) }

// Numbers draws n numbers from the counter. Each is greater than every number
// that was drawn before the call.
func (tx *Tx) Numbers(ctx context.Context, n int) ([]int64, error) {
	drawn, err := collect(ctx, tx, scanInt, tx.db.dialect.numbers, n)
	if err != nil {
		return nil, fmt.Errorf("draw numbers: %w", err)
	}
	if len(drawn) == n {
		return drawn, nil
	}
	// SQLite returns the last of a block.
	last := drawn[0]
	drawn = make([]int64, n)
	for i := range drawn {
		drawn[i] = last - int64(n) + int64(i) + 1
	}
	return drawn, nil
}

// Number draws one number in a transaction of its own: what a look does before
// it begins.
func (db *DB) Number(ctx context.Context) (number int64, err error) {
	if db.writer == nil { // PostgreSQL draws without a transaction
		return one(ctx, db, scanInt, db.dialect.numbers, 1)
	}
	err = db.Write(ctx, func(ctx context.Context, tx *Tx) error {
		drawn, err := tx.Numbers(ctx, 1)
		if err == nil {
			number = drawn[0]
		}
		return err
	})
	return number, err
}

func sorted(keys []string) []string {
	keys = slices.Clone(keys)
	slices.Sort(keys)
	return slices.Compact(keys)
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}

func flag(on bool) int64 {
	if on {
		return 1
	}
	return 0
}
