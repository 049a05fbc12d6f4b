package sim

import (
	"maps"
	"time"
)

// Faults decides, from Chaos and a seed, what goes wrong and when. It is not
// safe for concurrent use: a simulated provider asks it under its own lock.
type Faults struct {
	chaos Chaos
	seed  uint64
	rng   *Stream
	fired map[string]int
}

// Numbers of the streams that decide about windows; each day has its own.
const (
	burstWindow = iota + 101
	outageWindow
	disabledWindow
)

// NewFaults returns the faults of one provider under seed.
func NewFaults(seed uint64, chaos Chaos) *Faults {
	if chaos.StaleFor == 0 {
		chaos.StaleFor = 20 * time.Second
	}
	return &Faults{chaos: chaos, seed: seed, rng: NewStream(seed, 2), fired: map[string]int{}}
}

// Calm ends all faults. What was held back already still comes at its time.
func (f *Faults) Calm() {
	f.chaos = Chaos{StaleFor: f.chaos.StaleFor}
}

// Fired returns how often each fault struck, by name.
func (f *Faults) Fired() map[string]int {
	return maps.Clone(f.fired)
}

func (f *Faults) strike(name string, rate float64) bool {
	if rate <= 0 || !f.rng.Chance(rate) {
		return false
	}
	f.fired[name]++
	return true
}

// Call returns the name of the fault that strikes an API call at now, or "".
func (f *Faults) Call(now time.Time) string {
	if _, down := f.window(outageWindow, f.chaos.Outages, now); down {
		f.fired[FaultOutage]++
		return FaultOutage
	}
	for _, c := range []struct {
		name string
		rate float64
	}{
		{FaultRateLimited, f.chaos.RateLimited},
		{FaultServerError, f.chaos.ServerError},
		{FaultTimeoutBefore, f.chaos.TimeoutBefore},
		{FaultTimeoutAfter, f.chaos.TimeoutAfter},
		{FaultTruncated, f.chaos.Truncated},
	} {
		if f.strike(c.name, c.rate) {
			return c.name
		}
	}
	return ""
}

// Flip is a fair coin for the details of a fault, such as whether a 429 says
// when to come back.
func (f *Faults) Flip() bool {
	return f.rng.Chance(0.5)
}

// Deliveries returns the delays after which the copies of a delivery leave,
// none when it is lost. Without faults it is one copy within a few seconds:
// even then the order of deliveries is not that of the events.
func (f *Faults) Deliveries() []time.Duration {
	first := f.rng.Between(0, 4*time.Second)
	if f.strike(FaultDrop, f.chaos.Drop) {
		return nil
	}
	switch {
	case f.strike(FaultDelay, f.chaos.Delay):
		first += f.rng.Between(time.Hour, 72*time.Hour)
	case f.strike(FaultReorder, f.chaos.Reorder):
		first += f.rng.Between(time.Minute, 2*time.Hour)
	}
	out := []time.Duration{first}
	if f.strike(FaultDuplicate, f.chaos.Duplicate) {
		for range 1 + f.rng.Intn(10) {
			out = append(out, first+f.rng.Between(0, 6*time.Hour))
		}
	}
	return out
}

// Hold returns when a delivery due at the given time really leaves: at the end
// of the outage if it falls into one.
func (f *Faults) Hold(due time.Time) time.Time {
	end, held := f.window(burstWindow, f.chaos.Burst, due)
	if !held {
		return due
	}
	f.fired[FaultBurst]++
	return end
}

// Disabled tells whether the receiving endpoint is switched off at now, and
// until when.
func (f *Faults) Disabled(now time.Time) (until time.Time, off bool) {
	return f.window(disabledWindow, f.chaos.Disabled, now)
}

// MissedDisabled counts one delivery that a disabled endpoint did not get.
func (f *Faults) MissedDisabled() {
	f.fired[FaultDisabled]++
}

// Stale returns for how long reads of an object that just changed may answer
// the version before; zero when they may not.
func (f *Faults) Stale() time.Duration {
	if f.chaos.StaleRead <= 0 || !f.rng.Chance(f.chaos.StaleRead) {
		return 0
	}
	return time.Second + f.rng.Between(0, f.chaos.StaleFor)
}

// StaleRead decides whether one read inside such a time is really stale: as
// with real replicas, a fresh answer may be followed by a stale one.
func (f *Faults) StaleRead() bool {
	return f.strike(FaultStaleRead, min(f.chaos.StaleRead*1e9, 0.7))
}

// Shift returns how many rows of the page before a list page repeats.
func (f *Faults) Shift() int {
	if !f.strike(FaultShiftPages, f.chaos.ShiftPages) {
		return 0
	}
	return 1 + f.rng.Intn(3)
}

// window tells whether t lies in the bad hours of its day. Each day is decided
// by itself, whatever was asked before, so that concurrent callers cannot
// change it.
func (f *Faults) window(kind uint64, rate float64, t time.Time) (time.Time, bool) {
	if rate <= 0 {
		return time.Time{}, false
	}
	day := t.Unix() / 86400
	r := NewStream(f.seed^kind<<32, uint64(day))
	if !r.Chance(rate) {
		return time.Time{}, false
	}
	start := time.Unix(day*86400, 0).UTC().Add(r.Between(0, 18*time.Hour))
	end := start.Add(r.Between(time.Hour, 6*time.Hour))
	return end, !t.Before(start) && t.Before(end)
}
