package paypal

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/provider"
)

// library answers from books, page by page, and counts what else it is asked.
type library struct {
	fake
	// rows are by the second at which the page's window ends, and page.
	rows  map[string][]string
	pages map[string]int
	asked []string
	fails int // the number of the search that fails
}

func (l *library) RoundTrip(req *http.Request) (*http.Response, error) {
	q := req.URL.Query()
	if req.URL.Path != "/v1/reporting/transactions" {
		l.asked = append(l.asked, req.URL.Path)
		return l.fake.RoundTrip(req)
	}
	if l.fails--; l.fails == 0 {
		return answered(req, http.StatusServiceUnavailable, "down"), nil
	}
	end, rows := q.Get("end_date"), []string{}
	if q.Get("transaction_type") != "" {
		for page := 1; page <= max(1, l.pages[end]); page++ {
			for _, row := range l.rows[fmt.Sprint(end, " ", page)] {
				if strings.Contains(row, `"T1107"`) {
					rows = append(rows, row)
				}
			}
		}
	} else {
		rows = l.rows[end+" "+q.Get("page")]
	}
	return answered(req, http.StatusOK, fmt.Sprintf(`{"total_pages":%d,"transaction_details":[%s]}`, max(1, l.pages[end]), strings.Join(rows, ","))), nil
}

func answered(req *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{}, Request: req, ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// bookRowOf is one row of the books.
func bookRowOf(id, code, reference, kind, status, value string, at time.Time) string {
	return fmt.Sprintf(`{"transaction_info":{"transaction_id":%q,"transaction_event_code":%q,"paypal_reference_id":%q,"paypal_reference_id_type":%q,`+
		`"transaction_status":%q,"transaction_amount":{"currency_code":"USD","value":%q},"transaction_initiation_date":%q}}`,
		id, code, reference, kind, status, value, at.Format("2006-01-02T15:04:05+0000"))
}

func soldRow(id, status string, at time.Time) string {
	return bookRowOf(id, "T0002", "I-1", "SUB", status, "10.00", at)
}

func refundRow(id, payment, status, value string, at time.Time) string {
	return bookRowOf(id, "T1107", payment, "TXN", status, "-"+value, at)
}

// read lists all payments of the books.
func (l *library) read(t *testing.T, recall func(context.Context, []provider.Ref) (map[provider.Ref]provider.Memory, error)) map[string]provider.Snapshot {
	t.Helper()
	l.answers = map[string]reply{"GET /v1/notifications/webhooks-events": {body: `{"events":[]}`}}
	d := l.driver(t, func(c *Config) { c.Transport = l })
	all := map[string]provider.Snapshot{}
	query := provider.Query{Kind: billing.KindPayment, Recall: recall}
	for {
		page, err := d.List(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page.Snapshots {
			all[s.Ref.ID] = s
		}
		for _, ref := range page.Unread {
			all[ref.ID] = provider.Snapshot{}
		}
		if query.After = page.Next; query.After == "" {
			return all
		}
	}
}

// The windows end now, 31 days less a minute before, and so on.
var (
	window1 = noon.Format(time.RFC3339)
	window2 = noon.Add(-searchWindow).Format(time.RFC3339)
)

// What went back of a payment, later rows of the books tell: of its own page, of a
// later page of its window, or of a newer window. Where they do not tell all, the
// payment is read by itself, which here fails and leaves it unread.
func TestBooksTellWhatWentBack(t *testing.T) {
	lately, before := noon.Add(-5*24*time.Hour), noon.Add(-40*24*time.Hour)
	edge := noon.Add(-searchWindow)
	l := &library{
		rows: map[string][]string{
			window1 + " 1": {
				soldRow("WHOLE", "S", lately), soldRow("LATER", "S", lately), soldRow("SAMEPAGE", "S", lately), refundRow("R1", "SAMEPAGE", "S", "1.00", lately),
				soldRow("PENDING", "P", lately), soldRow("DENIED", "D", lately), soldRow("REVERSED", "V", lately),
				soldRow("ALLBACK", "V", lately), refundRow("R2", "ALLBACK", "S", "4.00", lately), refundRow("R3", "ALLBACK", "S", "6.00", lately),
				soldRow("UNCLEAR", "S", lately), refundRow("R4", "UNCLEAR", "P", "1.00", lately),
			},
			window1 + " 2": {
				refundRow("R5", "LATER", "S", "2.50", lately), refundRow("R6", "OLDER", "S", "3.00", lately), refundRow("R6", "OLDER", "S", "3.00", lately),
				refundRow("R7", "EDGE", "S", "3.00", edge),
			},
			window2 + " 1": {
				soldRow("OLDER", "S", before), soldRow("EDGE", "S", before), refundRow("R7", "EDGE", "S", "3.00", edge), soldRow("UNTOUCHED", "S", before),
			},
		},
		pages: map[string]int{window1: 2},
	}
	all := l.read(t, nil)
	got := map[string]string{}
	for id, s := range all {
		switch o := s.Object.(type) {
		case billing.Payment:
			got[id] = fmt.Sprint(o.Status, " ", o.ProviderStatus, " ", o.Refunded)
			if len(s.Beside) != 1 || s.Beside[0].Object.(billing.Invoice).Subscription != "I-1" {
				t.Errorf("beside %s: %+v", id, s.Beside)
			}
		case billing.Refund:
			got[id] = fmt.Sprint(o.Status, " ", o.Payment, " ", o.Amount)
		default:
			got[id] = "unread"
		}
	}
	want := map[string]string{
		"WHOLE": "succeeded COMPLETED 0", "UNTOUCHED": "succeeded COMPLETED 0", "DENIED": "failed DENIED 0",
		"SAMEPAGE": "succeeded PARTIALLY_REFUNDED 100", "LATER": "succeeded PARTIALLY_REFUNDED 250", "OLDER": "succeeded PARTIALLY_REFUNDED 300",
		"ALLBACK": "succeeded REFUNDED 1000", "PENDING": "unread", "REVERSED": "unread", "UNCLEAR": "unread", "EDGE": "unread",
		"R1": "succeeded SAMEPAGE 1.00 USD", "R2": "succeeded ALLBACK 4.00 USD", "R3": "succeeded ALLBACK 6.00 USD", "R4": "unread",
		"R5": "succeeded LATER 2.50 USD", "R6": "succeeded OLDER 3.00 USD", "R7": "succeeded EDGE 3.00 USD",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What the books say of an object and what the object says of itself must be the same,
// or every sweep would seem to change it.
func TestBooksAgreeWithTheObject(t *testing.T) {
	state := func(word string) string { return strings.Replace(saleOf, `"completed"`, `"`+word+`"`, 1) }
	status := func(word string) string { return strings.Replace(bookOf("S1", "14.99"), `"S"`, `"`+word+`"`, 1) }
	refund := func(value string) string {
		return refundRow("R1", "S1", "S", value, time.Date(2026, 2, 16, 9, 0, 0, 0, time.UTC))
	}
	object := func(value string) reply {
		return reply{body: `{"id":"R1","status":"COMPLETED","amount":{"currency_code":"USD","value":"` + value + `"},"create_time":"2026-02-16T09:00:00Z","links":[{"rel":"up","href":"https://x/v2/payments/captures/S1"}]}`}
	}
	for name, tt := range map[string]struct {
		rows, sale string
		refund     reply
	}{
		"paid":               {status("S"), saleOf, reply{}},
		"denied":             {status("D"), state("denied"), reply{}},
		"refunded in part":   {status("S") + "," + refund("3.00"), state("partially_refunded"), object("3.00")},
		"refunded":           {status("V") + "," + refund("14.99"), state("refunded"), object("14.99")},
		"some other way":     {status("V"), state("reversed"), reply{}},
		"a refund, and more": {status("V") + "," + refund("3.00"), state("reversed"), object("3.00")},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{answers: map[string]reply{
				"GET /v1/notifications/webhooks-events": {body: `{"events":[]}`},
				"GET /v1/reporting/transactions":        {body: `{"transaction_details":[` + tt.rows + `],"total_pages":1}`},
				"GET /v1/payments/sale/S1":              {body: tt.sale},
			}}
			if tt.refund.body != "" {
				f.answers["GET /v2/payments/refunds/R1"] = tt.refund
			}
			d := f.driver(t)
			seen := map[billing.Kind]bool{}
			for _, kind := range []billing.Kind{billing.KindPayment, billing.KindInvoice, billing.KindRefund} {
				page, err := d.List(t.Context(), provider.Query{Kind: kind})
				if err != nil || len(page.Unread) > 0 {
					t.Fatalf("%+v, %v", page, err)
				}
				for _, listed := range page.Snapshots {
					seen[listed.Ref.Kind] = true
					s, err := d.Fetch(t.Context(), listed.Ref)
					if err != nil {
						t.Fatal(err)
					}
					s.Version, listed.Version = provider.Version{}, provider.Version{} // which not every list tells
					if a, b := asText(t, listed), asText(t, s); a != b {
						t.Errorf("listed  %s\nfetched %s", a, b)
					}
				}
			}
			if !seen[billing.KindPayment] || !seen[billing.KindInvoice] || seen[billing.KindRefund] != (tt.refund.body != "") {
				t.Errorf("listed %v", seen)
			}
		})
	}
}

// The books are hours behind. What the caller has changed since is read by itself;
// what it has had unchanged for long, or was first told of and nothing since, is not.
func TestBooksAreBehind(t *testing.T) {
	at := noon.Add(-5 * 24 * time.Hour)
	l := &library{rows: map[string][]string{window1 + " 1": {
		soldRow("OLD", "S", at), soldRow("CHANGED", "S", at), soldRow("FIRST", "S", at), soldRow("DURING", "S", at), soldRow("NEW", "S", at),
	}}}
	hours := func(n int) time.Time { return noon.Add(-time.Duration(n) * time.Hour) }
	all := l.read(t, func(_ context.Context, refs []provider.Ref) (map[provider.Ref]provider.Memory, error) {
		if len(refs) != 5 {
			t.Errorf("asked for %v", refs)
		}
		return map[provider.Ref]provider.Memory{
			refTo(billing.KindPayment, "OLD"):     {FirstAt: hours(90), ChangedAt: hours(5)},
			refTo(billing.KindPayment, "CHANGED"): {FirstAt: hours(90), ChangedAt: hours(3)},
			refTo(billing.KindPayment, "FIRST"):   {FirstAt: hours(3), ChangedAt: hours(3)},
			refTo(billing.KindPayment, "DURING"):  {FirstAt: noon, ChangedAt: noon},
		}, nil
	})
	unread := map[string]bool{}
	for id, s := range all {
		unread[id] = s.Object == nil
	}
	if diff := cmp.Diff(map[string]bool{"OLD": false, "CHANGED": true, "FIRST": false, "DURING": true, "NEW": false}, unread); diff != "" {
		t.Error(diff)
	}
}

// A search that fails in the midst of empty windows costs no other again.
func TestBooksGoOnAfterAnError(t *testing.T) {
	l := &library{fails: 20}
	l.answers = map[string]reply{"GET /v1/notifications/webhooks-events": {body: `{"events":[]}`}}
	d := l.driver(t, func(c *Config) { c.Transport = l })
	page, err := d.List(t.Context(), provider.Query{Kind: billing.KindPayment})
	if err != nil || page.Next == "" || len(page.Snapshots) > 0 {
		t.Fatalf("%+v, %v", page, err)
	}
	l.fails = 0
	if page, err = d.List(t.Context(), provider.Query{Kind: billing.KindPayment, After: page.Next}); err != nil || page.Next != "" || l.fails != -17 {
		t.Errorf("%+v, %v, after %d more searches", page, err, -l.fails)
	}
	l.fails = 1
	if page, err := d.List(t.Context(), provider.Query{Kind: billing.KindPayment}); provider.KindOf(err) != provider.Unavailable {
		t.Errorf("%+v, %v", page, err)
	}
}

// Cursors come back from a database: what is not one of ours is refused.
func TestBookCursors(t *testing.T) {
	all := returns{"A1": {sum: 1999, currency: "USD"}, "B2": unclear, "C3": {sum: 0, currency: "EUR", met: true}}
	if again, ok := readReturns(all.text()); !ok || !cmp.Equal(all, again, cmp.AllowUnexported(returned{})) {
		t.Errorf("%s is read as %v", all.text(), again)
	}
	d := (&fake{}).driver(t)
	for _, after := range []string{
		"x", "1:2", "1:1:0", "1:1:1", "1:2:1:60", "9999999999:1:1:60", "1:1:0:60", "1:1:1:x", "1:1:1:0", "1:1:1:-60", "1:1:1:2678400", "1:1:1:A=1USD",
		"1:1:1:60:x", "1:1:1:60:A=", "1:1:1:60:A=USD", "1:1:1:60:A=-1USD", "1:1:1:60:=1USD", "1:1:1:60:A=1USD,", "1:1:1:60:../A=1USD", "1:1:1:60::",
	} {
		if page, err := d.List(t.Context(), provider.Query{Kind: billing.KindPayment, After: after}); provider.KindOf(err) != provider.Refused {
			t.Errorf("%q: %+v, %v", after, page, err)
		}
	}
}

// Books that have stood still for a month are no empty books, and what PayPal refuses
// for another reason is refused.
func TestBooksThatStandStill(t *testing.T) {
	short := fmt.Sprintf("%d:%d:1:3600", noon.Unix(), noon.Unix())
	for message, bad := range map[string][]string{
		"Data for the given start date is not available.": {""},
		"Request is not well-formed.":                     {"", short},
	} {
		f := &fake{answers: map[string]reply{
			"GET /v1/reporting/transactions": {400, `{"name":"INVALID_REQUEST","details":[],"message":"` + message + `"}`},
		}}
		for _, after := range bad {
			if page, err := f.driver(t).List(t.Context(), provider.Query{Kind: billing.KindPayment, After: after}); provider.KindOf(err) != provider.Refused {
				t.Errorf("%s: %+v, %v", message, page, err)
			}
		}
	}
}
