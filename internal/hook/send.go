package hook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/trivetdev/trivet/internal/fail"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/notify"
)

// refusal is how an endpoint failed to take a webhook.
type refusal struct {
	// status is the answer's; 0: there was none.
	status int
	// after is how long the endpoint asks to be left alone.
	after time.Duration
	// unsent: certainly nothing arrived.
	unsent bool
	err    error
}

// Error implements error. It tells no body, no secret, and no query of the URL.
func (r *refusal) Error() string { return r.err.Error() }

// Unwrap returns the cause.
func (r *refusal) Unwrap() error { return r.err }

// errDisabled says that an endpoint wants nothing any more.
var errDisabled = errors.New("the endpoint is disabled: it answered 410 Gone; enable it with trivet hooks enable, or remove its [[endpoint]]")

// post sends a webhook once. A failure is a [*refusal].
func (h *Hooks) post(ctx context.Context, e *endpoint, w hook) (status int, err error) {
	at := h.DB.Now()
	signatures := make([]string, len(e.signers))
	for i, signer := range e.signers {
		if signatures[i], err = signer.Sign(w.id, at, w.body); err != nil {
			return 0, &refusal{unsent: true, err: errors.New("the webhook cannot be signed")}
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(w.body))
	if err != nil {
		return 0, &refusal{unsent: true, err: errors.New("the request cannot be made: check url in [[endpoint]]")}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", strings.TrimSuffix("trivet/"+h.Version, "/"))
	req.Header.Set(standardwebhooks.HeaderWebhookID, w.id)
	req.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	req.Header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	resp, err := e.client.Do(req)
	if err != nil {
		return 0, unanswered(err)
	}
	defer resp.Body.Close()
	const most = 4 << 10 // read, so that the connection can be used again, and not kept
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, most))
	return resp.StatusCode, judge(resp, at)
}

// judge tells what an answer means.
func judge(resp *http.Response, now time.Time) error {
	status := resp.StatusCode
	switch {
	case status >= 200 && status < 300:
		return nil
	case status >= 300 && status < 400:
		return &refusal{status: status, err: fmt.Errorf("the endpoint answered %d, and redirects are not followed: set url to where it leads", status)}
	}
	text := http.StatusText(status)
	return &refusal{status: status, after: after(resp.Header.Get("Retry-After"), now), err: fmt.Errorf("the endpoint answered %s", strings.TrimSpace(strconv.Itoa(status)+" "+text))}
}

// after reads Retry-After, in seconds or as a date.
func after(text string, now time.Time) time.Duration {
	const most = 24 * 60 * 60
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Duration(min(max(seconds, 0), most)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// unanswered tells what went wrong without an answer.
func unanswered(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // without the URL
	}
	r := &refusal{err: fmt.Errorf("the endpoint cannot be reached: %w", err)}
	if errors.Is(err, errPrivate) {
		return &refusal{unsent: true, err: errPrivate}
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		r.unsent = true
	}
	if t, ok := errors.AsType[net.Error](err); ok && t.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		r.err = errors.New("the endpoint did not answer in time: take the webhook first, and work on it after the answer")
	}
	return r
}

// waits is how long to wait after each failure, as Standard Webhooks advises; in all
// some three days. Then it is given up.
var waits = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// retry says when to try again. An endpoint may ask for more time, up to a day.
func retry(claim store.Claim, err error) (time.Duration, bool) {
	if claim.Failures >= int64(len(waits)) {
		return 0, false
	}
	wait := fail.Wait(waits[claim.Failures])
	if r, ok := errors.AsType[*refusal](err); ok {
		wait = max(wait, min(r.after, 24*time.Hour))
	}
	return wait, true
}

// disabled reports whether an endpoint said that it wants nothing any more.
func (h *Hooks) disabled(ctx context.Context, e *endpoint) (bool, error) {
	all, err := h.DB.DisabledEndpoints(ctx)
	d, found := all[e.Name]
	return found && d.Address == e.address, err
}

// said is a failure in the words of a channel.
func said(err error) error {
	failure := &notify.Error{Kind: notify.Unknown, Once: true, Err: err}
	if r, ok := errors.AsType[*refusal](err); ok {
		failure.RetryAfter = r.after
		if r.unsent || r.status >= 300 && r.status < 500 {
			failure.Kind = notify.Unavailable
		}
	}
	return failure
}
