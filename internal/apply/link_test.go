package apply_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
	"github.com/trivetdev/trivet/provider"
)

// checkout stores a checkout that we made, whose token binds to a customer.
func (h *house) checkout(account, token, customer string) {
	h.t.Helper()
	storetest.Write(h.t, h.db, func(ctx context.Context, tx *store.Tx) error {
		return tx.AddCheckout(ctx, store.Checkout{
			ID: "co_" + token, TokenHash: apply.HashToken(token), Customer: customer, Account: account, Doc: "{}", State: store.CheckoutOpen,
		})
	})
}

// bought is one of everything that belongs together. Nothing tells whose it is.
func bought(n string, owner string) []provider.Snapshot {
	all := []provider.Snapshot{
		snap("cus_"+n, billing.ProviderCustomer{Email: "a@b.test"}),
		snap("sub_"+n, subscribed(billing.SubscriptionActive)),
		snap("in_"+n, billing.Invoice{Status: billing.InvoicePaid, Subscription: "sub_" + n, Payments: []string{"pi_" + n}}),
		snap("pi_"+n, paid("")),
		snap("re_"+n, billing.Refund{Status: billing.RefundSucceeded, Payment: "pi_" + n}),
		snap("dp_"+n, billing.Dispute{Status: billing.DisputeOpen, Payment: "pi_" + n}),
		snap("cs_"+n, billing.Checkout{Status: billing.CheckoutComplete, Mode: "subscription", Subscription: "sub_" + n}),
	}
	for i := range all {
		if all[i].Ref.Kind != billing.KindCustomer {
			all[i].Owner = owner
		}
	}
	return all
}

// Whichever object of a purchase says whose it is, and in whichever order they
// come to be seen, by looks or by pages, all end up with that customer.
func TestLinkInEveryOrder(t *testing.T) {
	clock := storetest.NewClock()
	storetest.Each(t, func(t *testing.T, url string) {
		h := open(t, url, clock, trusting)
		run := 0
		rapid.Check(t, func(rt *rapid.T) {
			run++
			n := fmt.Sprintf("%s%d", url[:1], run)
			user := "user " + n
			all := bought(n, "cus_"+n)
			teller := rapid.IntRange(0, len(all)-1).Draw(rt, "who tells")
			if rapid.Bool().Draw(rt, "by token") {
				h.checkout("stripe", "t_"+n, user)
				all[teller].Claims = map[string]string{provider.ClaimToken: "t_" + n, "metadata.user_id": "somebody else"}
			} else {
				all[teller].Claims = map[string]string{"metadata.user_id": user}
			}
			h.world.say(all...)
			order := rapid.Permutation(all).Draw(rt, "order")
			if rapid.Bool().Draw(rt, "as pages") {
				for len(order) > 0 {
					size := min(len(order), rapid.IntRange(1, 4).Draw(rt, "page"))
					h.page(h.begin(), "", order[:size]...)
					order = order[size:]
				}
			} else {
				for _, s := range order {
					h.look(s.Ref)
				}
			}
			for _, s := range all {
				if got := h.held(s.Ref).Customer; got != user {
					rt.Errorf("%s belongs to %q, want %q; %s told", s.Ref, got, user, all[teller].Ref)
				}
			}
			if answer, err := h.Check(t.Context(), user, "api"); err != nil || !answer.Allowed {
				rt.Errorf("the buyer has no access: %+v, %v", answer, err)
			}
		})
		h.audit()
	})
}

// A guest has no customer at the provider. What ties a payment to the checkout
// that led to it is the checkout.
func TestLinkGuestPayment(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		n := 0
		for _, kind := range []billing.Kind{billing.KindPayment, billing.KindSubscription} {
			for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
				n++
				id, user := fmt.Sprint("x_", n), fmt.Sprint("guest ", n)
				page := billing.Checkout{Status: billing.CheckoutComplete, Mode: "payment", Payment: id}
				var thing billing.Object = paid("price_life")
				var hanging billing.Object = billing.Refund{Status: billing.RefundPending, Payment: id}
				if kind == billing.KindSubscription {
					page.Payment, page.Subscription = "", id
					thing, hanging = subscribed(billing.SubscriptionActive), billing.Invoice{Status: billing.InvoicePaid, Subscription: id}
				}
				all := []provider.Snapshot{
					snap("cs_"+id, page, ownedBy(""), claiming("metadata.user_id", user)),
					snap(id, thing, ownedBy("")), snap("h_"+id, hanging, ownedBy("")),
				}
				h.world.say(all...)
				for _, i := range order {
					h.look(all[i].Ref)
				}
				for _, s := range all {
					if got := h.held(s.Ref).Customer; got != user {
						t.Errorf("order %v: %s belongs to %q, want %q", order, s.Ref, got, user)
					}
				}
			}
		}
		h.audit()
	})
}

// Two workers see two objects of one purchase at the same moment, each without
// the other's. Neither may be left without its customer.
func TestLinkAtOnce(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		other := apply.New(h.Config)
		defer other.Close()
		for i := range 60 {
			n := fmt.Sprint(i)
			all := bought(n, "cus_"+n)
			all[i%2].Claims = map[string]string{"metadata.user_id": "user " + n}
			h.world.say(all...)
			var both sync.WaitGroup
			for j, s := range all[:3] {
				both.Go(func() {
					if _, err := []*apply.Applier{h.Applier, other}[j%2].Refs(t.Context(), apply.Cause{Trigger: apply.Webhook}, s.Ref); err != nil {
						t.Error(err)
					}
				})
			}
			both.Wait()
			for _, s := range all[:3] {
				if got := h.held(s.Ref).Customer; got != "user "+n {
					t.Errorf("%s belongs to %q", s.Ref, got)
				}
			}
		}
		h.audit()
	})
}

// What nobody claims is kept, shown as unlinked, and linked as soon as somebody
// can tell.
func TestUnlinkedIsNeverDropped(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		all := bought("1", "cus_1")
		h.world.say(all...)
		for _, s := range all {
			h.look(s.Ref)
		}
		unlinked, err := h.db.Objects(t.Context(), store.ObjectFilter{Unlinked: true, Limit: 100})
		if err != nil || len(unlinked) != len(all) {
			t.Errorf("%d unlinked objects, %v; want %d", len(unlinked), err, len(all))
		}
		if got := h.drift(); got != "unlinked sub_1 open paid_but_blocked" {
			t.Errorf("drift: %s", got)
		}
		h.world.say(mine("u"))
		h.look(cus1)
		for _, s := range all {
			if got := h.held(s.Ref).Customer; got != "u" {
				t.Errorf("%s belongs to %q", s.Ref, got)
			}
		}
		if got := h.drift(); got != "unlinked sub_1 healed paid_but_blocked" {
			t.Errorf("drift: %s", got)
		}
		h.wantAccess("u", "api", true)
		h.audit()
	})
}

func TestBindLists(t *testing.T) {
	claims := map[string]string{
		provider.ClaimToken: "t", "metadata.user_id": "by metadata", "client_reference_id": "by reference", "metadata.odd": " spaces ", "metadata.nul": "a\x00b",
	}
	for name, test := range map[string]struct {
		bind []string
		want string
	}{
		"default":           {nil, "by token"},
		"token first":       {[]string{"token", "metadata.user_id"}, "by token"},
		"metadata first":    {[]string{"metadata.user_id", "token"}, "by metadata"},
		"reference":         {[]string{"client_reference_id"}, "by reference"},
		"absent":            {[]string{"metadata.none", "client_reference_id"}, "by reference"},
		"unusable":          {[]string{"metadata.odd", "metadata.nul", "client_reference_id"}, "by reference"},
		"nothing":           {[]string{}, ""},
		"unusable and none": {[]string{"metadata.odd"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			config := apply.Config{}
			if test.bind != nil {
				config.Bind = map[string][]string{"stripe": test.bind}
			}
			both(t, config, func(t *testing.T, h *house) {
				h.checkout("stripe", "t", "by token")
				h.world.say(snap("sub_1", subscribed(billing.SubscriptionActive), ownedBy(""), func(s *provider.Snapshot) { s.Claims = claims }))
				h.look(sub1)
				if got := h.held(sub1).Customer; got != test.want {
					t.Errorf("it belongs to %q, want %q", got, test.want)
				}
			})
		})
	}
}

// A token binds only what its own account sells; one that we did not make binds
// nothing, and what is bound stays so whatever is claimed later.
func TestHostileClaims(t *testing.T) {
	both(t, apply.Config{}, func(t *testing.T, h *house) {
		h.checkout("stripe", "good", "victim")
		h.checkout("paypal", "foreign", "victim")
		for i, token := range []string{"foreign", "made up", apply.HashToken("good"), "good' or '1'='1", "good\x00", "", " good"} {
			s := snap(fmt.Sprint("sub_", i), subscribed(billing.SubscriptionActive), ownedBy(""), func(s *provider.Snapshot) {
				s.Claims = map[string]string{provider.ClaimToken: token, "metadata.user_id": "victim", "client_reference_id": "victim"}
			})
			h.world.say(s)
			h.look(s.Ref)
			if got := h.held(s.Ref).Customer; got != "" {
				t.Errorf("token %q bound to %q", token, got)
			}
		}
		bound := snap("sub_x", subscribed(billing.SubscriptionActive), ownedBy(""), claiming(provider.ClaimToken, "good"))
		h.world.say(bound)
		h.look(bound.Ref)
		h.checkout("stripe", "other", "thief")
		for _, token := range []string{"other", "", "none"} {
			bound.Claims = map[string]string{provider.ClaimToken: token}
			h.world.say(bound)
			h.look(bound.Ref)
			if got := h.held(bound.Ref).Customer; got != "victim" {
				t.Errorf("a bound object was bound again to %q", got)
			}
		}
		h.audit()
	})
}

// Two customers of ours share an account at the provider only by mistake; each
// keeps what is provably theirs.
func TestTwoCustomers(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		h.world.say(mine("a"),
			snap("sub_1", subscribed(billing.SubscriptionActive)),
			snap("sub_2", subscribed(billing.SubscriptionActive), claiming("metadata.user_id", "b")),
			snap("in_2", billing.Invoice{Status: billing.InvoicePaid, Subscription: "sub_2"}, ownedBy("")))
		h.look(cus1, sub1, ref(billing.KindSubscription, "sub_2"), ref(billing.KindInvoice, "in_2"))
		var got []string
		for _, r := range []provider.Ref{cus1, sub1, ref(billing.KindSubscription, "sub_2"), ref(billing.KindInvoice, "in_2")} {
			got = append(got, h.held(r).Customer)
		}
		if want := []string{"a", "a", "b", "b"}; !slices.Equal(got, want) {
			t.Errorf("they belong to %q, want %q", got, want)
		}
		h.wantAccess("a", "api", true)
		h.wantAccess("b", "api", true)
	})
}
