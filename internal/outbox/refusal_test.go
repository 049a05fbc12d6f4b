package outbox

import (
	"errors"
	"testing"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// A capture that is refused is looked at again before it is given up: the bank of a
// customer who had agreed may have declined, and then there is nothing left to do.
// Any other refusal stands.
func TestRefusedCaptureIsDoubted(t *testing.T) {
	no := &provider.Error{Account: "paypal", Op: "capture", Kind: provider.Refused, Code: "INSTRUMENT_DECLINED", Err: errors.New("status 422")}
	for name, tt := range map[string]struct {
		tried    tried
		attempts int64
		again    bool
	}{
		"a capture":                     {tried{error: no, before: store.EffectDue, called: true, passing: true}, 1, true},
		"a capture, time and again":     {tried{error: no, before: store.EffectDue, called: true, passing: true}, refusals, false},
		"something else":                {tried{error: no, before: store.EffectDue, called: true}, 1, false},
		"something else, after a doubt": {tried{error: no, before: store.EffectUnknown, called: true}, 1, true},
	} {
		if _, again := retry(store.Claim{Failures: tt.attempts - 1}, &tt.tried); again != tt.again {
			t.Errorf("%s is tried again: %v", name, again)
		}
	}
}
