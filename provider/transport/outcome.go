package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"crypto/tls"
	"crypto/x509"

	"github.com/trivetdev/trivet/provider"
)

// Lost is the error of a call that no complete answer came to.
type Lost struct {
	// Before: the call never left, so that it certainly did nothing.
	Before bool
	// Cut: an answer came and broke off, or was too long.
	Cut bool
	Err error
}

// Error implements error.
func (l *Lost) Error() string {
	switch {
	case l.Before:
		return "not sent: " + l.Err.Error()
	case l.Cut:
		return "answer cut off: " + l.Err.Error()
	}
	return "no answer: " + l.Err.Error()
}

// Unwrap returns the cause.
func (l *Lost) Unwrap() error { return l.Err }

// heldError refuses a call because the provider asked for quiet.
type heldError struct{ left time.Duration }

func (e *heldError) Error() string {
	return fmt.Sprintf("the provider asked to wait %s more", e.left.Round(time.Millisecond))
}

// Outcome is what came of the latest HTTP call made under a context from
// [Watch].
type Outcome struct {
	method string
	kind   provider.ErrorKind // empty: a 2xx was read to its end
	status int
	after  time.Duration
	err    error
}

type outcomeKey struct{}

// Watch returns a context whose calls through a [Transport] are noted in the
// outcome. One context is for one call at a time.
func Watch(ctx context.Context) (context.Context, *Outcome) {
	outcome := &Outcome{}
	return context.WithValue(ctx, outcomeKey{}, outcome), outcome
}

func outcomeIn(ctx context.Context) *Outcome {
	if outcome, ok := ctx.Value(outcomeKey{}).(*Outcome); ok {
		return outcome
	}
	return &Outcome{}
}

// Status is the status of the answer; zero if none came.
func (o *Outcome) Status() int { return o.status }

// Error describes a failed call as a [*provider.Error]; code is the provider's
// own error code, if it gave one. An answer of 2xx that the caller could not
// read is malformed, and of a write its outcome is unknown.
func (o *Outcome) Error(account, op, code string) *provider.Error {
	e := &provider.Error{Account: account, Op: op, Kind: o.kind, Code: code, RetryAfter: o.after, Err: o.err}
	switch {
	case e.Kind != "":
	case o.method == "":
		e.Kind, e.Err = provider.Refused, errors.New("the call could not be made")
	case isRead(o.method):
		e.Kind, e.Err = provider.Malformed, errors.New("the answer cannot be read: check that base_url is the provider's API")
	default:
		e.Kind, e.Err = provider.OutcomeUnknown, errors.New("the answer cannot be read")
	}
	return e
}

// Missing makes sure that an object counts as missing only where the provider said
// so in its own words. The 404 of a proxy, or of a path that base_url got wrong, says
// nothing of the object; taken for an answer it would bury the whole ledger. The name
// of the provider is for the error's text; what is returned is the error given.
func Missing(e *provider.Error, said bool, name string) *provider.Error {
	if e.Kind == provider.NotFound && !said {
		e.Kind, e.Err = provider.Unavailable, fmt.Errorf("%w, %w", e.Err, foreignError{name})
	}
	return e
}

// foreignError is the cause of a 404 that may be anybody's.
type foreignError struct{ name string }

func (e foreignError) Error() string { return "but not in " + e.name + "'s words: check base_url" }

// Foreign reports whether an error was made of a 404 that may be anybody's.
func Foreign(err error) bool {
	_, ok := errors.AsType[foreignError](err)
	return ok
}

func (o *Outcome) answered(method string, resp *http.Response, now time.Time) {
	*o = Outcome{method: method, status: resp.StatusCode, kind: KindOfStatus(method, resp.StatusCode)}
	if o.kind == "" {
		return
	}
	o.after = retryAfter(resp.Header, now)
	o.err = fmt.Errorf("status %d", resp.StatusCode)
	switch o.kind {
	case provider.Denied:
		o.err = fmt.Errorf("status %d: check the key and its rights", resp.StatusCode)
	case provider.Malformed:
		o.err = fmt.Errorf("status %d: check base_url", resp.StatusCode)
	default: // the kind says enough
	}
}

func (o *Outcome) lost(method string, err error) {
	*o = Outcome{method: method, kind: provider.Unavailable, err: redact(err)}
	var lost *Lost
	var held *heldError
	errors.As(err, &lost)
	switch {
	case errors.As(err, &held):
		o.kind, o.after = provider.RateLimited, held.left
	case lost == nil || lost.Before:
	case !isRead(method):
		o.kind = provider.OutcomeUnknown
	case lost.Cut:
		o.kind = provider.Malformed
	}
}

// KindOfStatus says what an answer's status means; empty for 2xx.
func KindOfStatus(method string, status int) provider.ErrorKind {
	switch {
	case status >= 200 && status < 300:
		return ""
	case status >= 300 && status < 400:
		return provider.Malformed
	case status == http.StatusTooManyRequests:
		return provider.RateLimited
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return provider.Denied
	case status == http.StatusNotFound, status == http.StatusGone:
		return provider.NotFound
	case status == http.StatusServiceUnavailable:
		return provider.Unavailable
	case status >= 500, status == http.StatusRequestTimeout:
		if isRead(method) {
			return provider.Unavailable
		}
		return provider.OutcomeUnknown
	}
	return provider.Refused
}

// neverSent reports whether a connection was never made.
func neverSent(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return true
	}
	var (
		dns       *net.DNSError
		untrusted *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
		plain     tls.RecordHeaderError
	)
	return errors.As(err, &dns) || errors.As(err, &untrusted) || errors.As(err, &authority) || errors.As(err, &plain)
}

// redact keeps of a network error what an operator needs. The errors of
// net/http name addresses and causes; they quote no headers and no bodies, and
// a URL with its query is cut here.
func redact(err error) error {
	text := err.Error()
	if i := strings.IndexByte(text, '?'); i >= 0 {
		text = text[:i] + "…"
	}
	const enough = 200
	if len(text) > enough {
		text = text[:enough] + "…"
	}
	return &redacted{text: text, err: err}
}

// redacted shows the text and still answers errors.Is for what was behind it.
type redacted struct {
	text string
	err  error
}

func (r *redacted) Error() string { return r.text }

func (r *redacted) Is(target error) bool { return errors.Is(r.err, target) }

// retryAfter reads a Retry-After in seconds or as a date.
func retryAfter(header http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(header.Get("Retry-After"))
	if text == "" {
		return 0
	}
	const longest = 24 * time.Hour
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		if !(seconds > 0) {
			return 0
		}
		return time.Duration(min(seconds, longest.Seconds()) * float64(time.Second))
	}
	if date, err := http.ParseTime(text); err == nil {
		return min(max(0, date.Sub(now)), longest)
	}
	return 0
}

func twoSegments(path string) string {
	parts := strings.SplitN(strings.TrimPrefix(path, "/"), "/", 3)
	return "/" + strings.Join(parts[:min(2, len(parts))], "/")
}
