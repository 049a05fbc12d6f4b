package sim

import (
	"container/heap"
	"time"
)

// Timetable holds things by the time they are due; of what is due at one time,
// the first put in comes first. The zero value is empty and ready. It is not safe
// for concurrent use.
type Timetable[T any] struct {
	rows rows[T]
	puts int64
}

// Put adds a thing that is due at a time; a past time means next.
func (t *Timetable[T]) Put(at time.Time, thing T) {
	t.puts++
	heap.Push(&t.rows, row[T]{at, t.puts, thing})
}

// Next is when the first thing is due; found is false if there is none.
func (t *Timetable[T]) Next() (at time.Time, found bool) {
	if len(t.rows) == 0 {
		return time.Time{}, false
	}
	return t.rows[0].at, true
}

// Take removes the first thing that is due by now, and tells when it was due.
func (t *Timetable[T]) Take(now time.Time) (thing T, at time.Time, found bool) {
	if len(t.rows) == 0 || t.rows[0].at.After(now) {
		return thing, at, false
	}
	first := heap.Pop(&t.rows).(row[T]) //nolint:forcetypeassert // nothing else was pushed
	return first.thing, first.at, true
}

// Due counts what is due by now.
func (t *Timetable[T]) Due(now time.Time) (n int) {
	for _, r := range t.rows {
		if !r.at.After(now) {
			n++
		}
	}
	return n
}

// row is a thing with its time; number keeps the order of equals.
type row[T any] struct {
	at     time.Time
	number int64
	thing  T
}

type rows[T any] []row[T]

// Len, Less, Swap, Push and Pop implement [heap.Interface].
func (r rows[T]) Len() int { return len(r) }

// Less implements [heap.Interface].
func (r rows[T]) Less(i, j int) bool {
	if r[i].at.Equal(r[j].at) {
		return r[i].number < r[j].number
	}
	return r[i].at.Before(r[j].at)
}

// Swap implements [heap.Interface].
func (r rows[T]) Swap(i, j int) { r[i], r[j] = r[j], r[i] }

// Push implements [heap.Interface].
func (r *rows[T]) Push(x any) { *r = append(*r, x.(row[T])) } //nolint:forcetypeassert // see Put

// Pop implements [heap.Interface].
func (r *rows[T]) Pop() any {
	old := *r
	last := old[len(old)-1]
	old[len(old)-1] = row[T]{}
	*r = old[:len(old)-1]
	return last
}
