package apply_test

import (
	"context"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
	"github.com/trivetdev/trivet/provider"
)

// lagging is a house whose provider answers from a copy that lags: what the tests
// let the world say first is what the copy still has.
func lagging(t *testing.T, test func(t *testing.T, h *house)) {
	t.Helper()
	config := trusting
	config.Doubt = 30 * time.Second
	both(t, config, func(t *testing.T, h *house) {
		h.world.say(mine("user_1"), snap("sub_1", subscribed(billing.SubscriptionActive)))
		h.look(cus1, sub1)
		h.clock.Pass(time.Hour)
		test(t, h)
	})
}

// minutes lets time pass, and what is due be done.
func (h *house) minutes(n int) {
	for range n {
		h.clock.Pass(time.Minute)
		h.step()
	}
}

func (h *house) over() {
	h.t.Helper()
	h.world.say(snap("sub_1", subscribed(billing.SubscriptionEnded)))
	h.minutes(5)
	h.wantStatus(sub1, "ended")
	h.wantAccess("user_1", "api", false)
}

func (h *house) wanted(cause string) {
	h.t.Helper()
	storetest.Write(h.t, h.db, func(ctx context.Context, tx *store.Tx) error {
		numbers, err := tx.Numbers(ctx, 1)
		if err != nil {
			return err
		}
		return tx.Raise(ctx, numbers[0], []store.Want{{Queue: store.QueueLook, Key: sub1.String(), Cause: cause}})
	})
}

func TestLag(t *testing.T) {
	lagging(t, func(_ *testing.T, h *house) {
		id := h.webhook(sub1)
		h.step()
		h.wantEvent(id, store.EventDone)
		h.over()
	})
}

// The look was wanted for another cause when the webhook came, or was under way.
func TestLagWhateverTheCause(t *testing.T) {
	lagging(t, func(_ *testing.T, h *house) {
		h.wanted("follow stripe/invoice/in_1")
		h.webhook(sub1)
		h.step()
		h.over()
	})
	lagging(t, func(_ *testing.T, h *house) {
		h.wanted("sweep")
		first := h.world.fetched(sub1) + 1
		h.world.delay = func(r provider.Ref, n int) {
			if r == sub1 && n == first {
				h.webhook(sub1)
			}
		}
		h.step()
		h.over()
	})
}

// Somebody looked without a claim, such as the redirect, just after the event.
func TestLagBesideARedirect(t *testing.T) {
	lagging(t, func(_ *testing.T, h *house) {
		h.webhook(sub1)
		h.look(sub1)
		h.step()
		h.over()
	})
}

// Of two changes the copy shows the first.
func TestLagOfTheSecondChange(t *testing.T) {
	lagging(t, func(_ *testing.T, h *house) {
		first := subscribed(billing.SubscriptionActive)
		first.Quantity = 2
		h.world.say(snap("sub_1", first))
		h.webhook(sub1)
		h.webhook(sub1)
		h.step()
		h.over()
	})
}

// The ledger is newer than the copy, which rolls it back until it is looked at once
// more.
func TestLagRollsBack(t *testing.T) {
	lagging(t, func(_ *testing.T, h *house) {
		h.world.say(snap("sub_1", subscribed(billing.SubscriptionEnded)))
		h.webhook(sub1)
		h.step()
		h.minutes(5)
		h.wantStatus(sub1, "ended")
		h.world.say(snap("sub_1", subscribed(billing.SubscriptionActive)))
		h.webhook(sub1)
		h.step()
		h.over()
	})
}

// A look that begins when no copy lags that far any more is not doubted: one fetch.
func TestNoLagNoSecondLook(t *testing.T) {
	lagging(t, func(t *testing.T, h *house) {
		before := h.world.fetched(sub1)
		h.webhook(sub1)
		h.clock.Pass(31 * time.Second)
		h.minutes(5)
		if n := h.world.fetched(sub1) - before; n != 1 {
			t.Errorf("%d fetches", n)
		}
		h.webhook(sub1)
		h.minutes(5)
		h.step()
		if n := h.world.fetched(sub1) - before; n > 3 {
			t.Errorf("%d fetches for two events", n)
		}
	})
}

// An object counts as gone when looks in a row do not find it. What fails for
// another reason between them says nothing.
func TestAbsencesInARow(t *testing.T) {
	lagging(t, func(t *testing.T, h *house) {
		kinds := []provider.ErrorKind{
			provider.Malformed, provider.Malformed, provider.Malformed, provider.NotFound, provider.Malformed,
			provider.NotFound, provider.NotFound, provider.NotFound, provider.Malformed, provider.NotFound,
		}
		base := h.world.fetched(sub1)
		h.world.fault = func(r provider.Ref, n int) error {
			if i := n - base - 1; r == sub1 && i < len(kinds) {
				return &provider.Error{Account: "stripe", Op: "fetch", Kind: kinds[i]}
			}
			return nil
		}
		h.webhook(sub1)
		h.minutes(60)
		h.wantAccess("user_1", "api", true)
		h.world.fault = nil
		h.world.forget(sub1)
		h.webhook(sub1)
		h.minutes(60)
		h.wantAccess("user_1", "api", false)
		if !h.held(sub1).Gone {
			t.Error("it is gone and not buried")
		}
	})
}

// TestSentAgain: a dead event that the provider sends again, since somebody has
// mended what was wrong and asks for it, is looked at.
func TestSentAgain(t *testing.T) {
	lagging(t, func(t *testing.T, h *house) {
		h.world.fault = func(r provider.Ref, _ int) error {
			if r == sub1 {
				return &provider.Error{Account: "stripe", Op: "fetch", Kind: provider.Malformed}
			}
			return nil
		}
		id := h.webhook(sub1)
		for range 12 {
			h.step()
			h.clock.Pass(time.Hour)
		}
		h.wantEvent(id, store.EventDead)
		h.world.fault = nil
		h.world.say(snap("sub_1", subscribed(billing.SubscriptionEnded)))
		e := store.Event{Account: "stripe", EventID: id, Type: "x", Arrival: store.ArrivalWebhook, Headers: "{}", Body: []byte("{}"), Refs: []string{sub1.String()}}
		if fresh, err := h.db.Receive(t.Context(), []store.Event{e}); err != nil || !fresh[0] {
			t.Errorf("received as new: %v, %v", fresh, err)
		}
		h.minutes(5)
		h.wantEvent(id, store.EventDone)
		h.wantStatus(sub1, "ended")
		if fresh, err := h.db.Receive(t.Context(), []store.Event{e}); err != nil || fresh[0] {
			t.Errorf("one that is done is received as new: %v, %v", fresh, err)
		}
	})
}

// TestCopiedToken: a checkout's token binds what its buyer bought, and not what
// belongs to somebody else who has a copy of it.
func TestCopiedToken(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		storetest.Write(t, h.db, func(ctx context.Context, tx *store.Tx) error {
			row := store.Checkout{
				ID: "chk_1", TokenHash: apply.HashToken("tok"), Customer: "user_1", Account: "stripe", Plan: "pro", Doc: "{}", State: store.CheckoutCreating,
			}
			if err := tx.AddCheckout(ctx, row); err != nil {
				return err
			}
			return tx.CheckoutMade(ctx, "chk_1", "cs_1", store.CheckoutOpen)
		})
		token := claiming(provider.ClaimToken, "tok")
		h.world.say(
			snap("cs_1", billing.Checkout{Status: billing.CheckoutComplete, Subscription: "sub_1", Mode: "subscription"}, token),
			snap("sub_1", subscribed(billing.SubscriptionActive), token),
			snap("sub_9", subscribed(billing.SubscriptionActive), token, ownedBy("cus_9")),
		)
		other := ref(billing.KindSubscription, "sub_9")
		h.look(ref(billing.KindCheckout, "cs_1"), sub1, other)
		if mine, theirs := h.held(sub1).Customer, h.held(other).Customer; mine != "user_1" || theirs != "" {
			t.Errorf("the buyer's is %q's, somebody else's is %q's", mine, theirs)
		}
	})
}

// TestSharedCustomer: two people who are one customer at the provider each have
// their own subscription, and what hangs on it.
func TestSharedCustomer(t *testing.T) {
	both(t, trusting, func(t *testing.T, h *house) {
		invoice := billing.Invoice{Status: billing.InvoicePaid, Paid: 900, Subscription: "sub_2", Payments: []string{"pi_2"}, CreatedAt: storetest.Start()}
		h.world.say(mine("user_1"), snap("sub_2", subscribed(billing.SubscriptionActive), claiming("metadata.user_id", "user_2")), snap("in_2", invoice))
		theirs := []provider.Ref{ref(billing.KindSubscription, "sub_2"), ref(billing.KindInvoice, "in_2")}
		h.look(cus1)
		h.look(theirs...)
		for _, r := range theirs {
			if got := h.held(r).Customer; got != "user_2" {
				t.Errorf("%v belongs to %q", r, got)
			}
		}
	})
}
