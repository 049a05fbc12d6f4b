package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"
	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // registers the driver "sqlite"

	"github.com/trivetdev/trivet/internal/fail"
)

//go:embed migrations
var migrations embed.FS

// Options say which database to use and how.
type Options struct {
	// URL is "sqlite:PATH", or "postgres://…" as libpq writes it.
	URL string
	// Now is the business clock.
	Now func() time.Time
	// Volatile gives up durability for speed: a commit survives the end of the
	// process, not of the machine. Only for demonstrations and tests.
	Volatile bool
	// Connections limits the connections to PostgreSQL; 0: 12. Fewer than 2 are
	// not enough to bring the schema up to date.
	Connections int
	// Current is for who only reads: a schema of an older version is refused, for an
	// older service may be running on it, instead of brought up to date.
	Current bool
}

// DB is an open database. It is safe for concurrent use.
type DB struct {
	now     func() time.Time
	dialect dialect
	pool    *sql.DB // writers
	readers *sql.DB // the same pool on PostgreSQL

	// writer is SQLite's one writing connection, in a channel that everybody
	// queues at; nil on PostgreSQL.
	writer     chan *sql.Conn
	closed     chan struct{}
	closing    sync.Once
	statements map[string]*sql.Stmt // of the writing connection
	// lock says on this machine that somebody works on the SQLite file.
	lock *flock.Flock

	mu    sync.RWMutex
	reads map[string]*sql.Stmt
}

// Open opens the database and brings its schema up to date. A schema that a newer
// version of the program made is refused.
func Open(ctx context.Context, options Options) (*DB, error) {
	db := &DB{now: options.Now, reads: map[string]*sql.Stmt{}, closed: make(chan struct{})}
	var err error
	switch {
	case strings.HasPrefix(options.URL, "sqlite:"):
		err = db.openSQLite(ctx, options)
	case strings.HasPrefix(options.URL, "postgres://"), strings.HasPrefix(options.URL, "postgresql://"):
		err = db.openPostgres(options)
	default:
		return nil, fmt.Errorf("database %q is neither sqlite:PATH nor postgres://…", redact(options.URL))
	}
	if err == nil {
		err = db.migrate(ctx, options.Current)
	}
	if err == nil && db.writer != nil {
		err = db.inherit(ctx, options.URL)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", redact(options.URL), reached(err)), db.Close())
	}
	return db, nil
}

func (db *DB) openSQLite(ctx context.Context, options Options) error {
	path := strings.TrimPrefix(options.URL, "sqlite:")
	if path == "" || strings.HasPrefix(path, "//") {
		return errors.New("write it like sqlite:trivet.db or sqlite:/var/lib/trivet/trivet.db")
	}
	if path == ":memory:" {
		return errors.New("what is in memory only is lost at the end: name a file, like sqlite:trivet.db")
	}
	if err := usable(path); err != nil {
		return err
	}
	query := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "foreign_keys(1)", "cache_size(-16000)",
		// What a statement over many rows would undo is kept in memory, not in a file
		// of its own.
		"temp_store(2)",
		// Pages that are written again and again, as those of indexes are, go from the
		// log into the database once for many commits: 16 MB of log instead of 4.
		"wal_autocheckpoint(4000)",
		durability(options),
	}}
	db.dialect = sqliteDialect
	file := "file:" + plain.Replace(path) + "?"
	var err error
	if db.pool, err = sql.Open("sqlite", file+query.Encode()); err != nil {
		return err
	}
	db.pool.SetMaxOpenConns(1)
	query["_pragma"] = append(query["_pragma"], "query_only(1)")
	if db.readers, err = sql.Open("sqlite", file+query.Encode()); err != nil {
		return err
	}
	db.readers.SetMaxOpenConns(max(4, runtime.NumCPU()))
	db.readers.SetMaxIdleConns(max(4, runtime.NumCPU()))
	return patiently(ctx, func() error { return db.pool.PingContext(ctx) })
}

// durability is what a commit waits for.
func durability(options Options) string {
	if options.Volatile {
		return "synchronous(OFF)"
	}
	return "synchronous(FULL)"
}

// plain writes a path so that SQLite, which reads it as a URI, takes every
// character for itself.
var plain = strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23")

// usable reports why a SQLite file cannot be used, in words that say what to
// do; the driver would only say "unable to open database file".
func usable(path string) error {
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fmt.Errorf("the folder %s does not exist: make it, or name another file", dir)
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("%s is a folder: name a file in it, like %s", path, filepath.Join(path, "trivet.db"))
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("the file cannot be written: %w", err)
	}
	return file.Close()
}

// standstill is after what time PostgreSQL ends a transaction that does nothing:
// that of a process which was stopped in the middle. Nobody else could write its
// rows as long as it slept.
const standstill = 30 * time.Second

func (db *DB) openPostgres(options Options) error {
	db.dialect = postgresDialect
	// Sent with the begin, so it costs nothing, and poolers need not let it pass.
	db.dialect.begin = fmt.Sprintf("begin; set local idle_in_transaction_session_timeout = %d", fail.Lease(standstill).Milliseconds())
	pool, err := sql.Open("pgx", options.URL)
	if err != nil {
		return err
	}
	connections := max(2, options.Connections)
	if options.Connections == 0 {
		connections = 12
	}
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	db.pool, db.readers = pool, pool
	return nil
}

// migrate brings the schema up to date, unless it must be current already. Several
// processes may start at once.
func (db *DB) migrate(ctx context.Context, current bool) error {
	files, err := db.migrations()
	if err != nil {
		return err
	}
	gooseDialect := goose.DialectSQLite3
	if db.dialect.name == "postgres" {
		gooseDialect = goose.DialectPostgres
		release, err := db.migrationLock(ctx)
		if err != nil {
			return err
		}
		defer release()
	}
	if err := db.fits(ctx, current); err != nil {
		return err
	}
	provider, err := goose.NewProvider(gooseDialect, db.pool, files)
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	fail.Point("store.migrating")
	if err := db.up(ctx, provider); err != nil {
		return fmt.Errorf("migrate the schema: %w", err)
	}
	fail.Point("store.migrated")
	if db.dialect.name == "sqlite" {
		return db.hireWriter(ctx)
	}
	return nil
}

// up applies what is missing.
func (db *DB) up(ctx context.Context, provider *goose.Provider) error {
	apply := func() error {
		_, err := provider.Up(ctx)
		return err
	}
	if db.dialect.name == "sqlite" {
		return patiently(ctx, apply)
	}
	return apply()
}

// patiently repeats a step of opening a SQLite file. There is no lock that would
// last over all of them: where two processes start at once, one finds the file
// locked or a table there already, and tries again until the other is done.
func patiently(ctx context.Context, step func() error) (err error) {
	for range 40 {
		if err = step(); err == nil || unreadable(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
	return err
}

// migrationLock makes other processes wait until the schema is up to date.
func (db *DB) migrationLock(ctx context.Context) (release func(), err error) {
	conn, err := db.pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	const lock = 7317_0001 // any number that no other program uses on this database
	if _, err := conn.ExecContext(ctx, "select pg_advisory_lock($1)", lock); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return func() {
		// Closing would do, but the connection goes back to the pool.
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "select pg_advisory_unlock($1)", lock)
		_ = conn.Close()
	}, nil
}

// migrations merges the common files with those of the dialect.
func (db *DB) migrations() (fs.FS, error) {
	common, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	own, err := fs.Sub(migrations, "migrations/"+db.dialect.name)
	if err != nil {
		return nil, err
	}
	return merged{common, own}, nil
}

// merged shows the files of several file systems as one folder.
type merged []fs.FS

// Open implements fs.FS.
func (m merged) Open(name string) (fs.File, error) {
	for _, layer := range m {
		if file, err := layer.Open(name); err == nil {
			return file, nil
		}
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// Glob implements fs.GlobFS, which is how goose lists migrations.
func (m merged) Glob(pattern string) (names []string, err error) {
	for _, layer := range m {
		found, err := fs.Glob(layer, pattern)
		if err != nil {
			return nil, err
		}
		names = append(names, found...)
	}
	return names, nil
}

// hireWriter takes SQLite's writing connection out of the pool for good.
func (db *DB) hireWriter(ctx context.Context) error {
	conn, err := db.pool.Conn(ctx)
	if err != nil {
		return err
	}
	db.statements = map[string]*sql.Stmt{}
	db.writer = make(chan *sql.Conn, 1)
	db.writer <- conn
	return nil
}

// Dialect is "sqlite" or "postgres".
func (db *DB) Dialect() string { return db.dialect.name }

// Now is the business time.
func (db *DB) Now() time.Time { return db.now().UTC() }

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.readers.PingContext(ctx) }

// Close waits for a transaction under way and closes the database. Those that
// wait their turn get [ErrClosed].
func (db *DB) Close() (err error) {
	db.closing.Do(func() { err = db.close() })
	return err
}

func (db *DB) close() error {
	var errs []error
	close(db.closed)
	if db.writer != nil {
		conn := <-db.writer // and never back
		for _, statement := range db.statements {
			errs = append(errs, statement.Close())
		}
		errs = append(errs, conn.Close())
	}
	if db.readers != nil && db.readers != db.pool {
		errs = append(errs, db.readers.Close())
	}
	if db.pool != nil {
		errs = append(errs, db.pool.Close())
	}
	if db.lock != nil {
		errs = append(errs, db.lock.Close())
	}
	return errors.Join(errs...)
}

// redact hides the password in a database address.
func redact(address string) string {
	if !strings.Contains(address, "://") {
		return address
	}
	if parsed, err := url.Parse(address); err == nil {
		query := parsed.Query()
		for name := range query {
			if strings.Contains(strings.ToLower(name), "password") {
				query.Set(name, "xxxxx")
			}
		}
		parsed.RawQuery = query.Encode()
		return parsed.Redacted()
	}
	return "(an address that cannot be parsed)"
}
