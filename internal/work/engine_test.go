package work_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
	"github.com/trivetdev/trivet/internal/work"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/provider"
)

var quiet = slog.New(slog.DiscardHandler)

// bubble runs a test on fake time: the clock of the bubble is the business clock.
func bubble(t *testing.T, test func(t *testing.T, db *store.DB)) {
	t.Helper()
	url := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		db, err := store.Open(t.Context(), store.Options{URL: url, Now: time.Now, Volatile: true})
		if err != nil {
			t.Fatal(err)
		}
		test(t, db)
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}

func raise(t testing.TB, db *store.DB, wants ...store.Want) {
	t.Helper()
	storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
		numbers, err := tx.Numbers(ctx, 1)
		if err != nil {
			return err
		}
		return tx.Raise(ctx, numbers[0], wants)
	})
}

func finish(db *store.DB, claim store.Claim, next time.Duration) error {
	return db.Write(context.Background(), func(ctx context.Context, tx *store.Tx) error {
		at := time.Time{}
		if next > 0 {
			at = tx.Now.Add(next)
		}
		return tx.Finish(ctx, []store.Claim{claim}, at)
	})
}

// never gives up, a second apart.
func never(store.Claim, error) (time.Duration, bool) { return time.Second, true }

// start runs an engine until the returned function is called, which waits.
func start(t *testing.T, grace time.Duration, e *work.Engine) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { e.Run(ctx, grace) })
	return func() {
		cancel()
		running.Wait()
	}
}

func state(t *testing.T, db *store.DB, key string) store.Work {
	t.Helper()
	w, err := db.WorkNamed(t.Context(), "q", key)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// A row that fails is tried again after what Retry says, and dies when it says so;
// Failed runs in the same transaction.
func TestRetriesAndDeath(t *testing.T) {
	bubble(t, func(t *testing.T, db *store.DB) {
		began := time.Now()
		var tries []time.Duration
		var told []string
		e := work.New(db, quiet, work.Queue{
			Name: "q", Workers: 2, Lease: time.Minute,
			Run: func(context.Context, store.Claim) error {
				tries = append(tries, time.Since(began).Round(time.Second))
				if len(tries) == 3 {
					panic("poison")
				}
				return errors.New("fault")
			},
			Retry: func(c store.Claim, err error) (time.Duration, bool) {
				return work.Backoff(c.Attempts, 5*time.Second, time.Minute, err), c.Failures+1 < 4
			},
			Failed: func(ctx context.Context, tx *store.Tx, c store.Claim, err error, dead bool) error {
				told = append(told, fmt.Sprint(err, " ", dead))
				return tx.SetCursor(ctx, "failures", fmt.Sprint(len(told)))
			},
		})
		raise(t, db, store.Want{Queue: "q", Key: "k"})
		stop := start(t, time.Second, e)
		time.Sleep(10 * time.Minute)
		stop()
		if want := []time.Duration{0, 5 * time.Second, 15 * time.Second, 35 * time.Second}; len(tries) != 4 || !near(tries, want) {
			t.Errorf("tried after %v, want about %v", tries, want)
		}
		if got := strings.Join(told, "; "); got != "fault false; fault false; panic: poison false; fault true" {
			t.Errorf("failures told: %s", got)
		}
		if value, err := db.Cursor(t.Context(), "failures"); value != "4" || err != nil {
			t.Errorf("failures written: %q, %v", value, err)
		}
		if w := state(t, db, "k"); w.State != "dead" || w.Error != "fault" {
			t.Errorf("%+v", w)
		}
	})
}

// near allows for the poll.
func near(got, want []time.Duration) bool {
	for i := range want {
		if got[i] < want[i] || got[i] > want[i]+2*time.Second {
			return false
		}
	}
	return true
}

func TestBackoff(t *testing.T) {
	asked := func(d time.Duration) error { return fmt.Errorf("look: %w", &provider.Error{RetryAfter: d}) }
	for _, test := range []struct {
		attempt int64
		err     error
		want    time.Duration
	}{
		{0, nil, 5 * time.Second}, {1, nil, 5 * time.Second}, {2, nil, 10 * time.Second}, {3, nil, 20 * time.Second},
		{5, nil, time.Minute}, {1 << 40, nil, time.Minute}, {-3, nil, 5 * time.Second},
		{1, asked(30 * time.Second), 30 * time.Second}, {4, asked(30 * time.Second), 40 * time.Second},
		{1, asked(1000 * time.Hour), 24 * time.Hour}, {1, asked(-time.Hour), 5 * time.Second},
		{1, fmt.Errorf("say: %w", &notify.Error{RetryAfter: time.Hour}), time.Hour},
	} {
		if got := work.Backoff(test.attempt, 5*time.Second, time.Minute, test.err); got != test.want {
			t.Errorf("attempt %d, %v: %s, want %s", test.attempt, test.err, got, test.want)
		}
	}
}

// Work that takes many leases keeps its claim; nobody else gets it meanwhile.
func TestHeartbeat(t *testing.T) {
	bubble(t, func(t *testing.T, db *store.DB) {
		var runs atomic.Int64
		e := work.New(db, quiet, work.Queue{Name: "q", Workers: 3, Lease: 10 * time.Second, Retry: never,
			Run: func(_ context.Context, c store.Claim) error {
				runs.Add(1)
				time.Sleep(time.Minute)
				return finish(db, c, 0)
			}})
		raise(t, db, store.Want{Queue: "q", Key: "k"})
		stop := start(t, time.Second, e)
		time.Sleep(2 * time.Minute)
		stop()
		if w := state(t, db, "k"); runs.Load() != 1 || w.State != "idle" {
			t.Errorf("%d runs, %+v", runs.Load(), w)
		}
	})
}

// A worker that crashed, which is one that never extends, loses its row; another
// takes over when the lease ends and not before.
func TestTakeover(t *testing.T) {
	bubble(t, func(t *testing.T, db *store.DB) {
		raise(t, db, store.Want{Queue: "q", Key: "k"})
		crashed, err := db.Claim(t.Context(), "q", 1, 30*time.Second)
		if err != nil || len(crashed) != 1 {
			t.Fatal(crashed, err)
		}
		began := time.Now()
		var after time.Duration
		e := work.New(db, quiet, work.Queue{Name: "q", Workers: 1, Lease: 30 * time.Second, Retry: never,
			Run: func(_ context.Context, c store.Claim) error {
				after = time.Since(began)
				if c.Attempts != 2 {
					t.Errorf("taken over as attempt %d", c.Attempts)
				}
				return finish(db, c, 0)
			}})
		stop := start(t, time.Second, e)
		time.Sleep(2 * time.Minute)
		stop()
		if after < 30*time.Second || after > 41*time.Second {
			t.Errorf("taken over after %s", after)
		}
		if err := finish(db, crashed[0], 0); !errors.Is(err, store.ErrLost) {
			t.Errorf("the late write: %v", err)
		}
	})
}

// When told to end, an engine lets what is under way finish and keeps its leases
// until then; what was claimed ahead goes back untouched.
func TestDrain(t *testing.T) {
	bubble(t, func(t *testing.T, db *store.DB) {
		var done atomic.Int64
		e := work.New(db, quiet, work.Queue{Name: "q", Workers: 2, Lease: 6 * time.Second, Retry: never,
			Run: func(_ context.Context, c store.Claim) error {
				time.Sleep(20 * time.Second)
				done.Add(1)
				return finish(db, c, 0)
			}})
		for i := range 6 {
			raise(t, db, store.Want{Queue: "q", Key: fmt.Sprint(i)})
		}
		stop := start(t, 30*time.Second, e)
		time.Sleep(5 * time.Second)
		began := time.Now()
		other := expiring(db)
		stop()
		other()
		if took := time.Since(began); done.Load() != 2 || took > 16*time.Second {
			t.Errorf("%d done after %s", done.Load(), took)
		}
		for i := range 6 {
			w := state(t, db, fmt.Sprint(i))
			if w.State == "running" || w.State == "ready" && w.Attempts != 0 || w.Error != "" {
				t.Errorf("left behind: %+v", w)
			}
		}
	})
}

// expiring plays another process that takes back lapsed leases.
func expiring(db *store.DB) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			_, _ = db.Expire(ctx)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	})
	return func() { cancel(); running.Wait() }
}

// What does not finish within grace is cut short and given back.
func TestDrainWithoutPatience(t *testing.T) {
	bubble(t, func(t *testing.T, db *store.DB) {
		e := work.New(db, quiet, work.Queue{Name: "q", Workers: 1, Lease: time.Minute, Retry: never,
			Run: func(ctx context.Context, _ store.Claim) error {
				<-ctx.Done()
				return ctx.Err()
			}})
		raise(t, db, store.Want{Queue: "q", Key: "k"})
		stop := start(t, 5*time.Second, e)
		time.Sleep(time.Second)
		began := time.Now()
		stop()
		if took := time.Since(began); took < 5*time.Second || took > 6*time.Second {
			t.Errorf("ended after %s", took)
		}
		if w := state(t, db, "k"); w.State != "ready" || w.Attempts != 0 {
			t.Errorf("%+v", w)
		}
	})
}

// A wake-up at any moment is heeded at once; without one, the poll finds the row.
func TestWake(t *testing.T) {
	bubble(t, func(t *testing.T, db *store.DB) {
		ran := make(chan time.Time, 1)
		e := work.New(db, quiet, work.Queue{Name: "q", Workers: 1, Lease: time.Minute, Retry: never,
			Run: func(_ context.Context, c store.Claim) error {
				ran <- time.Now()
				return finish(db, c, 0)
			}})
		stop := start(t, time.Second, e)
		defer stop()
		for i := range 300 {
			time.Sleep(time.Duration(i*7919) * time.Microsecond % time.Second)
			raised := time.Now()
			raise(t, db, store.Want{Queue: "q", Key: "k"})
			e.Wake("q")
			e.Wake("q")
			e.Wake("another")
			if took := (<-ran).Sub(raised); took != 0 {
				t.Fatalf("wake-up %d was heeded after %s", i, took)
			}
		}
		raised := time.Now()
		raise(t, db, store.Want{Queue: "q", Key: "unheard"})
		if took := (<-ran).Sub(raised); took > time.Second {
			t.Errorf("the poll took %s", took)
		}
	})
}

// Step does the same in the same order, whenever it is run.
func TestStepIsDeterminate(t *testing.T) {
	run := func() (order []string) {
		bubble(t, func(t *testing.T, db *store.DB) {
			run := func(name string) func(context.Context, store.Claim) error {
				return func(_ context.Context, c store.Claim) error {
					order = append(order, fmt.Sprint(name, " ", c.Key, " ", c.Attempts))
					switch {
					case c.Key == "again" && len(order) < 12:
						return finish(db, c, time.Second)
					case c.Key == "bad" && c.Attempts < 3:
						return errors.New("fault")
					case c.Key == "mother":
						raise(t, db, store.Want{Queue: "b", Key: "child"})
					}
					return finish(db, c, 0)
				}
			}
			e := work.New(db, quiet,
				work.Queue{Name: "a", Workers: 4, Lease: time.Minute, Retry: never, Run: run("a")},
				work.Queue{Name: "b", Workers: 4, Lease: time.Minute, Retry: never, Run: run("b")})
			raise(t, db, store.Want{Queue: "b", Key: "z"}, store.Want{Queue: "b", Key: "y"})
			raise(t, db, store.Want{Queue: "a", Key: "mother"}, store.Want{Queue: "a", Key: "bad"}, store.Want{Queue: "a", Key: "again"},
				store.Want{Queue: "a", Key: "second", Lane: "l"}, store.Want{Queue: "a", Key: "first", Lane: "l"})
			for {
				if _, err := e.Step(t.Context()); err != nil {
					t.Fatal(err)
				}
				next, found, err := e.Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if !found {
					return
				}
				if !next.After(time.Now()) {
					t.Fatalf("after a step something is due at %s, now", next)
				}
				time.Sleep(time.Until(next))
			}
		})
		return order
	}
	first := run()
	if second := run(); !slices.Equal(first, second) || len(first) < 12 {
		t.Errorf("the order of work was\n%v\nand\n%v", first, second)
	}
}

// A row that waits behind another of its lane does not count as due: a simulation
// that sleeps until the next due time would not get anywhere.
func TestNextIsNotBehindALane(t *testing.T) {
	bubble(t, func(t *testing.T, db *store.DB) {
		fails := true
		e := work.New(db, quiet, work.Queue{Name: "q", Workers: 1, Lease: time.Minute, Retry: never,
			Run: func(_ context.Context, c store.Claim) error {
				if c.Key == "head" && fails {
					fails = false
					return errors.New("fault")
				}
				return finish(db, c, 0)
			}})
		raise(t, db, store.Want{Queue: "q", Key: "head", Lane: "l"})
		raise(t, db, store.Want{Queue: "q", Key: "tail", Lane: "l"})
		if _, err := e.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		next, found, err := e.Next(t.Context())
		if err != nil || !found || !next.Equal(time.Now().Add(time.Second)) {
			t.Fatalf("next at %v (%v), %v; now is %v", next, found, err, time.Now())
		}
		time.Sleep(time.Second)
		if n, err := e.Step(t.Context()); n != 2 || err != nil {
			t.Errorf("%d rows worked, %v", n, err)
		}
	})
}

// A step takes back what a crashed process had claimed, once its lease is over.
func TestStepTakesOver(t *testing.T) {
	bubble(t, func(t *testing.T, db *store.DB) {
		raise(t, db, store.Want{Queue: "q", Key: "k"})
		if claims, err := db.Claim(t.Context(), "q", 1, time.Minute); err != nil || len(claims) != 1 {
			t.Fatal(claims, err)
		}
		e := work.New(db, quiet, work.Queue{Name: "q", Workers: 1, Lease: time.Minute, Retry: never,
			Run: func(_ context.Context, c store.Claim) error { return finish(db, c, 0) }})
		for i, want := range []int{0, 1} {
			if n, err := e.Step(t.Context()); n != want || err != nil {
				t.Errorf("step %d worked %d rows, %v", i, n, err)
			}
			time.Sleep(61 * time.Second)
		}
	})
}

// Two engines on one database share the work; no row is done twice.
func TestTwoEnginesShare(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		const rows = 400
		clock := storetest.NewClock()
		var done [2]atomic.Int64
		var mu sync.Mutex
		seen := map[string]int{}
		var engines []*work.Engine
		for i := range 2 {
			db := storetest.Open(t, url, clock.Now)
			engines = append(engines, work.New(db, quiet, work.Queue{Name: "q", Workers: 4, Lease: time.Minute, Retry: never,
				Run: func(_ context.Context, c store.Claim) error {
					mu.Lock()
					seen[c.Key]++
					mu.Unlock()
					time.Sleep(time.Millisecond)
					done[i].Add(1)
					return finish(db, c, 0)
				}}))
		}
		db := storetest.Open(t, url, clock.Now)
		var wants []store.Want
		for i := range rows {
			wants = append(wants, store.Want{Queue: "q", Key: fmt.Sprint(i), Lane: fmt.Sprint(i % 50)})
		}
		raise(t, db, wants...)
		stops := []func(){start(t, time.Second, engines[0]), start(t, time.Second, engines[1])}
		for range 3000 {
			if done[0].Load()+done[1].Load() >= rows {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		for _, stop := range stops {
			stop()
		}
		for key, n := range seen {
			if n != 1 {
				t.Errorf("row %s was done %d times", key, n)
			}
		}
		// Two processes on one SQLite file take turns as they happen to come.
		shared := done[0].Load() > 0 && done[1].Load() > 0 || strings.HasPrefix(url, "sqlite:")
		if len(seen) != rows || !shared {
			t.Errorf("%d rows done, %d by one engine and %d by the other", len(seen), done[0].Load(), done[1].Load())
		}
	})
}
