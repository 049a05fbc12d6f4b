// Package paypal is the driver for PayPal.
//
// It is a thin client of PayPal's REST API (Subscriptions v1, Orders v2, Payments
// v2 and v1, Disputes v1, Transaction Search, Webhooks) and owns everything that
// is peculiar to it. It implements [provider.Driver], [provider.EventLister] and
// most capabilities of package provider; [Driver.Abilities] says which are
// emulated and which PayPal lacks.
//
// # Nouns
//
// PayPal has fewer nouns than we: one record of its stands for several of ours.
//
//   - A subscription (I-…) is also the checkout by which the payer approved it.
//   - The sale of a subscription is a payment and, under the same id, the paid
//     invoice of that subscription: PayPal makes none of its own.
//   - An order is a checkout; its capture is a payment. The id of a transaction
//     is the id of the payment, in whichever API and event it appears, so the
//     same money is never counted twice.
//   - A dispute about several transactions is one of ours for each: the first, in
//     the order of their ids, under PayPal's id, every other with a dot and the
//     transaction's id added.
//
// There are no customers: several of the application's may share one payer, so a
// payer owns nothing here. The payer's id is a claim, which nobody trusts unless
// told to.
//
// # Time
//
// PayPal cancels at once and forgets the next billing time with it. Until when
// the payer has paid is worked out from the last payment and the rhythm of the
// plan; until then the subscription is active with [billing.Subscription.CancelAt]
// set. What PayPal cannot express is written into the note that it keeps with a
// status (see note.go).
//
// # Trust
//
// A webhook is authenticated by its certificate and read for names only.
// Anybody who knows the client id, which is public, can make an order or
// subscription with any amount. So what was bought counts only if what was asked
// for it is what its price says; see [Price].
package paypal
