package store_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/pgtest"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
)

// Each of two transactions finishes what the other raises, which is what looks at
// two objects of one customer do. They must not deadlock: PostgreSQL takes a
// second to notice.
func TestRaiseAndFinishInOrder(t *testing.T) {
	db := storetest.Open(t, pgtest.URL(t), nil)
	a, b := store.Want{Queue: "q", Key: "a"}, store.Want{Queue: "q", Key: "b"}
	var runs atomic.Int64
	const rounds = 30
	for range rounds {
		storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.Raise(ctx, 1, []store.Want{a, b}) })
		claims, err := db.Claim(t.Context(), "q", 2, time.Minute)
		if err != nil || len(claims) != 2 {
			t.Fatalf("claimed %v: %v", claims, err)
		}
		var all sync.WaitGroup
		for i, want := range []store.Want{b, a} {
			all.Go(func() {
				err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
					runs.Add(1)
					if err := tx.LockWork(ctx, claims[i:i+1], []store.Want{want}); err != nil {
						return err
					}
					if err := tx.Raise(ctx, 1, []store.Want{want}); err != nil {
						return err
					}
					return tx.Finish(ctx, claims[i:i+1], time.Time{})
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	if runs.Load() != 2*rounds {
		t.Errorf("%d transactions were run %d times", 2*rounds, runs.Load())
	}
}

// A lease is not prolonged, nor a lapsed one taken back, by waiting for somebody
// who is writing the row and may stand still.
func TestLeasesDoNotWait(t *testing.T) {
	db := storetest.Open(t, pgtest.URL(t), nil)
	storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
		return tx.Raise(ctx, 1, []store.Want{{Queue: "q", Key: "a"}, {Queue: "q", Key: "b"}})
	})
	claims, err := db.Claim(t.Context(), "q", 2, 0)
	if err != nil || len(claims) != 2 {
		t.Fatalf("claimed %v: %v", claims, err)
	}
	storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.Hold(ctx, claims[:1]); err != nil {
			return err
		}
		if n, err := db.Expire(t.Context()); err != nil || n != 1 {
			t.Errorf("took back %d rows beside one that is being written (%v), want 1", n, err)
		}
		return db.Extend(t.Context(), claims, time.Minute)
	})
}
