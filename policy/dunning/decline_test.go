package dunning_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/policy/dunning"
)

func TestClassify(t *testing.T) {
	type class = dunning.Class
	for name, test := range map[string]struct {
		decline billing.Decline
		want    class
	}{
		"nothing":                     {billing.Decline{}, class{Reason: dunning.Unknown}},
		"a code of tomorrow":          {billing.Decline{Code: "card_declined", DeclineCode: "moon_phase"}, class{Reason: notify.ReasonOther}},
		"no money":                    {billing.Decline{Code: "card_declined", DeclineCode: "insufficient_funds", NetworkCode: "51", Advice: "try_again_later"}, class{Reason: notify.ReasonFunds}},
		"no money, and never again":   {billing.Decline{DeclineCode: "insufficient_funds", Advice: "do_not_try_again"}, class{Reason: notify.ReasonFunds, Final: true}},
		"expired":                     {billing.Decline{Code: "expired_card", DeclineCode: "expired_card"}, class{Reason: notify.ReasonExpired, Final: true}},
		"Stripe's own error":          {billing.Decline{Code: "incorrect_number"}, class{Reason: notify.ReasonCardData, Final: true}},
		"no reason, network tells":    {billing.Decline{Code: "card_declined", DeclineCode: "generic_decline", NetworkCode: "51"}, class{Reason: notify.ReasonFunds}},
		"network says never":          {billing.Decline{DeclineCode: "generic_decline", NetworkCode: "57"}, class{Reason: notify.ReasonOther, Final: true}},
		"no reason, confirm data":     {billing.Decline{DeclineCode: "generic_decline", Advice: "confirm_card_data"}, class{Reason: notify.ReasonOther, Final: true}},
		"only advice: confirm data":   {billing.Decline{Advice: "confirm_card_data"}, class{Reason: notify.ReasonCardData, Final: true}},
		"only advice: later":          {billing.Decline{Advice: "try_again_later"}, class{Reason: notify.ReasonTemporary}},
		"3-D Secure":                  {billing.Decline{Code: "authentication_required", DeclineCode: "authentication_required"}, class{Reason: notify.ReasonAuthentication, Final: true}},
		"Paddle: 3-D Secure":          {billing.Decline{Code: "authentication_failed", DeclineCode: "authentication_failed", Advice: "confirm_card_data"}, class{Reason: notify.ReasonAuthentication, Final: true}},
		"Paddle: no money":            {billing.Decline{Code: "not_enough_balance", Advice: "try_again_later"}, class{Reason: notify.ReasonFunds}},
		"Paddle: unknown":             {billing.Decline{Code: "unknown", DeclineCode: "unknown", Advice: "try_again_later"}, class{Reason: notify.ReasonTemporary}},
		"Paddle: never again":         {billing.Decline{Code: "declined_not_retryable", Advice: "do_not_try_again"}, class{Reason: notify.ReasonOther, Final: true}},
		"PayPal: says no":             {billing.Decline{Code: "DECLINED"}, class{Reason: notify.ReasonOther}},
		"PayPal: the payer's account": {billing.Decline{Code: "PAYER_ACCOUNT_RESTRICTED"}, class{Reason: notify.ReasonMethod, Final: true}},
		"PayPal: our account":         {billing.Decline{Code: "PAYEE_ACCOUNT_RESTRICTED"}, class{Reason: notify.ReasonTemporary, Final: true, Seller: true}},
		"stop":                        {billing.Decline{DeclineCode: "stop_payment_order"}, class{Reason: notify.ReasonOther, Final: true, Revoked: true}},
		"stop, by the network":        {billing.Decline{DeclineCode: "generic_decline", NetworkCode: "R1"}, class{Reason: notify.ReasonOther, Final: true, Revoked: true}},
	} {
		if got := dunning.Classify(&test.decline); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
	if got := dunning.Classify(nil); got.Reason != dunning.Unknown || got.Final {
		t.Errorf("none: %+v", got)
	}
}

// never are the networks' words after which nobody tries again: Visa's category 1,
// and the codes of which Stripe says the same.
var never = []billing.Decline{
	{NetworkCode: "04"}, {NetworkCode: "07"}, {NetworkCode: "12"}, {NetworkCode: "14"}, {NetworkCode: "15"}, {NetworkCode: "41"}, {NetworkCode: "43"},
	{NetworkCode: "46"}, {NetworkCode: "57"}, {NetworkCode: "R0"}, {NetworkCode: "R1"}, {NetworkCode: "R3"}, {Advice: "do_not_try_again"},
	{DeclineCode: "lost_card"}, {DeclineCode: "stolen_card"}, {DeclineCode: "pickup_card"}, {DeclineCode: "invalid_account"}, {DeclineCode: "incorrect_number"},
	{DeclineCode: "card_not_supported"}, {DeclineCode: "currency_not_supported"}, {DeclineCode: "do_not_try_again"}, {DeclineCode: "restricted_card"},
	{DeclineCode: "new_account_information_available"}, {DeclineCode: "security_violation"}, {DeclineCode: "fraudulent"}, {DeclineCode: "merchant_blacklist"},
	{DeclineCode: "transaction_not_allowed"}, {DeclineCode: "service_not_allowed"}, {DeclineCode: "no_action_taken"}, {DeclineCode: "not_permitted"},
	{DeclineCode: "revocation_of_authorization"}, {DeclineCode: "revocation_of_all_authorizations"}, {DeclineCode: "stop_payment_order"},
	{Code: "blocked_card"}, {Code: "declined_not_retryable"}, {Code: "fraud"}, {Code: "redacted_payment_method"}, {Code: "transaction_not_permitted"},
}

func TestNeverAgain(t *testing.T) {
	for _, d := range never {
		if !dunning.Classify(&d).Final {
			t.Errorf("%+v would be tried again", d)
		}
		rapid.Check(t, func(t *rapid.T) {
			mixed := d
			if mixed.Advice == "" {
				mixed.Advice = rapid.SampledFrom([]string{"", "try_again_later"}).Draw(t, "advice")
			}
			if mixed.NetworkCode == "" {
				mixed.NetworkCode = rapid.SampledFrom([]string{"", "51", "91"}).Draw(t, "network")
			}
			if !dunning.Classify(&mixed).Final {
				t.Fatalf("%+v would be tried again", mixed)
			}
		})
	}
}

// TestNobodyIsToldOfTheft: whatever a provider says, the payer hears one of a few
// words, and none that would warn a thief.
func TestNobodyIsToldOfTheft(t *testing.T) {
	for _, word := range dunning.Reasons() {
		for _, bad := range []string{"fraud", "lost", "stolen", "pickup", "security", "risk"} {
			if strings.Contains(word, bad) {
				t.Errorf("%q would be told", word)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.SampledFrom(never).Draw(t, "decline")
		if other := rapid.String().Draw(t, "code"); d.Code == "" {
			d.Code = other
		}
		if got := dunning.Classify(&d); !slices.Contains(dunning.Reasons(), got.Reason) {
			t.Fatalf("%+v: %q", d, got.Reason)
		}
	})
}
