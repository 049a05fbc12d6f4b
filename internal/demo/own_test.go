package demo

import (
	"testing"
	"time"

	"github.com/trivetdev/trivet/internal/outbox"
	"github.com/trivetdev/trivet/internal/store"
	"github.com/trivetdev/trivet/sim"
)

// What a policy did where writes carry no keys is known by the service's record of
// it, once. The end of a trial that hygiene moved at Lemon Squeezy was once taken
// for something that nobody had asked for.
func TestPolicyEffectsWithoutKeys(t *testing.T) {
	record := func(kind string, from, to time.Duration) store.Effect {
		return store.Effect{
			Kind: kind, Object: "lemonsqueezy/subscription/41", Actor: "policy:hygiene",
			AttemptedAt: begins.Add(from), DoneAt: begins.Add(to),
		}
	}
	moved := func(at time.Duration, object string) sim.Effect {
		return sim.Effect{Op: sim.OpTrialEnd, Object: object, At: begins.Add(at)}
	}
	trial := record(outbox.ExtendTrial, time.Hour, 2*time.Hour)
	for name, test := range map[string]struct {
		records own
		effects []sim.Effect
		want    int // how many are explained
	}{
		"once":                {own{trial}, []sim.Effect{moved(time.Hour, "41")}, 1},
		"twice":               {own{trial}, []sim.Effect{moved(time.Hour, "41"), moved(2*time.Hour, "41")}, 1},
		"before it was asked": {own{trial}, []sim.Effect{moved(time.Hour-time.Second, "41")}, 0},
		"after it was over":   {own{trial}, []sim.Effect{moved(2*time.Hour+time.Second, "41")}, 0},
		"another object":      {own{trial}, []sim.Effect{moved(time.Hour, "1")}, 0},
		"another kind":        {own{record(outbox.Pause, time.Hour, 2*time.Hour)}, []sim.Effect{moved(time.Hour, "41")}, 0},
		"no record":           {nil, []sim.Effect{moved(time.Hour, "41")}, 0},
		"two that overlap": {
			own{record(outbox.ExtendTrial, time.Hour, 2*time.Hour), record(outbox.ExtendTrial, time.Hour, 3*time.Hour)},
			[]sim.Effect{moved(time.Hour, "41"), moved(3*time.Hour, "41")}, 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			explained := 0
			for _, e := range test.effects {
				if test.records.explain(e) {
					explained++
				}
			}
			if explained != test.want {
				t.Errorf("%d of %d effects are explained, want %d", explained, len(test.effects), test.want)
			}
		})
	}
}
