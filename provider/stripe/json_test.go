package stripe

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzMembers compares what is read by hand with what the decoder reads.
func FuzzMembers(f *testing.F) {
	f.Add([]byte(goodEvent))
	for _, seed := range []string{
		`{}`, ` { } `, `{"a":1,"b":[{"c":"}]\\\""}],"d":null}`, `{"a" : -1.5e3 , "b":"x\u0041" }`, `{"\u0061":1,"a":2}`, `{"a":1,"A":2}`, `{"":""}`, `[{}]`, `"{}"`,
		`{"a":{"b":{"c":[]}},"z":true}`, `{"a":1}x`, `{"\\":"\\\\"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		read, err := parse(raw)
		want := map[string]json.RawMessage{}
		if !utf8.Valid(raw) || json.Unmarshal(raw, &want) != nil || bytes.TrimSpace(raw)[0] != '{' {
			if err == nil {
				t.Fatalf("%q was read as %q", raw, read)
			}
			return
		}
		lower := map[string]bool{}
		for name := range want {
			lower[strings.ToLower(name)] = true
		}
		if err != nil {
			return // names something twice, which a map does not show
		}
		if len(read) != len(want) || len(lower) != len(want) {
			t.Fatalf("%q was read as %q, want %q", raw, read, want)
		}
		for name, value := range want {
			if !bytes.Equal(read[name], value) {
				t.Fatalf("%q: %q is %q, want %q", raw, name, read[name], value)
			}
		}
	})
}
