package apply_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/store/storetest"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/provider"
)

// tries are attempts at a payment, one for each payer, ending a minute ago.
func tries(payment string, payers ...string) func(*provider.Snapshot) {
	return func(s *provider.Snapshot) {
		for i, payer := range payers {
			s.Attempts = append(s.Attempts, billing.Attempt{
				Account: "a lie", ID: fmt.Sprintf("ch_%s_%d", payment, i), Payment: payment, At: storetest.Start().Add(time.Duration(i-len(payers)) * time.Minute),
				Decline: &billing.Decline{Code: "card_declined"}, Card: &billing.Card{Last4: "4242"}, Payer: payer,
			})
		}
	}
}

// known is what a policy knew when it last heard something.
func (p *heard) known(t *testing.T) policy.Known {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.all) == 0 {
		t.Fatal("nothing was heard")
	}
	return p.all[len(p.all)-1].known
}

// What the providers tell of tries is known to the policies in the same writing,
// with those who pay alike.
func TestPoliciesKnowAttempts(t *testing.T) {
	eachHeard(t, trusting, func(t *testing.T, h *house, p *heard) {
		other := snap("cus_2", billing.ProviderCustomer{}, ownedBy("cus_2"), claiming("metadata.user_id", "v"))
		declined := billing.Payment{Status: billing.PaymentFailed, Amount: billing.Money{Amount: 900, Currency: "EUR"}, Charge: "ch_pi_1_1"}
		h.world.say(mine("u"), other, snap("pi_1", declined, tries("pi_1", "fp1", "fp2")),
			snap("pi_2", declined, ownedBy("cus_2"), tries("pi_2", "fp2", "fp2", "")),
			snap("iw_1", billing.Warning{Actionable: true, Payment: "pi_1"}))
		h.look(mine("u").Ref, other.Ref, ref(billing.KindPayment, "pi_1"))
		known := p.known(t)
		if len(known.Attempts) != 2 || len(known.Shared) != 0 || known.Attempts[0].ID != "ch_pi_1_0" || known.Attempts[0].Account != "stripe" {
			t.Errorf("%+v", known.Attempts)
		}
		h.look(ref(billing.KindPayment, "pi_2"))
		if known = p.known(t); len(known.Attempts) != 3 || !cmp.Equal(known.Shared, []policy.Shared{{Customer: "u", By: "card"}}) {
			t.Errorf("%+v, shared %+v", known.Attempts, known.Shared)
		}
		if err := h.Ban(t.Context(), "v", "fraud", apply.Cause{Trigger: apply.Request, Actor: "anna"}); err != nil {
			t.Fatal(err)
		}
		h.look(ref(billing.KindWarning, "iw_1"))
		known = p.known(t)
		if !cmp.Equal(known.Shared, []policy.Shared{{Customer: "v", By: "card", Banned: true}}) || len(known.Warnings) != 1 || known.Warnings[0].ID != "iw_1" {
			t.Errorf("shared %+v, warnings %+v", known.Shared, known.Warnings)
		}
		// A month later they are forgotten, and so is who shares them.
		h.clock.Pass(31 * 24 * time.Hour)
		h.world.say(snap("iw_1", billing.Warning{Payment: "pi_1"}))
		h.look(ref(billing.KindWarning, "iw_1"))
		if known = p.known(t); len(known.Attempts) != 0 || len(known.Shared) != 0 || len(known.Warnings) != 1 {
			t.Errorf("a month later: %+v", known)
		}
		h.audit()
	})
}

// An account that is read for the first time is full of old tries, which nobody
// will ask for.
func TestOldAttemptsAreNotKept(t *testing.T) {
	eachHeard(t, trusting, func(t *testing.T, h *house, _ *heard) {
		h.clock.Pass(366 * 24 * time.Hour)
		h.world.say(mine("u"), snap("pi_1", paid(""), tries("pi_1", "fp1")))
		h.look(mine("u").Ref, ref(billing.KindPayment, "pi_1"))
		storetest.Write(t, h.db, func(ctx context.Context, tx *store.Tx) error {
			all, err := tx.AttemptsOf(ctx, []string{"u"})
			if len(all) != 0 {
				t.Errorf("%+v", all)
			}
			return err
		})
	})
}

// A ban that is lifted leaves word of it: rules count what happened since. The
// application's own settings do not wipe it out.
func TestALiftedBanIsRemembered(t *testing.T) {
	eachHeard(t, trusting, func(t *testing.T, h *house, _ *heard) {
		anna := apply.Cause{Trigger: apply.Request, Actor: "anna"}
		set := func() billing.Customer {
			t.Helper()
			c, err := h.SetCustomer(t.Context(), billing.Customer{Ref: "u", Name: "U", Cleared: &billing.Cleared{By: "a lie"}}, anna)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		if c := set(); c.Cleared != nil {
			t.Errorf("the application lifts a ban that never was: %+v", c.Cleared)
		}
		if err := h.Ban(t.Context(), "u", "fraud", apply.Cause{Actor: "policy:fraud"}); err != nil {
			t.Fatal(err)
		}
		h.clock.Pass(time.Hour)
		if err := h.Unban(t.Context(), "u", anna); err != nil {
			t.Fatal(err)
		}
		want := &billing.Cleared{
			At: storetest.Start().Add(time.Hour), By: "anna", Ban: billing.Ban{At: storetest.Start(), Reason: "fraud", By: "policy:fraud"},
		}
		if c := set(); c.Ban != nil || !cmp.Equal(c.Cleared, want) {
			t.Errorf("%+v, cleared %+v", c, c.Cleared)
		}
		h.audit()
	})
}

// watcher is a policy that is asked how things stand, and asks for nothing.
type watcher struct{ *heard }

func (watcher) Review(policy.Known, time.Time) ([]policy.Action, time.Time) { return nil, time.Time{} }

// Whoever pays by the same card as one who is banned, or no longer is, is reviewed soon,
// although nothing happened to them.
func TestABanReachesWhoPaysAlike(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		config := trusting
		config.Policies = []policy.Policy{watcher{&heard{}}}
		h := open(t, url, storetest.NewClock(), config)
		person := apply.Cause{Trigger: apply.Request, Actor: "anna"}
		declined := billing.Payment{Status: billing.PaymentFailed, Amount: billing.Money{Amount: 900, Currency: "EUR"}, Charge: "ch"}
		for i, who := range []string{"v", "w"} {
			owner := fmt.Sprint("cus_", i+2)
			h.world.say(snap(owner, billing.ProviderCustomer{}, ownedBy(owner), claiming("metadata.user_id", who)),
				snap(fmt.Sprint("pi_", i+2), declined, ownedBy(owner), tries(fmt.Sprint("pi_", i+2), []string{"fp1", "fp3"}[i])))
			h.look(ref(billing.KindCustomer, owner), ref(billing.KindPayment, fmt.Sprint("pi_", i+2)))
		}
		h.world.say(mine("u"), snap("pi_1", declined, tries("pi_1", "fp1", "fp2")))
		h.look(mine("u").Ref, ref(billing.KindPayment, "pi_1"))
		for _, step := range []struct {
			name string
			act  func() error
			want []string
		}{
			{"a ban", func() error { return h.Ban(t.Context(), "u", "fraud", person) }, []string{"v"}},
			{"a ban that stands", func() error { return h.Ban(t.Context(), "u", "fraud", person) }, nil},
			{"a ban that is lifted", func() error { return h.Unban(t.Context(), "u", person) }, []string{"v"}},
		} {
			if err := step.act(); err != nil {
				t.Fatal(err)
			}
			due, err := h.db.ReviewsDue(t.Context(), h.clock.Now(), 10)
			if err != nil || len(due)+len(step.want) > 0 && !cmp.Equal(due, step.want) {
				t.Errorf("%s: %q are to be reviewed, want %q; %v", step.name, due, step.want, err)
			}
			if err := h.Turn(t.Context(), due, apply.Cause{Trigger: apply.Time}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// The refunds of a payment are known to the policies, and to what says of them.
func TestPoliciesKnowRefunds(t *testing.T) {
	eachHeard(t, trusting, func(t *testing.T, h *house, p *heard) {
		back := snap("re_1", billing.Refund{Status: billing.RefundSucceeded, Amount: billing.Money{Amount: 900, Currency: "EUR"}, Payment: "pi_1", CreatedAt: storetest.Start()})
		h.world.say(mine("u"), snap("pi_1", paid("")), back)
		h.look(mine("u").Ref, ref(billing.KindPayment, "pi_1"), ref(billing.KindRefund, "re_1"))
		want := []billing.Held[billing.Refund]{{Account: "stripe", ID: "re_1", Object: back.Object.(billing.Refund)}}
		if diff := cmp.Diff(want, p.known(t).Refunds); diff != "" {
			t.Errorf("(-want +heard)\n%s", diff)
		}
		known, err := h.Known(t.Context(), "u")
		if diff := cmp.Diff(want, known.Refunds); diff != "" || err != nil {
			t.Errorf("%v (-want +known)\n%s", err, diff)
		}
		h.audit()
	})
}
