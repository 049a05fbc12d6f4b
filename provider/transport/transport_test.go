package transport

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/trivetdev/trivet/provider"
)

// script answers one call after the other.
type script struct {
	steps []step
	made  []*http.Request
	sent  []string
}

type step struct {
	status int
	after  string // Retry-After
	body   io.Reader
	err    error
}

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		body, _ := io.ReadAll(req.Body)
		s.sent = append(s.sent, string(body))
	}
	next := s.steps[min(len(s.made), len(s.steps)-1)]
	s.made = append(s.made, req)
	if next.err != nil {
		return nil, next.err
	}
	header := http.Header{}
	if next.after != "" {
		header.Set("Retry-After", next.after)
	}
	body := next.body
	if body == nil {
		body = strings.NewReader("{}")
	}
	return &http.Response{StatusCode: next.status, Header: header, Body: io.NopCloser(body), Request: req}, nil
}

type cutReader struct{}

func (cutReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// send makes one call and reports it as a driver would.
func send(ctx context.Context, t *Transport, method, key string) (status int, err error) {
	ctx, outcome := Watch(ctx)
	req, err := http.NewRequestWithContext(ctx, method, "https://api.test/v1/things/t_1?secret=hush", strings.NewReader("a=b"))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer sk_test_hush")
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := t.Client().Do(req)
	if err == nil && resp.StatusCode < 300 {
		return resp.StatusCode, nil
	}
	return outcome.Status(), outcome.Error("acct", "fetch t_1", "")
}

func TestKinds(t *testing.T) {
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	lost := &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")}
	tests := map[string]struct {
		step        step
		read, write provider.ErrorKind
	}{
		"400":         {step{status: 400}, provider.Refused, provider.Refused},
		"401":         {step{status: 401}, provider.Denied, provider.Denied},
		"402":         {step{status: 402}, provider.Refused, provider.Refused},
		"403":         {step{status: 403}, provider.Denied, provider.Denied},
		"404":         {step{status: 404}, provider.NotFound, provider.NotFound},
		"409":         {step{status: 409}, provider.Refused, provider.Refused},
		"410":         {step{status: 410}, provider.NotFound, provider.NotFound},
		"422":         {step{status: 422}, provider.Refused, provider.Refused},
		"429":         {step{status: 429}, provider.RateLimited, provider.RateLimited},
		"500":         {step{status: 500}, provider.Unavailable, provider.OutcomeUnknown},
		"502":         {step{status: 502}, provider.Unavailable, provider.OutcomeUnknown},
		"503":         {step{status: 503}, provider.Unavailable, provider.Unavailable},
		"504":         {step{status: 504}, provider.Unavailable, provider.OutcomeUnknown},
		"redirect":    {step{status: 302}, provider.Malformed, provider.Malformed},
		"not dialed":  {step{err: dial}, provider.Unavailable, provider.Unavailable},
		"no address":  {step{err: &net.DNSError{Err: "no such host", Name: "api.test"}}, provider.Unavailable, provider.Unavailable},
		"no answer":   {step{err: lost}, provider.Unavailable, provider.OutcomeUnknown},
		"cut answer":  {step{status: 200, body: cutReader{}}, provider.Malformed, provider.OutcomeUnknown},
		"long answer": {step{status: 200, body: strings.NewReader(strings.Repeat("x", 101))}, provider.Malformed, provider.OutcomeUnknown},
	}
	for name, test := range tests {
		for method, want := range map[string]provider.ErrorKind{"GET": test.read, "POST": test.write, "DELETE": test.write} {
			t.Run(name+" "+method, func(t *testing.T) {
				if strings.HasPrefix(name, "long") {
					test.step.body = strings.NewReader(strings.Repeat("x", 101))
				}
				s := &script{steps: []step{test.step}}
				_, err := send(t.Context(), New(Config{Account: "acct", Base: s, MaxBody: 100}), method, "")
				if got := provider.KindOf(err); got != want {
					t.Errorf("%v is %s, want %s", err, got, want)
				}
				if err == nil || strings.Contains(err.Error(), "hush") {
					t.Errorf("the error is missing or shows a secret: %v", err)
				}
			})
		}
	}
}

func TestUnreadableSuccess(t *testing.T) {
	for method, want := range map[string]provider.ErrorKind{"GET": provider.Malformed, "POST": provider.OutcomeUnknown} {
		outcome := &Outcome{}
		outcome.answered(method, &http.Response{StatusCode: 200}, time.Time{})
		if got := outcome.Error("acct", "op", "").Kind; got != want {
			t.Errorf("%s: %s, want %s", method, got, want)
		}
	}
	if got := (&Outcome{}).Error("acct", "op", "").Kind; got != provider.Refused {
		t.Errorf("a call that was never made is %s", got)
	}
}

func TestRetries(t *testing.T) {
	ok, broken := step{status: 200}, step{status: 500}
	tests := map[string]struct {
		method, key string
		retries     int
		steps       []step
		calls       int
		status      int
	}{
		"a read is repeated":            {"GET", "", 2, []step{broken, {err: errors.New("reset")}, ok}, 3, 200},
		"until there are enough":        {"GET", "", 2, []step{broken}, 3, 500},
		"not if told not to":            {"GET", "", 0, []step{broken, ok}, 1, 500},
		"nor what is final":             {"GET", "", 2, []step{{status: 404}, ok}, 1, 404},
		"a write without a key is not":  {"POST", "", 2, []step{broken, ok}, 1, 500},
		"a write with a key is":         {"POST", "k", 2, []step{broken, ok}, 2, 200},
		"a deletion is a write":         {"DELETE", "", 2, []step{broken, ok}, 1, 500},
		"a conflict with a key passes":  {"POST", "k", 2, []step{{status: 409}, ok}, 2, 200},
		"what the provider asks for":    {"GET", "", 1, []step{{status: 429, after: "3"}, ok}, 2, 200},
		"a wait that is too long isn't": {"GET", "", 1, []step{{status: 429, after: "600"}, ok}, 1, 429},
		"a cut answer is read again":    {"GET", "", 1, []step{{status: 200, body: cutReader{}}, ok}, 2, 200},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{steps: test.steps}
				status, _ := send(t.Context(), New(Config{Account: "acct", Base: s, Retries: test.retries}), test.method, test.key)
				if status != test.status || len(s.made) != test.calls {
					t.Errorf("status %d after %d calls, want %d after %d", status, len(s.made), test.status, test.calls)
				}
				for _, body := range s.sent {
					if body != "a=b" {
						t.Errorf("a try sent %q", body)
					}
				}
			})
		})
	}
}

func TestRetryAfterIsWaitedFor(t *testing.T) {
	tests := map[string]struct {
		after       func() string
		least, most time.Duration
	}{
		"seconds":   {func() string { return "7" }, 7 * time.Second, 7 * time.Second},
		"fractions": {func() string { return "1.5" }, 1500 * time.Millisecond, 1500 * time.Millisecond},
		"a date": {func() string { return time.Now().UTC().Add(9 * time.Second).Format(http.TimeFormat) },
			9 * time.Second, 9 * time.Second},
		"a date gone by": {func() string { return time.Now().UTC().Add(-time.Hour).Format(http.TimeFormat) },
			250 * time.Millisecond, 500 * time.Millisecond},
		"nothing":  {func() string { return "" }, 250 * time.Millisecond, 500 * time.Millisecond},
		"nonsense": {func() string { return "-NaN" }, 250 * time.Millisecond, 500 * time.Millisecond},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{steps: []step{{status: 429, after: test.after()}, {status: 200}}}
				begun := time.Now()
				if status, err := send(t.Context(), New(Config{Account: "acct", Base: s, Retries: 1}), "GET", ""); status != 200 {
					t.Fatal(status, err)
				}
				if waited := time.Since(begun); waited < test.least || waited > test.most {
					t.Errorf("waited %v, want %v to %v", waited, test.least, test.most)
				}
			})
		})
	}
}

func TestRetryAfterOfAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{steps: []step{{status: 503, after: "6"}, {status: 200}}}
		begun := time.Now()
		if status, err := send(t.Context(), New(Config{Account: "acct", Base: s, Retries: 1}), "GET", ""); status != 200 {
			t.Fatal(status, err)
		}
		if waited := time.Since(begun); waited != 6*time.Second {
			t.Errorf("waited %v, want 6 s", waited)
		}
	})
}

// Once a provider has asked for quiet, no call of the account is made: without
// retries it is turned away at once and told how long to wait.
func TestQuietHoldsAllCalls(t *testing.T) {
	now := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	s := &script{steps: []step{{status: 429, after: "5"}, {status: 200}}}
	tr := New(Config{Account: "acct", Base: s, Now: func() time.Time { return now }})
	_, err := send(t.Context(), tr, "GET", "")
	if e, _ := errors.AsType[*provider.Error](err); e == nil || e.Kind != provider.RateLimited || e.RetryAfter != 5*time.Second {
		t.Fatalf("the first call: %v", err)
	}
	now = now.Add(2 * time.Second)
	_, err = send(t.Context(), tr, "POST", "")
	if e, _ := errors.AsType[*provider.Error](err); e == nil || e.Kind != provider.RateLimited || e.RetryAfter != 3*time.Second || len(s.made) != 1 {
		t.Fatalf("the second call, after %d were made: %v", len(s.made), err)
	}
	now = now.Add(3 * time.Second)
	if status, err := send(t.Context(), tr, "GET", ""); status != 200 {
		t.Fatal(status, err)
	}
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{steps: []step{{status: 200}}}
		tr := New(Config{Account: "acct", Base: s, Rate: 4, Burst: 2})
		begun := time.Now()
		for range 10 {
			if _, err := send(t.Context(), tr, "GET", ""); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begun); took != 2*time.Second {
			t.Errorf("10 calls at 4 a second, 2 at once, took %v, want 2 s", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := send(ctx, tr, "POST", ""); provider.KindOf(err) != provider.Unavailable {
			t.Errorf("a write that got no turn is %v", err)
		}
		if len(s.made) != 10 {
			t.Errorf("%d calls were made", len(s.made))
		}
	})
}

func TestTimeouts(t *testing.T) {
	var calls atomic.Int32
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		calls.Add(1)
		<-release
	}))
	defer server.Close()
	defer close(release)
	ask := func(ctx context.Context, method string) error {
		ctx, outcome := Watch(ctx)
		req, err := http.NewRequestWithContext(ctx, method, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New(Config{Account: "acct", TryTimeout: 50 * time.Millisecond}).Client().Do(req); err == nil {
			t.Fatal("an answer came")
		}
		return outcome.Error("acct", "op", "")
	}
	if err := ask(t.Context(), "GET"); provider.KindOf(err) != provider.Unavailable || !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("a read that timed out: %v", err)
	}
	if err := ask(t.Context(), "POST"); provider.KindOf(err) != provider.OutcomeUnknown {
		t.Errorf("a write that timed out: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := ask(ctx, "POST"); provider.KindOf(err) != provider.OutcomeUnknown || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a write whose caller gave up: %v", err)
	}
	if calls.Load() != 3 {
		t.Errorf("%d calls arrived", calls.Load())
	}
}

// Over a real socket: nobody listening is certain, a dropped connection is not.
func TestDroppedConnections(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + listener.Addr().String()
	listener.Close()
	dropping := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer dropping.Close()
	cutting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, `{"half":`)
	}))
	defer cutting.Close()
	for url, want := range map[string]provider.ErrorKind{
		nobody: provider.Unavailable, dropping.URL: provider.OutcomeUnknown, cutting.URL: provider.OutcomeUnknown,
	} {
		ctx, outcome := Watch(t.Context())
		req, err := http.NewRequestWithContext(ctx, "POST", url, strings.NewReader("a=b"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New(Config{Account: "acct"}).Client().Do(req); err == nil {
			t.Fatal("an answer came")
		}
		if got := outcome.Error("acct", "op", "").Kind; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestObserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard []Call
		s := &script{steps: []step{{status: 500}, {status: 200}}}
		tr := New(Config{Account: "acct", Base: s, Retries: 3, Observe: func(c Call) { heard = append(heard, c) }})
		if _, err := send(t.Context(), tr, "GET", ""); err != nil {
			t.Fatal(err)
		}
		want := []Call{{Account: "acct", Method: "GET", Path: "/v1/things", Status: 200, Retries: 1}}
		if diff := cmp.Diff(want, heard, cmpopts.IgnoreFields(Call{}, "Duration")); diff != "" {
			t.Error(diff)
		}
		if heard[0].Duration < 250*time.Millisecond {
			t.Errorf("the wait between the tries is missing from %v", heard[0].Duration)
		}
	})
}

func TestNoRedirects(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	resp, err := New(Config{Account: "acct"}).Client().Get(server.URL)
	if err != nil || resp.StatusCode != http.StatusTemporaryRedirect {
		t.Errorf("%v, %v", resp, err)
	}
}

// TestOf: a transport of ours is used as it is, whatever else is given is wrapped
// and bounded, and never repeats a call by itself.
func TestOf(t *testing.T) {
	ours := New(Config{Account: "a"})
	if got := Of(ours, "b", 3, time.Now); got != ours {
		t.Error("a transport is wrapped in another")
	}
	calls := 0
	given := roundTripper(func(*http.Request) (*http.Response, error) {
		calls++
		return nil, errors.New("away")
	})
	wrapped := Of(given, "b", 3, time.Now)
	if wrapped.limiter != nil || wrapped.config.Account != "b" {
		t.Errorf("wrapped with %+v", wrapped.config)
	}
	if resp, err := wrapped.Client().Get("http://x.test"); err == nil || calls != 1 {
		t.Errorf("%v, %v after %d calls", resp, err, calls)
	}
	if own := Of(nil, "b", 3, time.Now); own.config.Retries != 2 || own.limiter.Limit() != 3 {
		t.Errorf("made with %+v", own.config)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestKey(t *testing.T) {
	tests := map[string]struct {
		key, but string
		hashed   bool
	}{
		"plain":             {"refund:pi_1:0", "", false},
		"a space":           {"a b", "", false},
		"the longest":       {strings.Repeat("a", 20), "", false},
		"every visible one": {"!\"#$%&'()*+,~}|{", "", false},
		"one too long":      {strings.Repeat("a", 21), "", true},
		"a line break":      {"a\nb", "", true},
		"a delete":          {"a\x7f", "", true},
		"not ASCII":         {"é", "", true},
		"not UTF-8":         {"\xff", "", true},
		"a space, not here": {"a b", " []", true},
		"a bracket":         {"a[1]", " []", true},
		"none of those":     {"a(1)", " []", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := Key(tt.key, 20, tt.but)
			if sum := sha256.Sum256([]byte(tt.key)); tt.hashed && got != "sha256-"+hex.EncodeToString(sum[:]) || !tt.hashed && got != tt.key {
				t.Errorf("%q became %q", tt.key, got)
			}
		})
	}
}

// TestMissing: only what the provider itself says is missing counts as missing.
func TestMissing(t *testing.T) {
	status := errors.New("status 404")
	for _, kind := range []provider.ErrorKind{provider.NotFound, provider.Refused, provider.Unavailable} {
		for _, said := range []bool{true, false} {
			e := &provider.Error{Account: "a", Op: "look", Kind: kind, Err: status}
			got := Missing(e, said, "Somebody")
			foreign := kind == provider.NotFound && !said
			want := kind
			if foreign {
				want = provider.Unavailable
			}
			if got != e || got.Kind != want || Foreign(got) != foreign || !errors.Is(got, status) {
				t.Errorf("%s, said %v: %v", kind, said, got)
			}
			if text := "status 404, but not in Somebody's words: check base_url"; foreign && got.Err.Error() != text {
				t.Errorf("it says %q, want %q", got.Err, text)
			}
		}
	}
}
