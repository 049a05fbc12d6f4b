package stripe

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// call is one API request being answered.
type call struct {
	s    *Server
	form *form
	r    *http.Request
}

func (c *call) id() string { return c.r.PathValue("id") }

type operation func(c *call) (doc, error)

// routes wires the API and the hosted pages.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	names := allowed()
	for _, group := range []map[string]operation{
		catalogRoutes(), customerRoutes(), checkoutRoutes(), subscriptionRoutes(), invoiceRoutes(),
		paymentRoutes(), disputeRoutes(), accountRoutes(),
	} {
		for pattern, op := range group {
			mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
				s.serve(w, r, pattern, checked(names[pattern], op))
			})
		}
	}
	mux.HandleFunc("/v1/", s.serveUnknown)
	s.pages(mux)
	return mux
}

// checked refuses parameters that the call does not have.
func checked(names string, op operation) operation {
	return func(c *call) (doc, error) {
		if err := refuseUnknown(c.form, names); err != nil {
			return nil, err
		}
		return op(c)
	}
}

// serveUnknown says so when a caller needs what the simulator lacks.
func (s *Server) serveUnknown(w http.ResponseWriter, r *http.Request) {
	s.serve(w, r, "unknown", func(*call) (doc, error) {
		return nil, &apiError{
			status: 404, typ: "invalid_request_error",
			message: "Unrecognized request URL (" + r.Method + ": " + r.URL.Path + "). The simulated Stripe does not have it; see the package documentation of sim/stripe.",
		}
	})
}

// serve answers one API call: faults first, then the key, then the operation.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, pattern string, op operation) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	params := r.URL.RawQuery
	if len(body) > 0 {
		params = strings.TrimPrefix(params+"&"+string(body), "&")
	}
	status, header, out, fault := s.answer(r, pattern, params, op)
	s.log.Debug("stripe api call", "method", r.Method, "path", r.URL.Path, "status", status, "fault", fault)
	if fault == sim.FaultTimeoutBefore || fault == sim.FaultTimeoutAfter {
		panic(http.ErrAbortHandler)
	}
	for k, v := range header {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(out)))
	if fault == sim.FaultTruncated {
		out = out[:len(out)/2]
		if w.Header().Get("X-Sim-Cut") == "whole" {
			w.Header().Set("Content-Length", strconv.Itoa(len(out)))
		}
		w.Header().Del("X-Sim-Cut")
	}
	w.WriteHeader(status)
	_, _ = w.Write(out)
}

// answer does all that needs the lock, so that a slow client holds up nobody.
func (s *Server) answer(r *http.Request, pattern, params string, op operation) (int, http.Header, []byte, string) {
	defer s.enter()()
	s.stats.Calls[pattern]++
	h := http.Header{}
	req := request{
		id: s.newID("req", 14), write: r.Method != http.MethodGet,
		key: r.Header.Get("Idempotency-Key"),
	}
	h.Set("Request-Id", req.id)
	h.Set("Stripe-Version", APIVersion)
	fault := s.faults.Call(s.now)
	if status, body := s.refuse(fault, h); status != 0 {
		return status, h, body, fault
	}
	if fault == sim.FaultTimeoutBefore {
		return 0, h, nil, fault
	}
	blind, err := s.authorize(r)
	if err != nil {
		return s.failure(err, h, fault)
	}
	req.blind = blind
	s.req = req
	defer func() { s.req = request{} }()
	form, err := parseForm(params)
	if err != nil {
		return s.failure(err, h, fault)
	}
	status, body := s.execute(&call{s: s, form: form, r: r}, op, h)
	if fault == sim.FaultTruncated {
		if status != 200 || len(body) < 2 {
			fault = ""
		} else if s.faults.Flip() {
			h.Set("X-Sim-Cut", "whole")
		}
	}
	return status, h, body, fault
}

// execute carries out the operation, once for each idempotency key.
func (s *Server) execute(c *call, op operation, h http.Header) (int, []byte) {
	key := ""
	if c.r.Method == http.MethodPost {
		key = s.req.key
	}
	if key != "" {
		h.Set("Idempotency-Key", key)
	}
	params := c.r.Method + " " + c.r.URL.Path + " " + c.form.canonical()
	stored, err := s.replay(key, params)
	if stored != nil {
		h.Set("Idempotent-Replayed", "true")
		return stored.status, stored.body
	}
	var d doc
	if err == nil {
		d, err = op(c)
	}
	if err != nil {
		status, _, body, _ := s.failure(err, h, "")
		s.keep(key, params, status, body)
		return status, body
	}
	body := sim.AppendJSON(nil, d)
	s.keep(key, params, 200, body)
	return 200, body
}

// failure renders any error as Stripe does.
func (s *Server) failure(err error, h http.Header, fault string) (int, http.Header, []byte, string) {
	var e *apiError
	if !errors.As(err, &e) {
		e = &apiError{status: 500, typ: "api_error", message: err.Error()}
	}
	if fault == sim.FaultTruncated {
		fault = ""
	}
	d := append(e.render(), field{"request_log_url", "https://dashboard.stripe.com/logs/" + h.Get("Request-Id")})
	return e.status, h, sim.AppendJSON(nil, doc{{"error", d}}), fault
}

// refuse answers the faults that come before anything is done.
func (s *Server) refuse(fault string, h http.Header) (int, []byte) {
	e := &apiError{typ: "api_error", message: "Something went wrong on Stripe's end."}
	switch fault {
	case sim.FaultOutage:
		e.status = 503
	case sim.FaultServerError:
		e.status = 500 + s.faultTurn()
	case sim.FaultRateLimited:
		e = &apiError{status: 429, typ: "invalid_request_error", code: "rate_limit", message: "Request rate limit exceeded."}
		if s.faults.Flip() {
			h.Set("Retry-After", strconv.Itoa(int(2*time.Second/time.Second)))
		}
	default:
		return 0, nil
	}
	status, _, body, _ := s.failure(e, h, fault)
	return status, body
}

// faultTurn varies server errors over 500, 502 and 503.
func (s *Server) faultTurn() int {
	switch {
	case s.faults.Flip():
		return 0
	case s.faults.Flip():
		return 2
	}
	return 3
}

// authorize checks the key. The key of the other mode is a good key, to an
// account in which nothing exists.
func (s *Server) authorize(r *http.Request) (blind bool, err error) {
	key, _, ok := r.BasicAuth()
	if !ok {
		key = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	}
	switch key {
	case s.cfg.SecretKey:
		return false, nil
	case otherMode(s.cfg.SecretKey):
		return true, nil
	case "":
		return false, &apiError{
			status: 401, typ: "invalid_request_error",
			message: "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth.",
		}
	}
	shown := key
	if len(key) > 12 {
		shown = key[:8] + "****" + key[len(key)-4:]
	}
	return false, &apiError{status: 401, typ: "invalid_request_error", message: "Invalid API Key provided: " + shown}
}

// otherMode swaps test for live in a key.
func otherMode(key string) string {
	if strings.Contains(key, "_live_") {
		return strings.Replace(key, "_live_", "_test_", 1)
	}
	return strings.Replace(key, "_test_", "_live_", 1)
}
