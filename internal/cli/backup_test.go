package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trivetdev/trivet/internal/store/storetest"
)

// TestBackup: the copy is the ledger, while another process has it open, and stands in
// for it.
func TestBackup(t *testing.T) {
	h := newHistory(t)
	url := storetest.SQLite(t)
	if code, stdout, stderr := h.run(t.Context(), url, "backfill"); code != exitGood {
		t.Fatalf("%d\n%s%s", code, stdout, stderr)
	}
	storetest.Open(t, url, nil)
	file := filepath.Join(t.TempDir(), "copy.db")
	code, stdout, stderr := h.run(t.Context(), url, "backup", file, "--verify", "--json")
	var copied struct {
		Bytes    int64
		Rows     map[string]int64
		Verified bool
	}
	if err := json.Unmarshal([]byte(stdout), &copied); code != exitGood || err != nil {
		t.Fatalf("%d %v %s%s", code, err, stdout, stderr)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != copied.Bytes {
		t.Errorf("%+v %v", info, err)
	}
	if copied.Rows["objects"] != 4*bought || copied.Rows["customers"] != bought-unowned || !copied.Verified {
		t.Errorf("it holds %+v", copied)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	_, original, _ := h.run(t.Context(), url, "export")
	code, restored, stderr := h.run(t.Context(), "sqlite:"+file, "export")
	if code != exitGood || restored != original || original == "" {
		t.Errorf("the copy says something else: %d %s", code, stderr)
	}
	if code, _, stderr := h.run(t.Context(), url, "backup", file); code != exitUsage || !strings.Contains(stderr, "never written over") {
		t.Errorf("a second time: %d %s", code, stderr)
	}
	if code, _, stderr := h.run(t.Context(), storetest.SQLite(t), "backup", file+"2"); code != exitUsage || !strings.Contains(stderr, "there is no database") {
		t.Errorf("of nothing: %d %s", code, stderr)
	}
	if code, _, stderr := h.run(t.Context(), url, "backup", filepath.Join(file, "..", "away", "copy.db")); code != exitUsage || !strings.Contains(stderr, "away does not exist: make it, or name another file") {
		t.Errorf("to nowhere: %d %s", code, stderr)
	}
}

// TestBackupOfPostgres: the command to use is told, and no password.
func TestBackupOfPostgres(t *testing.T) {
	h := newHistory(t)
	code, _, stderr := h.run(t.Context(), "postgres://trivet:se%20cret@db.test:5433/trivet?sslmode=require&sslpassword=hidden", "backup", "it's.dump")
	want := `pg_dump --format=custom --file='it'\''s.dump' 'postgres://trivet@db.test:5433/trivet?sslmode=require'`
	if code != exitUsage || !strings.Contains(stderr, want) || strings.Contains(stderr, "cret") || strings.Contains(stderr, "hidden") {
		t.Errorf("%d %s", code, stderr)
	}
}
