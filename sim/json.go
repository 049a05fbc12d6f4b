package sim

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// Doc is a JSON object whose fields keep their order. Rendering objects is most of
// what a simulated world costs, and this is several times cheaper than maps and
// reflection.
type Doc []Field

// Field is one field of a [Doc]. It has no name of its own, so that a package may
// write docs without the keys of this struct.
type Field = struct {
	Key string
	Val any
}

// Raw is JSON that is already encoded.
type Raw []byte

// At is the index of a key, -1 when there is none.
func (d Doc) At(key string) int {
	return slices.IndexFunc(d, func(f Field) bool { return f.Key == key })
}

// Val is the value of a key, nil when there is none.
func (d Doc) Val(key string) any {
	if i := d.At(key); i >= 0 {
		return d[i].Val
	}
	return nil
}

// Str is the value of a key that is a string, "" for anything else.
func (d Doc) Str(key string) string {
	s, _ := d.Val(key).(string)
	return s
}

// OrNull is null for "".
func OrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// Stamp is a time in UTC as a layout of package time has it, null for none.
func Stamp(layout string, t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(layout)
}

// AppendJSON encodes what docs are made of, and anything else as [json.Marshal]
// does. It panics on a value that JSON cannot hold.
func AppendJSON(b []byte, v any) []byte {
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
	case Raw:
		return append(b, v...)
	case Doc:
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
		panic("sim: value that JSON cannot hold: " + err.Error())
	}
	return append(b, out...)
}

func appendDoc(b []byte, d Doc) []byte {
	b = append(b, '{')
	for i, f := range d {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, f.Key), ':')
		b = AppendJSON(b, f.Val)
	}
	return append(b, '}')
}

func appendList[T any](b []byte, rows []T) []byte {
	b = append(b, '[')
	for i, r := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = AppendJSON(b, r)
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
