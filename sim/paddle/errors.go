package paddle

import "fmt"

// apiError is an error as Paddle's API answers it.
type apiError struct {
	status int
	code   string
	detail string
	field  string
}

func (e *apiError) Error() string { return e.code + ": " + e.detail }

func (e *apiError) render(requestID string) doc {
	typ := "request_error"
	if e.status >= 500 || e.status == 429 {
		typ = "api_error"
	}
	d := doc{
		{"type", typ}, {"code", e.code}, {"detail", e.detail},
		{"documentation_url", "https://developer.paddle.com/errors/shared/" + e.code},
	}
	if e.field != "" {
		d = append(d, field{"errors", []any{doc{{"field", e.field}, {"message", e.detail}}}})
	}
	return doc{{"error", d}, {"meta", doc{{"request_id", requestID}}}}
}

func notFound(id string) error {
	return &apiError{status: 404, code: "not_found", detail: fmt.Sprintf("Entity %s not found", id)}
}

// badField is a 400 about one parameter.
func badField(name, detail string) error {
	return &apiError{status: 400, code: "bad_request", detail: detail, field: name}
}

// refuse is a 400 with one of Paddle's own codes.
func refuse(code, detail string) error {
	return &apiError{status: 400, code: code, detail: detail}
}

// conflict is a 409.
func conflict(code, detail string) error {
	return &apiError{status: 409, code: code, detail: detail}
}
