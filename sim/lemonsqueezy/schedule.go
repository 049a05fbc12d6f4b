package lemonsqueezy

import (
	"container/heap"
	"time"
)

// due is something that happens at a time; seq keeps the order of equals.
type due struct {
	at  time.Time
	seq int64
	run func()
}

type dueHeap []due

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].seq < h[j].seq
	}
	return h[i].at.Before(h[j].at)
}
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)   { *h = append(*h, x.(due)) }
func (h *dueHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = due{}
	*h = old[:len(old)-1]
	return last
}

// at schedules run for a time; a past time means next.
func (s *Server) at(t time.Time, run func()) {
	s.seq++
	heap.Push(&s.agenda, due{at: t, seq: s.seq, run: run})
}

func (s *Server) in(d time.Duration, run func()) { s.at(s.now.Add(d), run) }

// catchUp carries out, in order, all that is due up to t.
func (s *Server) catchUp(t time.Time) {
	for len(s.agenda) > 0 && !s.agenda[0].at.After(t) {
		next := heap.Pop(&s.agenda).(due)
		if next.at.After(s.now) {
			s.now = next.at
		}
		next.run()
	}
	if t.After(s.now) {
		s.now = t
	}
}
