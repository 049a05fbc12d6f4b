package store_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
)

// TestInherit: what a process held that died is taken over by the next at once, if
// nobody else works on the file; else its lease decides. The late write of a
// process that was only thought to be dead is refused.
func TestInherit(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "trivet.db")
	clock := storetest.NewClock()
	open := func() *store.DB {
		db, err := store.Open(t.Context(), store.Options{URL: url, Now: clock.Now, Volatile: true})
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	claim := func(db *store.DB) []store.Claim {
		claims, err := db.Claim(t.Context(), store.QueueLook, 1, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return claims
	}
	first := open()
	storetest.Write(t, first, func(ctx context.Context, tx *store.Tx) error {
		return tx.Raise(ctx, 1, []store.Want{{Queue: store.QueueLook, Key: "stripe/subscription/sub_1"}})
	})
	held := claim(first)
	if len(held) != 1 {
		t.Fatalf("claimed %v", held)
	}
	beside := open()
	if got := claim(beside); len(got) != 0 {
		t.Errorf("taken from a process that lives: %v", got)
	}
	if err := beside.Close(); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil { // as the end of the process does, with the claim held
		t.Fatal(err)
	}
	next := open()
	defer next.Close()
	again := claim(next)
	if len(again) != 1 || again[0].Token <= held[0].Token {
		t.Fatalf("after the process had died: %v", again)
	}
	err := next.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.Finish(ctx, held, time.Time{})
	})
	if err == nil {
		t.Error("the dead process finished its claim")
	}
}
