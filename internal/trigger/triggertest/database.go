package triggertest

import (
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Tables are all tables that a trigger could write to.
var Tables = []string{"events", "work", "objects", "customers", "access", "grants", "changes", "drift", "checkouts", "effects", "cursors", "answers"}

// SQL opens the house's database beside the service.
func (h *House) SQL(t *testing.T) *sql.DB {
	t.Helper()
	name, source := "pgx", h.URL
	if path, lite := strings.CutPrefix(h.URL, "sqlite:"); lite {
		name, source = "sqlite", "file:"+path+"?_pragma=busy_timeout(5000)"
	}
	db, err := sql.Open(name, source)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// Count counts the rows of every table.
func (h *House) Count(t *testing.T) map[string]int {
	t.Helper()
	db := h.SQL(t)
	defer db.Close() //nolint:errcheck // it was only read, or the statement tells
	counts := map[string]int{}
	for _, table := range Tables {
		var n int
		if err := db.QueryRowContext(t.Context(), "select count(*) from "+table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		counts[table] = n
	}
	return counts
}

// Break hides a table, so that the database refuses to write to it; mend brings
// it back.
func (h *House) Break(t *testing.T, table string) (mend func()) {
	t.Helper()
	rename := func(from, to string) {
		t.Helper()
		db := h.SQL(t)
		defer db.Close() //nolint:errcheck // it was only read, or the statement tells
		if _, err := db.ExecContext(t.Context(), fmt.Sprintf("alter table %s rename to %s", from, to)); err != nil {
			t.Fatal(err)
		}
	}
	rename(table, table+"_hidden")
	return func() { rename(table+"_hidden", table) }
}

// Sign makes the value of the Stripe-Signature header.
func Sign(at time.Time, body []byte, secrets ...string) string {
	stamp := strconv.FormatInt(at.Unix(), 10)
	header := "t=" + stamp
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(stamp + "."))
		mac.Write(body)
		header += ",v1=" + hex.EncodeToString(mac.Sum(nil))
	}
	return header
}

// Event writes an event of Stripe's about an object.
func Event(id, kind string, live bool, at time.Time, objectID string) []byte {
	return fmt.Appendf(nil, `{"id":%q,"object":"event","type":%q,"livemode":%t,"created":%d,"data":{"object":{"id":%q}}}`,
		id, kind, live, at.Unix(), objectID)
}

// Restore ends the service, puts a backup in the place of the SQLite database and
// starts the service again: what the worlds have seen since the backup, the ledger has
// not.
func (h *House) Restore(t *testing.T, backup string) {
	t.Helper()
	h.close(t)
	path := strings.TrimPrefix(h.URL, "sqlite:")
	for _, beside := range []string{"-wal", "-shm"} {
		if err := os.Remove(path + beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if err := os.Rename(backup, path); err != nil {
		t.Fatal(err)
	}
	h.wire(t)
}
