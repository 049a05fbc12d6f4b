package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// specification is the served OpenAPI document, used to check answers. It reads
// the part of JSON Schema that the document uses, and refuses any other word.
type specification struct {
	doc    map[string]any
	routes []route
}

type route struct {
	pattern *regexp.Regexp
	item    map[string]any
}

func specified(t testing.TB, h http.Handler) *specification {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
	s := &specification{}
	if err := json.Unmarshal(w.Body.Bytes(), &s.doc); err != nil {
		t.Fatalf("the specification is not JSON: %v", err)
	}
	variable := regexp.MustCompile(`\\\{[a-z_]+\\\}`)
	for path, item := range s.doc["paths"].(map[string]any) {
		text := variable.ReplaceAllString(regexp.QuoteMeta(path), `[^/]+`)
		s.routes = append(s.routes, route{regexp.MustCompile("^" + text + "$"), item.(map[string]any)})
	}
	// What has no variable is meant before what has.
	slices.SortFunc(s.routes, func(a, b route) int {
		return strings.Count(a.pattern.String(), "[^/]+") - strings.Count(b.pattern.String(), "[^/]+")
	})
	return s
}

// check reports how an answer differs from what is specified. A path under /v1
// that is not specified may only be answered with a problem.
func (s *specification) check(method, path string, r response) error {
	if strings.HasPrefix(path, "/v1/") && r.header.Get("Cache-Control") != "no-store" {
		return fmt.Errorf("Cache-Control is %q", r.header.Get("Cache-Control"))
	}
	for _, route := range s.routes {
		operation, ok := route.item[strings.ToLower(method)].(map[string]any)
		if ok && route.pattern.MatchString(path) {
			return s.answer(operation, r)
		}
	}
	if r.status < 400 {
		if !strings.HasPrefix(path, "/v1/") {
			return nil // for machines and people, not for programs
		}
		return fmt.Errorf("%s %s is not specified", method, path)
	}
	return s.body(map[string]any{"content": map[string]any{"application/problem+json": map[string]any{
		"schema": map[string]any{"$ref": "#/components/schemas/Problem"},
	}}}, r)
}

func (s *specification) answer(operation map[string]any, r response) error {
	responses := operation["responses"].(map[string]any)
	specified, ok := responses[fmt.Sprint(r.status)].(map[string]any)
	if !ok && r.status == http.StatusOK { // an effect that has ended, a customer compared
		specified, ok = responses["202"].(map[string]any)
	}
	if !ok {
		if r.status < 400 {
			return fmt.Errorf("status %d is not specified", r.status)
		}
		specified = responses["default"].(map[string]any)
	}
	return s.body(specified, r)
}

func (s *specification) body(specified map[string]any, r response) error {
	content, _ := specified["content"].(map[string]any)
	media, ok := content[r.header.Get("Content-Type")].(map[string]any)
	if !ok {
		return fmt.Errorf("Content-Type %q is not specified", r.header.Get("Content-Type"))
	}
	var value any
	if err := json.Unmarshal([]byte(r.body), &value); err != nil {
		return err
	}
	return s.matches(media["schema"].(map[string]any), value, "body")
}

// words are what a schema may say; the last ones constrain nothing here.
var words = []string{
	"$ref", "type", "properties", "required", "additionalProperties", "items", "enum", "format", "minimum", "maximum",
	"description", "maxLength", "maxItems", "default", "contentEncoding",
}

func (s *specification) matches(schema map[string]any, value any, at string) error {
	for word := range schema {
		if !slices.Contains(words, word) {
			return fmt.Errorf("%s: the schema says %s, which is not checked here: extend the test", at, word)
		}
	}
	if ref, ok := schema["$ref"].(string); ok {
		name := strings.TrimPrefix(ref, "#/components/schemas/")
		return s.matches(s.doc["components"].(map[string]any)["schemas"].(map[string]any)[name].(map[string]any), value, at)
	}
	if err := typed(schema, value, at); err != nil {
		return err
	}
	if enum, ok := schema["enum"].([]any); ok && value != nil && !slices.Contains(enum, value) {
		return fmt.Errorf("%s: %v is none of %v", at, value, enum)
	}
	if schema["format"] == "date-time" && value != nil {
		if moment, err := time.Parse(time.RFC3339Nano, value.(string)); err != nil || moment.Location() != time.UTC {
			return fmt.Errorf("%s: %v is not a time in UTC", at, value)
		}
	}
	switch v := value.(type) {
	case []any:
		for i, item := range v {
			if err := s.matches(schema["items"].(map[string]any), item, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	case map[string]any:
		return s.fields(schema, v, at)
	}
	return nil
}

// typed checks a value's type, which may be one of several.
func typed(schema map[string]any, value any, at string) error {
	var allowed []any
	switch t := schema["type"].(type) {
	case nil:
		return nil
	case string:
		allowed = []any{t}
	case []any:
		allowed = t
	}
	got := map[bool]string{}
	switch v := value.(type) {
	case nil:
		got[true] = "null"
	case bool:
		got[true] = "boolean"
	case string:
		got[true] = "string"
	case float64:
		got[true] = "number"
		if v == float64(int64(v)) && slices.Contains(allowed, any("integer")) {
			got[true] = "integer"
		}
	case []any:
		got[true] = "array"
	case map[string]any:
		got[true] = "object"
	}
	if !slices.Contains(allowed, any(got[true])) {
		return fmt.Errorf("%s is %s, specified is %v", at, got[true], allowed)
	}
	return nil
}

func (s *specification) fields(schema, object map[string]any, at string) error {
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if _, ok := object[name.(string)]; !ok {
			return fmt.Errorf("%s.%s is missing", at, name)
		}
	}
	properties, _ := schema["properties"].(map[string]any)
	for name, value := range object {
		inner, known := properties[name].(map[string]any)
		if !known {
			switch more := schema["additionalProperties"].(type) {
			case map[string]any:
				inner = more
			case bool:
				if !more {
					return fmt.Errorf("%s.%s is not specified", at, name)
				}
				continue
			default:
				continue
			}
		}
		if err := s.matches(inner, value, at+"."+name); err != nil {
			return err
		}
	}
	return nil
}

// TestSpecificationIsChecked shows that the check can fail.
func TestSpecificationIsChecked(t *testing.T) {
	s := &specification{doc: map[string]any{}}
	schema := func(text string) (m map[string]any) {
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	object := `{"type":"object","additionalProperties":false,"required":["a"],"properties":{"a":{"type":"string","format":"date-time"},"b":{"type":["integer","null"],"enum":[1,2]}}}`
	tests := map[string]struct {
		schema, value, want string
	}{
		"good":          {object, `{"a":"2026-01-02T03:04:05Z","b":1}`, ""},
		"null":          {object, `{"a":"2026-01-02T03:04:05Z","b":null}`, ""},
		"missing":       {object, `{}`, "is missing"},
		"unknown":       {object, `{"a":"2026-01-02T03:04:05Z","c":1}`, "not specified"},
		"another zone":  {object, `{"a":"2026-01-02T03:04:05+01:00"}`, "not a time in UTC"},
		"another type":  {object, `{"a":1}`, "is number"},
		"another value": {object, `{"a":"2026-01-02T03:04:05Z","b":3}`, "none of"},
		"in a list":     {`{"type":"array","items":{"type":"string"}}`, `["a",null]`, "[1] is null"},
		"another word":  {`{"oneOf":[]}`, `1`, "extend the test"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var value any
			if err := json.Unmarshal([]byte(tt.value), &value); err != nil {
				t.Fatal(err)
			}
			err := s.matches(schema(tt.schema), value, "body")
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
