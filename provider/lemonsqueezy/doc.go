// Package lemonsqueezy is the driver for Lemon Squeezy.
//
// It is a thin client of the JSON:API and owns everything that is peculiar to this
// provider: its signature, its events, its statuses, and the way in which its
// records stand for our nouns.
//
//   - An order is a checkout that somebody went through, "order-5". Unless a
//     subscription came of it, it is also the payment for what was bought,
//     "order-5". A fraudulent one is besides a dispute that was lost.
//   - An invoice of a subscription is that, "7", and a payment, "invoice-7".
//   - A checkout page goes by its UUID. It never tells whether it was used.
//
// So the first payment of a subscription, which its order and its first invoice
// both speak of, is counted once: as the invoice's.
//
// A webhook is authenticated and read for names, with one exception: what the
// checkout's custom data say of whose a purchase is, is in webhooks and nowhere
// else. They are passed on as claims ([provider.Delivery]); our token among them
// proves itself.
//
// Where Lemon Squeezy uses a word that this package does not know, the object is
// kept with the meaning that grants nothing and triggers nothing: a subscription or
// payment is pending, an invoice a draft. The word itself stays in ProviderStatus.
//
// No write carries an idempotency key: each looks first and does nothing if all is
// as wanted. The package decides nothing, stores nothing but prices and currencies,
// which do not change, and never retries: package transport does that below it.
package lemonsqueezy
