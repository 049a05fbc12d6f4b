package api

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/outbox"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/internal/trigger/reconcile"
	"github.com/trivetdev/trivet/internal/trigger/redirect"
	"github.com/trivetdev/trivet/provider"
)

// Problem is the body of every answer that is not 2xx (RFC 9457).
type Problem struct {
	Type   string `json:"type" doc:"Always about:blank: the title is that of the status."`
	Title  string `json:"title" doc:"The status in words."`
	Status int    `json:"status" doc:"The HTTP status."`
	Detail string `json:"detail" doc:"What is wrong and what to do next, for people."`
	Code   string `json:"code" doc:"What is wrong, for programs; stable."`

	Errors []FieldProblem `json:"errors,omitempty" nullable:"false" doc:"The fields that are wrong."`
	// PortalURL comes with code "subscribed".
	PortalURL string `json:"portal_url,omitempty" doc:"Where the customer can mend the subscription that is in the way."`
	// SafeToRepeat comes with code "provider".
	SafeToRepeat *bool  `json:"safe_to_repeat,omitempty" doc:"Whether sending the request again can do no harm."`
	Reference    string `json:"reference,omitempty" doc:"Finds the cause in the service's log."`
	// MissingScope and Scopes come with code "forbidden".
	MissingScope string   `json:"missing_scope,omitempty" doc:"The scope that the request needs and the key lacks."`
	Scopes       []string `json:"scopes,omitempty" nullable:"false" doc:"The scopes that the key has."`

	retryAfter time.Duration
}

// FieldProblem is one field that is wrong.
type FieldProblem struct {
	Field   string `json:"field" doc:"Where it is: body.email, query.limit."`
	Message string `json:"message"`
}

func problemf(status int, code, format string, args ...any) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: fmt.Sprintf(format, args...)}
}

func invalidf(format string, args ...any) *Problem {
	return problemf(http.StatusUnprocessableEntity, "invalid", format, args...)
}

func notFoundf(format string, args ...any) *Problem {
	return problemf(http.StatusNotFound, "not_found", format, args...)
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// GetStatus implements [huma.StatusError].
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements [huma.ContentTypeFilter].
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders implements [huma.HeadersError].
func (p *Problem) GetHeaders() http.Header {
	header := http.Header{}
	if p.retryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(int(p.retryAfter.Seconds()+1)))
	}
	if p.MissingScope != "" { // RFC 6750, section 3.1
		header.Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="trivet", error="insufficient_scope", scope="%s"`, p.MissingScope))
	}
	return header
}

// write answers with the problem where huma does not.
func (p *Problem) write(w http.ResponseWriter) {
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client has gone
}

// problem says what an error means to whoever asked. What is not theirs to know
// is logged.
func (s *server) problem(ctx context.Context, err error) error {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	if invalid, ok := errors.AsType[*redirect.Invalid](err); ok {
		return invalidf("%s", sentence(invalid.Reason))
	}
	if invalid, ok := errors.AsType[*apply.Invalid](err); ok {
		return invalidf("%s", sentence(invalid.Reason))
	}
	if blocked, ok := errors.AsType[*redirect.Blocked](err); ok {
		return subscribed(blocked)
	}
	if unproven, ok := errors.AsType[*reconcile.Unproven](err); ok {
		return problemf(http.StatusConflict, "unproven", "%s Nothing was buried: see to it that the configured key is that of the account whose objects the ledger holds.", sentence(unproven.Reason))
	}
	if taken, ok := errors.AsType[*apply.Taken](err); ok {
		return problemf(http.StatusConflict, "linked", "It belongs to customer %q already: to move it, send them as \"from\".", taken.Customer)
	}
	switch {
	case errors.Is(err, outbox.ErrUnsupported):
		return problemf(http.StatusUnprocessableEntity, "unsupported", "The provider cannot do this.")
	case errors.Is(err, store.ErrNotFound):
		return notFoundf("There is no such thing.")
	case ctx.Err() != nil:
		return problemf(http.StatusServiceUnavailable, "interrupted", "The request ended before it was answered: send it again.")
	}
	if failure, ok := errors.AsType[*provider.Error](err); ok {
		s.Log.Warn("a provider failed a request", "error", err)
		return failed(failure)
	}
	return s.internal(err)
}

// subscribed tells that a checkout would lead to a second subscription.
func subscribed(blocked *redirect.Blocked) *Problem {
	p := problemf(http.StatusConflict, "subscribed", "The customer has a subscription already: %s@%s is %s.", blocked.Subscription, blocked.Account, blocked.Status)
	if p.PortalURL = blocked.PortalURL; p.PortalURL != "" {
		p.Detail += " Send them to portal_url to change how they pay."
	}
	return p
}

// failed tells that a provider did not do its part.
func failed(failure *provider.Error) *Problem {
	why, safe := "", true
	switch failure.Kind {
	case provider.RateLimited:
		why = "has had too many calls: nothing was done, repeat the request later"
	case provider.Unavailable:
		why = "cannot be reached: nothing was done, repeat the request later"
	case provider.OutcomeUnknown:
		why, safe = "gave no answer, so it is not known whether it acted: look before you repeat the request", false
	case provider.Denied:
		why = "refuses the configured key or finds that it lacks a right: nothing was done; an operator must see to it"
	case provider.NotFound:
		why = "has no such object"
	case provider.Refused, provider.Unsupported:
		why = "refuses: nothing was done, and repeating the request does not help"
	case provider.Malformed:
		why = "gave an answer that cannot be read: nothing was done, repeat the request later"
	}
	p := problemf(http.StatusBadGateway, "provider", "%s %s.", failure.Account, why)
	if failure.Code != "" {
		p.Detail += " Its code: " + failure.Code + "."
	}
	p.SafeToRepeat, p.retryAfter = &safe, failure.RetryAfter
	return p
}

// internal logs an error and answers with a reference to it.
func (s *server) internal(err error, more ...any) *Problem {
	reference := strings.ToLower(rand.Text()[:12])
	s.Log.Error("a request failed", append([]any{"reference", reference, "error", err}, more...)...)
	p := problemf(http.StatusInternalServerError, "internal",
		"Something went wrong here. It is safe to send the request again; if that does not help, look for the reference in the log.")
	p.Reference = reference
	return p
}

// broken answers a panic.
func (s *server) broken(r *http.Request, p any) *Problem {
	return s.internal(fmt.Errorf("panic: %v", p), "method", r.Method, "path", r.URL.Path, "stack", string(debug.Stack()))
}

// sentence makes one of an error's text.
func sentence(text string) string {
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// restated turns huma's errors into ours.
func restated(_ huma.Context, _ string, body any) (any, error) {
	model, ok := body.(*huma.ErrorModel)
	if !ok {
		return body, nil
	}
	code := "invalid"
	switch model.Status {
	case http.StatusRequestEntityTooLarge:
		code = "too_large"
	case http.StatusUnsupportedMediaType:
		code = "not_json"
	case http.StatusBadRequest:
		code = "malformed"
	}
	p := problemf(model.Status, code, "%s", "")
	var told []string
	for _, e := range model.Errors {
		field := FieldProblem{Field: e.Location, Message: advice(e.Message)}
		p.Errors = append(p.Errors, field)
		told = append(told, strings.TrimPrefix(field.Field+": ", ": ")+field.Message)
	}
	if len(told) == 0 {
		told = []string{strings.TrimSuffix(sentence(model.Detail), ".")}
	}
	p.Detail = strings.Join(told, "; ") + "."
	return p, nil
}

// advice says what to do where huma's words only say what is wrong.
func advice(message string) string {
	switch {
	case message == "unexpected property":
		return "is not a field of this request: leave it out, or see /docs for the fields there are"
	case message == "unknown query parameter":
		return "is not a parameter of this request: leave it out, or see /docs for those there are"
	case strings.HasPrefix(message, "unknown content type"):
		return "send the body as JSON with \"Content-Type: application/json\""
	}
	return message
}
