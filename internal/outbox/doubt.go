package outbox

import (
	"encoding/json"
	"time"

	"github.com/trivetdev/trivet/internal/fail"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// glance is what the row of work keeps for the next try.
type glance struct {
	// State is how a first look, at a time, found the effect to end; empty: it found
	// something to be done.
	State string    `json:"state,omitempty"`
	At    time.Time `json:"at,omitzero"`
	// Refused says where the provider refused before, at the look or at the call, and
	// Words are its own.
	Refused string `json:"refused,omitempty"`
	Words   string `json:"words,omitempty"`
}

// Where the provider refused.
const (
	atLook = "look"
	atCall = "call"
)

func glanceOf(claim store.Claim) (g glance) {
	if json.Unmarshal([]byte(claim.Payload), &g) != nil {
		return glance{}
	}
	return g
}

// refusal is what stays of a glance when the next look found otherwise.
func (g glance) refusal() glance { return glance{Refused: g.Refused, Words: g.Words} }

// note is how the row of work keeps it; empty if there is nothing to keep.
func (g glance) note() string {
	if g == (glance{}) {
		return ""
	}
	note, err := json.Marshal(g)
	if err != nil { // texts and times always can be
		panic(err)
	}
	return string(note)
}

// unexpected reports whether the provider refused, for the first time, what the look
// before found to be possible. The look may have seen an old copy: another is taken
// before the refusal is believed, and the call is made once more if there is still
// something to be done. Only no bank is asked a second time: what was refused to
// [Collect] stands unless it is needless.
func unexpected(claim store.Claim, t *tried) bool {
	if t == nil || t.passing || t.before != store.EffectDue || provider.KindOf(t) != provider.Refused {
		return false
	}
	return glanceOf(claim).Refused == ""
}

// refused remembers a refusal.
func refused(t *tried) glance {
	if t.called {
		return glance{Refused: atCall, Words: t.Error()}
	}
	return glance{Refused: atLook, Words: t.Error()}
}

// standing is a refusal, in its own words, that another look has confirmed.
type standing struct{ words string }

func (s *standing) Error() string { return s.words }

// doubt says that a look found nothing to do, which is not believed yet.
type doubt struct {
	why string
	// keep is what the next try has to know.
	keep glance
	// failure is what stays noted on the effect.
	failure string
	wait    time.Duration
}

func (d *doubt) Error() string { return "another look has to confirm: " + d.why }

// confirmed returns an error unless what a look found, which began at a time, is
// to be believed: it is sure, or an earlier look found so too, long enough ago
// that both cannot be from the same old copy.
func (o *Outbox) confirmed(claim store.Claim, a act, began time.Time) error {
	if a.sure {
		return nil
	}
	first := glanceOf(claim)
	if first.State != a.state || first.At.After(began) {
		first = glance{State: a.state, At: o.DB.Now(), Refused: first.Refused, Words: first.Words}
	}
	wait := fail.Wait(confirm) - began.Sub(first.At)
	if wait <= 0 {
		return nil
	}
	return &doubt{why: a.done, keep: first, wait: wait}
}
