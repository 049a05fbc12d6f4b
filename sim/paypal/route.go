package paypal

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/trivetdev/trivet/sim"
)

// call is one API request being answered.
type call struct {
	s     *Server
	r     *http.Request
	body  []byte
	query url.Values
}

func (c *call) id() string { return c.r.PathValue("id") }

// read decodes the body strictly: PayPal refuses fields it does not know.
func (c *call) read(into any) error {
	if len(strings.TrimSpace(string(c.body))) == 0 {
		return nil
	}
	if err := json.Unmarshal(c.body, into); err != nil {
		return invalid("MALFORMED_REQUEST_JSON", "The request JSON is not well formed.")
	}
	return nil
}

// operation answers with something to encode; nil is 204.
type operation func(c *call) (any, error)

// keyLife is how long PayPal remembers a PayPal-Request-Id.
func keyLife(path string) time.Duration {
	switch {
	case strings.HasPrefix(path, "/v2/payments"), strings.HasPrefix(path, "/v1/payments"):
		return 45 * 24 * time.Hour
	case strings.HasPrefix(path, "/v2/checkout"):
		return 6 * time.Hour
	}
	return 72 * time.Hour
}

// answer is the stored answer of a call with a PayPal-Request-Id.
type answer struct {
	at     time.Time
	status int
	body   []byte
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, op := range operations() {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, pattern, op) })
	}
	mux.HandleFunc("GET /v1/notifications/certs/{name}", serveCertificate)
	for _, root := range []string{"/v1/", "/v2/"} {
		mux.HandleFunc(root, func(w http.ResponseWriter, r *http.Request) {
			s.serve(w, r, "unknown", func(*call) (any, error) {
				return nil, &apiError{status: http.StatusNotFound, name: "NOT_FOUND", message: "The simulated PayPal does not have this; see the package documentation of sim/paypal."}
			})
		})
	}
	s.pages(mux)
	return mux
}

func operations() map[string]operation {
	return map[string]operation{
		"POST /v1/oauth2/token":                              getToken,
		"GET /v1/billing/plans/{id}":                         getPlan,
		"GET /v1/billing/subscriptions":                      listSubscriptions,
		"POST /v1/billing/subscriptions":                     createSubscription,
		"GET /v1/billing/subscriptions/{id}":                 getSubscription,
		"POST /v1/billing/subscriptions/{id}/cancel":         cancelSubscription,
		"POST /v1/billing/subscriptions/{id}/suspend":        suspendSubscription,
		"POST /v1/billing/subscriptions/{id}/activate":       activateSubscription,
		"POST /v1/billing/subscriptions/{id}/revise":         reviseSubscription,
		"POST /v1/billing/subscriptions/{id}/capture":        captureOutstanding,
		"GET /v1/billing/subscriptions/{id}/transactions":    listSales,
		"POST /v2/checkout/orders":                           createOrder,
		"GET /v2/checkout/orders/{id}":                       getOrder,
		"POST /v2/checkout/orders/{id}/capture":              postCapture,
		"GET /v2/payments/captures/{id}":                     getCapture,
		"POST /v2/payments/captures/{id}/refund":             refundCapture,
		"GET /v2/payments/refunds/{id}":                      getRefund,
		"GET /v1/payments/sale/{id}":                         getSale,
		"POST /v1/payments/sale/{id}/refund":                 refundSale,
		"GET /v1/payments/refund/{id}":                       getOldRefund,
		"GET /v1/customer/disputes":                          listDisputes,
		"GET /v1/customer/disputes/{id}":                     getDispute,
		"POST /v1/customer/disputes/{id}/accept-claim":       acceptClaim,
		"POST /v1/customer/disputes/{id}/provide-evidence":   provideEvidence,
		"GET /v1/reporting/transactions":                     lookIntoBooks,
		"GET /v1/notifications/webhooks":                     listWebhooks,
		"POST /v1/notifications/webhooks":                    createWebhook,
		"GET /v1/notifications/webhooks/{id}":                getWebhook,
		"PATCH /v1/notifications/webhooks/{id}":              patchWebhook,
		"DELETE /v1/notifications/webhooks/{id}":             deleteWebhook,
		"GET /v1/notifications/webhooks-events":              listEvents,
		"GET /v1/notifications/webhooks-events/{id}":         getEvent,
		"POST /v1/notifications/webhooks-events/{id}/resend": resendEvent,
		"POST /v1/notifications/simulate-event":              simulateEvent,
	}
}

// serve answers one API call: faults first, then the token, then the operation.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, pattern string, op operation) {
	s.world.Serve(w, r, pattern, "application/json", func(body []byte, fault string) sim.Answer {
		return s.answer(&call{s: s, r: r, body: body, query: r.URL.Query()}, pattern, fault, op)
	})
}

func (s *Server) answer(c *call, pattern, fault string, op operation) sim.Answer {
	h := http.Header{}
	debug := s.newID("", 13)
	h.Set("Paypal-Debug-Id", debug)
	if fault == sim.FaultTimeoutBefore {
		return sim.Answer{}
	}
	if e := s.refuse(fault, h); e != nil {
		return sim.Answer{Status: e.status, Header: h, Body: encoded(e.render(debug))}
	}
	if pattern != "POST /v1/oauth2/token" {
		if e := s.authorize(c.r); e != nil {
			return sim.Answer{Status: e.status, Header: h, Body: encoded(obj{"error": "invalid_token", "error_description": e.message})}
		}
	}
	s.req = request{on: true, write: c.r.Method != http.MethodGet, key: c.r.Header.Get("PayPal-Request-Id")}
	defer func() { s.req = request{} }()
	status, body := s.execute(c, op, debug)
	return sim.Answer{Status: status, Header: h, Body: body}
}

// execute carries out the operation, once for each PayPal-Request-Id where
// PayPal minds it: not on suspend, activate and cancel.
func (s *Server) execute(c *call, op operation, debug string) (int, []byte) {
	path := c.r.URL.Path
	minds := s.req.write && s.req.key != ""
	for _, deaf := range []string{"/suspend", "/activate", "/cancel", "/accept-claim", "/provide-evidence", "/webhooks", "/token"} {
		minds = minds && !strings.HasSuffix(path, deaf)
	}
	key := path + " " + s.req.key
	if a := s.answers[key]; minds && a != nil && s.now.Sub(a.at) < keyLife(path) {
		return a.status, a.body
	}
	result, err := op(c)
	var e *apiError
	switch {
	case errors.As(err, &e):
		return e.status, encoded(e.render(debug))
	case err != nil:
		return http.StatusInternalServerError, encoded((&apiError{name: "INTERNAL_SERVER_ERROR", message: err.Error()}).render(debug))
	case result == nil:
		return http.StatusNoContent, nil
	}
	status, body := http.StatusOK, encoded(result)
	if s.req.write && strings.HasSuffix(path, "/webhooks") {
		status = http.StatusCreated
	}
	if s.req.write && minds {
		status = http.StatusCreated
		s.answers[key] = &answer{at: s.now, status: status, body: body}
	}
	return status, body
}

func encoded(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		panic("sim/paypal: value that JSON cannot hold: " + err.Error())
	}
	return out
}

// refuse is what the faults answer that come before anything is done; nil for others.
func (s *Server) refuse(fault string, h http.Header) *apiError {
	e := &apiError{name: "INTERNAL_SERVER_ERROR", message: "An internal server error has occurred."}
	switch fault {
	case sim.FaultOutage:
		e.status, e.name = http.StatusServiceUnavailable, "SERVICE_UNAVAILABLE"
	case sim.FaultServerError:
		e.status = http.StatusInternalServerError
		if s.faults.Flip() {
			e.status = http.StatusBadGateway
		}
	case sim.FaultRateLimited:
		e = &apiError{status: http.StatusTooManyRequests, name: "RATE_LIMIT_REACHED", message: "Too many requests. Blocked due to rate limiting."}
		if s.faults.Flip() {
			h.Set("Retry-After", "2")
		}
	default:
		return nil
	}
	return e
}

// tokenLife is how long an access token is good: about nine hours.
const tokenLife = 32400 * time.Second

func (s *Server) authorize(r *http.Request) *apiError {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if made, known := s.tokens[token]; !ok || !known || s.now.Sub(made) >= tokenLife {
		return &apiError{status: http.StatusUnauthorized, message: "Token signature verification failed"}
	}
	return nil
}

// getToken gives an access token to whoever has the client's secret.
func getToken(c *call) (any, error) {
	id, secret, _ := c.r.BasicAuth()
	if id != c.s.cfg.ClientID || secret != c.s.cfg.ClientSecret {
		return nil, &apiError{status: http.StatusUnauthorized, name: "invalid_client", message: "Client Authentication failed"}
	}
	form, err := url.ParseQuery(string(c.body))
	if err != nil || form.Get("grant_type") != "client_credentials" {
		return nil, &apiError{status: http.StatusBadRequest, name: "unsupported_grant_type", message: "unsupported grant_type"}
	}
	token := c.s.newID("A21AA", 40)
	c.s.tokens[token] = c.s.now
	return obj{
		"scope": "https://uri.paypal.com/services/subscriptions", "access_token": token, "token_type": "Bearer",
		"app_id": "APP-80W284485P519543T", "expires_in": int(tokenLife / time.Second),
	}, nil
}
