package paddle

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// TestPromotionEnd: a subscription that is paid until May 1, whose price is 29 dollars.
func TestPromotionEnd(t *testing.T) {
	promotion := func(month time.Month) *billing.Ahead {
		return &billing.Ahead{Kind: billing.PromotionEnd, At: time.Date(2026, month, 1, 0, 0, 0, 0, time.UTC), Amount: billing.Money{Amount: 2900, Currency: "USD"}}
	}
	const paused = `{"action":"pause","effective_at":"2026-06-01T00:00:00Z","resume_at":null}`
	tests := map[string]struct {
		ends, change, status string
		want                 *billing.Ahead
	}{
		"no discount":               {"", "null", "active", nil},
		"for ever":                  {"null", "null", "active", nil},
		"with the period":           {`"2026-05-01T00:00:00Z"`, "null", "active", promotion(5)},
		"within the period":         {`"2026-04-12T00:00:00Z"`, "null", "active", promotion(5)},
		"after the next":            {`"2026-05-01T00:00:01Z"`, "null", "trialing", promotion(6)},
		"before the period":         {`"2026-04-01T00:00:00Z"`, "null", "active", nil},
		"ended":                     {`"2026-05-01T00:00:00Z"`, "null", "canceled", nil},
		"behind":                    {`"2026-05-01T00:00:00Z"`, "null", "past_due", promotion(5)},
		"to be paused before":       {`"2026-06-01T00:00:01Z"`, paused, "active", nil},
		"to be paused when it ends": {`"2026-06-01T00:00:00Z"`, paused, "active", nil},
		"to be paused after":        {`"2026-05-01T00:00:00Z"`, paused, "active", promotion(5)},
		"not a date":                {`"soon"`, "null", "active", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			discount := "null"
			if test.ends != "" {
				discount = `{"id":"dsc_1","starts_at":"2026-01-01T00:00:00Z","ends_at":` + test.ends + `}`
			}
			s := fetched(t, billing.KindSubscription, "sub_1", fmt.Sprintf(`{"id":"sub_1","status":%q,"customer_id":"ctm_1","currency_code":"USD",
				"current_billing_period":{"starts_at":"2026-04-01T00:00:00Z","ends_at":"2026-05-01T00:00:00Z"},"billing_cycle":{"interval":"month","frequency":1},
				"scheduled_change":%s,"discount":%s,"items":[{"quantity":1,"price":%s}]}`, test.status, test.change, discount, monthly))
			if diff := cmp.Diff(test.want, s.Object.(billing.Subscription).Ahead); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPreviewCharge(t *testing.T) {
	next := func(starts, grand, tax string) string {
		return fmt.Sprintf(`{"id":"sub_1","next_transaction":{"billing_period":{"starts_at":%q,"ends_at":"2026-06-01T00:00:00Z"},"adjustments":[],
			"details":{"totals":{"subtotal":"2437","discount":"500","tax":%q,"total":"2900","credit":"400","grand_total":%q,"currency_code":"EUR"}}}}`, starts, tax, grand)
	}
	tests := map[string]struct {
		answer string
		want   provider.Charge
		found  bool
		fails  provider.ErrorKind
	}{
		"after credits, with tax": {
			answer: next("2026-05-01T00:00:00Z", "2500", "463"), found: true,
			want: provider.Charge{At: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), Amount: billing.Money{Amount: 2500, Currency: "EUR"}, Tax: 463},
		},
		"none is coming": {answer: `{"id":"sub_1","next_transaction":null}`},
		"none is told":   {answer: `{"id":"sub_1"}`},
		"no amount":      {answer: next("2026-05-01T00:00:00Z", "", "463"), fails: provider.Malformed},
		"no tax":         {answer: next("2026-05-01T00:00:00Z", "2500", ""), fails: provider.Malformed},
		"no date":        {answer: next("", "2500", "463"), fails: provider.Malformed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := &fake{answers: map[string]string{"GET /prefix/subscriptions/sub_1": data(test.answer)}}
			charge, found, err := f.driver(t).PreviewCharge(ctx(), refTo(billing.KindSubscription, "sub_1"))
			switch {
			case test.fails != "":
				if err == nil || provider.KindOf(err) != test.fails {
					t.Errorf("%v, want %s", err, test.fails)
				}
			case err != nil || found != test.found || charge != test.want:
				t.Errorf("%+v, %v, %v", charge, found, err)
			}
			if got := f.calls[len(f.calls)-1].query.Get("include"); got != "next_transaction" {
				t.Errorf("asked to include %q", got)
			}
		})
	}
}

// TestPortalURL: the cancellation of a subscription, or else the overview.
func TestPortalURL(t *testing.T) {
	f := &fake{answers: map[string]string{"POST /prefix/customers/ctm_1/portal-sessions": data(`{"id":"cpls_1","urls":{"general":{"overview":"https://portal.test/o"},
		"subscriptions":[{"id":"sub_1","cancel_subscription":"https://portal.test/c","update_subscription_payment_method":"https://portal.test/u"},{"id":"sub_2"}]}}`)}}
	owner := refTo(billing.KindCustomer, "ctm_1")
	for name, test := range map[string]struct {
		request provider.PortalRequest
		want    string
	}{
		"all":           {provider.PortalRequest{Owner: owner}, "https://portal.test/o"},
		"managing":      {provider.PortalRequest{Owner: owner, Subscription: refTo(billing.KindSubscription, "sub_1")}, "https://portal.test/o"},
		"canceling":     {provider.PortalRequest{Owner: owner, Subscription: refTo(billing.KindSubscription, "sub_1"), Cancel: true}, "https://portal.test/c"},
		"without link":  {provider.PortalRequest{Owner: owner, Subscription: refTo(billing.KindSubscription, "sub_2"), Cancel: true}, "https://portal.test/o"},
		"not a session": {provider.PortalRequest{Owner: refTo(billing.KindCustomer, "ctm_2")}, ""},
		"no owner":      {provider.PortalRequest{Subscription: refTo(billing.KindSubscription, "sub_1")}, ""},
	} {
		got, err := f.driver(t).PortalURL(ctx(), test.request)
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
