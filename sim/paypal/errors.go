package paypal

import "net/http"

// apiError is an error as PayPal's API answers it.
type apiError struct {
	status  int
	name    string
	issue   string
	message string
}

// Error implements error.
func (e *apiError) Error() string { return "sim/paypal: " + e.name + " " + e.issue + " " + e.message }

func notFound() error {
	return &apiError{status: http.StatusNotFound, name: "RESOURCE_NOT_FOUND", issue: "INVALID_RESOURCE_ID", message: "The specified resource does not exist."}
}

func invalid(issue, message string) error {
	return &apiError{status: http.StatusBadRequest, name: "INVALID_REQUEST", issue: issue, message: message}
}

func unprocessable(issue, message string) error {
	return &apiError{status: http.StatusUnprocessableEntity, name: "UNPROCESSABLE_ENTITY", issue: issue, message: message}
}

// tooLarge refuses a search that finds too much; nothing of it is told.
func tooLarge() error {
	return &apiError{
		status: http.StatusBadRequest, name: "RESULTSET_TOO_LARGE",
		message: "Result set size is greater than the maximum limit. Change the filter criteria and try again.",
	}
}

func (e *apiError) render(debugID string) obj {
	o := obj{"name": e.name, "message": e.message, "debug_id": debugID}
	if e.status == http.StatusUnprocessableEntity {
		o["message"] = "The requested action could not be performed, semantically incorrect, or failed business validation."
	}
	if e.issue != "" {
		o["details"] = []obj{{"issue": e.issue, "description": e.message}}
	}
	return o
}
