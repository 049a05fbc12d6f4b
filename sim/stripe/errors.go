package stripe

import "fmt"

// apiError is an error as Stripe's API answers it.
type apiError struct {
	status  int
	typ     string
	code    string
	param   string
	message string
	// extra fields, such as decline_code and payment_intent of a card error.
	extra doc
}

func (e *apiError) Error() string { return e.message }

func (e *apiError) render() doc {
	d := doc{{"type", e.typ}, {"message", e.message}}
	if e.code != "" {
		d = append(d, field{"code", e.code}, field{"doc_url", "https://stripe.com/docs/error-codes/" + e.code})
	}
	if e.param != "" {
		d = append(d, field{"param", e.param})
	}
	return append(d, e.extra...)
}

// badRequest is a 400 for which Stripe has no code.
func badRequest(param, message string) error {
	return &apiError{status: 400, typ: "invalid_request_error", param: param, message: message}
}

// invalid is a 400 with one of Stripe's codes.
func invalid(code, param, message string) error {
	return &apiError{status: 400, typ: "invalid_request_error", code: code, param: param, message: message}
}

// missing is a 400 for a parameter that must be there.
func missing(param string) error {
	return invalid("parameter_missing", param, "Missing required param: "+param+".")
}

// noSuch is a 404; a wrong id inside the parameters is a 400 instead.
func noSuch(what, id string) error {
	return &apiError{
		status: 404, typ: "invalid_request_error", code: "resource_missing", param: "id",
		message: fmt.Sprintf("No such %s: '%s'", what, id),
	}
}

func noSuchParam(what, param, id string) error {
	return invalid("resource_missing", param, fmt.Sprintf("No such %s: '%s'", what, id))
}

// otherModeOnly is the 404 for an object that the other mode's key would see.
func otherModeOnly(what, id string, live bool) error {
	has, used := "test", "live"
	if live {
		has, used = used, has
	}
	return &apiError{
		status: 404, typ: "invalid_request_error", code: "resource_missing", param: "id",
		message: fmt.Sprintf("No such %s: '%s'; a similar object exists in %s mode, but a %s mode key was used to make this request.",
			what, id, has, used),
	}
}
