package trivet_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFlawsAreTested: every flaw that docs/flaws.md lists names a test of a package,
// which is there, and no test that is named after a flaw is missing from the list.
func TestFlawsAreTested(t *testing.T) {
	text, err := os.ReadFile("docs/flaws.md")
	if err != nil {
		t.Fatal(err)
	}
	reference, rows := regexp.MustCompile("^\\| (.+) \\| `([^`]+)` `(Test\\w+)` \\|$"), 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "| ") || line == "| flaw | test |" {
			continue
		}
		found := reference.FindStringSubmatch(line)
		if found == nil {
			t.Errorf("this row names no test; write | flaw | `folder` `TestName` |: %s", line)
			continue
		}
		if rows++; !testsOf(t, found[2])[found[3]] {
			t.Errorf("%s has no %s, which is to show that %q is not a flaw of ours", found[2], found[3], found[1])
		}
	}
	if rows == 0 {
		t.Error("docs/flaws.md lists nothing")
	}
	for _, dir := range []string{".", "internal/api", "internal/trigger/redirect", "internal/trigger/webhook", "policy/dunning", "policy/renewal", "provider/paddle", "provider/paypal", "provider/stripe"} {
		for name := range testsOf(t, dir) {
			if strings.HasPrefix(name, "TestFlaw") && name != "TestFlawsAreTested" && !strings.Contains(string(text), name+"`") {
				t.Errorf("docs/flaws.md does not list %s of %s", name, dir)
			}
		}
	}
}

var testHead = regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)

// testsOf are the tests of a folder.
func testsOf(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.FromSlash(dir), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range testHead.FindAllStringSubmatch(string(text), -1) {
			names[found[1]] = true
		}
	}
	return names
}
