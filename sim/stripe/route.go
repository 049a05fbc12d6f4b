package stripe

import (
	"errors"
	"net/http"
	"strings"

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
	s.world.Serve(w, r, pattern, "application/json", func(body []byte, fault string) sim.Answer {
		params := r.URL.RawQuery
		if len(body) > 0 {
			params = strings.TrimPrefix(params+"&"+string(body), "&")
		}
		return s.answer(r, params, fault, op)
	})
}

func (s *Server) answer(r *http.Request, params, fault string, op operation) sim.Answer {
	h := http.Header{}
	req := request{
		id: s.newID("req", 14), write: r.Method != http.MethodGet,
		key: r.Header.Get("Idempotency-Key"),
	}
	h.Set("Request-Id", req.id)
	h.Set("Stripe-Version", APIVersion)
	if fault == sim.FaultTimeoutBefore {
		return sim.Answer{}
	}
	if err := s.refuse(fault, h); err != nil {
		return failure(err, h)
	}
	blind, err := s.authorize(r)
	if err != nil {
		return failure(err, h)
	}
	req.blind = blind
	s.req = req
	defer func() { s.req = request{} }()
	form, err := parseForm(params)
	if err != nil {
		return failure(err, h)
	}
	status, body := s.execute(&call{s: s, form: form, r: r}, op, h)
	return sim.Answer{Status: status, Header: h, Body: body}
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
		a := failure(err, h)
		s.keep(key, params, a.Status, a.Body)
		return a.Status, a.Body
	}
	body := sim.AppendJSON(nil, d)
	s.keep(key, params, 200, body)
	return 200, body
}

// failure renders any error as Stripe does.
func failure(err error, h http.Header) sim.Answer {
	var e *apiError
	if !errors.As(err, &e) {
		e = &apiError{status: 500, typ: "api_error", message: err.Error()}
	}
	d := append(e.render(), field{"request_log_url", "https://dashboard.stripe.com/logs/" + h.Get("Request-Id")})
	return sim.Answer{Status: e.status, Header: h, Body: sim.AppendJSON(nil, doc{{"error", d}})}
}

// refuse is what the faults answer that come before anything is done; nil for others.
func (s *Server) refuse(fault string, h http.Header) error {
	e := &apiError{typ: "api_error", message: "Something went wrong on Stripe's end."}
	switch fault {
	case sim.FaultOutage:
		e.status = 503
	case sim.FaultServerError:
		e.status = 500 + s.faultTurn()
	case sim.FaultRateLimited:
		e = &apiError{status: 429, typ: "invalid_request_error", code: "rate_limit", message: "Request rate limit exceeded."}
		if s.faults.Flip() {
			h.Set("Retry-After", "2")
		}
	default:
		return nil
	}
	return e
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
