package provider

import (
	"encoding/json"
	"time"
)

// Version tells looks at one record of a provider apart, by age and by content. The
// zero value tells nothing.
type Version struct {
	// UpdatedAt is the provider's own time of the record's latest change, as the
	// record says it; zero where it does not.
	UpdatedAt time.Time
	// Facts is everything that is read of the record itself, as one text; empty if
	// that is not known. What is read from other records beside it is not in it: a
	// driver leaves the whole version out where such things may change with the
	// record.
	Facts string
}

// apart is how much the time of one version must be after that of another for the
// record to be newer: a provider has many machines, and their clocks differ a
// little.
const apart = 5 * time.Second

// Covers reports whether somebody who read v has provably seen what shown shows, or
// something later: of two answers about one record, the first is not the older.
//
// Either v is newer by the provider's own account. Or it has the same content and is
// not older: a time alone does not prove that, for many providers count in seconds
// and change a record twice in one. Both times are written by the provider into the
// record, so that no clock of ours comes in. See ADR 14.
func (v Version) Covers(shown Version) bool {
	if !v.UpdatedAt.IsZero() && !shown.UpdatedAt.IsZero() && v.UpdatedAt.Sub(shown.UpdatedAt) > apart {
		return true
	}
	// Some write a time in one place with more digits than in another.
	older := v.UpdatedAt.Truncate(time.Millisecond).Before(shown.UpdatedAt.Truncate(time.Millisecond))
	return shown.Facts != "" && v.Facts == shown.Facts && !older
}

// FactsOf writes values as the text of [Version.Facts].
func FactsOf(values ...any) string {
	text, err := json.Marshal(values)
	if err != nil {
		return "" // then nothing is known of it
	}
	return string(text)
}

// Shower is implemented by drivers whose events show the whole record that they are
// about, so that a look can be proven not to be older than the event.
type Shower interface {
	Driver
	// Shown reads a stored event: which object it shows, and in what version. The
	// zero version: nothing that proves anything.
	Shown(body []byte) (Ref, Version)
}
