package policy_test

import (
	"strings"
	"testing"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/policy"
)

func TestProviders(t *testing.T) {
	known := policy.Known{Accounts: map[string]policy.Account{
		"stripe": {Kind: "stripe"}, "stripe_eu": {Kind: "stripe"}, "paddle": {Kind: "paddle", MerchantOfRecord: true}, "paddle_us": {Kind: "paddle", MerchantOfRecord: true},
	}}
	for name, test := range map[string]struct {
		switches policy.Providers
		on       string
	}{
		"by default":             {nil, "stripe stripe_eu"},
		"an account":             {policy.Providers{"stripe_eu": false}, "stripe"},
		"a kind":                 {policy.Providers{"paddle": true}, "paddle paddle_us stripe stripe_eu"},
		"an account in its kind": {policy.Providers{"paddle": true, "paddle_us": false}, "paddle stripe stripe_eu"},
	} {
		var on []string
		for _, account := range []string{"paddle", "paddle_us", "stripe", "stripe_eu"} {
			if test.switches.On(known, account) {
				on = append(on, account)
			}
		}
		if got := strings.Join(on, " "); got != test.on {
			t.Errorf("%s: on for %s, want %s", name, got, test.on)
		}
	}
}

func TestBanned(t *testing.T) {
	ban := &billing.Ban{}
	for want, known := range map[bool]policy.Known{false: {}, true: {Customer: billing.Customer{Ban: ban}}} {
		if known.Banned() != want {
			t.Errorf("want %t", want)
		}
	}
	if facts := (policy.Known{Facts: billing.Facts{Ban: ban}}); !facts.Banned() {
		t.Error("not banned by the facts")
	}
}

func TestOneOf(t *testing.T) {
	if err := policy.OneOf("yearly", "on", []string{"on", "off"}); err != nil {
		t.Error(err)
	}
	if err := policy.OneOf("yearly", "no", []string{"on", "off"}); err == nil || !strings.Contains(err.Error(), `yearly: there is no "no": use one of ["off" "on"]`) {
		t.Error(err)
	}
}
