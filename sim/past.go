package sim

import "time"

// Past is what stale reads of one resource still see for a while: how it was before
// a change, or that it was not there. D is a resource as the API shows it. The zero
// value is empty: reads see the present. It is not safe for concurrent use.
type Past[D any] struct {
	until  time.Time
	before D
	there  bool
	kept   bool
}

// Made may hide a resource that is made now.
func (p *Past[D]) Made(f *Faults, now time.Time) {
	if window := f.Stale(); window > 0 {
		*p = Past[D]{until: now.Add(window), kept: true}
	}
}

// Changed may keep how a resource was before it changed now, unless something older
// is still kept.
func (p *Past[D]) Changed(f *Faults, now time.Time, before D) {
	lapsed := !p.kept || now.After(p.until)
	if window := f.Stale(); window > 0 && lapsed {
		*p = Past[D]{until: now.Add(window), before: before, there: true, kept: true}
	}
}

// Read decides what one read sees. If it is stale, it sees what was before, or
// nothing if the resource was not there.
func (p *Past[D]) Read(f *Faults, now time.Time) (before D, there, stale bool) {
	if p.kept && now.After(p.until) {
		*p = Past[D]{}
	}
	if !p.kept || !f.StaleRead() {
		return before, false, false
	}
	return p.before, p.there, true
}
