package store_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/trivetdev/trivet/internal/pgtest"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
)

// TestLook: what is there is told, and is afterwards as it was.
func TestLook(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		folder := filepath.Dir(strings.TrimPrefix(url, "sqlite:"))
		file, onFile := strings.CutPrefix(url, "sqlite:")
		look := func() store.Looked {
			t.Helper()
			seen, err := store.Look(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			return seen
		}
		before := look()
		if before.Known < 8 || before.Schema != 0 || before.Absent != onFile || before.Switches != nil {
			t.Errorf("before there is anything: %+v", before)
		}
		if onFile {
			if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
				t.Errorf("looking made %v, %v", left, err)
			}
		}

		db, err := store.Open(t.Context(), options(url))
		if err != nil {
			t.Fatal(err)
		}
		storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
			if _, err := tx.KeepCursor(ctx, store.IdentityOf("stripe"), "acct_1 in test mode"); err != nil {
				return err
			}
			return tx.SetSwitch(ctx, store.Switch{Scope: store.SwitchBrake, Value: "on", Actor: "key:ops"})
		})
		check := func(when string) {
			t.Helper()
			if seen := look(); seen.Absent || seen.Schema != before.Known || seen.Known != before.Known || len(seen.Switches) != 1 || seen.Switches[0].Value != "on" ||
				len(seen.Identities) != 1 || seen.Identities["stripe"] != "acct_1 in test mode" {
				t.Errorf("%s: %+v", when, seen)
			}
		}
		check("while somebody works on it")
		storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.SetCursor(ctx, "still", "writable") })
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		var was []byte
		if onFile {
			if was, err = os.ReadFile(file); err != nil {
				t.Fatal(err)
			}
		}
		check("afterwards")
		if onFile {
			is, err := os.ReadFile(file)
			if err != nil || string(is) != string(was) {
				t.Errorf("looking changed the file: %v", err)
			}
			for _, beside := range []string{"-wal", "-shm"} {
				if _, err := os.Stat(file + beside); err == nil {
					t.Errorf("looking made %s", beside)
				}
			}
		}

		older := storetest.Open(t, url, nil)
		if err := older.Exec(t.Context(), "delete from goose_db_version where version_id = $1", before.Known); err != nil {
			t.Fatal(err)
		}
		if seen := look(); seen.Schema != before.Known-1 || seen.Switches != nil {
			t.Errorf("an older schema: %+v", seen)
		}
		if seen := look(); seen.Schema != before.Known-1 {
			t.Errorf("looking brought the schema up to date: %+v", seen)
		}
	})
}

// TestLookFails: what cannot be looked at is told in words that name no password.
func TestLookFails(t *testing.T) {
	folder := t.TempDir()
	text := filepath.Join(folder, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"sqlite:" + filepath.Join(folder, "no", "trivet.db"): "make it, or name another file",
		"sqlite:" + folder: "is a folder",
		"sqlite:" + text:   "not a database",
		regexp.MustCompile(`/t_[a-z0-9]+`).ReplaceAllString(pgtest.URL(t), "/nowhere"): "does not exist",
		"postgres://user:s3cret@127.0.0.1:1/trivet":                                    "127.0.0.1",
	} {
		_, err := store.Look(t.Context(), address)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v, want %s", address, err, want)
		}
	}
}
