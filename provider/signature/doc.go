// Package signature checks the HMAC-SHA256 signatures by which webhooks are
// believed.
//
// It holds to the same rules whoever signs. What counts is the raw body. Any of
// several secrets may have signed, so that one can be replaced without a gap.
// Every secret is compared with every signature, in constant time, whatever came of
// the comparisons before. What a header costs before its sender is known is
// bounded. A signed time may be too old and too far ahead alike, and it is judged
// after the signature, so that only the provider learns how our clock stands.
//
// A [Scheme] is the form of header that Stripe and Paddle share. Errors are
// [*provider.Rejection]s; none of them shows a secret or a signature.
package signature
