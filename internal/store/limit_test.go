package store

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/pgtest"
)

// SQLite compiles a statement anew each time a parameter is bound that stands
// alone as its limit: it plans by the value, since 3.46. That makes claiming
// seven times as slow. A sum is not looked into.
func TestNoLimitIsABareParameter(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	bare := regexp.MustCompile(`limit \$(\d+|%d)( \+ 0)?`)
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if file == "limit_test.go" {
			continue
		}
		for _, match := range bare.FindAllStringSubmatch(string(text), -1) {
			if found++; match[2] == "" {
				t.Errorf("%s: write %q as a sum, %q", file, match[0], match[0]+" + 0")
			}
		}
	}
	if found == 0 {
		t.Error("no limits found: the pattern is wrong")
	}
}

func TestLimitsThatAreSumsLimit(t *testing.T) {
	urls := map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "limit.db"), "postgres": pgtest.URL(t)}
	for name, url := range urls {
		t.Run(name, func(t *testing.T) {
			db, err := Open(t.Context(), Options{URL: url, Volatile: true, Now: time.Now})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			err = db.Write(t.Context(), func(ctx context.Context, tx *Tx) error {
				return tx.Raise(ctx, 1, []Want{{Queue: "q", Key: "a"}, {Queue: "q", Key: "b"}, {Queue: "q", Key: "c"}})
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []int{1, 2, 0} {
				claims, err := db.Claim(t.Context(), "q", max(1, want), time.Minute)
				if err != nil || len(claims) != want {
					t.Errorf("claimed %d rows, want %d: %v", len(claims), want, err)
				}
			}
		})
	}
}

func BenchmarkClaimNothing(b *testing.B) {
	db, err := Open(b.Context(), Options{URL: "sqlite:" + filepath.Join(b.TempDir(), "x.db"), Volatile: true, Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for b.Loop() {
		if _, err := db.Claim(b.Context(), "q", 16, time.Minute); err != nil {
			b.Fatal(err)
		}
	}
}
