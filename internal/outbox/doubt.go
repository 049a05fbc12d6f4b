package outbox

import (
	"encoding/json"
	"time"

	"github.com/trivetdev/trivet/internal/fail"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/provider"
)

// glance is what a first look found; the row of work keeps it for the second.
type glance struct {
	State string    `json:"state"`
	At    time.Time `json:"at,omitzero"`
	// Words are the provider's, of a refusal.
	Words string `json:"words,omitempty"`
}

// refused says that it is about a refusal.
func (g glance) refused() bool { return g.State == refusedLook || g.State == refusedCall }

// What a glance says of a refusal, at the look or at the call.
const (
	refusedLook = "refused look"
	refusedCall = "refused call"
)

func glanceOf(claim store.Claim) (g glance) {
	if json.Unmarshal([]byte(claim.Payload), &g) != nil {
		return glance{}
	}
	return g
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
	return !glanceOf(claim).refused()
}

// refusedNote remembers a refusal.
func refusedNote(t *tried) string {
	g := glance{State: refusedLook, Words: t.Error()}
	if t.called {
		g.State = refusedCall
	}
	note, err := json.Marshal(g)
	if err != nil { // texts and times always can be
		panic(err)
	}
	return string(note)
}

// standing is a refusal, in its own words, that another look has confirmed.
type standing struct{ words string }

func (s *standing) Error() string { return s.words }

// doubt says that a look found nothing to do, which is not believed yet.
type doubt struct {
	why  string
	note string
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
		first = glance{State: a.state, At: o.DB.Now()}
	}
	wait := fail.Wait(confirm) - began.Sub(first.At)
	if wait <= 0 {
		return nil
	}
	note, err := json.Marshal(first)
	if err != nil {
		return err
	}
	return &doubt{why: a.done, note: string(note), wait: wait}
}
