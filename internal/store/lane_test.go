package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
)

// Many workers of two processes; rows of one lane never run at the same time, no
// row is done by two, and none is left.
func TestLanesExclude(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		const lanes, rows, workers = 5, 60, 16
		dbs := []*store.DB{storetest.Open(t, url, nil), storetest.Open(t, url, nil)}
		busy := make([]atomic.Int64, lanes)
		var done, finished atomic.Int64
		lane := func(key string) (n int) {
			_, _ = fmt.Sscanf(key, "%d", &n)
			return n % lanes
		}
		var all sync.WaitGroup
		raise := func(ctx context.Context, tx *store.Tx, key int) error {
			numbers, err := tx.Numbers(ctx, 1)
			if err != nil {
				return err
			}
			return tx.Raise(ctx, numbers[0], []store.Want{{Queue: "q", Key: fmt.Sprint(key), Lane: fmt.Sprint("lane ", key%lanes)}})
		}
		for i := range 4 { // those who raise, while others claim
			all.Go(func() {
				for key := i; key < rows; key += 4 {
					if err := dbs[i%2].Write(t.Context(), func(ctx context.Context, tx *store.Tx) error { return raise(ctx, tx, key) }); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for i := range workers {
			all.Go(func() {
				db := dbs[i%2]
				for finished.Load() < rows && t.Context().Err() == nil && !t.Failed() {
					claims, err := db.Claim(t.Context(), "q", 1+i%3, time.Hour)
					if err != nil {
						t.Error(err)
						return
					}
					for _, c := range claims {
						if busy[lane(c.Key)].Add(1) != 1 {
							t.Errorf("lane %d runs twice at once", lane(c.Key))
						}
						done.Add(1)
						time.Sleep(time.Millisecond)
						busy[lane(c.Key)].Add(-1)
						if err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
							return tx.Finish(ctx, []store.Claim{c}, time.Time{})
						}); err != nil {
							t.Error(err)
						}
						finished.Add(1)
					}
				}
			})
		}
		all.Wait()
		if done.Load() != rows {
			t.Errorf("%d rows were done, want %d once each", done.Load(), rows)
		}
	})
}

// A row with a smaller number that becomes visible late does not let a second
// row of its lane run: the database itself refuses.
func TestLaneOfLateRow(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		if db.Dialect() == "sqlite" {
			return // one writer: nothing becomes visible late
		}
		drawn, proceed, committed := make(chan bool), make(chan bool), make(chan bool)
		go func() {
			defer close(committed)
			err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				if err := tx.Raise(ctx, 1, []store.Want{{Queue: "q", Key: "late", Lane: "l"}}); err != nil {
					return err
				}
				close(drawn)
				<-proceed
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}()
		<-drawn
		storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
			return tx.Raise(ctx, 1, []store.Want{{Queue: "q", Key: "early", Lane: "l"}})
		})
		if claims, err := db.Claim(t.Context(), "q", 5, time.Hour); err != nil || len(claims) != 1 || claims[0].Key != "early" {
			t.Fatalf("claimed %+v, %v", claims, err)
		}
		close(proceed)
		<-committed
		if claims, err := db.Claim(t.Context(), "q", 5, time.Hour); err != nil || len(claims) != 0 {
			t.Errorf("claimed %+v, %v beside a row of the same lane that runs", claims, err)
		}
	})
}

// No more rows are claimed than were asked for, however many there are.
func TestClaimNoMoreThanAsked(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
			var wants []store.Want
			for i := range 3000 {
				wants = append(wants, store.Want{Queue: "q", Key: fmt.Sprint(i)})
			}
			return tx.Raise(ctx, 1, wants)
		})
		if err := db.Exec(t.Context(), "analyze"); err != nil {
			t.Fatal(err)
		}
		for _, limit := range []int{1, 7, 32, 1000} {
			claims, err := db.Claim(t.Context(), "q", limit, time.Hour)
			if err != nil || len(claims) != limit {
				t.Errorf("asked for %d and claimed %d, %v", limit, len(claims), err)
			}
		}
	})
}

// A worker that stood still past its lease writes nothing.
func TestFencing(t *testing.T) {
	clock := storetest.NewClock()
	storetest.Run(t, clock.Now, func(t *testing.T, db *store.DB) {
		receive(t, db, event("evt_1", sub1))
		old := claimOne(t, db)
		clock.Pass(2 * time.Minute)
		if n, err := db.Expire(t.Context()); n != 1 || err != nil {
			t.Fatalf("%d leases ran out, %v", n, err)
		}
		now := claimOne(t, db)
		if now.Token <= old.Token || now.Attempts != 2 {
			t.Errorf("claimed again as %+v after %+v", now, old)
		}
		for name, write := range map[string]func(ctx context.Context, tx *store.Tx) error{
			"finish":  func(ctx context.Context, tx *store.Tx) error { return tx.Finish(ctx, []store.Claim{old}, time.Time{}) },
			"fail":    func(ctx context.Context, tx *store.Tx) error { return tx.Fail(ctx, old, "x", tx.Now) },
			"wait":    func(ctx context.Context, tx *store.Tx) error { return tx.Wait(ctx, old, "x", tx.Now) },
			"release": func(ctx context.Context, tx *store.Tx) error { return tx.Release(ctx, old) },
			"both": func(ctx context.Context, tx *store.Tx) error {
				return tx.Finish(ctx, []store.Claim{now, old}, time.Time{})
			},
		} {
			if err := db.Write(t.Context(), write); !errors.Is(err, store.ErrLost) {
				t.Errorf("%s with a lost claim: %v", name, err)
			}
		}
		storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
			held, err := tx.Hold(ctx, []store.Claim{old, now})
			if held[old.ID] != held[now.ID] || !held[now.ID] {
				t.Errorf("one row, held by the new claim: %v", held)
			}
			held, err2 := tx.Hold(ctx, []store.Claim{old})
			if held[old.ID] {
				t.Error("the lost claim is held")
			}
			return errors.Join(err, err2)
		})
		clock.Pass(50 * time.Second)
		if err := db.Extend(t.Context(), []store.Claim{old}, time.Hour); err != nil {
			t.Error(err)
		}
		clock.Pass(50 * time.Second)
		if n, err := db.Expire(t.Context()); n != 1 || err != nil {
			t.Errorf("the lost claim prolonged the lease of the new one (%d ran out, %v)", n, err)
		}
	})
}
