package paddle

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"
)

// params are the fields of a request's body.
type params map[string]any

// readBody reads a JSON object; an empty body has no fields.
func readBody(body []byte) (params, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return params{}, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var p params
	if err := decoder.Decode(&p); err != nil || p == nil {
		return nil, &apiError{status: 400, code: "invalid_json", detail: "The body is not a JSON object"}
	}
	return p, nil
}

func (p params) names() []string { return slices.Sorted(maps.Keys(p)) }

func (p params) given(name string) bool { _, given := p[name]; return given }

// str is a text; "" if it is missing, null or something else.
func (p params) str(name string) string {
	text, _ := p[name].(string)
	return text
}

// num is a number, or a text of digits, as amounts are.
func (p params) num(name string) (int64, error) {
	switch v := p[name].(type) {
	case nil:
		return 0, nil
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n, nil
		}
	case string:
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			return n, nil
		}
	}
	return 0, badField(name, "Must be a whole number")
}

// when is a time in RFC 3339.
func (p params) when(name string) (time.Time, error) {
	text := p.str(name)
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, badField(name, "Must be an RFC 3339 datetime string")
	}
	return at.UTC(), nil
}

// objects are the members of a list.
func (p params) objects(name string) []params {
	list, _ := p[name].([]any)
	var out []params
	for _, v := range list {
		if o, ok := v.(map[string]any); ok {
			out = append(out, o)
		}
	}
	return out
}

// texts are the members of a list of texts.
func (p params) texts(name string) []string {
	list, _ := p[name].([]any)
	var out []string
	for _, v := range list {
		if text, ok := v.(string); ok {
			out = append(out, text)
		}
	}
	return out
}

// object is a member that is an object, nil if it is none.
func (p params) object(name string) params {
	o, _ := p[name].(map[string]any)
	return o
}

// custom is custom_data, kept as it came.
func (p params) custom() map[string]any {
	data, _ := p["custom_data"].(map[string]any)
	return data
}

// customDoc renders custom_data with its keys in order; null for none.
func customDoc(data map[string]any) any {
	if data == nil {
		return nil
	}
	d := doc{}
	for _, key := range slices.Sorted(maps.Keys(data)) {
		d = append(d, field{key, data[key]})
	}
	return d
}
