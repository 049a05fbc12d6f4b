// Package words turns notices into messages: it owns the texts of all messages in
// all languages, how they are found and overridden, and how amounts, dates and
// lists are written by the rules of a locale.
//
// # Files
//
// A message is one file a language, such as de/payment_failed.1.txt, made of
// sections that are Go templates:
//
//	-- subject --
//	Your {{.Brand}} payment of {{.Amount}} did not go through
//	-- body --
//	…
//
// A line "-- name --" begins a section; lines before the first are comments. What
// a template sees is described at [View]. The sections of _shared.txt are for all
// messages of their language. A folder of the same form overrides: each section
// alone, for one language or, in a folder such as de-AT, for one country; a
// language that is not shipped is added the same way. _layout.html and _layout.txt
// are the frames around the words.
//
// # Languages
//
// The words are in the first language of the customer's chain that there is: de-AT,
// de, the configured one, en. Amounts and dates follow the customer's full locale
// if it is of the words' language. Times are in the customer's zone, else UTC, and
// say so where they have an hour.
package words
