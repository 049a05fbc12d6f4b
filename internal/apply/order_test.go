package apply_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/work"
	"github.com/trivetdev/trivet/provider"
)

var (
	sub1 = ref(billing.KindSubscription, "sub_1")
	cus1 = ref(billing.KindCustomer, "cus_1")
)

const (
	pendingWord = string(billing.SubscriptionPending)
	activeWord  = string(billing.SubscriptionActive)
	endedWord   = string(billing.SubscriptionEnded)
)

// A fetch that began first and ends last brings old news: it must not win.
func TestSlowFetchDoesNotOverwrite(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		h.world.say(mine("u"), snap("sub_1", subscribed(billing.SubscriptionActive)))
		reading, proceed := make(chan bool), make(chan bool)
		h.world.delay = func(r provider.Ref, n int) {
			if r == sub1 && n == 1 {
				close(reading)
				<-proceed
			}
		}
		var slow sync.WaitGroup
		slow.Go(func() { h.look(sub1) })
		<-reading
		h.world.say(snap("sub_1", subscribed(billing.SubscriptionEnded)))
		h.look(sub1)
		close(proceed)
		slow.Wait()
		h.wantStatus(sub1, endedWord)
		if n := h.world.fetched(sub1); n != 3 {
			t.Errorf("%d fetches; the slow one should have looked once more", n)
		}
		h.audit()
	})
}

// A page that was read before and is written after a webhook's look.
func TestOldPageDoesNotOverwrite(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		old := snap("sub_1", subscribed(billing.SubscriptionActive))
		begun := h.begin()
		h.world.say(mine("u"), snap("sub_1", subscribed(billing.SubscriptionEnded)))
		h.webhook(sub1)
		h.step()
		if out := h.page(begun, "", old); !out[0].Overtaken || out[0].Changed {
			t.Errorf("the old page: %+v", out[0])
		}
		h.wantStatus(sub1, endedWord)
		before := h.world.fetched(sub1)
		h.step()
		if h.world.fetched(sub1) != before+1 {
			t.Error("what the page could not write is not looked at again")
		}
		h.wantStatus(sub1, endedWord)
		h.audit()
	})
}

// Events name objects; whatever they claim and in whichever order they come, the
// provider's truth counts.
func TestLateEvents(t *testing.T) {
	for name, story := range map[string][]billing.SubscriptionStatus{
		"two updates in one second":          {billing.SubscriptionPastDue, billing.SubscriptionActive},
		"created(incomplete) after active":   {billing.SubscriptionActive},
		"updated after deleted":              {billing.SubscriptionActive, billing.SubscriptionEnded},
		"all at once, looked at only at end": {billing.SubscriptionPending, billing.SubscriptionActive, billing.SubscriptionEnded},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, trusting, func(t *testing.T, h *house) {
				h.world.say(mine("u"))
				var events []string
				for _, status := range story {
					h.world.say(snap("sub_1", subscribed(status)))
					events = append(events, h.webhook(sub1))
					if name != "all at once, looked at only at end" {
						h.step()
					}
				}
				// The late ones, whose news is older than what we know.
				events = append(events, h.webhook(sub1), h.webhook(sub1))
				h.step()
				h.wantStatus(sub1, string(story[len(story)-1]))
				for _, id := range events {
					h.wantEvent(id, store.EventDone)
				}
				h.audit()
			})
		})
	}
}

// A webhook can be faster than the API that it speaks of.
func TestNotVisibleYet(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		h.world.say(mine("u"))
		id := h.webhook(sub1)
		h.step()
		h.wantEvent(id, store.EventReceived)
		h.wantStatus(sub1, "")
		h.world.say(snap("sub_1", subscribed(billing.SubscriptionActive)))
		h.clock.Pass(5 * time.Second)
		h.step()
		h.wantStatus(sub1, activeWord)
		h.wantEvent(id, store.EventDone)
	})
}

// What is never to be seen is given up quietly, and found when it appears later.
func TestNeverVisible(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		id := h.webhook(sub1)
		for range 10 {
			h.step()
			h.clock.Pass(time.Minute)
		}
		h.wantEvent(id, store.EventDone)
		if o := h.held(sub1); o.Key != "" {
			t.Errorf("an object that nobody ever saw is in the ledger: %+v", o)
		}
		h.world.say(mine("u"), snap("sub_1", subscribed(billing.SubscriptionActive)))
		h.webhook(sub1)
		h.step()
		h.wantStatus(sub1, activeWord)
	})
}

// A vanished object leaves a tombstone and takes access with it; one that is
// there again is as good as before. One answer alone buries nothing.
func TestVanishAndReturn(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		h.world.say(mine("u"), snap("sub_1", subscribed(billing.SubscriptionActive)))
		h.look(cus1, sub1)
		h.wantAccess("u", "api", true)

		h.world.forget(sub1)
		if out := h.look(sub1); !out[0].Missing {
			t.Errorf("the look says %+v", out[0])
		}
		h.wantStatus(sub1, activeWord)
		h.wantAccess("u", "api", true)
		for range 6 {
			h.step()
			h.clock.Pass(time.Minute)
		}
		if o := h.held(sub1); !o.Gone || o.Status != activeWord {
			t.Errorf("no tombstone: %+v", o)
		}
		h.wantAccess("u", "api", false)

		h.world.say(snap("sub_1", subscribed(billing.SubscriptionActive)))
		h.look(sub1)
		h.wantStatus(sub1, activeWord)
		h.wantAccess("u", "api", true)

		h.world.say(provider.Snapshot{Ref: sub1, Gone: true}) // told so outright
		h.look(sub1)
		h.wantAccess("u", "api", false)
		h.audit()
	})
}

// Nothing but a complete answer says that something is gone.
func TestFailuresRemoveNothing(t *testing.T) {
	for _, kind := range []provider.ErrorKind{provider.Unavailable, provider.RateLimited, provider.Denied, provider.Malformed, provider.Refused, provider.OutcomeUnknown} {
		t.Run(string(kind), func(t *testing.T) {
			both(t, trusting, func(t *testing.T, h *house) {
				h.world.say(mine("u"), snap("sub_1", subscribed(billing.SubscriptionActive)))
				h.look(cus1, sub1)
				h.world.fault = func(r provider.Ref, _ int) error {
					return &provider.Error{Account: "stripe", Op: "fetch", Kind: kind}
				}
				id := h.webhook(sub1)
				for range 30 {
					h.step()
					h.clock.Pass(10 * time.Minute)
				}
				h.wantStatus(sub1, activeWord)
				h.wantAccess("u", "api", true)
				want := store.EventDead
				if kind == provider.Unavailable || kind == provider.RateLimited || kind == provider.Denied {
					want = store.EventReceived // an outage of five hours is no reason to give up
				}
				h.wantEvent(id, want)
				h.world.fault = nil
				h.webhook(sub1)
				h.clock.Pass(10 * time.Minute)
				h.step()
				h.wantEvent(id, store.EventDone)
			})
		})
	}
}

// Ten events that come during one fetch cost one more, and none is lost.
func TestCoalescing(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		h.world.say(mine("u"), snap("sub_1", subscribed(billing.SubscriptionPending)))
		reading, proceed := make(chan bool), make(chan bool)
		h.world.delay = func(r provider.Ref, n int) {
			if r == sub1 && n == 1 {
				close(reading)
				<-proceed
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { h.engine.Run(ctx, time.Second) })
		defer running.Wait()
		defer cancel()
		events := []string{h.webhook(sub1)}
		h.engine.Wake(store.QueueLook)
		<-reading
		h.world.say(snap("sub_1", subscribed(billing.SubscriptionActive)))
		for range 10 {
			events = append(events, h.webhook(sub1))
			h.engine.Wake(store.QueueLook)
		}
		close(proceed)
		until(t, func() bool {
			counts, err := h.db.EventCounts(t.Context())
			return err == nil && counts[store.EventDone] == int64(len(events))
		})
		h.wantStatus(sub1, activeWord)
		if n := h.world.fetched(sub1); n != 2 {
			t.Errorf("%d fetches for %d events", n, len(events))
		}
	})
}

func until(t *testing.T, true func() bool) {
	t.Helper()
	for range 2000 {
		if true() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("it does not come to be")
}

// A look that a sweep asked for serves the webhook that came meanwhile.
func TestSweepsLookSettlesWebhook(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		h.world.say(mine("u"), snap("sub_1", subscribed(billing.SubscriptionActive)))
		h.look(cus1, sub1)
		h.raise("sweep", sub1)
		h.world.say(snap("sub_1", subscribed(billing.SubscriptionEnded)))
		id := h.webhook(sub1)
		h.step()
		h.wantEvent(id, store.EventDone)
		if got := h.drift(); got != "" {
			t.Errorf("a change whose webhook had come was taken for drift: %s", got)
		}
	})
}

func (h *house) raise(cause string, refs ...provider.Ref) {
	h.t.Helper()
	err := h.db.Write(h.t.Context(), func(ctx context.Context, tx *store.Tx) error {
		numbers, err := tx.Numbers(ctx, 1)
		if err != nil {
			return err
		}
		var wants []store.Want
		for _, r := range refs {
			wants = append(wants, store.Want{Queue: store.QueueLook, Key: r.String(), Cause: cause})
		}
		return tx.Raise(ctx, numbers[0], wants)
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// A worker that stood still past its lease and wakes writes nothing.
func TestLateWriteIsFencedOff(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		h.world.say(mine("u"), snap("sub_1", subscribed(billing.SubscriptionActive)))
		h.webhook(sub1)
		claims, err := h.db.Claim(t.Context(), store.QueueLook, 1, time.Minute)
		if err != nil || len(claims) != 1 {
			t.Fatal(claims, err)
		}
		reading, proceed := make(chan bool), make(chan bool)
		h.world.delay = func(_ provider.Ref, n int) {
			if n == 1 {
				close(reading)
				<-proceed
			}
		}
		var late error
		var all sync.WaitGroup
		all.Go(func() { late = h.Look(t.Context(), claims[0]) })
		<-reading
		h.clock.Pass(2 * time.Minute)
		if _, err := h.db.Expire(t.Context()); err != nil {
			t.Fatal(err)
		}
		again, err := h.db.Claim(t.Context(), store.QueueLook, 1, time.Minute)
		if err != nil || len(again) != 1 {
			t.Fatal(again, err)
		}
		close(proceed)
		all.Wait()
		if !errors.Is(late, store.ErrLost) {
			t.Errorf("the late write ended with %v", late)
		}
		if o := h.held(sub1); o.Key != "" {
			t.Errorf("the late write was written: %+v", o)
		}
		if err := h.Look(t.Context(), again[0]); err != nil {
			t.Error(err)
		}
		h.wantStatus(sub1, activeWord)
	})
}

// Two processes and thirty-two goroutines look at a few objects of one customer
// that change all the while. In the end the ledger is the truth.
func TestManyAtOnce(t *testing.T) {
	storetestEach(t, func(t *testing.T, a, b *house) {
		b.world = a.world
		a.world.say(mine("u"))
		refs := []provider.Ref{sub1, ref(billing.KindSubscription, "sub_2"), ref(billing.KindSubscription, "sub_3"), cus1}
		statuses := []billing.SubscriptionStatus{billing.SubscriptionActive, billing.SubscriptionPastDue, billing.SubscriptionEnded, billing.SubscriptionPaused}
		for i, r := range refs[:3] {
			a.world.say(snap(r.ID, subscribed(statuses[i]), related(refs...)))
		}
		var overtaken atomic.Int64
		var all sync.WaitGroup
		for i := range 32 {
			all.Go(func() {
				h := []*house{a, b}[i%2]
				for j := range 6 {
					r := refs[(i+j)%3]
					a.world.say(snap(r.ID, subscribed(statuses[(i*j)%4]), related(refs...)))
					_, err := h.Refs(t.Context(), apply.Cause{Trigger: apply.Webhook}, r)
					if err != nil && h.held(r).Key == "" {
						t.Error(err)
					}
					if err != nil {
						overtaken.Add(1) // it kept changing while we looked
					}
				}
			})
		}
		all.Wait()
		a.look(refs...)
		for _, r := range refs[:3] {
			a.wantStatus(r, a.world.now(r).Object.State())
		}
		wantsAccess := false
		for _, r := range refs[:3] {
			wantsAccess = wantsAccess || a.world.now(r).Object.State() == activeWord
		}
		stored, err := a.Check(t.Context(), "u", "api")
		if err != nil || wantsAccess && !stored.Allowed {
			t.Errorf("%+v, %v", stored, err)
		}
		a.audit()
		t.Logf("%d looks gave up because the object kept changing", overtaken.Load())
	})
}

// storetestEach opens two processes on each database; SQLite has one.
func storetestEach(t *testing.T, test func(t *testing.T, a, b *house)) {
	t.Helper()
	both(t, trusting, func(t *testing.T, a *house) {
		b := *a
		b.Applier = apply.New(a.Config)
		t.Cleanup(b.Close)
		b.engine = work.New(a.db, slog.New(slog.DiscardHandler), b.Queue(8))
		test(t, a, &b)
	})
}

// A page that was read before an object was deleted, and is written after a look
// that found it so. The ledger never knew the object: nothing else remembers.
func TestOldPageDoesNotResurrect(t *testing.T) {
	for name, gone := range map[string]bool{"deleted": true, "not to be found": false} {
		t.Run(name, func(t *testing.T) {
			both(t, trusting, func(t *testing.T, h *house) {
				begun := h.begin()
				old := snap("sub_1", subscribed(billing.SubscriptionActive))
				if gone {
					h.world.say(provider.Snapshot{Ref: sub1, Gone: true})
				}
				h.webhook(sub1)
				for range 5 {
					h.step()
					h.clock.Pass(time.Minute)
				}
				if out := h.page(begun, "", mine("u"), old); !out[1].Overtaken {
					t.Errorf("the old page: %+v", out[1])
				}
				h.step()
				if o := h.held(sub1); o.Key != "" {
					t.Errorf("what is gone is held as %+v", o)
				}
				h.page(h.begin(), "", old) // there again after all
				h.wantStatus(sub1, activeWord)
			})
		})
	}
}
