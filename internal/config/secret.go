package config

import (
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/trivetdev/trivet/internal/placeholder"
)

const redacted = "[redacted]"

// Secret is a value that must not reach a log, an error or a JSON document. It
// prints as [redacted] whichever way it is printed, except from an unexported
// field of a struct, where package fmt cannot call its methods.
type Secret string

// Reveal returns the value itself, for the one place that needs it.
func (s Secret) Reveal() string { return string(s) }

// String returns a fixed text, or nothing for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString keeps %#v from printing the value.
func (s Secret) GoString() string { return `config.Secret("` + s.String() + `")` }

// Format answers every verb; without it a wrong one such as %d would print the
// value in its complaint.
func (s Secret) Format(f fmt.State, verb rune) {
	text := s.String()
	if verb == 'v' && f.Flag('#') {
		text = s.GoString()
	}
	// A failing writer shows up at whoever owns it.
	_, _ = io.WriteString(f, text)
}

// MarshalText keeps the value out of JSON, TOML and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue keeps the value out of logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// unusable says why a secret cannot be meant, or returns "".
func unusable(value string) string {
	switch v := strings.TrimSpace(value); {
	case v == "":
		return "is empty"
	case placeholder.Is(v):
		return "is a placeholder, not a real value"
	case strings.ContainsAny(v, " \t\r\n"):
		return "contains white space; it was probably pasted with something around it"
	}
	return ""
}
