// Package paddle simulates the part of Paddle Billing that a billing service
// touches: its API, its checkout (which stands for Paddle.js on the merchant's
// default payment link), its customer portal, its signed notifications, and the
// life of customers, cards and subscriptions behind them.
//
// Time is virtual: [Server.Advance] lets happen what is due, [Server.Deliver]
// posts the notifications that are due. A world is deterministic for its seed
// when driven from one goroutine.
//
// What Paddle does differently from others is modeled on purpose: there is no
// idempotency header; an amount is a string; a transaction is checkout, invoice
// and payment in one; a refund waits for Paddle's approval and may be rejected;
// disputes are adjustments; a failed renewal is told as "active" first; one event
// keeps its id through all notifications about it; notifications come sixty times
// in three days, and may or may not be signed afresh.
//
// Calls or parameters that the simulator does not have are answered with an error
// that says so.
package paddle
