package stripe

import (
	"testing"

	"github.com/trivetdev/trivet/provider/providertest"
)

// The page about this driver lists exactly the events of the table, and marks
// those that are not asked for.
func TestPageListsTheEvents(t *testing.T) {
	events := map[string]bool{}
	for _, event := range eventTable {
		events[event.name] = event.unasked
	}
	providertest.Told(t, "stripe", events)
}
