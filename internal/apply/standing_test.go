package apply_test

import (
	"errors"
	"slices"
	"strings"
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

// openDrift lists the open findings of a kind, "object of customer diff".
func (h *house) openDrift(kind string) (found []string) {
	h.t.Helper()
	rows, err := h.db.Drift(h.t.Context(), store.DriftFilter{State: "open", Kind: kind, Limit: 100})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, d := range rows {
		found = append(found, d.Object+" of "+d.Customer+" "+d.Diff)
	}
	return found
}

// TestPaidButBlocked: whoever pays for what gives them nothing is found under that
// word, and under their name as soon as it is known.
func TestPaidButBlocked(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		odd := subscribed(billing.SubscriptionActive)
		odd.Price, odd.Items = "price_odd", []billing.Item{{Price: "price_odd", Quantity: 1}}
		h.world.say(snap("sub_1", odd))
		h.look(sub1)
		want := func(when string, want ...string) {
			t.Helper()
			rows, err := h.db.Drift(t.Context(), store.DriftFilter{State: "open", Impact: apply.PaidButBlocked, Limit: 100})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range rows {
				got = append(got, d.Kind+" of "+d.Customer+" "+d.Diff)
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", when, got, want)
			}
		}
		const price = `[{"field":"price","after":"price_odd"}]`
		want("nobody's, at a price in no plan", "unlinked of  []", "unmapped_price of  "+price)
		h.world.say(mine("u"))
		h.look(cus1)
		want("linked", "unmapped_price of u "+price)
		odd.Items = append(odd.Items, billing.Item{Price: "price_pro", Quantity: 1})
		h.world.say(snap("sub_1", odd))
		h.look(sub1)
		want("something of it is in a plan")
		late := odd
		late.Status, late.Items = billing.SubscriptionUnpaid, odd.Items[:1]
		h.world.say(snap("sub_1", late))
		h.look(sub1)
		want("not paid")
		if got := h.openDrift(apply.DriftUnmapped); !slices.Equal(got, []string{"sub_1 of u " + price}) {
			t.Errorf("%q", got)
		}
		h.audit()
	})
}

// TestWrongPlan: a change that only a list showed is of another urgency if it is one
// of plan.
func TestWrongPlan(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		h.world.say(mine("u"))
		h.look(cus1)
		priced := func(price string, quantity int64) provider.Snapshot {
			s := subscribed(billing.SubscriptionActive)
			s.Price, s.Quantity, s.Items = price, quantity, []billing.Item{{Price: price, Quantity: quantity}}
			return snap("sub_1", s)
		}
		for _, step := range []struct {
			price    string
			quantity int64
			want     string
		}{
			{"price_pro", 1, "missing sub_1 healed paid_but_blocked"},
			{"price_pro", 2, "stale sub_1 healed"},
			{"price_life", 2, "wrong_plan sub_1 healed paid_but_blocked"}, // from api to export
			{"price_unknown", 2, "wrong_plan sub_1 healed unpaid_but_active; unmapped_price sub_1 open paid_but_blocked"},
			{"price_other", 2, "stale sub_1 healed"},
			{"price_pro", 2, "wrong_plan sub_1 healed paid_but_blocked"},
		} {
			before := h.drift()
			h.page(h.begin(), "", priced(step.price, step.quantity))
			after := strings.TrimPrefix(strings.TrimPrefix(h.drift(), before), "; ")
			if step.price == "price_pro" && step.quantity == 2 && strings.Contains(before, "unmapped_price") {
				after = after[strings.LastIndex(after, "; ")+2:] // the price is in a plan again
			}
			if after != step.want {
				t.Errorf("%s × %d: %s, want %s", step.price, step.quantity, after, step.want)
			}
		}
		h.audit()
	})
}

// TestWrongCustomer: a purchase that says by now that it is somebody else's stays
// whose it is, and is shown until it is moved or says otherwise.
func TestWrongCustomer(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		all, _ := household("x")
		h.world.say(all...)
		for _, s := range all {
			h.look(s.Ref)
		}
		subscription, invoice, payment := all[7], all[8], all[9]
		says := func(person string) {
			t.Helper()
			subscription.Claims = map[string]string{"metadata.user_id": person}
			h.world.say(subscription)
			h.look(subscription.Ref)
		}
		expect := func(when string, want ...string) {
			t.Helper()
			if diff := cmp.Diff(want, h.openDrift(apply.DriftWrongCustomer)); diff != "" {
				t.Errorf("%s: %s", when, diff)
			}
		}
		const wrong = `sub_s_x of second x [{"field":"customer","before":"second x","after":"third"}]`
		expect("at first")
		says("third")
		expect("it is said to be another's", wrong)
		h.look(subscription.Ref)
		expect("looked at again", wrong)
		says("second x")
		expect("it says what it said before")
		says("third")
		expect("and again", wrong)
		hand := apply.Cause{Trigger: apply.Request, Actor: "key:1"}
		for _, from := range []string{"", "first x"} {
			var taken *apply.Taken
			if err := h.Move(t.Context(), subscription.Ref, from, "third", hand); !errors.As(err, &taken) || taken.Customer != "second x" {
				t.Errorf("moved from %q: %v", from, err)
			}
		}
		if err := h.Move(t.Context(), subscription.Ref, "second x", "third", hand); err != nil {
			t.Fatal(err)
		}
		if err := h.Move(t.Context(), subscription.Ref, "second x", "third", hand); err != nil {
			t.Errorf("moved twice: %v", err)
		}
		expect("moved")
		for _, s := range []provider.Snapshot{subscription, invoice, payment} {
			if got := h.held(s.Ref).Customer; got != "third" {
				t.Errorf("%s belongs to %q", s.Ref, got)
			}
		}
		h.wantAccess("second x", "api", false)
		h.wantAccess("third", "api", true)
		h.wantAccess("first x", "api", true)
		h.audit()
	})
}

// TestGivenToAnotherOwner: the provider itself has moved a purchase to another of its
// customers.
func TestGivenToAnotherOwner(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		other := snap("cus_2", billing.ProviderCustomer{}, claiming("metadata.user_id", "v"))
		h.world.say(mine("u"), other, snap("sub_1", subscribed(billing.SubscriptionActive)))
		h.look(cus1, other.Ref, sub1)
		h.world.say(snap("sub_1", subscribed(billing.SubscriptionActive), ownedBy("cus_2")))
		h.look(sub1)
		want := []string{`sub_1 of u [{"field":"customer","before":"u","after":"v"}]`}
		if diff := cmp.Diff(want, h.openDrift(apply.DriftWrongCustomer)); diff != "" {
			t.Error(diff)
		}
		h.world.say(snap("sub_1", subscribed(billing.SubscriptionActive), ownedBy("cus_1")))
		h.look(sub1)
		if found := h.openDrift(apply.DriftWrongCustomer); found != nil {
			t.Errorf("given back, and still %v", found)
		}
	})
}

// TestDuplicateMovesAway: what is moved to somebody else is no duplicate any more.
func TestDuplicateMovesAway(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		later := subscribed(billing.SubscriptionActive)
		later.StartedAt = storetest.Start().AddDate(0, 0, 1)
		two := ref(billing.KindSubscription, "sub_2")
		h.world.say(mine("u"), snap("sub_1", subscribed(billing.SubscriptionActive)), snap("sub_2", later))
		h.look(cus1, sub1, two)
		if found := h.openDrift(apply.DriftDuplicate); len(found) != 1 {
			t.Fatalf("found %v", found)
		}
		if err := h.Move(t.Context(), two, "u", "v", apply.Cause{Trigger: apply.Request}); err != nil {
			t.Fatal(err)
		}
		if found := h.openDrift(apply.DriftDuplicate); found != nil {
			t.Errorf("still %v", found)
		}
		h.audit()
	})
}
