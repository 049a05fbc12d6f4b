package sim

import "maps"

// Stats counts what a simulated provider sent and was asked.
type Stats struct {
	// Sent counts webhook deliveries that were meant to happen: one for each
	// event and endpoint, before drops and copies.
	Sent int
	// Dropped counts deliveries lost for ever.
	Dropped int
	// Duplicated counts extra copies.
	Duplicated int
	// Delivered counts attempts that got any HTTP answer.
	Delivered int
	// Acked counts attempts answered with 2xx.
	Acked int
	// AckedEvents lists the events answered with 2xx, each once, in the order
	// of the first such answer. All of them must be stored by the receiver.
	AckedEvents []string
	// Calls counts API calls by method and path pattern.
	Calls map[string]int
	// Faults counts what misfortune struck, by its name in Chaos.
	Faults map[string]int
}

// Clone returns a copy that shares nothing with s.
func (s Stats) Clone() Stats {
	s.AckedEvents = append([]string(nil), s.AckedEvents...)
	s.Calls = maps.Clone(s.Calls)
	s.Faults = maps.Clone(s.Faults)
	return s
}
