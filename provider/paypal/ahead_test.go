package paypal

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

const threeCheap = `{"tenure_type":"TRIAL","sequence":1,"total_cycles":3,"frequency":{"interval_unit":"MONTH","interval_count":1},` +
	`"pricing_scheme":{"version":1,"fixed_price":{"currency_code":"USD","value":"4.99"}}},`

// counted is what PayPal has counted: of the cycles before, by sequence, what is left,
// and how many regular ones are done.
func counted(regular int, left ...int) string {
	var all []string
	for i, n := range left {
		all = append(all, fmt.Sprintf(`{"tenure_type":"TRIAL","sequence":%d,"cycles_completed":0,"cycles_remaining":%d}`, i+1, n))
	}
	all = append(all, fmt.Sprintf(`{"tenure_type":"REGULAR","sequence":%d,"cycles_completed":%d,"cycles_remaining":0}`, len(left)+1, regular))
	return `,"cycle_executions":[` + strings.Join(all, ",") + `]`
}

// TestPromotionEnd: three months at 4.99 for two, from January 15, and 14.99 afterwards.
// It is March 1 or, in the first, still January.
func TestPromotionEnd(t *testing.T) {
	next := func(month time.Month) string {
		return fmt.Sprintf(`"last_payment":{"time":"2026-02-15T10:20:00Z"},"next_billing_time":"2026-%02d-15T10:00:00Z"`, month)
	}
	free := `{"tenure_type":"TRIAL","sequence":1,"total_cycles":1,"frequency":{"interval_unit":"MONTH","interval_count":1}},`
	second := strings.Replace(threeCheap, `"sequence":1`, `"sequence":2`, 1)
	promotion := func(month time.Month) *billing.Ahead {
		return &billing.Ahead{Kind: billing.PromotionEnd, At: day(month, 15), Amount: billing.Money{Amount: 2998, Currency: "USD"}}
	}
	tests := map[string]struct {
		json string
		want *billing.Ahead
	}{
		"no introduction":                        {agreement("ACTIVE", "", next(3)+counted(1), regularMonth), nil},
		"a free one alone":                       {agreement("ACTIVE", "", next(3)+counted(0, 1), free+regularMonth), nil},
		"one left":                               {agreement("ACTIVE", "", next(3)+counted(0, 1), threeCheap+regularMonth), promotion(4)},
		"the next is regular":                    {agreement("ACTIVE", "", next(4)+counted(0, 0), threeCheap+regularMonth), promotion(4)},
		"it was":                                 {agreement("ACTIVE", "", next(5)+counted(1, 0), threeCheap+regularMonth), nil},
		"the first regular failed":               {agreement("ACTIVE", "", `"failed_payments_count":1,`+next(5)+counted(0, 0), threeCheap+regularMonth), nil},
		"a cheap one failed":                     {agreement("ACTIVE", "", `"failed_payments_count":1,`+next(4)+counted(0, 0), threeCheap+regularMonth), promotion(4)},
		"longer, for it was suspended meanwhile": {agreement("ACTIVE", "", next(6)+counted(0, 1), threeCheap+regularMonth), promotion(7)},
		"free first, whatever the order":         {agreement("ACTIVE", "", next(3)+counted(0, 0, 3), second+free+regularMonth), promotion(6)},
		"canceled":                               {agreement("CANCELLED", "", `"last_payment":{"time":"2026-02-15T10:20:00Z"}`+counted(0, 1), threeCheap+regularMonth), nil},
		"nothing is counted":                     {agreement("ACTIVE", "", next(3), threeCheap+regularMonth), nil},
		"priced by tiers":                        {agreement("ACTIVE", "", next(4)+counted(0, 0), threeCheap+strings.Replace(regularMonth, "fixed_price", "tiers_price", 1)), &billing.Ahead{Kind: billing.PromotionEnd, At: day(4, 15)}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := fetched(t, billing.KindSubscription, "I-1", map[string]string{"/v1/billing/subscriptions/I-1": test.json})
			if diff := cmp.Diff(test.want, s.Object.(billing.Subscription).Ahead); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestIntroduction: cycles at a lower price are no trial, and end as the others do.
func TestIntroduction(t *testing.T) {
	json := agreement("ACTIVE", "", `"last_payment":{"time":"2026-02-15T10:20:00Z"},"next_billing_time":"2026-03-15T10:00:00Z"`+counted(0, 1), threeCheap+regularMonth)
	got := fetched(t, billing.KindSubscription, "I-1", map[string]string{"/v1/billing/subscriptions/I-1": json}).Object.(billing.Subscription)
	if got.Status != billing.SubscriptionActive || !got.TrialEnd.IsZero() || !got.PeriodStart.Equal(day(2, 15)) || !got.PeriodEnd.Equal(day(3, 15)) {
		t.Errorf("%+v", got)
	}
	json = strings.Replace(strings.Replace(json, "ACTIVE", "CANCELLED", 1), `,"next_billing_time":"2026-03-15T10:00:00Z"`, "", 1)
	got = fetched(t, billing.KindSubscription, "I-1", map[string]string{"/v1/billing/subscriptions/I-1": json}).Object.(billing.Subscription)
	if got.Status != billing.SubscriptionActive || !got.CancelAt.Equal(day(3, 15)) {
		t.Errorf("canceled: %+v", got)
	}
	yearly := strings.NewReplacer("MONTH", "YEAR", `"total_cycles":3`, `"total_cycles":1`).Replace(threeCheap)
	json = agreement("ACTIVE", "", `"last_payment":{"time":"2026-01-15T10:20:00Z"},"next_billing_time":"2027-01-15T10:00:00Z"`+counted(0, 0), yearly+regularMonth)
	got = fetched(t, billing.KindSubscription, "I-1", map[string]string{"/v1/billing/subscriptions/I-1": json}).Object.(billing.Subscription)
	if !got.PeriodStart.Equal(day(1, 15)) || got.Ahead == nil || got.Ahead.At.Year() != 2027 {
		t.Errorf("after a year: %+v, %+v", got, got.Ahead)
	}
}

func TestPortalURL(t *testing.T) {
	for sandbox, want := range map[bool]string{false: autopayLive, true: autopaySandbox} {
		d := &Driver{account: "paypal", sandbox: sandbox}
		got, err := d.PortalURL(t.Context(), provider.PortalRequest{Subscription: refTo(billing.KindSubscription, "I-1"), Cancel: true})
		if got != want || err != nil {
			t.Errorf("sandbox %v: %q, %v", sandbox, got, err)
		}
	}
	if _, err := (&Driver{account: "other"}).PortalURL(t.Context(), provider.PortalRequest{Subscription: refTo(billing.KindSubscription, "I-1")}); provider.KindOf(err) != provider.Refused {
		t.Errorf("of another account: %v", err)
	}
}
