// Package strict reads JSON that strangers may have written.
//
// [encoding/json] is lenient where a webhook must not be: it takes any case of a
// name and the last of several, so that two programs can read two things out of
// one body. An [Object] has its members by their exact names and none of them
// twice. It is also several times faster than decoding, and every webhook passes
// here.
//
// Reading an object says nothing of what is in its members: what becomes part of
// a path or of an answer is a [Word] first.
package strict
