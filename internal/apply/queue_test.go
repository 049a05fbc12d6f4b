package apply

import (
	"errors"
	"fmt"
	"testing"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// A look that failed again and again in an outage gave up at the first other
// failure after it.
func TestRetryDoesNotCountAnOutage(t *testing.T) {
	failing := func(kind provider.ErrorKind) error {
		return &provider.Error{Account: "stripe", Op: "fetch", Kind: kind}
	}
	tests := []struct {
		name               string
		attempts, failures int64
		err                error
		again              bool
	}{
		{"an outage, however long", 1000, 0, failing(provider.Unavailable), true},
		{"a cut-off answer after an outage", 14, 0, failing(provider.Malformed), true},
		{"the last try but one", 7, 6, failing(provider.Malformed), true},
		{"the last try", 8, 7, failing(provider.Malformed), false},
		{"the last try, tried in between", 50, 7, errors.New("poison"), false},
		{"not visible", 50, 9, fmt.Errorf("%w: %w", ErrNotVisible, failing(provider.NotFound)), true},
	}
	for _, test := range tests {
		after, again := retry(store.Claim{Attempts: test.attempts, Failures: test.failures}, test.err)
		if again != test.again || again && after <= 0 {
			t.Errorf("%s: again %t after %v, want %t", test.name, again, after, test.again)
		}
	}
}
