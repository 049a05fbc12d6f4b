package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/trivetdev/trivet/internal/scope"
)

// scopeExtension is where the specification says which scope an operation needs.
const scopeExtension = "x-trivet-scope"

// route is an operation and the scope that a key needs for it.
type route struct {
	huma.Operation
	needs scope.Scope
}

// scoped notes which scope a route needs, for those who come and for those who read
// the specification.
func (s *server) scoped(r *route) *huma.Operation {
	if r.needs == scope.All || !slices.Contains(scope.Scopes(), r.needs) {
		panic(fmt.Sprintf("%s %s needs the scope %q, which is none that a route can need", r.Method, r.Path, r.needs))
	}
	s.needs[r.Method+" "+r.Path] = r.needs
	r.Extensions = map[string]any{scopeExtension: string(r.needs)}
	r.Description = strings.TrimSpace(r.Description + " " + needed(r.needs))
	return &r.Operation
}

// needed says which keys may.
func needed(needs scope.Scope) string {
	if needs == scope.Check {
		return "Takes a key with the scope check, or read."
	}
	return fmt.Sprintf("Takes a key with the scope %s.", needs)
}

// refusal is what the holder of a key is told who lacks the scope of a request to
// /v1; nil: they may have it answered. What no route matches needs none.
func (s *server) refusal(k key, r *http.Request) *Problem {
	_, pattern := s.rest.Handler(r)
	if pattern == "/" {
		return nil
	}
	return k.lacks(s.needs[pattern])
}

// lacks tells whoever holds a key that it has no scope for something; nil: it has.
func (k key) lacks(needs scope.Scope) *Problem {
	if scope.Allow(k.scopes, needs) {
		return nil
	}
	has := scope.Texts(k.scopes)
	p := problemf(http.StatusForbidden, "forbidden",
		"This needs the scope %s, and the API key %s has only %s: nothing was done. Send a key that has the scope, or have it added to the key's scopes in the configuration.",
		needs, strings.TrimPrefix(k.holder, keyPrefix), strings.Join(has, ", "))
	p.MissingScope, p.Scopes = string(needs), has
	return p
}
