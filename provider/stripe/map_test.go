package stripe

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	sdk "github.com/stripe/stripe-go/v85"
	"pgregory.net/rapid"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

func at(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }

const subscriptionJSON = `{"id":"sub_1","object":"subscription","status":"active","currency":"eur","customer":"cus_1",
	"start_date":1000,"trial_end":null,"cancel_at":null,"cancel_at_period_end":false,"ended_at":null,"pause_collection":null,
	"metadata":{"trivet_token":"tok","user_id":"42"},
	"latest_invoice":{"id":"in_1","object":"invoice","created":2000,"due_date":null},
	"items":{"object":"list","has_more":false,"data":[
		{"id":"si_1","quantity":3,"current_period_start":2000,"current_period_end":3000,
			"price":{"id":"price_a","unit_amount":1000,"unit_amount_decimal":"1000","recurring":{"interval":"month","interval_count":3}}},
		{"id":"si_2","quantity":1,"current_period_start":2500,"current_period_end":4000,
			"price":{"id":"price_b","unit_amount":null,"unit_amount_decimal":"0.5","recurring":{"interval":"month","interval_count":3}}},
		{"id":"si_3","current_period_start":2000,"current_period_end":3000,
			"price":{"id":"price_c","unit_amount":null,"unit_amount_decimal":null,"billing_scheme":"tiered","recurring":{"interval":"month","interval_count":3,"usage_type":"metered"}}}]}}`

func TestSubscription(t *testing.T) {
	snapshot, f := fetched(t, billing.KindSubscription, "sub_1", "subscriptions", subscriptionJSON)
	want := provider.Snapshot{
		Ref: refTo(billing.KindSubscription, "sub_1"), Owner: "cus_1",
		Claims:  map[string]string{"token": "tok", "metadata.user_id": "42"},
		Related: []provider.Ref{refTo(billing.KindInvoice, "in_1")},
		Object: billing.Subscription{
			Status: billing.SubscriptionActive, ProviderStatus: "active", Price: "price_a", Quantity: 3,
			Amount: billing.Money{Amount: 3001, Currency: "EUR"}, Interval: billing.Interval{Unit: "month", Count: 3},
			Items:     []billing.Item{{Price: "price_a", Quantity: 3}, {Price: "price_b", Quantity: 1}, {Price: "price_c"}},
			StartedAt: at(1000), PeriodStart: at(2500), PeriodEnd: at(4000), LatestInvoice: "in_1",
		},
	}
	if diff := cmp.Diff(want, snapshot); diff != "" {
		t.Error(diff)
	}
	if got := f.last().header.Get("Stripe-Version"); got != sdk.APIVersion {
		t.Errorf("the version asked for is %q", got)
	}
	if f.last().header.Get("X-Stripe-Client-Telemetry") != "" {
		t.Error("telemetry is on")
	}
}

func TestSubscriptionStates(t *testing.T) {
	type want struct {
		status       billing.SubscriptionStatus
		cancelAt     int64
		pastDueSince int64
		pause        *billing.Pause
	}
	tests := map[string]struct {
		change map[string]string
		want   want
	}{
		"incomplete":         {map[string]string{"status": `"incomplete"`}, want{status: billing.SubscriptionPending}},
		"incomplete_expired": {map[string]string{"status": `"incomplete_expired"`}, want{status: billing.SubscriptionEnded}},
		"trialing":           {map[string]string{"status": `"trialing"`}, want{status: billing.SubscriptionTrialing}},
		"past_due":           {map[string]string{"status": `"past_due"`}, want{status: billing.SubscriptionPastDue, pastDueSince: 2000}},
		"past_due, sent": {map[string]string{"status": `"past_due"`, "latest_invoice": `{"id":"in_1","created":2000,"due_date":2700}`},
			want{status: billing.SubscriptionPastDue, pastDueSince: 2700}},
		"unpaid":           {map[string]string{"status": `"unpaid"`}, want{status: billing.SubscriptionUnpaid, pastDueSince: 2000}},
		"canceled":         {map[string]string{"status": `"canceled"`}, want{status: billing.SubscriptionEnded}},
		"canceled, paused": {map[string]string{"status": `"canceled"`, "pause_collection": `{"behavior":"void"}`}, want{status: billing.SubscriptionEnded, pause: &billing.Pause{Mode: "void"}}},
		"paused by trial": {map[string]string{"status": `"paused"`, "trial_end": "1900"},
			want{status: billing.SubscriptionPaused, pause: &billing.Pause{From: at(1900)}}},
		"collection paused": {map[string]string{"pause_collection": `{"behavior":"keep_as_draft","resumes_at":null}`},
			want{status: billing.SubscriptionPaused, pause: &billing.Pause{Mode: "keep_as_draft"}}},
		"collection paused until": {map[string]string{"status": `"past_due"`, "pause_collection": `{"behavior":"void","resumes_at":9000}`},
			want{status: billing.SubscriptionPaused, pause: &billing.Pause{Mode: "void", Until: at(9000)}}},
		"cancel at":          {map[string]string{"cancel_at": "5000"}, want{status: billing.SubscriptionActive, cancelAt: 5000}},
		"cancel at end":      {map[string]string{"cancel_at_period_end": "true"}, want{status: billing.SubscriptionActive, cancelAt: 4000}},
		"cancel at, and end": {map[string]string{"cancel_at_period_end": "true", "cancel_at": "3000"}, want{status: billing.SubscriptionActive, cancelAt: 3000}},
		"unknown":            {map[string]string{"status": `"hibernating"`}, want{status: billing.SubscriptionPending}},
		"no items":           {map[string]string{"items": "null", "cancel_at_period_end": "true"}, want{status: billing.SubscriptionActive}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			snapshot, _ := fetched(t, billing.KindSubscription, "sub_1", "subscriptions", with(t, subscriptionJSON, test.change))
			s := snapshot.Object.(billing.Subscription)
			if s.Status != test.want.status || !s.CancelAt.Equal(orZero(test.want.cancelAt)) || !s.PastDueSince.Equal(orZero(test.want.pastDueSince)) {
				t.Errorf("got %s, cancel at %v, past due since %v", s.Status, s.CancelAt, s.PastDueSince)
			}
			if diff := cmp.Diff(test.want.pause, s.Pause); diff != "" {
				t.Error(diff)
			}
			if status := test.change["status"]; status != "" && status != `"`+s.ProviderStatus+`"` {
				t.Errorf("the provider's word is %q", s.ProviderStatus)
			}
		})
	}
}

func orZero(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return at(seconds)
}

// with replaces fields of a JSON object.
func with(t *testing.T, object string, change map[string]string) string {
	t.Helper()
	all := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(object), &all); err != nil {
		t.Fatal(err)
	}
	for field, value := range change {
		all[field] = json.RawMessage(value)
	}
	changed, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(changed)
}

const paymentJSON = `{"id":"pi_1","object":"payment_intent","status":"succeeded","amount":5000,"currency":"usd","customer":"cus_1","created":1000,
	"metadata":{"trivet_items":"price_pass:2","trivet_token":"tok"},"last_payment_error":null,
	"latest_charge":{"id":"ch_1","object":"charge","status":"succeeded","amount":5000,"amount_refunded":1200,"currency":"usd","created":1001,"captured":true,
		"payment_method_details":{"type":"card","card":{"brand":"visa","last4":"4242","exp_month":4,"exp_year":2030,"country":"DE","fingerprint":"fp1","wallet":{"type":"apple_pay"}}},
		"balance_transaction":{"id":"txn_1","fee":175,"currency":"eur","created":1002}}}`

func TestPayment(t *testing.T) {
	snapshot, f := fetched(t, billing.KindPayment, "pi_1", "payment_intents", paymentJSON)
	card := &billing.Card{Brand: "visa", Last4: "4242", ExpMonth: 4, ExpYear: 2030, Country: "DE", Wallet: "apple_pay"}
	want := provider.Snapshot{
		Ref: refTo(billing.KindPayment, "pi_1"), Owner: "cus_1",
		Claims: map[string]string{"token": "tok", "metadata.trivet_items": "price_pass:2"},
		Object: billing.Payment{
			Status: billing.PaymentSucceeded, ProviderStatus: "succeeded", Amount: billing.Money{Amount: 5000, Currency: "USD"},
			Refunded: 1200, Fee: &billing.Money{Amount: 175, Currency: "EUR"}, Method: "card", Card: card,
			Items: []billing.Item{{Price: "price_pass", Quantity: 2}}, Charge: "ch_1", CreatedAt: at(1000), PaidAt: at(1002),
		},
		Attempts: []billing.Attempt{{ID: "ch_1", Payment: "pi_1", At: at(1001), Card: card, Method: "card", Payer: "fp1"}},
	}
	if diff := cmp.Diff(want, snapshot); diff != "" || len(f.calls) != 1 {
		t.Errorf("%d calls\n%s", len(f.calls), diff)
	}
}

func TestPaymentStates(t *testing.T) {
	failed := `{"code":"card_declined","decline_code":"insufficient_funds","type":"card_error","message":"No.",
		"payment_method":{"id":"pm_1","type":"card","card":{"brand":"visa","last4":"0341","exp_month":1,"exp_year":2031,"country":"US"}}}`
	tests := map[string]struct {
		change map[string]string
		want   billing.PaymentStatus
	}{
		"new":              {map[string]string{"status": `"requires_payment_method"`, "latest_charge": "null"}, billing.PaymentPending},
		"failed":           {map[string]string{"status": `"requires_payment_method"`, "latest_charge": "null", "last_payment_error": failed}, billing.PaymentFailed},
		"confirmation":     {map[string]string{"status": `"requires_confirmation"`}, billing.PaymentPending},
		"3-D Secure":       {map[string]string{"status": `"requires_action"`}, billing.PaymentRequiresAction},
		"processing":       {map[string]string{"status": `"processing"`}, billing.PaymentPending},
		"uncaptured":       {map[string]string{"status": `"requires_capture"`}, billing.PaymentPending},
		"canceled":         {map[string]string{"status": `"canceled"`}, billing.PaymentCanceled},
		"charge not shown": {map[string]string{"latest_charge": `"ch_1"`}, billing.PaymentSucceeded},
		"unknown":          {map[string]string{"status": `"levitating"`}, billing.PaymentPending},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			snapshot, _ := fetched(t, billing.KindPayment, "pi_1", "payment_intents", with(t, paymentJSON, test.change))
			p := snapshot.Object.(billing.Payment)
			if p.Status != test.want {
				t.Errorf("status is %s, want %s", p.Status, test.want)
			}
			if paid := !p.PaidAt.IsZero(); paid != (test.want == billing.PaymentSucceeded) {
				t.Errorf("paid at %v while %s", p.PaidAt, p.Status)
			}
			if failure := test.change["last_payment_error"]; failure != "" {
				want := &billing.Decline{Code: "card_declined", DeclineCode: "insufficient_funds"}
				if diff := cmp.Diff(want, p.Decline); diff != "" || p.Card == nil || p.Card.Last4 != "0341" {
					t.Errorf("card %v, decline %s", p.Card, diff)
				}
			}
		})
	}
}

func TestPaymentDecline(t *testing.T) {
	snapshot, _ := fetched(t, billing.KindPayment, "pi_1", "payment_intents", with(t, paymentJSON, map[string]string{
		"status":             `"requires_payment_method"`,
		"last_payment_error": `{"code":"card_declined","decline_code":"do_not_honor","type":"card_error"}`,
		"latest_charge": `{"id":"ch_1","status":"failed","currency":"usd","failure_code":"card_declined",
			"outcome":{"reason":"generic_decline","network_decline_code":"05","advice_code":"do_not_try_again"}}`,
	}))
	want := &billing.Decline{Code: "card_declined", DeclineCode: "do_not_honor", NetworkCode: "05", Advice: "do_not_try_again"}
	if diff := cmp.Diff(want, snapshot.Object.(billing.Payment).Decline); diff != "" {
		t.Error(diff)
	}
}

func TestChargeWithoutIntent(t *testing.T) {
	charge := `{"id":"ch_1","status":"succeeded","captured":true,"amount":700,"amount_refunded":700,"currency":"eur","customer":"cus_1","created":5,
		"payment_intent":null,"metadata":{}}`
	snapshot, _ := fetched(t, billing.KindPayment, "ch_1", "charges", charge)
	p := snapshot.Object.(billing.Payment)
	if p.Status != billing.PaymentSucceeded || !p.FullyRefunded() || p.Charge != "ch_1" || snapshot.Owner != "cus_1" || snapshot.Claims != nil {
		t.Errorf("got %+v", snapshot)
	}
	for change, want := range map[string]billing.PaymentStatus{
		`{"status":"failed"}`: billing.PaymentFailed, `{"status":"pending"}`: billing.PaymentPending, `{"captured":false}`: billing.PaymentPending,
	} {
		fields := map[string]json.RawMessage{}
		if err := json.Unmarshal([]byte(change), &fields); err != nil {
			t.Fatal(err)
		}
		changes := map[string]string{}
		for field, value := range fields {
			changes[field] = string(value)
		}
		snapshot, _ := fetched(t, billing.KindPayment, "ch_1", "charges", with(t, charge, changes))
		if got := snapshot.Object.State(); got != string(want) {
			t.Errorf("%s: %s, want %s", change, got, want)
		}
	}
}

func TestInvoice(t *testing.T) {
	object := `{"id":"in_1","object":"invoice","status":"open","number":"A-1","billing_reason":"subscription_cycle","currency":"jpy",
		"amount_due":1500,"amount_paid":0,"attempt_count":2,"next_payment_attempt":9000,"period_start":1,"period_end":2,"created":3,
		"customer":"cus_1","metadata":{},"status_transitions":{"paid_at":null},
		"parent":{"type":"subscription_details","subscription_details":{"subscription":"sub_1","metadata":{"trivet_token":"tok"}}},
		"payments":{"object":"list","has_more":false,"data":[{"id":"inpay_1","payment":{"type":"payment_intent","payment_intent":"pi_1"}},
			{"id":"inpay_2","payment":{"type":"charge","charge":"ch_2"}},{"id":"inpay_3","payment":{"type":"payment_record","payment_record":"pr_1"}}]}}`
	snapshot, _ := fetched(t, billing.KindInvoice, "in_1", "invoices", object)
	want := provider.Snapshot{
		Ref: refTo(billing.KindInvoice, "in_1"), Owner: "cus_1", Claims: map[string]string{"token": "tok"},
		Related: []provider.Ref{refTo(billing.KindSubscription, "sub_1"), refTo(billing.KindPayment, "pi_1"), refTo(billing.KindPayment, "ch_2")},
		Object: billing.Invoice{
			Status: billing.InvoiceOpen, Number: "A-1", Reason: "subscription_cycle", Subscription: "sub_1", Payments: []string{"pi_1", "ch_2"},
			Due: billing.Money{Amount: 1500, Currency: "JPY"}, Attempts: 2, NextAttempt: at(9000), PeriodStart: at(1), PeriodEnd: at(2), CreatedAt: at(3),
		},
	}
	if diff := cmp.Diff(want, snapshot); diff != "" {
		t.Error(diff)
	}
	for status, want := range map[string]billing.InvoiceStatus{
		"draft": billing.InvoiceDraft, "paid": billing.InvoicePaid, "void": billing.InvoiceVoid,
		"uncollectible": billing.InvoiceUncollectible, "shredded": billing.InvoiceDraft,
	} {
		snapshot, _ := fetched(t, billing.KindInvoice, "in_1", "invoices", with(t, object, map[string]string{"status": `"` + status + `"`}))
		if got := snapshot.Object.State(); got != string(want) {
			t.Errorf("%s: %s, want %s", status, got, want)
		}
	}
}

func TestRefund(t *testing.T) {
	for status, want := range map[string]billing.RefundStatus{
		"pending": billing.RefundPending, "requires_action": billing.RefundRequiresAction, "succeeded": billing.RefundSucceeded,
		"failed": billing.RefundFailed, "canceled": billing.RefundCanceled, "teleported": billing.RefundPending,
	} {
		snapshot, _ := fetched(t, billing.KindRefund, "re_1", "refunds", fmt.Sprintf(`{"id":"re_1","status":%q,"amount":300,"currency":"kwd","created":9,
			"payment_intent":"pi_1","charge":{"id":"ch_1","customer":"cus_1"},"reason":"duplicate","failure_reason":"lost_or_stolen_card","metadata":{"trivet_effect":"k"}}`, status))
		wanted := provider.Snapshot{
			Ref: refTo(billing.KindRefund, "re_1"), Owner: "cus_1", Claims: map[string]string{"metadata.trivet_effect": "k"},
			Related: []provider.Ref{refTo(billing.KindPayment, "pi_1")},
			Object: billing.Refund{Status: want, Amount: billing.Money{Amount: 300, Currency: "KWD"}, Payment: "pi_1",
				Reason: "duplicate", Failure: "lost_or_stolen_card", CreatedAt: at(9)},
		}
		if diff := cmp.Diff(wanted, snapshot); diff != "" {
			t.Error(status, diff)
		}
	}
}

func TestDispute(t *testing.T) {
	for status, want := range map[string]billing.DisputeStatus{
		"warning_needs_response": billing.DisputeInquiry, "warning_under_review": billing.DisputeInquiry, "warning_closed": billing.DisputeWon,
		"needs_response": billing.DisputeOpen, "under_review": billing.DisputeOpen, "won": billing.DisputeWon,
		"lost": billing.DisputeLost, "prevented": billing.DisputeWon, "arbitrated": billing.DisputeOpen,
	} {
		snapshot, _ := fetched(t, billing.KindDispute, "du_1", "disputes", fmt.Sprintf(`{"id":"du_1","status":%q,"amount":300,"currency":"eur","created":9,
			"payment_intent":null,"charge":{"id":"ch_1","customer":"cus_1","payment_intent":"pi_1"},"reason":"fraudulent","evidence_details":{"due_by":99}}`, status))
		d := snapshot.Object.(billing.Dispute)
		if d.Status != want || d.ProviderStatus != status || d.Payment != "pi_1" || snapshot.Owner != "cus_1" {
			t.Errorf("%s: %+v of %q", status, d, snapshot.Owner)
		}
		if counts := want == billing.DisputeOpen || want == billing.DisputeInquiry; counts != d.DueBy.Equal(at(99)) {
			t.Errorf("%s: due by %v", status, d.DueBy)
		}
	}
}

func TestWarning(t *testing.T) {
	snapshot, _ := fetched(t, billing.KindWarning, "issfr_1", "radar/early_fraud_warnings",
		`{"id":"issfr_1","actionable":true,"charge":{"id":"ch_1","customer":"cus_1"},"payment_intent":"pi_1","fraud_type":"made_with_stolen_card","created":9}`)
	want := provider.Snapshot{
		Ref: refTo(billing.KindWarning, "issfr_1"), Owner: "cus_1", Related: []provider.Ref{refTo(billing.KindPayment, "pi_1")},
		Object: billing.Warning{Actionable: true, Payment: "pi_1", FraudType: "made_with_stolen_card", CreatedAt: at(9)},
	}
	if diff := cmp.Diff(want, snapshot); diff != "" {
		t.Error(diff)
	}
}

func TestCheckout(t *testing.T) {
	object := `{"id":"cs_1","object":"checkout.session","status":"complete","payment_status":"paid","mode":"subscription","currency":"eur","amount_total":4900,
		"created":7,"expires_at":8,"client_reference_id":"user_1","customer":"cus_1","subscription":"sub_1","payment_intent":null,"metadata":{"trivet_token":"tok"},
		"line_items":{"object":"list","has_more":false,"data":[{"id":"li_1","price":{"id":"price_a"},"quantity":2}]}}`
	snapshot, _ := fetched(t, billing.KindCheckout, "cs_1", "checkout/sessions", object)
	want := provider.Snapshot{
		Ref: refTo(billing.KindCheckout, "cs_1"), Owner: "cus_1",
		Claims:  map[string]string{"token": "tok", "client_reference_id": "user_1"},
		Related: []provider.Ref{refTo(billing.KindCustomer, "cus_1"), refTo(billing.KindSubscription, "sub_1")},
		Object: billing.Checkout{
			Status: billing.CheckoutComplete, PaymentStatus: "paid", Mode: "subscription", Items: []billing.Item{{Price: "price_a", Quantity: 2}},
			Total: billing.Money{Amount: 4900, Currency: "EUR"}, Subscription: "sub_1", CreatedAt: at(7), ExpiresAt: at(8),
		},
	}
	if diff := cmp.Diff(want, snapshot); diff != "" {
		t.Error(diff)
	}
	for status, want := range map[string]billing.CheckoutStatus{
		"open": billing.CheckoutOpen, "expired": billing.CheckoutExpired, "haunted": billing.CheckoutOpen,
	} {
		snapshot, _ := fetched(t, billing.KindCheckout, "cs_1", "checkout/sessions", with(t, object, map[string]string{"status": `"` + status + `"`, "currency": "null"}))
		if got := snapshot.Object.State(); got != string(want) {
			t.Errorf("%s: %s, want %s", status, got, want)
		}
	}
}

func TestCustomer(t *testing.T) {
	snapshot, _ := fetched(t, billing.KindCustomer, "cus_1", "customers",
		`{"id":"cus_1","email":"a@example.com","name":"Ada","preferred_locales":["de-AT","de"],"created":4,"metadata":{"user_id":"42"}}`)
	want := provider.Snapshot{
		Ref: refTo(billing.KindCustomer, "cus_1"), Owner: "cus_1", Claims: map[string]string{"metadata.user_id": "42"},
		Object: billing.ProviderCustomer{Email: "a@example.com", Name: "Ada", Locale: "de-AT", CreatedAt: at(4)},
	}
	if diff := cmp.Diff(want, snapshot); diff != "" {
		t.Error(diff)
	}
	gone, _ := fetched(t, billing.KindCustomer, "cus_1", "customers", `{"id":"cus_1","object":"customer","deleted":true}`)
	if !gone.Gone || gone.Object != nil {
		t.Errorf("a deleted customer is %+v", gone)
	}
}

func TestMoney(t *testing.T) {
	tests := []struct {
		amount int64
		code   sdk.Currency
		want   string
	}{
		{1999, "eur", "19.99 EUR"}, {1500, "jpy", "1500 JPY"}, {1234, "kwd", "1.234 KWD"}, {150000, "isk", "1500 ISK"},
		{370000, "ugx", "3700 UGX"}, {99900, "huf", "999.00 HUF"}, {80000, "twd", "800.00 TWD"}, {45, "mga", "45.00 MGA"}, {-300, "usd", "-3.00 USD"},
	}
	for _, test := range tests {
		got, err := money(test.amount, test.code)
		if err != nil || got.String() != test.want {
			t.Errorf("%d %s is %v (%v), want %s", test.amount, test.code, got, err, test.want)
		}
		if back := toStripe(got); back != test.amount {
			t.Errorf("%v goes back as %d, want %d", got, back, test.amount)
		}
	}
	if got, err := money(150, "isk"); err == nil {
		t.Errorf("1.5 kronur became %v", got)
	}
}

func TestMoneyRoundTrip(t *testing.T) {
	codes := []sdk.Currency{"eur", "jpy", "kwd", "isk", "ugx", "mga", "xaf", "bhd"}
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.SampledFrom(codes).Draw(t, "currency")
		amount := rapid.Int64Range(0, 1<<40).Draw(t, "amount") * 100 // ISK and UGX have whole units only
		got, err := money(amount, code)
		if err != nil {
			t.Fatal(err)
		}
		if back := toStripe(got); back != amount || !strings.EqualFold(got.Currency, string(code)) {
			t.Fatalf("%d %s became %v and then %d", amount, code, got, back)
		}
	})
}

func TestItemsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) billing.Item {
			return billing.Item{
				Price:    rapid.StringMatching(`price_[A-Za-z0-9]{1,24}`).Draw(t, "price"),
				Quantity: rapid.Int64Range(1, 1000).Draw(t, "quantity"),
			}
		}), 1, 10).Draw(t, "items")
		if diff := cmp.Diff(items, readItems(writeItems(items))); diff != "" {
			t.Fatal(diff)
		}
	})
	for _, junk := range []string{"", ",", "price_1", "price_1:0", "price_1:-1", "price 1:1", "price_1:1,", `[{"price":""}]`, "[", strings.Repeat("a", 600)} {
		if got := readItems(junk); got != nil {
			t.Errorf("%q was read as %v", junk, got)
		}
	}
	if got := readItems(`[{"price":"price_1","quantity":2}]`); len(got) != 1 || got[0].Quantity != 2 {
		t.Errorf("JSON items were read as %v", got)
	}
}

func TestClaimsAreBounded(t *testing.T) {
	if got := claims(map[string]string{"a": strings.Repeat("x", 501), strings.Repeat("k", 41): "v", "b": ""}); got != nil {
		t.Errorf("claims are %v", got)
	}
	if got := claims(map[string]string{"a": "1"}, map[string]string{"a": "2", "b": "3"}); got["metadata.a"] != "1" || got["metadata.b"] != "3" {
		t.Errorf("claims are %v", got)
	}
}
