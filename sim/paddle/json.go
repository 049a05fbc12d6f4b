package paddle

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"
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

// orNull is null for "".
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// stamp is a time in RFC 3339 with microseconds, null for none.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000Z")
}

// digits is an amount as Paddle writes it: a string of minor units.
func digits(n int64) string { return strconv.FormatInt(n, 10) }

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
		panic("sim/paddle: value that JSON cannot hold: " + err.Error())
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
