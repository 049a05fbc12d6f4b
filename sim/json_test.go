package sim

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestAppendJSON(t *testing.T) {
	tests := map[string]struct {
		value any
		want  string
	}{
		"nothing":           {nil, `null`},
		"fields in order":   {Doc{{"b", 1}, {"a", int64(-2)}, {"c", true}}, `{"b":1,"a":-2,"c":true}`},
		"no fields":         {Doc(nil), `{}`},
		"a list":            {[]any{"a", Doc{{"n", nil}}, 0.5}, `["a",{"n":null},0.5]`},
		"no rows":           {[]any{}, `[]`},
		"texts":             {[]string{"a", "b"}, `["a","b"]`},
		"a map is sorted":   {map[string]string{"b": "2", "a": "1"}, `{"a":"1","b":"2"}`},
		"encoded before":    {Doc{{"a", Raw(`{"x":1}`)}}, `{"a":{"x":1}}`},
		"a text in quotes":  {"say \"hi\"\\\n", `"say \"hi\"\\\n"`},
		"a text with signs": {"a&b<c>", `"a&b<c>"`},
		"not ASCII":         {"é…", `"é…"`},
		"a large float":     {1e21, `1000000000000000000000`},
		"anything else":     {struct{ A uint8 }{3}, `{"A":3}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := string(AppendJSON([]byte(">"), tt.value)); got != ">"+tt.want {
				t.Errorf("%s, want >%s", got, tt.want)
			}
		})
	}
	defer func() {
		if recover() == nil {
			t.Error("a channel was encoded")
		}
	}()
	AppendJSON(nil, make(chan int))
}

// TestAnyDocIsJSON: whatever texts a doc is made of, it reads as the same texts.
func TestAnyDocIsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "texts")
		list := rapid.SliceOf(rapid.String()).Draw(t, "list")
		var fields Doc
		want := map[string]any{}
		for key, text := range texts {
			fields = append(fields, Field{key, text})
			want[key] = text
		}
		rows := []any{}
		for _, text := range list {
			rows = append(rows, text)
		}
		var got map[string]any
		if err := json.Unmarshal(AppendJSON(nil, Doc{{"fields", fields}, {"map", texts}, {"list", rows}, {"texts", list}}), &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, map[string]any{"fields": want, "map": want, "list": rows, "texts": rows}) {
			t.Fatalf("%q was read as %q", texts, got)
		}
	})
}

func TestDoc(t *testing.T) {
	d := Doc{{"a", "x"}, {"b", 2}}
	if d.At("b") != 1 || d.At("c") != -1 || d.Val("b") != 2 || d.Val("c") != nil || d.Str("a") != "x" || d.Str("b") != "" {
		t.Errorf("%d %d %v %v %q %q", d.At("b"), d.At("c"), d.Val("b"), d.Val("c"), d.Str("a"), d.Str("b"))
	}
	if OrNull("") != nil || OrNull("x") != "x" {
		t.Error("null is for the empty text alone")
	}
	at := time.Date(2026, 1, 5, 9, 0, 0, 0, time.FixedZone("x", 3600))
	if Stamp(time.DateTime, time.Time{}) != nil || Stamp(time.DateTime, at) != "2026-01-05 08:00:00" {
		t.Errorf("%v, %v", Stamp(time.DateTime, time.Time{}), Stamp(time.DateTime, at))
	}
}
