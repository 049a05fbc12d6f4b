package stripe

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

func TestErrors(t *testing.T) {
	body := func(code, param string) string {
		return fmt.Sprintf(`{"error":{"type":"invalid_request_error","code":%q,"param":%q,"message":"You sent sk_test_51Trivet and a@example.com"}}`, code, param)
	}
	tests := map[string]struct {
		status      int
		body        string
		read, write provider.ErrorKind
		code        string
	}{
		"missing":             {404, body("resource_missing", "id"), provider.NotFound, provider.NotFound, "resource_missing"},
		"wrong key":           {401, `{"error":{"type":"invalid_request_error","message":"Invalid API Key provided: sk_test_51Trivet"}}`, provider.Denied, provider.Denied, "invalid_request_error"},
		"no right":            {403, body("more_permissions_required", ""), provider.Denied, provider.Denied, "more_permissions_required"},
		"bad parameter":       {400, body("parameter_unknown", "foo"), provider.Refused, provider.Refused, "parameter_unknown"},
		"declined":            {402, body("card_declined", ""), provider.Refused, provider.Refused, "card_declined"},
		"rate":                {429, body("rate_limit", ""), provider.RateLimited, provider.RateLimited, "rate_limit"},
		"lock":                {429, body("lock_timeout", ""), provider.RateLimited, provider.RateLimited, "lock_timeout"},
		"same call under way": {409, body("idempotency_key_in_use", ""), provider.OutcomeUnknown, provider.OutcomeUnknown, "idempotency_key_in_use"},
		"key used for other":  {400, `{"error":{"type":"idempotency_error","message":"Keys"}}`, provider.Refused, provider.Refused, "idempotency_error"},
		"broken":              {500, body("api_error", ""), provider.Unavailable, provider.OutcomeUnknown, "api_error"},
		"broken, no JSON":     {502, "<html>sk_test_51Trivet</html>", provider.Unavailable, provider.OutcomeUnknown, ""},
		"down":                {503, "", provider.Unavailable, provider.Unavailable, ""},
		"not JSON":            {200, "<html>sk_test_51Trivet</html>", provider.Malformed, provider.OutcomeUnknown, ""},
		"half":                {200, `{"id":"sub_1","stat`, provider.Malformed, provider.OutcomeUnknown, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := &fake{status: test.status, header: http.Header{"Request-Id": {"req_1"}, "Retry-After": {"4"}}, answers: map[string]string{
				"GET /prefix/v1/subscriptions/sub_1": test.body, "GET /prefix/v1/subscriptions": test.body, "POST /prefix/v1/subscriptions/sub_1": test.body,
			}}
			ref := refTo(billing.KindSubscription, "sub_1")
			_, fetch := f.driver(t).Fetch(t.Context(), ref)
			_, list := f.driver(t).List(t.Context(), provider.Query{Kind: billing.KindSubscription})
			write := f.driver(t).CancelAtPeriodEnd(t.Context(), ref, "k")
			for err, want := range map[error]provider.ErrorKind{fetch: test.read, list: test.read, write: test.write} {
				e, ok := errors.AsType[*provider.Error](err)
				if !ok || e.Kind != want || e.Code != test.code {
					t.Errorf("got %v, want %s (%s)", err, want, test.code)
					continue
				}
				if strings.Contains(err.Error(), "51Trivet") || strings.Contains(err.Error(), "example.com") {
					t.Errorf("the error shows too much: %v", err)
				}
				if test.code != "" && !strings.Contains(err.Error(), "logs/req_1") {
					t.Errorf("the error does not say where to look: %v", err)
				}
				if test.status == 429 && e.RetryAfter != 4*time.Second {
					t.Errorf("retry after %v", e.RetryAfter)
				}
			}
		})
	}
}

// An answer that is no list, or a part of one, never passes for an empty page.
func TestListRefusesWhatIsNoList(t *testing.T) {
	for _, body := range []string{`{}`, `{"object":"list"}`, `{"object":"list","data":[]}`, `{"object":"list","data":null,"has_more":false}`, `null`, `[]`, `{"object":"list","has_more":false,"data":[{}]}`} {
		f := &fake{answers: map[string]string{"GET /prefix/v1/subscriptions": body}}
		if page, err := f.driver(t).List(t.Context(), provider.Query{Kind: billing.KindSubscription}); provider.KindOf(err) != provider.Malformed || err == nil {
			t.Errorf("%s: %+v, %v", body, page, err)
		}
	}
}

func TestFetchRefusesAnotherObject(t *testing.T) {
	for _, body := range []string{`{}`, `{"id":"sub_2","currency":"eur"}`, `"sub_2"`, `null`} {
		f := &fake{answers: map[string]string{"GET /prefix/v1/subscriptions/sub_1": body}}
		if s, err := f.driver(t).Fetch(t.Context(), refTo(billing.KindSubscription, "sub_1")); provider.KindOf(err) != provider.Malformed || err == nil {
			t.Errorf("%s: %+v, %v", body, s, err)
		}
	}
}

func TestFetchChecksTheRef(t *testing.T) {
	for ref, want := range map[provider.Ref]provider.ErrorKind{
		refTo(billing.KindSubscription, "sub_1/../../customers"):            provider.NotFound,
		refTo(billing.KindSubscription, ""):                                 provider.NotFound,
		refTo("galaxy", "x_1"):                                              provider.Refused,
		{Account: "stripe_eu", Kind: billing.KindSubscription, ID: "sub_1"}: provider.Refused,
	} {
		f := &fake{}
		if _, err := f.driver(t).Fetch(t.Context(), ref); err == nil || provider.KindOf(err) != want || len(f.calls) > 0 {
			t.Errorf("%v: %v after %d calls", ref, err, len(f.calls))
		}
	}
}

func TestListAsks(t *testing.T) {
	empty := `{"object":"list","has_more":false,"data":[]}`
	tests := map[billing.Kind]struct {
		path, owner string
		extra       map[string]string
	}{
		billing.KindCustomer:     {"customers", "", nil},
		billing.KindCheckout:     {"checkout/sessions", "customer", map[string]string{"expand[0]": "data.line_items"}},
		billing.KindSubscription: {"subscriptions", "customer", map[string]string{"status": "all", "expand[0]": "data.latest_invoice"}},
		billing.KindInvoice:      {"invoices", "customer", map[string]string{"expand[0]": "data.payments"}},
		billing.KindPayment:      {"payment_intents", "customer", map[string]string{"expand[0]": "data.latest_charge.balance_transaction"}},
		billing.KindRefund:       {"refunds", "", map[string]string{"expand[0]": "data.charge"}},
		billing.KindDispute:      {"disputes", "", map[string]string{"expand[0]": "data.charge"}},
		billing.KindWarning:      {"radar/early_fraud_warnings", "", map[string]string{"expand[0]": "data.charge"}},
	}
	for _, kind := range newDriver(t, nil).Kinds() {
		test := tests[kind]
		f := &fake{answers: map[string]string{"GET /prefix/v1/" + test.path: empty}}
		query := provider.Query{Kind: kind, After: "x_9"}
		if test.owner != "" {
			query.Owner = "cus_1"
		}
		page, err := f.driver(t).List(t.Context(), query)
		if err != nil || len(page.Snapshots) > 0 || page.Next != "" {
			t.Errorf("%s: %+v, %v", kind, page, err)
			continue
		}
		asked := f.last().query
		if asked.Get("limit") != "100" || asked.Get("starting_after") != "x_9" || test.owner != "" && asked.Get("customer") != "cus_1" {
			t.Errorf("%s asks %v", kind, asked)
		}
		for name, value := range test.extra {
			if asked.Get(name) != value {
				t.Errorf("%s asks %v, want %s=%s", kind, asked, name, value)
			}
		}
	}
}

// Lists inside objects are read to their end.
func TestLongListsInside(t *testing.T) {
	list := func(more bool, items ...string) string {
		return fmt.Sprintf(`{"object":"list","has_more":%v,"data":[%s]}`, more, strings.Join(items, ","))
	}
	item := func(i int) string {
		return fmt.Sprintf(`{"id":"si_%d","quantity":1,"price":{"id":"price_%d","unit_amount":100}}`, i, i)
	}
	f := &fake{answers: map[string]string{
		"GET /prefix/v1/subscriptions/sub_1":               `{"id":"sub_1","status":"active","currency":"eur","items":` + list(true, item(1)) + `}`,
		"GET /prefix/v1/subscription_items":                list(false, item(1), item(2)),
		"GET /prefix/v1/invoices/in_1":                     `{"id":"in_1","status":"paid","currency":"eur","payments":` + list(true) + `}`,
		"GET /prefix/v1/invoice_payments":                  list(false, `{"id":"inpay_1","payment":{"payment_intent":"pi_1"}}`, `{"id":"inpay_2","payment":{"payment_intent":"pi_2"}}`),
		"GET /prefix/v1/checkout/sessions/cs_1":            `{"id":"cs_1","status":"open","line_items":` + list(true) + `}`,
		"GET /prefix/v1/checkout/sessions/cs_1/line_items": list(false, `{"id":"li_1","quantity":1,"price":{"id":"price_1"}}`),
	}}
	d := f.driver(t)
	s, err := d.Fetch(t.Context(), refTo(billing.KindSubscription, "sub_1"))
	if err != nil || len(s.Object.(billing.Subscription).Items) != 2 || s.Object.(billing.Subscription).Amount.Amount != 200 {
		t.Errorf("%+v, %v", s, err)
	}
	i, err := d.Fetch(t.Context(), refTo(billing.KindInvoice, "in_1"))
	if err != nil || len(i.Object.(billing.Invoice).Payments) != 2 {
		t.Errorf("%+v, %v", i, err)
	}
	c, err := d.Fetch(t.Context(), refTo(billing.KindCheckout, "cs_1"))
	if err != nil || len(c.Object.(billing.Checkout).Items) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
	f.answers["GET /prefix/v1/invoice_payments"] = `{"object":"list","has`
	if i, err := d.Fetch(t.Context(), refTo(billing.KindInvoice, "in_1")); provider.KindOf(err) != provider.Malformed {
		t.Errorf("half a list inside: %+v, %v", i, err)
	}
}

// The refunds of a customer are looked for behind every payment, page by page.
func TestListThroughPayments(t *testing.T) {
	f := &fake{answers: map[string]string{
		"GET /prefix/v1/payment_intents": `{"object":"list","has_more":true,"data":[
			{"id":"pi_1","latest_charge":{"id":"ch_1","amount_refunded":5,"disputed":false}},
			{"id":"pi_2","latest_charge":{"id":"ch_2","amount_refunded":0,"disputed":true}},{"id":"pi_3","latest_charge":null}]}`,
		"GET /prefix/v1/refunds":  `{"object":"list","has_more":false,"data":[{"id":"re_1","currency":"eur","payment_intent":"pi_1"}]}`,
		"GET /prefix/v1/disputes": `{"object":"list","has_more":false,"data":[{"id":"du_1","currency":"eur","payment_intent":"pi_2"}]}`,
	}}
	for kind, want := range map[billing.Kind]struct{ id, payment string }{
		billing.KindRefund: {"re_1", "pi_1"}, billing.KindDispute: {"du_1", "pi_2"},
	} {
		f.calls = nil
		page, err := f.driver(t).List(t.Context(), provider.Query{Kind: kind, Owner: "cus_1"})
		if err != nil || len(page.Snapshots) != 1 || page.Snapshots[0].Ref != refTo(kind, want.id) || page.Next != "pi_3" {
			t.Fatalf("%s: %+v, %v", kind, page, err)
		}
		if len(f.calls) != 2 || f.calls[0].query.Get("customer") != "cus_1" || f.last().query.Get("payment_intent") != want.payment {
			t.Errorf("%s: called %+v", kind, f.calls)
		}
		if _, err := f.driver(t).List(t.Context(), provider.Query{Kind: kind, Owner: "cus_1", After: page.Next}); err != nil {
			t.Error(err)
		}
		if asked := f.calls[2].query.Get("starting_after"); asked != "pi_3" {
			t.Errorf("%s: the next page begins after %q", kind, asked)
		}
	}
}

// eventServer lists events newest first, a hundred at a time, as Stripe does.
type eventServer struct {
	created []int64 // of event number i, ascending
	calls   int
}

func (s *eventServer) RoundTrip(req *http.Request) (*http.Response, error) {
	s.calls++
	q := req.URL.Query()
	from, _ := strconv.ParseInt(q.Get("created[gte]"), 10, 64)
	before, bounded := int64(0), q.Has("created[lt]")
	if bounded {
		before, _ = strconv.ParseInt(q.Get("created[lt]"), 10, 64)
	}
	after := len(s.created)
	if q.Has("starting_after") {
		after, _ = strconv.Atoi(strings.TrimPrefix(q.Get("starting_after"), "evt_"))
	}
	var found []string
	more := false
	for i := after - 1; i >= 0; i-- {
		if s.created[i] < from || bounded && s.created[i] >= before {
			continue
		}
		if len(found) == 100 {
			more = true
			break
		}
		found = append(found, fmt.Sprintf(`{"id":"evt_%d","object":"event","livemode":false,"created":%d,"type":"invoice.paid","data":{"object":{"id":"in_%d"}}}`, i, s.created[i], i))
	}
	f := &fake{answers: map[string]string{"GET " + req.URL.Path: fmt.Sprintf(`{"object":"list","has_more":%v,"data":[%s]}`, more, strings.Join(found, ","))}}
	return f.RoundTrip(req)
}

func TestEvents(t *testing.T) {
	day := int64(24 * 3600)
	worlds := map[string]func() []int64{
		"none":  func() []int64 { return nil },
		"a few": func() []int64 { return []int64{1, 2, 2, 3} },
		"a busy month": func() (all []int64) {
			for i := range int64(2000) {
				all = append(all, i*30*day/2000)
			}
			return all
		},
		"all in one second": func() []int64 { return make([]int64, 350) },
		"a burst at the end": func() (all []int64) {
			for i := range int64(300) {
				all = append(all, 30*day-300+i)
			}
			return all
		},
	}
	for name, created := range worlds {
		t.Run(name, func(t *testing.T) {
			since := noon.Add(-30 * 24 * time.Hour)
			s := &eventServer{created: created()}
			for i := range s.created {
				s.created[i] += since.Unix()
			}
			d := newDriver(t, func(c *Config) { c.Transport, c.BaseURL = s, "http://stripe.test" })
			seen, last, after := map[string]bool{}, time.Time{}, ""
			for pages := 0; ; pages++ {
				page, err := d.Events(t.Context(), since, after)
				if err != nil {
					t.Fatal(err)
				}
				for _, delivery := range page.Deliveries {
					if delivery.CreatedAt.Before(last) {
						t.Fatalf("%s comes after something newer", delivery.ID)
					}
					last, seen[delivery.ID] = delivery.CreatedAt, true
					if len(delivery.Refs) != 1 || !strings.Contains(string(delivery.Body), delivery.ID) {
						t.Fatalf("%+v", delivery)
					}
				}
				if after = page.Next; after == "" {
					break
				}
				if pages > 10000 {
					t.Fatal("the list does not end")
				}
			}
			if len(seen) != len(s.created) {
				t.Errorf("%d of %d events were listed", len(seen), len(s.created))
			}
			t.Logf("%d events in %d calls", len(s.created), s.calls)
			if most := 20 + len(s.created)/10; s.calls > most {
				t.Errorf("%d calls for %d events", s.calls, len(s.created))
			}
		})
	}
}

func TestEventsRefuseForeignCursors(t *testing.T) {
	for _, cursor := range []string{"x", "1", "1:0", "-1:5", "1:2:3", "evt_1"} {
		f := &fake{}
		if _, err := f.driver(t).Events(t.Context(), noon, cursor); provider.KindOf(err) != provider.Refused || len(f.calls) > 0 {
			t.Errorf("%q: %v", cursor, err)
		}
	}
}
