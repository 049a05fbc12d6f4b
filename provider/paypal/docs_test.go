package paypal

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The page about this driver lists exactly the events of the table.
func TestPageListsTheEvents(t *testing.T) {
	page, err := os.ReadFile("../../docs/providers/paypal.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "| makes us look at | events |")
	table, _, found := strings.Cut(rest, "\n\n")
	if !found {
		t.Fatal("the page has no table of events")
	}
	told := map[string]bool{}
	for _, match := range regexp.MustCompile("`([A-Z.-]+)`").FindAllStringSubmatch(table, -1) {
		told[match[1]] = true
	}
	for _, event := range eventTable {
		if !told[event.name] {
			t.Errorf("the page does not tell of %s", event.name)
		}
		delete(told, event.name)
	}
	for name := range told {
		t.Errorf("the page tells of %s, which is not in the table", name)
	}
}
