package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/trivetdev/trivet/billing"
	"github.com/trivetdev/trivet/internal/apply"
	"github.com/trivetdev/trivet/internal/scope"
)

// Check is the answer to "may this customer use this feature?".
type Check struct {
	Allowed bool       `json:"allowed"`
	Reason  string     `json:"reason" doc:"Why: active, trialing, canceling, grace, pass, granted …; no_purchase, ended, past_due, refunded, banned …"`
	Until   *time.Time `json:"until" doc:"When the answer was last known to change by itself; null: no such date."`
	Source  *Source    `json:"source" doc:"What decided; null if there is no purchase."`
	AsOf    time.Time  `json:"as_of" doc:"When what decided was last compared with the provider."`
	Stale   bool       `json:"stale" doc:"The provider was expected to have told something new by now, and has not."`

	Customer string `json:"customer"`
	Feature  string `json:"feature"`
}

// Source is the purchase or grant that a decision rests on.
type Source struct {
	_          struct{} `nullable:"true"`
	Provider   *string  `json:"provider" doc:"The account; null for a grant."`
	Kind       string   `json:"kind" doc:"subscription, payment, checkout or grant."`
	ID         string   `json:"id"`
	ProviderID *string  `json:"provider_id" doc:"The provider's own id; null for a grant."`
}

func sourceOf(source billing.Source) *Source {
	switch {
	case source == billing.Source{}:
		return nil
	case source.Account == "":
		return &Source{Kind: string(source.Kind), ID: source.ID}
	}
	return &Source{
		Provider: &source.Account, Kind: string(source.Kind),
		ID: publicID(source.Account, source.ID), ProviderID: &source.ID,
	}
}

func checked(customer, feature string, a apply.Answer) Check {
	return Check{
		Allowed: a.Allowed, Reason: string(a.Reason), Until: moment(a.Until), Source: sourceOf(a.Source),
		AsOf: a.AsOf.UTC(), Stale: a.Stale, Customer: customer, Feature: feature,
	}
}

const checkPath = "/v1/check"

// asksCheck reports whether the check asks for a parameter; others are no error there,
// for an application that fails to ask locks out whoever has paid.
func asksCheck(name string) bool { return name == "customer" || name == "feature" }

// checkOperations registers the check past huma, whose reflection costs more
// than the rest of it, and describes it by hand.
func (s *server) checkOperations() {
	param := func(name, doc string) *huma.Param {
		return &huma.Param{Name: name, In: "query", Required: true, Description: doc, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	s.rest.HandleFunc(http.MethodGet+" "+checkPath, s.check)
	op := with(operation(scope.Check, http.MethodGet, checkPath, "check", "access", "May this customer use this feature?"), http.StatusOK,
		"Answers 200 whenever both are named. A customer whom nobody has heard of, or who cannot exist, is not allowed, for reason no_purchase. "+
			"A plan's id counts as a feature of it. Other parameters are ignored.")
	op.Parameters = []*huma.Param{param("customer", "Your own user id."), param("feature", "A feature of a plan, or a plan's id.")}
	op.Responses = map[string]*huma.Response{
		"200":     {Description: "The answer", Content: map[string]*huma.MediaType{"application/json": {Schema: s.schema(reflect.TypeFor[Check]())}}},
		"default": s.problems(),
	}
	s.huma.OpenAPI().AddOperation(s.scoped(&op))
}

func (s *server) check(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	customer, feature := query.Get("customer"), query.Get("feature")
	if !query.Has("customer") {
		invalidf("query.customer: is missing: send your own user id.").write(w)
		return
	}
	if feature == "" {
		invalidf("query.feature: is missing: name a feature of a plan, or a plan.").write(w)
		return
	}
	found, err := apply.Answer{Decision: billing.Decision{Reason: billing.ReasonNone}, AsOf: s.DB.Now()}, error(nil)
	if billing.CheckRef(customer) == nil { // else nobody can have bought under this name
		found, err = s.Apply.Check(r.Context(), customer, feature)
	}
	if err != nil {
		s.unavailable(r, err).write(w)
		return
	}
	if found.Reason == billing.ReasonNone {
		s.unheard(feature, "check")
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(checked(customer, feature, found)) // the client has gone
}

// unavailable is the answer of a check that could not be made: not a denial.
func (s *server) unavailable(r *http.Request, err error) *Problem {
	p := s.internal(err, "path", r.URL.Path)
	p.Status, p.Title, p.Code = http.StatusServiceUnavailable, http.StatusText(http.StatusServiceUnavailable), "unavailable"
	p.Detail = "The ledger cannot be read now, so there is no answer, which is not a no: keep to the last one, and ask again."
	p.retryAfter = time.Second
	return p
}
