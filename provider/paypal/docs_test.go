package paypal

import (
	"testing"

	"github.com/trivetdev/trivet/provider/providertest"
)

// The page about this driver lists exactly the events of the table.
func TestPageListsTheEvents(t *testing.T) {
	events := map[string]bool{}
	for _, event := range eventTable {
		events[event.name] = false
	}
	providertest.Told(t, "paypal", events)
}
