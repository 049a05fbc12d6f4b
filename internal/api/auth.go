package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/trivetdev/trivet/internal/scope"
)

// keyPrefix is what the audit trail puts before a key's name.
const keyPrefix = "key:"

// Key is an API key that has a name and may do what its scopes say.
type Key struct {
	Name   string
	SHA256 [sha256.Size]byte
	Scopes []scope.Scope
	// Expires is from when on it is taken no longer; zero: never.
	Expires time.Time
}

// key is one that is on the ring.
type key struct {
	// holder is who the audit trail says it was, print the beginning of the hash: what
	// stays when the key is given a name, or another one.
	holder, print string
	sum           [sha256.Size]byte
	scopes        []scope.Scope
	expires       time.Time
}

// keyring holds the hashes of the API keys.
type keyring []key

// newKeyring takes the keys that open everything, and those that have names. The
// former are named by the beginning of their hash: enough to tell keys apart in the
// audit trail, too little to guess one.
func newKeyring(full []string, named []Key) keyring {
	ring := make(keyring, 0, len(full)+len(named))
	for _, text := range full {
		sum := sha256.Sum256([]byte(text))
		ring = append(ring, key{holder: printOf(sum), print: printOf(sum), sum: sum, scopes: []scope.Scope{scope.All}})
	}
	for _, k := range named {
		ring = append(ring, key{holder: keyPrefix + k.Name, print: printOf(k.SHA256), sum: k.SHA256, scopes: k.Scopes, expires: k.Expires})
	}
	return ring
}

func printOf(sum [sha256.Size]byte) string { return keyPrefix + hex.EncodeToString(sum[:4]) }

// over says whether a key has expired.
func (k key) over(now time.Time) bool { return !k.expires.IsZero() && !now.Before(k.expires) }

// find returns the key that was sent. It compares with all keys in constant time.
func (k keyring) find(sent string) (found key, ok bool) {
	sum := sha256.Sum256([]byte(sent))
	at := -1
	for i := range k {
		at = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sum[:], k[i].sum[:]), i, at)
	}
	if at < 0 || sent == "" {
		return key{}, false
	}
	return k[at], true
}

type sentKey struct{}

// sentWith is the key that a request came with.
func sentWith(ctx context.Context) key {
	k, _ := ctx.Value(sentKey{}).(key)
	return k
}

// actor is who sent the request.
func actor(ctx context.Context) string { return sentWith(ctx).holder }

// known returns the key of a request, or answers that it has none.
func (s *server) known(w http.ResponseWriter, r *http.Request) (found key, ok bool) {
	w.Header().Set("Cache-Control", "no-store")
	if len(s.keys) == 0 {
		problemf(http.StatusServiceUnavailable, "no_api_key",
			"The API is closed, because no key is configured: set api_keys or TRIVET_API_KEYS to a long random text, or add an [[api_key]], and restart the service.").write(w)
		return key{}, false
	}
	scheme, sent, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	found, ok = s.keys.find(strings.TrimSpace(sent))
	if !strings.EqualFold(scheme, "Bearer") || !ok {
		w.Header().Set("WWW-Authenticate", `Bearer realm="trivet"`)
		detail := "Send a configured API key as \"Authorization: Bearer KEY\"."
		if sent != "" {
			detail = "This API key is not one of those configured (api_keys, TRIVET_API_KEYS, [[api_key]]): compare it."
		}
		problemf(http.StatusUnauthorized, "unauthorized", "%s", detail).write(w)
		return key{}, false
	}
	if found.over(s.DB.Now()) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="trivet", error="invalid_token", error_description="expired"`) // RFC 6750, section 3.1
		problemf(http.StatusUnauthorized, "key_expired",
			"The API key %s expired at %s: nothing was done. Send another one, or have its expires moved in the configuration and the service restarted.",
			strings.TrimPrefix(found.holder, keyPrefix), found.expires.UTC().Format(time.RFC3339)).write(w)
		return key{}, false
	}
	return found, true
}

// keyed lets requests with a key that has the scope pass to a handler outside /v1.
func (s *server) keyed(needs scope.Scope, next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		k, ok := s.known(w, r)
		if !ok {
			return
		}
		if p := k.lacks(needs); p != nil {
			p.write(w)
			return
		}
		next.ServeHTTP(w, r)
	}
}

// admit lets requests with a key that has the scope pass to the routes under /v1. It
// asks for the scope before anything of the request is looked at or answered from
// memory.
func (s *server) admit(w http.ResponseWriter, r *http.Request) {
	k, ok := s.known(w, r)
	if !ok {
		return
	}
	if p := s.refusal(k, r); p != nil {
		p.write(w)
		return
	}
	if !textual(r.URL) {
		invalidf("The address holds bytes that are no text (UTF-8 without NUL): encode it anew.").write(w)
		return
	}
	if name := repeated(r.URL); name != "" {
		invalidf("query.%s: is there more than once: send it once.", name).write(w)
		return
	}
	r = r.WithContext(context.WithValue(r.Context(), sentKey{}, k))
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		s.rest.ServeHTTP(w, r)
		return
	}
	s.take(w, r)
}

// repeated names a parameter that an address has more than once, of which whoever
// reads it takes one: not always the one that was meant.
func repeated(address *url.URL) string {
	if !strings.Contains(address.RawQuery, "&") {
		return ""
	}
	for name, values := range address.Query() {
		if len(values) > 1 && (address.Path != checkPath || asksCheck(name)) {
			return name
		}
	}
	return ""
}

// textual reports whether an address, decoded, is text that every database
// takes.
func textual(address *url.URL) bool {
	query, err := url.QueryUnescape(address.RawQuery)
	return err == nil && utf8.ValidString(address.Path) && utf8.ValidString(query) &&
		!strings.ContainsRune(address.Path, 0) && !strings.ContainsRune(query, 0)
}
