// Package year tells what a customer lives through in a year, provider by provider,
// and what the service says and does about it.
//
// It owns tests only. Each story is a function that plays the customer, the bank and
// the team; what comes of it is a file under testdata/year, a line for each fact, with
// its time. Then the stories are told again with webhooks that come twice and late,
// and with the service ended at each of its fail points: the same must come of it.
//
// The files are expectations, to be read before they are believed; docs/demo.md says
// how.
package year
