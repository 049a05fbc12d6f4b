package providertest

import (
	"testing"

	"github.com/trivetdev/trivet/provider"
	"github.com/trivetdev/trivet/sim"
)

// abilities checks that the driver's table of abilities says what is so: every
// entry is one that there is, whatever can be done has a method for it, and what
// is emulated or absent says how or why. That the methods do what the table says
// is for the other sections to show.
func (h Harness) abilities(t *testing.T) { h.world(t, sim.Chaos{}).abilities(t) }

func (w *World) abilities(t *testing.T) {
	t.Helper()
	table := w.Driver.Abilities()
	for _, a := range provider.AllAbilities() {
		support, told := table[a]
		able, note := provider.Can(w.Driver, a)
		switch support.Level {
		case provider.Native:
		case provider.Emulated, provider.Absent:
			if told && note == "" {
				t.Errorf("%s is %s, and nothing says how or why", a, support.Level)
			}
		default:
			if told {
				t.Errorf("%s is %q", a, support.Level)
			}
		}
		if !able && (support.Level == provider.Native || support.Level == provider.Emulated) {
			t.Errorf("%s is %s, but the driver has no method for it", a, support.Level)
		}
	}
	for a := range table {
		if !provider.Known(a) {
			t.Errorf("there is no ability %q", a)
		}
	}
}
