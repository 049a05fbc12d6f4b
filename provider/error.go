package provider

import (
	"errors"
	"fmt"
	"time"
)

// ErrorKind says what to do about a failed call.
type ErrorKind string

// The kinds of failures.
const (
	// NotFound: the provider has no such object, or does not show it yet.
	NotFound ErrorKind = "not_found"
	// RateLimited: too many calls; wait for RetryAfter and repeat.
	RateLimited ErrorKind = "rate_limited"
	// Unavailable: the provider could not be reached or failed before acting, so
	// far as can be told; repeat later.
	Unavailable ErrorKind = "unavailable"
	// OutcomeUnknown: a write was sent and no answer came; look before repeating.
	OutcomeUnknown ErrorKind = "outcome_unknown"
	// Denied: the key is wrong, expired, or lacks a right. A person must act.
	Denied ErrorKind = "denied"
	// Refused: the provider understood and says no. Repeating does not help.
	Refused ErrorKind = "refused"
	// Malformed: the answer cannot be read.
	Malformed ErrorKind = "malformed"
	// Unsupported: the provider cannot do this.
	Unsupported ErrorKind = "unsupported"
)

// Temporary reports whether repeating the call later may help without anybody
// doing anything.
func (k ErrorKind) Temporary() bool {
	return k == RateLimited || k == Unavailable || k == OutcomeUnknown || k == Malformed
}

// Error is a failed call to a provider. Its text carries no secret and no body.
type Error struct {
	Account string
	// Op is what was being done, such as "fetch subscription sub_1".
	Op   string
	Kind ErrorKind
	// Code is the provider's own error code, if it gave one.
	Code string
	// RetryAfter is how long the provider asked to wait; zero if it did not say.
	RetryAfter time.Duration
	Err        error
}

// Error implements error.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %s: %s", e.Account, e.Op, e.Kind)
	if e.Code != "" {
		text += " (" + e.Code + ")"
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the provider error in err; [Unavailable] if there
// is none in it.
func KindOf(err error) ErrorKind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Unavailable
}

// Reason says why a webhook was rejected.
type Reason string

// The reasons for rejecting a webhook. Strangers are not told which.
const (
	// Unsigned: the signature header is missing or cannot be read.
	Unsigned Reason = "unsigned"
	// BadSignature: no configured secret made this signature.
	BadSignature Reason = "bad_signature"
	// Stale and Future: the signed time is too far from ours.
	Stale  Reason = "stale"
	Future Reason = "future"
	// BadBody: the signature is good, but the body is not an event.
	BadBody Reason = "bad_body"
	// WrongMode: a test-mode event for a live account, or the reverse.
	WrongMode Reason = "wrong_mode"
	// WrongFormat: an event in a form that this service does not take, such as
	// Stripe's thin events.
	WrongFormat Reason = "wrong_format"
)

// Rejection is the error of [Driver.Verify].
type Rejection struct {
	Reason Reason
	// Detail tells the operator more and what to do; strangers do not see it.
	Detail string
}

// Reject makes a rejection.
func Reject(reason Reason, detail string) *Rejection {
	return &Rejection{Reason: reason, Detail: detail}
}

// Error implements error.
func (r *Rejection) Error() string {
	return fmt.Sprintf("webhook rejected (%s): %s", r.Reason, r.Detail)
}

// Authentic reports whether the sender knew a secret, so that it may be told
// what is wrong.
func (r *Rejection) Authentic() bool {
	return r.Reason == BadBody || r.Reason == WrongMode || r.Reason == WrongFormat
}
