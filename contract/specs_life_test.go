//go:build specs

package contract

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
	paddledriver "github.com/trivetdev/trivet/provider/paddle"
	paypaldriver "github.com/trivetdev/trivet/provider/paypal"
	"github.com/trivetdev/trivet/sim"
	"github.com/trivetdev/trivet/sim/paddle"
	"github.com/trivetdev/trivet/sim/paypal"
)

// began is when the simulated accounts open.
var began = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// life is a simulated account beside a driver, all of whose calls are audited.
type life struct {
	*auditor
	driver provider.Driver
	clock  *sim.Clock
	keys   int
}

func (l *life) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *life) key() string {
	l.keys++
	return fmt.Sprintf("contract:%d", l.keys)
}

func (l *life) ref(kind billing.Kind, id string) provider.Ref {
	return provider.Ref{Account: l.driver.Account(), Kind: kind, ID: id}
}

// asked lets a call fail that the account may refuse: that too is a described answer.
func (l *life) asked(what string, err error) {
	l.t.Helper()
	if err != nil && provider.KindOf(err) != provider.Refused && provider.KindOf(err) != provider.NotFound && provider.KindOf(err) != provider.Unsupported {
		l.t.Errorf("%s: %v", what, err)
	}
}

// kindsOf are those of the nouns that the simulators' truth has.
var kindsOf = map[string]billing.Kind{
	sim.KindCustomer: billing.KindCustomer, sim.KindSubscription: billing.KindSubscription, sim.KindPayment: billing.KindPayment,
	sim.KindInvoice: billing.KindInvoice, sim.KindRefund: billing.KindRefund, sim.KindDispute: billing.KindDispute,
}

// read lists everything, and reads every object by itself.
func (l *life) read(truth []sim.Object) {
	l.t.Helper()
	for _, kind := range kindsOf {
		for query := (provider.Query{Kind: kind}); ; {
			page, err := l.driver.List(l.t.Context(), query)
			if err != nil {
				l.asked("list "+string(kind), err)
				break
			}
			if query.After = page.Next; page.Next == "" {
				break
			}
		}
	}
	for _, o := range truth {
		if kind := kindsOf[o.Kind]; kind != "" {
			_, err := l.driver.Fetch(l.t.Context(), l.ref(kind, o.ID))
			l.asked("fetch "+o.Kind, err)
		}
	}
	if lister, can := l.driver.(provider.EventLister); can {
		for after := ""; ; {
			page, err := lister.Events(l.t.Context(), l.clock.Now().AddDate(0, 0, -20), after)
			l.must(err)
			if after = page.Next; after == "" {
				break
			}
		}
	}
}

// checkouts makes a page of each mode.
func (l *life) checkouts(subscription, pass string) (ids []string) {
	l.t.Helper()
	for i, price := range []string{subscription, pass} {
		mode := []string{"subscription", "payment"}[i]
		page, err := l.driver.(provider.Checkouter).CreateCheckout(l.t.Context(), provider.CheckoutRequest{
			Key: l.key(), Token: "token_of_" + mode, Customer: "user_1", Email: "user_1@example.com", Mode: mode, Items: []billing.Item{{Price: price, Quantity: 1}},
			ReturnURL: "https://app.test/return", CancelURL: "https://app.test/cancel", ExpiresAt: l.clock.Now().Add(time.Hour), Locale: "de",
		})
		l.must(err)
		ids = append(ids, page.Ref.ID)
	}
	return ids
}

// write asks for everything that the driver can ask about a subscription and its
// payment.
func (l *life) write(subscription, payment string, amount billing.Money) {
	l.t.Helper()
	ctx, sub := l.t.Context(), l.ref(billing.KindSubscription, subscription)
	if d, can := l.driver.(provider.Refunder); can {
		for _, part := range []billing.Money{amount, {}} {
			_, err := d.Refund(ctx, provider.RefundRequest{Payment: l.ref(billing.KindPayment, payment), Amount: part, Reason: "requested_by_customer", Key: l.key()})
			l.asked("refund", err)
		}
	}
	if d, can := l.driver.(provider.Previewer); can {
		_, _, err := d.PreviewCharge(ctx, sub)
		l.asked("preview", err)
	}
	if d, can := l.driver.(provider.PaymentUpdater); can {
		_, err := d.PaymentUpdateURL(ctx, sub, "https://app.test/back")
		l.asked("payment update", err)
	}
	if d, can := l.driver.(provider.Pauser); can {
		l.asked("pause", d.Pause(ctx, sub, time.Time{}, l.key()))
		l.asked("resume", d.Resume(ctx, sub, l.key()))
	}
	if d, can := l.driver.(provider.Canceler); can {
		l.asked("cancel at the end", d.CancelAtPeriodEnd(ctx, sub, l.key()))
		l.asked("uncancel", d.Uncancel(ctx, sub, l.key()))
		l.asked("cancel", d.CancelNow(ctx, sub, l.key()))
	}
	if d, can := l.driver.(provider.EndpointRegistrar); can {
		_, err := d.RegisterEndpoint(ctx, "https://app.test/webhooks/other")
		l.asked("register", err)
	}
}

// account is what a simulated account does by itself.
type account interface {
	NextAt() (time.Time, bool)
	Advance(time.Time)
	Deliver(context.Context, func(*http.Request) (int, error)) int
}

// pass lets days go by and gives every webhook to a check.
func (l *life) pass(a account, days int, check func(event map[string]any)) {
	l.t.Helper()
	end := l.clock.Now().AddDate(0, 0, days)
	for at, ok := a.NextAt(); ok && at.Before(end); at, ok = a.NextAt() {
		a.Advance(at)
		a.Deliver(l.t.Context(), func(r *http.Request) (int, error) {
			body, err := io.ReadAll(r.Body)
			l.must(err)
			var event map[string]any
			l.must(json.Unmarshal(body, &event))
			l.mu.Lock()
			defer l.mu.Unlock()
			check(event)
			return http.StatusOK, nil
		})
	}
	a.Advance(end)
}

// resource checks an object in a webhook as what an operation answers.
func (l *life) resource(event string, object any, method, path string) {
	l.t.Helper()
	o := l.spec.find(method, path)
	if o == nil {
		l.t.Fatalf("%s %s is described nowhere", method, path)
	}
	text, err := json.Marshal(object)
	l.must(err)
	l.json("the webhook "+event, text, o.answer(http.StatusOK))
}

// TestSimulatedPayPalMatchesTheDescriptions: sales and their refunds are of an older API
// that PayPal describes no more, as it does not describe tokens.
func TestSimulatedPayPalMatchesTheDescriptions(t *testing.T) {
	l := &life{auditor: newAuditor(t, "paypal"), clock: sim.NewClock(began)}
	l.outside = map[string]string{
		"/v1/oauth2/": "tokens", "/v1/billing/subscriptions": "the list, which is younger than the description", "/v1/payments/sale/": "the older API of payments", "/v1/payments/refund/": "the older API of payments",
	}
	l.excused = paypalExcuses
	rates := paypal.DefaultLife()
	rates.Dispute, rates.Inquiry, rates.DashboardRefund = 0.01, 0.01, 0.02
	w := paypal.New(paypal.Config{Seed: 11, Clock: l.clock, Rates: rates, WebhookID: "WH-1", WebhookURL: "https://app.test/hook", ClientID: "id", ClientSecret: "secret"})
	w.AddCatalog()
	d, err := paypaldriver.New(paypaldriver.Config{
		Account: "paypal", ClientID: "id", ClientSecret: "secret", WebhookIDs: []string{"WH-1"}, BaseURL: paypalHost,
		CertBaseURL: paypalHost, CA: paypal.CA(), Transport: l.through(sim.Transport(w.Handler())), Now: l.clock.Now,
	})
	l.must(err)
	l.driver = d
	w.Populate(60)
	pages := l.checkouts("P-PROMONTH", "pass:5.00USD")
	l.must(w.ApproveSubscription(pages[0], paypal.Good))
	l.must(w.ApproveOrder(pages[1], paypal.Good))
	l.asked("capture", d.Capture(t.Context(), l.ref(billing.KindCheckout, pages[1]), l.key()))
	_, err = w.NewOrder("pass:5.00USD", "5.00", "USD", "")
	l.must(err)
	declined := l.checkouts("P-PROMONTH", "pass:5.00USD")[1]
	l.must(w.ApproveOrder(declined, paypal.LaterFails))
	l.asked("capture", d.Capture(t.Context(), l.ref(billing.KindCheckout, declined), l.key()))
	webhooks := map[string]int{}
	check := func(event map[string]any) {
		name := fmt.Sprint(event["event_type"])
		webhooks[name]++
		l.resource(name, event, "GET", "/v1/notifications/webhooks-events/x")
		for kind, path := range map[string]string{
			"subscription": "/v1/billing/subscriptions/x", "capture": "/v2/payments/captures/x", "checkout-order": "/v2/checkout/orders/x", "dispute": "/v1/customer/disputes/x",
		} {
			if event["resource_type"] == kind {
				l.resource(name, event["resource"], "GET", path)
			}
		}
		if event["resource_type"] == "refund" && event["resource_version"] == "2.0" {
			l.resource(name, event["resource"], "GET", "/v2/payments/refunds/x")
		}
	}
	l.pass(w, 40, check)
	sale := w.PaymentsOf(pages[0])[0]
	l.write(pages[0], sale, billing.Money{Amount: 100, Currency: "USD"})
	for i, payment := range []string{w.PaymentsOf(pages[1])[0], sale} {
		dispute, err := w.OpenDispute("UNAUTHORISED", i == 0, payment)
		l.must(err)
		_, err = d.Fetch(t.Context(), l.ref(billing.KindDispute, dispute))
		l.asked("fetch dispute", err)
		l.asked("accept", d.AcceptDispute(t.Context(), l.ref(billing.KindDispute, dispute), l.key()))
	}
	l.write(pages[0], w.PaymentsOf(pages[1])[0], billing.Money{Amount: 100, Currency: "USD"})
	l.pass(w, 10, check)
	l.read(w.Truth())
	for _, page := range append(pages, declined) {
		_, err := d.Fetch(t.Context(), l.ref(billing.KindCheckout, page))
		l.asked("fetch checkout", err)
	}
	key := l.token(w.Handler())
	events := l.get(w.Handler(), paypalHost, key, "/v1/notifications/webhooks-events")["events"].([]any)
	hooks := l.get(w.Handler(), paypalHost, key, "/v1/notifications/webhooks")["webhooks"].([]any)
	from, to := began.AddDate(0, 0, -1).Format(time.RFC3339), l.clock.Now().Format(time.RFC3339)
	for _, path := range []string{
		"/v1/notifications/webhooks-events/" + idOf(events[0]), "/v1/notifications/webhooks/" + idOf(hooks[0]),
		"/v1/billing/subscriptions/" + pages[0] + "/transactions?start_time=" + from + "&end_time=" + to,
	} {
		l.get(w.Handler(), paypalHost, key, path)
	}
	if len(webhooks) < 15 {
		t.Errorf("only %d kinds of webhooks came: %v", len(webhooks), webhooks)
	}
	l.report(22)
}

func idOf(v any) string { return fmt.Sprint(v.(map[string]any)["id"]) }

// TestSimulatedPaddleMatchesTheDescriptions is the same with Paddle, whose webhooks are
// the events that it lists.
func TestSimulatedPaddleMatchesTheDescriptions(t *testing.T) {
	const key, secret = "pdl_live_apikey_01contract00000000000000_test", "pdl_ntfset_01contract00000000000000_test"
	l := &life{auditor: newAuditor(t, "paddle"), clock: sim.NewClock(began)}
	l.excused = paddleExcuses
	rates := paddle.DefaultLife()
	rates.ChargeBack, rates.Warning, rates.DashboardRefund = 0.01, 0.01, 0.02
	w := paddle.New(paddle.Config{
		Seed: 11, Clock: l.clock, Rates: rates, WebhookURL: "https://app.test/hook", WebhookSecrets: []string{secret}, APIKey: key, PaymentLink: "https://shop.test/pay",
	})
	w.AddCatalog()
	d, err := paddledriver.New(paddledriver.Config{
		Account: "paddle", APIKey: key, WebhookSecrets: []string{secret}, BaseURL: paddleHost, Transport: l.through(sim.Transport(w.Handler())), Now: l.clock.Now,
	})
	l.must(err)
	l.driver = d
	w.Populate(60)
	pages := l.checkouts(paddle.PriceProMonth, paddle.PricePass)
	for _, page := range pages {
		_, err := w.PayCheckoutAs(page, paddle.CardGood, "user_1@example.com")
		l.must(err)
	}
	webhooks := map[string]int{}
	check := func(event map[string]any) {
		name := fmt.Sprint(event["event_type"])
		webhooks[name]++
		delete(event, "notification_id")
		l.resource(name, map[string]any{"data": []any{event}, "meta": map[string]any{
			"request_id": "r", "pagination": map[string]any{"per_page": 50, "next": "https://api.paddle.test/events", "has_more": false, "estimated_total": 1},
		}}, "GET", "/events")
	}
	l.pass(w, 40, check)
	bought := ""
	for _, o := range w.Truth() {
		if o.Kind == sim.KindSubscription {
			if s, err := d.Fetch(t.Context(), l.ref(billing.KindSubscription, o.ID)); err == nil && strings.Contains(fmt.Sprint(s.Claims), "token_of_subscription") {
				bought = o.ID
			}
		}
	}
	if bought == "" {
		t.Fatal("the checkout led to no subscription")
	}
	l.write(bought, pages[0], billing.Money{Amount: 100, Currency: "USD"})
	l.pass(w, 10, check)
	l.read(w.Truth())
	for _, path := range []string{
		"/products", "/prices", "/customers", "/discounts", "/transactions", "/subscriptions", "/adjustments", "/notification-settings", "/notifications", "/event-types", "/events",
	} {
		l.get(w.Handler(), paddleHost, key, path)
	}
	if len(webhooks) < 15 {
		t.Errorf("only %d kinds of webhooks came: %v", len(webhooks), webhooks)
	}
	l.report(15)
}

// get asks for something that the driver does not ask for.
func (l *life) get(handler http.Handler, host, key, path string) map[string]any {
	l.t.Helper()
	r, err := http.NewRequestWithContext(l.t.Context(), http.MethodGet, host+path, nil)
	l.must(err)
	r.Header.Set("Authorization", "Bearer "+key)
	return l.done(l.through(sim.Transport(handler)), r)
}

// token is an access token for PayPal.
func (l *life) token(handler http.Handler) string {
	l.t.Helper()
	r, err := http.NewRequestWithContext(l.t.Context(), http.MethodPost, paypalHost+"/v1/oauth2/token", strings.NewReader("grant_type=client_credentials"))
	l.must(err)
	r.SetBasicAuth("id", "secret")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return fmt.Sprint(l.done(sim.Transport(handler), r)["access_token"])
}

func (l *life) done(transport http.RoundTripper, r *http.Request) (answer map[string]any) {
	l.t.Helper()
	resp, err := transport.RoundTrip(r)
	l.must(err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		l.t.Errorf("%s %s: %d", r.Method, r.URL.Path, resp.StatusCode)
	}
	l.must(json.NewDecoder(resp.Body).Decode(&answer))
	return answer
}

// The hosts of the simulated accounts.
const paypalHost, paddleHost = "https://api-m.paypal.test", "https://api.paddle.test"

// refundKeys are told in the description of the request to be of any letters ("the
// pattern is defined by an external party"), and in that of the answer to be of few.
const refundKeys = `doesn't match schema due to: Error at "/custom_id": string doesn't match the regular expression "^[A-Za-z0-9-_.,]*$" | Schema: |   {`

// These are where the description is wrong, or narrower than what the provider does,
// each with how that is known.
var (
	paypalExcuses = map[string]string{
		"the request of POST /v1/customer/disputes/{id}/accept-claim has a body, which is not described":      "only the form that carries a document is; the text speaks of accept_claim_type in the request",
		"the answer 200 of GET /v2/payments/refunds/{refund_id}: " + refundKeys:                               "the request's description allows it",
		"the answer 201 of POST /v2/payments/captures/{capture_id}/refund: " + refundKeys:                     "the request's description allows it",
		books + `paypal_reference_id: string doesn't match the regular expression "^[a-zA-Z0-9]*$"`:           "references of type SUB are ids of subscriptions, which have a hyphen",
		books + "transaction_initiation_date: " + zone:                                                        "PayPal's own samples have +0000, without a colon",
		books + "transaction_updated_date: " + zone:                                                           "PayPal's own samples have +0000, without a colon",
		"the answer 200 of GET /v1/reporting/transactions: transaction_details: minimum number of items is 1": "a window in which nothing happened has none",
	}
	paddleExcuses = map[string]string{}
)

const (
	books = "the answer 200 of GET /v1/reporting/transactions: transaction_details.N.transaction_info."
	zone  = `string doesn't match the regular expression "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[1-2][0-9]|3[0-1])[T,t]([0-1][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)([.][0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$"`
)
