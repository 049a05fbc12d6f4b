package lemonsqueezy

import (
	"testing"

	"github.com/trivetdev/trivet/provider/providertest"
)

// The page about this driver lists exactly the events that are asked for.
func TestPageListsTheEvents(t *testing.T) {
	events := map[string]bool{}
	for _, name := range askedEvents {
		events[name] = false
	}
	providertest.Told(t, "lemonsqueezy", events)
}
