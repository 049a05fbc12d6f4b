// Package postbox keeps messages instead of sending them, and shows them in a
// browser: what arrived, and what every message looks like in every language.
//
// It owns the box and its pages. It sends nothing and decides nothing; whoever puts
// a message in says by which channel it came and when. The pages have no scripts and
// fetch nothing from elsewhere, nor can the messages that they show.
package postbox

import (
	"slices"
	"sync"
	"time"

	"github.com/trivetdev/trivet/notify"
)

// Letter is a message that arrived.
type Letter struct {
	// Number counts arrivals, from 1.
	Number int
	// Channel is one of package notify's constants.
	Channel string
	// At is when it arrived, UTC.
	At time.Time
	notify.Message
}

// Box keeps letters in the order of their arrival. The zero value is an empty one. It
// is safe for concurrent use.
type Box struct {
	mu      sync.Mutex
	letters []Letter
}

// Put keeps a message.
func (b *Box) Put(channel string, at time.Time, m notify.Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.letters = append(b.letters, Letter{Number: len(b.letters) + 1, Channel: channel, At: at, Message: m})
}

// Letters are all letters, in the order of their arrival.
func (b *Box) Letters() []Letter {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clip(b.letters) // what was put in is never changed
}

// Has reports whether a message with an ID arrived by a channel.
func (b *Box) Has(channel, id string) bool {
	return slices.ContainsFunc(b.Letters(), func(l Letter) bool { return l.Channel == channel && l.ID == id })
}

// letter finds one by its number.
func (b *Box) letter(number int) (Letter, bool) {
	all := b.Letters()
	if number < 1 || number > len(all) {
		return Letter{}, false
	}
	return all[number-1], true
}
