package paddle

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

const (
	monthly = `{"id":"pri_1","billing_cycle":{"interval":"month","frequency":1},"unit_price":{"amount":"2900","currency_code":"USD"},"unit_price_overrides":[]}`
	oneTime = `{"id":"pri_2","billing_cycle":null,"unit_price":{"amount":"500","currency_code":"USD"}}`
)

func TestSubscription(t *testing.T) {
	s := fetched(t, billing.KindSubscription, "sub_1", `{"id":"sub_1","status":"past_due","customer_id":"ctm_1","currency_code":"USD",
		"started_at":"2026-01-05T09:00:00Z","canceled_at":null,"next_billed_at":"2026-05-01T00:00:00Z",
		"current_billing_period":{"starts_at":"2026-04-01T00:00:00.123456Z","ends_at":"2026-05-01T00:00:00Z"},
		"billing_cycle":{"interval":"month","frequency":1},"scheduled_change":{"action":"cancel","effective_at":"2026-05-01T00:00:00Z","resume_at":null},
		"items":[{"quantity":2,"trial_dates":{"starts_at":"2026-01-05T09:00:00Z","ends_at":"2026-01-12T09:00:00Z"},"price":`+monthly+`},
		{"quantity":1,"trial_dates":null,"price":`+strings.ReplaceAll(monthly, "pri_1", "pri_3")+`}],
		"custom_data":{"trivet_token":"tok","user_id":7,"plan":"pro","nested":{"a":1},"trivet_return":"https://x","trivet_key":"k"},"future":[1]}`)
	want := billing.Subscription{
		Status: billing.SubscriptionPastDue, ProviderStatus: "past_due", Price: "pri_1", Quantity: 2,
		Amount: billing.Money{Amount: 8700, Currency: "USD"}, Interval: billing.Interval{Unit: "month", Count: 1},
		Items:       []billing.Item{{Price: "pri_1", Quantity: 2}, {Price: "pri_3", Quantity: 1}},
		StartedAt:   time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC),
		PeriodStart: time.Date(2026, 4, 1, 0, 0, 0, 123456000, time.UTC), PeriodEnd: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC),
		TrialEnd: time.Date(2026, 1, 12, 9, 0, 0, 0, time.UTC), CancelAt: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC),
		PastDueSince: time.Date(2026, 4, 1, 0, 0, 0, 123456000, time.UTC),
	}
	if diff := cmp.Diff(want, s.Object); diff != "" {
		t.Error(diff)
	}
	claims := map[string]string{provider.ClaimToken: "tok", "custom_data.user_id": "7", "custom_data.plan": "pro"}
	if diff := cmp.Diff(claims, s.Claims); diff != "" || s.Owner != "ctm_1" {
		t.Errorf("owner %q, claims %s", s.Owner, diff)
	}
}

func TestSubscriptionStatuses(t *testing.T) {
	at := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	const change = `{"action":%q,"effective_at":"2026-05-01T00:00:00Z","resume_at":null}`
	tests := map[string]struct {
		status, change string
		want           billing.SubscriptionStatus
		cancelAt       time.Time
		pause          *billing.Pause
	}{
		"active":           {"active", "", billing.SubscriptionActive, time.Time{}, nil},
		"trialing":         {"trialing", "", billing.SubscriptionTrialing, time.Time{}, nil},
		"past due":         {"past_due", "", billing.SubscriptionPastDue, time.Time{}, nil},
		"canceled":         {"canceled", "", billing.SubscriptionEnded, time.Time{}, nil},
		"unknown":          {"hibernating", "", billing.SubscriptionPending, time.Time{}, nil},
		"none":             {"", "", billing.SubscriptionPending, time.Time{}, nil},
		"to be canceled":   {"active", "cancel", billing.SubscriptionActive, at, nil},
		"to be paused":     {"active", "pause", billing.SubscriptionActive, time.Time{}, &billing.Pause{From: at}},
		"unknown change":   {"active", "levitate", billing.SubscriptionActive, time.Time{}, nil},
		"paused":           {"paused", "", billing.SubscriptionPaused, time.Time{}, &billing.Pause{From: noon}},
		"paused until":     {"paused", "resume", billing.SubscriptionPaused, time.Time{}, &billing.Pause{From: noon, Until: at}},
		"canceled, change": {"canceled", "cancel", billing.SubscriptionEnded, time.Time{}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			scheduled := "null"
			if tt.change != "" {
				scheduled = fmt.Sprintf(change, tt.change)
			}
			s := fetched(t, billing.KindSubscription, "sub_1", fmt.Sprintf(`{"id":"sub_1","status":%q,"currency_code":"USD","paused_at":"2026-04-01T12:00:00Z",
				"current_billing_period":null,"scheduled_change":%s,"items":[]}`, tt.status, scheduled))
			o := s.Object.(billing.Subscription)
			if o.Status != tt.want || o.ProviderStatus != tt.status || !o.CancelAt.Equal(tt.cancelAt) {
				t.Errorf("%+v", o)
			}
			if diff := cmp.Diff(tt.pause, o.Pause); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The price of a subscription may be in another currency than the subscription.
func TestSubscriptionInAnotherCurrency(t *testing.T) {
	override := func(amount, code string) string {
		return fmt.Sprintf(`{"country_codes":["DE"],"unit_price":{"amount":%q,"currency_code":%q}}`, amount, code)
	}
	tests := map[string]struct {
		overrides string
		want      int64
	}{
		"converted by Paddle":   {"", 0},
		"one override":          {override("2700", "EUR"), 5400},
		"the same twice":        {override("2700", "EUR") + "," + override("2700", "EUR"), 5400},
		"two that differ":       {override("2700", "EUR") + "," + override("2500", "EUR"), 0},
		"in a third currency":   {override("2700", "GBP"), 0},
		"another beside":        {override("1", "GBP") + "," + override("2700", "EUR"), 5400},
		"an amount that is not": {"", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			price := fmt.Sprintf(`{"id":"pri_1","unit_price":{"amount":"2900","currency_code":"USD"},"unit_price_overrides":[%s]}`, tt.overrides)
			s := fetched(t, billing.KindSubscription, "sub_1", `{"id":"sub_1","status":"active","currency_code":"EUR","items":[{"quantity":2,"price":`+price+`}]}`)
			if got := s.Object.(billing.Subscription).Amount; got != (billing.Money{Amount: tt.want, Currency: "EUR"}) {
				t.Errorf("%v", got)
			}
		})
	}
}

// transactionJSON is one with the parts that a test is about.
func transactionJSON(status, origin, more string) string {
	return fmt.Sprintf(`{"id":"txn_1","status":%q,"origin":%q,"customer_id":"ctm_1","currency_code":"USD","subscription_id":"sub_1","invoice_number":"1-1",
		"created_at":"2026-04-01T10:00:00Z","billed_at":"2026-04-01T11:00:00Z","billing_period":{"starts_at":"2026-04-01T10:00:00Z","ends_at":"2026-05-01T10:00:00Z"},
		"items":[{"quantity":1,"price":%s},{"quantity":3,"price":%s}],
		"details":{"totals":{"subtotal":"4000","tax":"400","total":"4400","grand_total":"4400","fee":"270","currency_code":"USD"},
		"line_items":[{"id":"txnitm_1","totals":{"total":"2900"}},{"id":"txnitm_2","totals":{"total":"1500"}}]}%s}`, status, origin, monthly, oneTime, more)
}

const (
	declinedAttempt = `{"payment_attempt_id":"a-2","amount":"4400","status":"error","error_code":"not_enough_balance","method_details":{"type":"card",
		"card":{"type":"visa","last4":"3184","expiry_month":3,"expiry_year":2028}},"created_at":"2026-04-01T11:30:00Z","captured_at":null}`
	goodAttempt = `{"payment_attempt_id":"a-3","amount":"4400","status":"captured","error_code":null,"method_details":{"type":"apple_pay",
		"card":{"type":"mastercard","last4":"4444","expiry_month":4,"expiry_year":2029}},"created_at":"2026-04-01T11:31:00Z","captured_at":"2026-04-01T11:32:00Z"}`
)

// beside names what a snapshot has beside it.
func beside(s provider.Snapshot) (refs []provider.Ref) {
	for _, b := range s.Beside {
		refs = append(refs, b.Ref)
	}
	return refs
}

func TestPayment(t *testing.T) {
	adjustment := func(action, status, total string) string {
		return fmt.Sprintf(`{"id":"adj_1","action":%q,"status":%q,"currency_code":"USD","totals":{"total":%q}}`, action, status, total)
	}
	s := fetched(t, billing.KindPayment, "txn_1", transactionJSON("completed", "api", `,"payments":[`+goodAttempt+","+declinedAttempt+`],"adjustments":[`+
		strings.Join([]string{
			adjustment("refund", "approved", "100"), adjustment("refund", "pending_approval", "20"), adjustment("refund", "rejected", "3000"),
			adjustment("refund", "hibernating", "3"), adjustment("credit", "approved", "500"), adjustment("chargeback", "approved", "900"),
		}, ",")+`]`))
	want := billing.Payment{
		Status: billing.PaymentSucceeded, ProviderStatus: "completed", Amount: billing.Money{Amount: 4400, Currency: "USD"}, Refunded: 123,
		Fee: &billing.Money{Amount: 270, Currency: "USD"}, Method: "apple_pay", Charge: "a-3",
		Card:  &billing.Card{Brand: "mastercard", Last4: "4444", ExpMonth: 4, ExpYear: 2029, Wallet: "apple_pay"},
		Items: []billing.Item{{Price: "pri_2", Quantity: 3}}, CreatedAt: time.Date(2026, 4, 1, 10, 0, 0, 0, time.UTC),
		PaidAt: time.Date(2026, 4, 1, 11, 32, 0, 0, time.UTC),
	}
	if diff := cmp.Diff(want, s.Object); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]provider.Ref{refTo(billing.KindInvoice, "txn_1"), refTo(billing.KindCheckout, "txn_1")}, beside(s)); diff != "" || s.Related != nil {
		t.Error(diff, s.Related)
	}
	tried := []billing.Attempt{
		{ID: "a-3", Payment: "txn_1", At: time.Date(2026, 4, 1, 11, 31, 0, 0, time.UTC), Method: "apple_pay", Card: want.Card},
		{
			ID: "a-2", Payment: "txn_1", At: time.Date(2026, 4, 1, 11, 30, 0, 0, time.UTC), Method: "card",
			Card:    &billing.Card{Brand: "visa", Last4: "3184", ExpMonth: 3, ExpYear: 2028},
			Decline: &billing.Decline{Code: "not_enough_balance", DeclineCode: "not_enough_balance", Advice: "try_again_later"},
		},
	}
	if diff := cmp.Diff(tried, s.Attempts); diff != "" {
		t.Error(diff)
	}
}

func TestPaymentStatuses(t *testing.T) {
	attempt := func(status string) string {
		return fmt.Sprintf(`{"payment_attempt_id":"a-1","status":%q,"method_details":{"type":"card"}}`, status)
	}
	tests := map[string]struct {
		status, attempt string
		want            billing.PaymentStatus
	}{
		"nobody has tried":             {"draft", "", billing.PaymentPending},
		"declined":                     {"ready", attempt("error"), billing.PaymentFailed},
		"given up by the page":         {"ready", attempt("dropped"), billing.PaymentFailed},
		"renewal declined":             {"past_due", attempt("error"), billing.PaymentFailed},
		"an invoice that is late":      {"past_due", "", billing.PaymentPending},
		"3-D Secure":                   {"ready", attempt("action_required"), billing.PaymentRequiresAction},
		"slow":                         {"ready", attempt("pending_no_action_required"), billing.PaymentPending},
		"authorized":                   {"billed", attempt("authorized"), billing.PaymentPending},
		"flagged as fraud":             {"billed", attempt("authorized_flagged"), billing.PaymentPending},
		"unknown attempt":              {"billed", attempt("levitating"), billing.PaymentPending},
		"paid":                         {"paid", attempt("captured"), billing.PaymentSucceeded},
		"completed":                    {"completed", attempt("captured"), billing.PaymentSucceeded},
		"completed without an attempt": {"completed", "", billing.PaymentSucceeded},
		"canceled":                     {"canceled", attempt("error"), billing.PaymentCanceled},
		"unknown":                      {"hibernating", attempt("error"), billing.PaymentPending},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := fetched(t, billing.KindPayment, "txn_1", transactionJSON(tt.status, "subscription_recurring", `,"payments":[`+tt.attempt+`]`))
			p := s.Object.(billing.Payment)
			if p.Status != tt.want || p.ProviderStatus != tt.status || p.PaidAt.IsZero() == (tt.want == billing.PaymentSucceeded) {
				t.Errorf("%+v", p)
			}
		})
	}
}

func TestDecline(t *testing.T) {
	for code, advice := range map[string]string{
		"declined": "try_again_later", "not_enough_balance": "try_again_later", "issuer_unavailable": "try_again_later", "psp_error": "try_again_later",
		"system_error": "try_again_later", "unknown": "try_again_later",
		"blocked_card": "do_not_try_again", "declined_not_retryable": "do_not_try_again", "fraud": "do_not_try_again",
		"redacted_payment_method": "do_not_try_again", "transaction_not_permitted": "do_not_try_again",
		"expired_card": "confirm_card_data", "invalid_payment_details": "confirm_card_data", "authentication_failed": "confirm_card_data",
		"levitating": "",
	} {
		s := fetched(t, billing.KindPayment, "txn_1",
			transactionJSON("past_due", "subscription_recurring", `,"payments":[`+strings.ReplaceAll(declinedAttempt, "not_enough_balance", code)+`]`))
		want := &billing.Decline{Code: code, DeclineCode: code, Advice: advice}
		if diff := cmp.Diff(want, s.Object.(billing.Payment).Decline); diff != "" {
			t.Error(diff)
		}
	}
	s := fetched(t, billing.KindPayment, "txn_1", transactionJSON("past_due", "web", `,"payments":[{"payment_attempt_id":"a","status":"error","error_code":null}]`))
	if d := s.Object.(billing.Payment).Decline; d == nil || d.Code != "unknown" {
		t.Errorf("without a code the decline is %+v", d)
	}
}

func TestInvoice(t *testing.T) {
	s := fetched(t, billing.KindInvoice, "txn_1", transactionJSON("completed", "subscription_recurring", `,"payments":[`+goodAttempt+","+declinedAttempt+`]`))
	want := billing.Invoice{
		Status: billing.InvoicePaid, Number: "1-1", Reason: "subscription_recurring", Subscription: "sub_1", Payments: []string{"txn_1"},
		Due: billing.Money{Amount: 4400, Currency: "USD"}, Paid: 4400, Attempts: 2,
		PeriodStart: time.Date(2026, 4, 1, 10, 0, 0, 0, time.UTC), PeriodEnd: time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC),
		CreatedAt: time.Date(2026, 4, 1, 10, 0, 0, 0, time.UTC), PaidAt: time.Date(2026, 4, 1, 11, 32, 0, 0, time.UTC),
	}
	if diff := cmp.Diff(want, s.Object); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]provider.Ref{refTo(billing.KindSubscription, "sub_1")}, s.Related); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]provider.Ref{refTo(billing.KindPayment, "txn_1")}, beside(s)); diff != "" {
		t.Error(diff)
	}
	for status, want := range map[string]billing.InvoiceStatus{
		"draft": billing.InvoiceDraft, "ready": billing.InvoiceDraft, "billed": billing.InvoiceOpen, "past_due": billing.InvoiceOpen,
		"paid": billing.InvoicePaid, "completed": billing.InvoicePaid, "canceled": billing.InvoiceVoid, "hibernating": billing.InvoiceDraft,
	} {
		i := fetched(t, billing.KindInvoice, "txn_1", transactionJSON(status, "web", "")).Object.(billing.Invoice)
		if i.Status != want || (i.Paid > 0) != (want == billing.InvoicePaid) {
			t.Errorf("%s is %+v", status, i)
		}
	}
}

func TestCheckout(t *testing.T) {
	s := fetched(t, billing.KindCheckout, "txn_1", transactionJSON("completed", "api", `,"custom_data":{"trivet_token":"tok"}`))
	want := billing.Checkout{
		Status: billing.CheckoutComplete, PaymentStatus: billing.CheckoutPaid, Mode: "subscription",
		Items: []billing.Item{{Price: "pri_1", Quantity: 1}, {Price: "pri_2", Quantity: 3}}, Total: billing.Money{Amount: 4400, Currency: "USD"},
		Payment: "txn_1", Subscription: "sub_1", CreatedAt: time.Date(2026, 4, 1, 10, 0, 0, 0, time.UTC),
	}
	if diff := cmp.Diff(want, s.Object); diff != "" || s.Claims[provider.ClaimToken] != "tok" {
		t.Error(diff, s.Claims)
	}
	for status, want := range map[string]billing.CheckoutStatus{
		"draft": billing.CheckoutOpen, "ready": billing.CheckoutOpen, "past_due": billing.CheckoutOpen, "hibernating": billing.CheckoutOpen,
		"paid": billing.CheckoutComplete, "canceled": billing.CheckoutExpired,
	} {
		c := fetched(t, billing.KindCheckout, "txn_1", transactionJSON(status, "web", "")).Object.(billing.Checkout)
		if c.Status != want || (c.Payment != "") != (want == billing.CheckoutComplete) {
			t.Errorf("%s is %+v", status, c)
		}
	}
	free := strings.ReplaceAll(transactionJSON("completed", "api", ""), `"grand_total":"4400"`, `"grand_total":"0"`)
	if c := fetched(t, billing.KindCheckout, "txn_1", free).Object.(billing.Checkout); c.PaymentStatus != billing.CheckoutNoPayment || c.Payment != "txn_1" {
		t.Errorf("a free one is %+v", c)
	}
	f := &fake{answers: map[string]string{"GET /prefix/transactions/txn_1": data(transactionJSON("completed", "subscription_recurring", ""))}}
	if _, err := f.driver(t).Fetch(t.Context(), refTo(billing.KindCheckout, "txn_1")); provider.KindOf(err) != provider.NotFound {
		t.Errorf("a renewal is a checkout: %v", err)
	}
}

func TestAdjustments(t *testing.T) {
	adjustment := func(action, status string) string {
		return fmt.Sprintf(`{"id":"adj_1","action":%q,"status":%q,"transaction_id":"txn_1","customer_id":"ctm_1","currency_code":"JPY","reason":"why",
			"totals":{"total":"4200"},"created_at":"2026-04-01T10:00:00Z"}`, action, status)
	}
	for status, want := range map[string]billing.RefundStatus{
		"pending_approval": billing.RefundPending, "approved": billing.RefundSucceeded, "rejected": billing.RefundFailed,
		"reversed": billing.RefundFailed, "hibernating": billing.RefundPending,
	} {
		s := fetched(t, billing.KindRefund, "adj_1", adjustment("refund", status))
		r := s.Object.(billing.Refund)
		if r.Status != want || r.Amount != (billing.Money{Amount: 4200, Currency: "JPY"}) || r.Payment != "txn_1" || (r.Failure != "") != (want == billing.RefundFailed) {
			t.Errorf("%s is %+v", status, r)
		}
		if s.Owner != "ctm_1" || len(s.Related) != 1 || s.Related[0] != refTo(billing.KindPayment, "txn_1") {
			t.Errorf("%+v", s)
		}
	}
	for _, tt := range []struct {
		action, status string
		want           billing.DisputeStatus
	}{
		{"chargeback", "approved", billing.DisputeLost},
		{"chargeback", "pending_approval", billing.DisputeOpen},
		{"chargeback", "hibernating", billing.DisputeOpen},
		{"chargeback", "reversed", billing.DisputeWon},
		{"chargeback_warning", "approved", billing.DisputeInquiry},
		{"chargeback_warning", "reversed", billing.DisputeWon},
	} {
		d := fetched(t, billing.KindDispute, "adj_1", adjustment(tt.action, tt.status)).Object.(billing.Dispute)
		if d.Status != tt.want || d.ProviderStatus != tt.status || d.Payment != "txn_1" || d.Reason != "why" {
			t.Errorf("%s %s is %+v", tt.action, tt.status, d)
		}
	}
	for kind, action := range map[billing.Kind]string{billing.KindRefund: "chargeback", billing.KindDispute: "refund"} {
		f := &fake{answers: map[string]string{"GET /prefix/adjustments": rows(false, adjustment(action, "approved"))}}
		if _, err := f.driver(t).Fetch(t.Context(), refTo(kind, "adj_1")); provider.KindOf(err) != provider.NotFound {
			t.Errorf("a %s is a %s: %v", action, kind, err)
		}
	}
}

func TestCustomer(t *testing.T) {
	s := fetched(t, billing.KindCustomer, "ctm_1", `{"id":"ctm_1","email":"a@example.com","name":null,"locale":"de","status":"archived",
		"created_at":"2026-04-01T10:00:00Z","custom_data":null}`)
	want := billing.ProviderCustomer{Email: "a@example.com", Locale: "de", CreatedAt: time.Date(2026, 4, 1, 10, 0, 0, 0, time.UTC)}
	if diff := cmp.Diff(want, s.Object); diff != "" || s.Owner != "ctm_1" || s.Gone || s.Claims != nil {
		t.Error(diff, s)
	}
}

// An amount that cannot be read is no amount of zero.
func TestAmountsThatAreNot(t *testing.T) {
	for name, amount := range map[string]string{"missing": `null`, "empty": `""`, "decimal": `"29.00"`, "huge": `"99999999999999999999"`, "word": `"free"`} {
		text := strings.ReplaceAll(transactionJSON("completed", "api", ""), `"grand_total":"4400"`, `"grand_total":`+amount)
		f := &fake{answers: map[string]string{"GET /prefix/transactions/txn_1": data(text), "GET /prefix/transactions": rows(false, text)}}
		for _, kind := range []billing.Kind{billing.KindPayment, billing.KindInvoice, billing.KindCheckout} {
			if s, err := f.driver(t).Fetch(t.Context(), refTo(kind, "txn_1")); provider.KindOf(err) != provider.Malformed || s.Object != nil {
				t.Errorf("%s: %s is %+v, %v", name, kind, s.Object, err)
			}
			page, err := f.driver(t).List(t.Context(), provider.Query{Kind: kind})
			if err != nil || len(page.Snapshots) != 0 || len(page.Unread) != 1 || page.Unread[0] != refTo(kind, "txn_1") {
				t.Errorf("%s: the list has %+v, %v", name, page, err)
			}
		}
	}
}

// Adjustments that a transaction does not show are asked for.
func TestAdjustmentsThatAreNotShown(t *testing.T) {
	hiding := strings.Replace(transactionJSON("completed", "api", ""), `"totals":{"subtotal":"4000","tax":"400","total":"4400"`,
		`"adjusted_totals":{"total":"3400"},"totals":{"subtotal":"4000","tax":"400","total":"4400"`, 1)
	refund := `{"id":"adj_1","action":"refund","status":"approved","currency_code":"USD","transaction_id":"txn_1","totals":{"total":"1000"},"items":[{"item_id":"txnitm_1","totals":{"total":"1000"}}]}`
	f := &fake{answers: map[string]string{
		"GET /prefix/transactions/txn_1": data(hiding), "GET /prefix/transactions": rows(false, hiding), "GET /prefix/adjustments": rows(false, refund),
		"POST /prefix/adjustments": data(`{"id":"adj_2"}`),
	}}
	s, err := f.driver(t).Fetch(t.Context(), refTo(billing.KindPayment, "txn_1"))
	if err != nil || s.Object.(billing.Payment).Refunded != 1000 {
		t.Errorf("%+v, %v", s.Object, err)
	}
	page, err := f.driver(t).List(t.Context(), provider.Query{Kind: billing.KindPayment})
	if err != nil || len(page.Snapshots) != 0 || len(page.Unread) != 1 {
		t.Errorf("%+v, %v", page, err)
	}
	if _, err := f.driver(t).Refund(t.Context(), provider.RefundRequest{Payment: refTo(billing.KindPayment, "txn_1"), Key: "k"}); err != nil {
		t.Fatal(err)
	}
	want := []any{map[string]any{"item_id": "txnitm_1", "type": "partial", "amount": "1900"}, map[string]any{"item_id": "txnitm_2", "type": "partial", "amount": "1500"}}
	if diff := cmp.Diff(want, f.writes()[0].body["items"]); diff != "" {
		t.Error(diff)
	}
	f.answers["GET /prefix/adjustments"] = rows(false)
	if s, err := f.driver(t).Fetch(t.Context(), refTo(billing.KindPayment, "txn_1")); provider.KindOf(err) != provider.Unavailable || s.Object != nil {
		t.Errorf("what is nowhere to be seen makes %+v, %v", s.Object, err)
	}
}
