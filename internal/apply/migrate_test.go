package apply_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
)

// TestMigrateAtOnce: several hands move one customer at the same moment; one grant is
// given, and the audit trail accounts for it.
func TestMigrateAtOnce(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		other := apply.New(h.Config)
		defer other.Close()
		h.world.say(mine("u"), snap("sub_1", subscribed(billing.SubscriptionActive)), snap("sub_2", subscribed(billing.SubscriptionActive)))
		h.look(cus1, sub1, ref(billing.KindSubscription, "sub_2"))
		move := billing.Migration{From: "stripe", Grace: time.Hour}
		if planned, err := h.Bridges(t.Context(), "u", move); err != nil || len(planned) != 2 || planned[0].Grant.ID != "" {
			t.Fatalf("%+v %v", planned, err)
		}
		var hands sync.WaitGroup
		var mu sync.Mutex
		given := map[string]int{}
		for i := range 8 {
			hands.Go(func() {
				bridges, err := []*apply.Applier{h.Applier, other}[i%2].Migrate(t.Context(), "u", move, "we leave", apply.Cause{Trigger: apply.Request, Actor: "key:1"})
				mu.Lock()
				defer mu.Unlock()
				if err != nil || len(bridges) != 2 {
					t.Errorf("%+v %v", bridges, err)
				}
				for _, b := range bridges {
					given[b.Grant.ID]++
				}
			})
		}
		hands.Wait()
		grants, next, err := h.Bridging(t.Context(), "stripe", "", 10)
		if err != nil || next != "" || len(grants) != 1 || given[grants[0].ID] != 16 {
			t.Fatalf("%+v %q %v; told %v", grants, next, err, given)
		}
		g := grants[0]
		if g.Customer != "u" || g.By != "key:1" || g.Reason != "we leave" || !g.Until.Equal(storetest.Start().AddDate(0, 1, 0).Add(time.Hour)) || !g.At.Equal(h.db.Now()) {
			t.Errorf("%+v", g)
		}
		if nobody, _, err := h.Bridging(t.Context(), "paypal", "", 10); err != nil || len(nobody) != 0 {
			t.Errorf("%+v %v", nobody, err)
		}
		h.audit()
	})
}

// TestMigrateNobody: who has nothing there gets nothing, and leaves no trace.
func TestMigrateNobody(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		bridges, err := h.Migrate(t.Context(), "stranger", billing.Migration{From: "stripe", Grace: time.Hour}, "", apply.Cause{Trigger: apply.Request})
		if err != nil || len(bridges) != 0 {
			t.Errorf("%+v %v", bridges, err)
		}
		if _, err := h.db.Customer(t.Context(), "stranger"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the stranger was made: %v", err)
		}
		h.world.say(mine("a"), snap("sub_1", subscribed(billing.SubscriptionActive)), snap("sub_2", subscribed(billing.SubscriptionActive)), snap("sub_3", subscribed(billing.SubscriptionActive), ownedBy("")))
		h.look(cus1, sub1, ref(billing.KindSubscription, "sub_2"), ref(billing.KindSubscription, "sub_3"))
		var all []string
		for after, pages := "", 0; ; pages++ {
			refs, next, err := h.Movers(t.Context(), "stripe", after, 2)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, refs...)
			if after = next; next == "" {
				if pages != 1 || !slices.Equal(all, []string{"a"}) {
					t.Errorf("%d pages of %q", pages+1, all)
				}
				return
			}
		}
	})
}
