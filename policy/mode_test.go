package policy_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/trivetdev/trivet/policy"
)

func TestModes(t *testing.T) {
	m := policy.Modes{
		Global:   policy.Assist,
		Accounts: map[string]policy.Mode{"stripe": policy.Enforce, "paypal": policy.Observe, policy.Own: policy.Enforce},
		Policies: map[string]policy.Mode{"fraud": policy.Observe, "dunning": policy.Enforce},
	}
	for name, want := range map[string]policy.Mode{
		"stripe renewal": policy.Enforce, // the account's own counts instead of the global one
		"paypal renewal": policy.Observe,
		"paddle renewal": policy.Assist,
		"stripe fraud":   policy.Observe, // the policy is more careful
		"stripe dunning": policy.Enforce,
		"paypal dunning": policy.Observe, // the account is
		"paddle dunning": policy.Assist,
		"trivet dunning": policy.Assist, // what is at no provider has the global mode
	} {
		var account, rule string
		if _, err := fmt.Sscan(name, &account, &rule); err != nil {
			t.Fatal(err)
		}
		if got := m.For(account, rule, "user_1"); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if got := (policy.Modes{}).For("stripe", "fraud", "user_1"); got != policy.Enforce {
		t.Errorf("unless configured: %s", got)
	}
}

func TestSwitched(t *testing.T) {
	m := policy.Modes{Policies: map[string]policy.Mode{"fraud": policy.Observe}}
	switched, err := m.With(map[string]policy.Mode{"global": policy.Assist, "policy/fraud": policy.Enforce, "provider/paypal": policy.Observe})
	if err != nil {
		t.Fatal(err)
	}
	for account, want := range map[string]policy.Mode{"stripe": policy.Assist, "paypal": policy.Observe} {
		if got := switched.For(account, "fraud", "user_1"); got != want {
			t.Errorf("%s: %s, want %s", account, got, want)
		}
	}
	if got := m.For("stripe", "fraud", "user_1"); got != policy.Observe {
		t.Errorf("a switch changed what is configured, to %s", got)
	}
	tried := policy.Modes{Policies: map[string]policy.Mode{"fraud": policy.Assist}, Rollout: map[string]int{"fraud": 100}}
	for mode, want := range map[policy.Mode]policy.Mode{policy.Observe: policy.Observe, policy.Assist: policy.Enforce, policy.Enforce: policy.Enforce} {
		switched, err := tried.With(map[string]policy.Mode{"policy/fraud": mode})
		if got := switched.For("stripe", "fraud", "user_1"); err != nil || got != want {
			t.Errorf("switched to %s while it was tried with everybody: %s, %v", mode, got, err)
		}
	}
	if tried.For("stripe", "fraud", "user_1") != policy.Enforce {
		t.Error("a switch changed the rollout that is configured")
	}
	for _, wrong := range []map[string]policy.Mode{{"global": "on"}, {"fraud": policy.Assist}, {"policy/": policy.Assist}, {"provider/": policy.Assist}} {
		if _, err := m.With(wrong); err == nil {
			t.Errorf("%v is taken", wrong)
		}
	}
}

// TestRollout: a larger percentage takes more customers in and leaves none out, is
// about right, and never makes an account or everything less careful.
func TestRollout(t *testing.T) {
	in := func(percent int, global policy.Mode, customer string) bool {
		m := policy.Modes{Global: global, Policies: map[string]policy.Mode{"fraud": policy.Assist}, Rollout: map[string]int{"fraud": percent}}
		return m.For("stripe", "fraud", customer) == policy.Enforce
	}
	for _, percent := range []int{0, 1, 10, 25, 50, 90, 100} {
		n := 0
		for i := range 10_000 {
			if in(percent, policy.Enforce, fmt.Sprint("user_", i)) {
				n++
			}
		}
		if off := n - percent*100; off < -150 || off > 150 {
			t.Errorf("at %d %% are %d of 10,000 customers", percent, n)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		customer := rapid.String().Draw(t, "customer")
		less, more := rapid.IntRange(0, 100).Draw(t, "less"), rapid.IntRange(0, 100).Draw(t, "more")
		if less, more = min(less, more), max(less, more); in(less, policy.Enforce, customer) && !in(more, policy.Enforce, customer) {
			t.Fatalf("in at %d %%, out at %d %%", less, more)
		}
		if in(100, policy.Observe, customer) {
			t.Fatal("a rollout overrules the global mode")
		}
	})
}
