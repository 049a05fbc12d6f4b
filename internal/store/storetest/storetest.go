// Package storetest runs tests of and on the store on both databases.
//
// It owns fresh databases: a SQLite file and a PostgreSQL database for each test
// that asks. It does not own any data in them.
package storetest

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/pgtest"
	"github.com/trivetdev/trivet/internal/store"
)

// Start is when the stories of most tests begin: noon on March 1, 2026, UTC.
func Start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// Clock is a business clock that stands still until it is moved. It is safe for
// concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock makes a clock that shows [Start].
func NewClock() *Clock { return &Clock{now: Start()} }

// Now is the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Pass moves the clock.
func (c *Clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Each runs a test as two subtests, each with the address of an empty database.
func Each(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, pgtest.URL(t)) })
}

// Run runs a test as two subtests, each on a fresh database; nil stands for a
// clock that shows [Start].
func Run(t *testing.T, now func() time.Time, test func(t *testing.T, db *store.DB)) {
	t.Helper()
	Each(t, func(t *testing.T, url string) { test(t, Open(t, url, now)) })
}

// SQLite returns the address of a SQLite file that is not there yet.
func SQLite(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "trivet.db") }

// Open opens a database until the test ends, without the durability that only the
// end of the machine would show; nil stands for a clock that shows
// [Start]. Open one address several times to play several processes.
func Open(t testing.TB, url string, now func() time.Time) *store.DB {
	t.Helper()
	return open(t, store.Options{URL: url, Now: now, Volatile: true})
}

// Durable is [Open] with all the durability of production, for measuring.
func Durable(t testing.TB, url string, now func() time.Time) *store.DB {
	t.Helper()
	return open(t, store.Options{URL: url, Now: now})
}

func open(t testing.TB, options store.Options) *store.DB {
	t.Helper()
	if options.Now == nil {
		options.Now = Start
	}
	// A test's own context ends before its cleanups, in which others may still write.
	db, err := store.Open(context.WithoutCancel(t.Context()), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the database: %v", err)
		}
	})
	return db
}

// Write runs a function in a transaction and fails the test if that fails.
func Write(t testing.TB, db *store.DB, do func(ctx context.Context, tx *store.Tx) error) {
	t.Helper()
	if err := db.Write(t.Context(), do); err != nil {
		t.Fatal(err)
	}
}
