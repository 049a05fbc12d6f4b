// Package lemonsqueezy is a simulated Lemon Squeezy: a stateful twin of its
// JSON:API, the hosted checkout and customer pages, and the sender of signed
// webhooks, all on virtual time and with seeded faults.
//
// A Server is made with New. It is an http.Handler by Handler, or a transport in
// the same process by sim.Transport(s.Handler()). Its world moves when the clock
// does: every API call and every Advance first carries out what fell due
// meanwhile (renewals, retries, ends of trials and pauses and, with Life rates,
// whatever customers and the people at the dashboard do). Webhooks leave by
// Deliver, in the order in which they are due.
//
// It has the quirks that make this provider hard to follow: custom data comes in
// webhooks alone; an order never says which checkout it came of; the order of a
// subscription and its first invoice speak of the same money; a webhook that is
// not answered with exactly 200 is tried three more times and then lost for
// ever; there is no list of events, no filter by change, and pages are counted by
// offset, so that they shift while rows are added; a fraudulent order sends no
// event; numbers of orders and of invoices overlap.
//
// Truth and Effects are the oracle: what a service in step with this world must
// believe, and what it did to the world. They are worked out here, from the
// objects themselves, and share nothing with the driver under test.
//
// What it does not do: license keys beyond the noise of their events, affiliates,
// usage-based billing, several items in one cart, and e-mails.
package lemonsqueezy
