package api

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/trivetdev/trivet/internal/scope"
)

// bearer names the one way to authenticate in the specification.
const bearer = "api_key"

const keyMeaning = "One of the configured keys. Those of api_keys may do everything, each [[api_key]] what its scopes say: " +
	"check asks GET /v1/check and nothing else; read shows everything, by GET; write is what an application does day by day; " +
	"money is what moves money or cannot be undone; admin is for those who run the service; all is everything. " +
	"The scope that an operation needs is its " + scopeExtension + ". A key that has expired gets 401 with the code key_expired."

// described is huma's configuration: its own routes and its schema links are
// off, JSON alone is spoken, and what is not described is refused.
func described(version string) huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Trivet", Version: version,
				Description: "Billing state in step with the payment providers, and the answer to: may this customer do this?",
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					bearer: {Type: "http", Scheme: "bearer", Description: keyMeaning},
				},
			},
			Security: []map[string][]string{{bearer: {}}},
			Tags: []*huma.Tag{
				{Name: "access", Description: "May this customer do this?"},
				{Name: "customers", Description: "Your users, by your own ids, and all that is known about them."},
				{Name: "checkouts", Description: "Sending customers to the provider's payment page."},
				{Name: "actions", Description: "What is asked of a provider is recorded as an effect and carried out once."},
				{Name: "modes", Description: "How far the service may go by itself: observe, assist, enforce; what waits for a person; the brake."},
				{Name: "messages", Description: "What was said to customers and when, what your application shows them, and what needs a person."},
				{Name: "hooks", Description: "Your own endpoints, and what they are told."},
				{Name: "events", Description: "The inbox: what the providers told, and what became of it."},
				{Name: "truth", Description: "Comparing the ledger with the providers."},
			},
		},
		Formats:                      huma.DefaultFormats,
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{restated},
	}
}

// add registers an operation. Errors become problems on the way out.
func add[I, O any](s *server, r route, do func(context.Context, *I) (*O, error)) {
	op := *s.scoped(&r)
	op.Responses = map[string]*huma.Response{"default": s.problems()}
	op.MaxBodyBytes = maxBody + 1 // the limit is kept before
	huma.Register(s.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := do(ctx, in)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return out, nil
	})
}

// problems describes the answers that are not 2xx.
func (s *server) problems() *huma.Response {
	return &huma.Response{
		Description: "A problem, as of RFC 9457",
		Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: s.schema(reflect.TypeFor[Problem]())}},
	}
}

func (s *server) schema(t reflect.Type) *huma.Schema {
	return s.huma.OpenAPI().Components.Schemas.Schema(t, true, "")
}

// get, post … are operations with what they all have. Whoever may read may get; what
// else there is says which scope it needs.
func get(path, id, tag, summary string) route {
	return operation(scope.Read, http.MethodGet, path, id, tag, summary)
}

func post(needs scope.Scope, path, id, tag, summary string) route {
	return operation(needs, http.MethodPost, path, id, tag, summary)
}

func operation(needs scope.Scope, method, path, id, tag, summary string) route {
	return route{
		needs: needs, Operation: huma.Operation{Method: method, Path: path, OperationID: id, Tags: []string{tag}, Summary: summary},
	}
}

// with adds a description and, if it is not 200, the status of success.
func with(r route, status int, description string) route {
	r.DefaultStatus, r.Description = status, description
	return r
}

// listed is one operation of the specification with its method and path.
type listed struct {
	*huma.Operation
	Tag *huma.Tag
}

// byTag lists all operations, grouped as the tags are ordered.
func (s *server) byTag() []listed {
	spec := s.huma.OpenAPI()
	var all []listed
	for _, item := range spec.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete} {
			if op == nil {
				continue
			}
			for _, tag := range spec.Tags {
				if slices.Contains(op.Tags, tag.Name) {
					all = append(all, listed{op, tag})
				}
			}
		}
	}
	place := func(l listed) int { return slices.Index(spec.Tags, l.Tag) }
	slices.SortFunc(all, func(a, b listed) int {
		if d := place(a) - place(b); d != 0 {
			return d
		}
		if a.Path != b.Path {
			return strings.Compare(a.Path, b.Path)
		}
		return slices.Index(methods, a.Method) - slices.Index(methods, b.Method)
	})
	return all
}
