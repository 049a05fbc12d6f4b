package cli

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
)

// TestReadingChangesNoSchema: who only reads leaves the schema to the service, which
// may be an older one and running; nobody works on the schema of a newer one.
func TestReadingChangesNoSchema(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		storetest.Open(t, url, nil)
		h := newHistory(t)
		driver, name := "pgx", url
		if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
			driver, name = "sqlite", path
		}
		raw, err := sql.Open(driver, name)
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		seen, err := store.Look(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		refused := func(want, command string) {
			t.Helper()
			if code, stdout, stderr := h.run(t.Context(), url, command); code != exitUsage || !strings.Contains(stderr, want) {
				t.Errorf("%s: %d %s%s", command, code, stdout, stderr)
			}
		}
		if _, err := raw.ExecContext(t.Context(), "delete from goose_db_version where version_id = $1", seen.Known); err != nil {
			t.Fatal(err)
		}
		refused("start the service with this one", "export")
		refused("start the service with this one", "audit")
		if _, err := raw.ExecContext(t.Context(), "insert into goose_db_version (version_id, is_applied) values ($1, true)", seen.Known+1); err != nil {
			t.Fatal(err)
		}
		refused("run the newer version", "export")
		refused("run the newer version", "backfill")
	})
}
