package trivet

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/trivetdev/trivet/internal/api"
	"github.com/trivetdev/trivet/internal/scope"
)

// NamedKey is an API key that has a name, and may do what its scopes say.
type NamedKey struct {
	// Name is shown as key:NAME in the audit trail: letters, digits, dots, dashes and
	// underscores, but not eight hexadecimal digits, by which keys without a name go.
	Name string
	// SHA256 is the hash of the key, so that whoever sees the configuration cannot use it.
	SHA256 [sha256.Size]byte
	// Scopes are one or more of check (asks GET /v1/check, and nothing else), read (every
	// GET), write (what an application does day by day), money (what moves money or cannot
	// be undone), admin (what those do who run the service), all.
	Scopes []string
	// Expires is from when on the key is taken no longer; zero: never.
	Expires time.Time
}

var (
	keyName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	// keyHash is how keys without a name are named.
	keyHash = regexp.MustCompile(`^[0-9a-f]{8}$`)
)

// checkAPIKeys refuses keys that anybody could send, or of which it could not be told
// who sent them.
func (c *Config) checkAPIKeys() error {
	if slices.Contains(c.APIKeys, "") {
		return errors.New("an API key is empty")
	}
	// A key is known by the beginning of its hash (see internal/api), so that no two may
	// share that.
	type beginning [4]byte
	of := func(sum [sha256.Size]byte) beginning { return beginning(sum[:4]) }
	names, begun := map[string]bool{}, map[beginning]bool{of(sha256.Sum256(nil)): true, {}: true}
	for _, key := range c.APIKeys {
		begun[of(sha256.Sum256([]byte(key)))] = true
	}
	for _, k := range c.NamedKeys {
		switch {
		case !keyName.MatchString(k.Name) || keyHash.MatchString(k.Name):
			return fmt.Errorf("the name of the API key %q cannot be used: write letters, digits, dots, dashes and underscores, but not eight hexadecimal digits", k.Name)
		case names[k.Name]:
			return fmt.Errorf("two API keys have the name %q: give each its own", k.Name)
		case begun[of(k.SHA256)]:
			return fmt.Errorf("the hash of the API key %s is that of another key, begins like it, or is of none: make a key for it alone", k.Name)
		case len(k.Scopes) == 0:
			return fmt.Errorf("the API key %s has no scopes, so that it opens nothing: give it some of %s", k.Name, strings.Join(scope.Names(), ", "))
		}
		for _, s := range k.Scopes {
			if !slices.Contains(scope.Names(), s) {
				return fmt.Errorf("the API key %s has the scope %q, which there is not: known are %s", k.Name, s, strings.Join(scope.Names(), ", "))
			}
		}
		names[k.Name], begun[of(k.SHA256)] = true, true
	}
	return nil
}

// warnOfKeys says which API keys are about to be refused, or are already.
func (c *Config) warnOfKeys() {
	for _, k := range c.NamedKeys {
		switch left := k.Expires.Sub(c.Now()); {
		case k.Expires.IsZero() || left > scope.ExpiryNotice:
		case left > 0:
			c.Log.Warn("an API key expires soon: make another and hand it out, or move its expires", "name", k.Name, "expires", k.Expires)
		default:
			c.Log.Warn("an API key has expired and is refused: remove it, or move its expires", "name", k.Name, "expired", k.Expires)
		}
	}
}

// scopedKeys are the keys as the API takes them.
func scopedKeys(keys []NamedKey) []api.Key {
	all := make([]api.Key, len(keys))
	for i, k := range keys {
		all[i] = api.Key{Name: k.Name, SHA256: k.SHA256, Expires: k.Expires, Scopes: make([]scope.Scope, len(k.Scopes))}
		for j, s := range k.Scopes {
			all[i].Scopes[j] = scope.Scope(s)
		}
	}
	return all
}
