package paypal

import (
	"strings"
	"time"
)

// The notes that PayPal keeps with a subscription's status (at most 128
// characters) tell what its API cannot: that a cancellation was meant to end
// access at once, until when the payer had paid when it was canceled, and when a
// pause is to end. People see them in PayPal's dashboard, so they are sentences.
// Whoever can write one can cancel and suspend as well, which is all that the
// notes can do.
const (
	noteEnds   = "Canceled by Trivet: access ends at once."
	noteUntil  = "Canceled by Trivet: paid until "
	notePaused = "Paused by Trivet until "
	notePause  = "Paused by Trivet."
	noteResume = "Resumed by Trivet."
)

// dated writes a time into a note.
func dated(note string, at time.Time) string {
	return note + at.UTC().Truncate(time.Second).Format(time.RFC3339)
}

// dateIn reads the time in a note; zero if it is not such a note.
func dateIn(text, note string) time.Time {
	rest, ours := strings.CutPrefix(text, note)
	if !ours {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, rest)
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}
