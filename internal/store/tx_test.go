package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/pgtest"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
)

// set makes a transaction that writes a cursor, the simplest of rows.
func set(name, value string) func(context.Context, *store.Tx) error {
	return func(ctx context.Context, tx *store.Tx) error { return tx.SetCursor(ctx, name, value) }
}

func wantCursor(t *testing.T, db *store.DB, name, want string) {
	t.Helper()
	if value, err := db.Cursor(t.Context(), name); err != nil || value != want {
		t.Errorf("cursor %s is %q, %v; want %q", name, value, err, want)
	}
}

// Numbers are strictly increasing in the order of drawing, whoever draws.
func TestNumbersIncrease(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		var highest atomic.Int64
		var mu sync.Mutex
		seen := map[int64]bool{}
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				for range 20 {
					before := highest.Load()
					var drawn []int64
					err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
						drawn, err = tx.Numbers(ctx, 1+i%4)
						return err
					})
					if err != nil || len(drawn) != 1+i%4 || !slices.IsSorted(drawn) || drawn[0] <= before {
						t.Errorf("drew %v after %d was drawn, %v", drawn, before, err)
						return
					}
					mu.Lock()
					for _, n := range drawn {
						if seen[n] {
							t.Errorf("%d was drawn twice", n)
						}
						seen[n] = true
						highest.Store(max(highest.Load(), n))
					}
					mu.Unlock()
				}
			})
		}
		all.Wait()
	})
}

func TestWriteFailsCleanly(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		fault := errors.New("fault")
		for name, fail := range map[string]func(ctx context.Context, tx *store.Tx) error{
			"error": func(context.Context, *store.Tx) error { return fault },
			"panic": func(context.Context, *store.Tx) error { panic(fault) },
			// The server refuses all that follows in the same transaction.
			"statement": func(ctx context.Context, tx *store.Tx) error {
				_ = tx.AddChanges(ctx, []store.Change{{Seq: 1}, {Seq: 1}})
				return fault
			},
		} {
			func() {
				defer func() {
					if p := recover(); (p != nil) != (name == "panic") {
						t.Errorf("%s: recovered %v", name, p)
					}
				}()
				err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
					if err := tx.SetCursor(ctx, name, "written"); err != nil {
						return err
					}
					return fail(ctx, tx)
				})
				if !errors.Is(err, fault) {
					t.Errorf("%s: the error is %v", name, err)
				}
			}()
			wantCursor(t, db, name, "")
			storetest.Write(t, db, set("after "+name, "fine"))
			wantCursor(t, db, "after "+name, "fine")
		}
	})
}

// A context may end at any moment: before the connection is there, in begin, in
// a statement, in commit. The next transaction must not notice.
func TestWriteCanceledAnywhere(t *testing.T) {
	storetest.Run(t, nil, func(t *testing.T, db *store.DB) {
		for i := range 400 {
			ctx, cancel := context.WithCancel(t.Context())
			timer := time.AfterFunc(time.Duration(i)*2*time.Microsecond, cancel)
			_ = db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
				for j := range 4 {
					if err := tx.SetCursor(ctx, fmt.Sprint("row ", j), fmt.Sprint(i)); err != nil {
						return err
					}
				}
				return nil
			})
			timer.Stop()
			cancel()
			if err := db.Write(t.Context(), set("last", fmt.Sprint(i))); err != nil {
				t.Fatalf("after a context that ended after %d µs: %v", 2*i, err)
			}
			rows, err := db.Cursors(t.Context(), "row ")
			if err != nil {
				t.Fatal(err)
			}
			for _, value := range rows {
				if len(rows) != 4 || value != rows["row 0"] {
					t.Fatalf("half a transaction was committed: %v", rows)
				}
			}
		}
	})
}

// The writer is where one waits in SQLite; the wait must end with the context.
func TestWriteWaitsNoLongerThanItsContext(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), nil)
	storetest.Write(t, db, func(context.Context, *store.Tx) error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if err := db.Write(ctx, set("a", "b")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a transaction within another ended with %v", err)
		}
		return nil
	})
}

// Close lets the transaction under way finish and turns away those that wait,
// also those that would wait for ever.
func TestClose(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db, err := store.Open(t.Context(), options(url))
		if err != nil {
			t.Fatal(err)
		}
		inside, proceed := make(chan bool), make(chan bool)
		var first error
		var all sync.WaitGroup
		all.Go(func() {
			first = db.Write(context.WithoutCancel(t.Context()), func(ctx context.Context, tx *store.Tx) error {
				close(inside)
				<-proceed
				return tx.SetCursor(ctx, "a", "committed")
			})
		})
		<-inside
		if db.Dialect() == "sqlite" {
			for range 4 {
				all.Go(func() {
					if err := db.Write(context.WithoutCancel(t.Context()), set("b", "x")); err != nil && !errors.Is(err, store.ErrClosed) {
						t.Errorf("a transaction that waited while the database was closed: %v", err)
					}
				})
			}
		}
		all.Go(func() {
			if err := db.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
		time.Sleep(20 * time.Millisecond)
		close(proceed)
		all.Wait()
		if first != nil {
			t.Errorf("the transaction under way: %v", first)
		}
		if err := db.Write(context.WithoutCancel(t.Context()), set("a", "late")); err == nil {
			t.Error("a closed database takes a transaction")
		}
		if err := db.Close(); err != nil {
			t.Errorf("close twice: %v", err)
		}
		wantCursor(t, storetest.Open(t, url, nil), "a", "committed")
	})
}

// Two transactions that lock in opposite order: PostgreSQL ends one, which runs
// again.
func TestDeadlockRunsAgain(t *testing.T) {
	db := storetest.Open(t, pgtest.URL(t), nil)
	meet(t, db, "a", "b")
	var runs atomic.Int64
	var ready, all sync.WaitGroup
	ready.Add(2)
	for _, order := range [][2]string{{"a", "b"}, {"b", "a"}} {
		all.Go(func() {
			met := false
			err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				runs.Add(1)
				if _, err := tx.LockCustomers(ctx, order[:1]); err != nil {
					return err
				}
				if !met {
					met = true
					ready.Done()
					ready.Wait()
				}
				_, err := tx.LockCustomers(ctx, order[1:])
				return err
			})
			if err != nil {
				t.Errorf("order %v: %v", order, err)
			}
		})
	}
	all.Wait()
	if runs.Load() < 3 {
		t.Errorf("%d runs: no deadlock was met, so nothing was tested", runs.Load())
	}
}

func meet(t testing.TB, db *store.DB, refs ...string) {
	t.Helper()
	storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
		var customers []store.Customer
		for _, ref := range refs {
			customers = append(customers, store.Customer{Ref: ref, Doc: `{"ref":"` + ref + `"}`})
		}
		_, err := tx.MeetCustomers(ctx, customers)
		return err
	})
}

// The server goes away in the middle of transactions: cleanly, and as in a
// crash. Before the commit that costs nothing but another run.
func TestServerRestarts(t *testing.T) {
	server := pgtest.Start(t, pgtest.Options{Durable: true})
	db := storetest.Open(t, server.Database(t), nil)
	restarts := map[string]func(context.Context) error{
		"restart": server.Restart,
		"crash": func(ctx context.Context) error {
			if err := server.Kill(); err != nil {
				return err
			}
			return server.Resume(ctx)
		},
	}
	for name, restart := range restarts {
		runs := 0
		err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			if err := tx.SetCursor(ctx, name, fmt.Sprint("run ", runs)); err != nil {
				return err
			}
			if runs++; runs == 1 {
				if err := restart(ctx); err != nil {
					t.Fatal(err)
				}
			}
			return tx.SetCursor(ctx, name+" 2", "x")
		})
		if err != nil || runs < 2 {
			t.Errorf("%s in a transaction: %d runs, %v", name, runs, err)
		}
		wantCursor(t, db, name, "run 1")
	}
}

// Every connection of a busy pool is cut at once: what was told to be committed
// is there, and the pool recovers by itself.
func TestServerRestartsUnderLoad(t *testing.T) {
	server := pgtest.Start(t, pgtest.Options{Durable: true})
	db := storetest.Open(t, server.Database(t), nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	committed := map[string]bool{}
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			for j := 0; ctx.Err() == nil; j++ {
				name := fmt.Sprintf("row %d %d", i, j)
				if db.Write(t.Context(), set(name, "x")) == nil {
					mu.Lock()
					committed[name] = true
					mu.Unlock()
				}
			}
		})
	}
	for range 2 {
		time.Sleep(100 * time.Millisecond)
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := server.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(100 * time.Millisecond)
	cancel()
	all.Wait()
	for range 20 { // no connection of the pool is left that is dead
		storetest.Write(t, db, set("after", "x"))
	}
	rows, err := db.Cursors(t.Context(), "row ")
	if err != nil {
		t.Fatal(err)
	}
	for name := range committed {
		if rows[name] == "" {
			t.Errorf("%s was committed and is gone", name)
		}
	}
	if len(committed) == 0 {
		t.Error("nothing was ever committed")
	}
}

// The command line opens the file that the service has open.
func TestTwoProcessesOnOneFile(t *testing.T) {
	url := storetest.SQLite(t)
	dbs := []*store.DB{storetest.Open(t, url, nil), storetest.Open(t, url, nil)}
	var mu sync.Mutex
	drawn := map[int64]bool{}
	var all sync.WaitGroup
	for _, db := range dbs {
		for range 4 {
			all.Go(func() {
				for range 25 {
					n, err := db.Number(t.Context())
					mu.Lock()
					if err != nil || drawn[n] {
						t.Errorf("drew %d (again: %v), %v", n, drawn[n], err)
					}
					drawn[n] = true
					mu.Unlock()
				}
			})
		}
	}
	all.Wait()
	storetest.Write(t, dbs[0], set("a", "seen"))
	wantCursor(t, dbs[1], "a", "seen")
}
