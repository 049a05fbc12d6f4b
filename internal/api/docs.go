package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// openapi serves the specification, rendered once.
func (s *server) openapi() http.HandlerFunc {
	doc, err := json.MarshalIndent(s.huma.OpenAPI(), "", " ")
	return func(w http.ResponseWriter, _ *http.Request) {
		if err != nil {
			s.internal(fmt.Errorf("render the specification: %w", err)).write(w)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(doc) // the client has gone
	}
}

const docsStyle = `body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}
code{font:.95em ui-monospace,monospace}h2{margin-top:2.5rem}h3{margin:1.5rem 0 0}p{margin:.3rem 0}
table{border-collapse:collapse;width:100%;margin:.5rem 0}td{border-top:1px solid #8884;padding:.2rem .8rem .2rem 0;vertical-align:top}
td:first-child{width:12rem}`

// docsPage lists the operations. It needs no script, and works from a file.
var docsPage = template.Must(template.New("docs").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}} API</title><style>{{.Style}}</style></head><body>
<h1>{{.Title}} API</h1>
<p>{{.Description}} Version {{.Version}}; the specification is at <a href="/openapi.json">/openapi.json</a>.</p>
<p>Send a configured key as <code>Authorization: Bearer KEY</code>. Whatever is not 2xx is
<code>application/problem+json</code> and says what to do. Lists take <code>limit</code> and <code>after</code> and answer
<code>{"data": […], "next": "…" or null}</code>.</p>
{{range .Groups}}<h2>{{.Name}}</h2><p>{{.Description}}</p>
{{range .Operations}}<h3 id="{{.ID}}"><code>{{.Method}} {{.Path}}</code></h3>
<p>{{.Summary}}</p>{{with .Description}}<p>{{.}}</p>{{end}}
{{with .Fields}}<table>{{range .}}<tr><td><code>{{.Name}}</code></td><td>{{.Place}}, {{.Type}}{{if .Required}}, required{{end}}</td><td>{{.Doc}}</td></tr>
{{end}}</table>{{end}}{{end}}{{end}}</body></html>
`))

type docsGroup struct {
	Name, Description string
	Operations        []docsOperation
}

type docsOperation struct {
	ID, Method, Path, Summary, Description string
	Fields                                 []docsField
}

type docsField struct {
	Name, Place, Type, Doc string
	Required               bool
}

// docs serves the page, rendered once.
func (s *server) docs() http.HandlerFunc {
	var rendered bytes.Buffer
	info := s.huma.OpenAPI().Info
	err := docsPage.Execute(&rendered, map[string]any{
		"Title": info.Title, "Description": info.Description, "Version": info.Version,
		"Style": template.CSS(docsStyle), "Groups": s.groups(), //nolint:gosec // our own constant
	})
	sum := sha256.Sum256([]byte(docsStyle))
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	return func(w http.ResponseWriter, _ *http.Request) {
		if err != nil {
			s.internal(fmt.Errorf("render the documentation: %w", err)).write(w)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Referrer-Policy", "no-referrer")
		_, _ = w.Write(rendered.Bytes()) // the client has gone
	}
}

func (s *server) groups() []docsGroup {
	var groups []docsGroup
	for _, op := range s.byTag() {
		if len(groups) == 0 || groups[len(groups)-1].Name != op.Tag.Name {
			groups = append(groups, docsGroup{Name: op.Tag.Name, Description: op.Tag.Description})
		}
		last := &groups[len(groups)-1]
		last.Operations = append(last.Operations, docsOperation{
			ID: op.OperationID, Method: op.Method, Path: op.Path, Summary: op.Summary, Description: op.Description,
			Fields: s.fields(op.Operation),
		})
	}
	return groups
}

// fields lists an operation's parameters and the fields of its body.
func (s *server) fields(op *huma.Operation) []docsField {
	var all []docsField
	for _, p := range op.Parameters {
		doc := p.Description
		if doc == "" {
			doc = p.Schema.Description
		}
		all = append(all, docsField{Name: p.Name, Place: p.In, Type: typeOf(p.Schema), Doc: doc, Required: p.Required})
	}
	if op.RequestBody == nil {
		return all
	}
	body := op.RequestBody.Content["application/json"].Schema
	if body.Ref != "" {
		body = s.huma.OpenAPI().Components.Schemas.SchemaFromRef(body.Ref)
	}
	names := make([]string, 0, len(body.Properties))
	for name := range body.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		field := body.Properties[name]
		all = append(all, docsField{Name: name, Place: "body", Type: typeOf(field), Doc: field.Description, Required: slices.Contains(body.Required, name)})
	}
	return all
}

func typeOf(schema *huma.Schema) string {
	switch {
	case schema.Ref != "":
		return "object"
	case len(schema.Enum) > 0:
		words := make([]string, len(schema.Enum))
		for i, word := range schema.Enum {
			words[i] = fmt.Sprint(word)
		}
		return strings.Join(words, " | ")
	case schema.Format == "date-time":
		return "time"
	case schema.Type == "":
		return "any"
	}
	return schema.Type
}
