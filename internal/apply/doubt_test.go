package apply_test

import (
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
	"github.com/trivetdev/trivet/provider"
)

// versioned makes a snapshot of a record that was last changed at a time and says
// something.
func versioned(at time.Time, facts string) func(*provider.Snapshot) {
	return func(s *provider.Snapshot) { s.Version = provider.Version{UpdatedAt: at, Facts: facts} }
}

// looks counts the fetches of sub_1 that what has come leads to.
func (h *house) looks() int {
	h.t.Helper()
	before := h.world.fetched(sub1)
	h.step()
	h.minutes(5)
	return h.world.fetched(sub1) - before
}

// A look that provably saw what its event shows is not taken again; any other is.
func TestProvenLook(t *testing.T) {
	at := storetest.Start().Add(time.Hour)
	version := func(after time.Duration, facts string) provider.Version {
		return provider.Version{UpdatedAt: at.Add(after), Facts: facts}
	}
	for name, tt := range map[string]struct {
		seen  provider.Version
		shown []provider.Version
		looks int
	}{
		"what the event shows":                {version(0, "a"), []provider.Version{version(0, "a")}, 1},
		"something later":                     {version(time.Minute, "b"), []provider.Version{version(0, "a")}, 1},
		"something of the same second":        {version(0, "b"), []provider.Version{version(0, "a")}, 2},
		"something older":                     {version(-time.Minute, "b"), []provider.Version{version(0, "a")}, 2},
		"of two events, one":                  {version(0, "a"), []provider.Version{version(0, "a"), version(0, "b")}, 2},
		"two events, both":                    {version(0, "a"), []provider.Version{version(0, "a"), version(-time.Hour, "b")}, 1},
		"an event that shows nothing":         {version(0, "a"), []provider.Version{{}}, 2},
		"an answer that proves nothing":       {provider.Version{}, []provider.Version{version(0, "a")}, 2},
		"neither the one nor the other knows": {provider.Version{}, []provider.Version{{}}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			lagging(t, func(t *testing.T, h *house) {
				h.world.say(snap("sub_1", subscribed(billing.SubscriptionActive), func(s *provider.Snapshot) { s.Version = tt.seen }))
				h.world.shown = map[string]provider.Version{}
				var ids []string
				for i, shown := range tt.shown {
					body := string(rune('a' + i))
					h.world.shown[body] = shown
					ids = append(ids, h.told(h.clock.Now(), body, sub1))
				}
				if n := h.looks(); n != tt.looks {
					t.Errorf("%d looks, want %d", n, tt.looks)
				}
				for _, id := range ids {
					h.wantEvent(id, store.EventDone)
				}
			})
		})
	}
}

// The copy that a look was taken of is older than the event, and says so: what the
// event told is seen a little later all the same.
func TestStaleLookOfAProvider(t *testing.T) {
	lagging(t, func(_ *testing.T, h *house) {
		now := h.clock.Now()
		h.world.shown = map[string]provider.Version{"ended": {UpdatedAt: now, Facts: "ended"}}
		h.world.say(snap("sub_1", subscribed(billing.SubscriptionActive), versioned(now.Add(-time.Hour), "active")))
		h.told(now, "ended", sub1)
		h.step()
		h.wantStatus(sub1, "active")
		h.over()
	})
}

// An event about a payment may show something else than the object that it makes us
// look at: that proves nothing of it.
func TestEventShowsAnotherObject(t *testing.T) {
	lagging(t, func(t *testing.T, h *house) {
		other := ref(billing.KindSubscription, "sub_2")
		same := provider.Version{UpdatedAt: h.clock.Now(), Facts: "same"}
		h.world.shown = map[string]provider.Version{"x": same}
		h.world.say(snap("sub_2", subscribed(billing.SubscriptionActive), versioned(same.UpdatedAt, same.Facts)))
		h.told(h.clock.Now(), "x", other)
		h.step()
		h.minutes(5)
		if n := h.world.fetched(other); n != 2 {
			t.Errorf("%d looks, want 2", n)
		}
	})
}

// Copies lag by seconds. An event of which the news is hours old when it comes, be it
// late or listed, is not doubted: the provider's time of it tells, give or take the
// difference of the clocks.
func TestOldNews(t *testing.T) {
	lagging(t, func(t *testing.T, h *house) {
		for ago, want := range map[time.Duration]int{
			3 * time.Hour: 1, 6 * time.Minute: 1,
			5 * time.Minute: 2, time.Minute: 2, 0: 2, -10 * time.Minute: 2,
		} {
			h.told(h.clock.Now().Add(-ago), "{}", sub1)
			if n := h.looks(); n != want {
				t.Errorf("%v ago: %d looks, want %d", ago, n, want)
			}
		}
		h.told(time.Time{}, "{}", sub1) // it does not say when
		if n := h.looks(); n != 2 {
			t.Errorf("%d looks at what happened nobody knows when", n)
		}
	})
}
