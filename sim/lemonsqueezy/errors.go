package lemonsqueezy

// apiError is an error as the API answers it.
type apiError struct {
	status  int
	title   string
	detail  string
	pointer string
}

func (e *apiError) Error() string { return e.detail }

func (e *apiError) render() doc {
	row := doc{{"detail", e.detail}}
	if e.pointer != "" {
		row = append(row, field{"source", doc{{"pointer", e.pointer}}})
	}
	row = append(row, field{"status", itoa(e.status)}, field{"title", e.title})
	return doc{{"jsonapi", doc{{"version", "1.0"}}}, {"errors", []any{row}}}
}

func notFound() error {
	return &apiError{status: 404, title: "Not Found", detail: "The related resource does not exist."}
}

// invalid is a 422 about one member of the request.
func invalid(pointer, detail string) error {
	return &apiError{status: 422, title: "Unprocessable Entity", detail: detail, pointer: pointer}
}

// refused is a 422 about the state of things.
func refused(detail string) error {
	return &apiError{status: 422, title: "Unprocessable Entity", detail: detail}
}
