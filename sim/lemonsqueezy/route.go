package lemonsqueezy

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/trivetdev/trivet/sim"
)

// mediaType is what JSON:API wants in Accept and Content-Type.
const mediaType = "application/vnd.api+json"

// call is one API request being answered.
type call struct {
	s    *Server
	r    *http.Request
	body request
}

// request is the document of a write.
type request struct {
	Data struct {
		Type          string
		ID            string
		Attributes    map[string]json.RawMessage
		Relationships map[string]struct {
			Data struct{ Type, ID string }
		}
	}
}

func (c *call) id() string { return c.r.PathValue("id") }

// relation is the id of a related resource in a request.
func (c *call) relation(name string) string { return c.body.Data.Relationships[name].Data.ID }

func (c *call) attributes() members { return c.body.Data.Attributes }

// operation answers a call; a nil doc is an answer without content.
type operation func(c *call) (doc, error)

// routes wires the API and the hosted pages.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for _, group := range []map[string]operation{
		catalogRoutes(), customerRoutes(), checkoutRoutes(), orderRoutes(), subscriptionRoutes(), invoiceRoutes(), webhookRoutes(),
	} {
		for pattern, op := range group {
			mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, pattern, op) })
		}
	}
	mux.HandleFunc("/v1/", func(w http.ResponseWriter, r *http.Request) {
		s.serve(w, r, "unknown", func(*call) (doc, error) { return nil, notFound() })
	})
	s.pages(mux)
	return mux
}

// serve answers one API call: faults first, then the key, then the operation.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, pattern string, op operation) {
	s.world.Serve(w, r, pattern, mediaType, func(body []byte, fault string) sim.Answer {
		return s.answer(r, body, fault, op)
	})
}

func (s *Server) answer(r *http.Request, body []byte, fault string, op operation) sim.Answer {
	h := http.Header{}
	h.Set("X-Ratelimit-Limit", "300")
	h.Set("X-Ratelimit-Remaining", "299")
	if fault == sim.FaultTimeoutBefore {
		return sim.Answer{}
	}
	if err := s.refuse(fault, h); err != nil {
		return failure(err, h)
	}
	s.calling, s.writing = true, r.Method != http.MethodGet
	defer func() { s.calling, s.writing, s.blind = false, false, false }()
	d, err := s.execute(r, body, op)
	if err != nil {
		return failure(err, h)
	}
	if d == nil {
		return sim.Answer{Status: http.StatusNoContent, Header: h}
	}
	status := http.StatusOK
	if r.Method == http.MethodPost && !strings.HasSuffix(r.URL.Path, "/refund") {
		status = http.StatusCreated
	}
	return sim.Answer{Status: status, Header: h, Body: sim.AppendJSON(nil, d)}
}

// failure renders any error as Lemon Squeezy does.
func failure(err error, h http.Header) sim.Answer {
	var e *apiError
	if !errors.As(err, &e) {
		e = &apiError{status: 500, title: "Server Error", detail: err.Error()}
	}
	return sim.Answer{Status: e.status, Header: h, Body: sim.AppendJSON(nil, e.render())}
}

// refuse is what the faults answer that come before anything is done; nil for others.
func (s *Server) refuse(fault string, h http.Header) error {
	switch fault {
	case sim.FaultOutage:
		return &apiError{status: 503, title: "Service Unavailable", detail: "Service Unavailable"}
	case sim.FaultServerError:
		e := &apiError{status: 500, title: "Server Error", detail: "Server Error"}
		if s.faults.Flip() {
			e.status = 502
		}
		return e
	case sim.FaultRateLimited:
		if s.faults.Flip() {
			h.Set("Retry-After", "2")
		}
		h.Set("X-Ratelimit-Remaining", "0")
		return &apiError{status: 429, title: "Too Many Requests", detail: "Too Many Attempts."}
	}
	return nil
}

// execute checks what every call must have and carries it out.
func (s *Server) execute(r *http.Request, body []byte, op operation) (doc, error) {
	switch key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "); {
	case key == s.cfg.APIKey:
	case s.cfg.OtherKey != "" && key == s.cfg.OtherKey:
		s.blind = true
	default:
		return nil, &apiError{status: 401, title: "Unauthorized", detail: "Unauthenticated."}
	}
	if !strings.Contains(r.Header.Get("Accept"), mediaType) {
		return nil, &apiError{status: 406, title: "Not Acceptable", detail: "The requested resource is capable of generating only content not acceptable."}
	}
	c := &call{s: s, r: r}
	if len(body) > 0 {
		if r.Header.Get("Content-Type") != mediaType {
			return nil, &apiError{status: 415, title: "Unsupported Media Type", detail: "The request entity has a media type which the server or resource does not support."}
		}
		if json.Unmarshal(body, &c.body) != nil || c.body.Data.Type == "" {
			return nil, &apiError{status: 400, title: "Non-Compliant JSON:API Document", detail: "The member data is required."}
		}
		if id := c.id(); id != "" && c.body.Data.ID != id {
			return nil, &apiError{status: 409, title: "Not Supported", detail: "The id does not match."}
		}
	}
	return op(c)
}

// members are the attributes of a request, read leniently where the API is.
type members map[string]json.RawMessage

func (m members) has(name string) bool { _, ok := m[name]; return ok }

func (m members) null(name string) bool { return string(m[name]) == "null" }

func (m members) text(name string) string {
	var v string
	_ = json.Unmarshal(m[name], &v) // anything else counts as empty
	return v
}

func (m members) texts(name string) []string {
	var v []string
	_ = json.Unmarshal(m[name], &v) // anything else counts as empty
	return v
}

func (m members) number(name string) int64 {
	var v int64
	_ = json.Unmarshal(m[name], &v) // anything else counts as zero
	return v
}

func (m members) flag(name string) bool { return string(m[name]) == "true" }

// inner is an object in the attributes.
func (m members) inner(name string) members {
	var v members
	_ = json.Unmarshal(m[name], &v) // anything else counts as empty
	return v
}
