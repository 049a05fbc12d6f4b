// Package batch lets many goroutines share the cost of one commit.
//
// It owns the waiting and the gathering; what is committed is its user's. There
// is no timer: whatever came in during one commit goes into the next, so that an
// idle service answers at once and a busy one shares.
package batch

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// ErrClosed says that the batcher no longer takes items.
var ErrClosed = errors.New("closed")

// Flush commits items together and returns one error for each, or nil if all
// went well.
type Flush[T any] func(ctx context.Context, items []T) []error

// Batcher gathers items and flushes them together.
type Batcher[T any] struct {
	flush Flush[T]
	most  int
	items chan entry[T]
	done  sync.WaitGroup

	mu     sync.RWMutex
	closed bool
}

type entry[T any] struct {
	ctx    context.Context //nolint:containedctx // its values, such as a trace, belong to the item
	item   T
	answer chan error
}

// New starts a batcher that flushes at most most items at a time, with up to
// flushers flushes at once.
func New[T any](most, flushers int, flush Flush[T]) *Batcher[T] {
	b := &Batcher[T]{flush: flush, most: most, items: make(chan entry[T], most)}
	for range flushers {
		b.done.Go(b.run)
	}
	return b
}

// Do adds an item and waits until it is flushed. If ctx ends first, Do returns
// its error, and the item may still be flushed.
func (b *Batcher[T]) Do(ctx context.Context, item T) error {
	e := entry[T]{ctx: ctx, item: item, answer: make(chan error, 1)}
	if err := b.push(e); err != nil {
		return err
	}
	select {
	case err := <-e.answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *Batcher[T]) push(e entry[T]) error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closed {
		return ErrClosed
	}
	select {
	case b.items <- e:
		return nil
	case <-e.ctx.Done():
		return e.ctx.Err()
	}
}

// Close flushes what was added and returns when all is done.
func (b *Batcher[T]) Close() {
	b.mu.Lock()
	if !b.closed {
		b.closed = true
		close(b.items)
	}
	b.mu.Unlock()
	b.done.Wait()
}

func (b *Batcher[T]) run() {
	for first := range b.items {
		entries := b.gather(first)
		items := make([]T, len(entries))
		for i, e := range entries {
			items[i] = e.item
		}
		// The commit is everybody's: one that went away must not undo it.
		errs := b.protected(context.WithoutCancel(first.ctx), items)
		for i, e := range entries {
			var err error
			if errs != nil {
				err = errs[i]
			}
			e.answer <- err
		}
	}
}

// protected turns a panic into everybody's error: the process, and all who wait,
// must outlive one item.
func (b *Batcher[T]) protected(ctx context.Context, items []T) (errs []error) {
	defer func() {
		if p := recover(); p != nil {
			errs = make([]error, len(items))
			for i := range errs {
				errs[i] = fmt.Errorf("panic: %v", p)
			}
		}
	}()
	errs = b.flush(ctx, items)
	if errs != nil && len(errs) != len(items) {
		panic(fmt.Sprintf("%d answers for %d items", len(errs), len(items)))
	}
	return errs
}

// gather takes what has queued up behind the first entry.
func (b *Batcher[T]) gather(first entry[T]) []entry[T] {
	entries := []entry[T]{first}
	for len(entries) < b.most {
		select {
		case e, open := <-b.items:
			if !open {
				return entries
			}
			entries = append(entries, e)
		default:
			return entries
		}
	}
	return entries
}

// Alone turns a function over many items into a [Flush] that, when the many
// fail together, tries each alone, so that one bad item does not spoil the rest. A
// panic counts as failing.
func Alone[T any](many func(ctx context.Context, items []T) error) Flush[T] {
	try := func(ctx context.Context, items []T) (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v", p)
			}
		}()
		return many(ctx, items)
	}
	return func(ctx context.Context, items []T) []error {
		err := try(ctx, items)
		if err == nil {
			return nil
		}
		errs := make([]error, len(items))
		if len(items) == 1 {
			errs[0] = err
			return errs
		}
		for i := range items {
			errs[i] = try(ctx, items[i:i+1])
		}
		return errs
	}
}
