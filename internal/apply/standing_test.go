package apply_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
	"github.com/trivetdev/trivet/provider"
)

// TestSweepRevives: a look that failed too often is taken again when a list shows
// the object in a form that can be read, and the event that waited for it is done.
func TestSweepRevives(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		h.world.say(mine("u"), provider.Snapshot{Ref: sub1})
		id := h.webhook(sub1)
		for range 12 {
			h.step()
			h.clock.Pass(time.Hour)
		}
		h.wantEvent(id, store.EventDead)
		good := snap("sub_1", subscribed(billing.SubscriptionActive))
		h.world.say(good)
		h.page(h.begin(), "", good)
		h.step()
		h.wantEvent(id, store.EventDone)
		h.wantStatus(sub1, "active")
	})
}

// TestDuplicate: of two subscriptions that will go on, the older is one too many,
// until either is canceled. One that is canceled already, or waits for its first
// payment, is none.
func TestDuplicate(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		open := func() (ids []string) {
			t.Helper()
			rows, err := h.db.Drift(t.Context(), store.DriftFilter{State: "open", Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range rows {
				if d.Kind == apply.DriftDuplicate {
					ids = append(ids, d.Object+" of "+d.Customer+" "+d.Diff)
				}
			}
			return ids
		}
		say := func(id string, started int, change func(*billing.Subscription)) {
			t.Helper()
			s := subscribed(billing.SubscriptionActive)
			s.StartedAt = storetest.Start().AddDate(0, 0, started)
			if change != nil {
				change(&s)
			}
			h.world.say(snap(id, s))
			h.look(ref(billing.KindSubscription, id))
		}
		pending := func(s *billing.Subscription) { s.Status = billing.SubscriptionPending }
		ending := func(s *billing.Subscription) { s.CancelAt = s.PeriodEnd }
		ended := func(s *billing.Subscription) { s.Status = billing.SubscriptionEnded }
		h.world.say(mine("u"))
		h.look(cus1)
		const both = `sub_1 of u [{"field":"newer","after":"stripe/subscription/sub_2"}]`
		for i, step := range []struct {
			id      string
			started int
			change  func(*billing.Subscription)
			want    []string
		}{
			{"sub_1", 0, nil, nil},
			{"sub_2", 5, pending, nil},
			{"sub_2", 5, nil, []string{both}},
			{"sub_2", 5, nil, []string{both}},
			{"sub_1", 0, ending, nil},
			{"sub_1", 0, nil, []string{both}},
			{"sub_2", 5, ended, nil},
			{"sub_3", -5, nil, []string{`sub_3 of u [{"field":"newer","after":"stripe/subscription/sub_1"}]`}},
			{"sub_1", 0, ended, nil},
		} {
			say(step.id, step.started, step.change)
			if diff := cmp.Diff(step.want, open()); diff != "" {
				t.Errorf("step %d, %s: %s", i, step.id, diff)
			}
		}
	})
}
