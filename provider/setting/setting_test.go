package setting

import (
	"strings"
	"testing"
)

func TestAddress(t *testing.T) {
	const no, more = "is not a web address: write it like https://api.test, or leave it out", "has more than scheme, host and path: leave the rest out"
	tests := map[string]struct {
		text, want string // the error; empty: none
		exposed    bool
	}{
		"none":                {"", "", false},
		"a host":              {"https://api.test", "", false},
		"a path":              {"https://api.test/a/b/", "", false},
		"a port":              {"https://api.test:8443", "", false},
		"in clear":            {"http://api.test", "", true},
		"in clear, by number": {"http://10.0.0.1:80/x", "", true},
		"a name that begins":  {"http://localhost.test", "", true},
		"this machine":        {"http://localhost:8080", "", false},
		"by number":           {"http://127.0.0.2/x", "", false},
		"by another number":   {"http://[::1]:80", "", false},
		"no scheme":           {"api.test", no, false},
		"another scheme":      {"ftp://api.test", no, false},
		"no host":             {"https://", no, false},
		"no address":          {"https://a b", no, false},
		"a control character": {"https://a\n.test", no, false},
		"a user":              {"https://hush@api.test", more, false},
		"a password":          {"https://u:hush@api.test", more, false},
		"a query":             {"https://api.test?hush=1", more, false},
		"a fragment":          {"https://api.test/#hush", more, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			address, err := Address(tt.text, "https://api.test")
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tt.want || strings.Contains(got, "hush") || (address != nil) != (tt.text != "" && err == nil) {
				t.Errorf("%v, %q, want %q", address, got, tt.want)
			}
			if address != nil && address.String() != tt.text {
				t.Errorf("read as %s", address)
			}
			if exposed := Exposed(address); exposed != tt.exposed {
				t.Errorf("exposed: %v", exposed)
			}
		})
	}
}
