package demo

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"
)

// grain is the shortest step of time: what happens within it happens at once.
const grain = time.Second

// advance moves the world to the next moment at which anything is due, but not
// past a limit, and lets happen what happens there.
func (w *world) advance(ctx context.Context, limit time.Time) error {
	next := w.next(limit)
	for _, a := range w.accounts {
		a.motion.Advance(next)
	}
	acted, err := w.agenda.run(ctx, next)
	if err != nil {
		return err
	}
	for _, a := range w.accounts {
		acted += a.motion.Deliver(ctx, func(r *http.Request) (int, error) { return w.deliver(a, r) })
	}
	if acted == 0 && w.due.After(next) {
		return ctx.Err()
	}
	if _, err := w.service.Step(ctx); err != nil {
		return err
	}
	if err := w.wishes.settle(ctx, w); err != nil {
		return err
	}
	return w.ask(ctx)
}

// ask notes when the service next has something to do.
func (w *world) ask(ctx context.Context) error {
	at, found, err := w.service.Next(ctx)
	if w.due = at; !found {
		w.due = w.end.Add(rest + grace)
	}
	return err
}

// next is when anything is due next, at least one grain from now.
func (w *world) next(limit time.Time) time.Time {
	next := limit
	sooner := func(at time.Time, found bool) {
		if found && at.Before(next) {
			next = at
		}
	}
	sooner(w.agenda.next())
	for _, a := range w.accounts {
		sooner(a.motion.NextAt())
	}
	sooner(w.due, true)
	if soonest := w.clock.Now().Add(grain); next.Before(soonest) {
		next = soonest
	}
	if next.After(limit) {
		next = limit
	}
	return next
}

// deliver brings one webhook to the service and, the same bytes, to the naive
// handler.
func (w *world) deliver(a *account, r *http.Request) (int, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return 0, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	a.naive.receive(a.naive, body)
	resp, err := w.hooks.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// live lets the world's days pass, and tells of each.
func (w *world) live(ctx context.Context, tell func(context.Context, day) error) error {
	for number := 1; number <= w.Days; number++ {
		midnight := begins.AddDate(0, 0, number)
		for w.clock.Now().Before(midnight) {
			if err := w.advance(ctx, midnight); err != nil {
				return err
			}
		}
		d, err := w.score(ctx, number)
		if err != nil {
			return err
		}
		w.days = append(w.days, d)
		if err := tell(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

const (
	// rest is how long the service may settle at least: a delivery can be three
	// days late, and its copies six hours more.
	rest = 80 * time.Hour
	// grace is how long it may take until all is in step at one moment: the world
	// goes on renewing and charging, and its news takes seconds.
	grace = 24 * time.Hour
)

// settle ends all faults and all that people do by themselves, and lets time
// pass. Nothing is asked of the service meanwhile.
func (w *world) settle(ctx context.Context) error {
	for _, a := range w.accounts {
		a.motion.Calm()
	}
	w.agenda.clear()
	w.stopped = true
	for until := w.end.Add(rest); w.clock.Now().Before(until); {
		if err := w.advance(ctx, until); err != nil {
			return err
		}
	}
	if err := w.answerLetters(ctx); err != nil {
		return err
	}
	for until := w.end.Add(rest + grace); w.clock.Now().Before(until); {
		quiet, err := w.quiet(ctx)
		if err != nil || quiet {
			return err
		}
		minute := w.clock.Now().Add(time.Minute)
		for w.clock.Now().Before(minute) {
			if err := w.advance(ctx, minute); err != nil {
				return err
			}
		}
	}
	return nil
}
