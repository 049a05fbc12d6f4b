package billing_test

import (
	"strings"
	"testing"

	"github.com/trivetdev/trivet/billing"
)

func TestCheckRef(t *testing.T) {
	for _, ref := range []string{
		"user_42", "42", "a", "ada@example.com", "org/7", "Ada Lovelace", "ü", "用户", "550e8400-e29b-41d4-a716-446655440000",
		strings.Repeat("x", 200),
	} {
		if err := billing.CheckRef(ref); err != nil {
			t.Errorf("%q: %v", ref, err)
		}
	}
	tests := map[string]struct{ ref, want string }{
		"nothing":                 {"", "is empty: use your own user id"},
		"too long":                {strings.Repeat("x", 201), "has 201 bytes: use your own user id, at most 200"},
		"too long in bytes":       {strings.Repeat("ü", 101), "has 202 bytes"},
		"only spaces":             {"  ", "has spaces around it"},
		"a space before":          {" user", "has spaces around it"},
		"a line end":              {"user\n", "has spaces around it"},
		"a line break within":     {"us\ner", "has characters that cannot be shown"},
		"a zero byte":             {"us\x00er", "has characters that cannot be shown"},
		"a tab":                   {"us\ter", "has characters that cannot be shown"},
		"broken UTF-8":            {"us\xffer", "has characters that cannot be shown"},
		"the mark of broken text": {"us\ufffder", "has characters that cannot be shown"},
		"text turned around":      {"us\u202eer", "has characters that cannot be shown"},
		"a space of no width":     {"us\u200ber", "has characters that cannot be shown"},
		"a space that stays":      {"us\u00a0er", "has characters that cannot be shown"},
	}
	for name, test := range tests {
		if err := billing.CheckRef(test.ref); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got error %v, want %q", name, err, test.want)
		}
	}
}
