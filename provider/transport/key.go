package transport

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Key is an idempotency key as a provider takes it: visible ASCII characters and
// spaces, without those of but, and of at most the given number of bytes. Any other
// key is hashed, so that it stays the same key.
func Key(key string, most int, but string) string {
	odd := strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune(but, r) })
	if !odd && len(key) <= most {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return "sha256-" + hex.EncodeToString(sum[:])
}
