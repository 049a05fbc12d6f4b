package providertest

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Table is the table that begins with a line, of the page docs/providers/NAME.md.
// It reads as the driver's tests do, from the driver's folder.
func Table(t *testing.T, name, head string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "providers", name+".md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), head)
	table, _, ended := strings.Cut(rest, "\n\n")
	if !found || !ended {
		t.Fatalf("the page has no table %q", head)
	}
	return table
}

// Told makes sure that the page about a driver lists exactly the given events, and
// marks (with an asterisk) those that are true: the driver does not ask for them.
func Told(t *testing.T, name string, want map[string]bool) {
	t.Helper()
	told := map[string]bool{}
	for _, match := range regexp.MustCompile("`([A-Za-z_.-]+)`(\\\\\\*)?").FindAllStringSubmatch(Table(t, name, "| makes us look at | events |"), -1) {
		if _, twice := told[match[1]]; twice {
			t.Errorf("the page tells of %s twice", match[1])
		}
		told[match[1]] = match[2] != ""
	}
	want = maps.Clone(want)
	for event, unasked := range told {
		if known, listed := want[event]; !listed {
			t.Errorf("the page tells of %s, which is not in the table", event)
		} else if known != unasked {
			t.Errorf("%s is told as not asked for: %v, which should be %v", event, unasked, known)
		}
		delete(want, event)
	}
	for event := range want {
		t.Errorf("the page does not tell of %s", event)
	}
}
