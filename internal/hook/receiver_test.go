package hook_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/api"
	"github.com/trivetdev/trivet/internal/hook"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/triggertest"
)

const (
	secret = "whsec_5Zk0n1dWc9Qb2xTq7LrV3uYpHs8JfGmA4eNoXwCiKtE="
	older  = "whsec_q1W2e3R4t5Y6u7I8o9P0a1S2d3F4g5H6"
)

// receiver is an application's endpoint. It verifies every webhook, as the library
// of Standard Webhooks does, and keeps what it took.
type receiver struct {
	t *testing.T
	// now is the sender's clock; zero: the library checks the time, too.
	now    func() time.Time
	secret string

	mu sync.Mutex
	// answer, if set, decides on the n-th webhook; one that is not 2xx is not taken.
	answer func(n int, g got) *http.Response
	asked  int
	took   []got
}

// got is a webhook as it arrived.
type got struct {
	id   string
	at   time.Time
	kind string
	data json.RawMessage
}

func (g got) state(t *testing.T) (state api.State) {
	t.Helper()
	if g.kind != hook.StateChanged {
		t.Fatalf("it is %s", g.kind)
	}
	check(t, json.Unmarshal(g.data, &state))
	return state
}

// RoundTrip implements http.RoundTripper.
func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	g := r.verified(req.Header, body)
	r.mu.Lock()
	r.asked++
	n, answer := r.asked, r.answer
	r.mu.Unlock()
	resp := status(http.StatusNoContent)
	if answer != nil {
		if resp = answer(n, g); resp == nil {
			return nil, fmt.Errorf("read tcp 192.0.2.1:443: %w", io.ErrUnexpectedEOF)
		}
	}
	if resp.StatusCode < 300 {
		r.mu.Lock()
		r.took = append(r.took, g)
		r.mu.Unlock()
	}
	resp.Request = req
	return resp, nil
}

// verified reads a webhook whose signature is right.
func (r *receiver) verified(header http.Header, body []byte) got {
	r.t.Helper()
	verifier, err := standardwebhooks.NewWebhook(r.secret)
	check(r.t, err)
	seconds, err := strconv.ParseInt(header.Get("webhook-timestamp"), 10, 64)
	check(r.t, err)
	g := got{id: header.Get("webhook-id"), at: time.Unix(seconds, 0)}
	if r.now == nil {
		err = verifier.Verify(body, header)
	} else {
		if err = verifier.VerifyIgnoringTimestamp(body, header); g.at.Unix() != r.now().Unix() {
			r.t.Errorf("the time is %s, want %s", g.at, r.now())
		}
	}
	if err != nil {
		r.t.Errorf("the webhook cannot be verified: %v", err)
	}
	if strings.Contains(g.id, ".") || header.Get("content-type") != "application/json" {
		r.t.Errorf("the headers are %v", header)
	}
	var envelope struct {
		Type      string          `json:"type"`
		Timestamp time.Time       `json:"timestamp"`
		Data      json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(body, &envelope); err != nil || envelope.Timestamp.IsZero() {
		r.t.Errorf("the body is %s: %v", body, err)
	}
	g.kind, g.data = envelope.Type, envelope.Data
	return g
}

func (r *receiver) answers(answer func(n int, g got) *http.Response) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer, r.asked = answer, 0
}

// taken returns what was taken since it was last asked, and how often it was tried.
func (r *receiver) taken() (took []got, tries int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	took, tries = r.took, r.asked
	r.took, r.asked = nil, 0
	return took, tries
}

func status(code int, header ...string) *http.Response {
	resp := &http.Response{
		StatusCode: code, Status: http.StatusText(code), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{},
		Body: io.NopCloser(strings.NewReader(`{"message":"do not keep this"}`)),
	}
	for i := 0; i+1 < len(header); i += 2 {
		resp.Header.Set(header[i], header[i+1])
	}
	return resp
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// told is a house whose endpoints have receivers.
type told struct {
	*triggertest.House
	app, ops *receiver
}

// each runs a test on both databases, with an endpoint "app" for customers' state and
// one "ops" for alerts.
func each(t *testing.T, test func(t *testing.T, h *told)) {
	t.Helper()
	app, ops := &receiver{secret: secret}, &receiver{secret: older}
	options := triggertest.Options{Quiet: true, Endpoints: []hook.Endpoint{
		{Name: "app", URL: "https://app.test/hooks?token=hush", Events: []string{hook.StateChanged}, Secrets: []string{secret}, Transport: app},
		{Name: "ops", URL: "https://ops.test/", Events: []string{hook.AlertRaised}, Secrets: []string{secret, older}, Transport: ops},
	}}
	triggertest.Each(t, options, func(t *testing.T, h *triggertest.House) {
		for _, r := range []*receiver{app, ops} {
			r.t, r.now = t, h.Clock.Now
			r.answers(nil)
			r.taken()
		}
		test(t, &told{h, app, ops})
	})
}

// expect compares what an endpoint took about one customer, as the features that
// were ever bought or granted.
func (h *told) expect(t *testing.T, what string, r *receiver, tries int, want ...string) []got {
	t.Helper()
	took, n := r.taken()
	var states []string
	for _, g := range took {
		state := g.state(t)
		var features []string
		for _, e := range state.Entitlements {
			if e.Reason != string(billing.ReasonNone) {
				features = append(features, " "+e.Feature+":"+e.Reason)
			}
		}
		slices.Sort(features)
		states = append(states, state.Customer.Ref+strings.Join(features, ""))
	}
	if !slices.Equal(states, want) || n != tries {
		t.Errorf("%s: took %q in %d tries, want %q in %d", what, states, n, want, tries)
	}
	return took
}

func (h *told) delivery(t *testing.T, endpoint, customer string) store.Delivery {
	t.Helper()
	d, err := h.DB.DeliveryOf(t.Context(), endpoint, store.HookState+" "+customer)
	check(t, err)
	return d
}
