package outbox

import (
	"errors"
	"fmt"
	"testing"

	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// What is refused is looked at once more before it is given up, a capture several
// times: the bank of a customer who had agreed may have declined, and then there is
// nothing left to do.
func TestRefusalsAreDoubted(t *testing.T) {
	no := &provider.Error{Account: "paypal", Op: "capture", Kind: provider.Refused, Code: "INSTRUMENT_DECLINED", Err: errors.New("status 422")}
	for name, tt := range map[string]struct {
		tried    tried
		attempts int64
		earlier  string
		again    bool
	}{
		"a capture":                        {tried{error: no, before: store.EffectDue, called: true, passing: true}, 1, "", true},
		"a capture, time and again":        {tried{error: no, before: store.EffectDue, called: true, passing: true}, refusals, "", false},
		"something else":                   {tried{error: no, before: store.EffectDue, called: true}, 1, "", true},
		"something else, at the end":       {tried{error: no, before: store.EffectDue, called: true}, attempts, "", false},
		"something else, looked at anew":   {tried{error: &standing{"no"}, before: store.EffectDue}, 2, refusedNote(&tried{error: no, called: true}), false},
		"something else, twice":            {tried{error: no, before: store.EffectDue, called: true}, 2, refusedNote(&tried{error: no, called: true}), false},
		"a look":                           {tried{error: no, before: store.EffectDue}, 1, "", true},
		"a look, twice":                    {tried{error: no, before: store.EffectDue}, 2, refusedNote(&tried{error: no}), false},
		"a look, and then the call":        {tried{error: no, before: store.EffectDue, called: true}, 2, refusedNote(&tried{error: no}), false},
		"something else, after a doubt":    {tried{error: no, before: store.EffectUnknown, called: true}, 1, "", true},
		"what the provider cannot do":      {tried{error: fmt.Errorf("no: %w", ErrUnsupported), before: store.EffectDue}, 1, "", false},
		"what was asked for by mistake":    {tried{error: errMistaken, before: store.EffectDue}, 1, "", false},
		"something else, found to be done": {tried{error: no, before: store.EffectDue, called: true}, 1, `{"state":"done"}`, true},
	} {
		if _, again := retry(store.Claim{Failures: tt.attempts - 1, Payload: tt.earlier}, &tt.tried); again != tt.again {
			t.Errorf("%s is tried again: %v", name, again)
		}
	}
}
