package api

import (
	"slices"
	"strings"
	"sync"
)

// mostUnheard bounds how many features that no plan has are remembered: whoever may ask
// chooses their names.
const mostUnheard = 100

// features knows what the plans give, to tell the log of names that nobody can buy,
// which mostly are misspelled. It is no error to use one: what is given by hand need not
// be in a plan. Make it with newFeatures.
type features struct {
	known []string

	mu   sync.Mutex
	told map[string]bool
}

func newFeatures(known []string) *features {
	return &features{known: known, told: map[string]bool{}}
}

// unheard tells the log, once, of a feature that no plan has, and by what it was named.
func (s *server) unheard(feature, by string) {
	f := s.features
	if slices.Contains(f.known, feature) || len(f.known) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.told[feature] || len(f.told) >= mostUnheard {
		return
	}
	f.told[feature] = true
	s.Log.Warn("a feature is named that no plan has, so that nobody can buy it: see its spelling, or add it to a plan", "feature", feature, "by", by, "known", strings.Join(f.known, ", "))
}
