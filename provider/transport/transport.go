package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Config says how an account is spoken to. Only Account is required.
type Config struct {
	// Account is the configured name of the provider account.
	Account string
	// Base carries the calls; nil: a pool of connections of its own.
	Base http.RoundTripper
	// Rate is the number of calls per second that this process may make, tries
	// counted one by one; zero: no limit.
	Rate float64
	// Burst is the number of calls that may be made at once after a quiet time;
	// zero: one second's worth.
	Burst int
	// Retries is how often a call that may be repeated is repeated: reads, and
	// writes with an idempotency key. Zero: never, nor is a Retry-After waited
	// for; the caller comes back later instead.
	Retries int
	// TryTimeout bounds one try, the reading of the answer included; zero: 30 s.
	// The call as a whole is bounded by its context.
	TryTimeout time.Duration
	// MaxBody bounds an answer in bytes; zero: 16 MiB.
	MaxBody int64
	// MaxWait is the longest Retry-After that a call waits for; zero: 20 s. A
	// longer one is returned to the caller.
	MaxWait time.Duration
	// Observe hears of every finished call; nil: nobody does.
	Observe func(Call)
	// Sleep waits for a time or the end of the context; nil: a timer.
	Sleep func(context.Context, time.Duration) error
	// Now is the clock of the rate limit and of dates in Retry-After; nil: the
	// system's. A clock of its own needs a Sleep that waits by it.
	Now func() time.Time
}

// Call is what [Config.Observe] hears: metrics, no contents.
type Call struct {
	Account string
	Method  string
	// Path has two segments at most, so that ids do not become metrics:
	// "/v1/subscriptions".
	Path string
	// Status is the answer's; zero if none came.
	Status int
	// Duration covers all tries and the waiting between them.
	Duration time.Duration
	Retries  int
	Err      error
}

// Transport is an http.RoundTripper for one provider account. It is safe for
// concurrent use. Make it with [New].
type Transport struct {
	config  Config
	limiter *rate.Limiter

	mu   sync.Mutex
	held time.Time // until when the provider asked for quiet
}

// New makes a transport.
func New(config Config) *Transport {
	if config.Base == nil {
		config.Base = &http.Transport{ // TryTimeout bounds what has no limit here
			Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true,
			MaxIdleConnsPerHost: 32, IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 10 * time.Second,
		}
	}
	if config.TryTimeout == 0 {
		config.TryTimeout = 30 * time.Second
	}
	if config.MaxBody == 0 {
		config.MaxBody = 16 << 20
	}
	if config.MaxWait == 0 {
		config.MaxWait = 20 * time.Second
	}
	if config.Sleep == nil {
		config.Sleep = sleep
	}
	if config.Now == nil {
		config.Now = time.Now //nolint:forbidigo // what the field promises when it is nil
	}
	t := &Transport{config: config}
	if config.Rate > 0 {
		burst := config.Burst
		if burst == 0 {
			burst = max(1, int(config.Rate))
		}
		t.limiter = rate.NewLimiter(rate.Limit(config.Rate), burst)
	}
	return t
}

// Of is the transport of a driver that was given a round tripper: a [*Transport]
// as it is, any other wrapped in one without rate limit and retries, and for nil a
// transport with the rate, in calls per second, and two retries.
func Of(given http.RoundTripper, account string, rate float64, now func() time.Time) *Transport {
	switch given := given.(type) {
	case *Transport:
		return given
	case nil:
		return New(Config{Account: account, Rate: rate, Retries: 2, Now: now})
	default:
		return New(Config{Account: account, Base: given, Now: now})
	}
}

// Client returns an HTTP client on this transport. It follows no redirects: a
// credential must not travel to another host.
func (t *Transport) Client() *http.Client {
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// RoundTrip implements http.RoundTripper. Every status is an answer; an error
// means that none came, and is a [*Lost] or the error of the context.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	begun := time.Now() //nolint:forbidigo // a duration is measured
	body, err := rewindable(req)
	if err != nil {
		return nil, err
	}
	resp, retries, err := t.tries(req, body)
	call := Call{
		Account: t.config.Account, Method: req.Method, Path: twoSegments(req.URL.Path),
		Duration: time.Since(begun), Retries: retries, Err: err,
	}
	outcome := outcomeIn(req.Context())
	if resp != nil {
		call.Status = resp.StatusCode
		outcome.answered(req.Method, resp, t.config.Now())
	} else {
		outcome.lost(req.Method, err)
	}
	if t.config.Observe != nil {
		t.config.Observe(call)
	}
	return resp, err
}

// tries makes a call until it is answered for good, or may not be repeated.
func (t *Transport) tries(req *http.Request, body []byte) (resp *http.Response, retries int, err error) {
	for ; ; retries++ {
		if err := t.wait(req.Context()); err != nil {
			return nil, retries, &Lost{Before: true, Err: err}
		}
		resp, err = t.try(req, body)
		pause, again := t.again(req, resp, err, retries)
		if !again {
			return resp, retries, err
		}
		if err := t.config.Sleep(req.Context(), pause); err != nil {
			return nil, retries, &Lost{Err: err}
		}
	}
}

// wait obeys the provider's request for quiet and the account's rate.
func (t *Transport) wait(ctx context.Context) error {
	now := t.config.Now()
	if quiet := t.quiet(now); quiet > 0 {
		if t.config.Retries == 0 || quiet > t.config.MaxWait {
			return &heldError{quiet}
		}
		if err := t.config.Sleep(ctx, quiet); err != nil {
			return err
		}
	}
	if t.limiter == nil {
		return ctx.Err()
	}
	now = t.config.Now()
	turn := t.limiter.ReserveN(now, 1)
	delay := turn.DelayFrom(now)
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < delay {
		turn.CancelAt(now)
		return fmt.Errorf("no turn before the deadline: %w", context.DeadlineExceeded)
	}
	if delay == 0 {
		return ctx.Err()
	}
	if err := t.config.Sleep(ctx, delay); err != nil {
		turn.CancelAt(t.config.Now())
		return err
	}
	return nil
}

func (t *Transport) quiet(now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.held.Sub(now)
}

func (t *Transport) hold(until time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if until.After(t.held) {
		t.held = until
	}
}

// try makes the call once and reads the answer to its end.
func (t *Transport) try(req *http.Request, body []byte) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), t.config.TryTimeout)
	defer cancel()
	attempt := req.Clone(ctx)
	if body != nil {
		attempt.Body = io.NopCloser(bytes.NewReader(body))
	}
	resp, err := t.config.Base.RoundTrip(attempt)
	if err != nil {
		return nil, &Lost{Before: neverSent(err), Err: cause(req.Context(), err)}
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, t.config.MaxBody+1))
	switch {
	case err != nil:
		return nil, &Lost{Cut: true, Err: cause(req.Context(), err)}
	case int64(len(answer)) > t.config.MaxBody:
		return nil, &Lost{Cut: true, Err: fmt.Errorf("the answer is longer than %d bytes", t.config.MaxBody)}
	}
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	resp.Request = req
	return resp, nil
}

// again decides whether and when a call is repeated.
func (t *Transport) again(req *http.Request, resp *http.Response, err error, retries int) (pause time.Duration, again bool) {
	asked := time.Duration(0)
	if resp != nil {
		asked = retryAfter(resp.Header, t.config.Now())
		if asked > 0 && resp.StatusCode == http.StatusTooManyRequests {
			t.hold(t.config.Now().Add(asked))
		}
	}
	if retries >= t.config.Retries || req.Context().Err() != nil || !repeatable(req) || asked > t.config.MaxWait {
		return 0, false
	}
	if err == nil && !passing(resp.StatusCode) {
		return 0, false
	}
	return max(asked, backoff(retries)), true
}

// repeatable reports whether making a call twice is the same as making it once.
func repeatable(req *http.Request) bool {
	return isRead(req.Method) || req.Header.Get("Idempotency-Key") != "" || req.Header.Get("PayPal-Request-Id") != ""
}

func isRead(method string) bool {
	return method == http.MethodGet || method == http.MethodHead
}

// passing reports whether a status is likely to be another one soon.
func passing(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooManyRequests:
		return true
	}
	return status >= 500 && status != http.StatusNotImplemented
}

// backoff is between half and all of 500 ms, 1 s, 2 s, … 8 s.
func backoff(retries int) time.Duration {
	full := 500 * time.Millisecond << min(retries, 4)
	return full/2 + rand.N(full/2)
}

// rewindable reads a request's body, so that it can be sent again.
func rewindable(req *http.Request) ([]byte, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return nil, nil
	}
	defer req.Body.Close()
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, fmt.Errorf("read the body to send: %w", err)
	}
	return body, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// cause prefers the caller's own cancellation over what became of it.
func cause(ctx context.Context, err error) error {
	if ctxErr := ctx.Err(); ctxErr != nil {
		return ctxErr
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("no answer in time")
	}
	return err
}
