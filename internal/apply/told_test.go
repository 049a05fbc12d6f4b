package apply_test

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
	"github.com/trivetdev/trivet/provider"
)

// telling is a provider whose events claim what it says nowhere else, and whose
// customers may be several people.
type telling struct{ *world }

func (telling) TellsClaims() bool  { return true }
func (telling) SharesOwners() bool { return true }

// tellingBoth runs a test on both databases with such a provider.
func tellingBoth(t *testing.T, bind []string, test func(t *testing.T, h *house)) {
	t.Helper()
	both(t, apply.Config{Bind: map[string][]string{"stripe": bind}}, func(t *testing.T, h *house) {
		h.Drivers["stripe"] = telling{h.world}
		test(t, h)
	})
}

// tell stores an event that claims something of an object, and nothing is looked at
// yet.
func (h *house) tell(r provider.Ref, claim, value string) {
	h.t.Helper()
	eventCount++
	id := store.Told{Key: r.String(), Name: claim, Value: value, Event: "evt"}
	e := store.Event{
		Account: "stripe", EventID: "told_" + r.String() + claim + value, Type: "x", Arrival: store.ArrivalWebhook, Headers: "{}", Body: []byte("{}"),
		Refs: []string{r.String()}, Told: []store.Told{id},
	}
	if _, err := h.db.Receive(h.t.Context(), []store.Event{e, e}); err != nil { // twice, as events come
		h.t.Fatal(err)
	}
}

// What an event claimed links its object whichever of the two comes first, and all
// that came of it.
func TestToldInEveryOrder(t *testing.T) {
	tellingBoth(t, []string{provider.ClaimToken}, func(t *testing.T, h *house) {
		order := ref(billing.KindCheckout, "order-1")
		all := []provider.Snapshot{
			snap("order-1", billing.Checkout{Status: billing.CheckoutComplete, Subscription: "sub_1"}),
			snap("sub_1", subscribed(billing.SubscriptionActive), func(s *provider.Snapshot) { s.Parent = order }),
			snap("in_1", billing.Invoice{Status: billing.InvoicePaid, Subscription: "sub_1", Payments: []string{"pi_1"}}),
			snap("pi_1", paid(""), func(s *provider.Snapshot) { s.Parent = ref(billing.KindInvoice, "in_1") }),
			snap("cus_1", billing.ProviderCustomer{Email: "a@b.test"}, ownedBy("cus_1")),
		}
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			mark := func(id string) string {
				return id + "_" + h.db.Dialect() + "_" + string(rune('a'+n%26)) + string(rune('a'+n/26))
			}
			these := make([]provider.Snapshot, len(all))
			for i, s := range all {
				these[i] = renamed(s, mark)
			}
			h.checkout("stripe", mark("tok"), mark("user"))
			h.world.say(these...)
			teller := these[rapid.IntRange(0, 3).Draw(rt, "who is told of")].Ref
			steps := rapid.Permutation([]int{0, 1, 2, 3, 4, 5}).Draw(rt, "order")
			asPages := rapid.Bool().Draw(rt, "as pages")
			for _, i := range steps {
				switch {
				case i == 5:
					h.tell(teller, provider.ClaimToken, mark("tok"))
					h.step()
				case asPages:
					h.page(h.begin(), "", these[i])
				default:
					h.look(these[i].Ref)
				}
			}
			for _, s := range these {
				if got := h.held(s.Ref).Customer; got != mark("user") {
					rt.Errorf("%s belongs to %q; %s was told of, order %v", s.Ref, got, teller, steps)
				}
			}
		})
		h.audit()
	})
}

// renamed gives a snapshot and all that it names other ids.
func renamed(s provider.Snapshot, mark func(string) string) provider.Snapshot {
	s.Ref.ID, s.Owner = mark(s.Ref.ID), mark(s.Owner)
	if !s.Parent.IsZero() {
		s.Parent.ID = mark(s.Parent.ID)
	}
	switch o := s.Object.(type) {
	case billing.Checkout:
		o.Subscription = mark(o.Subscription)
		s.Object = o
	case billing.Invoice:
		o.Subscription, o.Payments = mark(o.Subscription), []string{mark(o.Payments[0])}
		s.Object = o
	}
	return s
}

// The first word about an object stands; what the object says itself outweighs it;
// claims that are not configured bind nothing; and of providers that say all this
// themselves nothing is recalled.
func TestToldRules(t *testing.T) {
	tellingBoth(t, []string{provider.ClaimToken}, func(t *testing.T, h *house) {
		h.checkout("stripe", "t_first", "first")
		h.checkout("stripe", "t_second", "second")
		h.tell(sub1, provider.ClaimToken, "t_first")
		h.tell(sub1, provider.ClaimToken, "t_second")
		h.tell(sub1, "custom_data.user_id", "victim")
		h.world.say(snap("sub_1", subscribed(billing.SubscriptionActive)))
		h.step()
		if got := h.held(sub1).Customer; got != "first" {
			t.Errorf("it belongs to %q", got)
		}
		for id, told := range map[string]string{"sub_2": "made up", "sub_3": ""} {
			r := ref(billing.KindSubscription, id)
			if told != "" {
				h.tell(r, provider.ClaimToken, told)
			}
			h.tell(r, "custom_data.user_id", "victim")
			h.world.say(snap(id, subscribed(billing.SubscriptionActive), ownedBy("cus_9")))
			h.look(r)
			if got := h.held(r).Customer; got != "" {
				t.Errorf("%s belongs to %q", id, got)
			}
		}
		own := ref(billing.KindSubscription, "sub_4")
		h.tell(own, provider.ClaimToken, "t_first")
		h.world.say(snap("sub_4", subscribed(billing.SubscriptionActive), ownedBy("cus_8"), claiming(provider.ClaimToken, "t_second")))
		h.look(own)
		if got := h.held(own).Customer; got != "second" {
			t.Errorf("its own word counts for less than an event's: %q", got)
		}
		h.audit()
	})
	both(t, apply.Config{}, func(t *testing.T, h *house) {
		h.checkout("stripe", "t_first", "first")
		h.tell(sub1, provider.ClaimToken, "t_first")
		h.world.say(snap("sub_1", subscribed(billing.SubscriptionActive)))
		h.step()
		if got := h.held(sub1).Customer; got != "" {
			t.Errorf("recalled for a provider that tells nothing in events: %q", got)
		}
	})
}

// Where several people may be one customer of the provider, what one of them is
// known to have bought tells nothing of the rest.
func TestSharedOwners(t *testing.T) {
	tellingBoth(t, []string{provider.ClaimToken}, func(t *testing.T, h *house) {
		h.checkout("stripe", "t_a", "a")
		h.checkout("stripe", "t_b", "b")
		sub2, in2 := ref(billing.KindSubscription, "sub_2"), ref(billing.KindInvoice, "in_2")
		h.world.say(
			snap("cus_1", billing.ProviderCustomer{Email: "both@b.test"}, ownedBy("cus_1")),
			snap("sub_1", subscribed(billing.SubscriptionActive)), snap("sub_2", subscribed(billing.SubscriptionActive)),
			snap("in_2", billing.Invoice{Status: billing.InvoicePaid, Subscription: "sub_2"}))
		h.tell(sub1, provider.ClaimToken, "t_a")
		h.look(cus1, in2, sub2, sub1)
		h.page(h.begin(), "", h.world.now(sub2), h.world.now(in2), h.world.now(cus1))
		want := func(owners ...string) {
			t.Helper()
			for i, r := range []provider.Ref{cus1, sub1, sub2, in2} {
				if got := h.held(r).Customer; got != owners[i] {
					t.Errorf("%s belongs to %q, want %q", r, got, owners[i])
				}
			}
		}
		want("a", "a", "", "")
		h.tell(sub2, provider.ClaimToken, "t_b")
		h.step()
		want("a", "a", "b", "b")
		h.audit()
	})
}

// A record that stands for several objects is written as all of them by one look,
// and by one row of a list.
func TestBeside(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		pay, dispute := ref(billing.KindPayment, "pi_1"), ref(billing.KindDispute, "dp_1")
		main := snap("in_1", billing.Invoice{Status: billing.InvoicePaid, Subscription: "sub_1", Payments: []string{"pi_1"}}, func(s *provider.Snapshot) {
			s.Beside = []provider.Snapshot{snap("pi_1", paid("price_life"), func(s *provider.Snapshot) { s.Parent = ref(billing.KindInvoice, "in_1") })}
		})
		h.world.say(mine("u"), main)
		h.look(cus1, main.Ref)
		if got := h.held(pay).Customer; got != "u" {
			t.Errorf("the payment beside it belongs to %q", got)
		}
		h.wantAccess("u", "export", true)
		h.wantStatus(pay, "succeeded")

		// By a list, with another object and without the first.
		main.Beside = []provider.Snapshot{{Ref: pay, Gone: true}, snap("dp_1", billing.Dispute{Status: billing.DisputeLost, Payment: "pi_1"})}
		h.page(h.begin(), "", main)
		if !h.held(pay).Gone || h.held(dispute).Status != "lost" {
			t.Errorf("after the list: %+v %+v", h.held(pay), h.held(dispute))
		}
		h.wantAccess("u", "export", false)

		// An older account of the record loses against what was looked at meanwhile.
		begun := h.begin()
		h.world.say(snap("pi_1", paid("price_life")))
		h.look(pay)
		h.page(begun, "", main)
		h.wantStatus(pay, "succeeded")

		// It must be the same account's.
		main.Beside = []provider.Snapshot{{Ref: provider.Ref{Account: "other", Kind: billing.KindPayment, ID: "pi_9"}, Gone: true}}
		if _, failed, err := h.Write(t.Context(), apply.Page{Begun: h.begin(), Snapshots: []provider.Snapshot{main}}); err != nil || len(failed) != 1 || failed[0] != main.Ref {
			t.Error("another account's object was let in")
		}
		h.audit()
	})
}

// Claims are stored with their event or not at all, and in one writing with many
// others.
func TestToldWithTheEvent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := storetest.Open(t, url, storetest.NewClock().Now)
		told := []store.Told{{Key: sub1.String(), Name: "token", Value: "v\x00", Event: "evt"}, {Key: cus1.String(), Name: "token", Value: "v\x00", Event: "evt"}}
		e := store.Event{Account: "stripe", EventID: "evt", Type: "x", Arrival: store.ArrivalWebhook, Headers: "{}", Told: told}
		plain := store.Event{Account: "stripe", EventID: "other", Type: "x", Arrival: store.ArrivalWebhook, Headers: "{}", Refs: []string{sub1.String()}}
		for range 2 {
			if _, err := db.Receive(t.Context(), []store.Event{plain, e}); err != nil {
				t.Fatal(err)
			}
		}
		keys, err := db.ToldBy(t.Context(), "token", "v\x00", 10)
		if err != nil || len(keys) != 2 {
			t.Errorf("%v, %v", keys, err)
		}
		storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) error {
			rows, err := tx.ToldOf(ctx, []string{sub1.String(), "stripe/customer/none"})
			if len(rows) != 1 || rows[0].Name != "token" || rows[0].Event != "evt" {
				t.Errorf("%+v", rows)
			}
			return err
		})
	})
}
