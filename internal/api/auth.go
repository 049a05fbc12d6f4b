package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// keyring holds the hashes of the API keys.
type keyring [][sha256.Size]byte

func newKeyring(keys []string) keyring {
	ring := make(keyring, len(keys))
	for i, key := range keys {
		ring[i] = sha256.Sum256([]byte(key))
	}
	return ring
}

// holder names the key that was sent, by the beginning of its hash: enough to
// tell keys apart in the audit trail, too little to guess one. It compares with
// all keys in constant time.
func (k keyring) holder(sent string) (name string, ok bool) {
	sum := sha256.Sum256([]byte(sent))
	found := 0
	for _, key := range k {
		found |= subtle.ConstantTimeCompare(sum[:], key[:])
	}
	return "key:" + hex.EncodeToString(sum[:4]), found == 1
}

type actorKey struct{}

// actor is who sent the request.
func actor(ctx context.Context) string {
	name, _ := ctx.Value(actorKey{}).(string)
	return name
}

// known names who sent a request, or answers that it has no key.
func (s *server) known(w http.ResponseWriter, r *http.Request) (holder string, ok bool) {
	w.Header().Set("Cache-Control", "no-store")
	if len(s.keys) == 0 {
		problemf(http.StatusServiceUnavailable, "no_api_key",
			"The API is closed, because no key is configured: set api_keys or TRIVET_API_KEYS to a long random text and restart the service.").write(w)
		return "", false
	}
	scheme, sent, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	holder, ok = s.keys.holder(strings.TrimSpace(sent))
	if !strings.EqualFold(scheme, "Bearer") || !ok {
		w.Header().Set("WWW-Authenticate", `Bearer realm="trivet"`)
		detail := "Send a configured API key as \"Authorization: Bearer KEY\"."
		if sent != "" {
			detail = "This API key is not one of those configured (api_keys, TRIVET_API_KEYS): compare it."
		}
		problemf(http.StatusUnauthorized, "unauthorized", "%s", detail).write(w)
		return "", false
	}
	return holder, true
}

// keyed lets requests with a key pass to a handler outside /v1.
func (s *server) keyed(next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, ok := s.known(w, r); ok {
			next.ServeHTTP(w, r)
		}
	}
}

// admit lets requests with a key pass to the routes under /v1.
func (s *server) admit(w http.ResponseWriter, r *http.Request) {
	holder, ok := s.known(w, r)
	if !ok {
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
	r = r.WithContext(context.WithValue(r.Context(), actorKey{}, holder))
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
		if len(values) > 1 {
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
