package paddle

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// fields are the members of a JSON object, by their exact names.
//
// They are read by hand because [json.Unmarshal] takes any case of a name and
// the last of several, and because every webhook passes here: this is several
// times faster than decoding.
type fields map[string]json.RawMessage

// parse reads an object from bytes of which nothing is known.
func parse(raw []byte) (fields, error) {
	switch {
	case !utf8.Valid(raw):
		return nil, errors.New("it is not UTF-8")
	case !json.Valid(raw):
		return nil, errors.New("it is not JSON")
	}
	return members(raw)
}

// members reads an object from valid JSON. It refuses one that names anything
// twice, be it in another case: which of the two would count is what an attacker
// plays with.
func members(raw []byte) (fields, error) {
	i := space(raw, 0)
	if i == len(raw) || raw[i] != '{' {
		return nil, errors.New("it is not a JSON object")
	}
	read, folded := make(fields, 16), map[string]bool{}
	for i = space(raw, i+1); raw[i] != '}'; {
		end := skip(raw, i)
		name, err := unquote(raw[i:end])
		if err != nil {
			return nil, err
		}
		i = space(raw, space(raw, end)+1) // over the colon
		end = skip(raw, i)
		lower := strings.ToLower(name)
		if _, taken := read[lower]; taken || folded[lower] {
			return nil, errors.New("it names a field twice")
		}
		if lower != name {
			folded[lower] = true
		}
		read[name] = raw[i:end]
		if i = space(raw, end); raw[i] == ',' {
			i = space(raw, i+1)
		}
	}
	return read, nil
}

// space finds the end of the white space that begins at i.
func space(raw []byte, i int) int {
	for i < len(raw) && (raw[i] == ' ' || raw[i] == '\t' || raw[i] == '\n' || raw[i] == '\r') {
		i++
	}
	return i
}

// skip finds the end of the value that begins at i, in valid JSON.
func skip(raw []byte, i int) int {
	depth := 0
	for ; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			if i = closing(raw, i); depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return i
			} else if depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return i // the end of a number or a word
			}
		}
	}
	return i
}

// closing finds the quote that ends the string that begins at i.
func closing(raw []byte, i int) int {
	for i++; raw[i] != '"'; i++ {
		if raw[i] == '\\' {
			i++
		}
	}
	return i
}

func unquote(raw []byte) (string, error) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", errors.New("it is not a text")
	}
	if inner := string(raw[1 : len(raw)-1]); !strings.Contains(inner, `\`) {
		return inner, nil
	}
	var text string
	err := json.Unmarshal(raw, &text)
	return text, err
}

// text reads a string; empty for anything else.
func (f fields) text(name string) string {
	text, err := unquote(f[name])
	if err != nil {
		return ""
	}
	return text
}

// name reads an id; empty if it is none.
func (f fields) name(field string) string {
	if id := f.text(field); isName(id) {
		return id
	}
	return ""
}

// isName reports whether a text can be the id of a Paddle object.
func isName(text string) bool {
	return len(text) > 0 && len(text) <= 255 && all(text, func(c byte) bool { return letter(c) || c == '_' })
}

// isType reports whether a text can be the type of an event.
func isType(text string) bool {
	return len(text) > 0 && len(text) <= 128 && all(text, func(c byte) bool { return letter(c) || c == '_' || c == '.' })
}

func letter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func all(text string, ok func(byte) bool) bool {
	for i := range len(text) {
		if !ok(text[i]) {
			return false
		}
	}
	return true
}
