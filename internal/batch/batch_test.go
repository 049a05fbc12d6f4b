package batch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trivetdev/trivet/internal/batch"
)

// slow makes a flush that takes a second and notes what it was given.
func slow(flushes *[][]int) batch.Flush[int] {
	var mu sync.Mutex
	return func(_ context.Context, items []int) []error {
		mu.Lock()
		*flushes = append(*flushes, slices.Clone(items))
		mu.Unlock()
		time.Sleep(time.Second)
		return nil
	}
}

// What comes in during one flush shares the next, at most so many at a time; who
// is alone does not wait.
func TestSharing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var flushes [][]int
		b := batch.New(4, 1, slow(&flushes))
		var all sync.WaitGroup
		began := time.Now()
		add := func(item int) {
			all.Go(func() {
				if err := b.Do(t.Context(), item); err != nil {
					t.Error(err)
				}
			})
		}
		add(0)
		synctest.Wait()
		if len(flushes) != 1 {
			t.Errorf("the first item waits for company")
		}
		for i := 1; i <= 6; i++ {
			add(i)
		}
		all.Wait()
		b.Close()
		var sizes []int
		for _, f := range flushes {
			sizes = append(sizes, len(f))
		}
		if !slices.Equal(sizes, []int{1, 4, 2}) || time.Since(began) != 3*time.Second {
			t.Errorf("flushes of %v items in %s", sizes, time.Since(began))
		}
	})
}

func TestFlushersRunSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var flushes [][]int
		b := batch.New(1, 3, slow(&flushes))
		began := time.Now()
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() { _ = b.Do(t.Context(), i) })
		}
		all.Wait()
		b.Close()
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("six flushes of a second by three flushers took %s", took)
		}
	})
}

// Each item gets its own answer, and a bad one only its own.
func TestAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		b := batch.New(100, 1, batch.Alone(func(_ context.Context, items []int) error {
			calls++
			time.Sleep(time.Second)
			for _, item := range items {
				switch item % 10 {
				case 7:
					panic(fmt.Sprint("cannot take ", item))
				case 3:
					return fmt.Errorf("will not take %d", item)
				}
			}
			return nil
		}))
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				err := b.Do(t.Context(), i)
				bad := i%10 == 7 || i%10 == 3
				if bad != (err != nil) || bad && !strings.Contains(err.Error(), fmt.Sprint("take ", i)) {
					t.Errorf("item %d: %v", i, err)
				}
			})
		}
		all.Wait()
		b.Close()
		// While the first gathering is written, which may be of one or of some, all others
		// come together: two commits fail, and each item is then tried alone.
		if calls > 2+50 {
			t.Errorf("%d commits for 50 items", calls)
		}
	})
}

// A flush that panics, or forgets an answer, fails its items and not the process.
func TestFlushMisbehaves(t *testing.T) {
	for name, flush := range map[string]batch.Flush[int]{
		"panics":  func(context.Context, []int) []error { panic("oh") },
		"forgets": func(context.Context, []int) []error { return []error{} },
	} {
		b := batch.New(4, 1, flush)
		for range 2 {
			if err := b.Do(t.Context(), 1); err == nil {
				t.Errorf("%s: no error", name)
			}
		}
		b.Close()
	}
}

// Close flushes what was added, answers everybody, and takes nothing more.
func TestClose(t *testing.T) {
	var flushed atomic.Int64
	begun := make(chan bool, 100)
	b := batch.New(2, 1, func(_ context.Context, items []int) []error {
		begun <- true
		time.Sleep(5 * time.Millisecond)
		flushed.Add(int64(len(items)))
		return nil
	})
	var done, refused atomic.Int64
	var all sync.WaitGroup
	for i := range 9 {
		all.Go(func() {
			switch err := b.Do(t.Context(), i); {
			case err == nil:
				done.Add(1)
			case errors.Is(err, batch.ErrClosed):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	<-begun
	all.Go(b.Close)
	all.Go(b.Close) // twice is harmless
	all.Wait()
	if flushed.Load() != done.Load() || done.Load()+refused.Load() != 9 {
		t.Errorf("%d flushed, %d told so, %d refused", flushed.Load(), done.Load(), refused.Load())
	}
	if err := b.Do(t.Context(), 1); !errors.Is(err, batch.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// Who goes away gets their context's error; the item, once added, is flushed for
// the others' sake with a context that has not ended.
func TestContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var flushed []int
		b := batch.New(1, 1, func(ctx context.Context, items []int) []error {
			time.Sleep(time.Second)
			flushed = append(flushed, items...)
			if ctx.Err() != nil {
				t.Errorf("the flush of %v has a context that ended", items)
			}
			return nil
		})
		var all sync.WaitGroup
		for i := range 4 { // one is flushed, one waits in the channel, two outside
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i+1)*100*time.Millisecond)
			defer cancel()
			all.Go(func() {
				if err := b.Do(ctx, i); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("item %d: %v", i, err)
				}
			})
			synctest.Wait()
		}
		all.Wait()
		b.Close()
		if len(flushed) != 2 {
			t.Errorf("flushed: %v", flushed)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.Do(ended, 1); err == nil {
			t.Error("an ended context and a closed batcher, and no error")
		}
	})
}

// Thousands at once, each with an answer of their own.
func TestNoAnswerIsLost(t *testing.T) {
	b := batch.New(16, 4, func(_ context.Context, items []int) []error {
		errs := make([]error, len(items))
		for i, item := range items {
			if item%3 == 0 {
				errs[i] = fmt.Errorf("item %d", item)
			}
		}
		return errs
	})
	var all sync.WaitGroup
	for i := range 3000 {
		all.Go(func() {
			if err := b.Do(t.Context(), i); (i%3 == 0) != (err != nil) || err != nil && err.Error() != fmt.Sprint("item ", i) {
				t.Errorf("item %d was answered %v", i, err)
			}
		})
	}
	all.Wait()
	b.Close()
}
