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

// crowd makes others the same customer at the first account.
func crowd(k policy.Known) policy.Known {
	k.Crowd = map[string]bool{"stripe/cus_1": true}
	return k
}

// What was not passed on is told under one cause, and no longer once the provider has
// the address, whoever put it there.
func TestAnAddressOfSeveral(t *testing.T) {
	theirs := func(address string) policy.Change {
		return policy.Change{Seq: 9, Account: "stripe", Kind: billing.KindCustomer, ID: "cus_1", Kinds: []billing.ChangeKind{billing.Updated}, After: billing.ProviderCustomer{Email: address}}
	}
	for name, test := range map[string]struct {
		change policy.Change
		theirs string
		over   bool
	}{
		"another address":    {set(7), "old@x.test", false},
		"set back":           {set(8), "new@x.test", true},
		"changed over there": {theirs("new@x.test"), "new@x.test", true},
	} {
		actions := hygiene.Policy{}.React(test.change, crowd(known("new@x.test", test.theirs)))
		if len(actions) != 1 || actions[0].Kind != policy.Alert {
			t.Errorf("%s: %+v", name, actions)
			continue
		}
		if w := policytest.Details[policy.Warning](t, actions[0]); w.Over != test.over || w.Cause != "hygiene:email:stripe/cus_1" {
			t.Errorf("%s: %+v", name, w)
		}
	}
	for name, known := range map[string]policy.Known{"nobody else": known("new@x.test", "new@x.test"), "still another": crowd(known("new@x.test", "old@x.test"))} {
		if got := (hygiene.Policy{}).React(theirs(known.Linked[0].Object.Email), known); got != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestPolicy(t *testing.T) {
	policytest.Run(t, hygiene.Policy{},
		policytest.Case{Name: "another address", Change: set(7), Known: known("new@x.test", "old@x.test"), Kinds: []string{"push_email"}},
		policytest.Case{Name: "none yet", Change: set(7), Known: known("new@x.test", ""), Kinds: []string{"push_email"}},
		policytest.Case{Name: "two of three", Change: set(7), Known: known("new@x.test", "old@x.test", "new@x.test", "older@x.test"), Kinds: []string{"push_email", "push_email"}},
		policytest.Case{Name: "the same", Change: set(7), Known: known("new@x.test", "new@x.test")},
		policytest.Case{Name: "taken back", Change: set(7), Known: known("", "old@x.test")},
		policytest.Case{Name: "others are the same customer there", Change: set(7), Known: crowd(known("new@x.test", "old@x.test", "old@x.test")), Kinds: []string{"alert", "push_email"}},
		policytest.Case{Name: "others have this address", Change: set(7), Known: crowd(known("new@x.test", "new@x.test")), Kinds: []string{"alert"}},
		policytest.Case{Name: "nobody linked", Change: set(7), Known: known("new@x.test")},
		policytest.Case{
			Name: "the provider's own change", Known: known("new@x.test", "old@x.test"),
			Change: policy.Change{Seq: 7, Kinds: []billing.ChangeKind{billing.Updated}, Account: "stripe", Kind: billing.KindCustomer, ID: "cus_1"},
		},
		policytest.Case{Name: "agreed to pay", Now: agreed, Known: checkout(billing.CheckoutApproved), Kinds: []string{"capture"}},
		policytest.Case{Name: "paid at once", Now: agreed, Known: checkout(billing.CheckoutComplete)},
		policytest.Case{Name: "still choosing", Now: agreed, Known: checkout(billing.CheckoutOpen)},
		policytest.Case{Name: "the pause is over", Now: agreed, Known: paused(billing.PauseOver), Kinds: []string{"resume"}},
		policytest.Case{Name: "the provider resumes by itself", Now: agreed, Known: paused("void")},
	)
}

var agreed = time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)

func checkout(status billing.CheckoutStatus) policy.Known {
	known := policy.Known{Customer: billing.Customer{Ref: "user_1"}}
	known.Facts.Add("paypal", "5O1", billing.Checkout{Status: status})
	return known
}

func paused(mode string) policy.Known {
	known := policy.Known{Customer: billing.Customer{Ref: "user_1"}}
	known.Facts.Add("paypal", "I-1", billing.Subscription{Status: billing.SubscriptionPaused, Pause: &billing.Pause{Until: agreed, Mode: mode}})
	return known
}

// TestOccasions: what is asked for once is asked under one key, however often the
// object changes meanwhile; the next pause has another.
func TestOccasions(t *testing.T) {
	for key, known := range map[string]policy.Known{
		"capture:paypal/checkout/5O1":                         checkout(billing.CheckoutApproved),
		"resume:paypal/subscription/I-1:2026-04-01T12:00:00Z": paused(billing.PauseOver),
	} {
		if got, _ := (hygiene.Policy{}).Review(known, agreed); len(got) != 1 || got[0].Key != key {
			t.Errorf("%+v, want the key %s", got, key)
		}
	}
}

// Nothing is taken from whoever is banned, although they agreed before; once the ban
// is lifted it is.
func TestNothingIsTakenFromTheBanned(t *testing.T) {
	for name, known := range map[string]policy.Known{"an order": checkout(billing.CheckoutApproved), "a pause that is over": paused(billing.PauseOver)} {
		known.Customer.Ban = &billing.Ban{At: agreed}
		if got, _ := (hygiene.Policy{}).Review(known, agreed); got != nil {
			t.Errorf("%s of a banned customer: %+v", name, got)
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
