// Package api is the REST surface: parse, call, render.
//
// It owns the routes under /v1, their shapes and problems, API keys, idempotency
// keys, health, and the description of all this at /openapi.json and /docs. It
// decides nothing about billing and opens no transaction on billing state: what
// a request asks for is done by the packages below, and an answer is what they
// have.
//
// # Scopes
//
// Every route is registered with the scope that a key needs for it: a GET with
// scope.Read, whatever else with the one that it names. It is asked for in one place,
// before the request is looked at or answered from memory, and is in the specification.
//
// # Shapes
//
// Times are RFC 3339 in UTC, or null. Amounts are minor units beside an ISO 4217
// currency. Lists are never null. An object's id is the provider's id, "@", and
// the account: "sub_1Q…@stripe"; in paths the provider's id alone will do where
// only one account has it. Fields are added without notice; none changes its
// meaning. docs/api.md has examples.
//
// # Problems
//
// Everything that is not 2xx has a body as of RFC 9457 with a stable "code" and
// a "detail" that says what to do next. No text of an internal error gets out:
// it is logged beside a reference, which the answer carries.
package api
