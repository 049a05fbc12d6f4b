// Package transport is the one way in which drivers speak HTTP to providers.
//
// A [Transport] is an http.RoundTripper for one provider account. It keeps to
// the account's rate, waits as long as the provider asks, repeats calls that
// are safe to repeat, bounds the time of each try and the size of each answer,
// and reports every call to a hook. An answer is read to its end before it is
// handed on, so that a cut-off body is an error of the call.
//
// [Watch] and [Outcome.Error] turn whatever came of a call into a
// [provider.Error]: above all they tell a call that certainly did nothing from
// one whose outcome nobody knows.
//
// The package knows nothing of any provider's objects, signs nothing in and
// never writes a header, a query or a body into an error.
package transport
