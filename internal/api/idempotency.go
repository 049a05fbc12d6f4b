package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/trivetdev/trivet/internal/store"
)

const (
	// maxBody is the longest body that is read.
	maxBody = 1 << 20
	// bodyPatience is how long a body may take to arrive.
	bodyPatience = 10 * time.Second
	maxKey       = 255
)

// Idempotent is part of the input of everything that changes something.
type Idempotent struct {
	Key string `header:"Idempotency-Key" maxLength:"255" doc:"Any text of your own. A request that comes again with the same key is not carried out again: it gets the first one's answer, for 48 hours."`
}

// take carries out a request that may change something: it reads the body within
// the limits, and answers a POST that was answered before from memory.
func (s *server) take(w http.ResponseWriter, r *http.Request) {
	body, p := readBody(w, r)
	if p != nil {
		p.write(w)
		return
	}
	if bytes.Contains(body, []byte(`\u0000`)) { // which PostgreSQL keeps in no text
		invalidf("The body holds the character NUL, which is in no text: leave it out.").write(w)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if kind := r.Header.Get("Content-Type"); kind == "" || strings.HasPrefix(kind, "application/x-www-form-urlencoded") {
		r.Header.Set("Content-Type", "application/json") // what curl says of -d '{…}'; nothing here takes forms
	}
	key := r.Header.Get("Idempotency-Key")
	if key == "" || r.Method != http.MethodPost {
		s.rest.ServeHTTP(w, r)
		return
	}
	if len(key) > maxKey || strings.ContainsFunc(key, func(c rune) bool { return c < ' ' || c > '~' }) {
		invalidf("The Idempotency-Key must be at most %d visible ASCII characters.", maxKey).write(w)
		return
	}
	s.once(w, r, perHolder(r, key), digest(body))
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, *Problem) {
	control := http.NewResponseController(w)
	// Not every ResponseWriter has deadlines; a test's recorder has not.
	_ = control.SetReadDeadline(time.Now().Add(bodyPatience)) //nolint:forbidigo // a deadline of the network, not of business
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	_ = control.SetReadDeadline(time.Time{})
	if err == nil {
		return body, nil
	}
	w.Header().Set("Connection", "close")
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, problemf(http.StatusRequestEntityTooLarge, "too_large", "The body is longer than %d bytes, which nothing here needs.", maxBody)
	}
	return nil, problemf(http.StatusRequestTimeout, "too_slow", "The body did not arrive within %s: send it again.", bodyPatience)
}

// perHolder is the idempotency key within its bounds: one API key, method and path.
// The API key is known by its hash and not by its name, so that what is asked again
// is not carried out again because the key was named meanwhile, and a name that goes
// to another program does not take along what the former one was answered.
func perHolder(r *http.Request, key string) string {
	return digest([]byte(strings.Join([]string{sentWith(r.Context()).print, r.Method, r.URL.EscapedPath(), key}, "\n")))
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// once carries out a request unless it was carried out before. Only a success is
// kept: a request that was refused has done nothing, and may be good later.
func (s *server) once(w http.ResponseWriter, r *http.Request, key, request string) {
	kept, found, err := s.DB.ClaimAnswer(r.Context(), key, request)
	switch {
	case errors.Is(err, store.ErrUnanswered):
		underWay().write(w)
		return
	case err != nil:
		s.internal(err).write(w)
		return
	case found && kept.Request != request:
		problemf(http.StatusUnprocessableEntity, "key_reused",
			"This Idempotency-Key was used for another request: use a new one for each request that is meant to be carried out.").write(w)
		return
	case found:
		w.Header().Set("Idempotent-Replayed", "true")
		answer{status: int(kept.Status), body: kept.Body}.write(w)
		return
	}
	s.carryOut(w, r, key, request)
}

func underWay() *Problem {
	p := problemf(http.StatusConflict, "under_way", "A request with this Idempotency-Key is under way: ask again in a moment.")
	p.retryAfter = time.Second
	return p
}

// carryOut runs the request and keeps its answer before it is sent: an answer
// that got lost on the way can be asked for again.
func (s *server) carryOut(w http.ResponseWriter, r *http.Request, key, request string) {
	// The client may go away; what was decided about its key must be written.
	ctx := context.WithoutCancel(r.Context())
	settled := false
	defer func() {
		if settled {
			return
		}
		if err := s.DB.ReleaseAnswer(ctx, key); err != nil {
			s.Log.Warn("cannot release an idempotency key; it will expire", "error", err)
		}
	}()
	caught := &capture{header: http.Header{}, answer: answer{status: http.StatusOK}}
	s.rest.ServeHTTP(caught, r)
	if caught.status < http.StatusMultipleChoices {
		kept := store.Answer{Request: request, Status: int64(caught.status), Body: caught.body}
		if _, err := s.DB.KeepAnswer(ctx, key, kept); err != nil {
			s.Log.Error("cannot keep an answer; the request may be carried out again", "error", err)
		} else {
			settled = true
		}
	}
	for name, values := range caught.header {
		w.Header()[name] = values
	}
	caught.write(w)
}

// answer is an answer that is held back or was kept.
type answer struct {
	status int
	body   []byte
}

func (a answer) write(w http.ResponseWriter) {
	if w.Header().Get("Content-Type") == "" && len(a.body) > 0 {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the client has gone
}

// capture is a ResponseWriter that holds the answer back.
type capture struct {
	answer
	header http.Header
}

func (c *capture) Header() http.Header { return c.header }

func (c *capture) WriteHeader(status int) { c.status = status }

func (c *capture) Write(p []byte) (int, error) {
	c.body = append(c.body, p...)
	return len(p), nil
}
