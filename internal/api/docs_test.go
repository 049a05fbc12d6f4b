package api_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocsTellEverything: docs/api.md names every operation and every code, and
// no operation that there is not.
func TestDocsTellEverything(t *testing.T) {
	text, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	w := newWorld(t, sqlite(t))
	specified := map[string]bool{}
	for path, item := range w.spec.doc["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			name := strings.ToUpper(method) + " " + path
			specified[name] = true
			if !strings.Contains(page, "`"+name+"`") {
				t.Errorf("docs/api.md lacks %s", name)
			}
		}
	}
	for _, found := range regexp.MustCompile("`((?:GET|POST|PUT|DELETE) /v1/[^`]*)`").FindAllStringSubmatch(page, -1) {
		if !specified[found[1]] {
			t.Errorf("docs/api.md has %s, which there is not", found[1])
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`(?:problemf\([^,"]+, |[cC]ode = |, p\.Code = .*)"([a-z_]+)"`).FindAllStringSubmatch(string(source), -1) {
			if !strings.HasSuffix(file, "_test.go") && !strings.Contains(page, "`"+found[1]+"`") {
				t.Errorf("docs/api.md lacks the code %s of %s", found[1], file)
			}
		}
	}
}
