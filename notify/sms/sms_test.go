package sms_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/notify"
	"github.com/trivetdev/trivet/notify/notifytest"
	"github.com/trivetdev/trivet/notify/sms"
)

const token = "t0ken-of-the-gateway"

type gateway struct {
	channel *sms.Channel
	mu      sync.Mutex
	taken   []string
	bodies  []string
	last    *http.Request
	fail    notify.ErrorKind
	code    int
	header  http.Header
}

func noon() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }

func open(t *testing.T, change func(*sms.Options)) *gateway {
	t.Helper()
	g := &gateway{header: http.Header{}}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	o := sms.Twilio("AC1", token, "+15550001111")
	o.URL, o.Now = server.URL+"/2010-04-01/Accounts/AC1/Messages.json", noon
	if change != nil {
		change(&o)
	}
	c, err := sms.New(o)
	if err != nil {
		t.Fatal(err)
	}
	g.channel = c
	return g
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	g.mu.Lock()
	defer g.mu.Unlock()
	code := g.code
	switch g.fail {
	case notify.Refused:
		code = 400
	case notify.Unavailable:
		code = 503
	case notify.Unknown: // taken, below
	}
	if code/100 > 2 {
		for name, values := range g.header {
			w.Header()[name] = values
		}
		w.WriteHeader(code)
		_, _ = w.Write([]byte(`{"code": 21211, "message": "The 'To' number +4915112345678 is not valid, token ` + token + `"}`))
		return
	}
	g.taken, g.bodies, g.last = append(g.taken, r.Header.Get("Idempotency-Key")), append(g.bodies, string(body)), r
	if g.fail == notify.Unknown {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(201)
	_, _ = w.Write([]byte(`{"sid": "SM42"}`))
}

func (g *gateway) Channel() notify.Channel { return g.channel }
func (g *gateway) Secrets() []string       { return []string{token} }

func (g *gateway) Taken() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string(nil), g.taken...)
}

func (g *gateway) Fail(kind notify.ErrorKind) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fail = kind
	return true
}

func TestSuite(t *testing.T) {
	notifytest.Run(t, func(t *testing.T) notifytest.Side { return open(t, nil) })
}

func TestTwilio(t *testing.T) {
	g := open(t, nil)
	m := notifytest.Message("notice:1")
	m.Short = "Acme & Söhne: 29 € = offen?"
	receipt, err := g.channel.Send(t.Context(), m)
	if err != nil || receipt != "SM42" {
		t.Fatalf("%q, %v", receipt, err)
	}
	form, err := url.ParseQuery(g.bodies[0])
	if err != nil || form.Get("To") != m.To.Phone || form.Get("From") != "+15550001111" || form.Get("Body") != m.Short {
		t.Errorf("%v, %v", form, err)
	}
	if user, password, _ := g.last.BasicAuth(); user != "AC1" || password != token || g.last.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		t.Errorf("%s %s %v", user, password, g.last.Header)
	}
	if o := sms.Twilio("AC1", token, "+1"); o.URL != "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json" {
		t.Errorf("asks %s", o.URL)
	}
}

func TestOwnGateway(t *testing.T) {
	g := open(t, func(o *sms.Options) {
		o.Body, o.User, o.Header = `{"to": {{json .To}}, "text": {{json .Text}}, "ref": {{json .ID}}}`, "", map[string]string{"Authorization": "Bearer " + token}
	})
	m := notifytest.Message(`notice:"1"`)
	m.Short = `She said "29 €"` + "\n"
	if _, err := g.channel.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal([]byte(g.bodies[0]), &got); err != nil || got["text"] != m.Short || got["ref"] != m.ID {
		t.Errorf("%s: %v", g.bodies[0], err)
	}
	if g.last.Header.Get("Authorization") != "Bearer "+token || g.last.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%v", g.last.Header)
	}
}

func TestQuietHours(t *testing.T) {
	for _, test := range []struct {
		zone, now string
		wait      time.Duration
		number    string // empty: the usual
	}{
		{zone: "UTC", now: "2026-11-21T07:59:00Z", wait: time.Minute},
		{zone: "UTC", now: "2026-11-21T08:00:00Z", wait: 0},
		{zone: "UTC", now: "2026-11-21T19:59:59Z", wait: 0},
		{zone: "UTC", now: "2026-11-21T20:00:00Z", wait: 12 * time.Hour},
		{zone: "America/Los_Angeles", now: "2026-11-21T12:00:00Z", wait: 4 * time.Hour},
		{zone: "Asia/Tokyo", now: "2026-11-21T12:00:00Z", wait: 11 * time.Hour},
		// Nobody told the zone: where the number may ring it is day everywhere.
		{"", "2026-11-21T12:00:00Z", 6 * time.Hour, "+12125550100"},                 // 2 in Honolulu, 8:30 in St. John's
		{"", "2026-11-21T19:00:00Z", 0, "+12125550100"},                             // 9, and 15:30
		{"", "2026-11-21T23:45:00Z", 18*time.Hour + 15*time.Minute, "+12125550100"}, // 13:45, and 20:15
		{"", "2026-11-21T23:00:00Z", 0, "+819012345678"},
		{"", "2026-11-21T22:00:00Z", time.Hour, "+819012345678"},
		{"", "2026-11-21T03:00:00Z", 3 * time.Hour, "+79161234567"}, // 5 in Kaliningrad, 15 in Kamchatka
		{"Nowhere/Town", "2026-11-21T22:00:00Z", time.Hour, "+819012345678"},
		{"", "2026-11-21T03:00:00Z", 5 * time.Hour, "+6761234567"}, // Tonga, which counts as UTC
		// The clocks go forward that night: 20:00 to 8:00 is 11 hours.
		{zone: "Europe/Berlin", now: "2026-03-28T19:00:00Z", wait: 11 * time.Hour},
	} {
		now, err := time.Parse(time.RFC3339, test.now)
		if err != nil {
			t.Fatal(err)
		}
		g := open(t, func(o *sms.Options) { o.Now = func() time.Time { return now } })
		m := notifytest.Message("notice:1")
		m.To.TimeZone, m.To.Phone = test.zone, cmp.Or(test.number, m.To.Phone)
		_, err = g.channel.Send(t.Context(), m)
		e, _ := errors.AsType[*notify.Error](err)
		switch {
		case test.wait == 0 && err != nil:
			t.Errorf("%s at %s: %v", test.zone, test.now, err)
		case test.wait > 0 && (e == nil || e.Kind != notify.Unavailable || e.RetryAfter != test.wait || len(g.Taken()) > 0):
			t.Errorf("%s at %s: %v, want to wait %s", test.zone, test.now, err, test.wait)
		}
	}
}

func TestAnswersAreSorted(t *testing.T) {
	for code, want := range map[int]notify.ErrorKind{
		302: notify.Unavailable, 400: notify.Refused, 401: notify.Unavailable, 403: notify.Unavailable, 404: notify.Unavailable,
		408: notify.Unknown, 422: notify.Refused, 429: notify.Unavailable, 500: notify.Unknown, 502: notify.Unknown, 503: notify.Unavailable, 504: notify.Unknown,
	} {
		g := open(t, nil)
		g.code = code
		g.header.Set("Retry-After", "90")
		_, err := g.channel.Send(t.Context(), notifytest.Message("notice:1"))
		e, _ := errors.AsType[*notify.Error](err)
		if e == nil || e.Kind != want || strings.Contains(err.Error(), token) || !strings.Contains(err.Error(), "21211") {
			t.Errorf("%d: %v, want %s", code, err, want)
		}
		if asks := code == 429 || code == 503; e != nil && (e.RetryAfter == 90*time.Second) != asks {
			t.Errorf("%d: to wait %s", code, e.RetryAfter)
		}
	}
}

func TestOnlyToNumbers(t *testing.T) {
	g := open(t, nil)
	for _, number := range []string{"", "0151 12345678", "+49", "4915112345678", "+49151a2345678", "+0123456789"} {
		m := notifytest.Message("notice:1")
		m.To.Phone = number
		_, err := g.channel.Send(t.Context(), m)
		if e, _ := errors.AsType[*notify.Error](err); e == nil || e.Kind != notify.Refused || number != "" && strings.Contains(err.Error(), number+" ") {
			t.Errorf("%q: %v", number, err)
		}
	}
}

func TestConsent(t *testing.T) {
	for name, test := range map[string]struct {
		attributes map[string]any
		want       string
	}{
		"asked for":      {map[string]any{"phone": "+4915112345678", "sms": true}, "+4915112345678"},
		"not asked for":  {map[string]any{"phone": "+4915112345678"}, ""},
		"taken back":     {map[string]any{"phone": "+4915112345678", "sms": false}, ""},
		"a word":         {map[string]any{"phone": "+4915112345678", "sms": "yes"}, ""},
		"no number":      {map[string]any{"sms": true}, ""},
		"another number": {map[string]any{"phone": "0151 1", "sms": true}, ""},
		"nothing":        {nil, ""},
	} {
		if got := sms.Consent(billing.Customer{Attributes: test.attributes}); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, test := range map[string]struct {
		options sms.Options
		says    string
	}{
		"address": {sms.Options{URL: "gateway", From: "x"}, "https://"},
		"sender":  {sms.Options{URL: "https://gw.example"}, "need a sender"},
		"body":    {sms.Options{URL: "https://gw.example", From: "x", Body: "{{.To"}, "body"},
		"field":   {sms.Options{URL: "https://gw.example", From: "x", Body: "{{.Too}}"}, "Too"},
	} {
		if _, err := sms.New(test.options); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
