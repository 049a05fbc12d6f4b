package stripe

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/provider/strict"
)

// midday is the anchor of the subscription that these tests are about, which costs 30
// euros a month and has been paid until the end of February.
func midday(month time.Month, day int) time.Time {
	return time.Date(2026, month, day, 12, 0, 0, 0, time.UTC)
}

// leading is that subscription with something ahead. What is scheduled comes after
// until, in Unix seconds.
func leading(change map[string]string) string {
	fields := map[string]string{
		"id": `"sub_1"`, "object": `"subscription"`, "status": `"active"`, "currency": `"eur"`, "customer": `"cus_1"`,
		"billing_cycle_anchor": unixText(midday(1, 31)), "discounts": `[]`, "schedule": `null`, "itemDiscounts": `[]`, "cancel_at": `null`,
		"interval": `"month"`,
	}
	for name, value := range change {
		fields[name] = value
	}
	item := fmt.Sprintf(`{"id":"si_1","quantity":1,"current_period_start":%s,"current_period_end":%s,"discounts":%s,
		"price":{"id":"price_a","unit_amount":3000,"recurring":{"interval":%s,"interval_count":1}}}`,
		unixText(midday(1, 31)), unixText(midday(2, 28)), fields["itemDiscounts"], fields["interval"])
	delete(fields, "itemDiscounts")
	delete(fields, "interval")
	text := []string{`"items":{"object":"list","has_more":false,"data":[` + item + `]}`}
	for name, value := range fields {
		text = append(text, fmt.Sprintf("%q:%s", name, value))
	}
	return "{" + strings.Join(text, ",") + "}"
}

func unixText(t time.Time) string { return fmt.Sprint(t.Unix()) }

func until(t time.Time) string {
	return fmt.Sprintf(`{"id":"di_1","object":"discount","end":%s,"source":{"coupon":"C","type":"coupon"}}`, unixText(t))
}

// scheduled is a schedule whose first phase runs until a time, with what follows it.
func scheduled(end time.Time, coupons string, following ...string) string {
	phases := append([]string{fmt.Sprintf(`{"start_date":%s,"end_date":%s,"discounts":%s,"items":[{"price":"price_a","quantity":1}]}`,
		unixText(midday(1, 31)), unixText(end), coupons)}, following...)
	return fmt.Sprintf(`{"id":"sub_sched_1","status":"active","current_phase":{"start_date":%s,"end_date":%s},"phases":[%s]}`,
		unixText(midday(1, 31)), unixText(end), strings.Join(phases, ","))
}

func phaseFrom(start time.Time, price, more string) string {
	return fmt.Sprintf(`{"start_date":%s,"end_date":%s,"items":[{"price":%q,"quantity":2}]%s}`,
		unixText(start), unixText(start.AddDate(1, 0, 0)), price, more)
}

func TestAhead(t *testing.T) {
	eur := func(amount int64) billing.Money { return billing.Money{Amount: amount, Currency: "EUR"} }
	promotion := func(at time.Time, amount billing.Money) *billing.Ahead {
		return &billing.Ahead{Kind: billing.PromotionEnd, At: at, Amount: amount}
	}
	coupon := `[{"coupon":"C","discount":null,"promotion_code":null}]`
	tests := map[string]struct {
		change map[string]string
		want   *billing.Ahead
	}{
		"nothing":                        {nil, nil},
		"a discount for ever":            {map[string]string{"discounts": `[{"id":"di_1","end":null}]`}, nil},
		"a discount that was not shown":  {map[string]string{"discounts": `["di_1"]`}, nil},
		"it ends with the period":        {map[string]string{"discounts": "[" + until(midday(2, 28)) + "]"}, promotion(midday(2, 28), eur(3000))},
		"it ends within the period":      {map[string]string{"discounts": "[" + until(midday(2, 3)) + "]"}, promotion(midday(2, 28), eur(3000))},
		"it ended before the period":     {map[string]string{"discounts": "[" + until(midday(1, 30)) + "]"}, nil},
		"it ends a second later":         {map[string]string{"discounts": "[" + until(midday(2, 28).Add(time.Second)) + "]"}, promotion(midday(3, 31), eur(3000))},
		"the 31st comes back":            {map[string]string{"discounts": "[" + until(midday(4, 30)) + "]"}, promotion(midday(4, 30), eur(3000))},
		"weekly":                         {map[string]string{"discounts": "[" + until(midday(3, 8)) + "]", "interval": `"week"`}, promotion(midday(3, 14), eur(3000))},
		"a rhythm that nobody knows":     {map[string]string{"discounts": "[" + until(midday(3, 8)) + "]", "interval": `"moon"`}, nil},
		"of an item":                     {map[string]string{"itemDiscounts": "[" + until(midday(2, 28)) + "]"}, promotion(midday(2, 28), eur(3000))},
		"another discount stays":         {map[string]string{"discounts": "[" + until(midday(2, 28)) + `,{"id":"di_2","end":null}]`}, promotion(midday(2, 28), billing.Money{})},
		"another discount ends later":    {map[string]string{"discounts": "[" + until(midday(2, 28)) + "," + until(midday(8, 1)) + "]"}, promotion(midday(2, 28), billing.Money{})},
		"in a trial":                     {map[string]string{"discounts": "[" + until(midday(3, 1)) + "]", "status": `"trialing"`}, promotion(midday(3, 31), eur(3000))},
		"canceled before":                {map[string]string{"discounts": "[" + until(midday(3, 1)) + "]", "cancel_at": unixText(midday(2, 28))}, nil},
		"canceled after":                 {map[string]string{"discounts": "[" + until(midday(2, 1)) + "]", "cancel_at": unixText(midday(3, 31))}, promotion(midday(2, 28), eur(3000))},
		"ended":                          {map[string]string{"discounts": "[" + until(midday(2, 28)) + "]", "status": `"canceled"`}, nil},
		"nobody has paid yet":            {map[string]string{"discounts": "[" + until(midday(2, 28)) + "]", "status": `"incomplete"`}, nil},
		"a phase with another price":     {map[string]string{"schedule": scheduled(midday(2, 28), "[]", phaseFrom(midday(2, 28), "price_b", ""))}, &billing.Ahead{Kind: billing.PriceChange, At: midday(2, 28), Amount: eur(9000)}},
		"one within a period":            {map[string]string{"schedule": scheduled(midday(3, 3), "[]", phaseFrom(midday(3, 3), "price_b", ""))}, &billing.Ahead{Kind: billing.PriceChange, At: midday(3, 31), Amount: eur(9000)}},
		"one that charges at once":       {map[string]string{"schedule": scheduled(midday(3, 3), "[]", phaseFrom(midday(3, 3), "price_b", `,"billing_cycle_anchor":"phase_start"`))}, &billing.Ahead{Kind: billing.PriceChange, At: midday(3, 3), Amount: eur(9000)}},
		"one of another rhythm":          {map[string]string{"schedule": scheduled(midday(3, 3), "[]", phaseFrom(midday(3, 3), "price_year", ""))}, &billing.Ahead{Kind: billing.PriceChange, At: midday(3, 3), Amount: eur(50000)}},
		"one with a coupon":              {map[string]string{"schedule": scheduled(midday(2, 28), "[]", phaseFrom(midday(2, 28), "price_b", `,"discounts":`+coupon))}, &billing.Ahead{Kind: billing.PriceChange, At: midday(2, 28)}},
		"one that begins free":           {map[string]string{"schedule": scheduled(midday(2, 28), "[]", phaseFrom(midday(2, 28), "price_b", `,"trial_end":`+unixText(midday(3, 9))))}, &billing.Ahead{Kind: billing.PriceChange, At: midday(3, 9), Amount: eur(9000)}},
		"one that is the same":           {map[string]string{"schedule": scheduled(midday(2, 28), "[]", strings.Replace(phaseFrom(midday(2, 28), "price_a", ""), `"quantity":2`, `"quantity":1`, 1))}, nil},
		"the same, and then another":     {map[string]string{"schedule": scheduled(midday(2, 28), "[]", strings.Replace(phaseFrom(midday(2, 28), "price_a", ""), `"quantity":2`, `"quantity":1`, 1), phaseFrom(midday(4, 30), "price_b", ""))}, &billing.Ahead{Kind: billing.PriceChange, At: midday(4, 30), Amount: eur(9000)}},
		"the same without the coupon":    {map[string]string{"discounts": `[{"id":"di_1","end":null}]`, "schedule": scheduled(midday(2, 28), coupon, strings.Replace(phaseFrom(midday(2, 28), "price_a", ""), `"quantity":2`, `"quantity":1`, 1))}, promotion(midday(2, 28), eur(3000))},
		"the coupon was used up already": {map[string]string{"schedule": scheduled(midday(2, 28), coupon, strings.Replace(phaseFrom(midday(2, 28), "price_a", ""), `"quantity":2`, `"quantity":1`, 1))}, nil},
		"a schedule that let go":         {map[string]string{"schedule": `{"id":"sub_sched_1","status":"released","phases":[]}`}, nil},
		"the earlier of both":            {map[string]string{"discounts": "[" + until(midday(2, 28)) + "]", "schedule": scheduled(midday(3, 31), "[]", phaseFrom(midday(3, 31), "price_b", ""))}, promotion(midday(2, 28), eur(3000))},
		"both at once":                   {map[string]string{"discounts": "[" + until(midday(2, 28)) + "]", "schedule": scheduled(midday(2, 28), coupon, phaseFrom(midday(2, 28), "price_b", ""))}, &billing.Ahead{Kind: billing.PriceChange, At: midday(2, 28), Amount: eur(9000)}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := schedulePrices(leading(test.change))
			s, err := f.driver(t).Fetch(t.Context(), refTo(billing.KindSubscription, "sub_1"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, s.Object.(billing.Subscription).Ahead); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func schedulePrices(subscription string) *fake {
	return &fake{answers: map[string]string{
		"GET /prefix/v1/subscriptions/sub_1": subscription,
		"GET /prefix/v1/subscriptions":       `{"object":"list","url":"/v1/subscriptions","has_more":false,"data":[` + subscription + `]}`,
		"GET /prefix/v1/prices/price_b":      `{"id":"price_b","object":"price","unit_amount":4500,"recurring":{"interval":"month","interval_count":1}}`,
		"GET /prefix/v1/prices/price_year":   `{"id":"price_year","object":"price","unit_amount":25000,"recurring":{"interval":"year","interval_count":1}}`,
	}}
}

// TestAheadCostsFewCalls: a list brings all of it along, and a price that schedules
// name is read once, however many do.
func TestAheadCostsFewCalls(t *testing.T) {
	f := schedulePrices(leading(map[string]string{"schedule": scheduled(midday(2, 28), "[]", phaseFrom(midday(2, 28), "price_b", ""))}))
	d := f.driver(t)
	for range 3 {
		page, err := d.List(t.Context(), provider.Query{Kind: billing.KindSubscription})
		if err != nil || len(page.Snapshots) != 1 || page.Snapshots[0].Object.(billing.Subscription).Ahead == nil {
			t.Fatalf("%+v, %v", page, err)
		}
	}
	if len(f.calls) != 4 {
		t.Errorf("%d calls for three lists", len(f.calls))
	}
	for _, want := range []string{"data.discounts", "data.schedule", "data.items.data.discounts", "data.latest_invoice"} {
		if !strings.Contains(f.calls[0].query.Encode(), "="+want) {
			t.Errorf("not expanded: %s in %v", want, f.calls[0].query)
		}
	}
}

// TestAheadWithoutItsPrice: that a schedule's price is not there must never pass for a
// subscription that is not there.
func TestAheadWithoutItsPrice(t *testing.T) {
	f := schedulePrices(leading(map[string]string{"schedule": scheduled(midday(2, 28), "[]", phaseFrom(midday(2, 28), "price_gone", ""))}))
	if s, err := f.driver(t).Fetch(t.Context(), refTo(billing.KindSubscription, "sub_1")); provider.KindOf(err) != provider.Malformed {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestPreviewCharge(t *testing.T) {
	const path = "POST /prefix/v1/invoices/create_preview"
	tests := map[string]struct {
		status int
		answer string
		want   provider.Charge
		found  bool
		fails  provider.ErrorKind
	}{
		"with discount, tax and balance": {
			answer: `{"object":"invoice","currency":"eur","period_end":1772280000,"subtotal":3000,"total":2678,"amount_due":2178,"total_taxes":[{"amount":400},{"amount":28}]}`,
			want:   provider.Charge{At: midday(2, 28), Amount: billing.Money{Amount: 2178, Currency: "EUR"}, Tax: 428}, found: true,
		},
		"in kronur":       {answer: `{"object":"invoice","currency":"isk","period_end":1772280000,"amount_due":120000,"total_taxes":[]}`, want: provider.Charge{At: midday(2, 28), Amount: billing.Money{Amount: 1200, Currency: "ISK"}}, found: true},
		"none is coming":  {status: 404, answer: `{"error":{"type":"invalid_request_error","code":"invoice_upcoming_none","message":"No upcoming invoices"}}`},
		"no such thing":   {status: 404, answer: `{"error":{"type":"invalid_request_error","code":"resource_missing","param":"subscription"}}`, fails: provider.NotFound},
		"not an invoice":  {answer: `{}`, fails: provider.Malformed},
		"without a date":  {answer: `{"object":"invoice","currency":"eur","amount_due":1}`, fails: provider.Malformed},
		"half done":       {status: 500, answer: `{}`, fails: provider.Unavailable},
		"they are down":   {status: 503, answer: `{}`, fails: provider.Unavailable},
		"too many at all": {status: 429, answer: `{"error":{"code":"rate_limit"}}`, fails: provider.RateLimited},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := &fake{status: test.status, answers: map[string]string{path: test.answer}}
			charge, found, err := f.driver(t).PreviewCharge(t.Context(), refTo(billing.KindSubscription, "sub_1"))
			switch {
			case test.fails != "":
				if provider.KindOf(err) != test.fails || err == nil {
					t.Errorf("%v, want %s", err, test.fails)
				}
			case err != nil || found != test.found || charge != test.want:
				t.Errorf("%+v, %v, %v", charge, found, err)
			}
			if got := f.last().form.Get("subscription"); got != "sub_1" {
				t.Errorf("asked for %q", got)
			}
		})
	}
}

// TestPortalURL: where the portal will not cancel, its first page is what is left.
func TestPortalURL(t *testing.T) {
	const path = "POST /prefix/v1/billing_portal/sessions"
	f := &fake{answers: map[string]string{path: `{"id":"bps_1","url":"https://billing.stripe.com/p/session/1"}`}}
	owner, subscription := refTo(billing.KindCustomer, "cus_1"), refTo(billing.KindSubscription, "sub_1")
	for name, want := range map[string]struct {
		request provider.PortalRequest
		form    map[string]string
	}{
		"all":    {provider.PortalRequest{Owner: owner, ReturnURL: "https://app.test"}, map[string]string{"customer": "cus_1", "return_url": "https://app.test"}},
		"one":    {provider.PortalRequest{Owner: owner, Subscription: subscription}, map[string]string{"customer": "cus_1"}},
		"cancel": {provider.PortalRequest{Owner: owner, Subscription: subscription, Cancel: true}, map[string]string{"customer": "cus_1", "flow_data[type]": "subscription_cancel", "flow_data[subscription_cancel][subscription]": "sub_1"}},
	} {
		link, err := f.driver(t).PortalURL(t.Context(), want.request)
		if err != nil || link != "https://billing.stripe.com/p/session/1" {
			t.Errorf("%s: %q, %v", name, link, err)
		}
		if diff := cmp.Diff(want.form, form(f)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	refusing := &fake{status: 400, answers: map[string]string{path: `{"error":{"type":"invalid_request_error","param":"flow_data[subscription_cancel][subscription]"}}`}}
	if _, err := refusing.driver(t).PortalURL(t.Context(), provider.PortalRequest{Owner: owner, Subscription: subscription, Cancel: true}); provider.KindOf(err) != provider.Refused || len(refusing.calls) != 2 {
		t.Errorf("%d calls, %v", len(refusing.calls), err)
	}
	if _, asked := refusing.last().form["flow_data[type]"]; asked {
		t.Error("the second call asks for the cancellation again")
	}
	for _, bad := range []provider.PortalRequest{{}, {Owner: subscription}, {Owner: owner, Subscription: owner, Cancel: true}} {
		if _, err := f.driver(t).PortalURL(context.Background(), bad); provider.KindOf(err) != provider.Refused {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// TestScheduleEvents: a schedule or a discount that changes is news of its subscription.
func TestScheduleEvents(t *testing.T) {
	d := (&fake{}).driver(t)
	for _, test := range []struct{ name, object, want string }{
		{"subscription_schedule.updated", `{"id":"sub_sched_1","subscription":"sub_1","released_subscription":null}`, "sub_1"},
		{"subscription_schedule.released", `{"id":"sub_sched_1","subscription":null,"released_subscription":"sub_1"}`, "sub_1"},
		{"subscription_schedule.created", `{"id":"sub_sched_1","subscription":null}`, ""},
		{"customer.discount.deleted", `{"id":"di_1","customer":"cus_1","subscription":"sub_1"}`, "sub_1"},
		{"customer.discount.created", `{"id":"di_1","customer":"cus_1","subscription":null}`, ""},
	} {
		ref, found := d.refOf(test.name, members(t, test.object))
		if found != (test.want != "") || ref.ID != test.want || found && ref.Kind != billing.KindSubscription {
			t.Errorf("%s of %s: %v, %v", test.name, test.object, ref, found)
		}
	}
}

func members(t *testing.T, text string) strict.Object {
	t.Helper()
	object, err := strict.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return object
}
