package demo

import (
	"container/heap"
	"context"
	"time"
)

// agenda is what the demo's own people are going to do, by time.
type agenda struct {
	rows todo
	seq  int
}

// task is something that somebody will do at a time; seq keeps the order of
// equals.
type task struct {
	at  time.Time
	seq int
	do  func(ctx context.Context) error
}

type todo []task

func (p todo) Len() int { return len(p) }
func (p todo) Less(i, j int) bool {
	if p[i].at.Equal(p[j].at) {
		return p[i].seq < p[j].seq
	}
	return p[i].at.Before(p[j].at)
}
func (p todo) Swap(i, j int) { p[i], p[j] = p[j], p[i] }
func (p *todo) Push(x any)   { *p = append(*p, x.(task)) } //nolint:forcetypeassert // only add pushes
func (p *todo) Pop() any {
	old := *p
	last := old[len(old)-1]
	*p = old[:len(old)-1]
	return last
}

func (a *agenda) add(at time.Time, do func(ctx context.Context) error) {
	a.seq++
	heap.Push(&a.rows, task{at: at, seq: a.seq, do: do})
}

// next is when somebody next does something.
func (a *agenda) next() (time.Time, bool) {
	if len(a.rows) == 0 {
		return time.Time{}, false
	}
	return a.rows[0].at, true
}

// run does all that is due at now, and returns how much it was.
func (a *agenda) run(ctx context.Context, now time.Time) (done int, err error) {
	for len(a.rows) > 0 && !a.rows[0].at.After(now) {
		p, _ := heap.Pop(&a.rows).(task)
		if err := p.do(ctx); err != nil {
			return done, err
		}
		done++
	}
	return done, nil
}

// clear lets everybody go home.
func (a *agenda) clear() { a.rows = nil }
