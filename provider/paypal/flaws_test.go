package paypal

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// The tests of this file are named after what systems of the same class got wrong.

func parsed(t *testing.T, query string) url.Values {
	t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

const saleOf = `{"id":"S1","state":"completed","amount":{"total":"14.99","currency":"USD"},"transaction_fee":{"value":"0.82","currency":"USD"},` +
	`"custom":"trivet:tok","billing_agreement_id":"I-1","create_time":"2026-02-15T10:20:00Z"}`

// parseInt("14.99") * 100 is 1400.
func TestFlawCentsCutOff(t *testing.T) {
	s := fetched(t, billing.KindPayment, "S1", map[string]string{"/v1/payments/sale/S1": saleOf})
	p := s.Object.(billing.Payment)
	if p.Amount != (billing.Money{Amount: 1499, Currency: "USD"}) || p.Fee == nil || *p.Fee != (billing.Money{Amount: 82, Currency: "USD"}) {
		t.Errorf("%v, fee %v", p.Amount, p.Fee)
	}
}

// Two payments of one day were taken for one. Here the id of the transaction
// decides, and it is one payment in whichever event or list it appears.
func TestFlawSameDayPaymentsMerged(t *testing.T) {
	f := &fake{answers: map[string]reply{
		"GET /v1/notifications/webhooks-events": {body: `{"events":[]}`},
		"GET /v1/reporting/transactions": {body: `{"transaction_details":[` + strings.Join([]string{
			bookOf("S1", "14.99"), bookOf("S2", "14.99"), bookOf("S1", "14.99"),
		}, ",") + `],"total_pages":1}`},
	}}
	page, err := f.driver(t).List(t.Context(), provider.Query{Kind: billing.KindPayment})
	if err != nil || len(page.Snapshots) != 2 || page.Snapshots[0].Ref.ID != "S1" || page.Snapshots[1].Ref.ID != "S2" {
		t.Errorf("%+v, %v", page.Snapshots, err)
	}
	d := f.driver(t)
	for _, id := range []string{"WH-1", "WH-2"} { // the second when the money is released
		delivery, err := d.readEvent([]byte(`{"id":"` + id + `","event_type":"PAYMENT.SALE.COMPLETED","resource":` + saleOf + `}`))
		if err != nil || delivery.Refs[0] != refTo(billing.KindPayment, "S1") {
			t.Errorf("%+v, %v", delivery, err)
		}
	}
}

func bookOf(id, value string) string {
	return `{"transaction_info":{"transaction_id":"` + id + `","paypal_reference_id":"I-1","paypal_reference_id_type":"SUB","transaction_event_code":"T0002","transaction_status":"S",` +
		`"transaction_initiation_date":"2026-02-15T10:20:00+0000","transaction_amount":{"currency_code":"USD","value":"` + value + `"},"fee_amount":{"currency_code":"USD","value":"-0.82"},"custom_field":"trivet:tok"}}`
}

// PAYMENT.CAPTURE_REVERSED is no event of PayPal's; the right name is in the table.
func TestFlawMisspeltReversal(t *testing.T) {
	if subjectOf("PAYMENT.CAPTURE.REVERSED") != aCapture || subjectOf("PAYMENT.CAPTURE_REVERSED") != nothing {
		t.Error("the reversal of a capture is not understood")
	}
	s := fetched(t, billing.KindPayment, "S1", map[string]string{"/v1/payments/sale/S1": strings.Replace(saleOf, `"completed"`, `"reversed"`, 1)})
	if p := s.Object.(billing.Payment); !p.FullyRefunded() {
		t.Errorf("a reversed payment is %+v", p)
	}
}

// An approval, or a capture that failed, gave access. Here no payment has succeeded
// before the money was taken.
func TestFlawAccessOnFailedCapture(t *testing.T) {
	catalog, err := billing.NewCatalog([]billing.Plan{{ID: "life", Kind: billing.GrantForever, Prices: map[string][]string{"paypal": {"forever:5.00USD"}}}})
	if err != nil {
		t.Fatal(err)
	}
	order := `{"id":"O1","status":"STATUS","create_time":"2026-03-10T11:00:00Z","purchase_units":[{"amount":{"currency_code":"USD","value":"5.00"},` +
		`"items":[{"sku":"forever:5.00USD","quantity":"1","unit_amount":{"currency_code":"USD","value":"5.00"}}]CAPTURES}]}`
	capture := `{"id":"C1","status":"STATE","amount":{"currency_code":"USD","value":"5.00"},"create_time":"2026-03-10T11:05:00Z","supplementary_data":{"related_ids":{"order_id":"O1"}}}`
	for _, tt := range []struct {
		status, state string
		allowed       bool
	}{{"APPROVED", "", false}, {"COMPLETED", "PENDING", false}, {"COMPLETED", "DECLINED", false}, {"COMPLETED", "FAILED", false}, {"COMPLETED", "COMPLETED", true}} {
		one := strings.Replace(capture, "STATE", tt.state, 1)
		captures := ""
		if tt.state != "" {
			captures = `,"payments":{"captures":[` + one + `]}`
		}
		answers := map[string]string{
			"/v2/checkout/orders/O1":   strings.Replace(strings.Replace(order, "STATUS", tt.status, 1), "CAPTURES", captures, 1),
			"/v2/payments/captures/C1": one,
		}
		var facts billing.Facts
		facts.Add("paypal", "O1", fetched(t, billing.KindCheckout, "O1", answers).Object)
		if tt.state != "" {
			facts.Add("paypal", "C1", fetched(t, billing.KindPayment, "C1", answers).Object)
		}
		if got := billing.Access(catalog, billing.DefaultRules(), facts, "life", noon); got.Allowed != tt.allowed {
			t.Errorf("order %s, capture %s: %+v", tt.status, tt.state, got)
		}
	}
}

// The amount divided by a price gave the months. Here a price says what it is, and
// a discount or a plan of the third kind changes nothing.
func TestFlawMonthsGuessedFromAmount(t *testing.T) {
	json := `{"id":"O1","status":"CREATED","create_time":"2026-03-10T11:00:00Z","purchase_units":[{"amount":{"currency_code":"USD","value":"27.00"}}]}`
	c := fetched(t, billing.KindCheckout, "O1", map[string]string{"/v2/checkout/orders/O1": json}).Object.(billing.Checkout)
	if c.Items != nil {
		t.Errorf("27 dollars bought %v", c.Items)
	}
}

// A capture that is refused with 404 or 422 lived on for ever.
func TestFlawCaptureRefusals(t *testing.T) {
	for body, want := range map[string]struct {
		status int
		kind   provider.ErrorKind
	}{
		`{"name":"UNPROCESSABLE_ENTITY","details":[{"issue":"ORDER_ALREADY_CAPTURED"}]}`: {422, ""},
		`{"name":"UNPROCESSABLE_ENTITY","details":[{"issue":"ORDER_NOT_APPROVED"}]}`:     {422, provider.Refused},
		`{"name":"UNPROCESSABLE_ENTITY","details":[{"issue":"INSTRUMENT_DECLINED"}]}`:    {422, provider.Refused},
		`{"name":"RESOURCE_NOT_FOUND","details":[{"issue":"INVALID_RESOURCE_ID"}]}`:      {404, provider.NotFound},
		`<html>no such page</html>`:                                 {404, provider.Unavailable},
		`{"name":"INTERNAL_SERVER_ERROR","message":"secret stuff"}`: {500, provider.OutcomeUnknown},
	} {
		f := &fake{answers: map[string]reply{"POST /v2/checkout/orders/O1/capture": {want.status, body}}}
		err := f.driver(t).Capture(t.Context(), refTo(billing.KindCheckout, "O1"), "capture:1")
		if (err == nil) != (want.kind == "") || err != nil && provider.KindOf(err) != want.kind {
			t.Errorf("%d %s: %v", want.status, body, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret stuff") {
			t.Errorf("the error shows the body: %v", err)
		}
		if got := f.last().header.Get("PayPal-Request-Id"); got != "capture:1" {
			t.Errorf("it went out under %q", got)
		}
	}
}

// A suspended subscription was canceled. Here it is paused or unpaid, and nothing
// is sent.
func TestFlawSuspendedTurnedIntoCancel(t *testing.T) {
	f := &fake{answers: map[string]reply{"GET /v1/billing/subscriptions/I-1": {body: agreement("SUSPENDED", "", lastFebruary, "")}}}
	d := f.driver(t)
	delivery, err := d.readEvent([]byte(`{"id":"WH-1","event_type":"BILLING.SUBSCRIPTION.SUSPENDED","resource":{"id":"I-1","status":"SUSPENDED"}}`))
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.Fetch(t.Context(), delivery.Refs[0])
	if err != nil || s.Object.State() != string(billing.SubscriptionPaused) {
		t.Errorf("%+v, %v", s.Object, err)
	}
	for _, call := range f.calls {
		if call.method != http.MethodGet {
			t.Errorf("%s %s was sent", call.method, call.path)
		}
	}
}

// Of a dispute about several transactions only the first was seen.
func TestFlawOnlyTheFirstDisputedTransaction(t *testing.T) {
	json := `{"dispute_id":"PP-D-1","status":"OPEN","dispute_life_cycle_stage":"CHARGEBACK","dispute_amount":{"currency_code":"USD","value":"30.00"},"disputed_transactions":[` +
		`{"seller_transaction_id":"S2","gross_amount":{"currency_code":"USD","value":"20.00"}},{"seller_transaction_id":"S1","gross_amount":{"currency_code":"USD","value":"10.00"}}]}`
	delivery, err := (&fake{}).driver(t).readEvent([]byte(`{"id":"W","event_type":"CUSTOMER.DISPUTE.CREATED","resource":` + json + `}`))
	if err != nil || len(delivery.Refs) != 2 || delivery.Refs[0].ID != "PP-D-1" || delivery.Refs[1].ID != "PP-D-1.S2" {
		t.Fatalf("%+v, %v", delivery, err)
	}
	for i, want := range []billing.Money{{Amount: 1000, Currency: "USD"}, {Amount: 2000, Currency: "USD"}} {
		s := fetched(t, billing.KindDispute, delivery.Refs[i].ID, map[string]string{"/v1/customer/disputes/PP-D-1": json})
		if d := s.Object.(billing.Dispute); d.Amount != want || d.Payment != []string{"S1", "S2"}[i] {
			t.Errorf("%+v", d)
		}
	}
	f := &fake{answers: map[string]reply{"POST /v1/customer/disputes/PP-D-1/accept-claim": {body: `{}`}}}
	if err := f.driver(t).AcceptDispute(t.Context(), refTo(billing.KindDispute, "PP-D-1.S2"), "k"); err != nil {
		t.Error(err)
	}
}

// Customers who shared a payer were taken for one another. A payer owns nothing
// here, and its id is a claim that nobody trusts by default.
func TestFlawSharedPayer(t *testing.T) {
	answers := map[string]string{"/v1/billing/subscriptions/I-1": agreement("ACTIVE", "", lastFebruary+`,"next_billing_time":"2026-03-15T10:00:00Z"`, ""), "/v1/payments/sale/S1": saleOf}
	for kind, id := range map[billing.Kind]string{billing.KindSubscription: "I-1", billing.KindCheckout: "I-1", billing.KindPayment: "S1", billing.KindInvoice: "S1"} {
		if s := fetched(t, kind, id, answers); s.Owner != "" {
			t.Errorf("the %s belongs to %s", kind, s.Owner)
		}
	}
	// What somebody else writes into custom_id is no token of ours.
	if got := claims("chk_1.forged", "P1"); got[provider.ClaimToken] != "" || got["custom_id"] == "" {
		t.Errorf("%v", got)
	}
}

// A subscription may be revised before the customer is back from its approval: what
// was bought is told by our own note, and whose it is by the token alone.
func TestRevisedBeforeTheReturn(t *testing.T) {
	json := strings.Replace(agreement("ACTIVE", "", lastFebruary+`,"next_billing_time":"2026-03-15T10:00:00Z"`, ""), "trivet:tok", customID("tok", billing.Item{Price: "P-OLD", Quantity: 3}), 1)
	answers := map[string]string{"/v1/billing/subscriptions/I-1": json}
	c := fetched(t, billing.KindCheckout, "I-1", answers)
	s := fetched(t, billing.KindSubscription, "I-1", answers)
	if items := c.Object.(billing.Checkout).Items; len(items) != 1 || items[0] != (billing.Item{Price: "P-OLD", Quantity: 3}) {
		t.Errorf("the page sold %v", items)
	}
	if s.Object.(billing.Subscription).Price != "P-1" || s.Claims["token"] != "tok" || c.Claims["token"] != "tok" {
		t.Errorf("%+v, %v", s.Object, s.Claims)
	}
	for _, custom := range []string{"", "trivet:tok", "user_7;P-1:2", "trivet:tok;P-1", "trivet:tok;P-1:0", "trivet:tok;../x:1", "trivet:tok;P-1:99999999999"} {
		if item, noted := itemIn(custom); noted {
			t.Errorf("%q notes %v", custom, item)
		}
	}
	long := strings.Repeat("t", 110)
	if got := customID(long, billing.Item{Price: "P-1234567890", Quantity: 1}); got != tokenPrefix+long {
		t.Errorf("no room, and yet %q", got)
	}
}

// A partial refund was looked up by the id of the payment. Here the refunds of a
// sale are found, also those that the books do not know yet.
func TestFlawPartialRefunds(t *testing.T) {
	refund := func(id, value, status string) reply {
		return reply{body: `{"id":"` + id + `","status":"` + status + `","amount":{"currency_code":"USD","value":"` + value + `"},"custom_id":"key ` + id + `","links":[{"rel":"up","href":"https://x/v2/payments/captures/S1"}]}`}
	}
	f := &fake{answers: map[string]reply{
		"GET /v1/payments/sale/S1": {body: strings.Replace(saleOf, `"completed"`, `"partially_refunded"`, 1)},
		"GET /v1/reporting/transactions": {body: `{"total_pages":1,"transaction_details":[` +
			`{"transaction_info":{"transaction_id":"R1","paypal_reference_id":"S1","transaction_event_code":"T1107"}},{"transaction_info":{"transaction_id":"R9","paypal_reference_id":"S9","transaction_event_code":"T1107"}}]}`},
		"GET /v1/notifications/webhooks-events": {body: `{"events":[{"id":"W","event_type":"PAYMENT.SALE.REFUNDED","resource":{"id":"R2","sale_id":"S1"}}]}`},
		"GET /v2/payments/refunds/R1":           refund("R1", "1.99", "COMPLETED"),
		"GET /v2/payments/refunds/R2":           refund("R2", "3.00", "PENDING"),
	}}
	d := f.driver(t)
	s, err := d.Fetch(t.Context(), refTo(billing.KindPayment, "S1"))
	if err != nil || s.Object.(billing.Payment).Refunded != 499 {
		t.Errorf("%+v, %v", s.Object, err)
	}
	for key, want := range map[string]string{"key R1": "R1", "key R2": "R2", "key R3": ""} {
		ref, found, err := d.FoundRefund(t.Context(), provider.RefundRequest{Payment: refTo(billing.KindPayment, "S1"), Key: strings.ReplaceAll(key, " ", " ")})
		if err != nil || found != (want != "") || found && ref.ID != want {
			t.Errorf("%s: %v, %v, %v", key, ref, found, err)
		}
	}
}

// The access token is asked for once, however many want it, and once more when
// PayPal no longer takes it.
func TestTokens(t *testing.T) {
	f := &fake{answers: map[string]reply{"GET /v1/payments/sale/S1": {body: saleOf}}}
	now := noon
	d := f.driver(t, func(c *Config) { c.Now = func() time.Time { return now } })
	var group sync.WaitGroup
	for range 30 {
		group.Go(func() {
			if _, err := d.Fetch(t.Context(), refTo(billing.KindPayment, "S1")); err != nil {
				t.Error(err)
			}
		})
	}
	if group.Wait(); f.tokens != 1 {
		t.Errorf("%d tokens for 30 calls at once", f.tokens)
	}
	now = noon.Add(9 * time.Hour) // the token has lasted nine hours
	if _, err := d.Fetch(t.Context(), refTo(billing.KindPayment, "S1")); err != nil || f.tokens != 2 {
		t.Errorf("after nine hours: %v, %d tokens", err, f.tokens)
	}
	f.answers["GET /v1/payments/sale/S1"] = reply{401, `{"error":"invalid_token"}`}
	before := len(f.calls)
	_, err := d.Fetch(t.Context(), refTo(billing.KindPayment, "S1"))
	if provider.KindOf(err) != provider.Denied || f.tokens != 3 || len(f.calls) != before+2 {
		t.Errorf("refused: %v, %d tokens, %d calls", err, f.tokens, len(f.calls)-before)
	}
	f.answers["POST /v1/oauth2/token"] = reply{401, `{"error":"invalid_client","error_description":"Client Authentication failed hush1"}`}
	if _, err := f.driver(t).CheckKey(t.Context()); provider.KindOf(err) != provider.Denied || strings.Contains(err.Error(), "hush1") {
		t.Errorf("a wrong secret: %v", err)
	}
	f.answers["POST /v1/oauth2/token"] = reply{500, ``}
	if err := f.driver(t).Capture(t.Context(), refTo(billing.KindCheckout, "O1"), "k"); provider.KindOf(err) != provider.Unavailable {
		t.Errorf("no token, so nothing was sent: %v", err)
	}
}

func TestConfig(t *testing.T) {
	good := Config{Account: "paypal", ClientID: "client1", ClientSecret: "hush1", WebhookIDs: []string{"1AB"}}
	for want, change := range map[string]func(*Config){
		"has no name":        func(c *Config) { c.Account = "" },
		"client_id":          func(c *Config) { c.ClientID = "" },
		"client_secret":      func(c *Config) { c.ClientSecret = "your-secret" },
		"WEBHOOK_ID":         func(c *Config) { c.WebhookIDs = []string{"1AB", "WEBHOOK_ID"} },
		"webhook_ids":        func(c *Config) { c.WebhookIDs = []string{"https://app.test/hook"} },
		"base_url":           func(c *Config) { c.BaseURL = "http://api.paypal.test" },
		"cert_base_url":      func(c *Config) { c.CertBaseURL = "https://u:p@api.paypal.test" },
		"ca_file":            func(c *Config) { c.CAFile = "/does/not/exist" },
		"has no certificate": func(c *Config) { c.CA = []byte("hello") },
	} {
		c := good
		change(&c)
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush1") || strings.Contains(err.Error(), "u:p@") {
			t.Errorf("%s: %v", want, err)
		}
	}
	good.WebhookIDs, good.Sandbox = []string{"WEBHOOK_ID"}, true
	if d, err := New(good); err != nil || d.base != "https://api-m.sandbox.paypal.com" || d.Live() {
		t.Errorf("in the sandbox: %v", err)
	}
}
