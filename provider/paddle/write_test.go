package paddle

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

var sub1 = refTo(billing.KindSubscription, "sub_1")

// subscriptionJSON is one in a state, with a scheduled change or none.
func subscriptionJSON(status, action, at string) string {
	change := "null"
	if action != "" {
		change = fmt.Sprintf(`{"action":%q,"effective_at":%q}`, action, at)
	}
	period := "null"
	if status != "paused" && status != "canceled" {
		period = `{"starts_at":"2026-03-15T00:00:00Z","ends_at":"2026-04-15T00:00:00Z"}`
	}
	return fmt.Sprintf(`{"id":"sub_1","status":%q,"currency_code":"USD","next_billed_at":"2026-04-15T00:00:00Z","scheduled_change":%s,"current_billing_period":%s}`,
		status, change, period)
}

// What is so already is not done again, and what is not is done by one call.
func TestSubscriptionWrites(t *testing.T) {
	const path = "/prefix/subscriptions/sub_1"
	may, june := "2026-05-01T00:00:00Z", time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		status, action string
		do             func(*Driver) error
		want           []string // method, path and body of the writes
		refused        bool
	}{
		"cancel now":                    {"active", "", cancelNow, []string{"POST " + path + `/cancel {"effective_from":"immediately"}`}, false},
		"cancel now, to end already":    {"active", "cancel", cancelNow, []string{"POST " + path + `/cancel {"effective_from":"immediately"}`}, false},
		"cancel now, ended":             {"canceled", "", cancelNow, nil, false},
		"cancel at the end":             {"active", "", cancelAtEnd, []string{"POST " + path + `/cancel {"effective_from":"next_billing_period"}`}, false},
		"cancel at the end, past due":   {"past_due", "", cancelAtEnd, []string{"POST " + path + `/cancel {"effective_from":"next_billing_period"}`}, false},
		"cancel at the end, so already": {"active", "cancel", cancelAtEnd, nil, false},
		"cancel at the end, ended":      {"canceled", "", cancelAtEnd, nil, false},
		"cancel at the end, paused":     {"paused", "", cancelAtEnd, []string{"POST " + path + `/cancel {"effective_from":"immediately"}`}, false},
		"cancel at the end, to be paused": {"active", "pause", cancelAtEnd, []string{
			"PATCH " + path + ` {"scheduled_change":null}`, "POST " + path + `/cancel {"effective_from":"next_billing_period"}`,
		}, false},
		"uncancel":               {"active", "cancel", uncancel, []string{"PATCH " + path + ` {"scheduled_change":null}`}, false},
		"uncancel, nothing":      {"active", "", uncancel, nil, false},
		"uncancel, to be paused": {"active", "pause", uncancel, nil, false}, // the pause stays
		"uncancel, ended":        {"canceled", "", uncancel, nil, true},
		"pause":                  {"active", "", pauseTill(time.Time{}), []string{"POST " + path + `/pause {"effective_from":"immediately"}`}, false},
		"pause until after the period": {"active", "", pauseTill(june), []string{
			"POST " + path + `/pause {"effective_from":"immediately","on_resume":"start_new_billing_period","resume_at":"2026-06-01T00:00:00Z"}`,
		}, false},
		"pause within the period": {"active", "", pauseTill(noon.AddDate(0, 0, 2)), []string{
			"POST " + path + `/pause {"effective_from":"immediately","on_resume":"continue_existing_billing_period","resume_at":"2026-04-03T12:00:00Z"}`,
		}, false},
		"pause, to end":                {"active", "cancel", pauseTill(time.Time{}), nil, true},
		"pause, ended":                 {"canceled", "", pauseTill(time.Time{}), nil, true},
		"pause, so already":            {"paused", "", pauseTill(time.Time{}), nil, false},
		"pause, until a date so far":   {"paused", "resume", pauseTill(time.Time{}), []string{"PATCH " + path + ` {"scheduled_change":null}`}, false},
		"pause until, so already":      {"paused", "resume", pauseTill(time.Date(2026, 5, 1, 0, 0, 0, 5e8, time.UTC)), nil, false},
		"pause until another date":     {"paused", "resume", pauseTill(june), []string{"POST " + path + `/resume {"effective_from":"2026-06-01T00:00:00Z","on_resume":"start_new_billing_period"}`}, false},
		"pause now what is to be":      {"active", "pause", pauseTill(time.Time{}), []string{"PATCH " + path + ` {"scheduled_change":null}`, "POST " + path + `/pause {"effective_from":"immediately"}`}, false},
		"resume":                       {"paused", "", resumeNow, []string{"POST " + path + `/resume {"effective_from":"immediately","on_resume":"continue_existing_billing_period"}`}, false},
		"resume before its date":       {"paused", "resume", resumeNow, []string{"POST " + path + `/resume {"effective_from":"immediately","on_resume":"continue_existing_billing_period"}`}, false},
		"resume what is to be paused":  {"active", "pause", resumeNow, []string{"PATCH " + path + ` {"scheduled_change":null}`}, false},
		"resume, so already":           {"active", "", resumeNow, nil, false},
		"resume, to end":               {"active", "cancel", resumeNow, nil, false}, // the cancellation stays
		"resume, ended":                {"canceled", "", resumeNow, nil, true},
		"extend a trial":               {"trialing", "", extend(june), []string{"PATCH " + path + ` {"next_billed_at":"2026-06-01T00:00:00Z","proration_billing_mode":"do_not_bill"}`}, false},
		"extend a trial, so already":   {"trialing", "", extend(time.Date(2026, 4, 15, 0, 0, 0, 0, time.UTC)), nil, false},
		"extend a trial into the past": {"trialing", "", extend(noon.Add(29 * time.Minute)), nil, true},
		"extend a trial, to end":       {"trialing", "cancel", extend(june), nil, true},
		"extend what is no trial":      {"active", "", extend(june), nil, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			now := data(subscriptionJSON(tt.status, tt.action, may))
			f := &fake{answers: map[string]string{
				"GET " + path: now, "PATCH " + path: now, "POST " + path + "/cancel": now, "POST " + path + "/pause": now, "POST " + path + "/resume": now,
			}}
			err := tt.do(f.driver(t))
			if (err != nil) != tt.refused || err != nil && provider.KindOf(err) != provider.Refused {
				t.Errorf("error %v", err)
			}
			var got []string
			for _, made := range f.writes() {
				body, _ := json.Marshal(made.body)
				got = append(got, made.method+" "+made.path+" "+string(body))
				if id := made.header.Get("X-Transit-Id"); id != "the:key" {
					t.Errorf("the key that went along is %q", id)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

const theKey = "the:key"

func cancelNow(d *Driver) error   { return d.CancelNow(ctx(), sub1, theKey) }
func cancelAtEnd(d *Driver) error { return d.CancelAtPeriodEnd(ctx(), sub1, theKey) }
func uncancel(d *Driver) error    { return d.Uncancel(ctx(), sub1, theKey) }
func resumeNow(d *Driver) error   { return d.Resume(ctx(), sub1, theKey) }

func pauseTill(until time.Time) func(*Driver) error {
	return func(d *Driver) error { return d.Pause(ctx(), sub1, until, theKey) }
}

func extend(until time.Time) func(*Driver) error {
	return func(d *Driver) error { return d.ExtendTrial(ctx(), sub1, until, theKey) }
}

// When nothing is left of the paid period, and only then, a new one begins.
func TestResumeAfterThePeriod(t *testing.T) {
	const path = "/prefix/subscriptions/sub_1"
	refusal := func(code string) map[string]string {
		return map[string]string{"POST " + path + "/resume": fmt.Sprintf(`{"error":{"type":"request_error","code":%q},"meta":{"request_id":"r"}}`, code)}
	}
	now := data(subscriptionJSON("paused", "", ""))
	f := &fake{answers: map[string]string{"GET " + path: now, "POST " + path + "/resume": now}, failing: refusal(codePeriodOver)}
	if err := resumeNow(f.driver(t)); err != nil {
		t.Fatal(err)
	}
	if w := f.writes(); len(w) != 2 || w[0].body["on_resume"] != "continue_existing_billing_period" || w[1].body["on_resume"] != "start_new_billing_period" {
		t.Errorf("%+v", w)
	}
	f = &fake{answers: f.answers, failing: refusal("subscription_payment_declined")}
	if err := resumeNow(f.driver(t)); provider.KindOf(err) != provider.Refused || codeOf(err) != "subscription_payment_declined" || len(f.writes()) != 1 {
		t.Errorf("%v after %+v", err, f.writes())
	}
	// Paddle is busy with it: another time.
	f = &fake{answers: f.answers, failing: refusal("subscription_locked_renewal")}
	if err := resumeNow(f.driver(t)); provider.KindOf(err) != provider.Unavailable || !provider.KindOf(err).Temporary() {
		t.Error(err)
	}
}

// paidTransaction has two items, of 29.00 and 15.00, and what went back of them.
func paidTransaction(adjustments ...string) string {
	return transactionJSON("completed", "api", `,"adjustments":[`+strings.Join(adjustments, ",")+`]`)
}

func taken(action, status, item, amount string) string {
	return fmt.Sprintf(`{"id":"adj_9","action":%q,"status":%q,"currency_code":"USD","totals":{"total":%q},"items":[{"item_id":%q,"totals":{"total":%q}}]}`,
		action, status, amount, item, amount)
}

func TestRefund(t *testing.T) {
	part := func(item, amount string) map[string]any {
		return map[string]any{"item_id": item, "type": "partial", "amount": amount}
	}
	tests := map[string]struct {
		transaction string
		amount      int64
		want        any // the items, or "full"
		kind        provider.ErrorKind
	}{
		"all":                         {paidTransaction(), 0, "full", ""},
		"all, said out":               {paidTransaction(), 4400, "full", ""},
		"less than the first item":    {paidTransaction(), 100, []any{part("txnitm_1", "100")}, ""},
		"more than the first item":    {paidTransaction(), 3000, []any{part("txnitm_1", "2900"), part("txnitm_2", "100")}, ""},
		"the rest":                    {paidTransaction(taken("refund", "approved", "txnitm_1", "900")), 0, []any{part("txnitm_1", "2000"), part("txnitm_2", "1500")}, ""},
		"after one was rejected":      {paidTransaction(taken("refund", "rejected", "txnitm_1", "900")), 0, "full", ""},
		"after a charge was reversed": {paidTransaction(taken("chargeback", "reversed", "txnitm_1", "900")), 0, "full", ""},
		"beside a credit":             {paidTransaction(taken("credit", "approved", "txnitm_1", "900")), 0, "full", ""},
		"beside a warning":            {paidTransaction(taken("chargeback_warning", "approved", "txnitm_1", "900")), 0, "full", ""},
		"what was charged back":       {paidTransaction(taken("chargeback", "approved", "txnitm_1", "2900"), taken("chargeback", "approved", "txnitm_2", "1500")), 0, nil, provider.Refused},
		"more than is left":           {paidTransaction(taken("refund", "approved", "txnitm_1", "900")), 4000, nil, provider.Refused},
		"nothing is left":             {paidTransaction(taken("refund", "pending_approval", "txnitm_1", "2900"), taken("refund", "approved", "txnitm_2", "1500")), 0, nil, provider.Refused},
		"negative":                    {paidTransaction(), -1, nil, provider.Refused},
		"not booked yet":              {transactionJSON("paid", "api", ""), 0, nil, provider.Unavailable},
		"not paid":                    {transactionJSON("past_due", "api", ""), 0, nil, provider.Refused},
		"canceled":                    {transactionJSON("canceled", "api", ""), 0, nil, provider.Refused},
		"another transaction":         {strings.ReplaceAll(paidTransaction(), `"txn_1"`, `"txn_2"`), 0, nil, provider.Malformed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := &fake{answers: map[string]string{
				"GET /prefix/adjustments": rows(false), "GET /prefix/transactions/txn_1": data(tt.transaction), "POST /prefix/adjustments": data(`{"id":"adj_1"}`),
			}}
			made, err := f.driver(t).Refund(ctx(), provider.RefundRequest{
				Payment: refTo(billing.KindPayment, "txn_1"), Amount: billing.Money{Amount: tt.amount, Currency: "USD"}, Reason: "duplicate", Key: "refund:txn_1:x",
			})
			if tt.kind != "" {
				if provider.KindOf(err) != tt.kind || len(f.writes()) > 0 {
					t.Errorf("%v after %+v", err, f.writes())
				}
				return
			}
			if err != nil || made != refTo(billing.KindRefund, "adj_1") || len(f.writes()) != 1 {
				t.Fatalf("%v, %v, %+v", made, err, f.writes())
			}
			body := f.writes()[0].body
			if body["action"] != "refund" || body["transaction_id"] != "txn_1" || body["reason"] != "duplicate [trivet:refund:txn_1:x]" {
				t.Errorf("%+v", body)
			}
			if tt.want == "full" {
				if body["type"] != "full" || body["items"] != nil {
					t.Errorf("%+v", body)
				}
				return
			}
			if diff := cmp.Diff(tt.want, body["items"]); diff != "" || body["type"] != "partial" {
				t.Error(diff, body)
			}
		})
	}
}

// A refund is found by its key, whatever became of it, and is not made again.
func TestRefundIsLookedForFirst(t *testing.T) {
	refund := func(id, reason string) string {
		return fmt.Sprintf(`{"id":%q,"action":"refund","status":"rejected","reason":%q,"currency_code":"USD","totals":{"total":"1"}}`, id, reason)
	}
	f := &fake{answers: map[string]string{"GET /prefix/adjustments": rows(false,
		refund("adj_1", "duplicate [trivet:other]"), refund("adj_2", "duplicate [trivet:k]"), refund("adj_3", "[trivet:k] by hand"))}}
	request := provider.RefundRequest{Payment: refTo(billing.KindPayment, "txn_1"), Key: "k"}
	if made, err := f.driver(t).Refund(ctx(), request); err != nil || made.ID != "adj_2" || len(f.writes()) != 0 {
		t.Errorf("%v, %v, %+v", made, err, f.writes())
	}
	if q := f.calls[0].query; q.Get("transaction_id") != "txn_1" || q.Get("action") != "refund" {
		t.Errorf("looked at %v", q)
	}
	for _, key := range []string{"a key with spaces", "ключ", strings.Repeat("k", 200), "x]y"} {
		if name := named(key); len(name) > 120 || strings.ContainsAny(name, " []") || name == key || named(key) != name {
			t.Errorf("%q is named %q", key, name)
		}
	}
}

// What a refund has to wait for is told with when to come back, so that nobody
// refunds twice because a list was old.
func TestRefundThatHasToWait(t *testing.T) {
	f := &fake{
		answers: map[string]string{"GET /prefix/adjustments": rows(false), "GET /prefix/transactions/txn_1": data(paidTransaction())},
		failing: map[string]string{"POST /prefix/adjustments": `{"error":{"type":"request_error","code":"adjustment_pending_refund_request"},"meta":{}}`},
	}
	request := provider.RefundRequest{Payment: refTo(billing.KindPayment, "txn_1"), Key: "k"}
	_, err := f.driver(t).Refund(ctx(), request)
	e, ok := err.(*provider.Error) //nolint:errorlint // the driver's own
	if !ok || e.Kind != provider.Unavailable || e.RetryAfter != untilApproved {
		t.Errorf("%+v", err)
	}
	f.answers["POST /prefix/adjustments"] = "<html>"
	_, err = f.driver(t).Refund(ctx(), request)
	if e, ok = err.(*provider.Error); !ok || e.Kind != provider.OutcomeUnknown || e.RetryAfter != untilVisible { //nolint:errorlint // the driver's own
		t.Errorf("%+v", err)
	}
}

func checkoutRequest() provider.CheckoutRequest {
	return provider.CheckoutRequest{
		Key: "chk_1", Token: "tok", Customer: "user_1", Mode: "subscription", Items: []billing.Item{{Price: "pri_1"}, {Price: "pri_2", Quantity: 3}},
		ReturnURL: "https://app.test/return/paddle?token=tok", Email: "a@example.com",
	}
}

func TestCreateCheckout(t *testing.T) {
	made := data(`{"id":"txn_1","checkout":{"url":"https://shop.test/pay?_ptxn=txn_1"}}`)
	f := &fake{answers: map[string]string{"GET /prefix/transactions": rows(false), "POST /prefix/transactions": made}}
	request := checkoutRequest()
	request.Owner = "ctm_1"
	page, err := f.driver(t).CreateCheckout(ctx(), request)
	if err != nil || page.Ref != refTo(billing.KindCheckout, "txn_1") || page.URL != "https://shop.test/pay?_ptxn=txn_1" {
		t.Fatalf("%+v, %v", page, err)
	}
	want := map[string]any{
		"customer_id": "ctm_1",
		"items":       []any{map[string]any{"price_id": "pri_1", "quantity": 1.0}, map[string]any{"price_id": "pri_2", "quantity": 3.0}},
		"custom_data": map[string]any{
			"trivet_token": "tok", "trivet_customer": "user_1", "trivet_key": "chk_1", "trivet_return": "https://app.test/return/paddle?token=tok",
		},
	}
	if diff := cmp.Diff(want, f.writes()[0].body); diff != "" {
		t.Error(diff)
	}
	// The same again finds it.
	f.answers["GET /prefix/transactions"] = rows(false,
		`{"id":"txn_0","custom_data":{"trivet_key":"chk_1","trivet_token":"another"}}`,
		`{"id":"txn_1","custom_data":{"trivet_key":"chk_1","trivet_token":"tok"},"checkout":{"url":"https://shop.test/pay?_ptxn=txn_1"}}`)
	if again, err := f.driver(t).CreateCheckout(ctx(), request); err != nil || again != page || len(f.writes()) != 1 {
		t.Errorf("%+v, %v, %d writes", again, err, len(f.writes()))
	}
	// Without a default payment link Paddle has no page.
	f.answers["GET /prefix/transactions"], f.answers["POST /prefix/transactions"] = rows(false), data(`{"id":"txn_1","checkout":{"url":null}}`)
	if _, err := f.driver(t).CreateCheckout(ctx(), request); provider.KindOf(err) != provider.Malformed || !strings.Contains(err.Error(), "default payment link") {
		t.Error(err)
	}
}

func TestCreateCheckoutRefuses(t *testing.T) {
	tests := map[string]struct {
		change func(*provider.CheckoutRequest)
		want   provider.ErrorKind
	}{
		"no key":            {func(r *provider.CheckoutRequest) { r.Key = " " }, provider.Refused},
		"odd mode":          {func(r *provider.CheckoutRequest) { r.Mode = "gift" }, provider.Refused},
		"no items":          {func(r *provider.CheckoutRequest) { r.Items = nil }, provider.Refused},
		"no token":          {func(r *provider.CheckoutRequest) { r.Token = "" }, provider.Refused},
		"no customer":       {func(r *provider.CheckoutRequest) { r.Customer = "" }, provider.Refused},
		"odd owner":         {func(r *provider.CheckoutRequest) { r.Owner = "../x" }, provider.Refused},
		"odd price":         {func(r *provider.CheckoutRequest) { r.Items[0].Price = "a b" }, provider.Refused},
		"huge quantity":     {func(r *provider.CheckoutRequest) { r.Items[0].Quantity = 1 << 40 }, provider.Refused},
		"no way back":       {func(r *provider.CheckoutRequest) { r.ReturnURL = "" }, provider.Refused},
		"trial of a pass":   {func(r *provider.CheckoutRequest) { r.Mode, r.TrialEnd = "payment", noon }, provider.Refused},
		"trial by checkout": {func(r *provider.CheckoutRequest) { r.TrialEnd = noon.AddDate(0, 0, 7) }, provider.Unsupported},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := &fake{answers: map[string]string{"GET /prefix/transactions": rows(false)}}
			request := checkoutRequest()
			tt.change(&request)
			if _, err := f.driver(t).CreateCheckout(ctx(), request); provider.KindOf(err) != tt.want || len(f.writes()) > 0 {
				t.Errorf("%v, %d writes", err, len(f.writes()))
			}
		})
	}
}

func TestReturnedRef(t *testing.T) {
	d := newDriver(t, nil)
	for id, good := range map[string]bool{"txn_01a": true, "": false, "sub_01a": false, "txn_../x": false, "txn_ü": false, "TXN_1": false} {
		ref, err := d.ReturnedRef(url.Values{"_ptxn": {id}})
		if (err == nil) != good || good && ref != refTo(billing.KindCheckout, id) {
			t.Errorf("%q: %v, %v", id, ref, err)
		}
	}
}

// The link is for what is owed first, then for what is in use, then the portal.
func TestPaymentUpdateURL(t *testing.T) {
	sub := func(id, status, mode string) string {
		return fmt.Sprintf(`{"id":%q,"status":%q,"collection_mode":%q}`, id, status, mode)
	}
	page := data(`{"id":"txn_1","checkout":{"url":"https://shop.test/pay?_ptxn=txn_1"}}`)
	portal := data(`{"id":"cpls_1","urls":{"general":{"overview":"https://portal.test/o"},"subscriptions":[{"id":"sub_2","update_subscription_payment_method":"https://portal.test/u"}]}}`)
	tests := map[string]struct {
		subscriptions []string
		answers       map[string]string
		want          string
	}{
		"behind first": {[]string{sub("sub_2", "active", "automatic"), sub("sub_1", "past_due", "automatic")}, map[string]string{"sub_1": page}, "https://shop.test/pay?_ptxn=txn_1"},
		"the newest":   {[]string{sub("sub_2", "active", "automatic"), sub("sub_1", "active", "automatic")}, map[string]string{"sub_2": page}, "https://shop.test/pay?_ptxn=txn_1"},
		"by invoice":   {[]string{sub("sub_2", "active", "manual")}, nil, "https://portal.test/o"},
		"none":         {nil, nil, "https://portal.test/o"},
		"refused":      {[]string{sub("sub_2", "active", "automatic")}, nil, "https://portal.test/u"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := &fake{answers: map[string]string{"GET /prefix/subscriptions": rows(false, tt.subscriptions...), "POST /prefix/customers/ctm_1/portal-sessions": portal}}
			for id, answer := range tt.answers {
				f.answers["GET /prefix/subscriptions/"+id+"/update-payment-method-transaction"] = answer
			}
			got, err := f.driver(t).PaymentUpdateURL(ctx(), refTo(billing.KindCustomer, "ctm_1"), "https://app.test")
			if err != nil || got != tt.want {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestRegisterEndpoint(t *testing.T) {
	const hook = "https://billing.test/webhooks/paddle"
	events := func(n int) string {
		var all []string
		for _, name := range askedEvents()[:n] {
			all = append(all, fmt.Sprintf(`{"name":%q}`, name))
		}
		return strings.Join(all, ",")
	}
	setting := func(id, destination string, active bool, events string) string {
		return fmt.Sprintf(`{"id":%q,"type":"url","destination":%q,"active":%t,"subscribed_events":[%s],"endpoint_secret_key":"pdl_ntfset_%s"}`, id, destination, active, events, id)
	}
	all := events(len(askedEvents()))
	updated := data(setting("ntfset_1", hook, true, all))
	tests := map[string]struct {
		there  []string
		want   provider.Endpoint
		writes []string
	}{
		"new":              {[]string{setting("ntfset_9", "https://other.test", true, all)}, provider.Endpoint{ID: "ntfset_1", Secret: "pdl_ntfset_ntfset_1", Created: true}, []string{"POST /prefix/notification-settings"}},
		"as it should be":  {[]string{setting("ntfset_1", hook, true, all)}, provider.Endpoint{ID: "ntfset_1", Secret: "pdl_ntfset_ntfset_1"}, nil},
		"switched off":     {[]string{setting("ntfset_1", hook, false, all)}, provider.Endpoint{ID: "ntfset_1", Secret: "pdl_ntfset_ntfset_1"}, []string{"PATCH /prefix/notification-settings/ntfset_1"}},
		"too few events":   {[]string{setting("ntfset_1", hook, true, events(3))}, provider.Endpoint{ID: "ntfset_1", Secret: "pdl_ntfset_ntfset_1"}, []string{"PATCH /prefix/notification-settings/ntfset_1"}},
		"more events":      {[]string{setting("ntfset_1", hook, true, all+`,{"name":"price.created"}`)}, provider.Endpoint{ID: "ntfset_1", Secret: "pdl_ntfset_ntfset_1"}, nil},
		"twice":            {[]string{setting("ntfset_1", hook, true, all), setting("ntfset_2", hook, true, all)}, provider.Endpoint{ID: "ntfset_1", Secret: "pdl_ntfset_ntfset_1"}, []string{"PATCH /prefix/notification-settings/ntfset_2"}},
		"the active first": {[]string{setting("ntfset_2", hook, false, all), setting("ntfset_1", hook, true, all)}, provider.Endpoint{ID: "ntfset_1", Secret: "pdl_ntfset_ntfset_1"}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := &fake{answers: map[string]string{
				"GET /prefix/notification-settings": rows(false, tt.there...), "POST /prefix/notification-settings": updated,
				"PATCH /prefix/notification-settings/ntfset_1": updated, "PATCH /prefix/notification-settings/ntfset_2": updated,
			}}
			got, err := f.driver(t).RegisterEndpoint(ctx(), hook)
			if err != nil || got != tt.want {
				t.Errorf("%+v, %v", got, err)
			}
			var writes []string
			for _, made := range f.writes() {
				writes = append(writes, made.method+" "+made.path)
				if made.method == "POST" && (made.body["destination"] != hook || made.body["traffic_source"] != "platform" || made.body["type"] != "url") {
					t.Errorf("%+v", made.body)
				}
			}
			if diff := cmp.Diff(tt.writes, writes); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// An address that another customer has is refused, with Paddle's code.
func TestPushEmailThatIsTaken(t *testing.T) {
	f := &fake{
		answers: map[string]string{"GET /prefix/customers/ctm_1": data(`{"id":"ctm_1","email":"old@example.com"}`)},
		failing: map[string]string{"PATCH /prefix/customers/ctm_1": `{"error":{"type":"request_error","code":"customer_already_exists","detail":"conflicts with customer of id ctm_2"},"meta":{"request_id":"req-1"}}`},
	}
	err := f.driver(t).PushEmail(ctx(), refTo(billing.KindCustomer, "ctm_1"), "new@example.com", "k")
	if provider.KindOf(err) != provider.Refused || !strings.Contains(err.Error(), "customer_already_exists") || !strings.Contains(err.Error(), "req-1") ||
		strings.Contains(err.Error(), "ctm_2") {
		t.Error(err)
	}
}
