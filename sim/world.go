package sim

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// World is the part of a simulated account that is the same at every provider: how
// late it is, what is going to happen, what is to be delivered, what goes wrong, and
// the records that no real provider shows. A provider's server has one, and embeds
// its [Account].
//
// Its mutex guards the whole server. All methods but Lock, Enter, Serve and Account
// want it locked, and what the world calls (things on the agenda, deliveries, answers)
// runs with it locked. The world is deterministic for a seed when driven from one
// goroutine.
type World struct {
	// Faults decide what goes wrong.
	Faults *Faults

	sync.Mutex
	name  string
	clock *Clock
	log   *slog.Logger
	now   *time.Time

	agenda  Timetable[func()]
	post    Timetable[Delivery]
	effects []Effect
	stats   Stats
	acked   map[string]bool
}

// Setup is what a world begins with. The zero value works.
type Setup struct {
	// Name is the provider's, for the log.
	Name  string
	Seed  uint64
	Clock *Clock // nil: one that stands at a Monday in 2026
	Chaos Chaos
	Log   *slog.Logger // nil: nothing is logged
}

// NewWorld makes a world in which nothing happens yet. It keeps now at how far it has
// come; the clock may be ahead of it.
func NewWorld(s Setup, now *time.Time) *World {
	if s.Clock == nil {
		s.Clock = NewClock(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC))
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	*now = s.Clock.Now()
	return &World{
		Faults: NewFaults(s.Seed, s.Chaos), name: s.Name, clock: s.Clock, log: s.Log, now: now,
		acked: map[string]bool{}, stats: Stats{Calls: map[string]int{}, Faults: map[string]int{}},
	}
}

// Clock is the world's clock.
func (w *World) Clock() *Clock { return w.clock }

// Enter locks the world and lets it catch up with the clock.
func (w *World) Enter() (leave func()) {
	w.Lock()
	w.catchUp(w.clock.Now())
	return w.Unlock
}

// At puts something on the agenda; a past time means next.
func (w *World) At(t time.Time, run func()) { w.agenda.Put(t, run) }

// Every lets something happen after a first wait and then after each gap, until it
// says that it need not happen again.
func (w *World) Every(first, gap time.Duration, run func() (again bool)) {
	w.At(w.now.Add(first), func() {
		if run() {
			w.Every(gap, gap, run)
		}
	})
}

// catchUp carries out, in order, all that is due up to t.
func (w *World) catchUp(t time.Time) {
	for {
		run, at, found := w.agenda.Take(t)
		if !found {
			break
		}
		if at.After(*w.now) {
			*w.now = at
		}
		run()
	}
	if t.After(*w.now) {
		*w.now = t
	}
}

// Effect notes that the API call in hand really changed something.
func (w *World) Effect(e Effect) {
	e.At = *w.now
	w.effects = append(w.effects, e)
}

// Delivery is one copy of an event on its way to a receiver.
type Delivery interface {
	// Event is the id under which the receiver knows the event.
	Event() string
	// Request makes the complete signed request of the next attempt.
	Request(ctx context.Context) (*http.Request, error)
	// Answered is told what came of an attempt: a status, or an error when there was
	// no answer. It reports whether the event counts as taken; if it does not and is
	// to be tried again, the delivery posts itself again.
	Answered(status int, err error) (taken bool)
}

// Taken is whether an attempt was answered with 2xx.
func Taken(status int, err error) bool { return err == nil && status >= 200 && status < 300 }

// Send plans the deliveries of an event to one receiver, with whatever goes wrong on
// the way. It asks for each copy; all but the first are extra.
func (w *World) Send(copied func(extra bool) Delivery) {
	w.stats.Sent++
	delays := w.Faults.Deliveries()
	if len(delays) == 0 {
		w.stats.Dropped++
		return
	}
	w.stats.Duplicated += len(delays) - 1
	for i, d := range delays {
		w.Post(w.Faults.Hold(w.now.Add(d)), copied(i > 0))
	}
}

// Post lets a delivery be due at a time.
func (w *World) Post(at time.Time, d Delivery) { w.post.Put(at, d) }

// take removes the next due delivery and makes its request.
func (w *World) take(ctx context.Context) (Delivery, *http.Request) {
	defer w.Enter()()
	for {
		d, _, found := w.post.Take(*w.now)
		if !found {
			return nil, nil
		}
		req, err := d.Request(ctx)
		if err != nil {
			w.log.Error("webhook cannot be sent; give the receiver an absolute URL", "provider", w.name, "event", d.Event(), "error", err)
			continue
		}
		return d, req
	}
}

// answered notes the answer to an attempt.
func (w *World) answered(ctx context.Context, d Delivery, status int, err error) {
	defer w.Enter()()
	if w.log.Enabled(ctx, slog.LevelDebug) {
		w.log.Debug("webhook", "provider", w.name, "event", d.Event(), "status", status, "error", err)
	}
	if err == nil {
		w.stats.Delivered++
	}
	if !d.Answered(status, err) {
		return
	}
	w.stats.Acked++
	if id := d.Event(); !w.acked[id] {
		w.acked[id] = true
		w.stats.AckedEvents = append(w.stats.AckedEvents, id)
	}
}
