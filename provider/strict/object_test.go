package strict

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	const twice = "it names a field twice"
	tests := map[string]struct {
		raw  string
		want string // the error; empty: none
	}{
		"an object":                 {`{"a":1}`, ""},
		"nothing in it":             {` { } `, ""},
		"a name in escapes":         {`{"\u0061b":1}`, ""},
		"brackets in a text":        {`{"a":"}]\"{","b":2}`, ""},
		"twice below another":       {`{"a":{"b":1,"b":2}}`, ""},
		"no bytes":                  {``, "it is not JSON"},
		"space alone":               {" \n", "it is not JSON"},
		"cut off":                   {`{"a":`, "it is not JSON"},
		"two values":                {`{"a":1}{"b":2}`, "it is not JSON"},
		"a form":                    {`a=1&b=2`, "it is not JSON"},
		"a list":                    {`[{"a":1}]`, "it is not a JSON object"},
		"null":                      {`null`, "it is not a JSON object"},
		"not UTF-8":                 {"{\"a\":\"\xff\"}", "it is not UTF-8"},
		"a name twice":              {`{"a":1,"a":1}`, twice},
		"twice, first in capitals":  {`{"A":1,"a":2}`, twice},
		"twice, second in capitals": {`{"a":1,"b":0,"A":2}`, twice},
		"twice, none in small":      {`{"aB":1,"Ab":2}`, twice},
		"twice, once in escapes":    {`{"a":1,"\u0061":2}`, twice},
		"an empty name twice":       {`{"":1,"":2}`, twice},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			read, err := Parse([]byte(tt.raw))
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tt.want || (read == nil) != (err != nil) {
				t.Errorf("%q, %q; want the error %q", read, got, tt.want)
			}
		})
	}
}

func TestMembersAndText(t *testing.T) {
	object, err := Parse([]byte(`{"in":{"id":"x_1"},"text":"a\"\u00e9","number":12,"null":null,"list":["a"]}`))
	if err != nil {
		t.Fatal(err)
	}
	if inner, err := Members(object["in"]); err != nil || inner.Text("id") != "x_1" {
		t.Errorf("in is %q, %v", inner, err)
	}
	if got := object.Text("text"); got != `a"é` {
		t.Errorf("text is %q", got)
	}
	for _, name := range []string{"number", "null", "list", "in", "missing", "TEXT"} {
		if got := object.Text(name); got != "" {
			t.Errorf("%s is no text and was read as %q", name, got)
		}
	}
	for _, name := range []string{"text", "number", "null", "list", "missing"} {
		if inner, err := Members(object[name]); err == nil {
			t.Errorf("%s is no object and was read as %q", name, inner)
		}
	}
}

func TestWord(t *testing.T) {
	tests := map[string]bool{
		"aZ9": true, "a_b": true, "_": true, "abcdefgh": true,
		"": false, "abcdefghi": false, "a-b": false, "a b": false, "a/b": false, "é": false, "a\x00": false, "a\xff": false, "ſ": false,
	}
	for text, want := range tests {
		if got := Word(text, 8, "_"); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestAnyObjectIsRead: whatever an object has and however it is laid out, its
// members are read as they were written, and one name too many spoils it.
func TestAnyObjectIsRead(t *testing.T) {
	names := rapid.StringN(0, 8, -1)
	values := rapid.SampledFrom([]string{`1`, `-1.5e3`, `true`, `null`, `"x"`, `"}"`, `"\\\""`, `[]`, `[1,{"a":"]"}]`, `{}`, `{"a":{"a":1}}`, `"é"`})
	space := rapid.SampledFrom([]string{"", " ", "\n\t", "\r\n"})
	rapid.Check(t, func(t *rapid.T) {
		var order []string
		want, folded := map[string]string{}, map[string]bool{}
		var text strings.Builder
		put := func(name, value string) {
			quoted, err := json.Marshal(name)
			if err != nil {
				t.Fatal(err)
			}
			if text.Len() > 0 {
				text.WriteString(",")
			}
			for _, part := range []string{string(quoted), ":", value} {
				text.WriteString(space.Draw(t, "space") + part + space.Draw(t, "space"))
			}
		}
		for range rapid.IntRange(0, 6).Draw(t, "members") {
			name, value := names.Draw(t, "name"), values.Draw(t, "value")
			if lower := strings.ToLower(name); !folded[lower] {
				folded[lower] = true
				order, want[name] = append(order, name), value
				put(name, value)
			}
		}
		read, err := Parse([]byte(space.Draw(t, "before") + "{" + text.String() + "}"))
		if err != nil || len(read) != len(want) {
			t.Fatalf("%q was read as %q, %v", text.String(), read, err)
		}
		for name, value := range want {
			if string(read[name]) != value {
				t.Fatalf("%q is %q, want %q", name, read[name], value)
			}
		}
		if len(order) == 0 {
			return
		}
		put(recased(rapid.SampledFrom(order).Draw(t, "twice"), rapid.Bool().Draw(t, "capitals")), "2")
		if read, err := Parse([]byte("{" + text.String() + "}")); err == nil {
			t.Fatalf("%q was read as %q", text.String(), read)
		}
	})
}

// recased is a name in another case, where that is the same name to those who do
// not look at case.
func recased(name string, capitals bool) string {
	if !capitals {
		return strings.ToLower(name)
	}
	return strings.Map(func(r rune) rune {
		if upper := unicode.ToUpper(r); unicode.ToLower(upper) == unicode.ToLower(r) {
			return upper
		}
		return r
	}, name)
}

// FuzzMembers compares what is read by hand with what the decoder reads.
func FuzzMembers(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` { } `, `{"a":1,"b":[{"c":"}]\\\""}],"d":null}`, `{"a" : -1.5e3 , "b":"x\u0041" }`, `{"\u0061":1,"a":2}`, `{"a":1,"A":2}`, `{"":""}`, `[{}]`, `"{}"`,
		`{"id":"evt_1","object":"event","created":1775044700,"data":{"object":{"id":"sub_1"},"previous_attributes":{"status":"past_due"}}}`,
		`{"a":{"b":{"c":[]}},"z":true}`, `{"a":1}x`, `{"\\":"\\\\"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		read, err := Parse(raw)
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
		once := len(lower) == named(t, raw)
		if once != (err == nil) {
			t.Fatalf("%q, which names things once (%v), was read as %q, %v", raw, once, read, err)
		}
		if err != nil {
			return
		}
		if len(read) != len(want) {
			t.Fatalf("%q was read as %q, want %q", raw, read, want)
		}
		for name, value := range want {
			if !bytes.Equal(read[name], value) {
				t.Fatalf("%q: %q is %q, want %q", raw, name, read[name], value)
			}
		}
	})
}

// named counts the names in an object, repeated ones as often as they stand there.
func named(t *testing.T, raw []byte) (n int) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	for d.More() {
		var value json.RawMessage
		if _, err := d.Token(); err != nil {
			t.Fatal(err)
		}
		if err := d.Decode(&value); err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}
