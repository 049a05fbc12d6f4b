package stripe

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The page about this driver lists exactly the events of the table, and marks
// those that are not asked for.
func TestPageListsTheEvents(t *testing.T) {
	page, err := os.ReadFile("../../docs/providers/stripe.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "| makes us look at | events |")
	table, _, found := strings.Cut(rest, "\n\n")
	if !found {
		t.Fatal("the page has no table of events")
	}
	told := map[string]bool{}
	for _, match := range regexp.MustCompile("`([a-z_.]+)`(\\\\\\*)?").FindAllStringSubmatch(table, -1) {
		told[match[1]] = match[2] != ""
	}
	for _, event := range eventTable {
		if unasked, known := told[event.name]; !known || unasked != event.unasked {
			t.Errorf("%s is told: %v, as not asked for: %v, which should be %v", event.name, known, unasked, event.unasked)
		}
		delete(told, event.name)
	}
	for name := range told {
		t.Errorf("the page tells of %s, which is not in the table", name)
	}
}
