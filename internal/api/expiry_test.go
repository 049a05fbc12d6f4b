package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/trivetdev/trivet"
)

// TestKeysExpire: to the instant, wherever a key is asked for, and with a word of
// their own.
func TestKeysExpire(t *testing.T) {
	const later = 20 * 24 * time.Hour
	w := newWorld(t, sqlite(t), func(c *trivet.Config) {
		_, named := keyOf("all")
		named.Expires = c.Now().Add(later)
		_, other := keyOf("read")
		c.NamedKeys = []trivet.NamedKey{named, other}
	})
	const grant, body = "POST /v1/customers/user_1/grants", `{"feature":"export"}`
	w.clock.Advance(later - time.Second)
	first := w.must(grant, body, bearer("all"), "Idempotency-Key: 1")
	if r := w.do("GET /readyz", "", bearer("all")); !strings.Contains(r.body, "dialect") {
		t.Errorf("a key that is good is told %s", r.body)
	}
	w.clock.Advance(time.Second)
	for _, request := range []string{"GET /v1/check?customer=user_1&feature=export", "GET /v1/nothing", "PUT /v1/brake", grant, "GET /metrics"} {
		r := w.do(request, body, bearer("all"), "Idempotency-Key: 1")
		if r.status != http.StatusUnauthorized || r.field("code") != "key_expired" || !strings.Contains(r.body, "The API key all expired at 2026-03-21T12:00:00Z") ||
			!strings.Contains(r.header.Get("WWW-Authenticate"), `error="invalid_token"`) || r.header.Get("Idempotent-Replayed") != "" {
			t.Errorf("%s with a key that has expired: %d %s %v", request, r.status, r.body, r.header)
		}
	}
	if r := w.do("GET /readyz", "", bearer("all")); r.status != http.StatusOK || strings.Contains(r.body, "dialect") {
		t.Errorf("a key that has expired is told %d %s", r.status, r.body)
	}
	// Who does not have the key learns nothing of its end, and the others are as good.
	if r := w.do("GET /v1/customers", "", bearer("all")+"x"); r.field("code") != "unauthorized" {
		t.Errorf("a key that is none: %s", r.body)
	}
	if r := w.must("GET /v1/customers/user_1/grants", "", bearer("read")); !strings.Contains(r.body, first.field("id").(string)) {
		t.Errorf("what the key did is gone: %s", r.body)
	}
	w.must("GET /v1/customers", "")
}

// TestKeysThatExpireAreWarnedOf: at the start, from 14 days before.
func TestKeysThatExpireAreWarnedOf(t *testing.T) {
	const day = 24 * time.Hour
	for name, tt := range map[string]struct {
		left time.Duration
		want string
	}{
		"later": {14*day + time.Second, ""},
		"soon":  {14 * day, "an API key expires soon"},
		"now":   {0, "an API key has expired"},
		"over":  {-400 * day, "an API key has expired"},
	} {
		w := newWorld(t, sqlite(t), func(c *trivet.Config) {
			_, named := keyOf("read")
			named.Name, named.Expires = "desk", c.Now().Add(tt.left)
			_, endless := keyOf("write")
			c.NamedKeys = []trivet.NamedKey{named, endless}
		})
		said := w.log.String()
		if told := strings.Contains(said, "name=desk"); told != (tt.want != "") || !strings.Contains(said, tt.want) || strings.Contains(said, "name=write") {
			t.Errorf("%s: %s", name, said)
		}
	}
}
