package store_test

import (
	"strings"
	"testing"

	"github.com/trivetdev/trivet/internal/store"
)

func TestMistaken(t *testing.T) {
	const another, section = "use another database", "[providers.shop_2]"
	for _, tt := range []struct{ opens, holds, says string }{
		{"acct_1 in test mode", "acct_1 in test mode", ""},
		{"", "acct_1 in test mode", ""},
		{"acct_1 in live mode", "", ""},
		{"acct_1 in live mode", "acct_1 in test mode", another},
		{"acct_2 in live mode", "acct_1 in test mode", section},
		{"user 1 in test mode", "user 1 in live mode", another},
		{"the live environment", "the sandbox environment", another},
		{"somebody", "somebody else", section},
	} {
		if got := store.Mistaken("shop", tt.opens, tt.holds); (got == "") != (tt.says == "") || !strings.Contains(got, tt.says) {
			t.Errorf("%q on %q: %q", tt.opens, tt.holds, got)
		}
	}
	for _, tt := range []struct{ mode, holds, says string }{
		{"live", "acct_1 in test mode", another}, {"test", "acct_1 in test mode", ""}, {"live", "the sandbox environment", ""}, {"live", "", ""}, {"live", "acct_1", ""},
	} {
		if got := store.MistakenMode("shop", tt.mode, tt.holds); (got == "") != (tt.says == "") || !strings.Contains(got, tt.says) {
			t.Errorf("a key for %s mode on %q: %q", tt.mode, tt.holds, got)
		}
	}
}
