// Package paddle connects the service to Paddle Billing through the official SDK
// (paddle-go-sdk v4), API version 1.
//
// Webhooks are verified here and not by the SDK, whose verifier takes one
// signature and one secret, and so breaks whenever a secret is rotated. Answers
// are read here as well: the SDK reads a list all or nothing, and falls over one
// that is cut off. What the SDK does is to know the calls and their parameters.
//
// Paddle has no idempotency keys: every write looks first and does nothing if what
// is wanted is so already. The key of a write goes along as X-Transit-Id, by which
// Paddle's support finds the call, and with a refund as part of its reason.
//
// A Paddle transaction is the checkout, the invoice and the payment at once; it
// goes by one id under three kinds. Refunds, chargebacks and their warnings are
// Paddle's adjustments.
package paddle
