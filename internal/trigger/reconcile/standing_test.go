package reconcile_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/hygiene"
	"github.com/trivetdev/trivet/sim"
)

// standing lists the findings of a kind, oldest first: what was found, and whether it
// is open or who healed it.
func standing(t *testing.T, h *triggertest.House, kind string) (found []string) {
	t.Helper()
	rows, err := h.DB.Drift(t.Context(), store.DriftFilter{Kind: kind, Limit: 100})
	check(t, err)
	for i := len(rows) - 1; i >= 0; i-- {
		d := rows[i]
		text := d.Subject + " of " + d.Customer + " " + d.Diff + " by " + d.FoundBy + " " + d.State
		if d.HealedBy != "" {
			text += " by " + d.HealedBy
		}
		found = append(found, text)
	}
	return found
}

// TestAnotherAddressAtTheProvider: a sweep finds it where nobody pushes addresses, and
// sees when the two are one again.
func TestAnotherAddressAtTheProvider(t *testing.T) {
	triggertest.Each(t, triggertest.Options{Schedule: sweeping}, func(t *testing.T, h *triggertest.House) {
		h.Pass(t, time.Minute)
		subscribe(t, h, "stripe", "user_1")
		owner := ""
		for _, o := range h.Truth() {
			if o.Kind == sim.KindCustomer {
				owner = o.ID
			}
		}
		set := func(email string) {
			t.Helper()
			_, err := h.Apply.SetCustomer(t.Context(), billing.Customer{Ref: "user_1", Email: email}, apply.Cause{Trigger: apply.Request})
			check(t, err)
		}
		expect := func(when string, want ...string) {
			t.Helper()
			if diff := cmp.Diff(want, standing(t, h, apply.DriftEmail)); diff != "" {
				t.Errorf("%s: %s", when, diff)
			}
		}
		set("User_1@Example.com")
		h.Pass(t, 2*day)
		expect("capitals do not count")
		set("new@example.com")
		h.Pass(t, time.Hour)
		expect("it may be on its way")
		const found = `customer of user_1 [{"field":"email","before":"new@example.com","after":"user_1@example.com"}] by sweep `
		h.Pass(t, 2*day)
		expect("swept", found+"open")
		check(t, h.SetEmail(owner, "new@example.com"))
		h.Pass(t, time.Hour)
		expect("changed at the provider", found+"healed by webhook")
	})
}

// TestAddressesThatArePushed: what hygiene pushes in time is no finding.
func TestAddressesThatArePushed(t *testing.T) {
	h := triggertest.SQLite(t, triggertest.Options{Schedule: sweeping, Policies: []policy.Policy{hygiene.Policy{}}})
	h.Pass(t, time.Minute)
	subscribe(t, h, "stripe", "user_1")
	_, err := h.Apply.SetCustomer(t.Context(), billing.Customer{Ref: "user_1", Email: "new@example.com"}, apply.Cause{Trigger: apply.Request})
	check(t, err)
	h.Pass(t, 3*day)
	if found := standing(t, h, apply.DriftEmail); found != nil {
		t.Errorf("found %q", found)
	}
}

// want asks for looks at objects of the ledger.
func want(t *testing.T, h *triggertest.House, keys ...string) {
	t.Helper()
	check(t, h.DB.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		numbers, err := tx.Numbers(ctx, 1)
		if err != nil {
			return err
		}
		var wants []store.Want
		for _, key := range keys {
			wants = append(wants, store.Want{Queue: store.QueueLook, Key: key, Cause: string(apply.Request)})
		}
		return tx.Raise(ctx, numbers[0], wants)
	}))
}

// TestOrphans: what is not believed to be gone is shown until it is seen again.
func TestOrphans(t *testing.T) {
	triggertest.Each(t, triggertest.Options{Schedule: sweeping}, func(t *testing.T, h *triggertest.House) {
		h.Pass(t, time.Minute)
		for _, customer := range []string{"user_1", "user_2", "user_3", "user_4", "user_5"} {
			subscribe(t, h, "stripe", customer)
		}
		// Looks at each, not a list: that a list lacks most of an account is doubted
		// before anybody looks.
		h.Net.Strike(nothing)
		for _, o := range h.Objects(t, store.ObjectFilter{Kind: string(billing.KindSubscription)}) {
			want(t, h, o.Key)
		}
		h.Pass(t, 3*time.Hour)
		open := standing(t, h, apply.DriftOrphan)
		if len(open) != 2 {
			t.Fatalf("of five that vanished, three are believed; found %q", open)
		}
		for _, o := range h.Objects(t, store.ObjectFilter{Kind: string(billing.KindSubscription), Present: true}) {
			if text := "subscription of " + o.Customer + " [] by request open"; open[0] != text && open[1] != text {
				t.Errorf("%s is not among %q", text, open)
			}
			if !allowed(t, h, o.Customer) {
				t.Errorf("%s is not believed to be gone, and gives no access", o.Key)
			}
		}
		h.Net.Strike(nil)
		h.Pass(t, 2*day)
		for _, text := range standing(t, h, apply.DriftOrphan) {
			if !strings.Contains(text, " healed by ") {
				t.Errorf("they are all there again, and still: %s", text)
			}
		}
		inStep(t, h)
	})
}
