package sim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// ErrConnectionLost is what a client sees when the simulated provider drops the
// connection: it cannot know whether the call was carried out.
var ErrConnectionLost = errors.New("sim: connection lost")

// Transport returns a round tripper that calls h in the same process, without a
// socket. Dropped connections and short bodies reach the client as they would
// over TCP: as an error of the call, or of reading the body.
func Transport(h http.Handler) http.RoundTripper {
	return transport{h}
}

type transport struct {
	h http.Handler
}

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	defer func() {
		if p := recover(); p != nil {
			if cause, ok := p.(error); !ok || !errors.Is(cause, http.ErrAbortHandler) {
				panic(p)
			}
			resp, err = nil, fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, ErrConnectionLost)
		}
	}()
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	t.h.ServeHTTP(rec, in)
	return rec.response(r), nil
}

// recorder is the server's side of a call in the same process.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }
func (r *recorder) WriteHeader(status int)      { r.status = status }

// response gives a body that is shorter than its Content-Length the end it has
// on a socket.
func (r *recorder) response(req *http.Request) *http.Response {
	resp := &http.Response{
		Status: strconv.Itoa(r.status) + " " + http.StatusText(r.status), StatusCode: r.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: r.header, Request: req, ContentLength: int64(r.body.Len()),
		Body: io.NopCloser(&r.body),
	}
	want, err := strconv.Atoi(r.header.Get("Content-Length"))
	if err == nil && want > r.body.Len() {
		resp.ContentLength = int64(want)
		resp.Body = io.NopCloser(io.MultiReader(&r.body, cutOff{}))
	}
	return resp
}

type cutOff struct{}

func (cutOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
