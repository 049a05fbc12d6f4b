package strict

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// Object has the members of a JSON object by their exact names, each as it was
// written.
type Object map[string]json.RawMessage

// Parse reads an object from bytes of which nothing is known. The error says what
// they are not, and nothing of what they are.
func Parse(raw []byte) (Object, error) {
	switch {
	case !utf8.Valid(raw):
		return nil, errors.New("it is not UTF-8")
	case !json.Valid(raw):
		return nil, errors.New("it is not JSON")
	}
	return Members(raw)
}

// Members reads an object from valid JSON, such as a member of another object; nil
// is none. It refuses one that names anything twice, be it in another case: which
// of the two would count is what an attacker plays with.
func Members(raw []byte) (Object, error) {
	i := space(raw, 0)
	if i == len(raw) || raw[i] != '{' {
		return nil, errors.New("it is not a JSON object")
	}
	read, folded := make(Object, 16), map[string]bool{}
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

// Text is a member that is a string; empty for anything else.
func (o Object) Text(name string) string {
	text, err := unquote(o[name])
	if err != nil {
		return ""
	}
	return text
}

// Word reports whether a text is made of ASCII letters, digits and the characters
// of more, and has at least one and at most the given number of bytes.
func Word(text string, most int, more string) bool {
	if text == "" || len(text) > most {
		return false
	}
	for i := range len(text) {
		c := text[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte(more, c) < 0 {
			return false
		}
	}
	return true
}
