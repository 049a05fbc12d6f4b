//go:build specs

package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// descriptions are the published OpenAPI descriptions of a provider, which are not part
// of the repository.
type descriptions struct {
	operations []operation
}

// operation is one of what can be asked.
type operation struct {
	method string
	path   []string // the parts; one in braces stands for any
	spec   *openapi3.Operation
	shared openapi3.Parameters
}

// load reads the descriptions whose files begin with a provider's name.
func load(t *testing.T, provider string) *descriptions {
	t.Helper()
	dir := os.Getenv("TRIVET_SPECS")
	if dir == "" {
		t.Fatal("TRIVET_SPECS is not set: run make contract SPECS=FOLDER; docs/providers/descriptions.md says what the folder holds")
	}
	d := &descriptions{}
	for _, end := range []string{"json", "yaml"} {
		files, err := filepath.Glob(filepath.Join(dir, provider+"-*."+end))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			doc, err := openapi3.NewLoader().LoadFromFile(file)
			if err != nil {
				t.Fatalf("read %s: %v", filepath.Base(file), err)
			}
			d.add(doc)
		}
	}
	if len(d.operations) == 0 {
		t.Fatalf("the folder of TRIVET_SPECS has no %s-*.json or %s-*.yaml that describes anything", provider, provider)
	}
	return d
}

func (d *descriptions) add(doc *openapi3.T) {
	for path, item := range doc.Paths.Map() {
		for method, spec := range item.Operations() {
			d.operations = append(d.operations, operation{method, strings.Split(path, "/"), spec, item.Parameters})
		}
	}
}

// find is the operation of a request, the one with the fewest braces.
func (d *descriptions) find(method, path string) *operation {
	var best *operation
	parts, fewest := strings.Split(path, "/"), len(path)
	for i, o := range d.operations {
		if o.method != method || len(o.path) != len(parts) {
			continue
		}
		open := 0
		fits := true
		for n, part := range o.path {
			if strings.HasPrefix(part, "{") {
				open++
			} else if part != parts[n] {
				fits = false
			}
		}
		if fits && open < fewest {
			best, fewest = &d.operations[i], open
		}
	}
	return best
}

func (o *operation) name() string { return o.method + " " + strings.Join(o.path, "/") }

// answer is the schema of the operation's answer; nil where none is described.
func (o *operation) answer(status int) *openapi3.Schema {
	ref := o.spec.Responses.Status(status)
	if ref == nil && status >= 400 {
		ref = o.spec.Responses.Default()
	}
	if ref == nil || ref.Value == nil {
		return nil
	}
	return jsonOf(ref.Value.Content)
}

func jsonOf(content openapi3.Content) *openapi3.Schema {
	if media := content.Get("application/json"); media != nil && media.Schema != nil {
		return media.Schema.Value
	}
	return nil
}

// auditor compares what goes to and fro with the descriptions. What is not described is
// counted apart; what breaks them is said once for each kind.
type auditor struct {
	t    *testing.T
	spec *descriptions
	// outside are the paths that the descriptions do not cover, each for a reason; one
	// that ends in a slash stands for all that begin with it.
	outside map[string]string
	// excused are known breaches that are the description's own fault, with the reason.
	excused map[string]string

	mu                 sync.Mutex
	requests, answers  map[string]int
	undescribed, found map[string]int
}

func newAuditor(t *testing.T, provider string) *auditor {
	t.Helper()
	return &auditor{
		t: t, spec: load(t, provider), requests: map[string]int{}, answers: map[string]int{}, undescribed: map[string]int{}, found: map[string]int{},
	}
}

// through is a transport that audits what passes.
func (a *auditor) through(next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		var sent []byte
		if r.Body != nil {
			var err error
			if sent, err = io.ReadAll(r.Body); err != nil {
				return nil, err
			}
			r.Body = io.NopCloser(bytes.NewReader(sent))
		}
		resp, err := next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		got, err := io.ReadAll(resp.Body)
		if err != nil {
			return nil, err
		}
		resp.Body = io.NopCloser(bytes.NewReader(got))
		a.exchange(r, sent, resp, got)
		return resp, nil
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (a *auditor) exchange(r *http.Request, sent []byte, resp *http.Response, got []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	o := a.spec.find(r.Method, r.URL.Path)
	if o == nil {
		for prefix := range a.outside {
			if r.URL.Path == prefix || strings.HasSuffix(prefix, "/") && strings.HasPrefix(r.URL.Path, prefix) {
				a.undescribed[r.Method+" "+prefix]++
				return
			}
		}
		a.complain("%s %s is described nowhere", r.Method, r.URL.Path)
		return
	}
	a.requests[o.name()]++
	a.query(o, r)
	if len(sent) > 0 && resp.StatusCode < 400 {
		a.json("the request of "+o.name(), sent, requestOf(o))
	}
	if len(got) == 0 {
		return
	}
	schema := o.answer(resp.StatusCode)
	if schema == nil {
		if resp.StatusCode < 400 {
			a.complain("%s is answered %d with a body, which is not described", o.name(), resp.StatusCode)
		}
		return
	}
	a.answers[o.name()]++
	a.json(fmt.Sprintf("the answer %d of %s", resp.StatusCode, o.name()), got, schema)
}

func requestOf(o *operation) *openapi3.Schema {
	if o.spec.RequestBody == nil {
		return nil
	}
	return jsonOf(o.spec.RequestBody.Value.Content)
}

// query checks that the operation has every parameter that is asked.
func (a *auditor) query(o *operation, r *http.Request) {
	for name := range r.URL.Query() {
		known := func(p *openapi3.ParameterRef) bool {
			return p.Value != nil && p.Value.In == "query" && p.Value.Name == name
		}
		if !slices.ContainsFunc(o.spec.Parameters, known) && !slices.ContainsFunc(o.shared, known) {
			a.complain("the request of %s has the parameter %q, which is not described", o.name(), name)
		}
	}
}

// json checks a text against a schema, unknown fields included.
func (a *auditor) json(what string, text []byte, schema *openapi3.Schema) {
	if schema == nil {
		a.complain("%s has a body, which is not described", what)
		return
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		a.complain("%s is no JSON: %v", what, err)
		return
	}
	for _, breach := range breaches(schema, v) {
		a.complain("%s: %s", what, breach)
	}
}

// breaches are where a value does not fit its schema.
func breaches(schema *openapi3.Schema, v any) (all []string) {
	if err := schema.VisitJSON(v, openapi3.MultiErrors()); err != nil {
		all = append(all, leaves(err)...)
	}
	return append(all, strangers([]*openapi3.Schema{schema}, v, "", 0)...)
}

// leaves are the single errors of an error.
func leaves(err error) (all []string) {
	if many, ok := err.(openapi3.MultiError); ok { //nolint:errorlint // it is never wrapped
		for _, e := range many {
			all = append(all, leaves(e)...)
		}
		return all
	}
	if one, ok := err.(*openapi3.SchemaError); ok { //nolint:errorlint // it is never wrapped
		pointer := slices.Clone(one.JSONPointer())
		for i, part := range pointer {
			if strings.Trim(part, "0123456789") == "" {
				pointer[i] = "N"
			}
		}
		if one.Origin != nil && (one.Reason == "" || one.SchemaField == "allOf") {
			return leaves(one.Origin)
		}
		return []string{strings.Join(pointer, ".") + ": " + firstLines(one.Reason)}
	}
	return []string{firstLines(err.Error())}
}

// strangers are the fields that no schema of a value has, nor what it is made of.
func strangers(schemas []*openapi3.Schema, v any, path string, depth int) (all []string) {
	if depth > 20 {
		return nil
	}
	schemas = apart(schemas)
	switch v := v.(type) {
	case map[string]any:
		closed := slices.ContainsFunc(schemas, func(s *openapi3.Schema) bool { return len(s.Properties) > 0 })
		for _, key := range slices.Sorted(maps.Keys(v)) {
			var of []*openapi3.Schema
			free := !closed
			for _, s := range schemas {
				if p := s.Properties[key]; p != nil {
					of = append(of, p.Value)
				} else if s.AdditionalProperties.Schema != nil {
					free = true
				}
			}
			if len(of) == 0 && !free {
				all = append(all, path+"."+key+" is not described")
			}
			all = append(all, strangers(of, v[key], path+"."+key, depth+1)...)
		}
	case []any:
		var of []*openapi3.Schema
		for _, s := range schemas {
			if s.Items != nil {
				of = append(of, s.Items.Value)
			}
		}
		for _, e := range v {
			all = append(all, strangers(of, e, path+"[]", depth+1)...)
		}
	}
	return all
}

// apart takes schemas apart that are made of others.
func apart(schemas []*openapi3.Schema) (all []*openapi3.Schema) {
	for _, s := range schemas {
		all = append(all, s)
		for _, parts := range []openapi3.SchemaRefs{s.AllOf, s.OneOf, s.AnyOf} {
			for _, part := range parts {
				all = append(all, apart([]*openapi3.Schema{part.Value})...)
			}
		}
	}
	return all
}

func (a *auditor) complain(format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	a.found[what]++
}

// report says what was checked, and fails for each kind of breach, and for each excuse
// that nothing needs any more.
func (a *auditor) report(least int) {
	a.t.Helper()
	for _, what := range slices.Sorted(maps.Keys(a.found)) {
		if a.excused[what] == "" {
			a.t.Errorf("%s (%d times)", what, a.found[what])
		}
	}
	for what, why := range a.excused {
		if a.found[what] == 0 {
			a.t.Errorf("nothing needs this excuse any more: %s (%s)", what, why)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.requests)) {
		a.t.Logf("%-66s %6d requests %6d answers", name, a.requests[name], a.answers[name])
	}
	for _, name := range slices.Sorted(maps.Keys(a.undescribed)) {
		a.t.Logf("not described: %-50s %6d", name, a.undescribed[name])
	}
	if len(a.requests) < least {
		a.t.Errorf("only %d operations were asked, want at least %d", len(a.requests), least)
	}
}

// TestBreachesAreFound spoils an answer in every way that matters.
func TestBreachesAreFound(t *testing.T) {
	schema := load(t, "paypal").find(http.MethodGet, "/v2/payments/captures/x").answer(http.StatusOK)
	const good = `{"id":"C1","status":"COMPLETED","amount":{"currency_code":"USD","value":"5.00"},"create_time":"2026-03-10T11:05:00Z",` +
		`"supplementary_data":{"related_ids":{"order_id":"O1"}}}`
	for name, spoilt := range map[string][2]string{
		"nothing":        {"", ""},
		"wrong type":     {`"value":"5.00"`, `"value":5`},
		"wrong enum":     {`"COMPLETED"`, `"REVERSED"`},
		"missing":        {`"currency_code":"USD",`, ""},
		"unknown":        {`"status":`, `"stauts":"COMPLETED","status":`},
		"unknown inside": {`"order_id"`, `"oder_id"`},
	} {
		var v any
		if err := json.Unmarshal([]byte(strings.Replace(good, spoilt[0], spoilt[1], 1)), &v); err != nil {
			t.Fatal(err)
		}
		if found := breaches(schema, v); (len(found) > 0) != (name != "nothing") {
			t.Errorf("%s: %q", name, found)
		}
	}
}
