package hygiene_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
	"github.com/trivetdev/trivet/policy/hygiene"
	"github.com/trivetdev/trivet/policy/policytest"
)

func set(seq int64) policy.Change {
	return policy.Change{Seq: seq, At: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC), Kinds: []billing.ChangeKind{billing.CustomerSet}}
}

func known(email string, linked ...string) policy.Known {
	k := policy.Known{Customer: billing.Customer{Ref: "user_1", Email: email}}
	for i, address := range linked {
		account := []string{"stripe", "stripe_eu", "paddle"}[i]
		k.Linked = append(k.Linked, billing.Held[billing.ProviderCustomer]{Account: account, ID: "cus_1", Object: billing.ProviderCustomer{Email: address}})
	}
	return k
}

func TestPolicy(t *testing.T) {
	policytest.Run(t, hygiene.Policy{},
		policytest.Case{Name: "another address", Change: set(7), Known: known("new@x.test", "old@x.test"), Kinds: []string{"push_email"}},
		policytest.Case{Name: "none yet", Change: set(7), Known: known("new@x.test", ""), Kinds: []string{"push_email"}},
		policytest.Case{Name: "two of three", Change: set(7), Known: known("new@x.test", "old@x.test", "new@x.test", "older@x.test"), Kinds: []string{"push_email", "push_email"}},
		policytest.Case{Name: "the same", Change: set(7), Known: known("new@x.test", "new@x.test")},
		policytest.Case{Name: "taken back", Change: set(7), Known: known("", "old@x.test")},
		policytest.Case{Name: "nobody linked", Change: set(7), Known: known("new@x.test")},
		policytest.Case{
			Name: "the provider's own change", Known: known("new@x.test", "old@x.test"),
			Change: policy.Change{Seq: 7, Kinds: []billing.ChangeKind{billing.Updated}, Account: "stripe", Kind: billing.KindCustomer, ID: "cus_1"},
		},
		policytest.Case{Name: "agreed to pay", Change: checkout(billing.CheckoutApproved, billing.CheckoutAgreed), Kinds: []string{"capture"}},
		policytest.Case{Name: "known to be theirs later", Change: checkout(billing.CheckoutApproved, billing.Linked), Kinds: []string{"capture"}},
		policytest.Case{Name: "paid at once", Change: checkout(billing.CheckoutComplete, billing.CheckoutCompleted, billing.Linked)},
		policytest.Case{Name: "still choosing", Change: checkout(billing.CheckoutOpen, billing.Recorded)},
		policytest.Case{Name: "the pause is over", Change: paused(billing.PauseOver), Kinds: []string{"resume"}},
		policytest.Case{Name: "the provider resumes by itself", Change: paused("void")},
	)
}

func checkout(status billing.CheckoutStatus, kinds ...billing.ChangeKind) policy.Change {
	return policy.Change{Seq: 9, Kinds: kinds, Account: "paypal", Kind: billing.KindCheckout, ID: "5O1", After: billing.Checkout{Status: status}}
}

func paused(mode string) policy.Change {
	until := time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)
	return policy.Change{
		Seq: 9, Kinds: []billing.ChangeKind{billing.Updated}, Account: "paypal", Kind: billing.KindSubscription, ID: "I-1",
		After: billing.Subscription{Status: billing.SubscriptionPaused, Pause: &billing.Pause{Until: until, Mode: mode}},
	}
}

// TestOccasions: what is asked for once is asked under one key, however often the
// object changes meanwhile; the next pause has another.
func TestOccasions(t *testing.T) {
	for change, want := range map[string]policy.Change{
		"capture:paypal/checkout/5O1":                         checkout(billing.CheckoutApproved, billing.CheckoutAgreed),
		"resume:paypal/subscription/I-1:2026-04-01T12:00:00Z": paused(billing.PauseOver),
	} {
		if got := (hygiene.Policy{}).React(want, policy.Known{}); len(got) != 1 || got[0].Key != change {
			t.Errorf("%+v, want the key %s", got, change)
		}
	}
}

func TestActions(t *testing.T) {
	got := hygiene.Policy{}.React(set(7), known(`new"<@x.test`, "old@x.test"))
	want := []policy.Action{{
		Key: "email:stripe/customer/cus_1:7", Kind: "push_email", Account: "stripe", Object: "stripe/customer/cus_1",
		Details: []byte(`{"email":"new\"\u003c@x.test"}`),
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// An address that comes back after another is pushed again.
	if again := (hygiene.Policy{}).React(set(8), known(`new"<@x.test`, "old@x.test")); again[0].Key == got[0].Key {
		t.Error("two changes, one key")
	}
}
