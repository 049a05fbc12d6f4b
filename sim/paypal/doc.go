// Package paypal is a simulated PayPal: a stateful twin of the parts of its REST
// API that a billing service needs (OAuth, Subscriptions v1 with plans and
// transactions, Orders v2, Payments v1 and v2, Disputes v1, Transaction Search,
// Webhooks), the approval pages, and the sender of webhooks signed with a
// certificate of its own authority. All of it runs on virtual time with seeded
// faults.
//
// A Server is made with New. It is an http.Handler by Handler, or a transport
// in the same process by sim.Transport(s.Handler()). Its world moves when the
// clock does; webhooks leave by Deliver, in the order in which they are due.
//
// What is peculiar to PayPal is kept: a subscription is announced as ACTIVATED
// before it is as CREATED; one sale may be announced twice, under two event ids;
// Transaction Search knows nothing of the last three hours; a cancellation takes
// effect at once and the next billing time vanishes with it; failed charges are
// tried twice more, five days apart, before they become an outstanding balance;
// at the plan's threshold the subscription is suspended; an order that the payer
// approved is worth nothing until somebody captures it; a payer may be several
// customers of the shop. The list of subscriptions can be switched off
// ([Config.NoList]), as some accounts have it.
//
// Truth and Effects are the oracle: what a service in step with this world must
// believe, and what it did to the world. They are worked out here, from the
// world itself, and share nothing with the driver under test.
//
// Keys for signatures are made once per process and are not part of what a seed
// decides: the signatures of two runs differ, everything else is the same.
package paypal
