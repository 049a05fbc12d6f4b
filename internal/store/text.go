package store

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// clean makes a text that both databases can store and that reads back the same
// from both. PostgreSQL has no place for NUL, nor for what is not UTF-8; SQLite
// takes either and then compares and prints it wrongly.
func clean(text string) string {
	if utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 {
		return text
	}
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", "\uFFFD"), "\uFFFD")
}

// cleaned is clean for the arguments of a statement.
func cleaned(args []any) []any {
	for i, arg := range args {
		switch text := arg.(type) {
		case string:
			args[i] = clean(text)
		case []string:
			for j := range text {
				text[j] = clean(text[j])
			}
		}
	}
	return args
}

// longestName is how many bytes an indexed name may have: PostgreSQL refuses
// rows of an index beyond 2.7 kB. No provider comes near.
const longestName = 500

// name makes a name that can be stored and looked up. One that cannot, for it is
// too long, holds a line break or is no text, is cut and gets its digest, so that
// different names stay different.
func name(text string) string {
	if len(text) <= longestName && clean(text) == text && !strings.Contains(text, "\n") {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	short := clean(text[:min(len(text), longestName/2)])
	return strings.ReplaceAll(short, "\n", "\uFFFD") + "#" + hex.EncodeToString(sum[:])
}
