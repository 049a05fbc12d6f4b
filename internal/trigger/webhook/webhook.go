// Package webhook is the way in for providers that call us.
//
// It owns POST /webhooks/{account}: reading within limits, having the signature
// checked, storing, answering. It writes nothing about a request that is not
// authentic, and nothing but the event about one that is; the work is done
// later. A 2xx means that the event is on disk.
package webhook

import (
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/trivetdev/trivet/internal/inbox"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// Limits on what a stranger may cost us.
const (
	// MaxBody is the longest body that is read; no provider sends one.
	MaxBody = 1 << 20
	// remembered is how many rejections are kept, in memory.
	remembered = 100
)

// Handler answers webhooks. Make it with [New].
type Handler struct {
	drivers map[string]provider.Driver
	inbox   *inbox.Inbox
	now     func() time.Time
	log     *slog.Logger
	// Observe, if set before use, is told how each delivery ended: "stored",
	// "duplicate", "failed", or the reason for rejecting it.
	Observe func(account, result string)
	// Patience is how long a body may take to arrive. Change it before use.
	Patience time.Duration

	mu         sync.Mutex
	rejections []Rejection
	rejected   int64 // since this process started
}

// Rejection is what is kept of a rejected delivery: no body, and nothing that a
// stranger could make long.
type Rejection struct {
	// Seq counts the rejections since this process started, from 1.
	Seq     int64           `json:"seq"`
	At      time.Time       `json:"at"`
	Account string          `json:"account"`
	Reason  provider.Reason `json:"reason"`
	// Detail tells the operator what to do.
	Detail string `json:"detail"`
	// Bytes is how long the body was, or was said to be if it was not read.
	Bytes int `json:"bytes"`
}

// The reasons that are ours rather than a driver's.
const (
	unknownAccount provider.Reason = "unknown_account"
	tooLarge       provider.Reason = "too_large"
	tooSlow        provider.Reason = "too_slow"
	unreadable     provider.Reason = "unreadable"
)

// New makes the handler.
func New(drivers map[string]provider.Driver, in *inbox.Inbox, now func() time.Time, log *slog.Logger) *Handler {
	return &Handler{drivers: drivers, inbox: in, now: now, log: log, Patience: 10 * time.Second, Observe: func(string, string) {}}
}

// ServeHTTP implements http.Handler for POST /webhooks/{account}.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	account := r.PathValue("account")
	driver, known := h.drivers[account]
	body, status, reason := h.read(w, r)
	switch {
	case reason != "":
		announced := max(len(body), int(min(r.ContentLength, math.MaxInt32)))
		h.reject(w, status, account, known, &provider.Rejection{Reason: reason, Detail: http.StatusText(status)}, announced)
		return
	case !known:
		h.reject(w, http.StatusUnauthorized, account, known, &provider.Rejection{
			Reason: unknownAccount, Detail: "no provider account of this name is configured: compare the endpoint's URL at the provider",
		}, len(body))
		return
	}
	delivery, err := driver.Verify(r.Context(), r.Header, body, h.now())
	if err != nil {
		h.refuse(w, account, err, len(body))
		return
	}
	delivery.Body = body
	fresh, err := h.inbox.Add(r.Context(), account, store.ArrivalWebhook, "", delivery, r.Header)
	if err != nil {
		h.Observe(account, "failed")
		h.log.Error("cannot store a webhook; the provider will send it again", "account", account, "event", delivery.ID, "error", err)
		w.Header().Set("Retry-After", "5")
		answer(w, http.StatusServiceUnavailable, "not stored, send it again")
		return
	}
	if fresh {
		h.Observe(account, "stored")
	} else {
		h.Observe(account, "duplicate")
	}
	answer(w, http.StatusOK, "received")
}

// read reads the body within the limits, before anything is looked up, so that
// the answers to strangers take alike.
func (h *Handler) read(w http.ResponseWriter, r *http.Request) (body []byte, status int, reason provider.Reason) {
	if r.ContentLength > MaxBody {
		w.Header().Set("Connection", "close")
		return nil, http.StatusRequestEntityTooLarge, tooLarge
	}
	control := http.NewResponseController(w)
	// Not every ResponseWriter has deadlines; a test's recorder has not.
	_ = control.SetReadDeadline(time.Now().Add(h.Patience)) //nolint:forbidigo // a deadline of the network, not of business
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err == nil {
		_ = control.SetReadDeadline(time.Time{})
		return body, 0, ""
	}
	// The deadline stands: after the answer the server reads on for a while, and
	// whoever drips must not hold it there.
	w.Header().Set("Connection", "close")
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return body, http.StatusRequestEntityTooLarge, tooLarge
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return body, http.StatusRequestTimeout, tooSlow
	}
	return body, http.StatusBadRequest, unreadable
}

// refuse answers a delivery that the driver rejected. Whoever did not know a
// secret learns nothing but that.
func (h *Handler) refuse(w http.ResponseWriter, account string, err error, size int) {
	rejection, ok := errors.AsType[*provider.Rejection](err)
	if !ok {
		// The check itself failed, say for want of a certificate: not the
		// sender's fault, so it shall try again.
		h.Observe(account, "failed")
		h.log.Error("cannot verify a webhook; the provider will send it again", "account", account, "error", err)
		answer(w, http.StatusServiceUnavailable, "not verified, send it again")
		return
	}
	status := http.StatusUnauthorized
	if rejection.Authentic() {
		status = http.StatusBadRequest
	}
	h.reject(w, status, account, true, rejection, size)
}

func (h *Handler) reject(w http.ResponseWriter, status int, account string, known bool, rejection *provider.Rejection, size int) {
	if !known {
		account = "unknown" // a stranger's choice of name goes nowhere
	}
	h.Observe(account, string(rejection.Reason))
	h.log.Warn("rejected a webhook", "account", account, "reason", rejection.Reason, "detail", rejection.Detail)
	h.mu.Lock()
	if len(h.rejections) == remembered {
		h.rejections = h.rejections[1:]
	}
	h.rejected++
	h.rejections = append(h.rejections, Rejection{Seq: h.rejected, At: h.now(), Account: account, Reason: rejection.Reason, Detail: rejection.Detail, Bytes: size})
	h.mu.Unlock()
	text := "not accepted"
	if rejection.Authentic() {
		text = rejection.Detail
	}
	answer(w, status, text)
}

// Rejections lists the latest rejected deliveries, newest first.
func (h *Handler) Rejections() []Rejection {
	h.mu.Lock()
	defer h.mu.Unlock()
	latest := make([]Rejection, len(h.rejections))
	for i, r := range h.rejections {
		latest[len(latest)-1-i] = r
	}
	return latest
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") //nolint:gosec // plain text, and said to be
}
