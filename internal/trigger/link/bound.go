package link

import (
	"sync"
	"time"
)

const (
	// perMinute is how often one customer's links are followed in a minute.
	perMinute = 6
	// atOnce is how many links are being made at once: a mailing to everybody must
	// not use up the calls that the provider allows us.
	atOnce = 8
)

// bound keeps those who hold a link from making us call the provider without end.
// Each process counts for itself.
type bound struct {
	slots chan struct{}

	mu     sync.Mutex
	minute time.Time
	// made counts links by customer in this minute; it is emptied with every new one.
	made map[string]int
}

func newBound() *bound {
	return &bound{slots: make(chan struct{}, atOnce), made: map[string]int{}}
}

// enter reports whether a customer may have a link made now, and if so, what to
// call when it is.
func (b *bound) enter(customer string, now time.Time) (leave func(), ok bool) {
	if !b.count(customer, now.Truncate(time.Minute)) {
		return nil, false
	}
	select {
	case b.slots <- struct{}{}:
		return func() { <-b.slots }, true
	default:
		return nil, false
	}
}

func (b *bound) count(customer string, minute time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !minute.Equal(b.minute) {
		b.minute, b.made = minute, map[string]int{}
	}
	b.made[customer]++
	return b.made[customer] <= perMinute
}
