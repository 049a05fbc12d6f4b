package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/trivetdev/trivet/internal/pgtest"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
)

func options(url string) store.Options { return store.Options{URL: url, Now: storetest.Start} }

func TestMigrateAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		first := storetest.Open(t, url, nil)
		storetest.Write(t, first, func(ctx context.Context, tx *store.Tx) error { return tx.SetCursor(ctx, "kept", "yes") })
		again := storetest.Open(t, url, nil)
		if value, err := again.Cursor(t.Context(), "kept"); err != nil || value != "yes" {
			t.Errorf("after opening again the row says %q, %v", value, err)
		}
	})
}

// TestOpenAnotherVersion: what a newer version made is refused by whoever opens it,
// and what an older one made by who only reads; both are left as they are.
func TestOpenAnotherVersion(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := storetest.Open(t, url, nil)
		seen, err := store.Look(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		current := options(url)
		current.Current = true
		refused := func(o store.Options, want string) {
			t.Helper()
			opened, err := store.Open(t.Context(), o)
			if err == nil {
				t.Fatal("opened", opened.Close())
			}
			if !strings.Contains(err.Error(), want) {
				t.Errorf("the error is %q; it should say %q", err, want)
			}
		}
		good := func(o store.Options) {
			t.Helper()
			opened, err := store.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if err := opened.Close(); err != nil {
				t.Error(err)
			}
		}
		good(current)

		insert := "insert into goose_db_version (version_id, is_applied) values ($1, true)"
		if err := db.Exec(t.Context(), insert, seen.Known+1); err != nil {
			t.Fatal(err)
		}
		refused(options(url), "run the newer version")
		refused(current, "run the newer version")

		if err := db.Exec(t.Context(), "delete from goose_db_version where version_id > $1", seen.Known); err != nil {
			t.Fatal(err)
		}
		good(options(url))
		if err := db.Exec(t.Context(), "delete from goose_db_version where version_id = $1", seen.Known); err != nil {
			t.Fatal(err)
		}
		refused(current, "start the service with this one")
		if after, err := store.Look(t.Context(), url); err != nil || after.Schema != seen.Known-1 {
			t.Errorf("refusing left schema %d, %v", after.Schema, err)
		}
	})
}

// TestOpenCurrentAnew: a database that is new is made, whoever opens it.
func TestOpenCurrentAnew(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		o := options(url)
		o.Current = true
		db, err := store.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Many processes start at once on an empty database, as a rolling deployment
// does on its first day.
func TestMigrateAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		const processes = 6
		var all sync.WaitGroup
		numbers := make([]int64, processes)
		errs := make([]error, processes)
		for i := range processes {
			all.Go(func() {
				db, err := store.Open(t.Context(), options(url))
				if err == nil {
					numbers[i], err = db.Number(t.Context())
					err = errors.Join(err, db.Close())
				}
				errs[i] = err
			})
		}
		all.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		drawn := map[int64]bool{}
		for _, n := range numbers {
			drawn[n] = true
		}
		if len(drawn) != processes {
			t.Errorf("numbers drawn by different processes: %v", numbers)
		}
	})
}

func TestOneConnectionIsEnough(t *testing.T) {
	o := options(pgtest.URL(t))
	o.Connections = 1
	db, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Number(t.Context()); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// Characters that mean something in a URI are plain characters in a file's name.
func TestOddFileNames(t *testing.T) {
	for _, name := range []string{"a b.db", "100%.db", "what?.db", "a#b.db", "%41.db", "ä.db", "a&b=c.db"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name)
			db := storetest.Open(t, "sqlite:"+path, nil)
			storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.SetCursor(ctx, "a", "b") })
			if info, err := os.Stat(path); err != nil || info.Size() == 0 {
				t.Errorf("the data is not in the file that was named: %v, %v", info, err)
			}
			entries, err := os.ReadDir(filepath.Dir(path))
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if !strings.HasPrefix(e.Name(), name) {
					t.Errorf("an unexpected file %q", e.Name())
				}
			}
		})
	}
}

func TestBadAddress(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("this is no database, but long enough to be taken for one by its size"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ url, want string }{
		"empty":       {"", "neither"},
		"other":       {"mysql://root:hunter2@localhost/x", "neither"},
		"no path":     {"sqlite:", "write it like"},
		"slashes":     {"sqlite://x.db", "write it like"},
		"memory":      {"sqlite::memory:", "name a file"},
		"no folder":   {"sqlite:" + t.TempDir() + "/none/x.db", "does not exist"},
		"folder":      {"sqlite:" + t.TempDir(), "is a folder"},
		"no database": {"sqlite:" + file, "not a database"},
		"no server":   {"postgres://u:hunter2@127.0.0.1:1/x?connect_timeout=2", "127.0.0.1"},
		"password":    {"postgres://u@127.0.0.1:1/x?password=hunter2&connect_timeout=2", "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			db, err := store.Open(t.Context(), options(test.url))
			if err == nil {
				t.Fatal("opened", db.Close())
			}
			if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error is %q; it should say %q and no password", err, test.want)
			}
		})
	}
}

// TestUnreachable: a server that does not answer, or lets us not in, is told of once,
// with what to do.
func TestUnreachable(t *testing.T) {
	here := pgtest.URL(t)
	for name, test := range map[string]struct{ url, want string }{
		"no server":   {"postgres://u:hunter2@127.0.0.1:1/x", "see that PostgreSQL runs there"},
		"no database": {regexp.MustCompile(`/t_[a-z0-9]+`).ReplaceAllString(here, "/nowhere"), "createdb"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := store.Open(t.Context(), options(test.url))
			_, looked := store.Look(t.Context(), test.url)
			for _, err := range []error{err, looked} {
				if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "hunter2") ||
					strings.Count(err.Error(), "refused") > 1 || strings.Count(err.Error(), "does not exist") > 1 {
					t.Errorf("%v", err)
				}
			}
		})
	}
}
