package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/trivetdev/trivet/internal/scope"
)

// APIKey is a key that may call what its scopes say of the REST API: an [[api_key]].
type APIKey struct {
	// Name is who the audit trail says it was, as key:NAME.
	Name string
	// Key is the key itself; empty where only the hash is known.
	Key Secret
	// SHA256 is its hash, in 64 small hexadecimal digits.
	SHA256 Secret
	// Scopes are as package scope has them, each once.
	Scopes []string
	// Expires is from when on the key is refused; zero: never.
	Expires time.Time
}

// longestName bounds what the audit trail writes beside every change.
const longestName = 64

var (
	sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)
	// keyHash is what the audit trail calls keys that have no name.
	keyHash = regexp.MustCompile(`^[0-9a-f]{8}$`)
)

const hashIt = `: make it with: printf %s "$KEY" | sha256sum`

// apiKeys reads the keys that have names. full are those that have none.
func (r *reader) apiKeys(full []Secret) []APIKey {
	var all []APIKey
	names, owners := map[string]bool{}, map[Secret]string{}
	for _, key := range full {
		owners[hashOf(key.Reveal())] = "api_keys"
	}
	for _, s := range r.numbered("api_key") {
		k := APIKey{Name: s.keyName(names), Scopes: s.scopes(), Expires: s.expires()}
		k.Key, k.SHA256 = s.apiKey()
		switch other := owners[k.SHA256]; {
		case k.SHA256 == "": // reported by apiKey
		case other == "":
			owners[k.SHA256] = s.path
		case other == "api_keys":
			s.bad(s.keyFrom(), "is one of api_keys too, which may do everything: make a key for this name alone")
		default:
			s.bad(s.keyFrom(), "is the key of %s too: make one for each name", other)
		}
		all = append(all, k)
	}
	return all
}

// keyName reads the name of an [[api_key]] and adds it to those that are taken.
func (s section) keyName(taken map[string]bool) string {
	name := s.text("name")
	switch {
	case name == "":
		s.bad("name", `is missing: the audit trail names by it who did something, so write one, as in name = "shop"`)
	case !planID.MatchString(name) || len(name) > longestName:
		s.bad("name", "%q may hold only letters, digits, dots, dashes and underscores, at most %d", name, longestName)
	case keyHash.MatchString(name):
		s.bad("name", "%q looks like what the audit trail calls a key of api_keys: write another", name)
	case taken[name]:
		s.bad("name", "%q is used by another key: give each its own", name)
	}
	taken[name] = true
	return name
}

// scopes reads what a key may do.
func (s section) scopes() []string {
	known := scope.Names()
	all := s.texts("scopes")
	if len(all) == 0 {
		s.bad("scopes", `is missing: say what the key may do, as in scopes = ["read", "write"]; there are %s`, strings.Join(known, ", "))
	}
	var kept []string
	for _, name := range all {
		switch {
		case !slices.Contains(known, name):
			s.bad("scopes", "there is no scope %q: %s", name, didYouMean(name, known))
		case !slices.Contains(kept, name):
			kept = append(kept, name)
		}
	}
	return kept
}

// expires reads until when a key is taken: through a day, in UTC, or until an instant.
func (s section) expires() time.Time {
	text := ""
	switch v := s.values["expires"].(type) {
	case nil:
		return time.Time{}
	case string:
		text = strings.TrimSpace(v)
	case time.Time: // which is written without quotes, as is what comes next
		text = v.Format(time.RFC3339Nano)
	case fmt.Stringer:
		text = v.String()
	}
	day, err := time.Parse(time.DateOnly, text)
	if err == nil {
		return day.AddDate(0, 0, 1)
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || at.IsZero() {
		s.bad("expires", `must be the last day of the key, as in expires = "2027-03-31", or an instant with its offset, as in "2027-03-31T18:00:00Z"`)
	}
	return at.UTC()
}

// keyFrom is the one of the three ways to write a key that was chosen.
func (s section) keyFrom() string {
	for _, key := range []string{"key_sha256", "key_file"} {
		if s.values[key] != nil {
			return key
		}
	}
	return "key"
}

// apiKey reads a key and its hash, or its hash alone.
func (s section) apiKey() (key, hash Secret) {
	hashed := s.values["key_sha256"] != nil
	switch {
	case s.has("key") && hashed:
		s.bad("key_sha256", "is set together with the key itself: keep one of them")
	case s.has("key"):
		if key = s.secret("key"); key != "" {
			hash = hashOf(key.Reveal())
		}
	case !hashed:
		s.bad("key", "is missing: set one of key, key_file and key_sha256, the last of which keeps the secret out of the configuration")
	default:
		// What is wrong is not shown: it may be the key.
		hash = Secret(strings.ToLower(s.text("key_sha256")))
		switch {
		case !sha256Hex.MatchString(hash.Reveal()):
			s.bad("key_sha256", "is not the SHA-256 of a key, which has 64 hexadecimal digits%s", hashIt)
			hash = ""
		case hash == hashOf("") || hash == hashOf("\n"):
			s.bad("key_sha256", "is the hash of an empty text, not of a key%s", hashIt)
			hash = ""
		}
	}
	return key, hash
}

func hashOf(key string) Secret {
	sum := sha256.Sum256([]byte(key))
	return Secret(hex.EncodeToString(sum[:]))
}
