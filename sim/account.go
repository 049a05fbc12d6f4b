package sim

import (
	"context"
	"net/http"
	"time"
)

// Account is a simulated account as whoever drives it has it. All its methods are
// safe for concurrent use. Every provider's server embeds one.
type Account struct{ world *World }

// Account is the world for those who drive it.
func (w *World) Account() Account { return Account{w} }

// Advance moves the clock to t and lets happen what is due until then. Webhooks that
// fall due wait for Deliver.
func (a Account) Advance(t time.Time) {
	w := a.world
	w.Lock()
	defer w.Unlock()
	w.catchUp(t.UTC())
	w.clock.Set(t)
}

// NextAt returns when something is next due: a turn of life, or a delivery.
func (a Account) NextAt() (time.Time, bool) {
	w := a.world
	w.Lock()
	defer w.Unlock()
	at, ok := w.post.Next()
	if planned, found := w.agenda.Next(); found && (!ok || planned.Before(at)) {
		return planned, true
	}
	return at, ok
}

// Due returns how many deliveries are due at now.
func (a Account) Due(now time.Time) int {
	a.world.Lock()
	defer a.world.Unlock()
	return a.world.post.Due(now)
}

// Deliver posts, one after the other, every webhook that is due at the clock's time,
// and returns how many it posted. Several may run at once, each with its own share.
// The function gets a complete signed request and answers with the HTTP status, or
// with an error when there was no answer; see [Poster]. It may call the API
// meanwhile.
func (a Account) Deliver(ctx context.Context, post func(*http.Request) (int, error)) (n int) {
	for ctx.Err() == nil {
		d, req := a.world.take(ctx)
		if d == nil {
			return n
		}
		status, err := post(req)
		a.world.answered(ctx, d, status, err)
		n++
	}
	return n
}

// Run delivers by HTTP in real time until ctx ends; see [Post].
func (a Account) Run(ctx context.Context, client *http.Client) error {
	return Post(ctx, client, a.Deliver)
}

// Stats returns the counts so far.
func (a Account) Stats() Stats {
	a.world.Lock()
	defer a.world.Unlock()
	out := a.world.stats.Clone()
	out.Faults = a.world.Faults.Fired()
	return out
}

// Effects returns the ledger of effects, in the order in which they happened.
func (a Account) Effects() []Effect {
	a.world.Lock()
	defer a.world.Unlock()
	return append([]Effect(nil), a.world.effects...)
}
