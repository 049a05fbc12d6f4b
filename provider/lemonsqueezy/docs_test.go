package lemonsqueezy

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The page about this driver lists exactly the events that are asked for.
func TestPageListsTheEvents(t *testing.T) {
	page, err := os.ReadFile("../../docs/providers/lemonsqueezy.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "| makes us look at | events |")
	table, _, found := strings.Cut(rest, "\n\n")
	if !found {
		t.Fatal("the page has no table of events")
	}
	var told []string
	for _, match := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(table, -1) {
		told = append(told, match[1])
	}
	slices.Sort(told)
	if asked := slices.Sorted(slices.Values(askedEvents)); !slices.Equal(told, asked) {
		t.Errorf("the page tells of %q, asked for are %q", told, asked)
	}
}
