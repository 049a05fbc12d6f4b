package sim

import (
	"math/rand/v2"
	"time"
)

// Stream is one seeded source of decisions. Life and faults draw from
// different streams, so that switching the faults off leaves the life of a
// simulated world as it was. A Stream is not safe for concurrent use.
type Stream struct {
	r *rand.Rand
}

// NewStream returns the stream named by number under seed. The same pair
// always gives the same decisions.
func NewStream(seed, number uint64) *Stream {
	return &Stream{r: rand.New(rand.NewPCG(seed, number*0x9e3779b97f4a7c15+1))}
}

// Chance is true with probability p. It draws one number whatever p is, so
// that a changed rate does not shift the decisions after it.
func (s *Stream) Chance(p float64) bool {
	return s.r.Float64() < p
}

// Intn returns a number in [0, n). It panics when n is not positive.
func (s *Stream) Intn(n int) int {
	return s.r.IntN(n)
}

// Between returns a duration in [lo, hi) in whole seconds; lo when the range is
// empty.
func (s *Stream) Between(lo, hi time.Duration) time.Duration {
	span := int64((hi - lo) / time.Second)
	if span <= 0 {
		return lo
	}
	return lo + time.Duration(s.r.Int64N(span))*time.Second
}

// Pick returns one of the options. It panics when there are none.
func Pick[T any](s *Stream, options []T) T {
	return options[s.Intn(len(options))]
}
