package lemonsqueezy

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// doc is a JSON object whose fields keep their order.
type doc []field

type field struct {
	key string
	val any
}

// get is the value of a key; nil when there is none.
func (d doc) get(key string) any {
	if i := slices.IndexFunc(d, func(f field) bool { return f.key == key }); i >= 0 {
		return d[i].val
	}
	return nil
}

// stamp is a time as this API writes it: with room for microseconds, and counted in
// seconds; null for none.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Truncate(time.Second).Format("2006-01-02T15:04:05.000000Z")
}

// orNull is null for "".
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func itoa(n int) string { return strconv.Itoa(n) }

func digits(n int64) string { return strconv.FormatInt(n, 10) }

// appendJSON writes what docs are made of.
func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case doc:
		b = append(b, '{')
		for i, f := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(appendJSON(b, f.key), ':'), appendJSON(nil, f.val)...)
		}
		return append(b, '}')
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, e)
		}
		return append(b, ']')
	default:
		text, err := json.Marshal(v) // strings, and maps of strings
		if err != nil {
			panic(err)
		}
		return append(b, text...)
	}
}
