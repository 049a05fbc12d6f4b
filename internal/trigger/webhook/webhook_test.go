package webhook_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
	"github.com/trivetdev/trivet/internal/trigger/webhook"
	"github.com/trivetdev/trivet/provider"
)

const secret = "whsec_sim"

// event is a good event about a subscription that nobody knows.
func event(id string) []byte {
	return triggertest.Event(id, "customer.subscription.updated", false, triggertest.Start, "sub_1")
}

func request(account string, body []byte, signature string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/webhooks/"+account, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if signature != "" {
		r.Header.Set("Stripe-Signature", signature)
	}
	return r
}

func serve(h *triggertest.House, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.Mux.ServeHTTP(w, r)
	return w
}

// bad are deliveries that must leave nothing behind.
func bad(h *triggertest.House) map[string]struct {
	request *http.Request
	status  int
	result  string
} {
	now := h.Clock.Now()
	good := event("evt_bad")
	sign := func(body []byte, at time.Time) string { return triggertest.Sign(at, body, secret) }
	signed := func(body string) *http.Request { return request("stripe", []byte(body), sign([]byte(body), now)) }
	large := bytes.Repeat([]byte(" "), webhook.MaxBody+1)
	unsized := request("stripe", large, sign(large, now))
	unsized.ContentLength = -1
	two := request("stripe", good, sign(good, now))
	two.Header.Add("Stripe-Signature", sign(good, now))
	type delivery = struct {
		request *http.Request
		status  int
		result  string
	}
	return map[string]delivery{
		"unknown account":      {request("strip", good, sign(good, now)), 401, "unknown unknown_account"},
		"unsigned":             {request("stripe", good, ""), 401, "stripe unsigned"},
		"unreadable signature": {request("stripe", good, "v1=zz"), 401, "stripe unsigned"},
		"two signatures":       {two, 401, "stripe unsigned"},
		"other secret":         {request("stripe", good, triggertest.Sign(now, good, "whsec_other")), 401, "stripe bad_signature"},
		"body changed":         {request("stripe", append(good[:len(good):len(good)], ' '), sign(good, now)), 401, "stripe bad_signature"},
		"empty body":           {request("stripe", nil, sign(good, now)), 401, "stripe bad_signature"},
		"stale":                {request("stripe", good, sign(good, now.Add(-301*time.Second))), 401, "stripe stale"},
		"future":               {request("stripe", good, sign(good, now.Add(301*time.Second))), 401, "stripe future"},
		"not JSON":             {signed("hello"), 400, "stripe bad_body"},
		"nothing":              {signed(""), 400, "stripe bad_body"},
		"truncated":            {signed(string(good[:len(good)/2])), 400, "stripe bad_body"},
		"a list":               {signed("[" + string(good) + "]"), 400, "stripe bad_body"},
		"no id":                {signed(strings.Replace(string(good), "evt_bad", "", 1)), 400, "stripe bad_body"},
		"an id of its own":     {signed(strings.Replace(string(good), "evt_bad", "../evt", 1)), 400, "stripe bad_body"},
		"named twice":          {signed(`{"ID":"evt_x",` + string(good[1:])), 400, "stripe bad_body"},
		"an invoice":           {signed(strings.Replace(string(good), `"object":"event"`, `"object":"invoice"`, 1)), 400, "stripe bad_body"},
		"other mode":           {signed(strings.Replace(string(good), `"livemode":false`, `"livemode":true`, 1)), 400, "stripe wrong_mode"},
		"no mode":              {signed(strings.Replace(string(good), `"livemode":false,`, ``, 1)), 400, "stripe bad_body"},
		"thin":                 {signed(`{"id":"evt_t","object":"v2.core.event","type":"v1.x","livemode":false}`), 400, "stripe wrong_format"},
		"connected account":    {signed(strings.Replace(string(good), `"id":"evt_bad"`, `"id":"evt_bad","account":"acct_1"`, 1)), 400, "stripe wrong_format"},
		"oversized":            {request("stripe", large, sign(large, now)), 413, "stripe too_large"},
		"oversized, unsized":   {unsized, 413, "stripe too_large"},
	}
}

func TestBadDeliveriesLeaveNothing(t *testing.T) {
	triggertest.Each(t, triggertest.Options{Quiet: true}, func(t *testing.T, h *triggertest.House) {
		before := h.Count(t)
		for name, delivery := range bad(h) {
			was := h.Results()
			w := serve(h, delivery.request)
			if w.Code != delivery.status {
				t.Errorf("%s: status %d %q, want %d", name, w.Code, w.Body, delivery.status)
			}
			if n := h.Results()[delivery.result] - was[delivery.result]; n != 1 {
				t.Errorf("%s: counted %d times as %q: %v", name, n, delivery.result, h.Results())
			}
			latest := h.Webhooks.Rejections()[0]
			if got := latest.Account + " " + string(latest.Reason); got != delivery.result || latest.Detail == "" || !latest.At.Equal(h.Clock.Now()) {
				t.Errorf("%s: remembered as %+v", name, latest)
			}
		}
		if diff := cmp.Diff(before, h.Count(t)); diff != "" {
			t.Errorf("rejected deliveries left rows (-before +after):\n%s", diff)
		}
		if calls := h.Net.Calls(); len(calls) != 0 {
			t.Errorf("rejected deliveries made us call the provider: %v", calls)
		}
	})
}

// TestStrangersLearnNothing: whoever knows no secret cannot tell an account that
// exists from one that does not, nor how our clock stands.
func TestStrangersLearnNothing(t *testing.T) {
	h := triggertest.SQLite(t, triggertest.Options{Quiet: true})
	now, body := h.Clock.Now(), event("evt_1")
	answers := map[string]string{}
	for name, r := range map[string]*http.Request{
		"unknown account": request("nobody", body, triggertest.Sign(now, body, secret)),
		"bad signature":   request("stripe", body, triggertest.Sign(now, body, "whsec_other")),
		"unsigned":        request("stripe", body, ""),
		"stale":           request("stripe", body, triggertest.Sign(now.Add(-time.Hour), body, secret)),
		"future":          request("stripe", body, triggertest.Sign(now.Add(time.Hour), body, secret)),
	} {
		w := serve(h, r)
		var text strings.Builder
		fmt.Fprintln(&text, w.Code)
		_ = w.Header().Write(&text)
		fmt.Fprint(&text, w.Body)
		answers[text.String()] = name
	}
	if len(answers) != 1 {
		t.Errorf("strangers get %d different answers: %q", len(answers), answers)
	}
	for text := range answers {
		if !strings.HasPrefix(text, "401\n") || strings.Contains(text, "whsec") {
			t.Errorf("the answer is %q", text)
		}
	}
}

// TestRejectionsAreCapped: a stranger fills neither memory nor logs.
func TestRejectionsAreCapped(t *testing.T) {
	h := triggertest.SQLite(t, triggertest.Options{Quiet: true})
	long := strings.Repeat("x", 50_000)
	for range 150 {
		r := request("stripe", []byte(long), "t=1,v1="+strings.Repeat("ab", 32))
		r.Header.Set("User-Agent", long)
		serve(h, r)
	}
	serve(h, request(long, []byte("{}"), ""))
	body := []byte(`{"` + long + `":1,"` + long + `":2}`)
	serve(h, request("stripe", body, triggertest.Sign(h.Clock.Now(), body, secret)))
	kept := h.Webhooks.Rejections()
	if len(kept) != 100 {
		t.Errorf("%d rejections are remembered, want 100", len(kept))
	}
	if kept[0].Reason != provider.BadBody || kept[1].Account != "unknown" {
		t.Errorf("the latest are %+v and %+v", kept[0], kept[1])
	}
	for _, r := range kept {
		if size := len(r.Detail) + len(r.Account) + len(r.Reason); size > 600 {
			t.Errorf("a rejection takes %d bytes", size)
		}
	}
	if kept[2].Bytes != len(long) {
		t.Errorf("the body had %d bytes, remembered %d", len(long), kept[2].Bytes)
	}
}

// TestRejectionTellsTheLength, be the body read or not.
func TestRejectionTellsTheLength(t *testing.T) {
	h := triggertest.SQLite(t, triggertest.Options{Quiet: true})
	for _, tt := range []struct {
		said int64
		want int
	}{{webhook.MaxBody + 7, webhook.MaxBody + 7}, {-1, webhook.MaxBody}, {1 << 60, 1<<31 - 1}} {
		r := request("stripe", bytes.Repeat([]byte("x"), webhook.MaxBody+7), "")
		r.ContentLength = tt.said
		serve(h, r)
		if got := h.Webhooks.Rejections()[0].Bytes; got != tt.want {
			t.Errorf("said %d: remembered %d bytes, want %d", tt.said, got, tt.want)
		}
	}
}

func TestOtherMethods(t *testing.T) {
	h := triggertest.SQLite(t, triggertest.Options{Quiet: true})
	before := h.Count(t)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		body := event("evt_1")
		r := request("stripe", body, triggertest.Sign(h.Clock.Now(), body, secret))
		r.Method = method
		if w := serve(h, r); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != http.MethodPost {
			t.Errorf("%s: %d, allow %q", method, w.Code, w.Header().Get("Allow"))
		}
	}
	if diff := cmp.Diff(before, h.Count(t)); diff != "" {
		t.Error(diff)
	}
}

// TestGoodDelivery: the body is kept to the byte, headers that explain it beside
// it, nothing secret, and the answer comes before any work is done.
func TestGoodDelivery(t *testing.T) {
	triggertest.Each(t, triggertest.Options{Quiet: true}, func(t *testing.T, h *triggertest.House) {
		body := append([]byte("\r\n\t "), event("evt_1")...)
		body = bytes.Replace(body, []byte(`"object":{`), []byte(`"object":{"name":"Zoë 😀 \u0000 é",`), 1)
		body = append(body, " \n\n"...)
		r := request("stripe", body, triggertest.Sign(h.Clock.Now(), body, secret))
		r.Header.Set("Authorization", "Bearer of secrets")
		r.Header.Set("Cookie", "session=secret")
		r.Header.Set("User-Agent", "Stripe/1.0")
		w := serve(h, r)
		if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %s %v", w.Code, w.Body, w.Header())
		}
		if calls := h.Net.Calls(); len(calls) != 0 {
			t.Errorf("answered after calling the provider: %v", calls)
		}
		counts := h.Count(t)
		if counts["events"] != 1 || counts["work"] != 1 || counts["objects"] != 0 {
			t.Errorf("rows: %v", counts)
		}
		stored, err := h.DB.EventNamed(t.Context(), "evt_1")
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(stored.Body, body) {
			t.Errorf("kept %q\nwant %q", stored.Body, body)
		}
		for _, part := range []string{"secret", "authorization", "cookie"} {
			if strings.Contains(strings.ToLower(stored.Headers), part) {
				t.Errorf("headers hold %q: %s", part, stored.Headers)
			}
		}
		for _, part := range []string{"stripe-signature", "Stripe/1.0"} {
			if !strings.Contains(stored.Headers, part) {
				t.Errorf("headers lack %q: %s", part, stored.Headers)
			}
		}
		if stored.State != store.EventReceived || stored.Arrival != store.ArrivalWebhook || !stored.CreatedAt.Equal(triggertest.Start) ||
			!cmp.Equal(stored.Refs, []string{"stripe/subscription/sub_1"}) {
			t.Errorf("stored as %+v", stored)
		}
	})
}

// TestReplayedDelivery: the same bytes again are acknowledged and change nothing,
// and as long as the signature is good that is all there is to a replay.
func TestReplayedDelivery(t *testing.T) {
	triggertest.Each(t, triggertest.Options{Quiet: true}, func(t *testing.T, h *triggertest.House) {
		body := event("evt_1")
		for range 3 {
			if w := serve(h, request("stripe", body, triggertest.Sign(h.Clock.Now(), body, secret))); w.Code != http.StatusOK {
				t.Fatal(w.Code)
			}
		}
		h.Step(t)
		counts := h.Count(t)
		h.Net.Calls()
		if w := serve(h, request("stripe", body, triggertest.Sign(h.Clock.Now(), body, secret))); w.Code != http.StatusOK {
			t.Fatal(w.Code)
		}
		h.Step(t)
		if diff := cmp.Diff(counts, h.Count(t)); diff != "" || counts["events"] != 1 {
			t.Errorf("%v %s", counts, diff)
		}
		if calls := h.Net.Calls(); len(calls) != 0 {
			t.Errorf("a replay made us call: %v", calls)
		}
		if results := h.Results(); results["stripe stored"] != 1 || results["stripe duplicate"] != 3 {
			t.Errorf("counted as %v", results)
		}
	})
}

// TestUnknownType: an event that we have no use for is stored, ignored and
// acknowledged.
func TestUnknownType(t *testing.T) {
	triggertest.Each(t, triggertest.Options{Quiet: true}, func(t *testing.T, h *triggertest.House) {
		body := triggertest.Event("evt_1", "issuing_card.created", false, triggertest.Start, "ic_1")
		if w := serve(h, request("stripe", body, triggertest.Sign(h.Clock.Now(), body, secret))); w.Code != http.StatusOK {
			t.Fatal(w.Code)
		}
		stored, err := h.DB.EventNamed(t.Context(), "evt_1")
		if err != nil || stored.State != store.EventIgnored {
			t.Errorf("%+v %v", stored, err)
		}
		if counts := h.Count(t); counts["work"] != 0 {
			t.Errorf("rows: %v", counts)
		}
	})
}

// TestSecretsInRotation: any configured secret will do, among several signatures.
func TestSecretsInRotation(t *testing.T) {
	h := triggertest.SQLite(t, triggertest.Options{Quiet: true, Secrets: []string{"whsec_new", "whsec_old"}})
	for i, tt := range []struct {
		signers []string
		status  int
	}{
		{[]string{"whsec_new"}, 200}, {[]string{"whsec_old"}, 200}, {[]string{"whsec_other", "whsec_old"}, 200},
		{[]string{"whsec_other"}, 401}, {[]string{"whsec_other", "whsec_another"}, 401},
	} {
		body := event(fmt.Sprintf("evt_%d", i))
		if w := serve(h, request("stripe", body, triggertest.Sign(h.Clock.Now(), body, tt.signers...))); w.Code != tt.status {
			t.Errorf("signed by %v: %d, want %d", tt.signers, w.Code, tt.status)
		}
	}
}

// TestLiveModeRefusesTestEvents and the reverse is among the bad deliveries.
func TestLiveModeRefusesTestEvents(t *testing.T) {
	h := triggertest.SQLite(t, triggertest.Options{Quiet: true, Live: true})
	body := event("evt_1")
	if w := serve(h, request("stripe", body, triggertest.Sign(h.Clock.Now(), body, secret))); w.Code != http.StatusBadRequest {
		t.Error(w.Code)
	}
	if counts := h.Count(t); counts["events"] != 0 {
		t.Error("stored")
	}
}

// TestFlawErrorEchoedToTheCaller: what went wrong here is nobody else's to read. The
// answer to a webhook that could not be stored tells to come again, and nothing of the
// database, the code or the secrets.
func TestFlawErrorEchoedToTheCaller(t *testing.T) {
	triggertest.Each(t, triggertest.Options{Quiet: true}, func(t *testing.T, h *triggertest.House) {
		body := event("evt_1")
		mend := h.Break(t, "events")
		w := serve(h, request("stripe", body, triggertest.Sign(h.Clock.Now(), body, secret)))
		mend()
		said := strings.ToLower(w.Body.String() + fmt.Sprint(w.Header()))
		for _, leak := range []string{"events", "table", "sql", "relation", "insert", ".go:", "goroutine", "panic", strings.ToLower(secret), "postgres", "/tmp"} {
			if strings.Contains(said, leak) {
				t.Errorf("the caller reads %q in %s", leak, said)
			}
		}
		if w.Code != http.StatusServiceUnavailable {
			t.Errorf("answered %d", w.Code)
		}
	})
}

// TestFlawAcknowledgedBeforeStored: no acknowledgment without a row, and the next
// delivery of the event is taken as if it were the first.
func TestFlawAcknowledgedBeforeStored(t *testing.T) {
	triggertest.Each(t, triggertest.Options{Quiet: true}, func(t *testing.T, h *triggertest.House) {
		body := event("evt_1")
		for _, table := range []string{"events", "work"} {
			mend := h.Break(t, table)
			w := serve(h, request("stripe", body, triggertest.Sign(h.Clock.Now(), body, secret)))
			mend()
			if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), table) {
				t.Errorf("without %s: %d %q %v", table, w.Code, w.Body, w.Header())
			}
			if counts := h.Count(t); counts["events"] != 0 || counts["work"] != 0 {
				t.Errorf("without %s: rows %v", table, counts)
			}
		}
		if results := h.Results(); results["stripe failed"] != 2 || len(h.Webhooks.Rejections()) != 0 {
			t.Errorf("counted as %v", results)
		}
		if w := serve(h, request("stripe", body, triggertest.Sign(h.Clock.Now(), body, secret))); w.Code != http.StatusOK {
			t.Errorf("mended: %d", w.Code)
		}
		if results := h.Results(); results["stripe stored"] != 1 {
			t.Errorf("counted as %v", results)
		}
	})
}

// TestManyCopiesAtOnce sends one event 32 times at once over HTTP.
func TestManyCopiesAtOnce(t *testing.T) {
	triggertest.Each(t, triggertest.Options{Quiet: true}, func(t *testing.T, h *triggertest.House) {
		id := h.CreateCustomer("a@example.com")
		server := httptest.NewServer(h.Mux)
		defer server.Close()
		body := triggertest.Event("evt_1", "customer.created", false, h.Clock.Now(), id)
		const copies = 32
		statuses := make(chan int, copies)
		var all sync.WaitGroup
		for range copies {
			all.Go(func() { statuses <- post(t, server, body, triggertest.Sign(h.Clock.Now(), body, secret)) })
		}
		all.Wait()
		for range copies {
			if status := <-statuses; status != http.StatusOK {
				t.Errorf("answered %d", status)
			}
		}
		if counts := h.Count(t); counts["events"] != 1 || counts["work"] != 1 {
			t.Errorf("rows: %v", counts)
		}
		h.Net.Calls()
		h.Step(t)
		if diff := cmp.Diff([]string{"GET /v1/customers/" + id}, h.Net.Calls()); diff != "" {
			t.Errorf("looked (-want +got):\n%s", diff)
		}
		if results := h.Results(); results["stripe stored"] != 1 || results["stripe duplicate"] != copies-1 {
			t.Errorf("counted as %v", results)
		}
		if rows := h.Objects(t, store.ObjectFilter{Kind: string(billing.KindCustomer)}); len(rows) != 1 {
			t.Errorf("%d customers", len(rows))
		}
	})
}

func post(t *testing.T, server *httptest.Server, body []byte, signature string) int {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/webhooks/stripe", bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0
	}
	r.Header.Set("Stripe-Signature", signature)
	resp, err := server.Client().Do(r)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}
