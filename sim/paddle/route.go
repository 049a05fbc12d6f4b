package paddle

import (
	"errors"
	"net/http"
	"strings"

	"github.com/trivetdev/trivet/sim"
)

// call is one API request being answered.
type call struct {
	s    *Server
	r    *http.Request
	body params
}

func (c *call) id() string { return c.r.PathValue("id") }

// answered is what an operation returns: data, and for a list its pagination.
type answered struct {
	data  any
	pages doc
	// status is 200 when zero.
	status int
}

type operation func(c *call) (answered, error)

// endpointOf is one row of the table of calls: what it does, and the fields and
// query parameters that it takes.
type endpointOf struct {
	run    operation
	fields string
	query  string
}

// routes wires the API and the pages.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for _, group := range []map[string]endpointOf{
		catalogRoutes(), customerRoutes(), transactionRoutes(), subscriptionRoutes(), adjustmentRoutes(), eventRoutes(), settingRoutes(),
	} {
		for pattern, e := range group {
			mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, pattern, e) })
		}
	}
	mux.HandleFunc("/", s.serveOther)
	return mux
}

// serveOther is the checkout and the portal; what is neither is a call that the
// simulator does not have.
func (s *Server) serveOther(w http.ResponseWriter, r *http.Request) {
	if s.page(w, r) {
		return
	}
	s.serve(w, r, "unknown", endpointOf{query: "*", fields: "*", run: func(*call) (answered, error) {
		return answered{}, &apiError{
			status: 404, code: "invalid_url",
			detail: "The simulated Paddle has no " + r.Method + " " + r.URL.Path + "; see the package documentation of sim/paddle",
		}
	}})
}

// serve answers one API call: faults first, then the key, then the operation.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, pattern string, e endpointOf) {
	s.world.Serve(w, r, pattern, "application/json", func(body []byte, fault string) sim.Answer {
		return s.answer(r, body, fault, e)
	})
}

func (s *Server) answer(r *http.Request, body []byte, fault string, e endpointOf) sim.Answer {
	h := http.Header{}
	s.req = request{
		id: s.newID("req"), write: r.Method != http.MethodGet, transit: r.Header.Get("X-Transit-Id"),
	}
	defer func() { s.req = request{} }()
	if fault == sim.FaultTimeoutBefore {
		return sim.Answer{}
	}
	if err := s.refuse(fault, h); err != nil {
		return s.failure(err, h)
	}
	if err := s.authorize(r); err != nil {
		return s.failure(err, h)
	}
	out, err := s.execute(&call{s: s, r: r}, body, e)
	if err != nil {
		return s.failure(err, h)
	}
	meta := doc{{"request_id", s.req.id}}
	if out.pages != nil {
		meta = append(meta, field{"pagination", out.pages})
	}
	if out.status == 0 {
		out.status = 200
	}
	return sim.Answer{Status: out.status, Header: h, Body: sim.AppendJSON(nil, doc{{"data", out.data}, {"meta", meta}})}
}

// execute reads the parameters, refuses those that the call does not have, and
// carries it out.
func (s *Server) execute(c *call, body []byte, e endpointOf) (answered, error) {
	var err error
	if c.body, err = readBody(body); err != nil {
		return answered{}, err
	}
	for _, name := range c.body.names() {
		if e.fields != "*" && !listed(e.fields, name) {
			return answered{}, badField(name, "The call has no field "+name)
		}
	}
	for name := range c.r.URL.Query() {
		name, _, _ = strings.Cut(name, "[")
		if e.query != "*" && !listed(e.query, name) {
			return answered{}, badField(name, "The call has no query parameter "+name)
		}
	}
	return e.run(c)
}

func listed(names, name string) bool {
	return strings.Contains(" "+names+" ", " "+name+" ")
}

// failure renders any error as Paddle does.
func (s *Server) failure(err error, h http.Header) sim.Answer {
	var e *apiError
	if !errors.As(err, &e) {
		e = &apiError{status: 500, code: "internal_error", detail: err.Error()}
	}
	return sim.Answer{Status: e.status, Header: h, Body: sim.AppendJSON(nil, e.render(s.req.id))}
}

// refuse is what the faults answer that come before anything is done; nil for others.
func (s *Server) refuse(fault string, h http.Header) error {
	switch fault {
	case sim.FaultOutage:
		return &apiError{status: 503, code: "service_unavailable", detail: "Service unavailable"}
	case sim.FaultServerError:
		e := &apiError{status: 500, code: "internal_error", detail: "Unexpected internal server error"}
		if s.faults.Flip() {
			e.status, e.code = 502, "bad_gateway"
		}
		return e
	case sim.FaultRateLimited:
		if s.faults.Flip() {
			h.Set("Retry-After", "2")
		}
		return &apiError{status: 429, code: "too_many_requests", detail: "Too many requests, please try again in a minute"}
	}
	return nil
}

// authorize checks the key. Paddle answers 403 to a wrong one.
func (s *Server) authorize(r *http.Request) error {
	key, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case !bearer:
		return &apiError{status: 401, code: "authentication_missing", detail: "Authentication header missing"}
	case key != s.cfg.APIKey:
		return &apiError{status: 403, code: "invalid_token", detail: "The token sent with this request is not valid"}
	}
	return nil
}
