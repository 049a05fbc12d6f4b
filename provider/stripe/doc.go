// Package stripe is the driver for Stripe.
//
// It speaks the API version that stripe-go v85 pins (2026-03-25.dahlia) and
// owns everything that is peculiar to Stripe: its signature, its events, its
// statuses, its way to count money and its form of every write. It implements
// [provider.Driver], [provider.EventLister] and all capabilities of package
// provider.
//
// A webhook is authenticated and read for names only. Objects are always read
// afresh, because the body of an event is rendered in the version of the
// endpoint and at the time of the event. Verification is our own: stripe-go
// takes one secret only and accepts times in the future.
//
// Where Stripe uses a word that this package does not know, the object is kept
// with the meaning that grants nothing and triggers nothing: a subscription or
// payment is pending, an invoice a draft, a refund pending, a checkout open;
// only a dispute counts as open. The word itself stays in ProviderStatus.
//
// The package decides nothing, stores nothing and never retries: package
// transport does that below it.
package stripe
