package providertest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
)

// fault is something that goes wrong with one call.
type fault int

const (
	none fault = iota
	limited
	broken
	down
	lostBefore
	lostAfter
	cut
	half
	html
)

var faultNames = map[fault]string{
	limited: "429", broken: "500", down: "503", lostBefore: "time-out before acting", lostAfter: "time-out after acting",
	cut: "answer cut off", half: "half a JSON", html: "a page instead of JSON",
}

// inBody is in the body of every failure, and must be in no error.
const inBody = "somebody@example.com"

// errDropped is a connection that breaks after the request was sent.
var errDropped = errors.New("connection reset by peer")

// net stands between the driver and the simulator.
type net struct {
	next    http.RoundTripper
	reply   func(text string) string
	secrets []string

	fault fault
	write bool // whether the fault waits for a write
	// either: it waits for neither in particular.
	either bool
	swap   []string
	calls  int
}

// strike lets the next read, or the next write, go wrong.
func (n *net) strike(f fault, write bool) { n.fault, n.write, n.either = f, write, false }

// strikeNext lets the next call go wrong, be it a read or a write.
func (n *net) strikeNext(f fault) { n.fault, n.either = f, true }

// RoundTrip implements http.RoundTripper.
func (n *net) RoundTrip(req *http.Request) (*http.Response, error) {
	n.calls++
	f := none
	if isWrite := req.Method != http.MethodGet; n.fault != none && (n.either || n.write == isWrite) {
		f, n.fault = n.fault, none
	}
	text := inBody + " sent " + strings.Join(n.secrets, ", ")
	switch f {
	case limited:
		return answer(req, http.StatusTooManyRequests, n.reply(text)), nil
	case broken:
		return answer(req, http.StatusInternalServerError, n.reply(text)), nil
	case down:
		return answer(req, http.StatusServiceUnavailable, text), nil
	case lostBefore:
		return nil, errDropped
	case html:
		return answer(req, http.StatusOK, "<html>"+text), nil
	default: // the call is made
	}
	resp, err := n.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	switch f {
	case lostAfter:
		return nil, errDropped
	case cut, half:
		return n.shorten(resp, f)
	default:
		return n.rewrite(resp)
	}
}

func (n *net) shorten(resp *http.Response, f fault) (*http.Response, error) {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	body = body[:len(body)/2]
	resp.ContentLength = int64(len(body))
	resp.Header.Del("Content-Length")
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if f == cut || len(body) == 0 { // nothing has no half: it breaks off
		resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), broke{}))
	}
	return resp, nil
}

// rewrite swaps words in an answer.
func (n *net) rewrite(resp *http.Response) (*http.Response, error) {
	if len(n.swap) == 0 {
		return resp, nil
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	text := strings.NewReplacer(n.swap...).Replace(string(body))
	resp.ContentLength = int64(len(text))
	resp.Header.Del("Content-Length")
	resp.Body = io.NopCloser(strings.NewReader(text))
	return resp, nil
}

type broke struct{}

func (broke) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func answer(req *http.Request, status int, body string) *http.Response {
	header := http.Header{"Content-Type": {"application/json"}}
	if status == http.StatusTooManyRequests {
		header.Set("Retry-After", "0")
	}
	return Answer(req, status, header, body)
}

// Answer is the answer to a call, as it comes from a socket.
func Answer(req *http.Request, status int, header http.Header, body string) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{
		StatusCode: status, Header: header, Request: req, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}
