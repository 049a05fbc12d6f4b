package stripe

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// doc is a JSON object whose fields keep their order. Rendering objects is most
// of what a simulated world costs, and this is several times cheaper than maps
// and reflection.
type doc []field

type field struct {
	key string
	val any
}

// at is the index of a key, -1 when there is none.
func (d doc) at(key string) int {
	return slices.IndexFunc(d, func(f field) bool { return f.key == key })
}

func (d doc) str(key string) string {
	s, _ := d.val(key).(string)
	return s
}

// orNull is null for "".
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// stamp is a Unix time, null for zero.
func stamp(unix int64) any {
	if unix == 0 {
		return nil
	}
	return unix
}

// listDoc wraps rows as Stripe's lists are.
func listDoc(url string, rows []any, more bool) doc {
	if rows == nil {
		rows = []any{}
	}
	return doc{{"object", "list"}, {"data", rows}, {"has_more", more}, {"url", url}}
}

// raw is JSON that is already encoded.
type raw []byte

func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case string:
		return appendString(b, v)
	case bool:
		return strconv.AppendBool(b, v)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case float64:
		return strconv.AppendFloat(b, v, 'f', -1, 64)
	case raw:
		return append(b, v...)
	case doc:
		return appendDoc(b, v)
	case []any:
		return appendList(b, v)
	case []string:
		return appendList(b, v)
	case map[string]string:
		return appendMap(b, v)
	}
	out, err := json.Marshal(v)
	if err != nil {
		panic("sim/stripe: value that JSON cannot hold: " + err.Error())
	}
	return append(b, out...)
}

func appendDoc(b []byte, d doc) []byte {
	b = append(b, '{')
	for i, f := range d {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, f.key), ':')
		b = appendJSON(b, f.val)
	}
	return append(b, '}')
}

func appendList[T any](b []byte, rows []T) []byte {
	b = append(b, '[')
	for i, r := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSON(b, r)
	}
	return append(b, ']')
}

func appendMap(b []byte, m map[string]string) []byte {
	b = append(b, '{')
	for i, k := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(append(appendString(b, k), ':'), m[k])
	}
	return append(b, '}')
}

// appendString takes the short way for plain ASCII, which nearly all is.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			out, _ := json.Marshal(s)
			return append(b, out...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// changed returns the fields of before that differ in after, with their old
// values: Stripe's previous_attributes. Objects are compared field by field,
// lists as a whole.
func changed(before, after doc) doc {
	var out doc
	for _, f := range before {
		i := after.at(f.key)
		if i < 0 || bytes.Equal(appendJSON(nil, f.val), appendJSON(nil, after[i].val)) {
			continue
		}
		old, wasDoc := f.val.(doc)
		now, isDoc := after[i].val.(doc)
		if wasDoc && isDoc && f.key != "items" {
			out = append(out, field{f.key, changed(old, now)})
			continue
		}
		out = append(out, f)
	}
	return out
}
