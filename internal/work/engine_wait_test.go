package work_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/work"
)

// An outage must not use up the tries that a row has.
func TestFailuresAreCountedApartFromWaiting(t *testing.T) {
	now := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	db, err := store.Open(t.Context(), store.Options{
		URL: "sqlite:" + filepath.Join(t.TempDir(), "work.db"), Volatile: true, Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	away, broken := errors.New("away"), errors.New("broken")
	var failures []int64
	answers := []error{away, away, away, broken, away, broken, nil, broken}
	engine := work.New(db, slog.New(slog.DiscardHandler), work.Queue{
		Name: "q", Workers: 1, Lease: time.Minute,
		Run: func(ctx context.Context, claim store.Claim) error {
			failures = append(failures, claim.Failures)
			answer := answers[0]
			if answers = answers[1:]; answer != nil {
				return answer
			}
			return db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
				return tx.Finish(ctx, []store.Claim{claim}, tx.Now.Add(time.Second))
			})
		},
		Retry: func(store.Claim, error) (time.Duration, bool) { return time.Second, true },
		Waits: func(err error) bool { return errors.Is(err, away) },
	})
	err = db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.Raise(ctx, 1, []store.Want{{Queue: "q", Key: "k"}})
	})
	if err != nil {
		t.Fatal(err)
	}
	for range len(answers) {
		if _, err := engine.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Second)
	}
	want := []int64{0, 0, 0, 0, 1, 1, 2, 0}
	for i := range want {
		if i >= len(failures) || failures[i] != want[i] {
			t.Fatalf("failures counted before each try: %v, want %v", failures, want)
		}
	}
}
