package paddle

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// Only Paddle knows what Paddle does not have: a wrong base_url or a proxy that
// answers 404 to everything must not make the ledger a graveyard.
func TestMissingOnlyInPaddlesWords(t *testing.T) {
	for body, want := range map[string]provider.ErrorKind{
		`{"error":{"type":"request_error","code":"not_found","detail":"Entity sub_1 not found"},"meta":{"request_id":"r"}}`: provider.NotFound,
		`{"error":{"type":"request_error","code":"invalid_url","detail":"x"},"meta":{}}`:                                    provider.Unavailable,
		`<html>404 Not Found</html>`: provider.Unavailable,
		`{"message":"no route"}`:     provider.Unavailable,
		`{"error":null}`:             provider.Unavailable,
		`{}`:                         provider.Unavailable,
		``:                           provider.Unavailable,
	} {
		for _, status := range []int{http.StatusNotFound, http.StatusGone} {
			f := &fake{status: status, answers: map[string]string{"GET /prefix/subscriptions/sub_1": body}}
			if _, err := f.driver(t).Fetch(t.Context(), refTo(billing.KindSubscription, "sub_1")); provider.KindOf(err) != want {
				t.Errorf("%d %q is %s (%v), want %s", status, body, provider.KindOf(err), err, want)
			}
		}
	}
}

// What is not a whole answer says nothing. The SDK would panic on some of these.
func TestAnswersThatAreNone(t *testing.T) {
	for _, body := range []string{
		``, `null`, `[]`, `{}`, `<html>`, `{"data":null,"meta":{}}`, `{"data":[]}`, `{"data":[],"meta":{}}`, `{"data":[],"meta":{"pagination":null}}`,
		`{"data":[],"meta":{"pagination":{}}}`, `{"data":[],"meta":{"pagination":{"has_more":"no"}}}`, `{"data":{},"meta":{"pagination":{"has_more":false}}}`,
		`{"data":[{"id":7}],"meta":{"pagination":{"has_more":false}}}`, `{"data":[7],"meta":{"pagination":{"has_more":false}}}`,
		`{"data":[{"id":"sub_1"}],"meta":{"pagination":{"has_more":false}}`, `{"data":[],"Data":[],"meta":{"pagination":{"has_more":false}}}`,
	} {
		f := &fake{answers: map[string]string{}}
		for _, path := range []string{"subscriptions", "transactions", "customers", "adjustments", "events", "subscriptions/sub_1"} {
			f.answers["GET /prefix/"+path] = body
		}
		d := f.driver(t)
		for _, kind := range d.Kinds() {
			if page, err := d.List(t.Context(), provider.Query{Kind: kind}); provider.KindOf(err) != provider.Malformed || len(page.Snapshots) > 0 {
				t.Errorf("%q lists %s as %+v, %v", body, kind, page, err)
			}
		}
		if page, err := d.Events(t.Context(), noon, ""); provider.KindOf(err) != provider.Malformed || len(page.Deliveries) > 0 {
			t.Errorf("%q lists events as %+v, %v", body, page, err)
		}
		if s, err := d.Fetch(t.Context(), refTo(billing.KindSubscription, "sub_1")); provider.KindOf(err) != provider.Malformed || s.Object != nil {
			t.Errorf("%q is %+v, %v", body, s, err)
		}
	}
}

// A row that cannot be read does not keep the others from being read.
func TestOneBadRow(t *testing.T) {
	good := `{"id":"sub_1","status":"active","currency_code":"USD","items":[]}`
	bad := `{"id":"sub_2","status":["active"],"items":{}}`
	f := &fake{answers: map[string]string{"GET /prefix/subscriptions": rows(true, good, bad)}}
	page, err := f.driver(t).List(t.Context(), provider.Query{Kind: billing.KindSubscription, Owner: "ctm_1", After: "sub_0"})
	if err != nil || len(page.Snapshots) != 1 || len(page.Unread) != 1 || page.Unread[0].ID != "sub_2" || page.Next != "sub_2" {
		t.Errorf("%+v, %v", page, err)
	}
	if q := f.calls[0].query; q.Get("customer_id") != "ctm_1" || q.Get("after") != "sub_0" || q.Get("per_page") != "200" || q.Get("order_by") != "id[ASC]" {
		t.Errorf("asked for %v", q)
	}
}

func TestPagesAreAsLongAsPaddleAllows(t *testing.T) {
	for kind, want := range map[billing.Kind]string{
		billing.KindCustomer: "200", billing.KindSubscription: "200", billing.KindCheckout: "30", billing.KindInvoice: "30",
		billing.KindPayment: "30", billing.KindRefund: "50", billing.KindDispute: "50",
	} {
		f := &fake{answers: map[string]string{}}
		for _, path := range []string{"subscriptions", "transactions", "customers", "adjustments"} {
			f.answers["GET /prefix/"+path] = rows(false)
		}
		if _, err := f.driver(t).List(t.Context(), provider.Query{Kind: kind}); err != nil {
			t.Fatal(err)
		}
		q := f.calls[0].query
		if q.Get("per_page") != want {
			t.Errorf("%s: %v", kind, q)
		}
		if origin := q.Get("origin"); (origin == "api,web") != (kind == billing.KindCheckout) {
			t.Errorf("%s: origin %q", kind, origin)
		}
	}
}

// Disputes are two lists, one behind the other.
func TestDisputesAreTwoLists(t *testing.T) {
	d := (&fake{answers: map[string]string{"GET /prefix/adjustments": rows(false)}}).driver(t)
	for _, cursor := range []string{"adj_1", "refund:adj_1", "chargeback:", "chargeback:../x", ":adj_1"} {
		if _, err := d.List(t.Context(), provider.Query{Kind: billing.KindDispute, After: cursor}); provider.KindOf(err) != provider.Refused {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
	one := `{"id":"adj_1","action":"chargeback","status":"approved","currency_code":"USD","totals":{"total":"1"}}`
	f := &fake{answers: map[string]string{"GET /prefix/adjustments": rows(true, one)}}
	page, err := f.driver(t).List(t.Context(), provider.Query{Kind: billing.KindDispute})
	if err != nil || page.Next != "chargeback:adj_1" || len(page.Snapshots) != 1 {
		t.Fatalf("%+v, %v", page, err)
	}
	f.answers["GET /prefix/adjustments"] = rows(false)
	if page, err = f.driver(t).List(t.Context(), provider.Query{Kind: billing.KindDispute, After: page.Next}); err != nil || page.Next != "" {
		t.Fatalf("%+v, %v", page, err)
	}
	var asked []string
	for _, call := range f.calls {
		asked = append(asked, call.query.Get("action")+" after "+call.query.Get("after"))
	}
	if got := strings.Join(asked, ", "); got != "chargeback after , chargeback after adj_1, chargeback_warning after " {
		t.Errorf("asked for %s", got)
	}
}

// stream is a fake list of events, one a minute, as Paddle lists them.
type stream struct {
	count int
	calls []string
}

func (s *stream) RoundTrip(req *http.Request) (*http.Response, error) {
	q := req.URL.Query()
	s.calls = append(s.calls, q.Get("order_by")+" "+q.Get("after")+" "+q.Get("per_page"))
	most, at := 0, 0
	if _, err := fmt.Sscanf(q.Get("per_page"), "%d", &most); err != nil {
		return nil, err
	}
	var events []string
	show := func(i int) {
		events = append(events, fmt.Sprintf(`{"event_id":"evt_%06d","event_type":"customer.updated","occurred_at":%q,"data":{"id":"ctm_%d"}}`,
			i, s.at(i).Format(time.RFC3339), i))
	}
	more := false
	if strings.HasSuffix(q.Get("order_by"), "[ASC]") {
		at = 0
		if after := q.Get("after"); after != "" {
			if _, err := fmt.Sscanf(after, "evt_%d", &at); err != nil {
				return nil, err
			}
			at++
		}
		for ; at < s.count && len(events) < most; at++ {
			show(at)
		}
		more = at < s.count
	} else {
		at = s.count - 1
		if after := q.Get("after"); after != "" {
			if _, err := fmt.Sscanf(after, "evt_%d", &at); err != nil {
				return nil, err
			}
			at--
		}
		for ; at >= 0 && len(events) < most; at-- {
			show(at)
		}
		more = at >= 0
	}
	f := &fake{answers: map[string]string{"GET /events": rows(more, events...)}}
	return f.RoundTrip(req)
}

func (s *stream) at(i int) time.Time { return noon.Add(time.Duration(i-s.count) * time.Minute) }

func TestEventsSince(t *testing.T) {
	for _, count := range []int{0, 1, 19, 20, 21, 219, 220, 221, 222, 419, 420, 421, 1000} {
		for _, back := range []int{0, 1, 5, 19, 20, 21, 219, 220, 221, 419, 420, 421, 2000} {
			s := &stream{count: count}
			d := newDriver(t, func(c *Config) { c.Transport = s })
			since := noon.Add(time.Duration(-back) * time.Minute)
			next, after := max(0, count-back), ""
			for pages := 0; ; pages++ {
				page, err := d.Events(t.Context(), since, after)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range page.Deliveries {
					if want := fmt.Sprintf("evt_%06d", next); e.ID != want || len(e.Refs) != 1 || len(e.Body) == 0 || !e.CreatedAt.Equal(s.at(next)) {
						t.Fatalf("%d events, since %d: got %+v, want %s", count, back, e, want)
					}
					next++
				}
				if after = page.Next; after == "" {
					break
				}
				if pages > 20 {
					t.Fatalf("%d events, since %d: no end", count, back)
				}
			}
			if next != count {
				t.Errorf("%d events, since %d: ended before event %d", count, back, next)
			}
			if best := 2*(min(back, count)/200+1) + 3; len(s.calls) > best {
				t.Errorf("%d events, since %d: %d calls: %v", count, back, len(s.calls), s.calls)
			}
		}
	}
}

// An event that cannot be read is passed on without names.
func TestEventsThatCannotBeRead(t *testing.T) {
	f := &fake{answers: map[string]string{"GET /prefix/events": rows(false,
		`{"event_id":"evt_2","event_type":"customer.updated","occurred_at":"2026-04-01T12:00:00Z","data":{"id":"ctm_1"}}`,
		`{"event_id":"evt_1","event_type":"customer.updated","occurred_at":"2026-04-01T12:00:00Z","data":7}`)}}
	page, err := f.driver(t).Events(t.Context(), noon, "")
	if err != nil || len(page.Deliveries) != 2 || page.Deliveries[0].ID != "evt_1" || len(page.Deliveries[0].Refs) != 0 || len(page.Deliveries[1].Refs) != 1 {
		t.Errorf("%+v, %v", page, err)
	}
	if _, err := f.driver(t).Events(t.Context(), noon, "../x"); provider.KindOf(err) != provider.Refused {
		t.Error(err)
	}
}
